#include "config.h"
#include "config/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/err.h"
#include "config/account.h"
#include "config/broadcast.h"
#include "config/cpus.h"
#include "config/dialect.h"
#include "config/listen.h"
#include "config/name.h"
#include "config/node.h"
#include "config/ports.h"
#include "config/problem.h"
#include "config/shape.h"
#include "config/value.h"
#include "config/words.h"
#include "config/yaml.h"

/* One pool in the making. */
struct making {
	struct build		*b;
	struct conf_pool	*pool;
	const struct shape_map	*m;
	const struct shape_pool	*shape;
	const struct raw_value	*v;
	uint64_t		 bad;	/* stored keys that could not be */
};

_Static_assert(KEYS_MAX <= 64, "more keys than bits");

static struct conf_pos
pos_of(const struct making *mk, int key)
{
	return shape_pos(mk->m, key);
}

char *
build_copy(struct build *b, const char *text)
{
	char	*copy = strdup(text);

	if (copy == NULL)
		b->failed = true;
	return copy;
}

uint64_t
build_stored(struct build *b, const struct key_table *t,
    const struct shape_map *m, const struct raw_value *v, void *base)
{
	uint64_t		 bad = 0;
	const struct key	*k;
	const char		*text;
	char			 name[64];
	size_t			 i;

	for (i = 0; i < t->count; i++) {
		k = &t->keys[i];
		text = v[i].text != NULL ? v[i].text : k->dflt;
		if (!key_is_stored(k) || text == NULL)
			continue;
		(void)snprintf(name, sizeof(name), "%s%s", t->name, k->path);
		if (value_store(k, name, text, base, shape_pos(m, (int)i),
		    b->p) == 0)
			continue;
		bad |= UINT64_C(1) << i;
		if (k->dflt != NULL)	/* so that it breaks no other rule */
			(void)value_store(k, name, k->dflt, base, m->pos,
			    b->p);
	}
	return bad;
}

/* --- the command ---------------------------------------------------------- */

/* The whole of it as an argument of sh, in the format at hand. */
static void
report_shell(struct build *b, const char *name, const char *text,
    struct conf_pos pos, const char *what)
{
	char	 quoted[200];
	size_t	 n = 0;

	for (; *text != '\0' && n < sizeof(quoted) - 8; text++) {
		if (*text == '\'' && !b->ini)
			quoted[n++] = '\'';
		quoted[n++] = *text == '\n' ? ';' : *text;
	}
	(void)snprintf(quoted + n, sizeof(quoted) - n, "%s",
	    *text != '\0' ? "..." : "");
	if (strcmp(name, "command") != 0)
		FILE_PROBLEM(b->p, pos, "%s: %s; put it in quotes, or write "
		    "a script and name it here", name, what);
	else if (b->ini)
		FILE_PROBLEM(b->p, pos, "command: %s; put it in quotes, or "
		    "write three lines: argv = sh, argv = -c, argv = %s",
		    what, quoted);
	else
		FILE_PROBLEM(b->p, pos, "command: %s; put it in quotes, or "
		    "write argv: [sh, -c, '%s']", what, quoted);
}

char **
build_words(struct build *b, const char *name, const char *text,
    struct conf_pos pos)
{
	struct err	 e;
	char		**words;

	if (words_split(text, &words, &e) == 0)
		return words;
	if (e.code == ENOMEM)
		b->failed = true;
	else if (e.code == EINVAL)
		report_shell(b, name, text, pos, e.msg);
	else
		FILE_PROBLEM(b->p, pos, "%s: %s", name, e.msg);
	return NULL;
}

/* A copy of a list of strings, NULL at the end. */
static char **
copy_list(struct build *b, const struct raw_value *v)
{
	char		**list = calloc(v->count + 1u, sizeof(*list));
	unsigned int	 i;

	if (list == NULL)
		b->failed = true;
	for (i = 0; list != NULL && i < v->count; i++)
		if ((list[i] = build_copy(b, v->list[i])) == NULL)
			break;
	return list;
}

