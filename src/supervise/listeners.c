#include "config.h"
#include "supervise/listeners.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/conf.h"
#include "os/census.h"
#include "os/listener.h"
#include "supervise/journal.h"
#include "supervise/turns.h"

#define ADDRESS_MAX 160

void
listeners_init(struct listeners *ls, struct ev_loop *loop, struct journal *j)
{
	ls->loop = loop;
	ls->journal = j;
	ls->no_kernel = ls->no_classic = NULL;
	ls->census = NULL;
	ls->diag = (struct diag)DIAG_NONE;
	list_init(&ls->all);
}

void
listeners_fini(struct listeners *ls)
{
	if (ls->loop == NULL)
		return;
	census_free(ls->census);
	diag_fini(&ls->diag);
}

int
listeners_watch(struct listeners *ls, const struct listener_set *s,
    struct err *e)
{
	size_t	 i;

	if (ls->diag.fd == -1 && diag_init(&ls->diag, e) == -1)
		return -1;
	for (i = 0; i < s->count; i++)
		if (!diag_knows(&ls->diag, s->list[i]->fd))
			return err_set(e, 0, "%s is of another network "
			    "namespace", s->list[i]->address);
	return 0;
}

struct listener *
listener_ref(struct listener *l)
{
	l->refs++;
	return l;
}

void
listener_unref(struct listener *l)
{
	if (l == NULL || --l->refs > 0)
		return;
	list_remove(&l->node);
	free(l->address);
	free(l->pool);
	free(l->data);
	free(l);
}

/* A worker has shut a shared listener down, for all: undo that. */
static void
listener_was_shut(struct ev_loop *loop, ev_io *w, int revents)
{
	struct listener	*l = w->data;
	struct journal	*j = l->owner->journal;
	unsigned int	 more;
	struct err	 e;

	(void)revents;
	if ((l->turns != NULL ? turns_mend(l->turns, &e) :
	    listener_mend(w->fd, l->backlog, &e)) == 0) {
		if (limit_pass(&l->limit, clock_ms(), &more))
			journal_post(j, LOG_WARN, EV_TROUBLE, NULL,
			    "a worker has shut down the listener %s that it "
			    "shares; it listens again", l->address);
		return;
	}
	ev_io_stop(loop, w);
	journal_post(j, LOG_ERR, EV_TROUBLE, NULL, "a worker has shut down "
	    "the listener %s that it shares, and it cannot be mended: %s",
	    l->address, e.msg);
}

/* Nothing is ever written to a listener: this tells when it is shut. */
static void
listener_watch(struct listener *l)
{
	if (l->sharers > 0 && l->claims > 0 && l->fd != -1 && !l->datagram)
		ev_io_start(l->owner->loop, &l->shut);
	else
		ev_io_stop(l->owner->loop, &l->shut);
}

static void
listener_claim(struct listener *l, bool shared)
{
	l->claims++;
	if (shared)
		l->sharers++;
	listener_watch(l);
	if (l->turns != NULL)
		turns_update(l->turns);
}

/*
 * Its own places keep it open: their address may be wanted again before the
 * last of them is gone.  Until then connections are refused.
 */
void
listener_look(struct listener *l)
{
	if (l->claims > 0 || l->fd == -1 ||
	    (l->turns != NULL && l->turns->count > 0))
		return;
	turns_free(l->turns);
	l->turns = NULL;
	listener_close(&l->fd);
}

static void
listener_unclaim(struct listener *l, bool shared)
{
	if (shared)
		l->sharers--;
	l->claims--;
	listener_watch(l);
	if (l->turns != NULL)
		turns_update(l->turns);
	listener_look(l);
}

/* Takes the descriptor, also on failure. */
static struct listener *
listener_new(struct listeners *ls, const struct conf_listen *c, int fd,
    struct err *e)
{
	struct listener	*l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->address = malloc(ADDRESS_MAX);
	if (l == NULL || l->address == NULL) {
		listener_close(&fd);
		free(l);
		err_set(e, ENOMEM, "listen %s", c->text);
		return NULL;
	}
	l->owner = ls;
	l->refs = 1;
	l->fd = fd;
	l->asked = c->addr;
	l->asked_len = c->addr_len;
	l->dual_stack = c->dual_stack;
	l->datagram = c->datagram;
	l->port = listener_port(fd);
	listener_address(fd, l->address, ADDRESS_MAX);
	ev_io_init(&l->shut, listener_was_shut, fd, EV_WRITE);
	l->shut.data = l;
	list_append(&ls->all, &l->node);
	return l;
}

static bool
listener_is(const struct listener *l, const struct conf_listen *c)
{
	return l->fd != -1 && l->asked_len == c->addr_len &&
	    l->dual_stack == c->dual_stack && l->datagram == c->datagram &&
	    memcmp(&l->asked, &c->addr, c->addr_len) == 0;
}

/* Any free port may be asked for several times; each is another one. */
static bool
wants_any_port(const struct conf_listen *c)
{
	struct sockaddr_in	 in;

	if (c->addr.ss_family == AF_UNIX)
		return false;
	memcpy(&in, &c->addr, sizeof(in));
	return in.sin_port == 0;	/* at the same place in sockaddr_in6 */
}

/* One that is open for this address, or NULL. */
static struct listener *
listeners_find(const struct listeners *ls, const struct conf_listen *c)
{
	struct list	*n;
	struct listener	*l;

	for (n = ls->all.next; n != &ls->all; n = n->next) {
		l = LIST_ENTRY(n, struct listener, node);
		if (listener_is(l, c))
			return l;
	}
	return NULL;
}

