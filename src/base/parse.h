#ifndef BASE_PARSE_H
#define BASE_PARSE_H
#include <stdint.h>

/*
 * The only parsers of numbers: a digit first, a known unit, nothing after
 * it; no sign, no blank, no exponent, no other base, no fraction but where
 * a factor is asked for.
 */
enum parse_result {
	PARSE_OK,
	PARSE_NOT_A_NUMBER,	/* does not begin with a digit, or has junk */
	PARSE_NEEDS_UNIT,	/* a duration other than 0 without unit */
	PARSE_BAD_UNIT,		/* digits, then a suffix that is no unit */
	PARSE_TOO_LARGE		/* does not fit in 64 bits */
};

/* Digits only.  *ret is set only with PARSE_OK, here and below. */
enum parse_result parse_count(const char *, uint64_t *ret);
/* Milliseconds from "250ms", "5s", "2m", "1h", or "0". */
enum parse_result parse_duration(const char *, uint64_t *ret_ms);
/* Bytes from "512", "64K", "1M", "2G" (powers of 1024). */
enum parse_result parse_size(const char *, uint64_t *ret_bytes);
/* Thousandths from "2", "1.5", "1.618": at most three decimals. */
enum parse_result parse_factor(const char *, uint64_t *ret_milli);
/* Whole percent from "20%". */
enum parse_result parse_percent(const char *, uint64_t *ret_percent);
#endif