static void
build_command(struct making *mk)
{
	struct build		*b = mk->b;
	const struct shape_map	*m = mk->m;
	struct conf_pool	*pool = mk->pool;

	if (m->seen[POOL_COMMAND] && m->seen[POOL_ARGV])
		FILE_PROBLEM(b->p, shape_later(m, POOL_COMMAND, POOL_ARGV),
		    "'command' and 'argv' exclude each other; keep one of "
		    "them");
	else if (!m->seen[POOL_COMMAND] && !m->seen[POOL_ARGV] &&
	    b->complete)
		FILE_PROBLEM(b->p, m->pos, "command: is missing; every pool "
		    "needs 'command' or 'argv'");
	if (mk->v[POOL_COMMAND].text != NULL) {
		pool->command_pos = pos_of(mk, POOL_COMMAND);
		pool->argv = build_words(b, "command",
		    mk->v[POOL_COMMAND].text, pool->command_pos);
	} else if (mk->v[POOL_ARGV].count > 0) {
		pool->command_pos = shape_item_pos(m, POOL_ARGV, 0);
		pool->argv = copy_list(b, &mk->v[POOL_ARGV]);
		if (pool->argv != NULL && pool->argv[0] != NULL &&
		    pool->argv[0][0] == '\0')
			FILE_PROBLEM(b->p, pool->command_pos, "argv: the "
			    "first word is empty; expected a program");
	}
}

/* Given, or the base name of the command. */
static void
build_name(struct making *mk)
{
	const char	*name = mk->v[POOL_NAME].text, *slash;
	char		 cut[PROBLEM_CUT_SIZE];

	if (name != NULL) {
		if (!name_is_good(name))
			FILE_PROBLEM(mk->b->p, pos_of(mk, POOL_NAME),
			    "name: '%s' is not a good name; expected "
			    NAME_FORM, problem_cut(cut, name));
	} else if (mk->m->seen[POOL_NAME] || mk->pool->argv == NULL ||
	    mk->pool->argv[0] == NULL || mk->pool->argv[0][0] == '\0') {
		return;			/* reported already */
	} else {
		slash = strrchr(mk->pool->argv[0], '/');
		name = slash != NULL ? slash + 1 : mk->pool->argv[0];
		if (!name_is_good(name))
			FILE_PROBLEM(mk->b->p, mk->pool->command_pos,
			    "the command's base name '%s' cannot name the "
			    "pool; add 'name:' with " NAME_FORM,
			    problem_cut(cut, name));
	}
	mk->pool->name = build_copy(mk->b, name);
}

/* --- where it runs -------------------------------------------------------- */

/* Absolute, its links left alone. */
static char *
seen_from_file(struct build *b, const char *path)
{
	const char	*dir = b->conf->dir;
	char		*full;

	if (path[0] == '/')
		return build_copy(b, path);
	if (asprintf(&full, "%s%s%s", dir, strcmp(dir, "/") == 0 ? "" : "/",
	    path) != -1)
		return full;
	b->failed = true;
	return NULL;
}

static void
build_cwd(struct making *mk)
{
	const char	*text = mk->v[POOL_CWD].text;

	if (text != NULL)
		mk->pool->cwd_pos = pos_of(mk, POOL_CWD);
	if (text != NULL && text[0] == '\0')
		FILE_PROBLEM(mk->b->p, mk->pool->cwd_pos, "cwd: is empty; "
		    "expected a directory");
	mk->pool->cwd = text == NULL || strcmp(text, ".") == 0 ?
	    build_copy(mk->b, mk->b->conf->dir) :
	    seen_from_file(mk->b, text);
}

static void
build_env(struct making *mk)
{
	const struct raw_value	*files = &mk->v[POOL_ENV_FILE];
	const struct node	*port = NULL;
	unsigned int		 i;

	mk->pool->env = copy_list(mk->b, &mk->v[POOL_ENV]);
	mk->pool->env_file = copy_list(mk->b, files);
	if (mk->m->at[POOL_ENV_FILE] != NULL)
		mk->pool->env_file_pos = pos_of(mk, POOL_ENV_FILE);
	for (i = 0; i < files->count; i++)
		if (files->list[i][0] == '\0')
			FILE_PROBLEM(mk->b->p, shape_item_pos(mk->m,
			    POOL_ENV_FILE, i), "env_file: is empty; expected "
			    "the path of a file");
	if (mk->m->at[POOL_ENV] != NULL && (mk->m->seen[POOL_PORT] ||
	    mk->m->seen[POOL_LISTEN]))
		port = node_find(mk->m->at[POOL_ENV], "PORT");
	if (port != NULL)
		FILE_PROBLEM(mk->b->p, port->key_pos, "env: PORT is set by "
		    "rota to the port of this pool; leave it out");
}

