#include "config.h"
#include "config/shape.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "config/node.h"
#include "config/problem.h"
#include "config/value.h"

/* The longest path: more than any key has, and than INI can write. */
#define PATH_SIZE 256

struct walk {
	struct conf_problems	*p;
	bool			 ini;
	struct shape		*shape;
	struct shape_pool	*pool;		/* the one being walked */
	bool			 failed;
};

/* A table, and the map that takes its keys. */
struct into {
	const struct key_table	*table;
	struct shape_map	*map;	/* NULL: they do not belong here */
};

static void	walk_pool(struct walk *, const struct node *);

struct conf_pos
shape_pos(const struct shape_map *m, int key)
{
	return m->at[key] != NULL ? m->at[key]->pos : m->pos;
}

struct conf_pos
shape_later(const struct shape_map *m, int a, int b)
{
	const struct conf_pos	*pa = &m->key_pos[a], *pb = &m->key_pos[b];

	return pa->line > pb->line || (pa->line == pb->line &&
	    pa->col > pb->col) ? *pa : *pb;
}

struct conf_pos
shape_item_pos(const struct shape_map *m, int key, size_t n)
{
	return m->at[key] != NULL ? node_item_pos(m->at[key], n) : m->pos;
}

/* --- what does not fit ---------------------------------------------------- */

static const char *const kind_names[] = {
	[NODE_SCALAR] = "a single value", [NODE_LIST] = "a list",
	[NODE_MAP] = "a map", [NODE_BAD] = "?",
};

static void
report_kind(struct walk *w, const struct node *n, const char *path,
    const char *expect)
{
	if (n->kind == NODE_BAD)
		return;
	if (node_is_null(n))
		FILE_PROBLEM(w->p, n->pos, "%s: has no value; expected %s",
		    path, expect);
	else
		FILE_PROBLEM(w->p, n->pos, "%s: is %s; expected %s", path,
		    kind_names[n->kind], expect);
}

/* The names that are known where n stands, in the form of text_nearest. */
struct known {
	char		 names[KEYS_MAX + TOP__COUNT][KEYS_NAME_MAX];
	const char	*list[KEYS_MAX + TOP__COUNT + 1];
	size_t		 count;
};

static void
known_fill(struct known *k, const struct into *into, size_t n,
    const char *group)
{
	size_t	 i;

	k->count = 0;
	for (i = 0; i < n; i++)
		k->count += keys_below(into[i].table, group,
		    k->names + k->count, ARRAY_LEN(k->names) - k->count);
	for (i = 0; i < k->count; i++)
		k->list[i] = k->names[i];
	k->list[k->count] = NULL;
}

/* A path in which the name is the last part: "soak" is ready.soak. */
static const char *
find_elsewhere(const struct into *into, size_t n, const char *name)
{
	const char	*path = NULL;
	size_t		 i;

	for (i = 0; i < n && path == NULL; i++)
		path = keys_by_last_part(into[i].table, name);
	return path;
}

/* "a, b, c", as many as fit. */
static void
join(char *buf, size_t size, const char *const *words)
{
	size_t	 n = 0;

	for (buf[0] = '\0'; *words != NULL; words++)
		if (n + strlen(*words) + 3 < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%s",
			    n > 0 ? ", " : "", *words);
}

static void
mark_seen(const struct into *into, int key, const struct node *n)
{
	if (into->map == NULL || into->map->seen[key])
		return;
	into->map->seen[key] = true;
	into->map->key_pos[key] = n->key_pos;
}

/* What is misspelt is not missing. */
static void
mark_meant(const struct into *into, size_t tables, const char *group,
    const char *name, const struct node *n)
{
	char	 path[PATH_SIZE];
	size_t	 t;
	int	 i;

	(void)snprintf(path, sizeof(path), "%s%s%s", group ? group : "",
	    group ? "." : "", name);
	for (t = 0; t < tables; t++)
		if ((i = keys_find(into[t].table, path)) != -1)
			mark_seen(&into[t], i, n);
}

