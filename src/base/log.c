#include "config.h"
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define MESSAGE_MAX 2048
#define PREFIX_MAX 256

static const char *const level_names[] = {
	[LOG_ERR] = "error", [LOG_WARN] = "warning",
	[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

const char *
log_level_name(enum log_level l)
{
	return level_names[l];
}

static void	write_stderr(const char *, size_t);

static log_writer	*writer = write_stderr;
static enum log_level	 max_level = LOG_INFO;
static enum log_format	 own_format = LOG_TEXT;

void
log_set_writer(log_writer *w)
{
	writer = w != NULL ? w : write_stderr;
}

void
log_set_level(enum log_level l)
{
	max_level = l;
}

void
log_set_format(enum log_format f)
{
	own_format = f;
}

static void
write_stderr(const char *line, size_t len)
{
	ssize_t	 n = write(STDERR_FILENO, line, len);

	(void)n;			/* nowhere left to complain */
}

/* "rota: " and, above info, the level; then the message, escaped. */
static void
write_text(enum log_level l, const char *msg, size_t len)
{
	char	 line[PREFIX_MAX + MESSAGE_MAX * TEXT_ESCAPE_MAX + 2];
	size_t	 n;

	n = (size_t)snprintf(line, PREFIX_MAX, "rota: %s%s",
	    l == LOG_INFO ? "" : level_names[l], l == LOG_INFO ? "" : ": ");
	n += text_escape(line + n, sizeof(line) - n - 1, msg, len);
	line[n++] = '\n';
	writer(line, n);
}

static void
write_json(enum log_level l, const char *msg, size_t len)
{
	char	 line[PREFIX_MAX + MESSAGE_MAX * 6 + 4];
	char	 stamp[CLOCK_STAMP_SIZE];
	size_t	 n;

	clock_stamp(stamp);
	n = (size_t)snprintf(line, PREFIX_MAX,
	    "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"", stamp,
	    level_names[l]);
	n += text_json(line + n, sizeof(line) - n - 3, msg, len);
	memcpy(line + n, "\"}\n", 3);
	writer(line, n + 3);
}

PRINTFLIKE(2, 0) static void
log_message(enum log_level l, const char *fmt, va_list ap)
{
	char	 msg[MESSAGE_MAX];
	int	 saved = errno;
	int	 n;

	if (l > max_level)
		return;
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(msg))
		n = sizeof(msg) - 1;
	if (own_format == LOG_JSON)
		write_json(l, msg, (size_t)n);
	else
		write_text(l, msg, (size_t)n);
	errno = saved;
}

void
log_at(enum log_level l, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_message(l, fmt, ap);
	va_end(ap);
}

#define DEFINE_LOG(name, level)			\
void						\
name(const char *fmt, ...)			\
{						\
	va_list	 ap;				\
						\
	va_start(ap, fmt);			\
	log_message(level, fmt, ap);		\
	va_end(ap);				\
}

DEFINE_LOG(log_err, LOG_ERR)
DEFINE_LOG(log_warn, LOG_WARN)
DEFINE_LOG(log_info, LOG_INFO)
DEFINE_LOG(log_debug, LOG_DEBUG)

/* "0", or what stands for it where there is no slot. */
static const char *
slot_name(int slot, const char *none, char *buf, size_t size)
{
	if (slot < 0)
		return none;
	(void)snprintf(buf, size, "%d", slot);
	return buf;
}

void
log_worker_line(enum log_format f, const struct log_line *l)
{
	static char	 line[PREFIX_MAX + LOG_LINE_MAX * 6 + 4];
	char		 stamp[CLOCK_STAMP_SIZE], slot[16];
	int		 saved = errno;
	size_t		 n;

	if (f == LOG_TEXT) {
		n = (size_t)snprintf(line, PREFIX_MAX, "%s[%s] %ld | ",
		    l->pool, slot_name(l->slot, "broadcast", slot,
		    sizeof(slot)), (long)l->pid);
		n += text_escape(line + n, sizeof(line) - n - 1, l->text,
		    l->len);
		line[n++] = '\n';
	} else {
		clock_stamp(stamp);
		n = (size_t)snprintf(line, PREFIX_MAX, "{\"time\":\"%s\","
		    "\"pool\":\"%s\",\"slot\":%s,\"pid\":%ld,\"line\":\"",
		    stamp, l->pool, slot_name(l->slot, "null", slot,
		    sizeof(slot)), (long)l->pid);
		n += text_json(line + n, sizeof(line) - n - 3, l->text,
		    l->len);
		memcpy(line + n, "\"}\n", 3);
		n += 3;
	}
	writer(line, n);
	errno = saved;
}
