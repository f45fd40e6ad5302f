#ifndef CONFIG_DIFF_H
#define CONFIG_DIFF_H
#include <stddef.h>
#include "config/keys.h"
struct conf;
struct conf_pool;

/*
 * What differs between two configs in what they mean, however they are
 * written.  A text is the value as conf_print writes it, cut where it is
 * long, or NULL where there is none.  Of env only names are told, in "to".
 */
#define CONF_CHANGE_VALUE_MAX 100
struct conf_change {
	const char		*key;		/* "backoff.max" */
	enum conf_effect	 effect;
	char			*from, *to;
};

struct conf_changes {
	struct conf_change	*list;		/* in the order of the keys */
	size_t			 count;
};

/*
 * Fill in *ret, whatever was in it, which conf_changes_free empties again.
 * 0, or -1: out of memory.
 */
int	 conf_diff_pool(const struct conf_pool *from,
	    const struct conf_pool *to, struct conf_changes *ret);
/* The top level keys, without the pools. */
int	 conf_diff_top(const struct conf *from, const struct conf *to,
	    struct conf_changes *ret);
void	 conf_changes_free(struct conf_changes *);

/* "count: 2 -> 8", "env: A changed, B added" */
#define CONF_CHANGE_SIZE 256
void	 conf_change_format(const struct conf_change *,
	    char buf[CONF_CHANGE_SIZE]);
#endif
