#ifndef OS_CLASSIC_H
#define OS_CLASSIC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct classic;
struct err;

/*
 * Several listening sockets with one address, of which the kernel chooses one
 * for each connection by chance, with a program of classic BPF: that needs no
 * privilege.  The program remembers nothing, so there are no turns, and what
 * waits in a socket cannot be moved to another.  It names a socket by its
 * place in the kernel's array of them, which is followed here: one that comes
 * is the last, and the last takes the place of one that goes.
 *
 * As with os/reuseport.h the first, the anchor, was there before, and the
 * kernel goes on when the supervisor is gone.
 */
struct classic_socket {
	int		 fd;
	unsigned int	 index;		/* in the kernel's array */
	unsigned int	 weight;	/* its part; 0: it gets nothing */
	bool		 is_out;	/* it does not listen any more */
};

/* Could it be done here?  0, or -1 with *e: what is missing. */
int	classic_probe(struct err *e);

/* Until classic_apply all is the anchor's, which is borrowed.  NULL with *e. */
struct classic *classic_new(int anchor, struct err *e);
/* What has been applied stays as it is while a socket is open. */
void	classic_free(struct classic *);
struct classic_socket *classic_anchor(struct classic *);

/*
 * One more, listening, non-blocking and close-on-exec, of no weight.  It is
 * borrowed until it is closed.  0, or -1 with *e set.
 */
int	classic_open(struct classic *, struct classic_socket *,
	    uint64_t backlog, bool defer_accept, struct err *e);
/*
 * Whoever else has it, it listens no more, and what waits in it is lost.  Not
 * for the anchor.
 */
void	classic_close(struct classic *, struct classic_socket *,
	    uint64_t backlog);
/*
 * From now on connections go by the weights as they are; where all are 0 it
 * stays as it was.  Of very many sockets with gaps between those that have a
 * weight, only the first may get anything.  0, or -1 with *e set.
 */
int	classic_apply(struct classic *, struct err *e);
/*
 * Those that somebody has shut down listen again, with nothing in them, or
 * are out.  How many do again.
 */
unsigned int classic_mend(struct classic *, uint64_t backlog);
#endif
