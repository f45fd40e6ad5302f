#ifndef CONFIG_ENVFILE_H
#define CONFIG_ENVFILE_H
struct err;

/*
 * Read a file of NAME=value lines into a list of such strings, NULL at the
 * end, of the caller's to free (each, and the list).  -1: *e says in which
 * line what is wrong.  Does not block, whatever the path names.
 */
int	 envfile_read(const char *path, char ***ret_vars, struct err *e);
#endif
