#ifndef SUPERVISE_COMMON_H
#define SUPERVISE_COMMON_H
#include <stdbool.h>
#include <stddef.h>
#include "supervise/acks.h"
#include "supervise/journal.h"
#include "supervise/leftovers.h"
#include "supervise/listeners.h"
#include "supervise/notices.h"
struct ev_loop;
struct reaper;

/* What all pools of the supervisor have in common. */
struct common {
	struct ev_loop		*loop;
	struct reaper		*reaper;
	struct journal		 journal;
	struct listeners	 listeners;
	struct notices		 notices;
	struct acks		 acks;
	struct leftovers	 leftovers;
	size_t			 cpus;
	unsigned int		 serial;	/* of the last start */
	bool			 told_grab;	/* of what is lost */
};
#endif
