#ifndef OS_ERROUT_H
#define OS_ERROUT_H
#include <stddef.h>
struct err;
struct ev_loop;

/*
 * The supervisor's stderr, which may be a full pipe or a stopped terminal
 * and was inherited from somebody who may depend on its flags: written
 * without ever blocking, and without O_NONBLOCK on what was inherited.
 * What cannot be written at once waits in a buffer of ERROUT_BUFFER bytes;
 * when that is full, whole lines are dropped, counted, and the count is
 * written as a line of its own once there is room.  Without a reader (or
 * room on a disk) lines are dropped and counted likewise, and each new one
 * tries again.  SIGPIPE has to be blocked or ignored.
 */
#define ERROUT_BUFFER (1 << 20)

/* Makes itself log's writer.  One at a time. */
int	errout_start(struct ev_loop *, struct err *e);
/* Takes over from log's own writer; see log_set_writer. */
void	errout_write(const char *line, size_t len);
/*
 * Write what is left, for at most limit_ms and only while the other side
 * takes it, and give log its own writer back, which may block: do it last.
 */
void	errout_stop(unsigned int limit_ms);
#endif
