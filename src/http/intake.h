#ifndef HTTP_INTAKE_H
#define HTTP_INTAKE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "http/options.h"

struct err;
struct rota;
struct server;

#define INTAKE_FDS_MAX 256

/*
 * Where connections come from: the supervisor, own listeners, or both; and
 * the epoll set in which these are watched while connections are wanted.
 */
struct intake {
	struct rota	*rota;		/* borrowed; NULL: running alone */
	struct server	*server;	/* borrowed */
	int		 epoll;		/* borrowed */
	uint64_t	 tag;		/* of our events in the set */
	int		 own[OPTIONS_LISTEN_MAX + 1];
	size_t		 own_count;
	int		 watched[INTAKE_FDS_MAX];
	size_t		 watched_count;
	int		 journal;	/* -1: none */
	unsigned int	 budget;	/* how many to take at a time */
	bool		 open;		/* connections are wanted */
	bool		 last;		/* only those that wait already */
	bool		 blocked;	/* no descriptors left */
	size_t		 blocked_at;	/* connections there were then */
	uint64_t	 retry_ms;	/* when to try again at the latest */
};

int	intake_init(struct intake *, const struct options *, struct err *e);
void	intake_close(struct intake *);
/* Begin to take connections.  0 or -1: an own listener failed. */
int	intake_start(struct intake *, const struct options *, struct err *e);
/* Watch what is to be watched now, and nothing else. */
void	intake_watch(struct intake *);
/* Take some, after an event; true if any. */
bool	intake_take(struct intake *, uint64_t now_ms);
/* Take what waits already, then no more. */
void	intake_drain(struct intake *, uint64_t now_ms);
/* The rest of what waits is to be taken, without waiting for an event. */
bool	intake_is_ending(const struct intake *);
/* After descriptors had run out: go on if there may be one again. */
void	intake_retry(struct intake *, uint64_t now_ms);
#endif
