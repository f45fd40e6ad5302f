#include "config.h"
#include "policy/restart.h"

bool
ending_is_success(const struct ending *e, const bool *success_exit)
{
	if (e->signaled)
		return e->asked;
	return !e->rude && e->code >= 0 && e->code < 256 &&
	    success_exit[e->code];
}

enum verdict
restart_verdict(bool after_success, bool after_failure, bool success)
{
	if (success ? after_success : after_failure)
		return VERDICT_RESTART;
	return success ? VERDICT_DONE : VERDICT_FAILED;
}

/* initial * factor^(n-1), at most max, without overflow. */
static uint64_t
grow(const struct backoff_rule *r, unsigned int n)
{
	double		 d = (double)r->initial_ms;
	unsigned int	 i;

	if (r->initial_ms == 0)
		return 0;
	for (i = 1; i < n && d < (double)r->max_ms; i++) {
		if (r->factor_milli <= 1000)
			break;
		d = d * (double)r->factor_milli / 1000.0;
	}
	return d < (double)r->max_ms ? (uint64_t)d : r->max_ms;
}

uint64_t
backoff_delay(struct backoff *b, const struct backoff_rule *r, bool was_ready,
    uint64_t ready_ms, uint32_t random)
{
	uint64_t	 base, spread;

	if (was_ready && ready_ms >= r->reset_after_ms) {
		b->failures = 0;
		return 0;
	}
	if (b->failures < UINT32_MAX)
		b->failures++;
	base = grow(r, b->failures);
	spread = (uint64_t)((double)base * (double)r->jitter_percent / 100.0);
	return base - spread + (spread * 2 * (uint64_t)random >> 32);
}
