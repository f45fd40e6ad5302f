#include "config.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>

void
fd_close(int *fd)
{
	int	 saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

int
fd_set_nonblock(int fd, bool on)
{
	int	 old = fcntl(fd, F_GETFL);
	int	 want;

	if (old == -1)
		return -1;
	want = on ? old | O_NONBLOCK : old & ~O_NONBLOCK;
	return want == old ? 0 : fcntl(fd, F_SETFL, want);
}
