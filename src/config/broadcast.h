#ifndef CONFIG_BROADCAST_H
#define CONFIG_BROADCAST_H
#include "config/build.h"
struct conf_broadcast;
struct raw_broadcast;
struct shape_map;

/* Fill one broadcast of a pool; what is wrong becomes a problem. */
void	 broadcast_build(struct build *, struct conf_broadcast *,
	    const struct shape_map *, const struct raw_broadcast *);
void	 broadcast_fini(struct conf_broadcast *);
#endif
