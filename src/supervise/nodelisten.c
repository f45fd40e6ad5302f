#include "config.h"
#include "supervise/nodelisten.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/err.h"
#include "config/conf.h"
#include "ipc/cluster.h"
#include "os/listener.h"
#include "supervise/launch.h"
#include "supervise/listeners.h"

/* How well a listener is what the worker asks for. */
enum fit { FIT_NOT, FIT_PORT, FIT_FAMILY, FIT_EXACTLY };

static bool
is_datagram(const struct cluster_query *q)
{
	return q->type == CLUSTER_UDP4 || q->type == CLUSTER_UDP6;
}

static bool
is_ipv6(const struct cluster_query *q)
{
	return q->type == CLUSTER_TCP6 || q->type == CLUSTER_UDP6;
}

/* All addresses of its family, or of both. */
static bool
is_wildcard(const struct cluster_query *q)
{
	return q->is_any || strcmp(q->address, "::") == 0 ||
	    strcmp(q->address, "0.0.0.0") == 0;
}

/* The listener is bound to just this address. */
static bool
has_address(const struct listener *l, const char *address)
{
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;
	struct in6_addr		 a6;
	struct in_addr		 a4;

	memcpy(&in, &l->asked, sizeof(in));
	memcpy(&in6, &l->asked, sizeof(in6));
	if (l->asked.ss_family == AF_INET)
		return inet_pton(AF_INET, address, &a4) == 1 &&
		    a4.s_addr == in.sin_addr.s_addr;
	return l->asked.ss_family == AF_INET6 &&
	    inet_pton(AF_INET6, address, &a6) == 1 &&
	    memcmp(&a6, &in6.sin6_addr, sizeof(a6)) == 0;
}

static enum fit
address_fit(const struct listener *l, const struct cluster_query *q)
{
	if (!is_wildcard(q))
		return has_address(l, q->address) ? FIT_EXACTLY : FIT_NOT;
	if (l->dual_stack)
		return q->is_any || (is_ipv6(q) && !q->ipv6_only) ?
		    FIT_EXACTLY : FIT_FAMILY;
	if (!q->is_any && has_address(l, q->address))
		return FIT_EXACTLY;
	return FIT_PORT;
}

/* The port it was opened for, not the one that it has. */
static bool
was_any_port(const struct listener *l)
{
	struct sockaddr_in	 in;

	memcpy(&in, &l->asked, sizeof(in));
	return in.sin_port == 0;	/* at the same place in sockaddr_in6 */
}

