#include "config.h"
#include "policy/hang.h"

#define LOOKS		4	/* in the time that is allowed */
#define QUICK_MS	10	/* a slot without turns may soon be idle */

uint64_t
hang_pause(uint64_t after_ms, unsigned int doubts)
{
	uint64_t	 pause = after_ms / LOOKS, quick = QUICK_MS;

	if (doubts == 0)
		return pause;
	while (--doubts > 0 && quick < pause)
		quick *= 2;
	return quick < pause ? quick : pause;
}

static void
hang_begin(struct hang *h, const struct hang_sight *s, int64_t taken)
{
	*h = (struct hang){
		.waits = true, .last_ms = s->now_ms, .waiting = s->waiting,
		.most = taken,
	};
}

/*
 * The time since the last look, no longer than it should have been: one that
 * comes late may mean that everything stood still, the worker too.
 */
static uint64_t
hang_passed(const struct hang *h, uint64_t now_ms, uint64_t after_ms)
{
	uint64_t	 most = hang_pause(after_ms, 0);
	uint64_t	 passed = now_ms - h->last_ms;

	return passed < most ? passed : most;
}

enum hang_verdict
hang_look(struct hang *h, const struct hang_sight *s, uint64_t after_ms)
{
	int64_t		 taken = (int64_t)(s->given - s->waiting);
	uint64_t	 passed;

	if (s->waiting == 0) {
		*h = (struct hang){ 0 };
		return HANG_NONE;
	}
	if (!h->waits || s->waiting < h->waiting ||
	    (s->is_exact && taken > h->most)) {
		hang_begin(h, s, taken);
		return HANG_WAITS;
	}
	passed = hang_passed(h, s->now_ms, after_ms);
	h->last_ms = s->now_ms;
	h->waiting = s->waiting;
	h->sure_ms += passed;
	h->still_ms = taken > h->most ? 0 : h->still_ms + passed;
	h->most = taken > h->most ? taken : h->most;
	if (h->still_ms >= after_ms)
		return HANG_HUNG;
	if (!h->doubted && (h->sure_ms < after_ms / 2 ||
	    (h->still_ms == h->sure_ms && !s->is_blind)))
		return HANG_WAITS;
	h->doubted = true;
	h->doubts++;
	return HANG_DOUBT;
}
