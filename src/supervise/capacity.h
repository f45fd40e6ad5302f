#ifndef SUPERVISE_CAPACITY_H
#define SUPERVISE_CAPACITY_H
#include <stddef.h>
struct conf;
struct conf_pool;
struct err;
struct headroom;

/* How many processes we may have in all, of which we have some already. */
void	capacity_look(struct headroom *, size_t have);
/*
 * Whether the workers of the config, and one batch of a rollout beside
 * them, fit into the descriptors and processes that the supervisor may have.
 * 0, or -1 with *e set to what does not fit and what would.
 */
int	capacity_check(const struct conf *, const struct headroom *,
	    struct err *e);
/*
 * How many processes a pool may have at a time, old ones that drain
 * included: its workers and a batch, and its share of what is left.
 */
size_t	capacity_processes(const struct conf *, const struct conf_pool *,
	    const struct headroom *);
#endif
