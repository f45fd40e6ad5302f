#include "config.h"
#include "os/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/parse.h"
#include "config/conf.h"
#include "os/holder.h"
#include "os/inherit.h"

#define DEFER_SECONDS	1	/* then it is accepted without data */
#define PRIVILEGED_END	1024
#define DEAD_MOST	64	/* skipped in one go */
#define UNIX_PATH_SIZE	(sizeof(((struct sockaddr_un *)0)->sun_path) + 1)

/* The file that a unix socket of ours was bound to. */
struct bound {
	struct list	 node;
	ino_t		 socket;	/* of the socket itself */
	dev_t		 dev;
	ino_t		 ino;
};

static struct list	 bounds = { &bounds, &bounds };

static bool
is_unix(const struct conf_listen *l)
{
	return l->addr.ss_family == AF_UNIX;
}

static void
unix_path(const struct sockaddr_storage *addr, char path[UNIX_PATH_SIZE])
{
	struct sockaddr_un	 un;

	memcpy(&un, addr, sizeof(un));
	memcpy(path, un.sun_path, sizeof(un.sun_path));
	path[UNIX_PATH_SIZE - 1] = '\0';
}

static uint16_t
port_of(const struct sockaddr_storage *addr)
{
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;

	memcpy(&in, addr, sizeof(in));
	memcpy(&in6, addr, sizeof(in6));
	if (addr->ss_family == AF_INET)
		return ntohs(in.sin_port);
	return addr->ss_family == AF_INET6 ? ntohs(in6.sin6_port) : 0;
}

static int
fail_in_use(const struct conf_listen *l, struct err *e)
{
	char	 who[96];

	if (holder_find(l, who, sizeof(who)) && who[0] != '\0')
		err_set(e, 0, "listen on %s: address in use by %s", l->text,
		    who);
	else
		err_set(e, 0, "listen on %s: address in use", l->text);
	e->code = EADDRINUSE;
	return -1;
}

static int
fail(const struct conf_listen *l, int code, struct err *e)
{
	uint16_t	 port = port_of(&l->addr);

	if (code == EADDRINUSE)
		return fail_in_use(l, e);
	err_set(e, code, "listen on %s", l->text);
	if (code == EACCES && port > 0 && port < PRIVILEGED_END)
		err_set(e, 0, "listen on %s: %s (a port below %d needs root, "
		    "CAP_NET_BIND_SERVICE, or a lower "
		    "net.ipv4.ip_unprivileged_port_start)", l->text,
		    strerror(code), PRIVILEGED_END);
	else if (code == EADDRNOTAVAIL)
		err_set(e, 0, "listen on %s: this machine has no such address",
		    l->text);
	e->code = code;
	return -1;
}

/* Whether somebody answers at a unix socket, or might. */
static bool
unix_is_live(const struct conf_listen *l)
{
	AUTO_FD	 fd = -1;
	char	 who[96];

	/* Asked first since it disturbs nobody. */
	if (holder_find(l, who, sizeof(who)))
		return true;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd == -1 || connect(fd, (const struct sockaddr *)&l->addr,
	    l->addr_len) == 0 || (errno != ECONNREFUSED && errno != ENOENT);
}

/*
 * What is at the path may be taken away: nothing, or a socket that nobody
 * listens at.
 */
static int
unix_check_free(const struct conf_listen *l, const char *path, struct err *e)
{
	struct stat	 st;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ? 0 : fail(l, errno, e);
	if (!S_ISSOCK(st.st_mode)) {
		err_set(e, 0, "listen on %s: there is something that is not "
		    "a socket", l->text);
		e->code = EEXIST;
		return -1;
	}
	return unix_is_live(l) ? fail_in_use(l, e) : 0;
}

/* Could a file be made beside the path? */
static int
unix_check_dir(const struct conf_listen *l, char *path, struct err *e)
{
	char	*slash = strrchr(path, '/');

	if (slash == path)
		slash[1] = '\0';
	else if (slash != NULL)
		*slash = '\0';
	if (access(slash != NULL ? path : ".", W_OK | X_OK) == -1)
		return fail(l, errno, e);
	return 0;
}

