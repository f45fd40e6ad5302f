#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC, the only clock by which anything is decided. */
uint64_t	clock_ms(void);
uint64_t	clock_ns(void);

#define CLOCK_STAMP_SIZE 32
/* The time of day for people: RFC 3339, UTC, milliseconds. */
void		clock_stamp(char buf[CLOCK_STAMP_SIZE]);
#endif
