#ifndef CLI_CLI_H
#define CLI_CLI_H
#include "cli/args.h"

/* Exit statuses besides EXIT_SUCCESS and EXIT_FAILURE; see rota(1). */
#define EXIT_USAGE	2
#define EXIT_NOBODY	3	/* no supervisor there */
#define EXIT_CONFIG	78	/* EX_CONFIG of sysexits(3) */

/* These take their arguments as they are; argv[0] is the command's name. */
int	cmd_check(int argc, char **argv);
int	cmd_run(int argc, char **argv);

/* The others get them parsed by args_parse. */
int	cmd_apply(const struct cli_args *);
int	cmd_broadcast(const struct cli_args *);
int	cmd_events(const struct cli_args *);
int	cmd_logs(const struct cli_args *);
int	cmd_plan(const struct cli_args *);
int	cmd_reload(const struct cli_args *);
int	cmd_scale(const struct cli_args *);
int	cmd_send(const struct cli_args *);
int	cmd_shutdown(const struct cli_args *);
int	cmd_signal(const struct cli_args *);
int	cmd_start_stop(const struct cli_args *);	/* and restart */
int	cmd_status(const struct cli_args *);
int	cmd_top(const struct cli_args *);

/* Print how to call a command to stderr; returns EXIT_USAGE. */
int	cli_usage(const char *command);
#endif