/* Remember the file, so as to remove no other than that. */
static int
unix_remember(int fd, const char *path)
{
	struct stat	 sock, file;
	struct bound	*b = malloc(sizeof(*b));

	if (b == NULL || fstat(fd, &sock) == -1 || lstat(path, &file) == -1) {
		free(b);
		return -1;
	}
	b->socket = sock.st_ino;
	b->dev = file.st_dev;
	b->ino = file.st_ino;
	list_append(&bounds, &b->node);
	return 0;
}

static void
unix_remove(int fd)
{
	struct sockaddr_storage	 addr = { 0 };
	socklen_t		 len = sizeof(addr);
	struct stat		 sock, file;
	struct list		*n, *tmp;
	struct bound		*b;
	char			 path[UNIX_PATH_SIZE];

	if (fstat(fd, &sock) == -1 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) == -1 ||
	    addr.ss_family != AF_UNIX)
		return;
	unix_path(&addr, path);
	LIST_FOREACH(n, tmp, &bounds) {
		b = LIST_ENTRY(n, struct bound, node);
		if (b->socket != sock.st_ino)
			continue;
		if (lstat(path, &file) == 0 && file.st_dev == b->dev &&
		    file.st_ino == b->ino)
			(void)unlink(path);
		list_remove(n);
		free(b);
		return;
	}
}

static int
bind_unix(int fd, const struct conf_listen *l, struct err *e)
{
	char	 path[UNIX_PATH_SIZE];

	unix_path(&l->addr, path);
	if (bind(fd, (const struct sockaddr *)&l->addr, l->addr_len) == -1) {
		if (errno != EADDRINUSE)
			return fail(l, errno, e);
		if (unix_check_free(l, path, e) == -1)
			return -1;
		if ((unlink(path) == -1 && errno != ENOENT) ||
		    bind(fd, (const struct sockaddr *)&l->addr,
		    l->addr_len) == -1)
			return fail(l, errno, e);
	}
	if (unix_remember(fd, path) == -1) {
		(void)unlink(path);
		return fail(l, ENOMEM, e);
	}
	return 0;
}

/* Where the kernel has no IPv6, every address is every IPv4 address. */
static void
without_ipv6(const struct conf_listen *l, struct conf_listen *ret)
{
	struct sockaddr_in	 in = {
		.sin_family = AF_INET,
		.sin_port = htons(port_of(&l->addr)),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};

	*ret = *l;
	memset(&ret->addr, 0, sizeof(ret->addr));
	memcpy(&ret->addr, &in, sizeof(in));
	ret->addr_len = sizeof(in);
	ret->dual_stack = false;
}

/* For UDP it would let others take the datagrams away. */
static int
bind_inet(int fd, const struct conf_listen *l, struct err *e)
{
	int	 on = !l->datagram, v6only = !l->dual_stack;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (l->addr.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &v6only, sizeof(v6only)) == -1) ||
	    bind(fd, (const struct sockaddr *)&l->addr, l->addr_len) == -1)
		return fail(l, errno, e);
	return 0;
}

