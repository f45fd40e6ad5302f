#ifndef CLI_GLANCE_H
#define CLI_GLANCE_H
#include <jansson.h>
#include <stdbool.h>
#include "cli/sample.h"

/* A sample of every worker that a status names, by pid. */
struct glance {
	struct sample	*list;
	size_t		 count, size;
};

/*
 * Processor time and memory of each worker; with_connections also what it
 * has open on its pool's TCP ports.
 */
void	glance_take(struct glance *, const json_t *status,
	    bool with_connections);
void	glance_free(struct glance *);
/* NULL: no such worker. */
const struct sample *glance_find(const struct glance *, pid_t);
/*
 * Thousandths of a percent of one processor since an earlier glance; false
 * if that is not known.
 */
bool	glance_cpu(const struct glance *before, const struct glance *now,
	    pid_t, uint64_t *ret);
#endif
