#ifndef SUPERVISE_LISTENERS_H
#define SUPERVISE_LISTENERS_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/limit.h"
#include "base/list.h"
#include "config/conf.h"
#include "os/diag.h"
struct err;
struct journal;
struct listener_set;
struct turns;

/* Every listening socket of the supervisor. */
struct listeners {
	struct ev_loop	*loop;
	struct journal	*journal;
	struct list	 all;
	struct census	*census;	/* of places; NULL: no_kernel */
	struct diag	 diag;		/* once it is needed */
	const char	*no_kernel;	/* why the kernel cannot take turns,
					   or NULL; see policy/mechanism.h */
	const char	*no_classic;	/* nor draw lots instead */
};

/*
 * One of them.  It stays open while some generation claims it: a config
 * that still has its address, whoever's, goes on with the same socket.
 */
struct listener {
	struct list		 node;
	struct listeners	*owner;
	unsigned int		 refs;		/* of the memory */
	unsigned int		 claims;	/* none: closed */
	unsigned int		 sharers;	/* claims by who shares it */
	size_t			 others;	/* slots that are up and take
						   from it, not by turns */
	struct turns		*turns;		/* of the kernel, or NULL */
	int			 fd;		/* -1: closed */
	char			*address;	/* as it is */
	char			*pool;		/* who had it last */
	char			*data;		/* its first worker's */
	uint16_t		 port;		/* 0: none */
	struct sockaddr_storage	 asked;		/* as the config has it */
	socklen_t		 asked_len;
	bool			 dual_stack;
	bool			 datagram;	/* UDP: nobody accepts */
	uint64_t		 backlog;
	bool			 is_blocking;	/* for who has it as fd 0 */
	ev_io			 shut;		/* watched while shared */
	struct limit		 limit;
};

/*
 * The listeners of a pool, in the order of its config, then those that its
 * workers have asked for.
 */
#define LISTENER_SET_MAX	(2 * CONF_LISTEN_MAX)
struct listener_set {
	unsigned int		 refs;
	bool			 shared;	/* workers get them */
	bool			 claimed;
	size_t			 takers;	/* see listener_set_take */
	size_t			 count;
	struct listener		*list[];
};

void	listeners_init(struct listeners *, struct ev_loop *,
	    struct journal *);

void	listeners_fini(struct listeners *);
/*
 * Which of the connections that come to this set are open is asked from now
 * on.  0, or -1 with *e set.
 */
int	listeners_watch(struct listeners *, const struct listener_set *,
	    struct err *e);

/* Some listener that is open was opened for this address. */
bool	listeners_have(const struct listeners *, const struct conf_listen *);

/*
 * The set of a config, claimed: what old (or NULL) or somebody else has of
 * it already, the rest opened.  NULL with *e set, and nothing changed.
 */
struct listener_set	*listener_set_new(struct listeners *,
			    const struct conf_pool *,
			    const struct listener_set *old, struct err *e);
/*
 * One more, which a worker asks for: one that is open, or a new one.  Its
 * number, or -1 with *e set, the errno in its code.
 */
int			 listener_set_add(struct listener_set *,
			    struct listeners *, const struct conf_pool *,
			    const struct conf_listen *, struct err *e);
/* From now on workers get them: they may shut them down. */
void			 listener_set_share(struct listener_set *);
struct listener_set	*listener_set_ref(struct listener_set *);
void			 listener_set_unref(struct listener_set *);
/* Give the claim up: what nobody else claims is closed.  Once is enough. */
void			 listener_set_close(struct listener_set *);
/* The place of a listener, or of one that was it before, or -1. */
int			 listener_set_find(const struct listener_set *,
			    const struct listener *);
/* Carry backlog and defer_accept over to what is open. */
void			 listener_set_tune(struct listener_set *,
			    const struct conf_pool *);
/* The port of the first that has one, or 0. */
uint16_t		 listener_set_port(const struct listener_set *);

bool			 listener_is_same(const struct listener *,
			    const struct listener *);
/* One slot more that is up takes from these themselves, or one less. */
void			 listener_set_take(struct listener_set *, bool up);
void			 listener_take(struct listener *, bool up);
/* Close it if there is nobody left who needs it. */
void			 listener_look(struct listener *);
struct listener		*listener_ref(struct listener *);
void			 listener_unref(struct listener *);
#endif
