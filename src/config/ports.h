#ifndef CONFIG_PORTS_H
#define CONFIG_PORTS_H
#include <stdbool.h>
#include <stdint.h>
#include "config/conf.h"
struct build;

/*
 * With a port for each slot ("7001+"): a port that both pools would have,
 * each with so many slots, or 0.  The address does not matter, since only
 * the workers know on which they listen.  *ret is the listener of one of
 * them that has it, or NULL.
 */
uint16_t ports_shared(const struct conf_pool *, uint64_t count,
	    const struct conf_pool *, uint64_t other_count,
	    const struct conf_listen **ret);
/* Of any two pools of the config. */
void	 ports_check(struct build *);
#endif
