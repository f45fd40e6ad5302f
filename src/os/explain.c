#include "config.h"
#include "os/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

#define LINE_MAX_READ 256	/* the kernel looks no further either */

/* The interpreter in a script's first line, or NULL: not a script. */
static const char *
interpreter(int dir_fd, const char *path, char buf[LINE_MAX_READ])
{
	AUTO_FD	 fd = -1;
	ssize_t	 n;
	char	*p;

	fd = openat(dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC);
	if (fd == -1)
		return NULL;
	n = read(fd, buf, LINE_MAX_READ - 1);
	if (n < 2 || buf[0] != '#' || buf[1] != '!')
		return NULL;
	buf[n] = '\0';
	p = buf + 2 + strspn(buf + 2, " \t");
	p[strcspn(p, " \t\n")] = '\0';
	return p;
}

/* The file may be there, and yet something that it needs is not. */
static int
explain_missing(const char *path, int dir_fd, struct err *e)
{
	char		 buf[LINE_MAX_READ];
	const char	*name;

	if (faccessat(dir_fd, path, F_OK, 0) == -1)
		return err_set(e, ENOENT, "exec %s", path);
	name = interpreter(dir_fd, path, buf);
	if (name == NULL)
		err_set(e, 0, "exec: interpreter of %s not found", path);
	else
		err_set(e, 0, "exec: interpreter of %s not found: %s%s", path,
		    name, strchr(name, '\r') == NULL ? "" :
		    " (the line ends with a carriage return)");
	e->code = ENOENT;
	return -1;
}

int
explain_exec(const char *path, int dir_fd, int exec_fd, int code,
    struct err *e)
{
	struct stat	 st;
	int		 from = dir_fd == -1 ? AT_FDCWD : dir_fd;

	if (code == ENOENT && exec_fd != -1)
		err_set(e, 0, "exec: %s cannot be started through its "
		    "descriptor (a script, or its interpreter not found)",
		    path);
	else if (code == ENOENT)
		return explain_missing(path, from, e);
	else if (code == ENOEXEC)
		err_set(e, 0, "exec: %s is not an executable (a script needs "
		    "a first line such as #!/bin/sh)", path);
	else if (code == EACCES && fstatat(from, path, &st, 0) == 0 &&
	    S_ISDIR(st.st_mode))
		err_set(e, 0, "exec: %s is a directory", path);
	else
		return err_set(e, code, "exec %s", path);
	e->code = code;
	return -1;
}
