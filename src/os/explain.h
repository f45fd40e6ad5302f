#ifndef OS_EXPLAIN_H
#define OS_EXPLAIN_H
struct err;

/*
 * Say why execve has failed with this errno, better than the kernel does:
 * path as seen from dir_fd (or -1), through exec_fd unless that is -1.
 * Returns -1 with *e set.
 */
int	explain_exec(const char *path, int dir_fd, int exec_fd, int code,
	    struct err *e);
#endif
