#include "config.h"
#include "os/conn.h"

#include <linux/sockios.h>
#include <linux/tcp.h>		/* glibc's has not all of struct tcp_info */
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define TCP_OPEN	1	/* as the kernel numbers them */
#define TCP_OVER	7
#define TCP_HALF_CLOSED	8	/* by the other end */
#define TRIES		3

/* FIN counts as a byte that was received, and not as one that can be read. */
static bool
is_unread(const struct tcp_info *ti, unsigned int readable)
{
	uint64_t	 received = ti->tcpi_bytes_received;

	if (ti->tcpi_state != TCP_OPEN && ti->tcpi_state != TCP_HALF_CLOSED)
		return false;
	if (ti->tcpi_state == TCP_HALF_CLOSED)
		received--;
	return received == readable && ti->tcpi_bytes_sent == 0 &&
	    ti->tcpi_notsent_bytes == 0;
}

/* Its client may send something between two looks at it. */
bool
conn_is_unread(int fd)
{
	struct tcp_info	 ti;
	socklen_t	 len;
	int		 before, after, i;

	for (i = 0; i < TRIES; i++) {
		memset(&ti, 0, sizeof(ti));
		len = sizeof(ti);
		if (ioctl(fd, SIOCINQ, &before) == -1 ||
		    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len) == -1 ||
		    len < offsetof(struct tcp_info, tcpi_bytes_sent) +
		    sizeof(ti.tcpi_bytes_sent) ||
		    ioctl(fd, SIOCINQ, &after) == -1)
			return false;
		if (before == after)
			return is_unread(&ti, (unsigned int)before);
	}
	return false;
}

bool
conn_is_over(int fd)
{
	struct tcp_info	 ti = { 0 };
	socklen_t	 len = sizeof(ti);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len) == 0 &&
	    ti.tcpi_state == TCP_OVER;
}

/* An address of the internet; of IPv4 as IPv6 maps it. */
static bool
local_address(int fd, struct sockaddr_in6 *ret)
{
	struct sockaddr_storage	 addr = { 0 };
	socklen_t		 len = sizeof(addr);
	struct sockaddr_in	 in;

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == -1)
		return false;
	memcpy(ret, &addr, sizeof(*ret));
	if (addr.ss_family != AF_INET)
		return addr.ss_family == AF_INET6;
	memcpy(&in, &addr, sizeof(in));
	memset(ret, 0, sizeof(*ret));
	ret->sin6_port = in.sin_port;
	if (in.sin_addr.s_addr == htonl(INADDR_ANY))
		return true;
	ret->sin6_addr.s6_addr[10] = ret->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&ret->sin6_addr.s6_addr[12], &in.sin_addr, 4);
	return true;
}

bool
conn_is_of(int fd, int listener, bool *ret_exact)
{
	struct sockaddr_in6	 at, of;

	if (!local_address(fd, &at) || !local_address(listener, &of) ||
	    at.sin6_port != of.sin6_port)
		return false;
	*ret_exact = memcmp(&at.sin6_addr, &of.sin6_addr,
	    sizeof(at.sin6_addr)) == 0;
	return *ret_exact || IN6_IS_ADDR_UNSPECIFIED(&of.sin6_addr);
}

uint64_t
conn_inode(int fd)
{
	struct stat	 st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
}
