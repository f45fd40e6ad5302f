#include "config.h"

#include <ctype.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "config/conf.h"
#include "config/keys.h"
#include "config/load.h"
#include "config/value.h"
#include "t/unit.h"

/* The files of t/conf; there are some, or these tests fail. */
static glob_t	 good_files, bad_files;

static const char *
source_path(char path[PATH_MAX], const char *name)
{
	const char	*top = getenv("top_srcdir");

	(void)snprintf(path, PATH_MAX, "%s/%s", top != NULL ? top : ".",
	    name);
	return path;
}

/* The whole of a file as a string. */
static char *
slurp(const char *path)
{
	FILE	*f = fopen(path, "r");
	char	*text = malloc(1 << 20);
	size_t	 n;

	ck_assert_msg(f != NULL, "%s", path);
	ck_assert_ptr_nonnull(text);
	n = fread(text, 1, (1 << 20) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

/* The problems as rota check prints them, but for the path. */
static char *
problems_text(const struct conf_problems *p)
{
	char	*text = NULL;
	size_t	 i, size;
	FILE	*f = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(f);
	for (i = 0; i < p->count; i++)
		(void)fprintf(f, "%u:%u: %s\n", p->list[i].pos.line,
		    p->list[i].pos.col, p->list[i].text);
	(void)fclose(f);
	return text;
}

/* A bad file gives the problems that the .want beside it lists. */
START_TEST(bad_file)
{
	struct conf_problems	 p = { 0 };
	char			 path[PATH_MAX], *want, *got;

	ck_assert_ptr_null(conf_load(bad_files.gl_pathv[_i], &p));
	ck_assert_uint_gt(conf_problems_of(&p, CONF_BAD_FILE), 0);
	(void)snprintf(path, sizeof(path), "%s.want", bad_files.gl_pathv[_i]);
	want = slurp(path);
	got = problems_text(&p);
	ck_assert_msg(strcmp(got, want) == 0, "%s:\n%s", bad_files.gl_pathv[_i],
	    got);
	free(got);
	free(want);
	conf_problems_free(&p);
}
END_TEST

/* What is printed of a good file loads again, to the same. */
START_TEST(good_file)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c, *again;
	char			*first, *second, *said;

	c = conf_load(good_files.gl_pathv[_i], &p);
	said = problems_text(&p);
	ck_assert_msg(c != NULL, "%s:\n%s", good_files.gl_pathv[_i], said);
	free(said);
	first = conf_print(c);
	ck_assert_ptr_nonnull(first);
	again = conf_load_text("/elsewhere/x.yaml", first, strlen(first), &p);
	said = problems_text(&p);
	ck_assert_msg(again != NULL, "%s:\n%s%s", good_files.gl_pathv[_i],
	    first, said);
	free(said);
	second = conf_print(again);
	ck_assert_str_eq(first, second);
	ck_assert_uint_eq(c->pool_count, again->pool_count);
	free(first);
	free(second);
	conf_unref(c);
	conf_unref(again);
	conf_problems_free(&p);
}
END_TEST

static const char *const twins[] = {
	"etc/rota", "t/conf/good/example", "t/conf/good/minimal",
	"t/conf/good/sections", "t/conf/good/control"
};

static char *
print_file(const char *name, const char *ending)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c;
	char			 path[PATH_MAX], full[PATH_MAX + 8], *text;

	(void)snprintf(full, sizeof(full), "%s%s", source_path(path, name),
	    ending);
	c = conf_load(full, &p);
	ck_assert_msg(c != NULL, "%s: %s", full, p.count > 0 ?
	    p.list[0].text : "?");
	text = conf_print(c);
	ck_assert_ptr_nonnull(text);
	conf_unref(c);
	return text;
}

/* The same config in both formats. */
START_TEST(same_in_both)
{
	char	*yaml = print_file(twins[_i], ".yaml");
	char	*ini = print_file(twins[_i], ".ini");

	ck_assert_str_eq(yaml, ini);
	free(yaml);
	free(ini);
}
END_TEST

/* --- the tables of keys --------------------------------------------------- */

static const struct key_table *const tables[] = {
	&keys_pool, &keys_broadcast, &keys_top
};

/* A struct large enough for whatever a key is stored in. */
union target {
	struct conf_pool	 pool;
	struct conf_broadcast	 broadcast;
	struct conf		 conf;
};

