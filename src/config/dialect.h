#ifndef CONFIG_DIALECT_H
#define CONFIG_DIALECT_H
#include <stdint.h>
#include "config/conf.h"
struct build;
struct raw_value;
struct shape_map;

/*
 * What follows from how a worker is spoken to: the defaults of other keys,
 * and the rules on what goes together.  bad: the keys that could not be
 * stored, as bits.
 */
void	dialect_build(struct build *, struct conf_pool *,
	    const struct shape_map *, const struct raw_value *v,
	    uint64_t bad);
/* "7001+": the port of slot 0, of which each slot has its own. */
void	dialect_own_ports(struct build *, struct conf_pool *,
	    const char *text, struct conf_pos);
#endif
