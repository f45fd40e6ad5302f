#ifndef SUPERVISE_OUTPUT_H
#define SUPERVISE_OUTPUT_H
#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/log.h"

struct history;
struct journal;

/*
 * What a worker prints: one pipe, cut into lines, written to the journal
 * with the worker's name.  A line longer than LOG_LINE_MAX is split.
 */
struct output_to {
	struct journal	*journal;		/* all borrowed */
	struct history	*history;		/* NULL: not remembered */
	enum log_format	 format;
	const char	*pool;
	int		 slot;
	pid_t		 pid;
};

struct output {
	struct ev_loop	*loop;
	ev_io		 io;
	int		 fd;			/* -1: ended */
	struct output_to to;
	struct buf	 part;			/* of a line */
};

/* Takes the reading end of the pipe. */
void	output_init(struct output *, struct ev_loop *, int fd,
	    const struct output_to *);
/* Read what is there now: the last words of the dead. */
void	output_drain(struct output *);
void	output_close(struct output *);
#endif
