#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "policy/rollout.h"
#include "t/unit.h"

/*
 * A world of slots without processes: what the plan asks for is done at
 * once or reported as failed, and the laws of a rollout are checked on the
 * way.
 */
#define SLOTS_MAX 12

struct world {
	struct rollout	 r;
	size_t		 slots;
	int		 gen[SLOTS_MAX];	/* who has the slot; -1 empty */
	int		 beside[SLOTS_MAX];	/* generation, 0: nobody */
	unsigned int	 drains[SLOTS_MAX];
	bool		 dropped[SLOTS_MAX];	/* killed, not yet gone */
	char		 trace[2048];
	size_t		 started;		/* new workers, in all */
	long		 fail_nth;		/* which of them fails, or -1 */
	bool		 fail_when_ready;	/* dies in its soak */
	bool		 fail_back;		/* no old one starts any more */
};

static void
trace(struct world *w, const char *what, size_t slot)
{
	size_t	 n = strlen(w->trace);

	(void)snprintf(w->trace + n, sizeof(w->trace) - n, "%s%zu ", what,
	    slot);
}

static bool
has_room(void *arg, size_t slot)
{
	struct world	*w = arg;

	return w->drains[slot] < 2;
}

static void
world_init(struct world *w, size_t slots, size_t batch, bool old_first)
{
	size_t	 i;

	memset(w, 0, sizeof(*w));
	w->slots = slots;
	w->fail_nth = -1;
	for (i = 0; i < slots; i++)
		w->gen[i] = 1;
	ck_assert_int_eq(rollout_init(&w->r, slots, batch, old_first), 0);
}

static void
world_start(struct world *w, size_t slot, int gen)
{
	bool	 fails = gen == 2 ? (long)w->started++ == w->fail_nth :
		    w->fail_back;

	ck_assert_int_eq(w->beside[slot], 0);
	ck_assert(!w->dropped[slot]);	/* two copies would coexist */
	w->beside[slot] = gen;
	trace(w, gen == 2 ? "start" : "back", slot);
	if (fails && (!w->fail_when_ready || gen == 1)) {
		w->beside[slot] = 0;
		rollout_failed(&w->r, slot);
		return;
	}
	rollout_ready(&w->r, slot);
	if (fails) {
		w->beside[slot] = 0;
		rollout_failed(&w->r, slot);
	}
}

/* Who was killed is gone now; false: nobody was. */
static bool
world_bury(struct world *w)
{
	bool	 any = false;
	size_t	 i;

	for (i = 0; i < w->slots; i++) {
		if (!w->dropped[i])
			continue;
		w->dropped[i] = false;
		rollout_cleared(&w->r, i);
		any = true;
	}
	return any;
}

/* Run to the end; the laws hold at every step. */
static enum rollout_action
world_run(struct world *w)
{
	enum rollout_action	 a;
	size_t			 slot = 0, i, limit, beside, empty;

	for (limit = 0; limit < 1000; limit++) {
		a = rollout_next(&w->r, &slot, has_room, w);
		switch (a) {
		case ROLLOUT_CLEAR:
			trace(w, "clear", slot);
			w->gen[slot] = -1;
			rollout_cleared(&w->r, slot);
			break;
		case ROLLOUT_START:
			world_start(w, slot, 2);
			break;
		case ROLLOUT_START_OLD:
			world_start(w, slot, 1);
			break;
		case ROLLOUT_SOAK:
			trace(w, "soak", w->r.first);
			rollout_soaked(&w->r);
			break;
		case ROLLOUT_SWITCH:
			trace(w, "switch", slot);
			ck_assert_int_ne(w->beside[slot], 0);
			w->gen[slot] = w->beside[slot];
			w->beside[slot] = 0;
			break;
		case ROLLOUT_DROP:
			trace(w, "drop", slot);
			w->beside[slot] = 0;
			w->dropped[slot] = w->r.old_first;
			break;
		case ROLLOUT_WAIT:
			if (world_bury(w))
				break;
			return a;
		case ROLLOUT_DONE:
		case ROLLOUT_BACK:
		case ROLLOUT_INCOMPLETE:
			return a;
		}
		beside = empty = 0;
		for (i = 0; i < w->slots; i++) {
			beside += w->beside[i] != 0;
			empty += w->gen[i] == -1;
		}
		ck_assert_uint_le(beside, w->r.batch);
		ck_assert_uint_le(empty, w->r.old_first ? w->r.batch : 0);
	}
	ck_abort_msg("no end: %s", w->trace);
	return ROLLOUT_WAIT;
}

