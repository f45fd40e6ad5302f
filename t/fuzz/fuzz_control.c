/*
 * What a client may send: the input goes through a session, with limits
 * that are soon reached.  The first byte tells how the client behaves; a
 * byte 0xff lets the loop turn, 0xfe answers the oldest request that was
 * kept waiting.  Whatever comes back is lines of JSON with an id.
 */
#include "config.h"

#include <ev.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "control/request.h"
#include "control/server.h"
#include "control/session.h"
#include "t/fuzz/fuzz.h"

#define DEAF		0x01	/* reads nothing before the end */
#define HALF		0x02	/* says that it sends no more */
#define FINISHES	0x04	/* answers even what is gone */
#define TURNS		4
#define HEARD_MAX	(1u << 16)

static const struct control_limits	limits = {
	.clients = 4, .requests = 4, .line_bytes = 256, .held_bytes = 300,
	.data_bytes = 1000, .out_bytes = 4096, .idle_ms = 60000,
	.stall_ms = 60000, .probe_ms = 60000, .pause_ms = 60000,
};

static struct list	waiting;	/* of struct held */
static bool		finishes;
static char		heard[HEARD_MAX];
static size_t		heard_len;

struct held {
	struct list	 node;
	struct request	*request;
};
static struct held	held[8];

static void
let_go(struct held *h)
{
	list_remove(&h->node);
	h->request = NULL;
}

static void
gone(struct request *r)
{
	let_go(r->state);
	if (request_data(r, json_true()) == 0)
		__builtin_trap();
	if (finishes)
		request_fail(r, "failed", json_object(), "gone");
}

static void
hold(struct request *r)
{
	size_t	 i;

	for (i = 0; i < ARRAY_LEN(held); i++)
		if (held[i].request == NULL)
			break;
	if (i == ARRAY_LEN(held))	/* more than the limits allow */
		__builtin_trap();
	held[i].request = r;
	r->state = &held[i];
	r->gone = gone;
	list_append(&waiting, &held[i].node);
}

static void
take_args(struct request *r)
{
	const char			*a = NULL;
	int64_t				 n = 1;
	bool				 b = false;
	json_t				*l = NULL;
	const struct request_arg	 args[] = {
		{ "a", REQUEST_STRING, true, &a, 0, 0 },
		{ "n", REQUEST_INT, false, &n, -3, 1000 },
		{ "b", REQUEST_BOOL, false, &b, 0, 0 },
		{ "l", REQUEST_STRINGS, false, &l, 0, 0 },
	};

	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	if (n < -3 || n > 1000 || a[0] == '\0')
		__builtin_trap();
	request_done(r, json_pack("{s:s, s:b, s:O?}", "a", a, "b", b, "l", l));
}

static void
on_request(void *arg, struct request *r)
{
	int	 i;

	(void)arg;
	if (!json_is_object(r->args) || strlen(r->command) == 0)
		__builtin_trap();
	switch (r->command[0]) {
	case 'a':
		take_args(r);
		break;
	case 'd':
		for (i = 0; i < 20; i++)
			(void)request_data(r, json_incref(r->args));
		request_done(r, json_incref(r->args));
		break;
	case 'h':
		hold(r);
		break;
	case 'n':
		request_done(r, NULL);
		break;
	default:
		request_fail(r, "usage", json_incref(r->args), "no '%s'",
		    r->command);
		break;
	}
}

static const struct control_ops	ops = { .request = on_request };

static void
answer_oldest(void)
{
	struct held	*h;
	struct request	*r;

	if (list_empty(&waiting))
		return;
	h = LIST_ENTRY(waiting.next, struct held, node);
	r = h->request;
	let_go(h);
	request_done(r, json_pack("{s:O}", "id", r->id));
}

static void
turn(struct session_env *env)
{
	int	 i;

	for (i = 0; i < TURNS; i++)
		(void)ev_run(env->loop, EVRUN_NOWAIT);
}

static void
hear(int peer)
{
	ssize_t	 n;

	n = recv(peer, heard + heard_len, HEARD_MAX - heard_len, MSG_DONTWAIT);
	if (n > 0)
		heard_len += (size_t)n;
}

/* Whole lines, but for the last one of a client that was dropped. */
static void
check_heard(void)
{
	const char	*p = heard, *end = heard + heard_len, *nl;
	json_t		*v;

	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		v = json_loadb(p, (size_t)(nl - p), 0, NULL);
		if (!json_is_object(v) || !text_is_utf8(p, (size_t)(nl - p)) ||
		    (json_object_get(v, "id") == NULL && p != heard))
			__builtin_trap();
		json_decref(v);
		p = nl + 1;
	}
}

static void
say(struct session_env *env, int peer, bool is_deaf, const uint8_t *data,
    size_t size)
{
	size_t	 at, n;

	for (at = 0; at < size; at += n) {
		for (n = 0; at + n < size && data[at + n] < 0xfe; n++)
			;
		if (n > 0)
			(void)send(peer, data + at, n,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (at + n == size)
			break;
		turn(env);
		if (data[at + n++] == 0xfe)
			answer_oldest();
		if (!is_deaf)
			hear(peer);
	}
	turn(env);
}

static void
quiet(const char *line, size_t len)
{
	(void)line;
	(void)len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct session_env	 env;
	uint8_t				 how = size > 0 ? data[0] : 0;
	int				 sv[2];

	log_set_writer(quiet);
	if (env.loop == NULL)
		env.loop = ev_loop_new(EVFLAG_AUTO);
	if (env.loop == NULL || size == 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1)
		return 0;
	env.limits = &limits;
	env.ops = &ops;
	list_init(&env.sessions);
	list_init(&waiting);
	heard_len = 0;
	finishes = (how & FINISHES) != 0;
	(void)session_new(&env, sv[0], 0, 1);
	say(&env, sv[1], (how & DEAF) != 0, data + 1, size - 1);
	if (how & HALF) {
		(void)shutdown(sv[1], SHUT_WR);
		turn(&env);
		answer_oldest();
		turn(&env);
	}
	hear(sv[1]);
	(void)close(sv[1]);
	turn(&env);
	while (!list_empty(&env.sessions))
		session_free(LIST_ENTRY(env.sessions.next, struct session,
		    node));
	if (env.count != 0 || env.held_bytes != 0 || !list_empty(&waiting))
		__builtin_trap();
	check_heard();
	return 0;
}
