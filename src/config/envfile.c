#include "config.h"
#include "config/envfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fd.h"

#define ENVFILE_SIZE_MAX (1u << 20)
#define CHUNK 16384

struct envfile {
	const char	*path;
	unsigned int	 line;
	char		**vars;
	size_t		 count;
	struct err	*e;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int
complain(struct envfile *f, const char *what)
{
	return err_set(f->e, 0, "%s:%u: %s", f->path, f->line, what);
}

/* Takes the string. */
static int
add_var(struct envfile *f, char *var)
{
	char	**vars;

	vars = realloc(f->vars, (f->count + 2) * sizeof(*vars));
	if (vars == NULL) {
		free(var);
		return err_set(f->e, ENOMEM, "%s", f->path);
	}
	vars[f->count++] = var;
	vars[f->count] = NULL;
	f->vars = vars;
	return 0;
}

static size_t
name_length(const char *s)
{
	size_t	 n;

	n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	    "abcdefghijklmnopqrstuvwxyz0123456789");
	return s[0] >= '0' && s[0] <= '9' ? 0 : n;
}

/* What a backslash and c stand for in double quotes; 0: both stay. */
static char
escaped(char c)
{
	switch (c) {
	case '"': case '\\': case '$': case '`':
		return c;
	case 'n':
		return '\n';
	default:
		return '\0';
	}
}

/* In quotes: up to the same quote; after that nothing but a comment. */
static int
quoted_value(struct envfile *f, const char *s, char *out)
{
	char	 q = *s++, c;

	for (; *s != q; s++) {
		if (*s == '\0')
			return complain(f, "the quote is never closed; a "
			    "value ends in its line");
		c = q == '"' && *s == '\\' ? escaped(s[1]) : '\0';
		if (c != '\0')
			s++;
		*out++ = c != '\0' ? c : *s;
	}
	*out = '\0';
	for (s++; is_blank(*s); s++)
		;
	if (*s != '\0' && *s != '#')
		return complain(f, "nothing can follow the closing quote");
	return 0;
}

static int
bare_value(struct envfile *f, const char *s, char *out)
{
	size_t	 i;

	for (i = 0; s[i] != '\0'; i++) {
		if (i > 0 && s[i] == '#' && is_blank(s[i - 1]))
			return complain(f, "' #' could be a comment or part "
			    "of the value; put the value in quotes, or the "
			    "comment in a line of its own");
		out[i] = s[i];
	}
	while (i > 0 && is_blank(out[i - 1]))
		i--;
	out[i] = '\0';
	return 0;
}

/* One line, without its newline. */
static int
read_line(struct envfile *f, const char *s)
{
	size_t	 n;
	char	*var;

	for (; is_blank(*s); s++)
		;
	if (*s == '\0' || *s == '#')
		return 0;
	if (strncmp(s, "export", 6) == 0 && is_blank(s[6]))
		for (s += 6; is_blank(*s); s++)
			;
	n = name_length(s);
	if (n == 0 || s[n] != '=')
		return complain(f, "expected NAME=value, with no blank around "
		    "the '='");
	if (strncmp(s, "ROTA_", 5) == 0)
		return complain(f, "variables that begin with ROTA_ belong to "
		    "rota");
	var = strdup(s);
	if (var == NULL)
		return err_set(f->e, ENOMEM, "%s", f->path);
	s += n + 1;
	if ((*s == '\'' || *s == '"' ? quoted_value(f, s, var + n + 1) :
	    bare_value(f, s, var + n + 1)) == -1) {
		free(var);
		return -1;
	}
	return add_var(f, var);
}

/* The text ends with a NUL, and is cut into lines. */
static int
read_lines(struct envfile *f, char *s)
{
	char	*end;
	size_t	 n;

	if (strncmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	for (; s != NULL && *s != '\0'; s = end) {
		f->line++;
		end = strchr(s, '\n');
		if (end != NULL)
			*end++ = '\0';
		n = strlen(s);
		if (n > 0 && s[n - 1] == '\r')
			s[n - 1] = '\0';
		if (read_line(f, s) == -1)
			return -1;
	}
	return 0;
}

/* The whole file and a NUL. */
static int
slurp(const char *path, struct buf *b, struct err *e)
{
	AUTO_FD		 fd = -1;
	struct stat	 st;
	char		*room;
	ssize_t		 n;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1 || fstat(fd, &st) == -1)
		return err_set(e, errno, "%s", path);
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return err_set(e, S_ISDIR(st.st_mode) ? EISDIR : 0,
		    S_ISDIR(st.st_mode) ? "%s" : "%s: not a regular file",
		    path);
	do {
		room = buf_reserve(b, CHUNK);
		if (room == NULL)
			return err_set(e, ENOMEM, "%s", path);
		n = read(fd, room, CHUNK);
		if (n == -1 && errno != EINTR)
			return err_set(e, errno, "%s", path);
		if (n > 0)
			buf_commit(b, (size_t)n);
	} while (n != 0 && buf_len(b) <= ENVFILE_SIZE_MAX);
	if (buf_len(b) > ENVFILE_SIZE_MAX)
		return err_set(e, 0, "%s: larger than 1 MiB", path);
	if (buf_len(b) > 0 &&
	    memchr(buf_head(b), '\0', buf_len(b)) != NULL)
		return err_set(e, 0, "%s: has a NUL byte in it", path);
	return buf_append(b, "", 1) == -1 ? err_set(e, ENOMEM, "%s", path) :
	    0;
}

int
envfile_read(const char *path, char ***ret_vars, struct err *e)
{
	struct envfile	 f = { .path = path, .e = e };
	struct buf	 b;
	size_t		 i;
	int		 r;

	buf_init(&b, ENVFILE_SIZE_MAX + 2 * CHUNK);
	f.vars = calloc(1, sizeof(*f.vars));
	r = f.vars == NULL ? err_set(e, ENOMEM, "%s", path) :
	    slurp(path, &b, e);
	if (r == 0)
		r = read_lines(&f, buf_head(&b));
	buf_free(&b);
	if (r == 0) {
		*ret_vars = f.vars;
		return 0;
	}
	for (i = 0; i < f.count; i++)
		free(f.vars[i]);
	free(f.vars);
	return -1;
}
