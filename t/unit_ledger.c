#include "config.h"

#include <unistd.h>

#include "base/err.h"
#include "os/probe.h"
#include "supervise/ledger.h"
#include "t/unit.h"

#define MANY 80

static struct diag	 diag;
static struct ledger	*ledger;

/* Connections: the client's end, and what a worker would have. */
static struct {
	int			 client, conn;
	struct diag_name	 name;
} c[MANY];

static void
begin(size_t most)
{
	struct err	 e;

	ck_assert_int_eq(diag_init(&diag, &e), 0);
	ledger = ledger_new(&diag, most, &e);
	ck_assert_ptr_nonnull(ledger);
}

static void
end(void)
{
	ledger_free(ledger);
	diag_fini(&diag);
}

static void
hand_over(size_t i)
{
	struct err	 e;

	c[i].client = probe_pair(&c[i].conn, &e);
	ck_assert_int_ne(c[i].client, -1);
	ck_assert(diag_name(c[i].conn, &c[i].name));
	ledger_enter(ledger, &c[i].name);
}

static void
hand_over_many(size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++) {
		ck_assert(ledger_has_room(ledger, 0));
		hand_over(i);
	}
}

static void
worker_closes(size_t i)
{
	ck_assert_int_eq(close(c[i].conn), 0);
}

/* Every look in vain doubles the pause, and nothing is asked in between. */
START_TEST(pauses_grow)
{
	static const uint64_t	 looks[] = {
		100, 101, 103, 107, 115, 131, 151, 171, 191
	};
	size_t			 i;

	begin(3);
	hand_over_many(3);
	for (i = 0; i + 1 < ARRAY_LEN(looks); i++) {
		ck_assert(!ledger_has_room(ledger, looks[i]));
		ck_assert_uint_eq(ledger->look_ms, looks[i + 1]);
	}
	worker_closes(1);
	ck_assert(!ledger_has_room(ledger, ledger->look_ms - 1));
	ck_assert(ledger_has_room(ledger, ledger->look_ms));
	ck_assert_uint_eq(ledger->count, 2);
	hand_over(1);
	ck_assert(!ledger_has_room(ledger, 1000));
	ck_assert_uint_eq(ledger->look_ms, 1001);	/* as at first */
	end();
}
END_TEST

/* With room nobody is asked: what is over stays in it. */
START_TEST(lazy)
{
	begin(3);
	hand_over_many(2);
	worker_closes(0);
	worker_closes(1);
	ck_assert(ledger_has_room(ledger, 1));
	ck_assert_uint_eq(ledger->count, 2);
	hand_over(2);
	ck_assert(ledger_has_room(ledger, 2));
	ck_assert_uint_eq(ledger->count, 1);
	end();
}
END_TEST

/* More than one question has room for: all have their turn to be seen. */
START_TEST(goes_round)
{
	uint64_t	 now = 1;
	size_t		 i, looks, gone[] = { 79, 33, 0, 31, 64, 32 };

	begin(MANY);
	hand_over_many(MANY);
	for (i = 0; i < ARRAY_LEN(gone); i++) {
		worker_closes(gone[i]);
		for (looks = 0; !ledger_has_room(ledger, now); looks++)
			now = ledger->look_ms;
		ck_assert_uint_lt(looks, 3);
		ck_assert_uint_eq(ledger->count, MANY - 1);
		hand_over(gone[i]);
	}
	end();
}
END_TEST

/* While not all were seen the pause does not grow. */
START_TEST(pause_of_many)
{
	uint64_t	 now = 1, was;
	int		 i;

	begin(MANY);
	hand_over_many(MANY);
	for (i = 0; i < 3; i++) {
		was = now;
		ck_assert(!ledger_has_room(ledger, now));
		now = ledger->look_ms;
		ck_assert_uint_eq(now - was, 1);
	}
	ck_assert(!ledger_has_room(ledger, now));
	ck_assert_uint_eq(ledger->look_ms - now, 2);
	for (i = 0; i < 100; i++) {
		now = ledger->look_ms;
		ck_assert(!ledger_has_room(ledger, now));
	}
	ck_assert_uint_eq(ledger->look_ms - now, 20);
	end();
}
END_TEST

/* A second, about, until all were seen: of one that is there very often. */
START_TEST(pause_of_very_many)
{
	uint64_t	 now = 1;
	int		 i;

	begin(100 * DIAG_MOST);
	hand_over(0);
	while (ledger->count < ledger->most)
		ledger_enter(ledger, &c[0].name);
	for (i = 0; i < 600; i++) {
		ck_assert(!ledger_has_room(ledger, now));
		ck_assert_uint_le(ledger->look_ms - now, 10);
		now = ledger->look_ms;
	}
	ck_assert_uint_eq(ledger->pause_ms, 10);
	end();
}
END_TEST

/* What was taken back is no more in it, wherever it was. */
START_TEST(drops)
{
	size_t	 i;

	begin(5);
	hand_over_many(5);
	ledger_drop(ledger, &c[4].name);
	ledger_drop(ledger, &c[0].name);
	ledger_drop(ledger, &c[2].name);
	ledger_drop(ledger, &c[2].name);	/* it is not there */
	ck_assert_uint_eq(ledger->count, 2);
	for (i = 0; i < 3; i++)
		hand_over(i);
	ck_assert(!ledger_has_room(ledger, 1));
	worker_closes(3);
	ck_assert(ledger_has_room(ledger, 9));
	ck_assert_uint_eq(ledger->count, 4);
	end();
}
END_TEST

/* Another worker has what is left in the queue, and nothing else. */
START_TEST(renews)
{
	begin(5);
	hand_over_many(5);
	ck_assert(!ledger_has_room(ledger, 1));
	worker_closes(0);
	ck_assert(ledger_has_room(ledger, 9));	/* in another order now */
	ledger_enter(ledger, NULL);
	ledger_renew(ledger, 3);		/* 3, 4, and one that is over */
	ck_assert_uint_eq(ledger->count, 2);
	ledger_drop(ledger, &c[3].name);
	ledger_drop(ledger, &c[4].name);
	ck_assert_uint_eq(ledger->count, 0);
	hand_over(0);
	ledger_renew(ledger, 99);
	ck_assert_uint_eq(ledger->count, 1);
	ledger_renew(ledger, 0);
	ck_assert_uint_eq(ledger->count, 0);
	end();
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("ledger");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, pauses_grow);
	tcase_add_test(tc, lazy);
	tcase_add_test(tc, goes_round);
	tcase_add_test(tc, pause_of_many);
	tcase_add_test(tc, pause_of_very_many);
	tcase_add_test(tc, drops);
	tcase_add_test(tc, renews);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("ledger", fill)
