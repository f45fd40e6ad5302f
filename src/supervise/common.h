#ifndef SUPERVISE_COMMON_H
#define SUPERVISE_COMMON_H
#include <stddef.h>
#include "supervise/journal.h"
#include "supervise/listeners.h"
struct ev_loop;
struct reaper;

/* What all pools of the supervisor have in common. */
struct common {
	struct ev_loop		*loop;
	struct reaper		*reaper;
	struct journal		 journal;
	struct listeners	 listeners;
	size_t			 cpus;
};
#endif
