#ifndef POLICY_STATE_H
#define POLICY_STATE_H

/*
 * The life of one worker process, from exec to the moment it is reaped.
 * What the supervisor wishes of it is not a state; wishes come in as the
 * events STOP and KILL.
 */
#define WORKER_STATES(X)						\
	X(STARTING,	"starting",	"executed, not yet ready")	\
	X(READY,	"ready",	"ready; serving if it has a slot") \
	X(EMPTYING,	"emptying",	"gets nothing new, takes what waits") \
	X(DRAINING,	"draining",	"told to leave, still serving")	\
	X(HUNG,		"hung",		"stopped, and is being emptied") \
	X(KILLED,	"killed",	"SIGKILL sent, not yet reaped")	\
	X(GONE,		"gone",		"reaped")

#define WORKER_EVENTS(X)						\
	X(READY,	"ready",	"it is ready, by its dialect")	\
	X(LIMIT,	"limit",	"the time for this state is over") \
	X(STOP,		"stop",		"wish: leave gracefully")	\
	X(EMPTY,	"empty",	"nothing waits for it any more") \
	X(HANG,		"hang",		"it takes nothing of what waits") \
	X(KILL,		"kill",		"wish: go at once")		\
	X(EXIT,		"exit",		"the process was reaped")

enum worker_state {
#define X(id, name, what) WS_##id,
	WORKER_STATES(X)
#undef X
	WS__COUNT
};

enum worker_event {
#define X(id, name, what) WE_##id,
	WORKER_EVENTS(X)
#undef X
	WE__COUNT
};

/* What is to be done on the way into the next state. */
#define WA_NONE		0x00u
#define WA_SERVE	0x01u	/* tell the pool that it is ready */
#define WA_LEAVE	0x02u	/* ask it to leave, in its dialect */
#define WA_KILL		0x04u	/* SIGKILL to the whole tree */
#define WA_OBITUARY	0x08u	/* tell the pool that it is gone */
#define WA_LATE		0x10u	/* say which limit it has overstepped */
#define WA_BUG		0x20u	/* this cannot happen */
#define WA_EMPTY	0x40u	/* watch what still waits for it */
#define WA_FREEZE	0x80u	/* SIGSTOP; take back what it has not read */

struct worker_step {
	enum worker_state	next;
	unsigned int		acts;
};

struct worker_step	 worker_step(enum worker_state, enum worker_event);
const char		*worker_state_name(enum worker_state);
const char		*worker_event_name(enum worker_event);
#endif
