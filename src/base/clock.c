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

int64_t
clock_real_ms(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
clock_format(int64_t real_ms, char buf[CLOCK_STAMP_SIZE])
{
	time_t		 t = (time_t)(real_ms / 1000);
	struct tm	 tm;
	size_t		 n;

	(void)gmtime_r(&t, &tm);
	n = strftime(buf, CLOCK_STAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + n, CLOCK_STAMP_SIZE - n, ".%03dZ",
	    (int)(real_ms % 1000));
}

void
clock_stamp(char buf[CLOCK_STAMP_SIZE])
{
	clock_format(clock_real_ms(), buf);
}
