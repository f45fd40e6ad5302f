#ifndef CLIENT_CHAOS_H
#define CLIENT_CHAOS_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/util.h"

/* What has become of a request. */
enum asked {
	ASK_NONE,
	ASK_UNDER_WAY,
	ASK_FOLLOWS,		/* a follow: no answer, unless it fails */
	ASK_ANSWERED,
	ASK_LEFT		/* its client has gone: one answer at most */
};

struct ask {
	enum asked	 state;
	const char	*command;	/* a literal, for the tally */
	unsigned int	 client;
	uint64_t	 since_ms;
};

struct chaos_client {
	int		 fd;
	unsigned int	 number;
	struct buf	 in, out;
	unsigned int	 under_way;
	unsigned int	 follows;	/* commands until it ends a follow */
	unsigned int	 garbage;	/* lines not yet answered */
	bool		 half_closed, may_be_closed;
	uint64_t	 next_ms;
};

struct chaos {
	const char	*socket, *folder, *base;
	pid_t		 rota;
	uint64_t	 seed, random;
	size_t		 commands, sent;	/* to be sent, and were */
	size_t		 variants;
	struct ask	*asks;			/* by id, from 1 */
	size_t		 answered, left, events, wrong;
	pid_t		 killer;
	int		 killer_fd;
};

/* --- chaos.c -------------------------------------------------------------- */
/* From 0 to n-1, and true so many times in a hundred. */
size_t	 chaos_random(struct chaos *, size_t n);
bool	 chaos_chance(struct chaos *, unsigned int percent);
/* Something that must not be: said and counted. */
void	 chaos_wrong(struct chaos *, const char *fmt, ...) PRINTFLIKE(2, 3);

/* --- chaos_client.c ------------------------------------------------------- */
void	 client_connect(struct chaos *, struct chaos_client *);
/* Without reading what is still to come. */
void	 client_leave(struct chaos *, struct chaos_client *);
/* A request with its newline; takes args.  Returns its id. */
size_t	 client_ask(struct chaos *, struct chaos_client *,
	    const char *command, json_t *args, bool follows);
void	 client_text(struct chaos_client *, const char *, size_t);
/* Both ways, as far as it goes now. */
void	 client_move(struct chaos *, struct chaos_client *, int revents);
/* How the answers were, for each command. */
void	 client_tally(void);

/* --- chaos_command.c ------------------------------------------------------ */
/* One command, or something else that a client may do. */
void	 command_random(struct chaos *, struct chaos_client *);
/* A new config file; its path is overwritten by the next. */
const char *variant_write(struct chaos *);

/* --- chaos_facts.c -------------------------------------------------------- */
/* Bring the base config back, and compare: true if all is as it should. */
bool	 facts_restore(struct chaos *);

/* --- chaos_kill.c --------------------------------------------------------- */
size_t	 children_of(pid_t, pid_t *pids, size_t max);
void	 killer_start(struct chaos *);
void	 killer_stop(struct chaos *);
#endif
