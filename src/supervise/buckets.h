#ifndef SUPERVISE_BUCKETS_H
#define SUPERVISE_BUCKETS_H
#include <stddef.h>
#include <stdint.h>
struct place;

/*
 * Which place each bucket of clients belongs to; see policy/sticky.h.  The
 * work at each change is that of one pass over the buckets, however many
 * places there are.
 */
struct buckets;

/* All that are up; NULL: out of memory. */
struct buckets	*buckets_new(struct place *const *up, size_t count);
void		 buckets_free(struct buckets *);
/* It is up; another of its slot gives way. */
void		 buckets_up(struct buckets *, struct place *);
/* It is not up any more, these are. */
void		 buckets_down(struct buckets *, const struct place *,
		    struct place *const *up, size_t count);
/* STICKY_BUCKETS numbers; 0 where nobody is up. */
void		 buckets_list(const struct buckets *, uint16_t *list);
#endif
