#ifndef T_UNIT_CONTROL_RIG_H
#define T_UNIT_CONTROL_RIG_H
#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "control/request.h"
#include "control/server.h"
#include "control/socket.h"
#include "t/unit_os.h"

#define HELD_MAX 64

/*
 * A server with a handler of a few commands:
 *
 *	echo	its args at once
 *	hold	nothing; the test answers what stands in held[]
 *	args	reads a, b, n and l strictly, and returns them
 *	big	a string of n bytes
 *	data	n data lines, and how many were refused
 */
struct rig {
	struct ev_loop		*loop;
	struct control_server	*server;
	struct control_limits	 limits;	/* for the test to change */
	struct request		*held[HELD_MAX];	/* NULL: gone */
	size_t			 held_count, gone_count;
	bool			 finish_when_gone;
	char			 folder[64], path[CONTROL_PATH_SIZE];
};

void	 rig_open(struct rig *, const struct control_access *);
void	 rig_close(struct rig *);
/* The loop turns until nothing happens any more, or for so long. */
void	 rig_turn(struct rig *);
void	 rig_turn_ms(struct rig *, int ms);
/* Turn until there are so many clients. */
void	 rig_wait_clients(struct rig *, size_t n);

/* A client without its greeting, which was read; or with it. */
int	 client_new(struct rig *);
int	 client_raw(struct rig *);
/* All of it, while the server turns. */
void	 client_say(struct rig *, int fd, const char *, size_t);
void	 client_line(struct rig *, int fd, const char *);
/*
 * The next line from the server, or NULL at the end of file: a value to be
 * freed.
 */
json_t	*client_hear(struct rig *, int fd);
/* The next line has this code (NULL: it is ok, or data). */
void	 client_expect(struct rig *, int fd, const char *code);
void	 client_expect_end(struct rig *, int fd);

/* In unit_control_answers.c. */
void	 fill_answers(Suite *);
#endif
