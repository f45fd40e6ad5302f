#include "config.h"
#include "os/classic.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "os/listener.h"

#define RUNS_MOST	1024
#define NEAR		64		/* runs that a short jump leaps over */

/* Numbers from here on are of these sockets: one each, or all of the first. */
struct run {
	unsigned int	 from;
	unsigned int	 index;		/* of the first */
	bool		 is_one;
};

struct program {
	struct run		 runs[RUNS_MOST];
	size_t			 run_count;
	unsigned int		 total;		/* of the weights in them */
	struct sock_filter	 insns[BPF_MAXINSNS];	/* 4 for a run are
						   more than enough */
	size_t			 len;
};

struct classic {
	struct classic_socket	 anchor;
	struct classic_socket	**order;	/* as the kernel has them */
	struct epoll_event	*events;	/* as many */
	size_t			 count, size;
	int			 poller;	/* tells who is shut */
};

/* --- the program ---------------------------------------------------------- */

static void
put(struct program *p, unsigned int code, unsigned int jt, unsigned int jf,
    unsigned int k)
{
	p->insns[p->len++] = (struct sock_filter){
		(uint16_t)code, (uint8_t)jt, (uint8_t)jf, k
	};
}

static void
put_run(struct program *p, const struct run *r)
{
	if (r->is_one) {
		put(p, BPF_RET | BPF_K, 0, 0, r->index);
		return;
	}
	if (r->index != r->from)
		put(p, BPF_ALU | BPF_ADD | BPF_K, 0, 0, r->index - r->from);
	put(p, BPF_RET | BPF_A, 0, 0, 0);
}

/* A tree of jumps; a conditional one leaps over 255 at most. */
static void
put_tree(struct program *p, size_t first, size_t last)
{
	size_t	 middle = first + (last - first) / 2, at = p->len;

	if (last - first == 1) {
		put_run(p, &p->runs[first]);
		return;
	}
	put(p, BPF_JMP | BPF_JGE | BPF_K, 0, 0, p->runs[middle].from);
	if (middle - first > NEAR) {
		p->insns[at].jf = 1;
		at = p->len;
		put(p, BPF_JMP | BPF_JA, 0, 0, 0);
	}
	put_tree(p, first, middle);
	if (middle - first > NEAR)
		p->insns[at].k = (unsigned int)(p->len - at - 1);
	else
		p->insns[at].jt = (uint8_t)(p->len - at - 1);
	put_tree(p, middle, last);
}

/* A number by chance, and what it stands for. */
static void
put_all(struct program *p)
{
	p->len = 0;
	if (p->total > 1) {
		put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0,
		    (unsigned int)(SKF_AD_OFF + SKF_AD_RANDOM));
		put(p, BPF_ALU | BPF_MOD | BPF_K, 0, 0, p->total);
	}
	put_tree(p, 0, p->run_count);
}

/* The run goes on with this socket. */
static bool
is_next(const struct run *r, unsigned int number,
    const struct classic_socket *s)
{
	return !r->is_one && s->weight == 1 &&
	    r->index + (number - r->from) == s->index;
}

/* So many runs at most. */
static void
collect(struct program *p, const struct classic *c, size_t most)
{
	const struct classic_socket	*s;
	size_t				 i;

	p->run_count = 0;
	p->total = 0;
	for (i = 0; i < c->count; i++) {
		s = c->order[i];
		if (s->weight == 0)
			continue;
		if (p->run_count == 0 ||
		    !is_next(&p->runs[p->run_count - 1], p->total, s)) {
			if (p->run_count == most)
				return;
			p->runs[p->run_count++] = (struct run){
				p->total, s->index, s->weight > 1
			};
		}
		p->total += s->weight;
	}
}

static int
attach(struct program *p, int fd)
{
	struct sock_fprog	 f = { .filter = p->insns };

	put_all(p);
	f.len = (unsigned short)p->len;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &f,
	    sizeof(f));
}

/* The kernel has memory for so much (net.core.optmem_max). */
int
classic_apply(struct classic *c, struct err *e)
{
	static struct program	 p;
	size_t			 most = RUNS_MOST;

	collect(&p, c, most);
	if (p.total == 0)
		return 0;
	while (attach(&p, c->order[0]->fd) == -1) {
		if (errno != ENOMEM || p.run_count == 1)
			return err_set(e, errno, "bpf program of a listener");
		most = p.run_count / 2;
		collect(&p, c, most);
	}
	return 0;
}

/* --- the sockets ---------------------------------------------------------- */

int
classic_probe(struct err *e)
{
	struct classic	*c;
	AUTO_FD		 fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int		 on = 1;

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on,
	    sizeof(on)) == -1)
		return err_set(e, errno, "classic bpf");
	c = classic_new(fd, e);
	classic_free(c);
	return c != NULL ? 0 : -1;
}

