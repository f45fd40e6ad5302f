#ifndef OS_REAPER_H
#define OS_REAPER_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
struct err;
struct reaper;

/* status as waitpid gives it.  May watch others, the same pid among them. */
typedef void reaper_cb(void *arg, pid_t pid, int status);

/* NULL with *e set.  Puts SIGCHLD back to its default, blocked or not. */
struct reaper	*reaper_new(struct err *e);
void		 reaper_free(struct reaper *);
/* A pid is watched once; it is forgotten before the callback is called. */
int		 reaper_watch(struct reaper *, pid_t, reaper_cb *, void *arg,
		    struct err *e);
/* It becomes a stray: reaped, and nobody is told. */
void		 reaper_forget(struct reaper *, pid_t);
/* What a child is watched with by this callback, or NULL. */
void		*reaper_arg(const struct reaper *, pid_t, reaper_cb *);
bool		 reaper_knows(const struct reaper *, pid_t);
/*
 * Called when a child has died, before it is reaped: what it has sent is
 * there to be read, and its pid still names it.
 */
void		 reaper_before(struct reaper *, void (*)(void *arg), void *arg);
/* Collect every child that has died: one SIGCHLD may stand for many. */
void		 reaper_collect(struct reaper *);
/* How many are watched. */
size_t		 reaper_count(const struct reaper *);
#endif
