#include "config.h"
#include "config/print.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config/keys.h"
#include "config/quote.h"
#include "config/value.h"

/* Where a pool's keys stand, and what is in a block below one of them. */
#define INDENT "    "
#define BELOW "\n" INDENT "  "

/* --- values, each in one line --------------------------------------------- */

/* ["a", "b"] */
static int
put_list(struct buf *b, char *const *list)
{
	const char	*sep = "[";

	if (list == NULL || list[0] == NULL)
		return 0;
	for (; *list != NULL; list++) {
		if (quote_printf(b, "%s", sep) == -1 ||
		    quote_nicely(b, *list) == -1)
			return -1;
		sep = ", ";
	}
	return quote_printf(b, "]");
}

static int
put_listen(struct buf *b, const struct conf_pool *pool)
{
	size_t	 i;

	for (i = 0; i < pool->listen_count; i++)
		if (quote_printf(b, "%s", i > 0 ? ", " : "[") == -1 ||
		    quote_scalar(b, pool->listen[i].text) == -1)
			return -1;
	return i == 0 ? 0 : quote_printf(b, "]");
}

/* One word, or [a, b] */
static int
put_dialects(struct buf *b, const struct conf_pool *pool)
{
	const char *const	*words = keys_pool.keys[POOL_DIALECT].words;
	size_t			 i, n = pool->dialect_count;

	for (i = 0; i < n; i++)
		if (quote_printf(b, "%s%s", n == 1 ? "" : i == 0 ? "[" : ", ",
		    words[pool->dialects[i]]) == -1)
			return -1;
	return n <= 1 ? 0 : quote_printf(b, "]");
}

static int
put_success_exit(struct buf *b, const struct conf_pool *pool)
{
	const char	*sep = "[";
	unsigned int	 i;

	for (i = 0; i < 256; i++)
		if (pool->success_exit[i]) {
			if (quote_printf(b, "%s%u", sep, i) == -1)
				return -1;
			sep = ", ";
		}
	return quote_printf(b, "]");
}

/* NAME: "value" */
static int
put_variable(struct buf *b, const char *v)
{
	int	 n = (int)strcspn(v, "=");

	return quote_printf(b, "%.*s: ", n, v) == -1 ? -1 :
	    quote_scalar(b, v + n + 1);
}

static int
put_env(struct buf *b, char *const *v, bool block)
{
	const char	*sep = block ? BELOW : "{";

	if (v == NULL || *v == NULL)
		return 0;
	for (; *v != NULL; v++) {
		if (quote_printf(b, "%s", sep) == -1 ||
		    put_variable(b, *v) == -1)
			return -1;
		sep = block ? BELOW : ", ";
	}
	return quote_printf(b, "%s", block ? "" : "}");
}

/* The words as one line that words_split gives back. */
static int
put_command(struct buf *b, char *const *argv)
{
	struct buf	 line;
	const char	*s;
	int		 r = 0;

	buf_init(&line, QUOTE_BUF_MAX);
	for (; r == 0 && *argv != NULL; argv++) {
		r = buf_append(&line, "'", 1);
		for (s = *argv; r == 0 && *s != '\0'; s++)
			r = *s == '\'' ? buf_append(&line, "'\\''", 4) :
			    buf_append(&line, s, 1);
		if (r == 0)
			r = buf_append(&line, argv[1] ? "' " : "'",
			    argv[1] ? 2 : 1);
	}
	if (r == 0)
		r = buf_append(&line, "", 1);
	if (r == 0)
		r = quote_nicely(b, buf_head(&line));
	buf_free(&line);
	return r;
}

