#ifndef OS_HANDOVER_H
#define OS_HANDOVER_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The queue by which connections reach a worker: a SOCK_SEQPACKET pair of
 * which the supervisor keeps both ends, so that what a worker leaves in it
 * outlives the worker.  One message is one connection: one byte, the
 * index of its listener, and one descriptor.
 */
struct err;

struct handover {
	int	feed;		/* ours to send on */
	int	take;		/* the worker's end; ours to take back from */
};

enum handover_result {
	HANDOVER_SENT,
	HANDOVER_FULL,		/* feed becomes writable when it is three
				   quarters empty */
	HANDOVER_BUSY,		/* too many descriptors in flight (this user),
				   or no memory: nothing will tell, try later */
	HANDOVER_BROKEN		/* the worker has shut its end down, for its
				   successors too: what is in the queue can be
				   taken back, and a new one is needed */
};

#define HANDOVER_NONE { -1, -1 }

int	handover_open(struct handover *, struct err *e);
void	handover_close(struct handover *);
/* The worker may have made its end non-blocking or impatient: undo that. */
void	handover_reset(struct handover *);
/* Whoever reads has read all that was sent. */
bool	handover_is_empty(const struct handover *);
/* How many connections nobody has read. */
size_t	handover_waiting(const struct handover *);
/*
 * The worker has shut its end down: nothing can be sent any more, what is
 * in the queue can still be taken back, and a successor needs a new one.
 */
bool	handover_is_broken(const struct handover *);
/* The connection stays the caller's to close, whatever the result. */
enum handover_result handover_send(struct handover *, unsigned char index,
	    int conn);
/*
 * Bytes on any unix socket, with one descriptor, which stays the caller's;
 * as send(2) that does not wait.
 */
ssize_t	handover_write(int sock, const void *, size_t, int fd);
/* What an errno of that means. */
enum handover_result handover_refusal(int code);
/*
 * The index of the oldest connection nobody has read, which stays there; -1
 * with errno as below.
 */
int	handover_peek(struct handover *);
/*
 * Take back the oldest connection nobody has read, close-on-exec; -1 with
 * errno EAGAIN: none is left.  Any other errno (EMFILE): try again later,
 * nothing is lost.
 */
int	handover_take_back(struct handover *, unsigned char *ret_index);
#endif
