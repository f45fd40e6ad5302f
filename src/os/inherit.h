#ifndef OS_INHERIT_H
#define OS_INHERIT_H
#include <stdbool.h>
#include <stddef.h>
struct conf_listen;

/*
 * Listeners that a service manager has opened for us: LISTEN_FDS and
 * LISTEN_PID, see sd_listen_fds(3).  One is used where the config has its
 * address; it is never bound anew, nor is the path of one removed.
 */

/* Once, before anything is opened: they move out of the way of others. */
void	inherit_listeners(void);
bool	inherit_has(const struct conf_listen *);
/* Its descriptor, to be closed by the caller, or -1. */
int	inherit_take(const struct conf_listen *);
/* Whether a descriptor was inherited; it is forgotten. */
bool	inherit_forget(int fd);
/* Close those that nobody has taken.  How many there were. */
size_t	inherit_close_rest(void);
#endif
