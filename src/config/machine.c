#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "config/account.h"
#include "config/conf.h"
#include "config/envfile.h"
#include "config/find.h"
#include "config/problem.h"
#include "config/words.h"

/* One pool, and the PATH that its workers will have. */
struct look {
	const struct conf_pool	*pool;
	struct conf_problems	*p;
	char			*path_env;	/* NULL: none at all */
};

/* Where a key stands, or where the pool begins if it is a default. */
static struct conf_pos
pos_or_pool(const struct look *k, struct conf_pos pos)
{
	return pos.line > 0 ? pos : k->pool->pos;
}

static void
report(const struct look *k, struct conf_pos pos, const char *key,
    const char *what)
{
	conf_problem_add(k->p, CONF_BAD_MACHINE, pos_or_pool(k, pos),
	    "%s: %s", key, what);
}

/* The last PATH in the list takes the place of the one before. */
static void
take_path(struct look *k, char *const *vars)
{
	for (; vars != NULL && *vars != NULL; vars++) {
		if (strncmp(*vars, "PATH=", 5) != 0)
			continue;
		free(k->path_env);
		k->path_env = strdup(*vars + 5);
		if (k->path_env == NULL)
			conf_problem_oom(k->p);
	}
}

/* A path of the pool, absolute.  NULL: out of memory, reported. */
static char *
resolve(const struct look *k, const char *path)
{
	char	*full;

	if (path[0] == '/')
		full = strdup(path);
	else if (asprintf(&full, "%s/%s", k->pool->cwd, path) == -1)
		full = NULL;
	if (full == NULL)
		conf_problem_oom(k->p);
	return full;
}

static void
look_at_env_files(struct look *k)
{
	struct err	 e;
	char		**name, **vars, *path;

	for (name = k->pool->env_file; *name != NULL; name++) {
		path = resolve(k, *name);
		if (path == NULL)
			return;
		if (envfile_read(path, &vars, &e) == -1) {
			report(k, k->pool->env_file_pos, "env_file", e.msg);
		} else {
			take_path(k, vars);
			words_free(vars);
		}
		free(path);
	}
}

/* False: nothing that is seen from there can be looked at. */
static bool
look_at_cwd(const struct look *k)
{
	struct stat	 st;
	struct err	 e;

	if (stat(k->pool->cwd, &st) == -1)
		err_set(&e, errno, "%s", k->pool->cwd);
	else if (!S_ISDIR(st.st_mode))
		err_set(&e, ENOTDIR, "%s", k->pool->cwd);
	else if (faccessat(AT_FDCWD, k->pool->cwd, X_OK, AT_EACCESS) == -1)
		err_set(&e, errno, "%s", k->pool->cwd);
	else
		return true;
	report(k, k->pool->cwd_pos, "cwd", e.msg);
	return false;
}

static void
look_at_command(const struct look *k, char *const *argv,
    struct conf_pos pos, const char *key)
{
	struct err	 e;
	char		*path;

	if (conf_find_command(argv[0], k->path_env, k->pool->cwd, &path, &e)
	    == -1)
		report(k, pos, key, e.msg);
	else
		free(path);
}

static void
look_at_file(const struct look *k, const struct conf_broadcast *bc)
{
	struct stat	 st;
	struct err	 e;
	char		*path = resolve(k, bc->path);

	if (path == NULL)
		return;
	if (stat(path, &st) == -1 ||
	    faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == -1) {
		err_set(&e, errno, "%s", path);
		report(k, bc->pos, "broadcast.file", e.msg);
	} else if (S_ISDIR(st.st_mode)) {
		err_set(&e, EISDIR, "%s", path);
		report(k, bc->pos, "broadcast.file", e.msg);
	}
	free(path);
}

static void
look_at_pool(const struct conf_pool *pool, struct conf_problems *p)
{
	struct look			 k = { .pool = pool, .p = p };
	const struct conf_broadcast	*bc;
	const char			*own = getenv("PATH");
	size_t				 i;

	if (own != NULL && (k.path_env = strdup(own)) == NULL)
		conf_problem_oom(p);
	if (look_at_cwd(&k)) {
		look_at_env_files(&k);
		take_path(&k, pool->env);
		look_at_command(&k, pool->argv, pool->command_pos, "command");
		for (i = 0; i < pool->broadcast_count; i++) {
			bc = &pool->broadcast[i];
			if (bc->source == CONF_COMMAND)
				look_at_command(&k, bc->argv, bc->pos,
				    "broadcast.command");
			else if (bc->source == CONF_FILE)
				look_at_file(&k, bc);
		}
	}
	free(k.path_env);
}

static void
look_at_control(const struct conf_control *c, struct conf_problems *p)
{
	struct err	 e;
	uid_t		 uid;
	gid_t		 gid;

	if (c->owner != NULL && account_user(c->owner, &uid, &e) == -1)
		conf_problem_add(p, CONF_BAD_MACHINE, c->owner_pos,
		    "control.owner: %s", e.msg);
	if (c->group != NULL && account_group(c->group, &gid, &e) == -1)
		conf_problem_add(p, CONF_BAD_MACHINE, c->group_pos,
		    "control.group: %s", e.msg);
}

void
conf_check_machine(const struct conf *c, struct conf_problems *p)
{
	size_t	 i;

	p->path = c->path;
	look_at_control(&c->control, p);
	for (i = 0; i < c->pool_count; i++)
		look_at_pool(&c->pools[i], p);
	conf_problems_sort(p);
}
