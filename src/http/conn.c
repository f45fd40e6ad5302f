#include "config.h"
#include "http/conn.h"

#include <netinet/in.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* Times in a tcp_info are only as good as the kernel's tick. */
#define TICK_MS 10
/* An empty line after a body, as some clients send it, is no request. */
#define STRAY_BYTES 2

/*
 * A request has begun that has not reached us as a whole: there came more
 * than was used, or, where that is not known, something after the answer.
 * Where the kernel does not say (a Unix socket) none is assumed.
 */
static bool
conn_has_begun(const struct conn *c)
{
	struct tcp_info	 ti;
	socklen_t	 len = sizeof(ti);

	memset(&ti, 0, sizeof(ti));
	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &ti, &len) == -1 ||
	    ti.tcpi_data_segs_in == 0)
		return false;
	if (ti.tcpi_last_data_recv < CONN_IDLE_MS)
		return true;
	if (c->inexact)
		return ti.tcpi_last_data_recv + TICK_MS <
		    ti.tcpi_last_data_sent;
	return ti.tcpi_bytes_received > c->used_bytes + STRAY_BYTES;
}

uint64_t
conn_sweep(struct conn *c, uint64_t now_ms)
{
	if (c->ended) {
		if (now_ms < c->ended_ms + CONN_LINGER_MS)
			return c->ended_ms + CONN_LINGER_MS;
		(void)shutdown(c->fd, SHUT_RDWR);
		return now_ms + CONN_IDLE_MS;
	}
	if (c->busy)
		return now_ms + CONN_IDLE_MS;
	if (now_ms < c->quiet_since_ms + CONN_IDLE_MS)
		return c->quiet_since_ms + CONN_IDLE_MS;
	if (conn_has_begun(c))
		return now_ms + CONN_IDLE_MS / 4;
	(void)shutdown(c->fd, SHUT_WR);
	c->ended = true;
	c->ended_ms = now_ms;
	return now_ms + CONN_LINGER_MS;
}
