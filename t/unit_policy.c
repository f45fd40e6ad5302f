#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/util.h"
#include "policy/mechanism.h"
#include "policy/restart.h"
#include "policy/start.h"
#include "policy/state.h"
#include "policy/turn.h"
#include "t/unit.h"

/* --- state ---------------------------------------------------------------*/

static const struct {
	enum worker_state	from;
	enum worker_event	ev;
	enum worker_state	to;
	unsigned int		acts;
} steps[] = {
	{ WS_STARTING,	WE_READY, WS_READY,	WA_SERVE },
	{ WS_STARTING,	WE_LIMIT, WS_KILLED,	WA_LATE | WA_KILL },
	{ WS_STARTING,	WE_STOP,  WS_DRAINING,	WA_LEAVE },
	{ WS_STARTING,	WE_EXIT,  WS_GONE,	WA_OBITUARY },
	{ WS_READY,	WE_READY, WS_READY,	WA_NONE },
	{ WS_READY,	WE_STOP,  WS_EMPTYING,	WA_EMPTY },
	{ WS_EMPTYING,	WE_EMPTY, WS_DRAINING,	WA_LEAVE },
	{ WS_EMPTYING,	WE_LIMIT, WS_DRAINING,	WA_LEAVE },
	{ WS_EMPTYING,	WE_STOP,  WS_EMPTYING,	WA_NONE },
	{ WS_EMPTYING,	WE_KILL,  WS_KILLED,	WA_KILL },
	{ WS_EMPTYING,	WE_EXIT,  WS_GONE,	WA_OBITUARY },
	{ WS_READY,	WE_KILL,  WS_KILLED,	WA_KILL },
	{ WS_READY,	WE_HANG,  WS_HUNG,	WA_FREEZE },
	{ WS_STARTING,	WE_HANG,  WS_STARTING,	WA_BUG },
	{ WS_HUNG,	WE_STOP,  WS_HUNG,	WA_NONE },
	{ WS_HUNG,	WE_HANG,  WS_HUNG,	WA_NONE },
	{ WS_HUNG,	WE_EMPTY, WS_KILLED,	WA_KILL },
	{ WS_HUNG,	WE_LIMIT, WS_KILLED,	WA_LATE | WA_KILL },
	{ WS_HUNG,	WE_EXIT,  WS_GONE,	WA_OBITUARY },
	{ WS_READY,	WE_LIMIT, WS_READY,	WA_BUG },
	{ WS_DRAINING,	WE_STOP,  WS_DRAINING,	WA_NONE },
	{ WS_DRAINING,	WE_READY, WS_DRAINING,	WA_NONE },
	{ WS_DRAINING,	WE_LIMIT, WS_KILLED,	WA_LATE | WA_KILL },
	{ WS_KILLED,	WE_LIMIT, WS_KILLED,	WA_LATE | WA_KILL },
	{ WS_KILLED,	WE_EXIT,  WS_GONE,	WA_OBITUARY },
	{ WS_GONE,	WE_EXIT,  WS_GONE,	WA_BUG },
};

START_TEST(state_step)
{
	struct worker_step	 st = worker_step(steps[_i].from,
				    steps[_i].ev);

	ck_assert_str_eq(worker_state_name(st.next),
	    worker_state_name(steps[_i].to));
	ck_assert_uint_eq(st.acts, steps[_i].acts);
}
END_TEST

/* What must hold in every cell of the table. */
START_TEST(state_laws)
{
	struct worker_step	 st;
	int			 s, ev;

	for (s = 0; s < WS__COUNT; s++)
		for (ev = 0; ev < WE__COUNT; ev++) {
			st = worker_step((enum worker_state)s,
			    (enum worker_event)ev);
			ck_assert_ptr_nonnull(worker_state_name(st.next));
			/* Only a reaped process is gone, and for ever. */
			if (s != WS_GONE)
				ck_assert_int_eq(st.next == WS_GONE,
				    ev == WE_EXIT);
			else
				ck_assert_int_eq(st.next, WS_GONE);
			/* Nobody comes back from being told to leave. */
			if (s == WS_DRAINING || s == WS_HUNG ||
			    s == WS_KILLED)
				ck_assert_int_ge(st.next, s);
			/* A wish to kill is obeyed wherever one lives. */
			if (ev == WE_KILL && s != WS_GONE)
				ck_assert_uint_eq(st.acts & WA_KILL, WA_KILL);
			ck_assert_int_eq(st.next == WS_GONE && s != WS_GONE,
			    (st.acts & WA_OBITUARY) != 0);
		}
}
END_TEST

