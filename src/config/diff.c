#include "config.h"
#include "config/diff.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config/conf.h"
#include "config/print.h"
#include "config/quote.h"

/* --- texts ---------------------------------------------------------------- */

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* n, or where the character begins that it is in. */
static size_t
char_start(const char *text, size_t n)
{
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* From skip on, and not too much of it. */
static void
cut(char *text, size_t skip)
{
	if (text == NULL)
		return;
	if (skip > 0) {
		memcpy(text, "...", 3);
		memmove(text + 3, text + skip, strlen(text + skip) + 1);
	}
	if (strlen(text) > CONF_CHANGE_VALUE_MAX)
		memcpy(text + char_start(text, CONF_CHANGE_VALUE_MAX - 3),
		    "...", 4);
}

/* So that the difference shows: how much of two long texts to leave out. */
static size_t
common(const char *a, const char *b)
{
	size_t	 n = 0;

	if (a == NULL || b == NULL || (strlen(a) <= CONF_CHANGE_VALUE_MAX &&
	    strlen(b) <= CONF_CHANGE_VALUE_MAX))
		return 0;
	while (a[n] == b[n] && a[n] != '\0')
		n++;
	return n < CONF_CHANGE_VALUE_MAX / 2 ? 0 :
	    char_start(a, n - CONF_CHANGE_VALUE_MAX / 4);
}

/* Takes the texts; there is room for one change of each key. */
static void
add(struct conf_changes *c, const struct key *k, char *from, char *to,
    bool same)
{
	size_t	 skip = same ? 0 : common(from, to);

	if (same) {
		free(from);
		free(to);
		return;
	}
	cut(from, skip);
	cut(to, skip);
	c->list[c->count++] = (struct conf_change){
		k->path, k->effect, from, to
	};
}

/* --- what differs --------------------------------------------------------- */

/* Addresses that are written in different ways may be the same. */
static bool
is_same_listen(const struct conf_pool *a, const struct conf_pool *b)
{
	const struct conf_listen	*l, *m;
	size_t				 i;

	if (a->listen_count != b->listen_count)
		return false;
	for (i = 0; i < a->listen_count; i++) {
		l = &a->listen[i];
		m = &b->listen[i];
		if (!is_same(l->name, m->name) ||
		    l->addr_len != m->addr_len ||
		    memcmp(&l->addr, &m->addr, l->addr_len) != 0 ||
		    l->dual_stack != m->dual_stack)
			return false;
	}
	return true;
}

/* The variable of the same name, or NULL. */
static const char *
find_variable(char *const *env, const char *v)
{
	size_t	 n = strcspn(v, "=") + 1;

	for (; *env != NULL; env++)
		if (strncmp(*env, v, n) == 0)
			return *env;
	return NULL;
}

static int
put_name(struct buf *b, const char *v, const char *what)
{
	return quote_printf(b, "%s%.*s %s", buf_len(b) > 0 ? ", " : "",
	    (int)strcspn(v, "="), v, what);
}

/* Names only: a value may be a secret.  Their order means nothing. */
static int
put_env(struct buf *b, char *const *from, char *const *to)
{
	char *const	*v;
	const char	*other;
	int		 r = 0;

	for (v = from; r == 0 && *v != NULL; v++) {
		other = find_variable(to, *v);
		if (other == NULL)
			r = put_name(b, *v, "removed");
		else if (strcmp(other, *v) != 0)
			r = put_name(b, *v, "changed");
	}
	for (v = to; r == 0 && *v != NULL; v++)
		if (find_variable(from, *v) == NULL)
			r = put_name(b, *v, "added");
	return r;
}

static int
diff_env(struct conf_changes *c, char *const *from, char *const *to)
{
	struct buf	 b;
	char		*text = NULL;
	int		 r;

	buf_init(&b, QUOTE_BUF_MAX);
	r = put_env(&b, from, to);
	if (r == 0 && buf_len(&b) > 0) {
		text = strndup(buf_head(&b), buf_len(&b));
		if (text != NULL)
			add(c, &keys_pool.keys[POOL_ENV], NULL, text, false);
		else
			r = -1;
	}
	buf_free(&b);
	return r;
}

static int
diff_pool_key(struct conf_changes *c, size_t key,
    const struct conf_pool *from, const struct conf_pool *to)
{
	char	*a = NULL, *b = NULL;

	if (key == POOL_ENV)
		return diff_env(c, from->env, to->env);
	if (print_pool_value(from, key, &a) == -1 ||
	    print_pool_value(to, key, &b) == -1) {
		free(a);
		return -1;
	}
	add(c, &keys_pool.keys[key], a, b, key == POOL_LISTEN ?
	    is_same_listen(from, to) : is_same(a, b));
	return 0;
}

static int
diff_top_key(struct conf_changes *c, size_t key, const struct conf *from,
    const struct conf *to)
{
	char	*a = NULL, *b = NULL;

	if (print_top_value(from, key, &a) == -1 ||
	    print_top_value(to, key, &b) == -1) {
		free(a);
		return -1;
	}
	add(c, &keys_top.keys[key], a, b, is_same(a, b));
	return 0;
}

/* *ret is set if nothing went wrong. */
static int
finish(struct conf_changes *c, int r, struct conf_changes *ret)
{
	if (r == 0)
		*ret = *c;
	else
		conf_changes_free(c);
	return r;
}

int
conf_diff_pool(const struct conf_pool *from, const struct conf_pool *to,
    struct conf_changes *ret)
{
	struct conf_changes	 c = { .count = 0 };
	size_t			 i;
	int			 r;

	c.list = calloc(keys_pool.count, sizeof(*c.list));
	r = c.list == NULL ? -1 : 0;
	for (i = 0; r == 0 && i < keys_pool.count; i++)
		r = diff_pool_key(&c, i, from, to);
	return finish(&c, r, ret);
}

int
conf_diff_top(const struct conf *from, const struct conf *to,
    struct conf_changes *ret)
{
	struct conf_changes	 c = { .count = 0 };
	size_t			 i;
	int			 r;

	c.list = calloc(keys_top.count, sizeof(*c.list));
	r = c.list == NULL ? -1 : 0;
	for (i = 0; r == 0 && i < keys_top.count; i++)
		r = diff_top_key(&c, i, from, to);
	return finish(&c, r, ret);
}

void
conf_changes_free(struct conf_changes *c)
{
	size_t	 i;

	for (i = 0; i < c->count; i++) {
		free(c->list[i].from);
		free(c->list[i].to);
	}
	free(c->list);
	memset(c, 0, sizeof(*c));
}

void
conf_change_format(const struct conf_change *c, char buf[CONF_CHANGE_SIZE])
{
	if (strcmp(c->key, keys_pool.keys[POOL_ENV].path) == 0)
		(void)snprintf(buf, CONF_CHANGE_SIZE, "%s: %s", c->key, c->to);
	else
		(void)snprintf(buf, CONF_CHANGE_SIZE, "%s: %s -> %s", c->key,
		    c->from != NULL ? c->from : "none",
		    c->to != NULL ? c->to : "none");
}
