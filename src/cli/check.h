#ifndef CLI_CHECK_H
#define CLI_CHECK_H
struct conf;

/*
 * Read a config and print everything that is wrong with it, or with this
 * machine, to stderr.  NULL: it must not be run; *ret_status is then the
 * exit status: EXIT_CONFIG for the file, EXIT_FAILURE for the machine.
 */
struct conf	*check_load(const char *path, int *ret_status);
#endif
