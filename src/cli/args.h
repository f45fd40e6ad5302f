#ifndef CLI_ARGS_H
#define CLI_ARGS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The options of all commands; a command's row says which of them it has. */
#define OPTION_LIST(X)							\
	X(CONFIG, 'c', "config", "FILE",				\
	    "ask the supervisor that runs this config file")		\
	X(SOCKET, 's', "socket", "PATH",				\
	    "ask the supervisor at this control socket")		\
	X(JSON, 0, "json", NULL, "print the result as JSON")		\
	X(NO_WAIT, 0, "no-wait", NULL,					\
	    "begin, and do not wait for the end")			\
	X(TIMEOUT, 0, "timeout", "DURATION",				\
	    "wait no longer than this")					\
	X(ABORT, 0, "abort", NULL, "end the rollout that is under way")	\
	X(AT_ONCE, 0, "at-once", NULL, "kill the workers")		\
	X(FOLLOW, 'f', "follow", NULL, "go on with what is new")	\
	X(LINES, 'n', "lines", "N", "how many of the last")		\
	X(WATCH, 0, "watch", "[SECONDS]", "show it again and again")	\
	X(PRINT, 0, "print", NULL, "print the effective config")	\
	X(STRICT, 0, "strict", NULL,					\
	    "facts about this machine are errors too")			\
	X(VERBOSE, 'v', "verbose", NULL, "log what else happens")

#define OPTION_NAME(id, letter, name, value, help) OPTION_##id,
enum option_id { OPTION_LIST(OPTION_NAME) OPTION__COUNT };
#undef OPTION_NAME
#define HAS(id) (1u << OPTION_##id)

struct cli_args {
	const char	*command;
	const char	*config, *socket;	/* NULL: not given */
	bool		 json, no_wait, abort, at_once, follow, watch;
	bool		 has_lines, has_timeout;
	uint64_t	 lines, timeout_ms, watch_ms;
	char		**operands;
	size_t		 operand_count;
};

/* What args_parse has to know of a command. */
struct args_rule {
	const char	*command;
	unsigned int	 options;	/* HAS(...) | ... */
	const char	*operands;	/* as usage shows them */
	size_t		 min, max;	/* how many operands */
};

/*
 * Options may stand anywhere, "--" ends them; -3 is an operand.  -1: the
 * arguments are wrong, which has been said.  argv is reordered, the operands
 * point into it.
 */
int	args_parse(const struct args_rule *, int argc, char **argv,
	    struct cli_args *ret);
/* "[-c FILE] [-s PATH] TARGET", without a newline. */
void	args_print_usage(const struct args_rule *, FILE *);
/* One line for each option. */
void	args_print_options(const struct args_rule *, FILE *);
#endif
