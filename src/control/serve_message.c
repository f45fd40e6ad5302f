#include "config.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/util.h"
#include "control/serve.h"
#include "control/control.h"
#include "control/request.h"
#include "control/target.h"
#include "ipc/message.h"
#include "ipc/proto.h"
#include "supervise/pool.h"
#include "supervise/supervisor.h"
#include "supervise/worker.h"

/* signal, send and broadcast. */

/* The message of a request, or NULL: answered. */
static struct message *
message_of(struct request *r, const char *json)
{
	const char	*why = NULL;
	struct message	*m = proto_user(json, strlen(json), &why);

	if (m == NULL)
		request_fail(r, "usage", NULL, "json: %s", why);
	return m;
}

/* To the slots of a target; everybody if it has no pool. */
static void
send_to(struct control *c, struct request *r, const struct target *t,
    struct message *m)
{
	struct supervisor	*s = c->supervisor;
	size_t			 i, sent = 0, all = t->last - t->first;

	if (t->pool != NULL)
		sent = pool_send(t->pool, t->first, t->last, m,
		    CHANNEL_ONCE, NULL);
	for (i = 0; t->pool == NULL && i < s->pool_count; i++) {
		if (s->pools[i]->removed)
			continue;
		all += s->pools[i]->count;
		sent += pool_send(s->pools[i], 0, s->pools[i]->count, m,
		    CHANNEL_ONCE, NULL);
	}
	message_unref(m);
	request_done(r, json_pack("{s:I, s:I}", "sent", (json_int_t)sent,
	    "not_ready", (json_int_t)(sent < all ? all - sent : 0)));
}

void
serve_send(struct control *c, struct request *r)
{
	const char			*target = NULL, *json = NULL;
	const struct request_arg	 args[] = {
		{ "json", REQUEST_STRING, true, &json, 0, 0 },
		{ "target", REQUEST_STRING, true, &target, 0, 0 },
	};
	struct target			 t;
	struct message			*m;
	struct err			 e;

	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	if (target_find(c->supervisor, target, &t, &e) == -1)
		request_fail(r, "no-such-target", NULL, "%s", e.msg);
	else if ((m = message_of(r, json)) != NULL)
		send_to(c, r, &t, m);
}

void
serve_broadcast(struct control *c, struct request *r)
{
	const char			*pool = NULL, *json = NULL;
	const struct request_arg	 args[] = {
		{ "json", REQUEST_STRING, true, &json, 0, 0 },
		{ "pool", REQUEST_STRING, false, &pool, 0, 0 },
	};
	struct target			 t = { 0 };
	struct message			*m;
	struct err			 e;

	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	if (pool != NULL) {
		t.pool = target_pool(c->supervisor, pool, &e);
		if (t.pool == NULL) {
			request_fail(r, "no-such-target", NULL, "%s", e.msg);
			return;
		}
		t.last = t.pool->count;
	}
	if ((m = message_of(r, json)) != NULL)
		send_to(c, r, &t, m);
}

/* "USR1", "SIGUSR1" or "10"; -1: neither. */
static int
parse_signal(const char *text)
{
	uint64_t	 n;
	int		 sig;

	if (parse_count(text, &n) == PARSE_OK)
		return n >= 1 && n < NSIG ? (int)n : -1;
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	for (sig = 1; sig < NSIG; sig++)
		if (sigabbrev_np(sig) != NULL &&
		    strcmp(sigabbrev_np(sig), text) == 0)
			return sig;
	return -1;
}

void
serve_signal(struct control *c, struct request *r)
{
	const char			*target = NULL, *name = NULL;
	const struct request_arg	 args[] = {
		{ "signal", REQUEST_STRING, true, &name, 0, 0 },
		{ "target", REQUEST_STRING, true, &target, 0, 0 },
	};
	struct target			 t;
	struct err			 e;
	size_t				 i, n = 0;
	int				 sig;

	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	sig = parse_signal(name);
	if (sig == -1) {
		request_fail(r, "usage", NULL, "no signal '%s'", name);
		return;
	}
	if (target_find(c->supervisor, target, &t, &e) == -1) {
		request_fail(r, "no-such-target", NULL, "%s", e.msg);
		return;
	}
	for (i = t.first; i < t.last; i++)
		if (t.pool->slots[i]->current != NULL)
			n += worker_signal(t.pool->slots[i]->current, sig);
	request_done(r, json_pack("{s:I}", "signalled", (json_int_t)n));
}
