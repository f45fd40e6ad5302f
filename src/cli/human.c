#include "config.h"
#include "cli/human.h"

#include <inttypes.h>
#include <stdio.h>

/* Two units, the larger one first. */
static const char *
two_units(char *buf, uint64_t large, char large_unit, uint64_t small,
    char small_unit)
{
	(void)snprintf(buf, HUMAN_SIZE, "%" PRIu64 "%c %" PRIu64 "%c", large,
	    large_unit, small, small_unit);
	return buf;
}

const char *
human_age(char buf[HUMAN_SIZE], uint64_t ms)
{
	uint64_t	 s = ms / 1000;

	if (s >= 86400)
		return two_units(buf, s / 86400, 'd', s / 3600 % 24, 'h');
	if (s >= 3600)
		return two_units(buf, s / 3600, 'h', s / 60 % 60, 'm');
	if (s >= 60)
		return two_units(buf, s / 60, 'm', s % 60, 's');
	(void)snprintf(buf, HUMAN_SIZE, "%" PRIu64 "s", s);
	return buf;
}

const char *
human_duration(char buf[HUMAN_SIZE], uint64_t ms)
{
	if (ms >= 60000)
		return human_age(buf, ms);
	if (ms < 1000)
		(void)snprintf(buf, HUMAN_SIZE, "%" PRIu64 " ms", ms);
	else if (ms % 1000 < 100 || ms >= 10000)
		(void)snprintf(buf, HUMAN_SIZE, "%" PRIu64 " s", ms / 1000);
	else
		(void)snprintf(buf, HUMAN_SIZE, "%" PRIu64 ".%u s",
		    ms / 1000, (unsigned int)(ms % 1000 / 100));
	return buf;
}

/* Tenths of a unit: with a decimal below 100. */
static const char *
with_unit(char *buf, uint64_t tenths, const char *gap, const char *unit)
{
	if (tenths < 1000)
		(void)snprintf(buf, HUMAN_SIZE, "%u.%u%s%s",
		    (unsigned int)tenths / 10, (unsigned int)tenths % 10, gap,
		    unit);
	else
		(void)snprintf(buf, HUMAN_SIZE, "%" PRIu64 "%s%s",
		    tenths / 10, gap, unit);
	return buf;
}

const char *
human_bytes(char buf[HUMAN_SIZE], uint64_t bytes)
{
	static const char *const	 units[] = { "KB", "MB", "GB", "TB" };
	uint64_t			 whole = bytes, part = 0;
	size_t				 i = 0;

	if (bytes < 1024) {
		(void)snprintf(buf, HUMAN_SIZE, "%" PRIu64 " B", bytes);
		return buf;
	}
	for (;;) {
		part = whole % 1024;
		whole /= 1024;
		if (whole < 1024 || i == 3)
			break;
		i++;
	}
	return with_unit(buf, whole * 10 + part * 10 / 1024, " ", units[i]);
}

const char *
human_percent(char buf[HUMAN_SIZE], uint64_t milli)
{
	return with_unit(buf, milli / 100, "", "");
}

const char *
human_count(char buf[HUMAN_SIZE], uint64_t count)
{
	if (count < 10000) {
		(void)snprintf(buf, HUMAN_SIZE, "%" PRIu64, count);
		return buf;
	}
	if (count < 1000000)
		return with_unit(buf, count / 100, "", "k");
	if (count < 1000000000)
		return with_unit(buf, count / 100000, "", "M");
	return with_unit(buf, count / 100000000, "", "G");
}
