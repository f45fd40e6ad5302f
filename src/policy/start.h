#ifndef POLICY_START_H
#define POLICY_START_H
#include <stdbool.h>
#include <stddef.h>

/* What is known of a pool when one of its slots wants to start. */
struct start_facts {
	size_t	 cpus;
	size_t	 starting;	/* workers started and not yet ready */
	size_t	 ready;		/* workers that are ready now */
	bool	 is_first;	/* this slot has never been started */
	bool	 is_crashing;	/* its last worker died early */
	bool	 has_probe;	/* another slot probes, since no worker of
				   the pool has been ready for long */
	bool	 is_crowded;	/* there is no room for one more process */
};

enum start_answer {
	START_NOW,
	START_LATER,	/* when some worker gets ready, leaves or dies */
	START_PROBED	/* when the probing worker holds, or gives up */
};

/*
 * A first start waits while as many are starting as there are CPUs, or as
 * are ready already: the window doubles as workers get ready.  Of slots
 * that are crashing while nobody holds one probes, and the rest wait.
 */
enum start_answer	start_allowed(const struct start_facts *);
#endif