static void
assert_all(const struct world *w, int gen)
{
	size_t	 i;

	for (i = 0; i < w->slots; i++) {
		ck_assert_int_eq(w->gen[i], gen);
		ck_assert_int_eq(w->beside[i], 0);
	}
}

static const struct {
	size_t		 slots, batch;
	bool		 old_first;
	long		 fail_nth;
	bool		 fail_when_ready, fail_back;
	enum rollout_action end;
	const char	*trace;
} runs[] = {
	{ 2, 1, false, -1, false, false, ROLLOUT_DONE,
	    "start0 soak0 switch0 start1 soak1 switch1 " },
	{ 3, 2, false, -1, false, false, ROLLOUT_DONE,
	    "start0 start1 soak0 switch0 switch1 start2 soak2 switch2 " },
	{ 3, 0, false, -1, false, false, ROLLOUT_DONE,
	    "start0 start1 start2 soak0 switch0 switch1 switch2 " },
	{ 2, 1, true, -1, false, false, ROLLOUT_DONE,
	    "clear0 start0 soak0 switch0 clear1 start1 soak1 switch1 " },
	/* the canary: nothing had been replaced */
	{ 3, 1, false, 0, false, false, ROLLOUT_BACK, "start0 " },
	{ 3, 1, false, 0, true, false, ROLLOUT_BACK, "start0 " },
	/* only the third copy fails */
	{ 3, 1, false, 2, false, false, ROLLOUT_BACK,
	    "start0 soak0 switch0 start1 soak1 switch1 start2 "
	    "back0 switch0 back1 switch1 " },
	{ 3, 0, false, 2, false, false, ROLLOUT_BACK,
	    "start0 start1 start2 drop0 drop1 " },
	{ 3, 2, false, 2, true, false, ROLLOUT_BACK,
	    "start0 start1 soak0 switch0 switch1 start2 "
	    "back0 switch0 back1 switch1 " },
	{ 2, 1, true, 1, false, false, ROLLOUT_BACK,
	    "clear0 start0 soak0 switch0 clear1 start1 "
	    "back1 switch1 clear0 back0 switch0 " },
	/* the old program cannot be had back: the new one stays */
	{ 2, 1, false, 1, false, true, ROLLOUT_INCOMPLETE,
	    "start0 soak0 switch0 start1 back0 " },
};

START_TEST(rollout_run)
{
	struct world	 w;

	world_init(&w, runs[_i].slots, runs[_i].batch, runs[_i].old_first);
	w.fail_nth = runs[_i].fail_nth;
	w.fail_when_ready = runs[_i].fail_when_ready;
	w.fail_back = runs[_i].fail_back;
	ck_assert_int_eq(world_run(&w), runs[_i].end);
	ck_assert_str_eq(w.trace, runs[_i].trace);
	if (runs[_i].end == ROLLOUT_DONE)
		assert_all(&w, 2);
	if (runs[_i].end == ROLLOUT_BACK)
		assert_all(&w, 1);
	rollout_fini(&w.r);
}
END_TEST

/* Whichever copy fails, and however, the end is the old generation. */
START_TEST(rollout_any_failure)
{
	struct world	 w;
	size_t		 slots, batch;
	long		 nth;
	int		 mode;

	for (slots = 1; slots <= SLOTS_MAX; slots++)
	for (batch = 0; batch <= slots; batch++)
	for (nth = -1; nth < (long)slots; nth++)
	for (mode = 0; mode < 4; mode++) {
		world_init(&w, slots, batch, mode & 1);
		w.fail_nth = nth;
		w.fail_when_ready = mode & 2;
		ck_assert_int_eq(world_run(&w),
		    nth == -1 ? ROLLOUT_DONE : ROLLOUT_BACK);
		assert_all(&w, nth == -1 ? 2 : 1);
		rollout_fini(&w.r);
	}
}
END_TEST

