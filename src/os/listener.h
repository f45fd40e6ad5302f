#ifndef OS_LISTENER_H
#define OS_LISTENER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct conf_listen;
struct err;

/*
 * A bound, listening (but for UDP), non-blocking socket; -1 with *e set.
 * The message for an address in use names the process that holds it where
 * /proc shows it.  A stale unix socket (nobody answers) is replaced, a live
 * one is "in use"; its mode is what the umask leaves.  defer_accept holds a
 * TCP connection back until its client has sent something, for a second or
 * two at most.
 */
int	listener_open(const struct conf_listen *, uint64_t backlog,
	    bool defer_accept, struct err *e);
/*
 * Another one beside it, with the same address: TCP only.  It takes a share
 * of the connections by whatever the kernel does with several; see
 * os/reuseport.h.  -1 with *e set.
 */
int	listener_open_beside(int fd, uint64_t backlog, bool defer_accept,
	    struct err *e);
/*
 * Could it be opened now?  0, or -1 with *e set; leaves nothing behind, and
 * connects to nobody unless /proc does not show who listens there.
 */
int	listener_check(const struct conf_listen *, struct err *e);
/* Give an open one another backlog and another defer_accept. */
void	listener_tune(int fd, uint64_t backlog, bool defer_accept);
/* "[::]:7000", "127.0.0.1:7000", "unix:/path": what it really is bound to. */
void	listener_address(int fd, char *buf, size_t size);
/* The address without the port; false: it is none of the internet's. */
#define LISTENER_HOST_MAX 64
bool	listener_host(int fd, char buf[LISTENER_HOST_MAX], bool *ret_is_ipv6);
/* 0 for a unix socket. */
uint16_t listener_port(int fd);
/* Close, and remove the path of a unix socket that is still ours. */
void	listener_close(int *fd);

/* The kernel's cap on the backlog (net.core.somaxconn), 0: unknown. */
uint64_t listener_backlog_cap(void);
/* Connections that wait to be accepted; 0 for a unix socket. */
unsigned int listener_waiting(int fd);
/*
 * The next connection, non-blocking and close-on-exec, or -1 with errno.
 * EAGAIN: none.  Connections that died in the queue are skipped over.
 */
int	listener_accept(int fd);
/*
 * A process that shares the listener may shut it down, for everybody: it
 * then polls as hung up (watching for EV_WRITE shows that, and nothing
 * else ever) and takes nothing.  Make it listen again.  0, or -1 with *e
 * set; so always for a unix socket, which has to be opened anew.
 */
int	listener_mend(int fd, uint64_t backlog, struct err *e);
#endif
