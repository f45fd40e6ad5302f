#include "config.h"
#include "config/find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* 0, or -1: not a program that we may execute. */
static int
check_program(const char *path, struct err *e)
{
	struct stat	 st;

	if (stat(path, &st) == -1)
		return err_set(e, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, S_ISDIR(st.st_mode) ? EISDIR : 0, S_ISDIR(
		    st.st_mode) ? "%s" : "%s: not a regular file", path);
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == -1) {
		err_set(e, 0, "%s: cannot be executed (its mode is %04o)",
		    path, (unsigned int)st.st_mode & 07777u);
		e->code = errno;
		return -1;
	}
	return 0;
}

/* "dir/name", dir itself seen from cwd. */
static char *
join(const char *cwd, const char *dir, size_t len, const char *name)
{
	bool	 relative = len == 0 || dir[0] != '/';
	char	*path;

	if (asprintf(&path, "%s%s%.*s%s%s", relative ? cwd : "",
	    relative && len > 0 ? "/" : "", (int)len, dir,
	    len > 0 && dir[len - 1] == '/' ? "" : "/", name) == -1)
		return NULL;
	return path;
}

/*
 * The first that can be executed.  One that is there and cannot be is
 * remembered for the message; a folder that we may not look into is as good
 * as empty.
 */
static int
search(const char *word, const char *folders, const char *cwd,
    char **ret_path, struct err *e)
{
	struct err	 one;
	const char	*dir;
	char		*path;
	size_t		 len;
	bool		 seen = false;

	for (dir = folders; ; dir += len + 1) {
		len = strcspn(dir, ":");
		path = join(cwd, dir, len, word);
		if (path == NULL)
			return err_set(e, ENOMEM, "%s", word);
		if (check_program(path, &one) == 0) {
			*ret_path = path;
			return 0;
		}
		if (one.code == EACCES && !seen && access(path, F_OK) == 0) {
			*e = one;
			seen = true;
		}
		free(path);
		if (dir[len] == '\0')
			break;
	}
	if (!seen)
		err_set(e, 0, "no command '%.100s' in PATH (%.300s)", word,
		    folders);
	return -1;
}

int
conf_find_command(const char *word, const char *path_env, const char *cwd,
    char **ret_path, struct err *e)
{
	char	*path;

	if (word[0] == '\0')
		return err_set(e, 0, "the command is empty");
	if (strchr(word, '/') == NULL)
		return search(word, path_env ? path_env : DEFAULT_PATH, cwd,
		    ret_path, e);
	path = word[0] == '/' ? strdup(word) : join(cwd, "", 0, word);
	if (path == NULL)
		return err_set(e, ENOMEM, "%s", word);
	if (check_program(path, e) == -1) {
		free(path);
		return -1;
	}
	*ret_path = path;
	return 0;
}