static int
put_source(struct buf *b, const struct conf_broadcast *bc)
{
	char	 text[VALUE_FORMAT_SIZE];

	switch (bc->source) {
	case CONF_COUNTER:
		return quote_printf(b, "counter: %lld",
		    (long long)bc->counter);
	case CONF_FILE:
		return quote_printf(b, "file: ") == -1 ? -1 :
		    quote_nicely(b, bc->path);
	case CONF_VALUE:
		return quote_printf(b, "value: ") == -1 ? -1 :
		    quote_scalar(b, bc->value);
	case CONF_COMMAND:
		break;
	}
	value_format(&keys_broadcast.keys[BROADCAST_TIMEOUT], bc, text);
	return quote_printf(b, "command: ") == -1 ||
	    put_command(b, bc->argv) == -1 ? -1 :
	    quote_printf(b, ", timeout: %s", text);
}

/* {interval: 5s, key: "k", counter: 1} */
static int
put_broadcast(struct buf *b, const struct conf_broadcast *bc)
{
	char	 text[VALUE_FORMAT_SIZE];

	value_format(&keys_broadcast.keys[BROADCAST_INTERVAL], bc, text);
	if (quote_printf(b, "{interval: %s, ", text) == -1)
		return -1;
	if (bc->key != NULL && (quote_printf(b, "key: ") == -1 ||
	    quote_nicely(b, bc->key) == -1 || quote_printf(b, ", ") == -1))
		return -1;
	return put_source(b, bc) == -1 ? -1 : quote_printf(b, "}");
}

static int
put_broadcasts(struct buf *b, const struct conf_pool *pool, bool block)
{
	const char	*sep = block ? BELOW "- " : "[";
	size_t		 i;

	for (i = 0; i < pool->broadcast_count; i++) {
		if (quote_printf(b, "%s", sep) == -1 ||
		    put_broadcast(b, &pool->broadcast[i]) == -1)
			return -1;
		sep = block ? BELOW "- " : ", ";
	}
	return i == 0 || block ? 0 : quote_printf(b, "]");
}

static int
put_text(struct buf *b, const char *text)
{
	return text == NULL ? 0 : quote_nicely(b, text);
}

/* A key that value.c knows. */
static int
put_stored(struct buf *b, const struct key *k, const void *base)
{
	char	 text[VALUE_FORMAT_SIZE];

	value_format(k, base, text);
	return quote_printf(b, "%s", text);
}

/* Nothing where the key has no value. */
static int
put_pool_value(struct buf *b, const struct conf_pool *pool, size_t key,
    bool block)
{
	const struct key	*k = &keys_pool.keys[key];

	switch (key) {
	case POOL_NAME:
		return put_text(b, pool->name);
	case POOL_ARGV:
		return put_list(b, pool->argv);
	case POOL_LISTEN:
		return put_listen(b, pool);
	case POOL_DIALECT:
		return put_dialects(b, pool);
	case POOL_SUCCESS_EXIT:
		return put_success_exit(b, pool);
	case POOL_BROADCAST:
		return put_broadcasts(b, pool, block);
	case POOL_CWD:
		return put_text(b, pool->cwd);
	case POOL_ENV:
		return put_env(b, pool->env, block);
	case POOL_ENV_FILE:
		return put_list(b, pool->env_file);
	case POOL_HEALTH_HEARTBEAT:
		return pool->heartbeat_ms == 0 ? 0 : put_stored(b, k, pool);
	case POOL_HEALTH_HANG:
		return pool->hang_ms == 0 ? 0 : put_stored(b, k, pool);
	case POOL_PORT:
		return pool->first_port == 0 ? 0 : quote_printf(b, "%llu+",
		    (unsigned long long)pool->first_port);
	case POOL_READY_COMMAND:
		return pool->ready.argv == NULL ? 0 :
		    put_command(b, pool->ready.argv);
	case POOL_READY_PATH:
		return put_text(b, pool->ready.path);
	case POOL_READY_INTERVAL:
		return pool->ready.when != CONF_READY_EXEC &&
		    pool->ready.when != CONF_READY_HTTP ? 0 :
		    put_stored(b, k, pool);
	case POOL_READY_DELAY:
		return pool->ready.when != CONF_READY_DELAY ? 0 :
		    put_stored(b, k, pool);
	default:
		return key_is_stored(k) ? put_stored(b, k, pool) : 0;
	}
}