static int
open_bound(const struct conf_listen *l, struct err *e)
{
	AUTO_FD	 fd = -1;

	fd = socket(l->addr.ss_family, (l->datagram ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return fail(l, errno, e);
	return bind_inet(fd, l, e) == -1 ? -1 : fd_take(&fd);
}

static void
set_port(struct conf_listen *l, uint16_t port)
{
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;

	if (l->addr.ss_family == AF_INET) {
		memcpy(&in, &l->addr, sizeof(in));
		in.sin_port = htons(port);
		memcpy(&l->addr, &in, sizeof(in));
	} else {
		memcpy(&in6, &l->addr, sizeof(in6));
		in6.sin6_port = htons(port);
		memcpy(&l->addr, &in6, sizeof(in6));
	}
}

/*
 * A bound socket.  The kernel takes a port that it has chosen itself away
 * at a shutdown, so ask for the one that it would choose.
 */
static int
open_inet(const struct conf_listen *l, struct err *e)
{
	struct conf_listen	 chosen;
	AUTO_FD			 fd = -1;

	fd = open_bound(l, e);
	if (fd == -1 && e->code == EAFNOSUPPORT && l->dual_stack) {
		without_ipv6(l, &chosen);
		return open_inet(&chosen, e);
	}
	if (fd == -1 || l->datagram || port_of(&l->addr) != 0)
		return fd_take(&fd);
	chosen = *l;
	set_port(&chosen, listener_port(fd));
	return open_bound(&chosen, e);
}

static int
open_unix(const struct conf_listen *l, struct err *e)
{
	AUTO_FD	 fd = -1;

	if (l->addr_len > sizeof(struct sockaddr_un))
		return fail(l, ENAMETOOLONG, e);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return fail(l, errno, e);
	return bind_unix(fd, l, e) == -1 ? -1 : fd_take(&fd);
}

/*
 * From here on others may be opened beside it, by us.  Only after it is
 * bound: so it shares its address with nobody who was there before, nor
 * will anybody who binds as it did.
 */
static void
allow_beside(int fd)
{
	int	 on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

static int
set_listening(int fd, uint64_t backlog)
{
	return listen(fd, backlog > INT_MAX ? INT_MAX : (int)backlog);
}

/* Not for unix sockets, which refuse it. */
static int
set_deferring(int fd, bool on)
{
	int	 seconds = on ? DEFER_SECONDS : 0;

	return setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
	    sizeof(seconds));
}

void
listener_tune(int fd, uint64_t backlog, bool defer_accept)
{
	(void)set_listening(fd, backlog);
	(void)set_deferring(fd, defer_accept);
}

int
listener_open(const struct conf_listen *l, uint64_t backlog,
    bool defer_accept, struct err *e)
{
	int	 fd = l->datagram ? -1 : inherit_take(l);
	int	 code;

	if (fd == -1)
		fd = is_unix(l) ? open_unix(l, e) : open_inet(l, e);
	if (fd == -1 || l->datagram)
		return fd;
	if (!is_unix(l))
		allow_beside(fd);
	if (set_listening(fd, backlog) == -1 ||
	    (defer_accept && !is_unix(l) && set_deferring(fd, true) == -1)) {
		code = errno;
		listener_close(&fd);
		return fail(l, code, e);
	}
	return fd;
}

/* The address of one socket, for another. */
static int
bind_beside(int fd, int other)
{
	struct sockaddr_storage	 addr = { 0 };
	socklen_t		 len = sizeof(addr), size = sizeof(int);
	int			 on = 1, v6only = 0;

	if (getsockname(other, (struct sockaddr *)&addr, &len) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1)
		return -1;
	if (addr.ss_family == AF_INET6 && (getsockopt(other, IPPROTO_IPV6,
	    IPV6_V6ONLY, &v6only, &size) == -1 || setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &v6only, sizeof(v6only)) == -1))
		return -1;
	return bind(fd, (struct sockaddr *)&addr, len);
}

int
listener_open_beside(int other, uint64_t backlog, bool defer_accept,
    struct err *e)
{
	int		 domain = AF_UNSPEC;
	socklen_t	 len = sizeof(domain);
	char		 name[UNIX_PATH_SIZE + 8];
	AUTO_FD		 fd = -1;

	(void)getsockopt(other, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 && bind_beside(fd, other) == 0 &&
	    set_listening(fd, backlog) == 0 &&
	    (!defer_accept || set_deferring(fd, true) == 0))
		return fd_take(&fd);
	listener_address(other, name, sizeof(name));
	return err_set(e, errno, "listen on %s once more", name);
}

int
listener_check(const struct conf_listen *l, struct err *e)
{
	char	 path[UNIX_PATH_SIZE];
	AUTO_FD	 fd = -1;

	if (inherit_has(l))
		return 0;
	if (is_unix(l)) {
		unix_path(&l->addr, path);
		if (unix_check_free(l, path, e) == -1)
			return -1;
		return unix_check_dir(l, path, e);
	}
	fd = open_inet(l, e);
	return fd == -1 ? -1 : 0;
}

static void
format_ipv6(const struct sockaddr_storage *addr, char *buf, size_t size)
{
	struct sockaddr_in6	 in6;
	char			 host[INET6_ADDRSTRLEN];

	memcpy(&in6, addr, sizeof(in6));
	(void)inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
	if (in6.sin6_scope_id == 0)
		(void)snprintf(buf, size, "[%s]:%u", host,
		    ntohs(in6.sin6_port));
	else
		(void)snprintf(buf, size, "[%s%%%u]:%u", host,
		    in6.sin6_scope_id, ntohs(in6.sin6_port));
}

static void
format_ipv4(const struct sockaddr_storage *addr, char *buf, size_t size)
{
	struct sockaddr_in	 in;
	char			 host[INET_ADDRSTRLEN];

	memcpy(&in, addr, sizeof(in));
	(void)inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
	(void)snprintf(buf, size, "%s:%u", host, ntohs(in.sin_port));
}

void
listener_address(int fd, char *buf, size_t size)
{
	struct sockaddr_storage	 addr = { 0 };
	socklen_t		 len = sizeof(addr);
	char			 path[UNIX_PATH_SIZE];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == -1) {
		(void)snprintf(buf, size, "unknown");
	} else if (addr.ss_family == AF_INET6) {
		format_ipv6(&addr, buf, size);
	} else if (addr.ss_family == AF_INET) {
		format_ipv4(&addr, buf, size);
	} else {
		unix_path(&addr, path);
		(void)snprintf(buf, size, "unix:%s", path);
	}
}

