#include "config.h"
#include "ipc/dialect.h"

/* A program that knows nothing: PORT, and its listeners from 3 on. */
const struct dialect dialect_plain = {
	.name = "plain",
};
