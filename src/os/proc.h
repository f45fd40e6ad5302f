#ifndef OS_PROC_H
#define OS_PROC_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What proc(5) says about other processes. */
struct proc_stat {
	pid_t			 pid, ppid;
	bool			 is_dead;	/* a zombie */
	bool			 is_stopped;	/* by a signal or a tracer */
	unsigned long long	 start_ticks;	/* since boot */
	bool			 has_env;	/* which can be seen by now */
	size_t			 env_bytes;
};

/* 0, or -1: it is not there, or cannot be seen. */
int	proc_stat(pid_t, struct proc_stat *);

/* A variable of the environment that a process was started with. */
#define PROC_VALUE_SIZE	80
struct proc_var {
	const char	*name;
	bool		 found;		/* false also if it does not fit */
	char		 value[PROC_VALUE_SIZE];
};
/* False: not all of it could be read, as amid an exec; ask again. */
bool	proc_env(pid_t, struct proc_var *, size_t count);

typedef void proc_cb(void *arg, pid_t pid, pid_t ppid);
/* The threads of a process.  0, or -1: it is not there. */
typedef void proc_thread_cb(void *arg, pid_t tid);
int	proc_threads(pid_t, proc_thread_cb *, void *arg);

/*
 * Each process is reported that was there all the time; who begins or ends
 * meanwhile may be.  proc_children needs a kernel with the children files.
 */
bool	proc_has_children_files(void);
extern bool	proc_hide_children_files;	/* as if it had none */
void	proc_children(pid_t ppid, proc_cb *, void *arg);
void	proc_all(proc_cb *, void *arg);
#endif
