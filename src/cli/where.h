#ifndef CLI_WHERE_H
#define CLI_WHERE_H
#include <stddef.h>

struct cli_args;

/*
 * The path of the control socket that the arguments mean: that of -s, that
 * of the config file of -c, or the only one that answers in the default
 * folder.  An exit status; if not EXIT_SUCCESS, why has been said.
 */
int	where_find(const struct cli_args *, char *path, size_t size);
#endif
