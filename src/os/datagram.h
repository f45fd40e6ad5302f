#ifndef OS_DATAGRAM_H
#define OS_DATAGRAM_H
#include <stddef.h>
#include <sys/types.h>
struct err;

/*
 * Datagrams between processes of this machine, in the manner of
 * sd_notify(3): who has sent one is told by the kernel.
 */
#define DATAGRAM_ADDRESS_SIZE 108

/*
 * A non-blocking socket at an abstract address, which is written into
 * address as it goes into NOTIFY_SOCKET ("@...").  -1 with *e set.
 */
int	datagram_open(char address[DATAGRAM_ADDRESS_SIZE], struct err *e);

struct datagram {
	char	*data;		/* of the caller's, of that size */
	size_t	 size, len;
	pid_t	 pid;		/* of the sender; 0: it cannot be seen */
	size_t	 fd_count;	/* that came with it, and are closed */
};

/*
 * The next one.  1; 0: there is none now, or -1 with errno.  One that is
 * too long is given as empty.
 */
int	datagram_receive(int fd, struct datagram *);

/*
 * Send a text to an address, a path or "@...", without ever waiting.  0,
 * or -1 with errno.
 */
int	datagram_send(const char *address, const char *text, size_t len);
#endif
