#include "config.h"
#include "config/expand.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/parse.h"
#include "config/conf.h"

#define EXPAND_MAX	(1u << 20)
#define NAME_CHARS							\
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:"

/* The length of what text begins with, braces included, or 0. */
static size_t
reference_len(const char *text)
{
	size_t	 n;

	if (text[0] != '{' || text[1] < 'a' || text[1] > 'z')
		return 0;
	n = 1 + strspn(text + 1, NAME_CHARS);
	return text[n] == '}' ? n + 1 : 0;
}

/* The next one, or what only looks like it ("{{slot}"); NULL: none. */
static const char *
find_next(const char *text, const char *begin)
{
	for (; (text = strchr(text, '{')) != NULL; text++)
		if ((text == begin || text[-1] != '$') &&
		    (reference_len(text) > 0 || (text[1] == '{' &&
		    reference_len(text + 1) > 0)))
			return text;
	return NULL;
}

bool
expand_needed(const char *text)
{
	return find_next(text, text) != NULL;
}

static int
put_number(struct buf *b, long n)
{
	char	 digits[24];
	int	 len = snprintf(digits, sizeof(digits), "%ld", n);

	return buf_append(b, digits, (size_t)len);
}

/* The listener of this name, or else of this number, or -1. */
static int
find_listener(const struct expand_facts *f, const char *name)
{
	uint64_t	 n;
	size_t		 i;

	for (i = 0; i < f->listen_count; i++)
		if (f->listen[i].name != NULL &&
		    strcmp(f->listen[i].name, name) == 0)
			return (int)i;
	return parse_count(name, &n) == PARSE_OK && n < f->listen_count ?
	    (int)n : -1;
}

static int
put_fd(struct buf *b, const char *name, const struct expand_facts *f,
    struct err *e)
{
	int	 i = find_listener(f, name);

	if (i == -1)
		return err_set(e, 0, "{fd:%.64s}: no listener has this name "
		    "or number", name);
	if (f->first_fd == -1)
		return err_set(e, 0, "{fd:%.64s}: its connections may be "
		    "handed over one by one, so that there is no descriptor; "
		    "with 'mechanism: kernel' or 'balance: shared' there is "
		    "one", name);
	return put_number(b, f->first_fd + i) == -1 ?
	    err_set(e, ENOMEM, "command") : 0;
}

/* The name is what stands between the braces. */
static int
put_value(struct buf *b, const char *name, const struct expand_facts *f,
    struct err *e)
{
	long	 n;

	if (strncmp(name, "fd:", 3) == 0)
		return put_fd(b, name + 3, f, e);
	if (strcmp(name, "slot") == 0)
		n = (long)f->slot;
	else if (strcmp(name, "port") == 0 && f->port != 0)
		n = f->port;
	else if (strcmp(name, "ready_fd") == 0 && f->ready_fd != -1)
		n = f->ready_fd;
	else if (strcmp(name, "port") == 0)
		return err_set(e, 0, "{port}: this pool has no port");
	else if (strcmp(name, "ready_fd") == 0)
		return err_set(e, 0, "{ready_fd}: is for 'ready: {when: "
		    "fd}'");
	else
		return err_set(e, 0, "{%.64s}: is not known; expected {slot}, "
		    "{port}, {fd:NAME} or {ready_fd}, and {{%.64s} is the "
		    "text itself", name, name);
	return put_number(b, n) == -1 ? err_set(e, ENOMEM, "command") : 0;
}

/* One reference, or one that only looks like it; *text moves on. */
static int
put_reference(struct buf *b, const char **text, const struct expand_facts *f,
    struct err *e)
{
	size_t	 n = reference_len(*text);
	char	 name[128];

	if (n == 0) {			/* the first brace is dropped */
		n = reference_len(*text + 1);
		if (buf_append(b, *text + 1, n) == -1)
			return err_set(e, ENOMEM, "command");
		*text += n + 1;
		return 0;
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)n - 2, *text + 1);
	*text += n;
	return put_value(b, name, f, e);
}

char *
expand(const char *text, const struct expand_facts *f, struct err *e)
{
	const char	*begin = text, *next;
	struct buf	 b;
	char		*copy = NULL;
	int		 r = 0;

	buf_init(&b, EXPAND_MAX);
	while (r == 0 && (next = find_next(text, begin)) != NULL) {
		r = buf_append(&b, text, (size_t)(next - text));
		text = next;
		if (r == -1)
			err_set(e, ENOMEM, "command");
		else
			r = put_reference(&b, &text, f, e);
	}
	if (r == 0) {
		if (buf_append(&b, text, strlen(text) + 1) == 0)
			copy = strdup(buf_head(&b));
		if (copy == NULL)
			err_set(e, ENOMEM, "command");
	}
	buf_free(&b);
	return copy;
}
