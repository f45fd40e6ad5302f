#ifndef SUPERVISE_LAUNCH_H
#define SUPERVISE_LAUNCH_H
#include <stdint.h>
#include <sys/types.h>
struct env;
struct err;
struct worker_job;

/* The first descriptor that a worker gets after its standard ones. */
#define LAUNCH_FIRST_FD 3

/* The supervisor's ends of a process that has just been executed. */
struct launched {
	pid_t	 pid;
	int	 out_fd;	/* what it prints */
	int	 ipc_fd;	/* its channel, or -1 */
	int	 ready_fd;	/* of ready.when: fd, or -1 */
};

/*
 * Start a worker's process: its descriptors in the order of rota-ipc(7)
 * (listeners, channel, connections), its environment, its directory.
 * 0, or -1 with *e set and nothing left behind.
 */
int	launch(const struct worker_job *, struct launched *, struct err *e);
void	launched_close(struct launched *);

/* The port of this worker alone or, without, of its first listener; or 0. */
uint16_t launch_port(const struct worker_job *);
/*
 * Words with what stands in braces filled in for this worker, for the caller
 * to free; ready_fd: in the worker, or -1.  NULL with *e set.
 */
char	**launch_words(const struct worker_job *, char *const *words,
	    int ready_fd, struct err *e);
#endif
