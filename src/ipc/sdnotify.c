#include "config.h"
#include "ipc/sdnotify.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "base/util.h"

/* A day: nobody is waited for longer because he says so. */
#define EXTEND_MAX_US	(UINT64_C(24) * 3600 * 1000000)

/* Values that say one thing, or nothing. */
static const struct {
	const char	*line;
	unsigned int	 bit;
} flags[] = {
	{ "READY=1", SDNOTIFY_READY },
	{ "RELOADING=1", SDNOTIFY_RELOADING },
	{ "STOPPING=1", SDNOTIFY_STOPPING },
	{ "WATCHDOG=1", SDNOTIFY_WATCHDOG },
	{ "WATCHDOG=trigger", SDNOTIFY_TRIGGER },
	{ "BARRIER=1", SDNOTIFY_BARRIER },
	{ "FDSTORE=1", SDNOTIFY_FDSTORE },
};

static bool
number_of(const char *value, size_t len, uint64_t max, uint64_t *ret)
{
	char		 digits[24];
	uint64_t	 v;

	if (len >= sizeof(digits))
		return false;
	memcpy(digits, value, len);
	digits[len] = '\0';
	if (strlen(digits) != len || parse_count(digits, &v) != PARSE_OK ||
	    v > max)
		return false;
	*ret = v;
	return true;
}

static void
set_status(struct sdnotify *n, const char *value, size_t len)
{
	n->has |= SDNOTIFY_STATUS;
	(void)text_escape(n->status, sizeof(n->status), value, len);
}

static void
set_main_pid(struct sdnotify *n, const char *value, size_t len)
{
	uint64_t	 v;

	if (!number_of(value, len, INT_MAX, &v) || v == 0) {
		n->has |= SDNOTIFY_BAD;
		return;
	}
	n->has |= SDNOTIFY_MAINPID;
	n->main_pid = (pid_t)v;
}

static void
set_extend(struct sdnotify *n, const char *value, size_t len)
{
	uint64_t	 v;

	if (!number_of(value, len, EXTEND_MAX_US, &v)) {
		n->has |= SDNOTIFY_BAD;
		return;
	}
	n->has |= SDNOTIFY_EXTEND;
	n->extend_ms = (v + 999) / 1000;
}

static void
set_errno(struct sdnotify *n, const char *value, size_t len)
{
	uint64_t	 v;

	if (!number_of(value, len, 4095, &v)) {
		n->has |= SDNOTIFY_BAD;
		return;
	}
	n->has |= SDNOTIFY_ERRNO;
	n->error = (int)v;
}

static const struct {
	const char	*name;
	void		(*set)(struct sdnotify *, const char *, size_t);
} values[] = {
	{ "STATUS=", set_status },
	{ "MAINPID=", set_main_pid },
	{ "EXTEND_TIMEOUT_USEC=", set_extend },
	{ "ERRNO=", set_errno },
};

static void
parse_line(struct sdnotify *n, const char *line, size_t len)
{
	size_t	 i, k;

	for (i = 0; i < ARRAY_LEN(flags); i++)
		if (strlen(flags[i].line) == len &&
		    memcmp(line, flags[i].line, len) == 0)
			n->has |= flags[i].bit;
	for (i = 0; i < ARRAY_LEN(values); i++) {
		k = strlen(values[i].name);
		if (len >= k && memcmp(line, values[i].name, k) == 0)
			values[i].set(n, line + k, len - k);
	}
}

void
sdnotify_parse(const char *text, size_t len, struct sdnotify *n)
{
	const char	*end;
	size_t		 k;

	n->has = 0;
	while (len > 0) {
		end = memchr(text, '\n', len);
		k = end != NULL ? (size_t)(end - text) : len;
		parse_line(n, text, k);
		if (end == NULL)
			return;
		text += k + 1;
		len -= k + 1;
	}
}
