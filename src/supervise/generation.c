#include "config.h"
#include "supervise/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "config/envfile.h"
#include "config/find.h"
#include "config/words.h"
#include "ipc/dialect.h"
#include "os/census.h"
#include "supervise/journal.h"
#include "supervise/listeners.h"
#include "supervise/turns.h"

/*
 * Variables by which somebody else addressed the supervisor itself: they
 * would mislead a worker.  A trailing '_' names a whole family.
 */
static const char *const private_vars[] = {
	"EINHORN_", "FDSTORE", "LISTEN_", "MAINPID", "NODE_CHANNEL_FD",
	"NODE_CHANNEL_SERIALIZATION_MODE", "NODE_UNIQUE_ID", "NOTIFY_SOCKET",
	"PORT", "ROTA_", "SERVER_STARTER_", "WATCHDOG_",
};

static bool
is_private(const char *var)
{
	size_t	 i, n, len = strcspn(var, "=");

	for (i = 0; i < ARRAY_LEN(private_vars); i++) {
		n = strlen(private_vars[i]);
		if (strncmp(var, private_vars[i], n) == 0 &&
		    (private_vars[i][n - 1] == '_' || len == n))
			return true;
	}
	return false;
}

/* One env file, relative to the pool's directory. */
static int
read_env_file(const struct conf_pool *c, const char *name, struct env *env,
    struct err *e)
{
	char	*path, **vars;
	int	 r;

	if (asprintf(&path, "%s%s%s", name[0] == '/' ? "" : c->cwd,
	    name[0] == '/' ? "" : "/", name) == -1)
		return err_set(e, ENOMEM, "env_file %s", name);
	r = envfile_read(path, &vars, e);
	free(path);
	if (r == -1)
		return -1;
	r = env_put_all(env, vars);
	words_free(vars);
	return r == -1 ? err_set(e, ENOMEM, "env_file %s", name) : 0;
}

/* The supervisor's own environment, then the env files, then env. */
static int
read_environment(const struct conf_pool *c, struct env *env, struct err *e)
{
	char	**v;

	for (v = environ; v != NULL && *v != NULL; v++)
		if (!is_private(*v) && strchr(*v, '=') != NULL &&
		    env_put(env, *v) == -1)
			return err_set(e, ENOMEM, "environment");
	for (v = c->env_file; v != NULL && *v != NULL; v++)
		if (read_env_file(c, *v, env, e) == -1)
			return -1;
	if (env_put_all(env, c->env) == -1)
		return err_set(e, ENOMEM, "environment");
	return 0;
}

/* "#!": its interpreter will open the path again. */
static bool
is_script(int dir_fd, const char *path)
{
	char	 magic[2] = "";
	AUTO_FD	 fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd != -1 && read(fd, magic, 2) == 2 &&
	    memcmp(magic, "#!", 2) == 0;
}

