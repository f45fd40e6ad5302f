#ifndef CLI_CLI_H
#define CLI_CLI_H

/* Exit statuses besides EXIT_SUCCESS and EXIT_FAILURE; see rota(1). */
#define EXIT_USAGE	2
#define EXIT_CONFIG	78	/* EX_CONFIG of sysexits(3) */

/* The commands of rota; argv[0] is the command's name. */
int	cmd_check(int argc, char **argv);
int	cmd_run(int argc, char **argv);

/* Print how to call a command to stderr; returns EXIT_USAGE. */
int	cli_usage(const char *command);
#endif