/* --- back-off ------------------------------------------------------------*/

static const struct backoff_rule plain_rule = {
	.initial_ms = 100, .max_ms = 30000, .reset_after_ms = 10000,
	.factor_milli = 2000, .jitter_percent = 0,
};

START_TEST(backoff_doubles)
{
	static const uint64_t	 want[] = { 100, 200, 400, 800, 1600, 3200,
				    6400, 12800, 25600, 30000, 30000 };
	struct backoff		 b = { 0 };
	size_t			 i;

	for (i = 0; i < ARRAY_LEN(want); i++)
		ck_assert_uint_eq(backoff_delay(&b, &plain_rule, false, 0, 7),
		    want[i]);
}
END_TEST

START_TEST(backoff_resets)
{
	struct backoff	 b = { .failures = 9 };

	ck_assert_uint_eq(backoff_delay(&b, &plain_rule, true, 9999, 0),
	    30000);
	ck_assert_uint_eq(backoff_delay(&b, &plain_rule, true, 10000, 0), 0);
	ck_assert_uint_eq(b.failures, 0);
	ck_assert_uint_eq(backoff_delay(&b, &plain_rule, true, 0, 0), 100);
}
END_TEST

START_TEST(backoff_extremes)
{
	struct backoff_rule	 r = plain_rule;
	struct backoff		 b = { .failures = UINT32_MAX };

	ck_assert_uint_eq(backoff_delay(&b, &r, false, 0, 0), 30000);
	ck_assert_uint_eq(b.failures, UINT32_MAX);
	r.initial_ms = 0;
	ck_assert_uint_eq(backoff_delay(&b, &r, false, 0, 0), 0);
	r = plain_rule;
	r.factor_milli = 1000;
	ck_assert_uint_eq(backoff_delay(&b, &r, false, 0, 0), 100);
	r = plain_rule;
	r.reset_after_ms = 0;	/* ready once, however shortly */
	ck_assert_uint_eq(backoff_delay(&b, &r, false, 0, 0), 30000);
	ck_assert_uint_eq(backoff_delay(&b, &r, true, 0, 0), 0);
}
END_TEST

START_TEST(backoff_jitter)
{
	struct backoff_rule	 r = plain_rule;
	struct backoff		 b;

	r.initial_ms = 1000;
	r.jitter_percent = 20;
	b.failures = 0;
	ck_assert_uint_eq(backoff_delay(&b, &r, false, 0, 0), 800);
	b.failures = 0;
	ck_assert_uint_eq(backoff_delay(&b, &r, false, 0, 1u << 31), 1000);
	b.failures = 0;
	ck_assert_uint_eq(backoff_delay(&b, &r, false, 0, UINT32_MAX), 1199);
}
END_TEST

/* --- restart -------------------------------------------------------------*/

START_TEST(restart_success)
{
	bool		 ok[256] = { [0] = true, [7] = true };
	struct ending	 e = { .code = 0 };

	ck_assert(ending_is_success(&e, ok));
	e.code = 7;
	ck_assert(ending_is_success(&e, ok));
	e.code = 1;
	ck_assert(!ending_is_success(&e, ok));
	e.signaled = true;
	e.code = 15;
	ck_assert(!ending_is_success(&e, ok));
	e.asked = true;
	ck_assert(ending_is_success(&e, ok));
}
END_TEST

