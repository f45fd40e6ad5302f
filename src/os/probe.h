#ifndef OS_PROBE_H
#define OS_PROBE_H
#include <stdbool.h>
#include <stdint.h>
struct err;

/* Connections of our own, to look whether somebody answers. */

/* To a port of this machine, 127.0.0.1; non-blocking, maybe under way. */
int	probe_connect(uint16_t port, struct err *e);
/*
 * A TCP connection with both ends here: *ret_peer is what somebody who
 * accepts would have got, non-blocking both.  -1 with *e set.
 */
int	probe_pair(int *ret_peer, struct err *e);
/* Whether these are the ends of one connection. */
bool	probe_is_pair(int own, int peer);
#endif
