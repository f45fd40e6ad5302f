#ifndef BASE_LOG_H
#define BASE_LOG_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/util.h"

/*
 * err: an operation is lost; warn: going on regardless, and the message
 * says so; info: state changes and what an operator did; debug: the rest.
 */
enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/*
 * One finished line, its newline included.  Must not block; whatever it
 * logs itself comes back to it at once.
 */
typedef void log_writer(const char *line, size_t len);

/* All of these keep errno.  The default writer is write(2) on stderr. */
void	log_set_writer(log_writer *);
void	log_set_level(enum log_level);
void	log_set_format(enum log_format);

/* "info" */
const char *log_level_name(enum log_level);

void	log_at(enum log_level, const char *fmt, ...) PRINTFLIKE(2, 3);
void	log_err(const char *fmt, ...) PRINTFLIKE(1, 2);
void	log_warn(const char *fmt, ...) PRINTFLIKE(1, 2);
void	log_info(const char *fmt, ...) PRINTFLIKE(1, 2);
void	log_debug(const char *fmt, ...) PRINTFLIKE(1, 2);

/* The longest line of a worker that is kept in one piece. */
#define LOG_LINE_MAX 8192

/* One line that a worker printed, without its newline. */
struct log_line {
	const char	*pool;
	int		 slot;		/* -1: a broadcast's command */
	pid_t		 pid;
	const char	*text;
	size_t		 len;		/* at most LOG_LINE_MAX */
};
void	log_worker_line(enum log_format, const struct log_line *);
#endif
