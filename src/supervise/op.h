#ifndef SUPERVISE_OP_H
#define SUPERVISE_OP_H
#include <stdbool.h>
#include <stddef.h>
#include "base/list.h"
#include "supervise/settle.h"
struct err;
struct pool;
struct supervisor;

/*
 * A command about slots.  One for a pool that a change is about waits until
 * that is over.
 */
enum op_kind { OP_SCALE, OP_START, OP_STOP, OP_RESTART };

struct op_spec {
	enum op_kind	 kind;
	const char	*pool;		/* borrowed */
	bool		 whole;		/* all slots that there are then */
	size_t		 first, last;	/* else of these */
	int		 sign;		/* SCALE: by +n, by -n; 0: to n */
	size_t		 n;
};

struct op {
	struct list		 node;	/* among the supervisor's */
	struct supervisor	*supervisor;
	struct op_spec		 spec;
	char			*name;
	bool			 begun;
	size_t			 from, to;	/* SCALE: what became of it */
	struct settle		 settle;
	/* why: NULL, or what went wrong; the op is freed after it. */
	void			(*done)(void *arg, const struct op *,
				    const char *why);
	void			*arg;
};

#define OP_WAITING_MAX 100

/* Its end is heard of later.  done may be NULL.  NULL with *e set. */
struct op	*op_begin(struct supervisor *, const struct op_spec *,
		    void (*done)(void *, const struct op *, const char *),
		    void *arg, struct err *e);
/* Nobody waits for it any more; it goes on. */
void		 op_forget(struct op *);
/* A change is over. */
void		 op_run_waiting(struct supervisor *);
void		 op_fail_all(struct supervisor *, const char *why);
#endif