static int
make_room(struct classic *c)
{
	size_t			 size = c->size > 0 ? 2 * c->size : 8;
	struct classic_socket	**order;
	struct epoll_event	*events;

	if (c->count < c->size)
		return 0;
	order = realloc(c->order, size * sizeof(struct classic_socket *));
	if (order == NULL)
		return -1;
	c->order = order;
	events = realloc(c->events, size * sizeof(*events));
	if (events == NULL)
		return -1;
	c->events = events;
	c->size = size;
	return 0;
}

/* Of itself a listener tells nothing but that it is shut. */
static int
watch(const struct classic *c, struct classic_socket *s)
{
	struct epoll_event	 none = { .data.ptr = s };

	return epoll_ctl(c->poller, EPOLL_CTL_ADD, s->fd, &none);
}

static void
unwatch(const struct classic *c, const struct classic_socket *s)
{
	(void)epoll_ctl(c->poller, EPOLL_CTL_DEL, s->fd, NULL);
}

static void
append(struct classic *c, struct classic_socket *s)
{
	s->index = (unsigned int)c->count;
	c->order[c->count++] = s;
}

static void
take_out(struct classic *c, const struct classic_socket *s)
{
	struct classic_socket	*last = c->order[--c->count];

	c->order[s->index] = last;
	last->index = s->index;
}

struct classic *
classic_new(int anchor, struct err *e)
{
	struct classic	*c = calloc(1, sizeof(*c));

	if (c == NULL) {
		err_set(e, ENOMEM, "listener");
		return NULL;
	}
	c->poller = epoll_create1(EPOLL_CLOEXEC);
	c->anchor.fd = anchor;
	c->anchor.weight = 1;
	if (c->poller == -1 || make_room(c) == -1 ||
	    watch(c, &c->anchor) == -1) {
		err_set(e, errno, "listener");
		classic_free(c);
		return NULL;
	}
	append(c, &c->anchor);
	if (classic_apply(c, e) == -1) {
		classic_free(c);
		return NULL;
	}
	return c;
}

void
classic_free(struct classic *c)
{
	if (c == NULL)
		return;
	fd_close(&c->poller);
	free(c->order);
	free(c->events);
	free(c);
}

struct classic_socket *
classic_anchor(struct classic *c)
{
	return &c->anchor;
}

/* Those that are shut come after those that are there, in order. */
static size_t
sort_out(struct classic *c)
{
	struct classic_socket	*s;
	size_t			 before = c->count;
	int			 i, n = epoll_wait(c->poller, c->events,
				    (int)c->size, 0);

	for (i = 0; i < n; i++) {
		if ((c->events[i].events & EPOLLHUP) == 0)
			continue;
		s = c->events[i].data.ptr;
		take_out(c, s);
		c->order[c->count] = s;
	}
	return before - c->count;
}

/* Which of several was the first to be shut cannot be known: a guess. */
unsigned int
classic_mend(struct classic *c, uint64_t backlog)
{
	struct classic_socket	*s;
	unsigned int		 mended = 0;
	size_t			 first, n = sort_out(c);
	struct err		 e;

	first = c->count;
	for (; n > 0; n--, first++) {
		s = c->order[first];
		s->is_out = listener_mend(s->fd, backlog, &e) == -1;
		if (s->is_out) {
			unwatch(c, s);
			continue;
		}
		append(c, s);
		mended++;
	}
	if (mended > 0)
		(void)classic_apply(c, &e);
	return mended;
}

/* What has changed unseen comes first: the order is that of the events. */
int
classic_open(struct classic *c, struct classic_socket *s, uint64_t backlog,
    bool defer_accept, struct err *e)
{
	(void)classic_mend(c, backlog);
	if (make_room(c) == -1)
		return err_set(e, ENOMEM, "listener");
	s->fd = listener_open_beside(c->anchor.fd, backlog, defer_accept, e);
	if (s->fd == -1)
		return -1;
	if (watch(c, s) == -1) {
		err_set(e, errno, "listener");
		fd_close(&s->fd);
		return -1;
	}
	s->weight = 0;
	s->is_out = false;
	append(c, s);
	return 0;
}

/* Shut down, as a process that is about to be gone may still have it. */
static void
shut(struct classic_socket *s)
{
	(void)shutdown(s->fd, SHUT_RD);
	fd_close(&s->fd);
}

/* The last one gets nothing while it moves. */
void
classic_close(struct classic *c, struct classic_socket *s, uint64_t backlog)
{
	struct classic_socket	*last;
	unsigned int		 weight;
	struct err		 e;

	(void)classic_mend(c, backlog);
	if (s->is_out) {
		shut(s);
		return;
	}
	s->weight = 0;
	last = c->order[c->count - 1];
	weight = last->weight;
	last->weight = 0;
	(void)classic_apply(c, &e);
	last->weight = weight;
	unwatch(c, s);
	shut(s);
	take_out(c, s);
	(void)classic_apply(c, &e);
}
