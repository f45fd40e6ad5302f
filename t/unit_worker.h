#ifndef T_UNIT_WORKER_H
#define T_UNIT_WORKER_H
#include <stdint.h>
#include <sys/types.h>
#include "t/unit.h"

/*
 * rota-http from outside: the test is its supervisor and its clients.
 */
#define DISCONNECT "{\"rota\":\"disconnect\",\"deadline_ms\":30000}\n"
#define PATIENCE_MS	10000

extern pid_t	 pid;		/* the worker, or -1 */
extern int	 ipc;		/* our end of the channel */
extern int	 feed, take;	/* both ends of the queue, as the supervisor */
extern int	 out;		/* its stdout and stderr */
extern char	 answer[8192];	/* the last that was read, NUL-terminated */

/* Start it with these words. */
void	launch(const char *line);
/* The same as a worker: with hand-over, or with our listener. */
void	supervise_by(const char *line, int shared);
void	supervise(const char *line);
/* From outside: valgrind only pretends that a process limits itself. */
void	limit_files(int files);
/* Wait for its end, at most so long; the status, or -1. */
int	ended(int within_ms);
void	exits(int within_ms, int with);
void	end_it(void);

void	say(const char *text);
/* Read until there is this text; 0 if it came within that time. */
int	wait_text(int fd, const char *want, int within_ms);
void	wait_ready(void);

/* A client's end: of a port in network order, at our listener, handed over. */
int	dial_port(uint16_t port);
int	dial(void);
int	client(void);
void	request(int fd, const char *path);
/* One whole answer, with this in it. */
void	answers(int fd, const char *want);
void	asks(int fd, const char *path, const char *want);
/* How long until the end of file; -1: not within that time. */
int	eof_after(int fd, int within_ms);

void	fill_misbehaving(Suite *);
#endif
