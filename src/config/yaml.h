#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H
#include <stddef.h>
#include "config/keys.h"
struct shape;
struct conf_problems;

/* A value as text; which member it has says the kind of its key. */
struct raw_value {
	union {
		char			*text;
		char			**list;
		struct raw_broadcast	*broadcasts;
	};
	unsigned int	 count;		/* of list and broadcasts */
};

struct raw_broadcast {
	struct raw_value	 v[BROADCAST__COUNT];
};

struct raw_pool {
	struct raw_value	 v[POOL__COUNT];
};

/* A config whose values are still what the file says, or NULL. */
struct raw {
	struct raw_value	 top[TOP__COUNT];
	struct raw_pool		*pools;
	unsigned int		 pool_count;
};

/*
 * Load what the shape has, in its order.  NULL: out of memory, reported.
 */
struct raw	*raw_load(const struct shape *, struct conf_problems *);
void		 raw_free(struct raw *);
#endif
