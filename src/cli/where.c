#include "config.h"
#include "cli/where.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "config/conf.h"
#include "control/path.h"
#include "control/socket.h"

#define SUFFIX	".sock"
#define LIST_MAX 64

/* Sockets of the default folder behind which somebody is. */
struct found {
	char	*paths[LIST_MAX];
	size_t	 count;
};

static int
copy_path(const char *from, char *path, size_t size)
{
	if (strlen(from) >= size) {
		out_complain("%s: the path is too long for a socket", from);
		return EXIT_USAGE;
	}
	memcpy(path, from, strlen(from) + 1);
	return EXIT_SUCCESS;
}

/* One that may not be asked counts too: somebody may be there. */
static bool
is_answered(const char *path)
{
	struct err	 e;
	AUTO_FD		 fd = control_socket_connect(path, &e);

	return fd != -1 || (e.code != ENOENT && e.code != ECONNREFUSED);
}

/*
 * A file that has become wrong meanwhile still tells where its supervisor
 * is, unless it moved the socket.
 */
static int
find_by_config(const char *config, char *path, size_t size)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c = conf_load(config, &p);
	struct err		 e;
	int			 r;

	r = control_path(config, c != NULL ? c->control.path : NULL, path,
	    size, &e);
	if (r == 0 && c == NULL && !is_answered(path))
		out_complain("%s cannot be used, so only the default control "
		    "socket was tried; see rota check", config);
	conf_problems_free(&p);
	conf_unref(c);
	if (r == 0)
		return EXIT_SUCCESS;
	out_complain("%s", e.msg);
	return EXIT_FAILURE;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
look_into(const char *folder, struct found *f)
{
	DIR		*dir = opendir(folder);
	struct dirent	*d;
	char		*path;
	size_t		 len;

	if (dir == NULL)
		return;
	while (f->count < LIST_MAX && (d = readdir(dir)) != NULL) {
		len = strlen(d->d_name);
		if (len <= strlen(SUFFIX) || d->d_name[0] == '.' || strcmp(
		    d->d_name + len - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		if (asprintf(&path, "%s/%s", folder, d->d_name) == -1)
			break;
		if (is_answered(path))
			f->paths[f->count++] = path;
		else
			free(path);
	}
	(void)closedir(dir);
	qsort(f->paths, f->count, sizeof(f->paths[0]), compare_paths);
}

static int
choose(const struct found *f, const char *folder, char *path, size_t size)
{
	size_t	 i;

	if (f->count == 1)
		return copy_path(f->paths[0], path, size);
	if (f->count == 0) {
		out_complain("no supervisor runs here (no control socket in "
		    "%s); another one is named by -c FILE or -s PATH",
		    folder);
		return EXIT_NOBODY;
	}
	out_complain("%zu supervisors run here; choose one with -c FILE or:",
	    f->count);
	for (i = 0; i < f->count; i++)
		out_line(stderr, "  -s %s", f->paths[i]);
	return EXIT_USAGE;
}

static int
find_only_one(char *path, size_t size)
{
	struct found	 f = { .count = 0 };
	struct err	 e;
	char		 folder[256];
	int		 status;

	if (control_folder(folder, sizeof(folder), &e) == -1) {
		out_complain("%s", e.msg);
		return EXIT_NOBODY;
	}
	look_into(folder, &f);
	status = choose(&f, folder, path, size);
	while (f.count > 0)
		free(f.paths[--f.count]);
	return status;
}

int
where_find(const struct cli_args *a, char *path, size_t size)
{
	if (a->socket != NULL)
		return copy_path(a->socket, path, size);
	if (a->config != NULL)
		return find_by_config(a->config, path, size);
	return find_only_one(path, size);
}
