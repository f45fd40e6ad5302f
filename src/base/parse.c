#include "config.h"
#include "base/parse.h"

#include <stddef.h>
#include <string.h>

#include "base/util.h"

struct unit {
	const char	*name;
	uint64_t	 factor;
};

static const struct unit duration_units[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
	{ NULL, 0 }
};

static const struct unit size_units[] = {
	{ "", 1 }, { "K", 1u << 10 }, { "M", 1u << 20 }, { "G", 1u << 30 },
	{ NULL, 0 }
};

static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit percent_units[] = { { "%", 1 }, { NULL, 0 } };

/* The leading digits; *end is what follows them. */
static enum parse_result
parse_digits(const char *s, uint64_t *ret, const char **end)
{
	uint64_t	 v = 0;
	const char	*p;

	for (p = s; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return PARSE_TOO_LARGE;
	if (p == s)
		return PARSE_NOT_A_NUMBER;
	*ret = v;
	*end = p;
	return PARSE_OK;
}

static enum parse_result
parse_with_units(const char *s, const struct unit *u, uint64_t *ret)
{
	uint64_t		 v;
	const char		*end;
	enum parse_result	 r = parse_digits(s, &v, &end);

	if (r != PARSE_OK)
		return r;
	for (; u->name != NULL; u++) {
		if (strcmp(end, u->name) != 0)
			continue;
		if (__builtin_mul_overflow(v, u->factor, &v))
			return PARSE_TOO_LARGE;
		*ret = v;
		return PARSE_OK;
	}
	return PARSE_BAD_UNIT;
}

enum parse_result
parse_count(const char *s, uint64_t *ret)
{
	enum parse_result	 r = parse_with_units(s, no_units, ret);

	return r == PARSE_BAD_UNIT ? PARSE_NOT_A_NUMBER : r;
}

enum parse_result
parse_duration(const char *s, uint64_t *ret_ms)
{
	uint64_t		 v;
	const char		*end;
	enum parse_result	 r = parse_digits(s, &v, &end);

	if (r == PARSE_OK && *end == '\0') {
		if (v != 0)
			return PARSE_NEEDS_UNIT;
		*ret_ms = 0;
		return PARSE_OK;
	}
	return parse_with_units(s, duration_units, ret_ms);
}

enum parse_result
parse_size(const char *s, uint64_t *ret_bytes)
{
	return parse_with_units(s, size_units, ret_bytes);
}

enum parse_result
parse_percent(const char *s, uint64_t *ret_percent)
{
	uint64_t		 v;
	const char		*end;
	enum parse_result	 r = parse_digits(s, &v, &end);

	if (r == PARSE_OK && *end == '\0' && v != 0)
		return PARSE_NEEDS_UNIT;
	if (r == PARSE_OK && *end == '\0') {
		*ret_percent = 0;
		return PARSE_OK;
	}
	return parse_with_units(s, percent_units, ret_percent);
}

enum parse_result
parse_factor(const char *s, uint64_t *ret_milli)
{
	uint64_t		 v, scale = 100;
	const char		*p;
	enum parse_result	 r = parse_digits(s, &v, &p);

	if (r != PARSE_OK)
		return r;
	if (__builtin_mul_overflow(v, 1000u, &v))
		return PARSE_TOO_LARGE;
	if (*p == '.') {
		if (p[1] < '0' || p[1] > '9')
			return PARSE_NOT_A_NUMBER;
		for (p++; *p >= '0' && *p <= '9' && scale > 0; p++) {
			if (__builtin_add_overflow(v,
			    (uint64_t)(*p - '0') * scale, &v))
				return PARSE_TOO_LARGE;
			scale /= 10;
		}
	}
	if (*p != '\0')
		return PARSE_NOT_A_NUMBER;
	*ret_milli = v;
	return PARSE_OK;
}
