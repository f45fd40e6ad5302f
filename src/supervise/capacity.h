#ifndef SUPERVISE_CAPACITY_H
#define SUPERVISE_CAPACITY_H
struct conf;
struct err;

/*
 * Whether the workers of the config, and one batch of a rollout beside
 * them, fit into the descriptors that the supervisor may have.  0, or -1
 * with *e set to what does not fit and what would.
 */
int	capacity_check(const struct conf *, struct err *e);
#endif
