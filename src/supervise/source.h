#ifndef SUPERVISE_SOURCE_H
#define SUPERVISE_SOURCE_H
#include <ev.h>
#include <stddef.h>
#include <stdint.h>
#include "base/limit.h"
#include "supervise/command.h"
struct broadcaster;
struct conf_broadcast;
struct generation;
struct message;

/* Where the values of one broadcast come from. */
struct source {
	struct broadcaster		*owner;
	const struct conf_broadcast	*conf;
	int				 number;	/* in config order */
	ev_timer			 tick;
	struct message			*last;		/* NULL: none yet */
	struct limit			 limit;
	int64_t				 counter;	/* the next value */
	struct command			 command;
};

/*
 * A kind of source: what it does when its time has come.  It answers, now
 * or later, by source_value or source_failed.  One file each, one row in
 * broadcast.c.
 */
typedef void source_tick_fn(struct source *);

source_tick_fn	source_command, source_counter, source_file, source_constant;

/* A new value: remembered, and sent to everybody who is ready. */
void	source_value(struct source *, const char *text, size_t len);
/* There is none this time: logged at a limited rate, the last one stays. */
void	source_failed(struct source *, const char *why);
/* The pool's generation: directory and environment to find things in. */
const struct generation *source_place(const struct source *);
/* For command_init: takes what a command prints as the value. */
command_cb	source_command_done;
#endif