bool
listeners_have(const struct listeners *ls, const struct conf_listen *c)
{
	return listeners_find(ls, c) != NULL;
}

/* One that is open already, with a reference, or NULL. */
static struct listener *
listener_find(const struct listeners *ls, const struct conf_listen *c,
    const struct listener_set *old, const struct listener_set *new)
{
	struct listener	*l;
	size_t		 i;

	for (i = 0; old != NULL && i < old->count; i++)
		if (listener_is(old->list[i], c) &&
		    listener_set_find(new, old->list[i]) == -1)
			return listener_ref(old->list[i]);
	l = wants_any_port(c) ? NULL : listeners_find(ls, c);
	return l != NULL ? listener_ref(l) : NULL;
}

static struct listener *
listener_get(struct listeners *ls, const struct conf_pool *c,
    const struct conf_listen *cl, const struct listener_set *old,
    const struct listener_set *new, struct err *e)
{
	struct listener	*l = listener_find(ls, cl, old, new);
	int		 fd;

	if (l == NULL) {
		fd = listener_open(cl, c->backlog, c->defer_accept, e);
		if (fd != -1)
			l = listener_new(ls, cl, fd, e);
		if (l == NULL)
			return NULL;
		l->backlog = c->backlog;
	}
	free(l->pool);
	l->pool = strdup(c->name);	/* NULL: then it is nobody's */
	return l;
}

struct listener_set *
listener_set_new(struct listeners *ls, const struct conf_pool *c,
    const struct listener_set *old, struct err *e)
{
	struct listener_set	*s = calloc(1, sizeof(*s) +
				    LISTENER_SET_MAX * sizeof(s->list[0]));
	struct listener		*l;

	if (s == NULL) {
		err_set(e, ENOMEM, "pool '%s'", c->name);
		return NULL;
	}
	s->refs = 1;
	s->claimed = true;
	while (s->count < c->listen_count) {
		l = listener_get(ls, c, &c->listen[s->count], old, s, e);
		if (l == NULL) {
			listener_set_unref(s);
			return NULL;
		}
		listener_claim(l, false);
		s->list[s->count++] = l;
	}
	return s;
}

int
listener_set_add(struct listener_set *s, struct listeners *ls,
    const struct conf_pool *c, const struct conf_listen *cl, struct err *e)
{
	struct listener	*l = wants_any_port(cl) ? NULL :
			    listeners_find(ls, cl);

	if (!s->claimed || s->count == LISTENER_SET_MAX) {
		err_set(e, 0, "%s: %s", cl->text, s->claimed ?
		    "there are too many" : "the pool is closed");
		e->code = ENOBUFS;
		return -1;
	}
	if (l != NULL && (l->pool == NULL || strcmp(l->pool, c->name) != 0)) {
		err_set(e, 0, "%s, which is another pool's", cl->text);
		e->code = EADDRINUSE;
		return -1;
	}
	l = listener_get(ls, c, cl, NULL, s, e);
	if (l == NULL)
		return -1;
	l->others += s->takers;
	listener_claim(l, s->shared);
	s->list[s->count] = l;
	return (int)s->count++;
}

void
listener_set_share(struct listener_set *s)
{
	size_t	 i;

	for (i = 0; !s->shared && i < s->count; i++) {
		s->list[i]->sharers++;
		listener_watch(s->list[i]);
	}
	s->shared = true;
}

struct listener_set *
listener_set_ref(struct listener_set *s)
{
	s->refs++;
	return s;
}

void
listener_set_close(struct listener_set *s)
{
	size_t	 i;

	for (i = 0; s->claimed && i < s->count; i++)
		listener_unclaim(s->list[i], s->shared);
	s->claimed = false;
}

void
listener_set_unref(struct listener_set *s)
{
	size_t	 i;

	if (s == NULL || --s->refs > 0)
		return;
	listener_set_close(s);
	for (i = 0; i < s->count; i++)
		listener_unref(s->list[i]);
	free(s);
}

/* The same one, or the same address, closed and opened again meanwhile. */
bool
listener_is_same(const struct listener *a, const struct listener *b)
{
	return a == b || (a->address != NULL && b->address != NULL &&
	    strcmp(a->address, b->address) == 0);
}

int
listener_set_find(const struct listener_set *s, const struct listener *l)
{
	size_t	 i;

	for (i = 0; i < s->count; i++)
		if (listener_is_same(s->list[i], l))
			return (int)i;
	return -1;
}

void
listener_set_tune(struct listener_set *s, const struct conf_pool *c)
{
	size_t	 i;

	for (i = 0; s->claimed && i < s->count; i++) {
		s->list[i]->backlog = c->backlog;
		listener_tune(s->list[i]->fd, c->backlog, c->defer_accept);
		if (s->list[i]->turns != NULL)
			turns_tune(s->list[i]->turns, c->backlog,
			    c->defer_accept);
	}
}

void
listener_take(struct listener *l, bool up)
{
	l->others = up ? l->others + 1 : l->others - 1;
	if (l->turns != NULL && l->fd != -1)
		turns_update(l->turns);
}

void
listener_set_take(struct listener_set *s, bool up)
{
	size_t	 i;

	s->takers = up ? s->takers + 1 : s->takers - 1;
	for (i = 0; i < s->count; i++)
		listener_take(s->list[i], up);
}

uint16_t
listener_set_port(const struct listener_set *s)
{
	size_t	 i;

	for (i = 0; i < s->count; i++)
		if (s->list[i]->port != 0)
			return s->list[i]->port;
	return 0;
}
