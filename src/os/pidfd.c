#include "config.h"
#include "os/pidfd.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int
pidfd_of(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	errno = ENOSYS;
	return -1;
#endif
}

int
pidfd_signal(int fd, int sig)
{
#ifdef SYS_pidfd_send_signal
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
#else
	(void)fd;
	(void)sig;
	errno = ENOSYS;
	return -1;
#endif
}

int
pidfd_copy(int fd, int number)
{
#ifdef SYS_pidfd_getfd
	return (int)syscall(SYS_pidfd_getfd, fd, number, 0);
#else
	(void)fd;
	(void)number;
	errno = ENOSYS;
	return -1;
#endif
}

bool
pidfd_is_child(int fd)
{
	siginfo_t	 si;

	return waitid((idtype_t)P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG |
	    WNOWAIT) == 0;
}
