#include "config.h"
#include "policy/state.h"

static const char *const state_names[WS__COUNT] = {
#define X(id, name, what) [WS_##id] = name,
	WORKER_STATES(X)
#undef X
};

static const char *const event_names[WE__COUNT] = {
#define X(id, name, what) [WE_##id] = name,
	WORKER_EVENTS(X)
#undef X
};

#define GO(state, acts) { WS_##state, (acts) }

/* No hole: the unit test visits every cell. */
static const struct worker_step table[WS__COUNT][WE__COUNT] = {
	[WS_STARTING] = {
		[WE_READY] = GO(READY, WA_SERVE),
		[WE_LIMIT] = GO(KILLED, WA_LATE | WA_KILL),
		[WE_STOP]  = GO(DRAINING, WA_LEAVE),
		[WE_EMPTY] = GO(STARTING, WA_BUG),
		[WE_HANG]  = GO(STARTING, WA_BUG),
		[WE_KILL]  = GO(KILLED, WA_KILL),
		[WE_EXIT]  = GO(GONE, WA_OBITUARY),
	},
	[WS_READY] = {
		[WE_READY] = GO(READY, WA_NONE),	/* said it twice */
		[WE_LIMIT] = GO(READY, WA_BUG),
		[WE_STOP]  = GO(EMPTYING, WA_EMPTY),
		[WE_EMPTY] = GO(READY, WA_BUG),
		[WE_HANG]  = GO(HUNG, WA_FREEZE),
		[WE_KILL]  = GO(KILLED, WA_KILL),
		[WE_EXIT]  = GO(GONE, WA_OBITUARY),
	},
	[WS_EMPTYING] = {
		[WE_READY] = GO(EMPTYING, WA_NONE),
		[WE_LIMIT] = GO(DRAINING, WA_LEAVE),
		[WE_STOP]  = GO(EMPTYING, WA_NONE),
		[WE_EMPTY] = GO(DRAINING, WA_LEAVE),
		[WE_HANG]  = GO(EMPTYING, WA_BUG),
		[WE_KILL]  = GO(KILLED, WA_KILL),
		[WE_EXIT]  = GO(GONE, WA_OBITUARY),
	},
	[WS_DRAINING] = {
		[WE_READY] = GO(DRAINING, WA_NONE),	/* too late */
		[WE_LIMIT] = GO(KILLED, WA_LATE | WA_KILL),
		[WE_STOP]  = GO(DRAINING, WA_NONE),
		[WE_EMPTY] = GO(DRAINING, WA_BUG),
		[WE_HANG]  = GO(DRAINING, WA_BUG),
		[WE_KILL]  = GO(KILLED, WA_KILL),
		[WE_EXIT]  = GO(GONE, WA_OBITUARY),
	},
	[WS_HUNG] = {
		[WE_READY] = GO(HUNG, WA_NONE),
		[WE_LIMIT] = GO(KILLED, WA_LATE | WA_KILL),
		[WE_STOP]  = GO(HUNG, WA_NONE),		/* it is about to */
		[WE_EMPTY] = GO(KILLED, WA_KILL),
		[WE_HANG]  = GO(HUNG, WA_NONE),
		[WE_KILL]  = GO(KILLED, WA_KILL),
		[WE_EXIT]  = GO(GONE, WA_OBITUARY),
	},
	[WS_KILLED] = {
		[WE_READY] = GO(KILLED, WA_NONE),
		[WE_LIMIT] = GO(KILLED, WA_LATE | WA_KILL), /* unkillable */
		[WE_STOP]  = GO(KILLED, WA_NONE),
		[WE_EMPTY] = GO(KILLED, WA_BUG),
		[WE_HANG]  = GO(KILLED, WA_NONE),
		[WE_KILL]  = GO(KILLED, WA_KILL),
		[WE_EXIT]  = GO(GONE, WA_OBITUARY),
	},
	[WS_GONE] = {
		[WE_READY] = GO(GONE, WA_BUG),
		[WE_LIMIT] = GO(GONE, WA_BUG),
		[WE_STOP]  = GO(GONE, WA_NONE),
		[WE_EMPTY] = GO(GONE, WA_BUG),
		[WE_HANG]  = GO(GONE, WA_BUG),
		[WE_KILL]  = GO(GONE, WA_NONE),
		[WE_EXIT]  = GO(GONE, WA_BUG),
	},
};

struct worker_step
worker_step(enum worker_state s, enum worker_event ev)
{
	return table[s][ev];
}

const char *
worker_state_name(enum worker_state s)
{
	return state_names[s];
}

const char *
worker_event_name(enum worker_event ev)
{
	return event_names[ev];
}