/* --- listeners ------------------------------------------------------------ */

static void
add_listener(struct making *mk, const char *name, const char *text,
    struct conf_pos pos)
{
	struct conf_listen	*l;
	struct err		 e;
	char			 cut[PROBLEM_CUT_SIZE];

	if (mk->pool->listen_count == CONF_LISTEN_MAX) {
		FILE_PROBLEM(mk->b->p, pos, "%s: a pool has at most %d "
		    "listeners", name, CONF_LISTEN_MAX);
		return;
	}
	l = &mk->pool->listen[mk->pool->listen_count];
	if (listen_parse(l, text, mk->pool->cwd ? mk->pool->cwd : "", &e) ==
	    -1) {
		if (e.code == ENOMEM)
			mk->b->failed = true;
		else
			FILE_PROBLEM(mk->b->p, pos, "%s: '%s': %s", name,
			    problem_cut(cut, text), e.msg);
		return;
	}
	l->pos = pos;
	mk->pool->listen_count++;
}

static void
check_listener_names(struct making *mk)
{
	const struct conf_listen	*l = mk->pool->listen;
	size_t				 i, j;

	for (i = 1; i < mk->pool->listen_count; i++)
		for (j = 0; j < i && l[i].name != NULL; j++) {
			if (l[j].name == NULL ||
			    strcmp(l[i].name, l[j].name) != 0)
				continue;
			FILE_PROBLEM(mk->b->p, l[i].pos, "listen: two are "
			    "named '%s'; names are unique", l[i].name);
			break;
		}
}

static void
build_listen(struct making *mk)
{
	const struct raw_value	*list = &mk->v[POOL_LISTEN];
	const char		*port = mk->v[POOL_PORT].text;
	uint64_t		 n;
	unsigned int		 i;

	if (mk->m->seen[POOL_PORT] && mk->m->seen[POOL_LISTEN])
		FILE_PROBLEM(mk->b->p, shape_later(mk->m, POOL_PORT,
		    POOL_LISTEN), "'port' and 'listen' exclude each other; "
		    "list the port under 'listen'");
	mk->pool->listen = calloc(CONF_LISTEN_MAX, sizeof(struct conf_listen));
	if (mk->pool->listen == NULL) {
		mk->b->failed = true;
		return;
	}
	if (port != NULL && port[0] != '\0' &&
	    port[strlen(port) - 1] == '+')
		dialect_own_ports(mk->b, mk->pool, port,
		    pos_of(mk, POOL_PORT));
	else if (port != NULL && value_number(&keys_pool.keys[POOL_PORT],
	    "port", port, &n, pos_of(mk, POOL_PORT), mk->b->p) == 0)
		add_listener(mk, "port", port, pos_of(mk, POOL_PORT));
	for (i = 0; i < list->count; i++)
		add_listener(mk, "listen", list->list[i],
		    shape_item_pos(mk->m, POOL_LISTEN, i));
	check_listener_names(mk);
}

/* --- the rest ------------------------------------------------------------- */

static void
build_success_exit(struct making *mk)
{
	const struct raw_value	*list = &mk->v[POOL_SUCCESS_EXIT];
	uint64_t		 n;
	unsigned int		 i;

	mk->pool->success_exit[0] = !mk->m->seen[POOL_SUCCESS_EXIT];
	for (i = 0; i < list->count; i++)
		if (value_number(&keys_pool.keys[POOL_SUCCESS_EXIT],
		    "success_exit", list->list[i], &n, shape_item_pos(mk->m,
		    POOL_SUCCESS_EXIT, i), mk->b->p) == 0)
			mk->pool->success_exit[n] = true;
}

