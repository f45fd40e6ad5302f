#ifndef OS_LOOP_H
#define OS_LOOP_H
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
struct err;

/*
 * A libev loop that sleeps for as long as nothing is due: libev itself
 * wakes every minute to look for jumps of the clock, unless a periodic is
 * active, for which it asks the kernel instead.  The loop's userdata is
 * taken.  NULL with *e set.
 */
struct ev_loop	*loop_new(struct err *e);
void		 loop_free(struct ev_loop *);

/* ev_is_active, for those who only look. */
static inline bool
loop_timer_runs(const ev_timer *t)
{
	return t->active != 0;
}

/* Milliseconds to the seconds that libev counts in. */
static inline double
loop_seconds(uint64_t ms)
{
	return (double)ms / 1000.0;
}
#endif
