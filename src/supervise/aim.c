#include "config.h"
#include "supervise/aim.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/sticky.h"
#include "policy/turn.h"

/*
 * The bucket of the client; of an IPv4 client the same, whether it comes by
 * a socket for both families or not.  -1: it has no address.
 */
static int
client_bucket(int conn)
{
	struct sockaddr_storage	 addr;
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;
	socklen_t		 len = sizeof(addr);

	memset(&addr, 0, sizeof(addr));
	if (getpeername(conn, (struct sockaddr *)&addr, &len) == -1)
		return -1;
	memcpy(&in, &addr, sizeof(in));
	memcpy(&in6, &addr, sizeof(in6));
	if (addr.ss_family == AF_INET)
		return (int)sticky_bucket(
		    (const unsigned char *)&in.sin_addr, 4);
	if (addr.ss_family != AF_INET6)
		return -1;
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return (int)sticky_bucket(in6.sin6_addr.s6_addr + 12, 4);
	return (int)sticky_bucket(in6.sin6_addr.s6_addr, 16);
}

void
aim(struct turn *t, enum conf_balance b, int conn)
{
	int	 bucket;

	switch (b) {
	case CONF_RANDOM:
		turn_aim(t, (size_t)mrand48() % t->up_count);
		break;
	case CONF_STICKY:
		bucket = client_bucket(conn);
		if (bucket != -1)
			turn_aim_heaviest(t, (unsigned int)bucket);
		break;
	case CONF_ROUND_ROBIN:
	case CONF_LEAST:
	case CONF_SHARED:
		break;
	}
}