/* Every default can be read, is in its range, and is printed as it is. */
START_TEST(defaults_are_good)
{
	struct conf_problems	 p = { 0 };
	struct conf_pos		 pos = { 1, 1 };
	union target		 target;
	const struct key	*k;
	char			 text[VALUE_FORMAT_SIZE];
	size_t			 i;

	for (i = 0; i < tables[_i]->count; i++) {
		k = &tables[_i]->keys[i];
		ck_assert_ptr_nonnull(k->text);
		ck_assert_msg(k->dflt != NULL || k->note != NULL, "%s",
		    k->path);
		ck_assert_uint_lt(strlen(k->path), KEYS_NAME_MAX);
		if (!key_is_stored(k) || k->dflt == NULL)
			continue;
		memset(&target, 0, sizeof(target));
		ck_assert_int_eq(value_store(k, k->path, k->dflt, &target,
		    pos, &p), 0);
		value_format(k, &target, text);
		ck_assert_str_eq(text, k->dflt);
	}
	ck_assert_uint_eq(p.count, 0);
}
END_TEST

/* Both ends of a range are inside, and their neighbours are not. */
START_TEST(ranges_are_kept)
{
	struct conf_problems	 p = { 0 };
	struct conf_pos		 pos = { 1, 1 };
	const struct key	*k;
	char			 text[64];
	uint64_t		 v;
	size_t			 i;
	const char		*unit;

	for (i = 0; i < tables[_i]->count; i++) {
		k = &tables[_i]->keys[i];
		if (k->kind != KEY_COUNT && k->kind != KEY_DURATION &&
		    k->kind != KEY_PERCENT)
			continue;
		unit = k->kind == KEY_DURATION ? "ms" :
		    k->kind == KEY_PERCENT ? "%" : "";
		(void)snprintf(text, sizeof(text), "%llu%s",
		    (unsigned long long)k->max, unit);
		ck_assert_int_eq(value_number(k, "x", text, &v, pos, &p), 0);
		ck_assert_uint_eq(v, k->max);
		(void)snprintf(text, sizeof(text), "%llu%s",
		    (unsigned long long)k->max + 1, unit);
		ck_assert_int_eq(value_number(k, "x", text, &v, pos, &p), -1);
		(void)snprintf(text, sizeof(text), "%llu%s",
		    (unsigned long long)k->min, unit);
		ck_assert_int_eq(value_number(k, "x", text, &v, pos, &p), 0);
		if (k->min == 0)
			continue;
		(void)snprintf(text, sizeof(text), "%llu%s",
		    (unsigned long long)k->min - 1, unit);
		ck_assert_int_eq(value_number(k, "x", text, &v, pos, &p), -1);
	}
	conf_problems_free(&p);
}
END_TEST

/* --- the manual ----------------------------------------------------------- */

/*
 * The text below an item of the manual up to the next macro, as one line;
 * *from moves behind the item.  NULL: no such item is left.
 */
static char *
item_text(const char **from, const char *name)
{
	char		 item[128];
	const char	*s;
	char		*text;
	size_t		 n = 0;

	(void)snprintf(item, sizeof(item), "\n.It Ic %s\n", name);
	s = strstr(*from, item);
	if (s == NULL)
		return NULL;
	s += strlen(item);
	*from = s - 1;
	text = malloc(strlen(s) + 1);
	ck_assert_ptr_nonnull(text);
	while (*s != '.' && *s != '\0') {
		while (*s != '\n' && *s != '\0')
			text[n++] = *s++;
		text[n++] = ' ';
		s += *s == '\n';
	}
	text[n] = '\0';
	return text;
}

/* "Value: a whole number from 1 to 9; default: 5." */
static void
item_facts(const struct key *k, char facts[512])
{
	char	 expect[VALUE_EXPECT_SIZE], *such;

	value_expect(k, expect);
	such = k->kind == KEY_DURATION || k->kind == KEY_FACTOR ?
	    strstr(expect, " such as") : NULL;
	if (such != NULL)
		*such = '\0';
	(void)snprintf(facts, 512, "Value: %s; default: %s. ", expect,
	    k->dflt != NULL ? k->dflt : k->note);
}

/* rota.yaml(5) has each key, with its range and default. */
START_TEST(manual_has_every_key)
{
	const struct key_table	*t = tables[_i];
	char			 path[PATH_MAX], name[64], facts[512];
	char			*page, *text, *last = NULL;
	const char		*from;
	size_t			 i;

	page = slurp(source_path(path, "man/rota.yaml.5"));
	for (i = 0; i < t->count; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", t->name,
		    t->keys[i].path);
		item_facts(&t->keys[i], facts);
		from = page;
		while ((text = item_text(&from, name)) != NULL &&
		    strncmp(text, facts, strlen(facts)) != 0) {
			free(last);
			last = text;
		}
		ck_assert_msg(text != NULL, "%s: want '%s', got '%s'", name,
		    facts, last != NULL ? last : "no such item");
		free(text);
		free(last);
		last = NULL;
	}
	free(page);
}
END_TEST

