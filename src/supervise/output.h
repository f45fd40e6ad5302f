#ifndef SUPERVISE_OUTPUT_H
#define SUPERVISE_OUTPUT_H
#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/log.h"

/* How many lines of a worker are kept for its obituary, and bytes. */
#define OUTPUT_TAIL_LINES	20
#define OUTPUT_TAIL_BYTES	16384

/*
 * What a worker prints: one pipe, cut into lines, written to the log with
 * the worker's name.  A line longer than LOG_LINE_MAX is split.
 */
struct output {
	struct ev_loop	*loop;
	ev_io		 io;
	int		 fd;			/* -1: ended */
	enum log_format	 format;
	const char	*pool;			/* borrowed */
	int		 slot;
	pid_t		 pid;
	struct buf	 part;			/* of a line */
	struct buf	 tail;			/* last lines, NUL after each */
	unsigned int	 tail_lines;
};

/* Takes the reading end of the pipe. */
void	output_init(struct output *, struct ev_loop *, int fd,
	    enum log_format, const char *pool, int slot, pid_t);
/* Read what is there now: the last words of the dead. */
void	output_drain(struct output *);
void	output_close(struct output *);
/* Call back for each line that is kept, the oldest first. */
void	output_tail(const struct output *, void (*cb)(void *arg,
	    const char *line), void *arg);
#endif