bool
listener_host(int fd, char buf[LISTENER_HOST_MAX], bool *ret_is_ipv6)
{
	struct sockaddr_storage	 addr = { 0 };
	socklen_t		 len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == -1 ||
	    (addr.ss_family != AF_INET && addr.ss_family != AF_INET6))
		return false;
	*ret_is_ipv6 = addr.ss_family == AF_INET6;
	return getnameinfo((struct sockaddr *)&addr, len, buf,
	    LISTENER_HOST_MAX, NULL, 0, NI_NUMERICHOST) == 0;
}

uint16_t
listener_port(int fd)
{
	struct sockaddr_storage	 addr = { 0 };
	socklen_t		 len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == -1)
		return 0;
	return port_of(&addr);
}

int
listener_mend(int fd, uint64_t backlog, struct err *e)
{
	static const struct sockaddr	 nobody = { .sa_family = AF_UNSPEC };
	char		 name[UNIX_PATH_SIZE + 8];
	int		 domain = AF_UNIX;
	socklen_t	 len = sizeof(domain);

	listener_address(fd, name, sizeof(name));
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    domain == AF_UNIX)
		return err_set(e, EOPNOTSUPP, "listen again on %s", name);
	/*
	 * Shut down twice it stays so when it listens again, and each
	 * connection is born dead; only disconnecting undoes that.
	 */
	(void)connect(fd, &nobody, sizeof(nobody));
	if (set_listening(fd, backlog) == -1)
		return err_set(e, errno, "listen again on %s", name);
	return 0;
}

void
listener_close(int *fd)
{
	if (*fd >= 0 && !inherit_forget(*fd))
		unix_remove(*fd);
	fd_close(fd);
}

uint64_t
listener_backlog_cap(void)
{
	AUTO_FD		 fd = -1;
	char		 buf[32];
	uint64_t	 cap;
	ssize_t		 n;

	fd = open("/proc/sys/net/core/somaxconn", O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return parse_count(buf, &cap) == PARSE_OK ? cap : 0;
}

unsigned int
listener_waiting(int fd)
{
	struct tcp_info	 ti;
	socklen_t	 len = sizeof(ti);

	memset(&ti, 0, sizeof(ti));
	/* Of a listener: the length of its queue (tcp_get_info). */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len) == -1)
		return 0;
	return ti.tcpi_unacked;
}

/* accept(2): errors of the connection, not of the listener. */
static bool
is_dead_connection(int code)
{
	static const int	 codes[] = {
		ECONNABORTED, EINTR, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT,
		EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH,
		ETIMEDOUT,
	};
	size_t			 i;

	for (i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

int
listener_accept(int fd)
{
	int	 conn, i;

	for (i = 0; i < DEAD_MOST; i++) {
		conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn != -1 || !is_dead_connection(errno))
			return conn;
	}
	errno = EAGAIN;			/* the next turn goes on */
	return -1;
}
