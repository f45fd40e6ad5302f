/*
 * chaos: several clients at once send random commands to a supervisor,
 * while a process kills, stops and continues its workers.  Then the config
 * that it began with is applied, and facts must be what is wished.
 *
 *	chaos SOCKET PID FOLDER BASE-CONFIG COMMANDS SEED
 *
 * FOLDER is for other configs.  Prints KEY=VALUE lines; exits with 0 if
 * every request had exactly one answer and all ended as it should.
 */
#include "config.h"
#include "client/chaos.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"

#define CLIENTS		8
#define MOST_UNDER_WAY	12
#define LAST_ANSWERS_MS	60000
#define WRONG_SHOWN	20

/* splitmix64 */
size_t
chaos_random(struct chaos *c, size_t n)
{
	uint64_t	 z = c->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (size_t)((z ^ (z >> 31)) % n);
}

bool
chaos_chance(struct chaos *c, unsigned int percent)
{
	return chaos_random(c, 100) < percent;
}

void
chaos_wrong(struct chaos *c, const char *fmt, ...)
{
	va_list	 ap;

	if (++c->wrong > WRONG_SHOWN)
		return;
	va_start(ap, fmt);
	(void)printf("wrong: ");
	(void)vprintf(fmt, ap);
	(void)printf("\n");
	va_end(ap);
}

static bool
is_waiting(const struct chaos_client *cl)
{
	return cl->under_way > 0 || cl->garbage > 0;
}

/* Some send as fast as they can, others think. */
static void
client_act(struct chaos *c, struct chaos_client *cl, uint64_t now)
{
	if (c->sent >= c->commands || now < cl->next_ms || cl->half_closed ||
	    cl->may_be_closed || cl->under_way >= MOST_UNDER_WAY)
		return;
	command_random(c, cl);
	cl->next_ms = now + (chaos_chance(c, 30) ? 0 : chaos_random(c, 150));
	if (cl->follows > 0 && --cl->follows == 0) {
		client_leave(c, cl);
		client_connect(c, cl);
	}
}

static void
poll_all(struct chaos *c, struct chaos_client *clients, int ms)
{
	struct pollfd	 pfds[CLIENTS];
	size_t		 i;

	for (i = 0; i < CLIENTS; i++) {
		pfds[i].fd = clients[i].fd;
		pfds[i].events = POLLIN;
		pfds[i].revents = 0;
		if (buf_len(&clients[i].out) > 0)
			pfds[i].events |= POLLOUT;
	}
	if (poll(pfds, CLIENTS, ms) == -1 && errno != EINTR)
		err(1, "poll");
	for (i = 0; i < CLIENTS; i++)
		if (pfds[i].revents != 0)
			client_move(c, &clients[i], pfds[i].revents);
}

static void
run(struct chaos *c, struct chaos_client *clients)
{
	uint64_t	 now;
	size_t		 i;

	while (c->sent < c->commands && kill(c->rota, 0) == 0) {
		now = clock_ms();
		for (i = 0; i < CLIENTS; i++)
			client_act(c, &clients[i], now);
		poll_all(c, clients, 5);
	}
}

/* Followers leave; the others wait for what they have asked. */
static void
run_out(struct chaos *c, struct chaos_client *clients)
{
	uint64_t	 end = clock_ms() + LAST_ANSWERS_MS;
	bool		 waiting = true;
	size_t		 i;

	while (waiting && clock_ms() < end) {
		waiting = false;
		for (i = 0; i < CLIENTS; i++)
			waiting = waiting || is_waiting(&clients[i]);
		poll_all(c, clients, 20);
	}
	for (i = 1; i <= c->sent; i++)
		if (c->asks[i].state == ASK_UNDER_WAY)
			chaos_wrong(c, "no answer to %s (id %zu, client %u) "
			    "for %llu ms", c->asks[i].command, i,
			    c->asks[i].client, (unsigned long long)
			    (clock_ms() - c->asks[i].since_ms));
	for (i = 0; i < CLIENTS; i++) {
		if (clients[i].garbage > 0)
			chaos_wrong(c, "client %zu: %u lines of garbage were "
			    "not answered", i, clients[i].garbage);
		client_leave(c, &clients[i]);
	}
}

static uint64_t
number(const char *text)
{
	uint64_t	 n;

	if (parse_count(text, &n) != PARSE_OK)
		errx(2, "not a number: %s", text);
	return n;
}

static void
read_args(struct chaos *c, char **argv)
{
	c->socket = argv[1];
	c->rota = (pid_t)number(argv[2]);
	c->folder = argv[3];
	c->base = argv[4];
	c->commands = number(argv[5]);
	c->seed = c->random = number(argv[6]);
	/* Some commands are more than one request. */
	c->asks = calloc(c->commands + 1000, sizeof(*c->asks));
	if (c->asks == NULL)
		err(1, "calloc");
}

int
main(int argc, char **argv)
{
	struct chaos		 c = { .killer_fd = -1 };
	struct chaos_client	 clients[CLIENTS] = { 0 };
	unsigned int		 i;
	bool			 good;

	if (argc != 7)
		errx(2, "usage: chaos SOCKET PID FOLDER BASE COMMANDS SEED");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	read_args(&c, argv);
	(void)printf("seed=%llu\n", (unsigned long long)c.seed);
	for (i = 0; i < CLIENTS; i++) {
		clients[i].number = i;
		client_connect(&c, &clients[i]);
	}
	killer_start(&c);
	run(&c, clients);
	killer_stop(&c);
	run_out(&c, clients);
	good = facts_restore(&c);
	client_tally();
	(void)printf("commands=%zu\nanswered=%zu\nleft=%zu\nevents=%zu\n"
	    "wrong=%zu\nfacts=%s\n", c.sent, c.answered, c.left, c.events,
	    c.wrong, good ? "ok" : "bad");
	free(c.asks);
	return good && c.wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
