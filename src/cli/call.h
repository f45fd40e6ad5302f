#ifndef CLI_CALL_H
#define CLI_CALL_H
#include <jansson.h>
#include <stdint.h>
#include "cli/client.h"

struct cli_args;

/* How long a command may take that has nothing to wait for. */
#define CALL_MS 10000

enum call_end {
	CALL_DONE,		/* ok: result is set */
	CALL_REFUSED,		/* not ok: code and error are set */
	CALL_LATE,		/* no reply in time */
	CALL_INTERRUPTED,	/* ^C */
	CALL_LOST,		/* the supervisor has gone */
	CALL_GARBAGE,		/* what it sends is no reply */
	CALL_UNSENT		/* no request was sent, which has been said */
};

/* One request, and what is to happen until its reply is there. */
struct call {
	const char	*command;
	json_t		*args;		/* taken; NULL: not UTF-8 */
	uint64_t	 limit_ms;	/* or CLIENT_FOREVER */
	void		(*data)(void *arg, const json_t *data);
	void		(*tick)(void *arg);	/* every tick_ms, if not 0 */
	uint64_t	 tick_ms;
	void		*arg;
};

/* How it ended.  Everything in it is borrowed from line. */
struct reply {
	enum call_end	 end;
	json_t		*line;
	const json_t	*result;	/* an object, perhaps empty */
	const json_t	*details;	/* or NULL */
	const char	*code, *error;
};

void	call_run(struct client *, const struct call *, struct reply *ret);
void	reply_free(struct reply *);
/* The exit status that the reply stands for. */
int	reply_status(const struct reply *);
/* Why it is not done, to stderr; nothing if it is. */
void	reply_complain(const struct reply *, const struct client *);
/* The result, or what else was said, as one line on stdout. */
void	reply_print_json(const struct reply *);

/*
 * The whole of a simple command: connect, ask, print the result with show
 * or as JSON, complain.  show_details, of a refusal's details, may be NULL.
 * Takes args; the exit status.
 */
int	call_simply(const struct cli_args *, const char *command,
	    json_t *args, void (*show)(const json_t *result),
	    void (*show_details)(const json_t *details));
#endif
