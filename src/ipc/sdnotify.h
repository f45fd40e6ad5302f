#ifndef IPC_SDNOTIFY_H
#define IPC_SDNOTIFY_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What sd_notify(3) sends: lines NAME=value in one datagram.  Pure. */
#define SDNOTIFY_MAX		4096	/* bytes of a datagram */
#define SDNOTIFY_STATUS_MAX	256

enum {
	SDNOTIFY_READY = 0x001,
	SDNOTIFY_RELOADING = 0x002,
	SDNOTIFY_STOPPING = 0x004,
	SDNOTIFY_WATCHDOG = 0x008,
	SDNOTIFY_TRIGGER = 0x010,	/* WATCHDOG=trigger */
	SDNOTIFY_BARRIER = 0x020,
	SDNOTIFY_FDSTORE = 0x040,
	SDNOTIFY_STATUS = 0x080,
	SDNOTIFY_MAINPID = 0x100,
	SDNOTIFY_EXTEND = 0x200,
	SDNOTIFY_ERRNO = 0x400,
	SDNOTIFY_BAD = 0x800		/* a value that makes no sense */
};

struct sdnotify {
	unsigned int	 has;
	char		 status[SDNOTIFY_STATUS_MAX + 1]; /* escaped */
	pid_t		 main_pid;
	uint64_t	 extend_ms;	/* rounded up */
	int		 error;
};

/* Names that are not known are passed over. */
void	sdnotify_parse(const char *text, size_t len, struct sdnotify *);
#endif
