#include "config.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"
#include "policy/hang.h"
#include "t/unit.h"

#define AFTER_MS	1000
#define LOOK_MS		250
#define STEPS_MAX	16

/* What is seen at a look, so long after the one before, and what it tells. */
struct step {
	uint64_t		 passed_ms;
	uint64_t		 waiting, given;
	enum hang_verdict	 verdict;
};

static const struct {
	const char	*name;
	enum { LOOSE, EXACT, BLIND } sees;	/* what was given */
	size_t		 count;
	struct step	 steps[STEPS_MAX];
} tales[] = {
	{ "nothing waits", EXACT, 4, {
		{ 0, 0, 0, HANG_NONE },
		{ LOOK_MS, 0, 7, HANG_NONE },
		{ LOOK_MS, 0, 7, HANG_NONE },
		{ 9 * LOOK_MS, 0, 7, HANG_NONE } } },
	{ "it is stopped, and more come", EXACT, 6, {
		{ 0, 5, 15, HANG_WAITS },
		{ LOOK_MS, 6, 16, HANG_WAITS },
		{ LOOK_MS, 9, 19, HANG_WAITS },
		{ LOOK_MS, 9, 19, HANG_WAITS },
		{ LOOK_MS, 9, 19, HANG_HUNG },
		{ LOOK_MS, 9, 19, HANG_HUNG } } },
	{ "it is stopped, and one waits", LOOSE, 5, {
		{ 0, 1, 1, HANG_WAITS },
		{ LOOK_MS, 1, 1, HANG_WAITS },
		{ LOOK_MS, 1, 1, HANG_WAITS },
		{ LOOK_MS, 1, 1, HANG_WAITS },
		{ LOOK_MS, 1, 1, HANG_HUNG } } },
	{ "as many come as go", EXACT, 7, {
		{ 0, 5, 5, HANG_WAITS },
		{ LOOK_MS, 5, 6, HANG_WAITS },
		{ LOOK_MS, 5, 7, HANG_WAITS },
		{ LOOK_MS, 5, 7, HANG_WAITS },
		{ LOOK_MS, 5, 8, HANG_WAITS },
		{ 3 * LOOK_MS, 5, 8, HANG_WAITS },
		{ LOOK_MS, 9, 13, HANG_WAITS } } },
	{ "it takes the last one just in time", EXACT, 6, {
		{ 0, 1, 1, HANG_WAITS },
		{ LOOK_MS, 1, 1, HANG_WAITS },
		{ LOOK_MS, 1, 1, HANG_WAITS },
		{ LOOK_MS, 1, 1, HANG_WAITS },
		{ LOOK_MS, 0, 1, HANG_NONE },
		{ LOOK_MS, 1, 2, HANG_WAITS } } },
	{ "one look is late: everything stood still", EXACT, 5, {
		{ 0, 1, 1, HANG_WAITS },
		{ 100 * AFTER_MS, 1, 1, HANG_WAITS },
		{ LOOK_MS, 1, 1, HANG_WAITS },
		{ LOOK_MS, 1, 1, HANG_WAITS },
		{ LOOK_MS, 1, 1, HANG_HUNG } } },
	{ "as many seem to go, and without turns some do", LOOSE, 8, {
		{ 0, 5, 5, HANG_WAITS },
		{ LOOK_MS, 5, 9, HANG_WAITS },
		{ LOOK_MS, 5, 14, HANG_DOUBT },
		{ 10, 5, 14, HANG_DOUBT },
		{ 20, 4, 14, HANG_WAITS },
		{ LOOK_MS, 5, 19, HANG_WAITS },
		{ LOOK_MS, 5, 24, HANG_DOUBT },
		{ 10, 0, 24, HANG_NONE } } },
	{ "those that seem to go are lost on their way", LOOSE, 9, {
		{ 0, 5, 5, HANG_WAITS },
		{ LOOK_MS, 5, 9, HANG_WAITS },
		{ LOOK_MS, 5, 14, HANG_DOUBT },
		{ 10, 6, 14, HANG_DOUBT },
		{ 240, 6, 14, HANG_DOUBT },
		{ LOOK_MS, 6, 14, HANG_DOUBT },
		{ LOOK_MS, 6, 14, HANG_DOUBT },
		{ LOOK_MS - 1, 6, 14, HANG_DOUBT },
		{ 1, 6, 14, HANG_HUNG } } },
	{ "as many come as go, and nobody knows", BLIND, 7, {
		{ 0, 5, 0, HANG_WAITS },
		{ LOOK_MS, 5, 0, HANG_WAITS },
		{ LOOK_MS, 5, 0, HANG_DOUBT },
		{ 10, 4, 0, HANG_WAITS },
		{ LOOK_MS, 5, 0, HANG_WAITS },
		{ LOOK_MS, 5, 0, HANG_DOUBT },
		{ 10, 0, 0, HANG_NONE } } },
	{ "nobody knows, and it is stopped", BLIND, 6, {
		{ 0, 1, 0, HANG_WAITS },
		{ LOOK_MS, 3, 0, HANG_WAITS },
		{ LOOK_MS, 3, 0, HANG_DOUBT },
		{ LOOK_MS, 4, 0, HANG_DOUBT },
		{ LOOK_MS, 4, 0, HANG_HUNG },
		{ LOOK_MS, 4, 0, HANG_HUNG } } },
};

START_TEST(hang_tales)
{
	struct hang	 h = { 0 };
	uint64_t	 now = 5000;
	size_t		 i;

	for (i = 0; i < tales[_i].count; i++) {
		const struct step	*st = &tales[_i].steps[i];
		struct hang_sight	 s = {
			.now_ms = now += st->passed_ms,
			.waiting = st->waiting,
			.given = st->given,
			.is_exact = tales[_i].sees == EXACT,
			.is_blind = tales[_i].sees == BLIND,
		};

		ck_assert_msg(hang_look(&h, &s, AFTER_MS) == st->verdict,
		    "%s: look %zu", tales[_i].name, i);
	}
}
END_TEST

/* In doubt it looks often at first: the slot may be idle soon. */
START_TEST(hang_pauses)
{
	static const uint64_t	 want[] = { 250, 10, 20, 40, 80, 160, 250,
				    250 };
	unsigned int		 i;

	for (i = 0; i < ARRAY_LEN(want); i++)
		ck_assert_uint_eq(hang_pause(AFTER_MS, i), want[i]);
	ck_assert_uint_eq(hang_pause(100, 0), 25);
	ck_assert_uint_eq(hang_pause(100, UINT32_MAX), 25);
}
END_TEST

/* How many looks in doubt there were goes into the next pause. */
START_TEST(hang_counts_doubts)
{
	struct hang		 h = { 0 };
	struct hang_sight	 s = { .now_ms = 1, .waiting = 1 };
	unsigned int		 i;

	for (i = 0; i < 6; i++) {
		s.given += i < 4;
		(void)hang_look(&h, &s, AFTER_MS);
		s.now_ms += LOOK_MS;
	}
	ck_assert_uint_eq(h.doubts, 4);
	s.waiting = 0;
	ck_assert_int_eq(hang_look(&h, &s, AFTER_MS), HANG_NONE);
	ck_assert_uint_eq(h.doubts, 0);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("hang");

	tcase_add_loop_test(tc, hang_tales, 0, ARRAY_LEN(tales));
	tcase_add_test(tc, hang_pauses);
	tcase_add_test(tc, hang_counts_doubts);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("hang", fill)
