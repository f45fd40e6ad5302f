#ifndef CLI_WAIT_H
#define CLI_WAIT_H
#include <jansson.h>

struct cli_args;
struct reply;

/* A command for whose end people wait. */
struct wait {
	const char	*command;
	const char	*what;		/* "the rollout": what goes on */
	/* The end of it, on stdout. */
	void		(*show)(const json_t *result);
	/* What the details of a refusal say, to stderr; or NULL. */
	void		(*show_details)(const json_t *details);
};

/*
 * Connect, ask, show progress until it is done, unless there is --no-wait;
 * ^C and --timeout end only the waiting.  Takes args; the exit status.
 */
int	wait_run(const struct cli_args *, const struct wait *, json_t *args);

/* Why each pool of a rollout failed, with the worker's last lines. */
void	wait_show_pools(const json_t *details);
#endif