START_TEST(restart_policies)
{
	/* always, on-failure, never */
	ck_assert_int_eq(restart_verdict(true, true, true), VERDICT_RESTART);
	ck_assert_int_eq(restart_verdict(true, true, false), VERDICT_RESTART);
	ck_assert_int_eq(restart_verdict(false, true, true), VERDICT_DONE);
	ck_assert_int_eq(restart_verdict(false, true, false),
	    VERDICT_RESTART);
	ck_assert_int_eq(restart_verdict(false, false, true), VERDICT_DONE);
	ck_assert_int_eq(restart_verdict(false, false, false),
	    VERDICT_FAILED);
}
END_TEST

/* --- starts --------------------------------------------------------------*/

static const struct {
	struct start_facts	f;
	enum start_answer	want;
} starts[] = {
	{ { .cpus = 2, .is_first = true }, START_NOW },
	{ { .cpus = 2, .starting = 1, .is_first = true }, START_NOW },
	{ { .cpus = 2, .starting = 2, .is_first = true }, START_LATER },
	{ { .cpus = 2, .starting = 2, .ready = 2, .is_first = true },
	    START_LATER },
	{ { .cpus = 2, .starting = 2, .ready = 4, .is_first = true },
	    START_NOW },
	/* who has run before is not kept waiting by slow starters */
	{ { .cpus = 2, .starting = 9 }, START_NOW },
	/* a crashing pool has one probe; others wait until it holds */
	{ { .cpus = 2, .is_crashing = true }, START_NOW },
	{ { .cpus = 2, .is_crashing = true, .has_probe = true },
	    START_PROBED },
	{ { .cpus = 2, .is_crashing = true, .has_probe = true, .ready = 1 },
	    START_PROBED },
	{ { .cpus = 2, .has_probe = true }, START_NOW },
};

START_TEST(start_window)
{
	ck_assert_int_eq(start_allowed(&starts[_i].f), starts[_i].want);
}
END_TEST

/* --- turns ---------------------------------------------------------------*/

START_TEST(turn_order)
{
	struct turn	 t;
	int		 i;

	ck_assert_int_eq(turn_init(&t, 3), 0);
	ck_assert_int_eq(turn_next(&t), -1);
	turn_set(&t, 0, true);
	turn_set(&t, 1, true);
	turn_set(&t, 2, true);
	turn_set(&t, 2, true);
	ck_assert_uint_eq(t.up_count, 3);
	for (i = 0; i < 30; i++)
		ck_assert_int_eq(turn_next(&t), i % 3);
	turn_fini(&t);
}
END_TEST

/* The cursor is kept over changes: nobody is favoured by them. */
START_TEST(turn_cursor)
{
	struct turn	 t;

	ck_assert_int_eq(turn_init(&t, 4), 0);
	turn_set(&t, 0, true);
	turn_set(&t, 1, true);
	turn_set(&t, 3, true);
	ck_assert_int_eq(turn_next(&t), 0);
	ck_assert_int_eq(turn_next(&t), 1);
	turn_set(&t, 1, false);
	turn_set(&t, 2, true);
	ck_assert_int_eq(turn_next(&t), 2);
	turn_set(&t, 2, false);
	ck_assert_int_eq(turn_next(&t), 3);
	ck_assert_int_eq(turn_next(&t), 0);
	turn_set(&t, 0, false);
	ck_assert_int_eq(turn_next(&t), 3);
	ck_assert_int_eq(turn_next(&t), 3);
	turn_fini(&t);
}
END_TEST

