#ifndef CONFIG_FIND_H
#define CONFIG_FIND_H
struct err;

/*
 * The path of the program that a command's first word means: one with a
 * slash as it is, seen from cwd, any other looked for in the folders of
 * path_env (NULL: a default).  Absolute, freed by the caller.  -1: there
 * is none that can be executed, *e says why.
 */
int	 conf_find_command(const char *word, const char *path_env,
	    const char *cwd, char **ret_path, struct err *e);
#endif
