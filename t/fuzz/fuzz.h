#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H
#include <stddef.h>
#include <stdint.h>

/* One input for the code under test, which traps where it finds a bug. */
int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#endif
