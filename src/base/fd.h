#ifndef BASE_FD_H
#define BASE_FD_H
#include <stdbool.h>
#include <unistd.h>

/* A local descriptor that is closed when it goes out of scope. */
#define AUTO_FD __attribute__((cleanup(fd_close))) int

/* Close and forget; nothing happens to -1.  Keeps errno. */
void	fd_close(int *fd);
/* 0, or -1 with errno.  The flag lives in the open file description. */
int	fd_set_nonblock(int fd, bool on);

/* Pass ownership on: the variable is emptied, the caller has the fd. */
static inline int
fd_take(int *fd)
{
	int	 taken = *fd;

	*fd = -1;
	return taken;
}
#endif
