#ifndef POLICY_RESTART_H
#define POLICY_RESTART_H
#include <stdbool.h>
#include <stdint.h>

/* How a worker came to its end. */
struct ending {
	bool	signaled;	/* code is a signal, else an exit status */
	int	code;
	bool	asked;		/* we had told it to go, whatever followed */
	bool	rude;		/* it should have said that it leaves */
	bool	hung;		/* why we had told it to */
};

enum verdict {
	VERDICT_RESTART,	/* start the slot again */
	VERDICT_DONE,		/* the slot has ended, and well */
	VERDICT_FAILED		/* the slot has ended, and not well */
};

/* success_exit: 256 flags by exit status. */
bool		ending_is_success(const struct ending *,
		    const bool *success_exit);
/* Which kinds of endings are followed by a restart is the policy. */
enum verdict	restart_verdict(bool after_success, bool after_failure,
		    bool success);

struct backoff_rule {
	uint64_t	 initial_ms, max_ms, reset_after_ms;
	uint64_t	 factor_milli;		/* 2000: doubles */
	uint64_t	 jitter_percent;
};

struct backoff {
	unsigned int	 failures;	/* in a row; what the delay grows by */
};

/*
 * The time until the next start of a slot whose worker has died after it
 * was ready for ready_ms (0: it never was; then was_ready is false).  None
 * after reset_after; else the initial delay, multiplied by the factor for
 * each failure in a row, capped, and spread by the jitter, for which random
 * is any 32 bits.
 */
uint64_t	backoff_delay(struct backoff *, const struct backoff_rule *,
		    bool was_ready, uint64_t ready_ms, uint32_t random);
#endif