static void
build_broadcasts(struct making *mk, const struct raw_value *raw)
{
	struct conf_pool	*pool = mk->pool;
	struct conf_broadcast	*list;
	size_t			 i, j;

	if (raw->count == 0)
		return;
	list = calloc(raw->count, sizeof(*list));
	if (list == NULL) {
		mk->b->failed = true;
		return;
	}
	pool->broadcast = list;
	pool->broadcast_count = raw->count;
	for (i = 0; i < raw->count; i++) {
		broadcast_build(mk->b, &list[i], &mk->shape->broadcasts[i],
		    &raw->broadcasts[i]);
		for (j = 0; j < i && list[i].key != NULL; j++) {
			if (list[j].key == NULL ||
			    strcmp(list[i].key, list[j].key) != 0)
				continue;
			FILE_PROBLEM(mk->b->p,
			    shape_pos(&mk->shape->broadcasts[i],
			    BROADCAST_KEY), "broadcast.key: '%s' is the key "
			    "of another broadcast of this pool; a worker "
			    "could not tell them apart", list[i].key);
			break;
		}
	}
}

static void
check_backoff(struct making *mk)
{
	const struct backoff_rule	*o = &mk->pool->backoff;

	if (o->max_ms < o->initial_ms)
		FILE_PROBLEM(mk->b->p, mk->m->seen[POOL_BACKOFF_MAX] ?
		    pos_of(mk, POOL_BACKOFF_MAX) :
		    pos_of(mk, POOL_BACKOFF_INITIAL), "backoff.max: must not "
		    "be less than backoff.initial");
}

static void
build_pool(struct build *b, struct conf_pool *pool,
    const struct shape_pool *shape, const struct raw_pool *raw)
{
	struct making	 mk = { b, pool, &shape->keys, shape, raw->v, 0 };

	pool->pos = shape->keys.pos;
	mk.bad = build_stored(b, &keys_pool, mk.m, mk.v, pool);
	if (raw->v[POOL_LOG_FORMAT].text == NULL)
		pool->log_format = b->conf->log_format;
	if (pool->count == 0)
		pool->count = cpus_usable();
	build_cwd(&mk);
	build_command(&mk);
	build_name(&mk);
	build_env(&mk);
	build_listen(&mk);
	build_success_exit(&mk);
	build_broadcasts(&mk, &raw->v[POOL_BROADCAST]);
	dialect_build(b, pool, mk.m, mk.v, mk.bad);
	check_backoff(&mk);
}

/* --- between pools -------------------------------------------------------- */

static void
check_names(struct build *b, const struct shape *s)
{
	const struct conf_pool	*pools = b->conf->pools;
	struct conf_pos		 pos;
	size_t			 i, j;

	for (i = 1; i < b->conf->pool_count; i++)
		for (j = 0; j < i && pools[i].name != NULL; j++) {
			if (pools[j].name == NULL ||
			    strcmp(pools[i].name, pools[j].name) != 0)
				continue;
			pos = s->pools[i].keys.at[POOL_NAME] != NULL ?
			    shape_pos(&s->pools[i].keys, POOL_NAME) :
			    pools[i].command_pos;
			FILE_PROBLEM(b->p, pos, "two pools are named '%s' "
			    "(the other is in line %u); give one of them "
			    "another %s", pools[i].name, pools[j].pos.line,
			    b->ini ? "[name]" : "'name:'");
			break;
		}
}

/* The first listener before (i, n) that overlaps it, or NULL. */
static const struct conf_listen *
find_overlap(const struct conf *c, size_t i, size_t n)
{
	const struct conf_listen	*l = &c->pools[i].listen[n], *o;
	size_t				 j, k;

	for (j = 0; j <= i; j++)
		for (k = 0; k < (j < i ? c->pools[j].listen_count : n); k++) {
			o = &c->pools[j].listen[k];
			if (listen_overlap(l, o))
				return o;
		}
	return NULL;
}

