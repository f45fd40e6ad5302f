#ifndef OS_DIAG_H
#define OS_DIAG_H
#include <linux/inet_diag.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;

/*
 * Whether connections of TCP that others have are still open, asked of the
 * kernel one by one (inet_diag): no privilege, no help of who has them.
 */

#define DIAG_MOST	32		/* in one question */

struct diag {
	int		 fd;
	uint32_t	 seq;
};

#define DIAG_NONE	{ .fd = -1 }

/* Which connection, after its descriptor is closed here. */
struct diag_name {
	struct inet_diag_sockid	 id;
	unsigned char		 family;
};

/* Fails where the kernel does not answer: it is tried. */
int	diag_init(struct diag *d, struct err *e);
void	diag_fini(struct diag *d);
/*
 * Its connections can be asked about: it is of the network namespace that d
 * was made in.  All others pass for closed.
 */
bool	diag_knows(const struct diag *d, int listener);
/* False: it is none of TCP with another end. */
bool	diag_name(int conn, struct diag_name *ret);
bool	diag_is_same(const struct diag_name *a, const struct diag_name *b);
/*
 * Those that nobody has a descriptor of any more, or that are over, as bits;
 * count is at most DIAG_MOST.  One without an answer passes for open.  A
 * client that only ends its half leaves it open, one that resets does not.
 */
uint64_t diag_closed(struct diag *d, const struct diag_name *names,
	    size_t count);
#endif
