#include "config.h"
#include "policy/rollout.h"

#include <stdlib.h>
#include <string.h>

static void
rollout_batch(struct rollout *r, size_t first)
{
	r->first = first;
	r->last = r->slots - first < r->batch ? r->slots : first + r->batch;
	r->soaking = r->soaked = false;
}

int
rollout_init(struct rollout *r, size_t slots, size_t batch, bool old_first)
{
	memset(r, 0, sizeof(*r));
	r->step = calloc(slots, sizeof(*r->step));	/* all OLD */
	if (r->step == NULL)
		return -1;
	r->slots = slots;
	r->batch = batch == 0 ? slots : batch;
	r->old_first = old_first;
	rollout_batch(r, 0);
	return 0;
}

void
rollout_fini(struct rollout *r)
{
	free(r->step);
	memset(r, 0, sizeof(*r));
}

/* The first slot of [from, to) at this step, or to. */
static size_t
rollout_find(const struct rollout *r, enum rollout_step s, size_t from,
    size_t to)
{
	while (from < to && r->step[from] != s)
		from++;
	return from;
}

static size_t
rollout_count(const struct rollout *r, enum rollout_step s)
{
	size_t	 i, n = 0;

	for (i = 0; i < r->slots; i++)
		n += r->step[i] == s;
	return n;
}

size_t
rollout_replaced(const struct rollout *r)
{
	return rollout_count(r, ROLLOUT_NEW) + rollout_count(r, ROLLOUT_STUCK);
}

/* Record where the slot goes and answer with what to do. */
static enum rollout_action
rollout_go(struct rollout *r, size_t slot, enum rollout_step s,
    enum rollout_action a, size_t *ret_slot)
{
	r->step[slot] = s;
	*ret_slot = slot;
	return a;
}

/* The batch has to wait for this slot. */
static bool
is_under_way(enum rollout_step s)
{
	return s == ROLLOUT_OLD || s == ROLLOUT_CLEARING ||
	    s == ROLLOUT_CLEARED || s == ROLLOUT_STARTING;
}

/* The next thing for a batch that is being started, soaked or switched. */
static enum rollout_action
rollout_forward(struct rollout *r, size_t *ret_slot,
    bool (*has_room)(void *, size_t), void *arg)
{
	size_t	 i;

	for (i = r->first; i < r->last; i++) {
		if (r->step[i] == ROLLOUT_OLD && has_room(arg, i))
			return r->old_first ?
			    rollout_go(r, i, ROLLOUT_CLEARING, ROLLOUT_CLEAR,
				ret_slot) :
			    rollout_go(r, i, ROLLOUT_STARTING, ROLLOUT_START,
				ret_slot);
		if (r->step[i] == ROLLOUT_CLEARED)
			return rollout_go(r, i, ROLLOUT_STARTING,
			    ROLLOUT_START, ret_slot);
	}
	for (i = r->first; i < r->last; i++)
		if (is_under_way(r->step[i]))
			return ROLLOUT_WAIT;
	i = rollout_find(r, ROLLOUT_PASSED, r->first, r->last);
	if (i < r->last && !r->soaking) {
		r->soaking = true;
		return ROLLOUT_SOAK;
	}
	if (i < r->last && !r->soaked)
		return ROLLOUT_WAIT;
	if (i < r->last)
		return rollout_go(r, i, ROLLOUT_NEW, ROLLOUT_SWITCH, ret_slot);
	if (r->last == r->slots)
		return ROLLOUT_DONE;
	rollout_batch(r, r->last);
	return rollout_forward(r, ret_slot, has_room, arg);
}

/* The next thing on the way back. */
static enum rollout_action
rollout_backward(struct rollout *r, size_t *ret_slot,
    bool (*has_room)(void *, size_t), void *arg)
{
	size_t	 i, busy;

	i = rollout_find(r, ROLLOUT_PASSED, 0, r->slots);
	if (i < r->slots)
		return rollout_go(r, i, ROLLOUT_OLD, ROLLOUT_SWITCH, ret_slot);
	busy = rollout_count(r, ROLLOUT_STARTING) +
	    rollout_count(r, ROLLOUT_CLEARING);
	i = rollout_find(r, ROLLOUT_CLEARED, 0, r->slots);
	if (i < r->slots)	/* it serves nobody: no need to wait */
		return rollout_go(r, i, ROLLOUT_STARTING, ROLLOUT_START_OLD,
		    ret_slot);
	for (i = 0; i < r->slots && busy < r->batch; i++) {
		if (r->step[i] != ROLLOUT_NEW || !has_room(arg, i))
			continue;
		return r->old_first ?
		    rollout_go(r, i, ROLLOUT_CLEARING, ROLLOUT_CLEAR,
			ret_slot) :
		    rollout_go(r, i, ROLLOUT_STARTING, ROLLOUT_START_OLD,
			ret_slot);
	}
	if (busy > 0 || rollout_count(r, ROLLOUT_NEW) > 0)
		return ROLLOUT_WAIT;
	return r->any_stuck ? ROLLOUT_INCOMPLETE : ROLLOUT_BACK;
}

/*
 * Turn round.  What had been started is dropped one by one; with old-first
 * the slot is then waited for to be empty, and gets the old generation.
 */
static enum rollout_action
rollout_drop(struct rollout *r, size_t *ret_slot)
{
	size_t	 i;

	for (i = r->first; i < r->last; i++)
		if (r->step[i] == ROLLOUT_STARTING ||
		    r->step[i] == ROLLOUT_PASSED)
			return rollout_go(r, i, r->old_first ?
			    ROLLOUT_CLEARING : ROLLOUT_OLD, ROLLOUT_DROP,
			    ret_slot);
	r->first = r->last = 0;		/* from here on it is over */
	return ROLLOUT_WAIT;
}

enum rollout_action
rollout_next(struct rollout *r, size_t *ret_slot,
    bool (*has_room)(void *, size_t), void *arg)
{
	enum rollout_action	 a;

	if (!r->back)
		return rollout_forward(r, ret_slot, has_room, arg);
	a = rollout_drop(r, ret_slot);
	if (a != ROLLOUT_WAIT)
		return a;
	return rollout_backward(r, ret_slot, has_room, arg);
}

void
rollout_cleared(struct rollout *r, size_t slot)
{
	if (r->step[slot] == ROLLOUT_CLEARING)
		r->step[slot] = ROLLOUT_CLEARED;
}

void
rollout_ready(struct rollout *r, size_t slot)
{
	if (r->step[slot] == ROLLOUT_STARTING)
		r->step[slot] = ROLLOUT_PASSED;
}

void
rollout_soaked(struct rollout *r)
{
	r->soaked = r->soaking;
}

void
rollout_skip(struct rollout *r, size_t slot)
{
	if (r->step[slot] == ROLLOUT_OLD)
		r->step[slot] = ROLLOUT_SKIPPED;
}

void
rollout_abort(struct rollout *r)
{
	r->back = true;
}

void
rollout_failed(struct rollout *r, size_t slot)
{
	if (r->step[slot] != ROLLOUT_STARTING &&
	    r->step[slot] != ROLLOUT_PASSED)
		return;
	/* Of a batch that fails as a whole, or on the way back? */
	if (r->back && (slot < r->first || slot >= r->last)) {
		r->step[slot] = ROLLOUT_STUCK;
		r->any_stuck = true;
		return;
	}
	r->step[slot] = r->old_first ? ROLLOUT_CLEARED : ROLLOUT_OLD;
	r->back = true;
}
