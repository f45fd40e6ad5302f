#ifndef BASE_LIST_H
#define BASE_LIST_H
#include <stdbool.h>
#include <stddef.h>
#include "base/util.h"

/* A circular doubly linked list; the head is a node of the same kind. */
struct list {
	struct list	*next, *prev;
};

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void
list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Unlink; harmless on a node that is in no list but was initialised. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define LIST_ENTRY(p, type, m) CONTAINER_OF(p, type, m)

/* The body may remove the node that it is given, and no other. */
#define LIST_FOREACH(var, tmp, head)					\
	for ((var) = (head)->next, (tmp) = (var)->next;			\
	    (var) != (head);						\
	    (var) = (tmp), (tmp) = (var)->next)
#endif
