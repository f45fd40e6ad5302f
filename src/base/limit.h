#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H
#include <stdbool.h>
#include <stdint.h>

/* At most so many messages a window; the rest is counted. */
#define LIMIT_BURST 5
#define LIMIT_WINDOW_MS 5000

struct limit {
	uint64_t	 since_ms;	/* when this window began */
	unsigned int	 passed;	/* in this window */
	unsigned int	 suppressed;	/* since the last that passed */
};

/*
 * Whether a message may be logged now; *ret_suppressed is then how many
 * were held back before it.
 */
bool	limit_pass(struct limit *, uint64_t now_ms,
	    unsigned int *ret_suppressed);
#endif
