#ifndef CLI_CHECK_H
#define CLI_CHECK_H
#include <stdbool.h>
struct conf;

/* Both print everything that is wrong to stderr. */
/* NULL: with the file. */
struct conf	*check_load_file(const char *path);
/* Whether nothing is, with this machine. */
bool		 check_machine(const struct conf *);
#endif