static void
report_unknown(struct walk *w, const struct node *n, const struct into *into,
    size_t tables, const char *group)
{
	char		 cut[PROBLEM_CUT_SIZE], lower[KEYS_NAME_MAX];
	char		 all[256];
	struct known	 k;
	const char	*near, *path;
	size_t		 i;

	for (i = 0; n->key[i] != '\0' && i < sizeof(lower) - 1; i++)
		lower[i] = n->key[i] == '-' ? '_' :
		    (char)tolower((unsigned char)n->key[i]);
	lower[i] = '\0';
	known_fill(&k, into, tables, group);
	near = text_nearest(lower, k.list);
	path = find_elsewhere(into, tables, lower);
	problem_cut(cut, n->key);
	if (!w->ini && strchr(n->key, '.') != NULL &&
	    keys_find(into[tables - 1].table, n->key) != -1) {
		path = strchr(n->key, '.') + 1;
		FILE_PROBLEM(w->p, n->key_pos, "unknown key '%s'; in YAML "
		    "write '%.*s: {%s: ...}'", cut,
		    (int)(path - n->key - 1), n->key, path);
	} else if (near != NULL) {
		mark_meant(into, tables, group, near, n);
		FILE_PROBLEM(w->p, n->key_pos, "unknown key '%s'; did you "
		    "mean '%s'?", cut, near);
	} else if (into[0].table == &keys_pool && group == NULL &&
	    (keys_find(&keys_top, n->key) != -1 ||
	    keys_is_group(&keys_top, n->key)))
		FILE_PROBLEM(w->p, n->key_pos, "'%s' does not belong to a "
		    "pool; it stands at the top of the file", cut);
	else if (path != NULL)
		FILE_PROBLEM(w->p, n->key_pos, "unknown key '%s' here; did "
		    "you mean '%s'?", cut, path);
	else if (group != NULL || into[0].table == &keys_broadcast) {
		join(all, sizeof(all), k.list);
		FILE_PROBLEM(w->p, n->key_pos, "unknown key '%s'; known here: "
		    "%s", cut, all);
	} else
		FILE_PROBLEM(w->p, n->key_pos, "unknown key '%s'; "
		    "rota.yaml(5) has the list of keys", cut);
}

/* --- the values of keys --------------------------------------------------- */

static bool
check_scalar(struct walk *w, const struct node *n, const char *path,
    const struct key *k)
{
	char	 expect[VALUE_EXPECT_SIZE];

	if (n->kind == NODE_SCALAR && !node_is_null(n))
		return true;
	if (k->kind == KEY_ANY && n->kind == NODE_SCALAR &&
	    strcmp(n->text, "null") == 0)
		return true;
	value_expect(k, expect);
	if (k->kind == KEY_ANY && (n->kind == NODE_LIST ||
	    n->kind == NODE_MAP))
		FILE_PROBLEM(w->p, n->pos, "%s: is %s; write it as JSON in "
		    "quotes", path, kind_names[n->kind]);
	else if (strcmp(path, "port") == 0 && n->kind == NODE_LIST)
		FILE_PROBLEM(w->p, n->pos, "port: is a list; expected %s "
		    "(several addresses go to 'listen')", expect);
	else
		report_kind(w, n, path, expect);
	return false;
}

static bool
check_list(struct walk *w, struct node *n, const char *path,
    const struct key *k)
{
	struct node	*item;
	char		 expect[VALUE_EXPECT_SIZE];

	if (n->kind == NODE_SCALAR && k->kind == KEY_ONE_OR_MORE)
		return check_scalar(w, n, path, k);
	value_expect(k, expect);
	if (n->kind != NODE_LIST) {
		report_kind(w, n, path, expect);
		return false;
	}
	if (n->first == NULL) {
		FILE_PROBLEM(w->p, n->pos, "%s: the list is empty; expected "
		    "%s", path, expect);
		return false;
	}
	for (item = n->first; item != NULL; item = item->next)
		if (item->kind != NODE_SCALAR || node_is_null(item)) {
			report_kind(w, item, path, expect);
			item->kind = NODE_BAD;
		}
	return true;
}

static void
report_repeated(struct walk *w, const struct node *n, const char *path,
    const struct node *before)
{
	FILE_PROBLEM(w->p, n->key_pos, "'%s' is repeated; line %u has it "
	    "already", path, before->key_pos.line);
}

/* A node of the same key that stands before n in its map. */
static const struct node *
find_before(const struct node *map, const struct node *n)
{
	const struct node	*first = node_find(map, n->key);

	return first != n ? first : NULL;
}

/* A shell could set a variable of that name. */
static bool
is_variable(const char *name)
{
	size_t	 i;

	for (i = 0; name[i] != '\0'; i++)
		if (!(name[i] == '_' || (name[i] >= 'A' && name[i] <= 'Z') ||
		    (name[i] >= 'a' && name[i] <= 'z') ||
		    (i > 0 && name[i] >= '0' && name[i] <= '9')))
			return false;
	return i > 0;
}