/* And none that is not there. */
START_TEST(manual_has_no_other_key)
{
	char		 path[PATH_MAX], name[64];
	const char	*s;
	char		*page;
	size_t		 n, found = 0;

	page = slurp(source_path(path, "man/rota.yaml.5"));
	for (s = page; (s = strstr(s, "\n.It Ic ")) != NULL; ) {
		s += strlen("\n.It Ic ");
		n = strcspn(s, "\n");
		ck_assert_uint_lt(n, sizeof(name));
		memcpy(name, s, n);
		name[n] = '\0';
		found++;
		ck_assert_msg(keys_find(&keys_pool, name) != -1 ||
		    keys_find(&keys_top, name) != -1 ||
		    (strncmp(name, "broadcast.", 10) == 0 &&
		    keys_find(&keys_broadcast, name + 10) != -1), "%s", name);
	}
	ck_assert_uint_eq(found, keys_pool.count + keys_broadcast.count +
	    keys_top.count);
	free(page);
}
END_TEST

/* What rota.yaml(5) says of a kind of change, or NULL: of all the others. */
static const char *const change_items[] = {
	[CONF_EFFECT_NONE] = NULL,
	[CONF_EFFECT_LISTENER] = "\n.It The open sockets",
	[CONF_EFFECT_BROADCAST] = "\n.It The broadcasts begin",
	[CONF_EFFECT_COUNT] = "\n.It Slots are added",
	[CONF_EFFECT_ROLLOUT] = "\n.It Every worker",
};

/* The key is listed below the item. */
static bool
is_listed(const char *page, const char *item, const char *key)
{
	const char	*from, *to, *s;
	char		 want[64];

	from = strstr(page, item);
	ck_assert_msg(from != NULL, "%s", item);
	from++;
	to = strstr(from, "\n.It ");
	s = strstr(from, "\n.El");
	if (to == NULL || (s != NULL && s < to))
		to = s;
	ck_assert_ptr_nonnull(to);
	(void)snprintf(want, sizeof(want), "\n.Ic %s ", key);
	s = strstr(from, want);
	return s != NULL && s < to;
}

/* Each key of a pool is below the item of its effect, and no other. */
START_TEST(manual_has_every_effect)
{
	const struct key	*k;
	char			 path[PATH_MAX], *page;
	size_t			 i, e;

	page = slurp(source_path(path, "man/rota.yaml.5"));
	for (i = 0; i < keys_pool.count; i++) {
		k = &keys_pool.keys[i];
		for (e = 0; e < ARRAY_LEN(change_items); e++)
			if (change_items[e] != NULL)
				ck_assert_msg(is_listed(page,
				    change_items[e], k->path) ==
				    (k->effect == e), "%s:%s", k->path,
				    change_items[e]);
	}
	free(page);
}
END_TEST

static void
find_files(glob_t *g, const char *folder)
{
	static const char *const endings[] = { "*.yaml", "*.ini" };
	char			 path[PATH_MAX], pattern[PATH_MAX + 8];
	size_t			 i;

	for (i = 0; i < ARRAY_LEN(endings); i++) {
		(void)snprintf(pattern, sizeof(pattern), "%s/%s",
		    source_path(path, folder), endings[i]);
		(void)glob(pattern, i > 0 ? GLOB_APPEND : 0, NULL, g);
	}
}

START_TEST(files_are_there)
{
	ck_assert_uint_ge(good_files.gl_pathc, 15);
	ck_assert_uint_ge(bad_files.gl_pathc, 60);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("files");

	find_files(&good_files, "t/conf/good");
	find_files(&bad_files, "t/conf/bad");
	tcase_add_test(tc, files_are_there);
	tcase_add_loop_test(tc, bad_file, 0, (int)bad_files.gl_pathc);
	tcase_add_loop_test(tc, good_file, 0, (int)good_files.gl_pathc);
	tcase_add_loop_test(tc, same_in_both, 0, ARRAY_LEN(twins));
	tcase_add_loop_test(tc, defaults_are_good, 0, ARRAY_LEN(tables));
	tcase_add_loop_test(tc, ranges_are_kept, 0, ARRAY_LEN(tables));
	tcase_add_loop_test(tc, manual_has_every_key, 0, ARRAY_LEN(tables));
	tcase_add_test(tc, manual_has_no_other_key);
	tcase_add_test(tc, manual_has_every_effect);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("config files", fill)