/* More slots: who is up stays up, and so does whose turn it is. */
START_TEST(turn_grows)
{
	static const size_t	 sizes[] = { 2, 3, 63, 64, 65, 1000 };
	size_t			 i, k, old;
	struct turn		 t;

	ck_assert_int_eq(turn_init(&t, 2), 0);
	turn_set(&t, 0, true);
	turn_set(&t, 1, true);
	ck_assert_int_eq(turn_next(&t), 0);
	for (k = 1; k < ARRAY_LEN(sizes); k++) {
		old = t.slots;
		ck_assert_int_eq(turn_grow(&t, sizes[k]), 0);
		ck_assert_uint_eq(t.slots, sizes[k]);
		ck_assert_uint_eq(t.up_count, 2);
		for (i = old; i < t.slots; i++)
			ck_assert(!turn_is_up(&t, i));
		ck_assert_int_eq(turn_next(&t), k % 2);
	}
	turn_set(&t, 999, true);
	ck_assert_uint_eq(t.up_count, 3);
	ck_assert_int_eq(turn_next(&t), 999);
	ck_assert_int_eq(turn_next(&t), 0);
	ck_assert_int_eq(turn_next(&t), 1);
	ck_assert_int_eq(turn_next(&t), 999);
	turn_fini(&t);
}
END_TEST

/* Between two changes the counts differ by at most one, for any size. */
START_TEST(turn_exact)
{
	static const size_t	 sizes[] = { 1, 2, 63, 64, 65, 128, 1000 };
	size_t			 n = sizes[_i], i, up = 0, given[1000];
	size_t			 lo, hi, turns;
	struct turn		 t;

	ck_assert_int_eq(turn_init(&t, n), 0);
	for (i = 0; i < n; i++) {
		given[i] = 0;
		if (i % 3 != 1 || n < 3) {
			turn_set(&t, i, true);
			up++;
		}
	}
	ck_assert_uint_eq(t.up_count, up);
	for (turns = 0; turns < 7 * up + up / 2; turns++)
		given[turn_next(&t)]++;
	lo = SIZE_MAX;
	hi = 0;
	for (i = 0; i < n; i++) {
		if (!turn_is_up(&t, i)) {
			ck_assert_uint_eq(given[i], 0);
			continue;
		}
		lo = given[i] < lo ? given[i] : lo;
		hi = given[i] > hi ? given[i] : hi;
	}
	ck_assert_uint_le(hi - lo, 1);
	turn_fini(&t);
}
END_TEST

/* A worker that takes both, and one that takes listeners only. */
#define BOTH	.has_listeners = true, .takes_conns = true
#define PLAIN	.has_listeners = true