static bool
has_path(const struct listener *l, const char *path)
{
	struct sockaddr_un	 un;
	struct stat		 ours, theirs;

	if (l->asked.ss_family != AF_UNIX)
		return false;
	memcpy(&un, &l->asked, sizeof(un));
	if (strcmp(un.sun_path, path) == 0)
		return true;
	return lstat(un.sun_path, &ours) == 0 && lstat(path, &theirs) == 0 &&
	    ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static int
find_path(const struct listener_set *s, const struct cluster_query *q)
{
	size_t	 i;

	for (i = 0; i < s->count && !q->is_abstract; i++)
		if (has_path(s->list[i], q->address))
			return (int)i;
	return -1;
}

/* The index tells apart several that want any free port. */
static int
find_address(const struct listener_set *s, const struct cluster_query *q,
    bool datagram)
{
	const struct listener	*l;
	enum fit		 fit, best = FIT_NOT;
	unsigned int		 skip = q->index;
	size_t			 i;
	int			 found = -1;

	for (i = 0; i < s->count; i++) {
		l = s->list[i];
		if (l->datagram != datagram || l->asked.ss_family == AF_UNIX ||
		    (q->port != 0 ? l->port != q->port : !was_any_port(l)))
			continue;
		fit = address_fit(l, q);
		if (q->port == 0 && fit != FIT_NOT && skip-- > 0)
			continue;
		if (fit <= best)
			continue;
		best = fit;
		found = (int)i;
		if (q->port == 0)
			break;
	}
	return found;
}

/* The descriptors that a worker would have had of us, by their numbers. */
static int
find_descriptor(const struct listener_set *s, const struct cluster_query *q)
{
	size_t	 i;

	if (q->fd < LAUNCH_FIRST_FD)
		return -1;
	i = (size_t)(q->fd - LAUNCH_FIRST_FD);
	return i < s->count && !s->list[i]->datagram ? (int)i : -1;
}

static int
find(const struct listener_set *s, const struct cluster_query *q)
{
	if (q->type == CLUSTER_FD)
		return find_descriptor(s, q);
	if (q->type == CLUSTER_UNIX)
		return find_path(s, q);
	return find_address(s, q, is_datagram(q));
}

static int
make_unix(const struct cluster_query *q, struct conf_listen *l)
{
	struct sockaddr_un	 un = { .sun_family = AF_UNIX };

	if (q->is_abstract ||
	    strlen(q->address) >= sizeof(un.sun_path))
		return -1;
	memcpy(un.sun_path, q->address, strlen(q->address));
	memcpy(&l->addr, &un, sizeof(un));
	l->addr_len = sizeof(un);
	return 0;
}

static int
make_ipv4(const struct cluster_query *q, struct conf_listen *l)
{
	struct sockaddr_in	 in = {
		.sin_family = AF_INET, .sin_port = htons(q->port),
	};

	if (!q->is_any && inet_pton(AF_INET, q->address, &in.sin_addr) != 1)
		return -1;
	memcpy(&l->addr, &in, sizeof(in));
	l->addr_len = sizeof(in);
	return 0;
}

static int
make_ipv6(const struct cluster_query *q, struct conf_listen *l)
{
	struct sockaddr_in6	 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(q->port),
	};

	if (!q->is_any &&
	    inet_pton(AF_INET6, q->address, &in6.sin6_addr) != 1)
		return -1;
	memcpy(&l->addr, &in6, sizeof(in6));
	l->addr_len = sizeof(in6);
	l->dual_stack = is_wildcard(q) && !q->ipv6_only;
	return 0;
}

/* What the worker asks for, as if the config had it.  text is borrowed. */
static int
make(const struct cluster_query *q, char *text, struct conf_listen *l)
{
	memset(l, 0, sizeof(*l));
	l->text = text;
	l->datagram = is_datagram(q);
	if (q->type == CLUSTER_FD)
		return -1;
	if (q->type == CLUSTER_UNIX)
		return make_unix(q, l);
	/* No address at all: both families, but for UDP, which names one. */
	if (is_ipv6(q) || (q->is_any && !l->datagram))
		return make_ipv6(q, l);
	return make_ipv4(q, l);
}

/* UDP on the port of one of the pool's listeners is its own, too. */
static bool
is_allowed(const struct listener_set *s, const struct conf_pool *c,
    const struct cluster_query *q)
{
	return c->listen_any ||
	    (is_datagram(q) && find_address(s, q, false) != -1);
}

int
nodelisten_find(struct listener_set *s, struct listeners *ls,
    const struct conf_pool *c, const struct cluster_query *q, struct err *e)
{
	char			 text[CLUSTER_ADDRESS_MAX + 32];
	struct conf_listen	 l;
	int			 i = find(s, q);

	if (i != -1)
		return i;
	cluster_describe(q, text, sizeof(text));
	if (q->type == CLUSTER_FD) {
		err_set(e, 0, "%s, which is none of the pool's", text);
		e->code = EINVAL;
		return -1;
	}
	if (!is_allowed(s, c, q)) {
		err_set(e, 0, "%s, which the config does not have; add it to "
		    "'listen', or 'listen_any: yes'", text);
		e->code = EACCES;
		return -1;
	}
	if (make(q, text, &l) == -1) {
		err_set(e, 0, "%s, which cannot be listened on", text);
		e->code = EINVAL;
		return -1;
	}
	return listener_set_add(s, ls, c, &l, e);
}
