#include "config.h"
#include "policy/mechanism.h"

static const char *const names[MECHANISM__COUNT] = {
#define X(id, name) [MECHANISM_##id] = name,
	MECHANISMS(X)
#undef X
};

/* What speaks against a listener for each slot, or NULL. */
static const char *
against_kernel(const struct mechanism_facts *f)
{
	if (f->has_unix)
		return "the kernel takes no turns over unix sockets";
	if (f->is_probed)
		return "ready: http asks over connections that are handed "
		    "over";
	if (f->is_limited)
		return "max_connections counts connections that are handed "
		    "over";
	return f->why_no_kernel;
}

/* A listener for each slot, without privilege. */
static bool
may_be_classic(const struct mechanism_facts *f)
{
	return !f->has_unix && !f->is_probed && !f->is_sticky &&
	    !f->no_kernel && f->why_no_classic == NULL;
}

enum mechanism
mechanism_choose(const struct mechanism_facts *f, const char **ret_why)
{
	const char	*why = against_kernel(f);

	*ret_why = NULL;
	if (!f->has_listeners)
		return MECHANISM_NONE;
	if (f->is_shared)
		return MECHANISM_SHARED;
	if (why == NULL && !f->no_kernel)
		return MECHANISM_KERNEL;
	if (!f->no_kernel)
		*ret_why = why;
	if (f->takes_conns)
		return MECHANISM_HANDOVER;
	*ret_why = why != NULL ? why :
	    "its dialect cannot take connections one by one";
	return may_be_classic(f) ? MECHANISM_CLASSIC : MECHANISM_SHARED;
}

const char *
mechanism_name(enum mechanism m)
{
	return names[m];
}
