#include "config.h"
#include "os/diag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "os/probe.h"

#define TCP_IN_TIME_WAIT	6	/* as the kernel numbers them */
#define ANSWER_MAX		1024

struct question {
	struct nlmsghdr		 h;
	struct inet_diag_req_v2	 req;
};

static bool
address(const struct sockaddr_storage *ss, __be16 *ret_port, __be32 ret[4])
{
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;

	memset(ret, 0, sizeof(__be32[4]));
	switch (ss->ss_family) {
	case AF_INET:
		memcpy(&in, ss, sizeof(in));
		*ret_port = in.sin_port;
		memcpy(ret, &in.sin_addr, sizeof(in.sin_addr));
		return true;
	case AF_INET6:
		memcpy(&in6, ss, sizeof(in6));
		*ret_port = in6.sin6_port;
		memcpy(ret, &in6.sin6_addr, sizeof(in6.sin6_addr));
		return true;
	default:
		return false;
	}
}

/*
 * The interface that it is bound to, as those of link-local addresses are:
 * the kernel finds none of these without it.
 */
static uint32_t
interface(int conn)
{
	int		 index = 0;
	socklen_t	 len = sizeof(index);

	(void)getsockopt(conn, SOL_SOCKET, SO_BINDTOIFINDEX, &index, &len);
	return (uint32_t)index;
}

bool
diag_name(int conn, struct diag_name *ret)
{
	struct sockaddr_storage	 own = { 0 }, peer = { 0 };
	socklen_t		 own_len = sizeof(own), len = sizeof(peer);
	socklen_t		 size = sizeof(ret->id.idiag_cookie);

	memset(ret, 0, sizeof(*ret));
	if (getsockname(conn, (struct sockaddr *)&own, &own_len) == -1 ||
	    getpeername(conn, (struct sockaddr *)&peer, &len) == -1 ||
	    getsockopt(conn, SOL_SOCKET, SO_COOKIE, ret->id.idiag_cookie,
	    &size) == -1)
		return false;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	/* The kernel wants the lower half first. */
	len = ret->id.idiag_cookie[0];
	ret->id.idiag_cookie[0] = ret->id.idiag_cookie[1];
	ret->id.idiag_cookie[1] = len;
#endif
	ret->family = (unsigned char)own.ss_family;
	ret->id.idiag_if = interface(conn);
	return address(&own, &ret->id.idiag_sport, ret->id.idiag_src) &&
	    address(&peer, &ret->id.idiag_dport, ret->id.idiag_dst);
}

bool
diag_is_same(const struct diag_name *a, const struct diag_name *b)
{
	return memcmp(a->id.idiag_cookie, b->id.idiag_cookie,
	    sizeof(a->id.idiag_cookie)) == 0;
}

/* True: this is an answer that says that it is over. */
static bool
says_closed(struct nlmsghdr *h)
{
	const struct inet_diag_msg	*m = NLMSG_DATA(h);
	const struct nlmsgerr		*refusal = NLMSG_DATA(h);

	if (h->nlmsg_type == NLMSG_ERROR)
		return h->nlmsg_len >= NLMSG_LENGTH(sizeof(*refusal)) &&
		    (refusal->error == -ENOENT || refusal->error == -ESTALE);
	return h->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
	    h->nlmsg_len >= NLMSG_LENGTH(sizeof(*m)) &&
	    (m->idiag_state == TCP_IN_TIME_WAIT || m->idiag_inode == 0);
}

static void
ask(struct question *q, const struct diag_name *n, uint32_t seq)
{
	memset(q, 0, sizeof(*q));
	q->h.nlmsg_len = sizeof(*q);
	q->h.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	q->h.nlmsg_flags = NLM_F_REQUEST;
	q->h.nlmsg_seq = seq;
	q->req.sdiag_family = n->family;
	q->req.sdiag_protocol = IPPROTO_TCP;
	q->req.idiag_states = ~0U;
	q->req.id = n->id;
}

/* The kernel has answered all before the question was sent. */
uint64_t
diag_closed(struct diag *d, const struct diag_name *names, size_t count)
{
	struct question	 q[DIAG_MOST];
	union {
		struct nlmsghdr	 h;
		char		 bytes[ANSWER_MAX];
	}		 a;
	uint32_t	 first = d->seq, i;
	uint64_t	 closed = 0;
	ssize_t		 n;

	if (count > DIAG_MOST)
		count = DIAG_MOST;
	d->seq += (uint32_t)count;
	for (i = 0; i < count; i++)
		ask(&q[i], &names[i], first + i);
	if (send(d->fd, q, count * sizeof(q[0]), 0) == -1)
		return 0;
	while ((n = recv(d->fd, &a, sizeof(a), MSG_DONTWAIT)) != -1) {
		i = a.h.nlmsg_seq - first;
		if ((size_t)n >= sizeof(a.h) && i < count &&
		    a.h.nlmsg_len <= (size_t)n && says_closed(&a.h))
			closed |= (uint64_t)1 << i;
	}
	return closed;
}

/* Where nothing answers it says ENOENT, as of what is closed. */
static bool
is_answered(struct diag *d, struct err *e)
{
	int			 peer = -1;
	AUTO_FD			 own = probe_pair(&peer, e);
	struct diag_name	 name;
	bool			 is_open;

	if (own == -1)
		return false;
	is_open = diag_name(peer, &name) && diag_closed(d, &name, 1) == 0;
	(void)close(peer);
	if (!is_open)
		(void)err_set(e, ENOTSUP, "inet_diag");
	return is_open;
}

int
diag_init(struct diag *d, struct err *e)
{
	d->seq = 1;
	d->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
	    NETLINK_SOCK_DIAG);
	if (d->fd == -1)
		return err_set(e, errno, "NETLINK_SOCK_DIAG");
	if (is_answered(d, e))
		return 0;
	diag_fini(d);
	return -1;
}

/* Before Linux 5.14 there is no telling. */
bool
diag_knows(const struct diag *d, int listener)
{
	uint64_t	 ours, its;
	socklen_t	 len = sizeof(ours);

	return getsockopt(d->fd, SOL_SOCKET, SO_NETNS_COOKIE, &ours, &len) ==
	    -1 || getsockopt(listener, SOL_SOCKET, SO_NETNS_COOKIE, &its,
	    &len) == -1 || ours == its;
}

void
diag_fini(struct diag *d)
{
	fd_close(&d->fd);
}
