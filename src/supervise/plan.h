#ifndef SUPERVISE_PLAN_H
#define SUPERVISE_PLAN_H
#include <stdbool.h>
#include <stddef.h>
struct conf;
struct conf_pool;
struct err;
struct pool;
struct supervisor;

/*
 * What another config would change, and how: the least that is needed.
 * The kinds stand in the order in which they are carried out; the first
 * four may fail, and are then undone in reverse.
 */
#define PLAN_KINDS(X)							\
	X(ADD,		"add")		/* a pool */			\
	X(ROLLOUT,	"rollout")	/* of a new generation */	\
	X(GROW,		"scale")	/* slots that are new */	\
	X(START,	"start")	/* slots that are down */	\
	X(SHRINK,	"scale")	/* slots that go */		\
	X(LISTENER,	"listener")	/* changed while open */	\
	X(BROADCAST,	"broadcast")	/* begins anew */		\
	X(LIGHT,	"light")	/* no worker is touched */	\
	X(REMOVE,	"remove")	/* a pool */			\
	X(TOP,		"top")		/* the supervisor's own */

enum plan_kind {
#define X(id, name) PLAN_##id,
	PLAN_KINDS(X)
#undef X
	PLAN__COUNT
};

struct plan_item {
	enum plan_kind		 kind;
	struct pool		*pool;		/* NULL: none yet, or TOP */
	const struct conf_pool	*to;		/* NULL: none now, or TOP */
	char			*text;		/* "count: 2 -> 8; starts..." */
	size_t			 order;		/* in the file */
	bool			 with_ended;	/* START: not only stopped */
};

struct plan {
	struct plan_item	*list;
	size_t			 count;
};

const char	*plan_kind_name(enum plan_kind);
/*
 * From what runs now to this config.  0, or -1 with *e set: it cannot be
 * said, or cannot be done.
 */
int		 plan_make(struct plan *, const struct supervisor *,
		    const struct conf *, struct err *e);
void		 plan_free(struct plan *);
#endif
