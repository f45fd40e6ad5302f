#ifndef CONFIG_SHAPE_H
#define CONFIG_SHAPE_H
#include <stdbool.h>
#include "config/conf.h"
#include "config/keys.h"
struct node;

/* Which keys a map has, by their index in its table. */
struct shape_map {
	struct node	*at[KEYS_MAX];	/* borrowed; NULL: absent or bad */
	bool		 seen[KEYS_MAX]; /* also if bad, or misspelt */
	struct conf_pos	 key_pos[KEYS_MAX]; /* of those seen */
	struct conf_pos	 pos;
};

struct shape_pool {
	struct shape_map	 keys;
	struct shape_map	*broadcasts;
	size_t			 broadcast_count;
};

struct shape {
	struct shape_map	 top;
	struct shape_pool	*pools;
	size_t			 pool_count;
};

/*
 * Sort the tree by the tables of keys, and report what does not fit:
 * unknown and repeated keys, a list where one value belongs, no value at
 * all.  The nodes stay the tree's.  0, or -1: out of memory, reported.
 */
int	 shape_fill(struct shape *, const struct node *root, bool ini,
	    struct conf_problems *);
void	 shape_free(struct shape *);

/* Where the key stands, else where its map begins. */
struct conf_pos	 shape_pos(const struct shape_map *, int key);
/* The later of two keys that exclude each other. */
struct conf_pos	 shape_later(const struct shape_map *, int a, int b);
/* Where the nth item of the key's list stands. */
struct conf_pos	 shape_item_pos(const struct shape_map *, int key, size_t n);
#endif