/* Old workers that still drain hold up the next one in their slot only. */
START_TEST(rollout_room)
{
	struct world	 w;

	world_init(&w, 2, 1, false);
	w.drains[1] = 2;
	ck_assert_int_eq(world_run(&w), ROLLOUT_WAIT);
	ck_assert_str_eq(w.trace, "start0 soak0 switch0 ");
	w.drains[1] = 1;
	ck_assert_int_eq(world_run(&w), ROLLOUT_DONE);
	rollout_fini(&w.r);
}
END_TEST

START_TEST(rollout_aborted)
{
	struct world	 w;

	world_init(&w, 2, 1, false);
	w.drains[1] = 2;
	ck_assert_int_eq(world_run(&w), ROLLOUT_WAIT);
	ck_assert_uint_eq(rollout_replaced(&w.r), 1);
	rollout_abort(&w.r);
	ck_assert_int_eq(world_run(&w), ROLLOUT_BACK);
	assert_all(&w, 1);
	rollout_fini(&w.r);
}
END_TEST

/* What has ended for good is left alone, also on the way back. */
START_TEST(rollout_skips)
{
	struct world	 w;

	world_init(&w, 4, 2, false);
	rollout_skip(&w.r, 0);
	rollout_skip(&w.r, 1);
	rollout_skip(&w.r, 3);
	ck_assert_int_eq(world_run(&w), ROLLOUT_DONE);
	ck_assert_str_eq(w.trace, "start2 soak2 switch2 ");
	rollout_fini(&w.r);
	world_init(&w, 3, 1, true);
	rollout_skip(&w.r, 1);
	w.fail_nth = 1;
	ck_assert_int_eq(world_run(&w), ROLLOUT_BACK);
	ck_assert_str_eq(w.trace, "clear0 start0 soak0 switch0 "
	    "clear2 start2 back2 switch2 clear0 back0 switch0 ");
	rollout_fini(&w.r);
}
END_TEST

/*
 * Two of a batch fail before the plan is asked again, ready or not: that is
 * one failure of the batch, and nothing is stuck.
 */
START_TEST(rollout_two_failures)
{
	static const size_t	 order[][2] = { { 1, 2 }, { 2, 1 }, { 2, 3 },
				    { 3, 2 }, { 0, 3 } };
	bool			 old_first = _i & 1, is_ready = _i & 2;
	enum rollout_action	 a;
	struct world		 w;
	size_t			 k, i, slot, started = 0;

	for (k = 0; k < ARRAY_LEN(order); k++, started = 0) {
		world_init(&w, 6, 4, old_first);
		while (started < 4) {
			a = rollout_next(&w.r, &slot, has_room, &w);
			if (a == ROLLOUT_CLEAR) {
				w.gen[slot] = -1;
				rollout_cleared(&w.r, slot);
				continue;
			}
			ck_assert_int_eq(a, ROLLOUT_START);
			w.beside[slot] = 2;
			started++;
		}
		for (i = 0; i < 4 && is_ready; i++)
			rollout_ready(&w.r, i);
		for (i = 0; i < 2; i++) {
			w.beside[order[k][i]] = 0;
			rollout_failed(&w.r, order[k][i]);
		}
		ck_assert_int_eq(world_run(&w), ROLLOUT_BACK);
		assert_all(&w, 1);
		rollout_fini(&w.r);
	}
}
END_TEST

/* News about slots that the plan does not wait for changes nothing. */
START_TEST(rollout_stray_news)
{
	struct world	 w;

	world_init(&w, 2, 1, false);
	rollout_ready(&w.r, 1);
	rollout_failed(&w.r, 0);
	rollout_cleared(&w.r, 1);
	rollout_soaked(&w.r);
	ck_assert_int_eq(world_run(&w), ROLLOUT_DONE);
	ck_assert_str_eq(w.trace,
	    "start0 soak0 switch0 start1 soak1 switch1 ");
	rollout_fini(&w.r);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("rollout");

	tcase_set_timeout(tc, 60);	/* one of them tries everything */
	tcase_add_loop_test(tc, rollout_run, 0, ARRAY_LEN(runs));
	tcase_add_test(tc, rollout_any_failure);
	tcase_add_test(tc, rollout_room);
	tcase_add_test(tc, rollout_aborted);
	tcase_add_test(tc, rollout_skips);
	tcase_add_loop_test(tc, rollout_two_failures, 0, 4);
	tcase_add_test(tc, rollout_stray_news);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("rollout", fill)
