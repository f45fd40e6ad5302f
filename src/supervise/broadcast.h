#ifndef SUPERVISE_BROADCAST_H
#define SUPERVISE_BROADCAST_H
struct broadcaster;
struct err;
struct pool;
struct worker;

/*
 * The values that a pool's workers are told, again every interval: each
 * has one source.  A source that fails is logged, the last value stays.
 */
/* NULL with *e set. */
struct broadcaster	*broadcaster_new(struct pool *, struct err *e);
void			 broadcaster_free(struct broadcaster *);
/* The first value of each, at once; nothing if it has begun already. */
void			 broadcaster_begin(struct broadcaster *);
void			 broadcaster_stop(struct broadcaster *);
/* The last value of each, to a worker that has just got ready. */
void			 broadcaster_greet(struct broadcaster *,
			    struct worker *);
#endif
