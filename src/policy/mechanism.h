#ifndef POLICY_MECHANISM_H
#define POLICY_MECHANISM_H
#include <stdbool.h>
#include <stddef.h>

/* How the connections of a pool reach its workers, best first. */
#define MECHANISMS(X)							\
	X(NONE,		"none")		/* it has no listeners */	\
	X(KERNEL,	"kernel")	/* a listener for each slot */	\
	X(HANDOVER,	"hand-over")	/* one by one, by us */		\
	X(CLASSIC,	"classic BPF")	/* by chance, by the kernel */	\
	X(SHARED,	"shared listener")	/* whoever is quickest */

enum mechanism {
#define X(id, name) MECHANISM_##id,
	MECHANISMS(X)
#undef X
	MECHANISM__COUNT
};

struct mechanism_facts {
	bool		 has_listeners;
	bool		 is_shared;	/* the config wants it so */
	bool		 no_kernel;	/* nor this */
	bool		 takes_conns;	/* workers can have connections, too */
	bool		 has_unix;	/* a listener that is not TCP */
	bool		 is_probed;	/* over a connection handed over */
	bool		 is_sticky;	/* chance will not do */
	bool		 is_limited;	/* max_connections */
	const char	*why_no_kernel;	/* on this machine; NULL: it can */
	const char	*why_no_classic;
};

/*
 * The best that is possible.  *ret_why: what forbids a better one, or NULL
 * if nothing does or nothing better was asked for.
 */
enum mechanism	 mechanism_choose(const struct mechanism_facts *,
		    const char **ret_why);
const char	*mechanism_name(enum mechanism);
#endif
