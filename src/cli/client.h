#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cli_args;

/* A connection to a supervisor's control socket; see rota-control(7). */
struct client;

#define CLIENT_FOREVER UINT64_MAX	/* instead of a time */

/*
 * Find the supervisor that the arguments mean, connect, and read what it
 * says first.  NULL: *ret_status is the exit status; why has been said.
 */
struct client	*client_open(const struct cli_args *, int *ret_status);
void		 client_close(struct client *);

/* Takes args.  The request's id, or 0: it could not be sent, as was said. */
json_int_t	 client_send(struct client *, const char *command,
		    json_t *args);

enum client_event {
	CLIENT_LINE,		/* *ret is an object, the caller's */
	CLIENT_LATE,		/* the time is over */
	CLIENT_INTERRUPTED,	/* ^C */
	CLIENT_RESIZED,		/* the terminal has */
	CLIENT_LOST,		/* the other side has closed, or died */
	CLIENT_GARBAGE		/* it sends what is no reply */
};

/* The next line, waited for until that time of clock_ms. */
enum client_event client_receive(struct client *, uint64_t until_ms,
		    json_t **ret);
/* The same without waiting: CLIENT_LATE if no line is complete. */
enum client_event client_poll(struct client *, json_t **ret);
int		 client_fd(const struct client *);

const char	*client_path(const struct client *);
/* The supervisor's, as it says. */
pid_t		 client_pid(const struct client *);
/* Its numbers of processes are ours: it is in our PID namespace. */
bool		 client_shares_pids(const struct client *);
#endif
