#include "config.h"
#include "config/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fd.h"
#include "config/build.h"
#include "config/ini.h"
#include "config/load.h"
#include "config/node.h"
#include "config/problem.h"
#include "config/scan.h"
#include "config/shape.h"
#include "config/yaml.h"

static const struct conf_pos	 top = { 1, 1 };

static bool
is_ini(const char *path)
{
	size_t	 n = strlen(path);

	return n > 4 && strcmp(path + n - 4, ".ini") == 0;
}

/* The absolute path of the folder that the file is in; NULL: no memory. */
static char *
folder_of(const char *path)
{
	char		 here[PATH_MAX];
	const char	*slash = strrchr(path, '/');
	char		*dir;
	size_t		 len = slash != NULL ? (size_t)(slash - path) : 0;

	if (path[0] == '/')
		return strndup(path, len > 0 ? len : 1);
	while (len >= 2 && path[0] == '.' && path[1] == '/') {
		path += 2;
		len -= 2;
	}
	if (len == 1 && path[0] == '.')
		len = 0;
	if (getcwd(here, sizeof(here)) == NULL)
		here[0] = '\0';
	if (asprintf(&dir, "%s%s%.*s", here, len > 0 ? "/" : "", (int)len,
	    path) == -1)
		return NULL;
	return dir;
}

static struct conf *
conf_new(const char *path)
{
	struct conf	*c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->refs = 1;
	c->path = strdup(path);
	c->dir = folder_of(path);
	if (c->path == NULL || c->dir == NULL) {
		conf_unref(c);
		return NULL;
	}
	return c;
}

struct conf *
conf_ref(struct conf *c)
{
	if (c != NULL)
		c->refs++;
	return c;
}

void
conf_unref(struct conf *c)
{
	size_t	 i;

	if (c == NULL || --c->refs > 0)
		return;
	for (i = 0; i < c->pool_count; i++)
		build_pool_fini(&c->pools[i]);
	free(c->pools);
	free(c->control.path);
	free(c->control.owner);
	free(c->control.group);
	free(c->path);
	free(c->dir);
	free(c);
}

/* The tree has been read: make sense of it. */
static void
load_tree(struct build *b, const struct node *root)
{
	struct shape	 shape;
	struct raw	*raw;

	if (shape_fill(&shape, root, b->ini, b->p) == 0 &&
	    (raw = raw_load(&shape, b->p)) != NULL) {
		build_conf(b, &shape, raw);
		raw_free(raw);
	}
	shape_free(&shape);
}

struct conf *
conf_load_text(const char *path, const char *text, size_t len,
    struct conf_problems *p)
{
	struct build	 b = { .p = p, .ini = is_ini(path), .complete = true };
	struct node	*root = NULL;

	if (scan_bytes(text, len, p) == -1)
		return NULL;
	b.conf = conf_new(path);
	if (b.conf == NULL) {
		conf_problem_oom(p);
		return NULL;
	}
	root = b.ini ? ini_read(text, len, p, &b.complete) :
	    scan_yaml(text, len, p, &b.complete);
	if (root != NULL)
		load_tree(&b, root);
	node_free(root);
	if (b.failed)
		conf_problem_oom(p);
	conf_problems_sort(p);
	if (p->count > 0) {
		conf_unref(b.conf);
		return NULL;
	}
	return b.conf;
}

/* All of it, up to one byte more than it may have. */
static int
read_all(int fd, struct buf *b)
{
	char	*room;
	ssize_t	 n;

	do {
		room = buf_reserve(b, 16384);
		if (room == NULL)
			return errno = ENOMEM, -1;
		n = read(fd, room, 16384);
		if (n > 0)
			buf_commit(b, (size_t)n);
	} while ((n > 0 && buf_len(b) <= LOAD_SIZE_MAX) ||
	    (n == -1 && errno == EINTR));
	return n == -1 ? -1 : 0;
}

/* NULL: reported. */
static struct conf *
load_fd(const char *path, int fd, struct conf_problems *p)
{
	struct conf	*c = NULL;
	struct buf	 b;

	buf_init(&b, LOAD_SIZE_MAX + 2 * 16384);
	if (fd == -1 || read_all(fd, &b) == -1) {
		if (errno == ENOMEM)
			conf_problem_oom(p);
		else
			FILE_PROBLEM(p, top, "cannot read it: %s%s",
			    strerror(errno), errno == EISDIR ? "; expected "
			    "the path of a file" : "");
	} else if (buf_len(&b) > LOAD_SIZE_MAX) {
		FILE_PROBLEM(p, top, "the file is larger than 1 MiB");
	} else {
		c = conf_load_text(path, buf_len(&b) > 0 ? buf_head(&b) : "",
		    buf_len(&b), p);
	}
	buf_free(&b);
	return c;
}

struct conf *
conf_load(const char *path, struct conf_problems *p)
{
	AUTO_FD	 fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	p->path = path;
	return load_fd(path, fd, p);
}

struct conf *
conf_reload(const char *path, struct conf_problems *p)
{
	AUTO_FD		 fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
			    O_NONBLOCK);
	struct stat	 st;

	p->path = path;
	if (fd != -1 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		FILE_PROBLEM(p, top, "is not a regular file, and a running "
		    "supervisor reads no other");
		return NULL;
	}
	return load_fd(path, fd, p);
}

const struct conf_pool *
conf_find_pool(const struct conf *c, const char *name)
{
	size_t	 i;

	for (i = 0; i < c->pool_count; i++)
		if (strcmp(c->pools[i].name, name) == 0)
			return &c->pools[i];
	return NULL;
}

bool
conf_has_unix(const struct conf_pool *pool)
{
	size_t	 i;

	for (i = 0; i < pool->listen_count; i++)
		if (pool->listen[i].addr.ss_family == AF_UNIX)
			return true;
	return false;
}
