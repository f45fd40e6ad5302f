#ifndef CLIENT_QUARTILES_H
#define CLIENT_QUARTILES_H
#include <stddef.h>
#include <stdint.h>

/* In place, the smallest first. */
void	sort_times(uint64_t *ns, size_t count);
/* Sorts, and prints PREFIXmin_us=, q1, median, q3 and max; count > 0. */
void	quartiles_print(const char *prefix, uint64_t *ns, size_t count);
#endif