static int
put_top_value(struct buf *b, const struct conf *c, size_t key)
{
	switch (key) {
	case TOP_CONTROL_PATH:
		return put_text(b, c->control.path);
	case TOP_CONTROL_OWNER:
		return put_text(b, c->control.owner);
	case TOP_CONTROL_GROUP:
		return put_text(b, c->control.group);
	default:
		return !key_is_stored(&keys_top.keys[key]) ? 0 :
		    put_stored(b, &keys_top.keys[key], c);
	}
}

/* What is in the buffer, if anything; the buffer is freed. */
static int
take_text(struct buf *b, int r, char **ret)
{
	*ret = NULL;
	if (r == 0 && buf_len(b) > 0) {
		*ret = strndup(buf_head(b), buf_len(b));
		r = *ret == NULL ? -1 : 0;
	}
	buf_free(b);
	return r;
}

static int
pool_value(const struct conf_pool *pool, size_t key, bool block, char **ret)
{
	struct buf	 b;

	buf_init(&b, QUOTE_BUF_MAX);
	return take_text(&b, put_pool_value(&b, pool, key, block), ret);
}

int
print_pool_value(const struct conf_pool *pool, size_t key, char **ret)
{
	return pool_value(pool, key, false, ret);
}

int
print_top_value(const struct conf *c, size_t key, char **ret)
{
	struct buf	 b;

	buf_init(&b, QUOTE_BUF_MAX);
	return take_text(&b, put_top_value(&b, c, key), ret);
}

/* --- the whole of it ------------------------------------------------------ */

/* The first key of a group has a line of the group above it. */
static int
put_line(struct buf *b, const char *indent, const struct key *k,
    const char **last, const char *text)
{
	const char	*dot = strchr(k->path, '.');
	const char	*name = dot != NULL ? dot + 1 : k->path;
	int		 n = (int)(name - k->path);

	if (n > 0 && strncmp(*last, k->path, (size_t)n) != 0 &&
	    quote_printf(b, "%s%.*s:\n", indent, n - 1, k->path) == -1)
		return -1;
	*last = k->path;
	return quote_printf(b, "%s%s%s:%s%s\n", indent, n > 0 ? "  " : "",
	    name, text[0] == '\n' ? "" : " ", text);
}

static int
put_pool(struct buf *b, const struct conf_pool *pool)
{
	const char	*last = "";
	char		*text = NULL;
	size_t		 i;
	int		 r = 0;

	for (i = 0; r == 0 && i < keys_pool.count; i++) {
		if (pool_value(pool, i, true, &text) == -1)
			return -1;
		if (text != NULL)
			r = put_line(b, i == POOL_NAME ? "  - " : INDENT,
			    &keys_pool.keys[i], &last, text);
		free(text);
	}
	return r;
}

static int
put_conf(struct buf *b, const struct conf *c)
{
	const char	*last = "";
	char		*text = NULL;
	size_t		 i;
	int		 r = 0;

	for (i = 0; r == 0 && i < keys_top.count; i++) {
		if (print_top_value(c, i, &text) == -1)
			return -1;
		if (text != NULL)
			r = put_line(b, "", &keys_top.keys[i], &last, text);
		free(text);
	}
	if (r == 0)
		r = quote_printf(b, "pools:\n");
	for (i = 0; r == 0 && i < c->pool_count; i++)
		r = put_pool(b, &c->pools[i]);
	return r;
}

char *
conf_print(const struct conf *c)
{
	struct buf	 b;
	char		*text;

	buf_init(&b, QUOTE_BUF_MAX);
	(void)take_text(&b, put_conf(&b, c), &text);
	return text;
}
