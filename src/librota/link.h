#ifndef LIBROTA_LINK_H
#define LIBROTA_LINK_H
#include <stdbool.h>
#include <sys/types.h>
#include "librota/line.h"
#include "librota/rota.h"
#include "librota/wire.h"

/* What the parts of librota share; not installed. */

/* Whether, and until when, connections are taken. */
enum librota_taking {
	LIBROTA_TAKING,
	LIBROTA_LAST,		/* until there is none: then DONE */
	LIBROTA_DONE
};

struct rota {
	pid_t			 pid;		/* who connected */
	pid_t			 parent;	/* of it, at that time */
	int			 ipc, conn;	/* conn may be -1 */
	/* After the end of the channel, to see the parent go; or -1. */
	int			 parent_fd;
	bool			 readable;	/* no end of file on ipc yet */
	bool			 writable;
	bool			 told_closed, told_gone;
	bool			 draining;
	bool			 greeted;	/* hello has come */
	struct librota_line	 in;
	char			*out;		/* what waits to be sent */
	size_t			 out_len, out_sent;
	struct librota_hello	 hello;
	enum librota_taking	 taking;
	unsigned int		 last_count;	/* accepted since LAST */
	size_t			 take_next;	/* listener to look at first */
	size_t			 accept_count;
	int			 accept_fds[LIBROTA_WIRE_LISTENERS];
	unsigned char		 accept_index[LIBROTA_WIRE_LISTENERS];
};

/* Send what waits, as far as it goes. */
void	librota_flush(struct rota *);
/* Takes one line, sends or keeps it; 0 or -1 as rota_send. */
int	librota_send_line(struct rota *, char *line, size_t len);
/* EPERM in a forked child. */
int	librota_check_pid(const struct rota *);
/* Know the descriptors to accept from, once hello has named them. */
void	librota_take_setup(struct rota *);
void	librota_set_cloexec(int fd);
#endif
