#ifndef SUPERVISE_HISTORY_H
#define SUPERVISE_HISTORY_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"

/* How much of what a slot's workers printed is kept, over restarts. */
#define HISTORY_LINES	1000
#define HISTORY_BYTES	65536

/* The last lines of a slot; takes memory only once something is printed. */
struct history {
	struct buf	 buf;		/* struct history_line, text, NUL */
	unsigned int	 lines;
};

struct history_line {
	uint64_t	 seq;		/* in the order of all slots */
	int64_t		 real_ms;
	pid_t		 pid;
	size_t		 len;		/* of the text that follows */
};

typedef void history_cb(void *arg, const struct history_line *,
	    const char *text);

void	history_init(struct history *);
void	history_free(struct history *);
/* What has no memory is not remembered. */
void	history_add(struct history *, uint64_t seq, pid_t, const char *text,
	    size_t len);
/*
 * Call back for the last so many lines, the oldest first; of one process,
 * or of all if pid is 0.
 */
void	history_last(const struct history *, size_t lines, pid_t,
	    history_cb *, void *arg);
/*
 * The last lines of a process, for its obituary: into a buffer, NUL after
 * each; the oldest give way to what does not fit.
 */
#define HISTORY_TAIL_LINES	20
#define HISTORY_TAIL_BYTES	16384
void	history_tail(const struct history *, pid_t, struct buf *);
#endif
