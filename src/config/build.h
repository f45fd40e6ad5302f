#ifndef CONFIG_BUILD_H
#define CONFIG_BUILD_H
#include <stdbool.h>
#include <stdint.h>
#include "config/conf.h"
#include "config/keys.h"
struct raw;
struct raw_value;
struct shape;
struct shape_map;

/* What the making of a config needs all the way. */
struct build {
	struct conf		*conf;
	struct conf_problems	*p;
	bool			 ini;
	bool			 complete;	/* nothing was left unread */
	bool			 failed;	/* out of memory */
};

/*
 * From text to the typed config: defaults, parsing, and every rule that
 * ties keys together.  The paths of b->conf are set.
 */
void	 build_conf(struct build *, const struct shape *, const struct raw *);
void	 build_pool_fini(struct conf_pool *);

/* For the parts of a pool. */
/*
 * Every key of the table that is stored, from text or default.  Returns
 * the bits of those that are bad; they have their default.
 */
uint64_t build_stored(struct build *, const struct key_table *,
	    const struct shape_map *, const struct raw_value *, void *base);
/* Split a command; the problem names the key.  NULL: none. */
char	**build_words(struct build *, const char *name, const char *text,
	    struct conf_pos);
/* strdup that remembers its failure. */
char	*build_copy(struct build *, const char *);
#endif