/* why: what the reason has in it, or NULL if there is to be none. */
static const struct {
	struct mechanism_facts	 f;
	enum mechanism		 want;
	const char		*why;
} mechanisms[] = {
	{ { .takes_conns = true }, MECHANISM_NONE, NULL },
	{ { .why_no_kernel = "x", .no_kernel = true }, MECHANISM_NONE, NULL },
	{ { BOTH }, MECHANISM_KERNEL, NULL },
	{ { PLAIN }, MECHANISM_KERNEL, NULL },
	/* What forbids the kernel; the first of several is what is said. */
	{ { BOTH, .why_no_kernel = "x" }, MECHANISM_HANDOVER, "x" },
	{ { BOTH, .has_unix = true }, MECHANISM_HANDOVER, "unix" },
	{ { BOTH, .is_probed = true }, MECHANISM_HANDOVER, "ready: http" },
	{ { BOTH, .has_unix = true, .why_no_kernel = "x" },
	    MECHANISM_HANDOVER, "unix" },
	{ { BOTH, .is_probed = true, .why_no_kernel = "x" },
	    MECHANISM_HANDOVER, "ready: http" },
	{ { BOTH, .has_unix = true, .is_probed = true, .why_no_kernel = "x" },
	    MECHANISM_HANDOVER, "unix" },
	{ { BOTH, .why_no_kernel = "x", .why_no_classic = "y" },
	    MECHANISM_HANDOVER, "x" },
	{ { BOTH, .is_limited = true }, MECHANISM_HANDOVER,
	    "max_connections counts" },
	{ { BOTH, .is_limited = true, .why_no_kernel = "x" },
	    MECHANISM_HANDOVER, "max_connections counts" },
	{ { BOTH, .is_limited = true, .is_probed = true },
	    MECHANISM_HANDOVER, "ready: http" },
	/* Nor can connections be handed over. */
	{ { PLAIN, .why_no_kernel = "x" }, MECHANISM_CLASSIC, "x" },
	{ { PLAIN, .why_no_kernel = "x", .why_no_classic = "y" },
	    MECHANISM_SHARED, "x" },
	{ { PLAIN, .why_no_kernel = "x", .is_sticky = true },
	    MECHANISM_SHARED, "x" },
	{ { PLAIN, .why_no_kernel = "x", .has_unix = true },
	    MECHANISM_SHARED, "unix" },
	{ { PLAIN, .why_no_kernel = "x", .is_probed = true },
	    MECHANISM_SHARED, "ready: http" },
	{ { PLAIN, .is_sticky = true }, MECHANISM_KERNEL, NULL },
	{ { PLAIN, .has_unix = true }, MECHANISM_SHARED, "unix" },
	{ { PLAIN, .is_probed = true }, MECHANISM_SHARED, "ready: http" },
	/* Hand-over is asked for: that is no fallback. */
	{ { BOTH, .no_kernel = true }, MECHANISM_HANDOVER, NULL },
	{ { BOTH, .no_kernel = true, .why_no_kernel = "x", .has_unix = true },
	    MECHANISM_HANDOVER, NULL },
	{ { BOTH, .no_kernel = true, .is_limited = true },
	    MECHANISM_HANDOVER, NULL },
	{ { PLAIN, .no_kernel = true }, MECHANISM_SHARED, "one by one" },
	{ { PLAIN, .no_kernel = true, .why_no_kernel = "x" },
	    MECHANISM_SHARED, "x" },
	/* So is sharing, before all else. */
	{ { BOTH, .is_shared = true }, MECHANISM_SHARED, NULL },
	{ { PLAIN, .is_shared = true, .why_no_kernel = "x" },
	    MECHANISM_SHARED, NULL },
	{ { BOTH, .is_shared = true, .no_kernel = true, .has_unix = true },
	    MECHANISM_SHARED, NULL },
};

START_TEST(mechanism_is_chosen)
{
	const char	*why = "not set", *want = mechanisms[_i].why;

	ck_assert_int_eq(mechanism_choose(&mechanisms[_i].f, &why),
	    mechanisms[_i].want);
	if (want == NULL)
		ck_assert_ptr_null(why);
	else if (why == NULL || strstr(why, want) == NULL)
		ck_abort_msg("'%s' is not in '%s'", want,
		    why != NULL ? why : "nothing");
}
END_TEST

START_TEST(mechanism_names)
{
	ck_assert_str_eq(mechanism_name(MECHANISM_NONE), "none");
	ck_assert_str_eq(mechanism_name(MECHANISM_KERNEL), "kernel");
	ck_assert_str_eq(mechanism_name(MECHANISM_HANDOVER), "hand-over");
	ck_assert_str_eq(mechanism_name(MECHANISM_CLASSIC), "classic BPF");
	ck_assert_str_eq(mechanism_name(MECHANISM_SHARED), "shared listener");
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("policy");

	tcase_add_loop_test(tc, state_step, 0, ARRAY_LEN(steps));
	tcase_add_test(tc, state_laws);
	tcase_add_test(tc, backoff_doubles);
	tcase_add_test(tc, backoff_resets);
	tcase_add_test(tc, backoff_extremes);
	tcase_add_test(tc, backoff_jitter);
	tcase_add_test(tc, restart_success);
	tcase_add_test(tc, restart_policies);
	tcase_add_loop_test(tc, start_window, 0, ARRAY_LEN(starts));
	tcase_add_test(tc, turn_order);
	tcase_add_test(tc, turn_cursor);
	tcase_add_test(tc, turn_grows);
	tcase_add_loop_test(tc, turn_exact, 0, 7);
	tcase_add_loop_test(tc, mechanism_is_chosen, 0,
	    ARRAY_LEN(mechanisms));
	tcase_add_test(tc, mechanism_names);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("policy", fill)
