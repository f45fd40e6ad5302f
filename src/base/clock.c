#include "config.h"
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

uint64_t
clock_ns(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t
clock_ms(void)
{
	return clock_ns() / 1000000u;
}

void
clock_stamp(char buf[CLOCK_STAMP_SIZE])
{
	struct timespec	 ts;
	struct tm	 tm;
	size_t		 n;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	n = strftime(buf, CLOCK_STAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + n, CLOCK_STAMP_SIZE - n, ".%03ldZ",
	    ts.tv_nsec / 1000000);
}