static bool
check_variable(struct walk *w, const struct node *map, struct node *n)
{
	const struct node	*before = find_before(map, n);
	char			 cut[PROBLEM_CUT_SIZE];
	char			 path[PROBLEM_CUT_SIZE + 8];

	problem_cut(cut, n->key);
	(void)snprintf(path, sizeof(path), "env.%s", cut);
	if (before != NULL) {
		report_repeated(w, n, path, before);
		return false;
	}
	if (!is_variable(n->key)) {
		FILE_PROBLEM(w->p, n->key_pos, "env: '%s' cannot be the name "
		    "of a variable; it has letters, digits and '_' only, and "
		    "does not begin with a digit", cut);
		return false;
	}
	if (strncmp(n->key, "ROTA_", 5) == 0) {
		FILE_PROBLEM(w->p, n->key_pos, "env: '%s' belongs to rota; "
		    "use a name that does not begin with ROTA_", cut);
		return false;
	}
	if (n->kind == NODE_SCALAR && !node_is_null(n))
		return true;
	report_kind(w, n, path, "a text ('' for an empty one)");
	return false;
}

static bool
check_free_map(struct walk *w, struct node *n, const char *path,
    const struct key *k)
{
	struct node	*item;

	if (n->kind != NODE_MAP) {
		report_kind(w, n, path, k->expect);
		return false;
	}
	for (item = n->first; item != NULL; item = item->next)
		if (!check_variable(w, n, item))
			item->kind = NODE_BAD;
	return true;
}

/* --- maps ----------------------------------------------------------------- */

static void	walk_map(struct walk *, const struct node *,
		    const struct into *, size_t, const char *);

static void
walk_broadcast(struct walk *w, const struct node *n)
{
	struct shape_pool	*pool = w->pool;
	struct into		 into = { .table = &keys_broadcast };

	if (pool->broadcast_count >= CONF_BROADCAST_MAX) {
		FILE_PROBLEM(w->p, n->pos, "broadcast: more than %d in one "
		    "pool", CONF_BROADCAST_MAX);
		return;
	}
	into.map = &pool->broadcasts[pool->broadcast_count++];
	into.map->pos = n->pos;
	walk_map(w, n, &into, 1, NULL);
}

/* INI: "broadcast.LABEL.key = value" makes one broadcast of each label. */
static bool
is_labelled(const struct walk *w, const struct node *n)
{
	return w->ini && n->first != NULL && n->first->kind == NODE_MAP;
}

static bool
check_broadcasts(struct walk *w, const struct node *n, const struct key *k)
{
	const struct node	*item;

	if (n->kind != NODE_MAP && n->kind != NODE_LIST) {
		report_kind(w, n, k->path, k->expect);
		return false;
	}
	if (w->pool->broadcasts != NULL)
		return false;		/* reported as repeated */
	w->pool->broadcasts = calloc(CONF_BROADCAST_MAX,
	    sizeof(*w->pool->broadcasts));
	if (w->pool->broadcasts == NULL) {
		w->failed = true;
		return false;
	}
	if (n->kind == NODE_MAP && !is_labelled(w, n)) {
		walk_broadcast(w, n);
		return true;
	}
	if (n->first == NULL)
		FILE_PROBLEM(w->p, n->pos, "broadcast: the list is empty; "
		    "expected %s", k->expect);
	for (item = n->first; item != NULL; item = item->next)
		if (item->kind == NODE_MAP)
			walk_broadcast(w, item);
		else
			report_kind(w, item, k->path, "a map with interval, "
			    "key and one source");
	return true;
}

static void
check_pools(struct walk *w, const struct node *n, const struct key *k)
{
	const struct node	*item;

	if (n->kind != NODE_LIST) {
		report_kind(w, n, "pools", k->expect);
		return;
	}
	if (n->first == NULL)
		FILE_PROBLEM(w->p, n->pos, "pools: the list is empty; "
		    "expected %s", k->expect);
	if (n->count > CONF_POOLS_MAX) {
		FILE_PROBLEM(w->p, n->pos, "pools: has %zu; at most %d are "
		    "possible", n->count, CONF_POOLS_MAX);
		return;
	}
	for (item = n->first; item != NULL && !w->failed; item = item->next)
		if (item->kind == NODE_MAP)
			walk_pool(w, item);
		else
			report_kind(w, item, "pools", "a map of a pool's "
			    "keys");
}

/* The value of a known key is there: is it of the right kind? */
static void
walk_key(struct walk *w, struct node *n, const struct into *into, int i,
    const char *path)
{
	const struct key	*k = &into->table->keys[i];
	char			 full[PATH_SIZE];
	bool			 good = false;

	if (into->map == NULL) {
		FILE_PROBLEM(w->p, n->key_pos, "'%s' stands beside '%s'; it "
		    "belongs to one of the pools", path,
		    w->ini ? "[pool]" : "pools");
		return;
	}
	(void)snprintf(full, sizeof(full), "%s%s", into->table->name, path);
	mark_seen(into, i, n);
	switch (k->kind) {
	case KEY_LIST:
	case KEY_ONE_OR_MORE:
		good = check_list(w, n, full, k);
		break;
	case KEY_FREE_MAP:
		good = check_free_map(w, n, full, k);
		break;
	case KEY_BROADCASTS:
		good = check_broadcasts(w, n, k);
		break;
	case KEY_POOLS:
		check_pools(w, n, k);
		good = true;
		break;
	case KEY_COUNT:
	case KEY_DURATION:
	case KEY_FACTOR:
	case KEY_PERCENT:
	case KEY_BOOL:
	case KEY_ENUM:
	case KEY_SIGNAL:
	case KEY_MODE:
	case KEY_TEXT:
	case KEY_ANY:
		good = check_scalar(w, n, full, k);
		break;
	}
	if (good)
		into->map->at[i] = n;
}

