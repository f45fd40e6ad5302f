#ifndef CLI_HUMAN_H
#define CLI_HUMAN_H
#include <stddef.h>
#include <stdint.h>

/* Numbers as people read them. */
#define HUMAN_SIZE 24

/* "850 ms", "12 s", "3m 20s", "5h 3m", "3d 4h": what took so long. */
const char	*human_duration(char buf[HUMAN_SIZE], uint64_t ms);
/* The same in whole seconds: "0s", "12s", "3m 20s"; for a column. */
const char	*human_age(char buf[HUMAN_SIZE], uint64_t ms);
/* "512 B", "12.3 MB"; powers of 1024. */
const char	*human_bytes(char buf[HUMAN_SIZE], uint64_t bytes);
/* "0.0", "12.5", "103": percent of a processor, given in thousandths. */
const char	*human_percent(char buf[HUMAN_SIZE], uint64_t milli);
/* "999", "12.3k", "4.5M". */
const char	*human_count(char buf[HUMAN_SIZE], uint64_t count);
#endif