/* Find the program and hold it. */
static int
generation_pin(struct generation *g, struct err *e)
{
	const struct conf_pool	*c = g->conf;
	char			 proc[64];

	g->dir_fd = open(c->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (g->dir_fd == -1)
		return err_set(e, errno, "directory %s", c->cwd);
	if (strchr(c->argv[0], '/') != NULL) {
		g->path = strdup(c->argv[0]);
		if (g->path == NULL)
			return err_set(e, ENOMEM, "command %s", c->argv[0]);
	} else if (conf_find_command(c->argv[0], env_get(&g->env, "PATH"),
	    c->cwd, &g->path, e) == -1) {
		return -1;
	}
	g->exec_fd = openat(g->dir_fd, g->path, O_PATH | O_CLOEXEC);
	if (g->exec_fd == -1 || fstat(g->exec_fd, &g->st) == -1)
		return err_set(e, errno, "command %s", g->path);
	if (!S_ISREG(g->st.st_mode))
		return err_set(e, 0, "command %s: not a regular file",
		    g->path);
	g->is_script = is_script(g->dir_fd, g->path);
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", g->exec_fd);
	g->real_path = realpath(proc, NULL);	/* NULL: then without it */
	return 0;
}

/* By which mechanism its workers get their connections, and why so. */
static void
generation_choose(struct generation *g, const char *no_kernel,
    const char *no_classic)
{
	const struct conf_pool		*c = g->conf;
	const struct mechanism_facts	 f = {
		.has_listeners = c->listen_count > 0 || g->dialect->asks,
		.is_shared = c->balance == CONF_SHARED,
		.no_kernel = c->mechanism == CONF_MECHANISM_HANDOVER,
		.takes_conns = g->dialect->handover,
		.has_unix = conf_has_unix(c),
		.is_probed = c->ready.when == CONF_READY_HTTP &&
		    c->first_port == 0,
		.is_sticky = c->balance == CONF_STICKY,
		.is_limited = c->max_connections > 0,
		.why_no_kernel = no_kernel,
		.why_no_classic = no_classic,
	};
	const char			*why;

	g->mechanism = mechanism_choose(&f, &why);
	(void)snprintf(g->why, sizeof(g->why), "%s", why != NULL ? why : "");
}

/*
 * What the kernel goes by.  Where it cannot count connections, they are
 * handed over to who is idle, or else it takes turns.
 */
static void
generation_set_mode(struct generation *g, struct listeners *ls)
{
	static const enum chooser_mode	 modes[] = {
		[CONF_ROUND_ROBIN] = CHOOSER_TURNS,
		[CONF_LEAST] = CHOOSER_LEAST,
		[CONF_STICKY] = CHOOSER_CLIENT,
		[CONF_RANDOM] = CHOOSER_RANDOM,
		[CONF_SHARED] = CHOOSER_TURNS,
	};
	struct err			 why;

	generation_choose(g, ls->no_kernel, ls->no_classic);
	g->mode = modes[g->conf->balance];
	if (g->mechanism != MECHANISM_KERNEL || g->mode != CHOOSER_LEAST ||
	    census_count(ls->census, &why) == 0)
		return;
	g->mode = CHOOSER_TURNS;
	if (g->dialect->handover &&
	    g->conf->mechanism == CONF_MECHANISM_AUTO)
		generation_choose(g, why.msg, ls->no_classic);
	else
		(void)snprintf(g->why, sizeof(g->why), "connections are not "
		    "counted, turns are taken: %.100s", why.msg);
}

/* The config insists on what cannot be. */
static int
generation_refuse(const struct generation *g, struct listeners *ls,
    struct err *e)
{
	if (g->conf->mechanism == CONF_MECHANISM_KERNEL &&
	    g->mechanism != MECHANISM_KERNEL)
		return err_set(e, 0, "mechanism: kernel is not to be had: %s",
		    g->why);
	if (g->conf->max_connections > 0 &&
	    listeners_watch(ls, g->set, e) == -1)
		return err_wrap(e, "max_connections: which connections are "
		    "open cannot be known");
	return 0;
}

static bool
generation_has_places(const struct generation *g)
{
	return g->mechanism == MECHANISM_KERNEL ||
	    g->mechanism == MECHANISM_CLASSIC;
}

/*
 * Its listeners; where one of them can have no others beside it, which is
 * found out by trying, the mechanism is the next best.
 */
static int
generation_listen(struct generation *g, struct listeners *ls,
    const struct generation *old, struct err *e)
{
	struct err	 why;
	size_t		 i;

	generation_set_mode(g, ls);
	g->set = listener_set_new(ls, g->conf, old != NULL ? old->set : NULL,
	    e);
	if (g->set == NULL)
		return -1;
	for (i = 0; i < g->set->count && generation_has_places(g); i++)
		if (turns_begin(g->set->list[i], &why) == -1)
			generation_choose(g, why.msg, why.msg);
	if (g->mechanism == MECHANISM_SHARED)
		listener_set_share(g->set);
	return generation_refuse(g, ls, e);
}

struct generation *
generation_new(unsigned int number, struct conf *owner,
    const struct conf_pool *c, struct listeners *ls,
    const struct generation *old, struct err *e)
{
	struct generation	*g = calloc(1, sizeof(*g));

	if (g == NULL) {
		err_set(e, ENOMEM, "generation %u", number);
		return NULL;
	}
	g->refs = 1;
	g->number = number;
	g->owner = conf_ref(owner);
	g->conf = c;
	g->journal = ls->journal;
	dialect_mix(&g->mix, c);
	g->dialect = &g->mix.all;
	g->dir_fd = g->exec_fd = -1;
	if (read_environment(c, &g->env, e) == -1 ||
	    generation_pin(g, e) == -1 ||
	    generation_listen(g, ls, old, e) == -1) {
		generation_unref(g);
		return NULL;
	}
	return g;
}

void
generation_adopt(struct generation *g, struct conf *owner,
    const struct conf_pool *c)
{
	conf_ref(owner);
	conf_unref(g->owner);
	g->owner = owner;
	g->conf = c;
}

/* Where workers ask, what they ask for may be none of the kernel's. */
bool
generation_is_offered(const struct generation *g)
{
	return g->mechanism == MECHANISM_HANDOVER ||
	    (g->mechanism == MECHANISM_KERNEL && g->dialect->asks);
}

void
generation_close(struct generation *g)
{
	if (g != NULL && g->set != NULL)
		listener_set_close(g->set);
}

int
generation_env_differs(const struct generation *g, const struct conf_pool *c,
    struct err *e)
{
	struct env	 env = { 0 };
	int		 r = read_environment(c, &env, e);

	if (r == 0)
		r = !env_equal(&env, &g->env);
	env_free(&env);
	return r;
}

struct generation *
generation_ref(struct generation *g)
{
	g->refs++;
	return g;
}

void
generation_unref(struct generation *g)
{
	if (g == NULL || --g->refs > 0)
		return;
	env_free(&g->env);
	fd_close(&g->dir_fd);
	fd_close(&g->exec_fd);
	generation_close(g);
	listener_set_unref(g->set);
	conf_unref(g->owner);
	free(g->path);
	free(g->real_path);
	free(g);
}

/* The pinned file stands at this path. */
static bool
is_pinned(const struct generation *g, const char *path)
{
	struct stat	 st;

	return path != NULL && fstatat(g->dir_fd, path, &st, 0) == 0 &&
	    st.st_dev == g->st.st_dev && st.st_ino == g->st.st_ino;
}

/* Written over in place: the pinned inode now holds something else. */
static bool
is_overwritten(const struct generation *g)
{
	struct stat	 st;

	return fstat(g->exec_fd, &st) == 0 &&
	    (st.st_size != g->st.st_size ||
	    st.st_mtim.tv_sec != g->st.st_mtim.tv_sec ||
	    st.st_mtim.tv_nsec != g->st.st_mtim.tv_nsec);
}

static void
generation_tell(struct generation *g, const char *what)
{
	const struct about	 a = { g->conf->name, -1, 0, g->number };

	if (g->told)
		return;
	g->told = true;
	journal_post(g->journal, LOG_WARN, EV_TROUBLE, &a, "generation %u: "
	    "%s %s; starting what is there now", g->number, g->path, what);
}

const char *
generation_program(struct generation *g, int *ret_exec_fd)
{
	*ret_exec_fd = -1;
	if (is_overwritten(g))
		generation_tell(g, "was written over in place, the program "
		    "that it was is gone");
	if (is_pinned(g, g->path))
		return g->path;
	if (is_pinned(g, g->real_path))
		return g->real_path;
	if (!g->is_script) {
		*ret_exec_fd = g->exec_fd;
		return g->path;
	}
	generation_tell(g, "names another file now, and a script is opened "
	    "by its path");
	return g->path;
}