/* A group's value that is no map. */
static void
report_group(struct walk *w, const struct node *n, const struct into *into,
    const char *group)
{
	struct known	 k;
	char		 names[200], expect[256];

	known_fill(&k, into, 1, group);
	join(names, sizeof(names), k.list);
	(void)snprintf(expect, sizeof(expect), "a map with %s", names);
	report_kind(w, n, group, expect);
}

static void
walk_child(struct walk *w, struct node *n, const struct into *into,
    size_t tables, const char *group)
{
	char	 path[PATH_SIZE];
	size_t	 t;
	int	 i;

	if (snprintf(path, sizeof(path), "%s%s%s", group ? group : "",
	    group ? "." : "", n->key) >= (int)sizeof(path) ||
	    strchr(n->key, '.') != NULL) {
		report_unknown(w, n, into, tables, group);
		return;
	}
	for (t = 0; t < tables; t++) {
		i = keys_find(into[t].table, path);
		if (i != -1) {
			walk_key(w, n, &into[t], i, path);
			return;
		}
		if (!keys_is_group(into[t].table, path))
			continue;
		if (n->kind == NODE_MAP)
			walk_map(w, n, &into[t], 1, path);
		else
			report_group(w, n, &into[t], path);
		return;
	}
	if (strcmp(n->key, "<<") != 0 || n->kind != NODE_BAD)
		report_unknown(w, n, into, tables, group);
}

static void
walk_map(struct walk *w, const struct node *map, const struct into *into,
    size_t tables, const char *group)
{
	const struct node	*before;
	struct node		*n;
	char			 path[PATH_SIZE];

	for (n = map->first; n != NULL && !w->failed; n = n->next) {
		before = find_before(map, n);
		if (before == NULL) {
			walk_child(w, n, into, tables, group);
			continue;
		}
		(void)snprintf(path, sizeof(path), "%s%s%s",
		    group ? group : "", group ? "." : "", n->key);
		report_repeated(w, n, path, before);
	}
}

static struct shape_pool *
pool_add(struct walk *w, struct conf_pos pos)
{
	struct shape		*s = w->shape;
	struct shape_pool	*pools;
	size_t			 n = s->pool_count;

	if ((n & (n - 1)) == 0) {
		pools = realloc(s->pools, (n ? n * 2 : 1) * sizeof(*pools));
		if (pools == NULL) {
			w->failed = true;
			return NULL;
		}
		s->pools = pools;
	}
	memset(&s->pools[n], 0, sizeof(*s->pools));
	s->pools[n].keys.pos = pos;
	s->pool_count++;
	return &s->pools[n];
}

static void
walk_pool(struct walk *w, const struct node *n)
{
	struct into	 into = { .table = &keys_pool };

	w->pool = pool_add(w, n->pos);
	if (w->pool == NULL)
		return;
	into.map = &w->pool->keys;
	walk_map(w, n, &into, 1, NULL);
}

int
shape_fill(struct shape *s, const struct node *root, bool ini,
    struct conf_problems *p)
{
	struct walk	 w = { .p = p, .ini = ini, .shape = s };
	struct into	 into[] = {
		{ &keys_top, &s->top }, { &keys_pool, NULL }
	};

	memset(s, 0, sizeof(*s));
	s->top.pos = root->pos;
	if (root->kind != NODE_MAP) {
		if (root->kind != NODE_BAD)
			FILE_PROBLEM(p, root->pos, "the file is %s; expected "
			    "'key: value' lines, at least 'command: ...'",
			    kind_names[root->kind]);
		return 0;
	}
	if (node_find(root, "pools") == NULL) {
		w.pool = pool_add(&w, root->pos);
		if (w.pool != NULL)
			into[1].map = &w.pool->keys;
	}
	if (!w.failed)
		walk_map(&w, root, into, ARRAY_LEN(into), NULL);
	if (w.failed) {
		conf_problem_oom(p);
		return -1;
	}
	return 0;
}

void
shape_free(struct shape *s)
{
	size_t	 i;

	for (i = 0; i < s->pool_count; i++)
		free(s->pools[i].broadcasts);
	free(s->pools);
	memset(s, 0, sizeof(*s));
}
