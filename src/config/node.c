#include "config.h"
#include "config/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

struct node *
node_new(enum node_kind kind, struct conf_pos pos, char *key,
    struct conf_pos key_pos)
{
	struct node	*n = calloc(1, sizeof(*n));

	if (n == NULL) {
		free(key);
		return NULL;
	}
	n->kind = kind;
	n->pos = pos;
	n->key = key;
	n->key_pos = key_pos;
	return n;
}

int
node_add(struct node *parent, struct node *child)
{
	if (parent->count >= NODE_CHILDREN_MAX) {
		node_free(child);
		return -1;
	}
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
	return 0;
}

void
node_free(struct node *n)
{
	struct node	*child, *next;

	if (n == NULL)
		return;
	for (child = n->first; child != NULL; child = next) {
		next = child->next;
		node_free(child);
	}
	free(n->key);
	free(n->text);
	free(n);
}

struct node *
node_find(const struct node *map, const char *key)
{
	struct node	*n;

	for (n = map->first; n != NULL; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

bool
node_is_null(const struct node *n)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	size_t			 i;

	if (n->kind != NODE_SCALAR || !n->plain)
		return false;
	for (i = 0; i < ARRAY_LEN(nulls); i++)
		if (strcmp(n->text, nulls[i]) == 0)
			return true;
	return false;
}

struct conf_pos
node_item_pos(const struct node *n, size_t i)
{
	const struct node	*item;

	if (n->kind == NODE_SCALAR)
		return n->pos;
	for (item = n->first; item != NULL; item = item->next)
		if (item->kind == NODE_SCALAR && i-- == 0)
			break;
	return item != NULL ? item->pos : n->pos;
}
