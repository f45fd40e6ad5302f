#include "config.h"
#include "supervise/buckets.h"

#include <stdlib.h>

#include "policy/sticky.h"
#include "supervise/turns.h"

struct buckets {
	struct place	*owner[STICKY_BUCKETS];
};

struct buckets *
buckets_new(struct place *const *up, size_t count)
{
	struct buckets	*b = calloc(1, sizeof(*b));
	size_t		 i;

	for (i = 0; b != NULL && i < count; i++)
		buckets_up(b, up[i]);
	return b;
}

void
buckets_free(struct buckets *b)
{
	free(b);
}

void
buckets_up(struct buckets *b, struct place *p)
{
	struct place	*o;
	unsigned int	 i;

	for (i = 0; i < STICKY_BUCKETS; i++) {
		o = b->owner[i];
		if (o == NULL || o->slot == p->slot ||
		    sticky_weight(i, p->slot) > sticky_weight(i, o->slot))
			b->owner[i] = p;
	}
}

/* Of those that are up, the one that weighs most there. */
static struct place *
heaviest(unsigned int bucket, struct place *const *up, size_t count)
{
	struct place	*best = NULL;
	uint32_t	 w, most = 0;
	size_t		 i;

	for (i = 0; i < count; i++) {
		w = sticky_weight(bucket, up[i]->slot);
		if (best == NULL || w > most) {
			best = up[i];
			most = w;
		}
	}
	return best;
}

void
buckets_down(struct buckets *b, const struct place *p,
    struct place *const *up, size_t count)
{
	unsigned int	 i;

	for (i = 0; i < STICKY_BUCKETS; i++)
		if (b->owner[i] == p)
			b->owner[i] = heaviest(i, up, count);
}

void
buckets_list(const struct buckets *b, uint16_t *list)
{
	unsigned int	 i;

	for (i = 0; i < STICKY_BUCKETS; i++)
		list[i] = b->owner[i] != NULL ?
		    (uint16_t)b->owner[i]->number : 0;
}
