#ifndef SUPERVISE_LAUNCH_H
#define SUPERVISE_LAUNCH_H
#include <sys/types.h>
struct err;
struct worker_job;

/* The first descriptor that a worker gets after its standard ones. */
#define LAUNCH_FIRST_FD 3

/* The supervisor's ends of a process that has just been executed. */
struct launched {
	pid_t	 pid;
	int	 out_fd;	/* what it prints */
	int	 ipc_fd;	/* its channel, or -1 */
};

/*
 * Start a worker's process: its descriptors in the order of rota-ipc(7)
 * (listeners, channel, connections), its environment, its directory.
 * 0, or -1 with *e set and nothing left behind.
 */
int	launch(const struct worker_job *, struct launched *, struct err *e);
void	launched_close(struct launched *);
#endif
