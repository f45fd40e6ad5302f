#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config/conf.h"
#include "config/keys.h"
#include "config/quote.h"
#include "config/value.h"

/* Where a pool's keys stand. */
#define INDENT "    "

/* ["a", "b"] */
static int
put_list(struct buf *b, const char *key, char *const *list)
{
	const char	*sep = "";

	if (list == NULL || list[0] == NULL)
		return 0;
	if (quote_printf(b, INDENT "%s: [", key) == -1)
		return -1;
	for (; *list != NULL; list++) {
		if (quote_printf(b, "%s", sep) == -1 ||
		    quote_nicely(b, *list) == -1)
			return -1;
		sep = ", ";
	}
	return quote_printf(b, "]\n");
}

static int
put_listen(struct buf *b, const struct conf_pool *pool)
{
	size_t	 i;

	if (pool->listen_count == 0)
		return 0;
	if (quote_printf(b, INDENT "listen: [") == -1)
		return -1;
	for (i = 0; i < pool->listen_count; i++)
		if (quote_printf(b, "%s", i > 0 ? ", " : "") == -1 ||
		    quote_scalar(b, pool->listen[i].text) == -1)
			return -1;
	return quote_printf(b, "]\n");
}

static int
put_success_exit(struct buf *b, const struct conf_pool *pool)
{
	const char	*sep = "";
	unsigned int	 i;

	if (quote_printf(b, INDENT "success_exit: [") == -1)
		return -1;
	for (i = 0; i < 256; i++)
		if (pool->success_exit[i]) {
			if (quote_printf(b, "%s%u", sep, i) == -1)
				return -1;
			sep = ", ";
		}
	return quote_printf(b, "]\n");
}

static int
put_env(struct buf *b, const struct conf_pool *pool)
{
	char *const	*v = pool->env;
	int		 n;

	if (v == NULL || *v == NULL)
		return 0;
	if (quote_printf(b, INDENT "env:\n") == -1)
		return -1;
	for (; *v != NULL; v++) {
		n = (int)strcspn(*v, "=");
		if (quote_printf(b, INDENT "  %.*s: ", n, *v) == -1 ||
		    quote_scalar(b, *v + n + 1) == -1 ||
		    quote_printf(b, "\n") == -1)
			return -1;
	}
	return 0;
}

static int
put_pair(struct buf *b, const char *key, const char *text)
{
	return text == NULL ? 0 : quote_printf(b, INDENT "%s: ", key) == -1 ||
	    quote_nicely(b, text) == -1 || quote_printf(b, "\n") == -1 ?
	    -1 : 0;
}

/* The words as one line that words_split gives back. */
static int
put_command(struct buf *b, const char *key, char *const *argv)
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
		r = put_pair(b, key, buf_head(&line));
	buf_free(&line);
	return r;
}

static int
put_broadcast(struct buf *b, const struct conf_broadcast *bc)
{
	const struct key	*interval =
				    &keys_broadcast.keys[BROADCAST_INTERVAL];
	const struct key	*timeout =
				    &keys_broadcast.keys[BROADCAST_TIMEOUT];
	char			 text[VALUE_FORMAT_SIZE];

	value_format(interval, bc, text);
	if (quote_printf(b, INDENT "  - interval: %s\n", text) == -1 ||
	    put_pair(b, "    key", bc->key) == -1)
		return -1;
	switch (bc->source) {
	case CONF_COUNTER:
		return quote_printf(b, INDENT "    counter: %lld\n",
		    (long long)bc->counter);
	case CONF_FILE:
		return put_pair(b, "    file", bc->path);
	case CONF_VALUE:
		return quote_printf(b, INDENT "    value: ") == -1 ||
		    quote_scalar(b, bc->value) == -1 ||
		    quote_printf(b, "\n") == -1 ? -1 : 0;
	case CONF_COMMAND:
		break;
	}
	value_format(timeout, bc, text);
	return put_command(b, "    command", bc->argv) == -1 ? -1 :
	    quote_printf(b, INDENT "    timeout: %s\n", text);
}

static int
put_broadcasts(struct buf *b, const struct conf_pool *pool)
{
	size_t	 i;

	if (pool->broadcast_count == 0)
		return 0;
	if (quote_printf(b, INDENT "broadcast:\n") == -1)
		return -1;
	for (i = 0; i < pool->broadcast_count; i++)
		if (put_broadcast(b, &pool->broadcast[i]) == -1)
			return -1;
	return 0;
}

/* A key that value.c knows; a new group gets a line of its own. */
static int
put_stored(struct buf *b, size_t i, const struct conf_pool *pool)
{
	const struct key	*k = &keys_pool.keys[i];
	const char		*dot = strchr(k->path, '.');
	char			 text[VALUE_FORMAT_SIZE];
	size_t			 len;

	if (i == POOL_READY_DELAY && pool->ready.when != CONF_READY_DELAY)
		return 0;
	value_format(k, pool, text);
	if (dot == NULL)
		return quote_printf(b, INDENT "%s: %s\n", k->path, text);
	len = (size_t)(dot - k->path) + 1;
	if (strncmp(keys_pool.keys[i - 1].path, k->path, len) != 0 &&
	    quote_printf(b, INDENT "%.*s:\n", (int)len - 1, k->path) == -1)
		return -1;
	return quote_printf(b, INDENT "  %s: %s\n", dot + 1, text);
}

static int
put_key(struct buf *b, size_t i, const struct conf_pool *pool)
{
	switch (i) {
	case POOL_ARGV:
		return put_list(b, "argv", pool->argv);
	case POOL_LISTEN:
		return put_listen(b, pool);
	case POOL_SUCCESS_EXIT:
		return put_success_exit(b, pool);
	case POOL_BROADCAST:
		return put_broadcasts(b, pool);
	case POOL_CWD:
		return put_pair(b, "cwd", pool->cwd);
	case POOL_ENV:
		return put_env(b, pool);
	case POOL_ENV_FILE:
		return put_list(b, "env_file", pool->env_file);
	default:
		return key_is_stored(&keys_pool.keys[i]) ?
		    put_stored(b, i, pool) : 0;
	}
}

static int
put_pool(struct buf *b, const struct conf_pool *pool)
{
	size_t	 i;

	if (quote_printf(b, "  - name: ") == -1 ||
	    quote_nicely(b, pool->name) == -1 ||
	    quote_printf(b, "\n") == -1)
		return -1;
	for (i = 0; i < keys_pool.count; i++)
		if (put_key(b, i, pool) == -1)
			return -1;
	return 0;
}

static int
put_conf(struct buf *b, const struct conf *c)
{
	char	 text[VALUE_FORMAT_SIZE];
	size_t	 i;

	value_format(&keys_top.keys[TOP_LOG_FORMAT], c, text);
	if (quote_printf(b, "log:\n  format: %s\npools:\n", text) == -1)
		return -1;
	for (i = 0; i < c->pool_count; i++)
		if (put_pool(b, &c->pools[i]) == -1)
			return -1;
	return buf_append(b, "", 1);
}

char *
conf_print(const struct conf *c)
{
	struct buf	 b;
	char		*text = NULL;

	buf_init(&b, QUOTE_BUF_MAX);
	if (put_conf(&b, c) == 0)
		text = strdup(buf_head(&b));
	buf_free(&b);
	return text;
}
