#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC, the only clock by which anything is decided. */
uint64_t	clock_ms(void);
uint64_t	clock_ns(void);

/* The time of day, for people: milliseconds since 1970. */
int64_t		clock_real_ms(void);
#define CLOCK_STAMP_SIZE 32
/* The same as RFC 3339, UTC; clock_stamp: now. */
void		clock_format(int64_t real_ms, char buf[CLOCK_STAMP_SIZE]);
void		clock_stamp(char buf[CLOCK_STAMP_SIZE]);
#endif