static void
check_addresses(struct build *b)
{
	const struct conf_listen	*l, *o;
	size_t				 i, n;

	for (i = 0; i < b->conf->pool_count; i++)
		for (n = 0; n < b->conf->pools[i].listen_count; n++) {
			l = &b->conf->pools[i].listen[n];
			o = find_overlap(b->conf, i, n);
			if (o != NULL)
				FILE_PROBLEM(b->p, l->pos, "listen: '%s' "
				    "is taken by '%s' in line %u already; "
				    "every address can be listened on once",
				    l->text, o->text, o->pos.line);
		}
}

/* --- the control socket --------------------------------------------------- */

static void
check_control_path(struct build *b, const char *text)
{
	const struct conf_control	*c = &b->conf->control;
	const size_t			 max =
	    sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (text[0] == '\0' || text[strlen(text) - 1] == '/')
		FILE_PROBLEM(b->p, c->path_pos, "control.path: %s; expected "
		    "the path of a socket", text[0] == '\0' ? "is empty" :
		    "is a directory");
	else if (text[0] == '@')
		FILE_PROBLEM(b->p, c->path_pos, "control.path: abstract "
		    "sockets are not supported; expected the path of a "
		    "socket");
	else if (c->path != NULL && strlen(c->path) > max)
		FILE_PROBLEM(b->p, c->path_pos, "control.path: has %zu bytes "
		    "with its directory; a unix socket takes at most %zu",
		    strlen(c->path), max);
}

/* A number must be possible; whether there is such a name is not asked. */
static void
build_account(struct build *b, int key, const char *text,
    struct conf_pos pos, char **ret, struct conf_pos *ret_pos)
{
	const struct key	*k = &keys_top.keys[key];
	struct err		 e;
	uid_t			 id;

	if (text == NULL)
		return;
	*ret = build_copy(b, text);
	*ret_pos = pos;
	if (text[0] == '\0')
		FILE_PROBLEM(b->p, pos, "%s: is empty; expected %s", k->path,
		    k->expect);
	else if (account_is_number(text) && account_user(text, &id, &e) == -1)
		FILE_PROBLEM(b->p, pos, "%s: %s", k->path, e.msg);
}

static void
build_control(struct build *b, const struct shape_map *m,
    const struct raw_value *v)
{
	struct conf_control	*c = &b->conf->control;
	const char		*path = v[TOP_CONTROL_PATH].text;

	if (path != NULL) {
		c->path_pos = shape_pos(m, TOP_CONTROL_PATH);
		c->path = seen_from_file(b, path);
		check_control_path(b, path);
	}
	build_account(b, TOP_CONTROL_OWNER, v[TOP_CONTROL_OWNER].text,
	    shape_pos(m, TOP_CONTROL_OWNER), &c->owner, &c->owner_pos);
	build_account(b, TOP_CONTROL_GROUP, v[TOP_CONTROL_GROUP].text,
	    shape_pos(m, TOP_CONTROL_GROUP), &c->group, &c->group_pos);
}

void
build_conf(struct build *b, const struct shape *s, const struct raw *raw)
{
	struct conf	*c = b->conf;
	size_t		 i;

	(void)build_stored(b, &keys_top, &s->top, raw->top, c);
	build_control(b, &s->top, raw->top);
	c->pools = calloc(raw->pool_count + 1u, sizeof(*c->pools));
	if (c->pools == NULL) {
		b->failed = true;
		return;
	}
	c->pool_count = raw->pool_count;
	for (i = 0; i < c->pool_count && !b->failed; i++)
		build_pool(b, &c->pools[i], &s->pools[i], &raw->pools[i]);
	if (b->failed)
		return;
	check_names(b, s);
	check_addresses(b);
	ports_check(b);
}

void
build_pool_fini(struct conf_pool *pool)
{
	size_t	 i;

	free(pool->name);
	words_free(pool->argv);
	for (i = 0; i < pool->listen_count; i++)
		listen_fini(&pool->listen[i]);
	free(pool->listen);
	words_free(pool->ready.argv);
	free(pool->ready.path);
	for (i = 0; i < pool->broadcast_count; i++)
		broadcast_fini(&pool->broadcast[i]);
	free(pool->broadcast);
	free(pool->cwd);
	words_free(pool->env);
	words_free(pool->env_file);
}
