#ifndef CONFIG_NODE_H
#define CONFIG_NODE_H
#include <stdbool.h>
#include <stddef.h>
#include "config/conf.h"

/*
 * What a file says, before anybody asks whether it makes sense: the tree
 * that YAML and INI are both read into.  Its size is bounded.
 */
#define NODE_DEPTH_MAX		12
#define NODE_CHILDREN_MAX	4096

enum node_kind {
	NODE_SCALAR, NODE_LIST, NODE_MAP,
	NODE_BAD		/* reported already: say no more about it */
};

struct node {
	enum node_kind	 kind;
	bool		 plain;		/* a scalar without quotes */
	struct conf_pos	 pos, key_pos;
	char		*key;		/* in a map, else NULL */
	char		*text;		/* of a scalar */
	struct node	*next, *first, *last;
	size_t		 count;
};

/* Takes the key (NULL: none), also when it fails.  NULL: out of memory. */
struct node	*node_new(enum node_kind, struct conf_pos, char *key,
		    struct conf_pos key_pos);
/* Takes the child.  -1: the parent has too many; the child is freed. */
int		 node_add(struct node *parent, struct node *child);
/* The node, what is in it, and nothing beside it. */
void		 node_free(struct node *);
struct node	*node_find(const struct node *map, const char *key);
/* A scalar that YAML takes for "no value". */
bool		 node_is_null(const struct node *);
/* Where the nth scalar of a list stands, or a scalar in its place. */
struct conf_pos	 node_item_pos(const struct node *, size_t n);
#endif
