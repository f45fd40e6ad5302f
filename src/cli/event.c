#include "config.h"
#include "cli/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/field.h"

/* True if it is only the count of what was left out. */
static bool
format_dropped(const json_t *data, const char *what, char **ret)
{
	json_int_t	 n = field_number(data, "dropped", -1);

	if (n < 0)
		return false;
	if (asprintf(ret, "rota: warning: %" JSON_INTEGER_FORMAT
	    " %s left out: this reader is too slow", n, what) == -1)
		*ret = NULL;
	return true;
}

/* "web[0]", or the broadcast's command of a pool. */
static void
name_source(const json_t *data, char *buf, size_t size)
{
	json_int_t	 slot = field_number(data, "slot", -1);
	const char	*pool = field_text(data, "pool", "?");

	if (slot < 0)
		(void)snprintf(buf, size, "%s", pool);
	else
		(void)snprintf(buf, size, "%s[%" JSON_INTEGER_FORMAT "]",
		    pool, slot);
}

void
event_format_line(const json_t *data, char **ret)
{
	const char	*slot_less;
	char		 source[256];

	if (format_dropped(data, "lines were", ret))
		return;
	slot_less = field_number(data, "slot", -1) < 0 ? "[broadcast]" : "";
	name_source(data, source, sizeof(source));
	if (asprintf(ret, "%s%s %" JSON_INTEGER_FORMAT " | %s", source,
	    slot_less, field_number(data, "pid", 0),
	    field_text(data, "line", "")) == -1)
		*ret = NULL;
}

/* A text as it is; a number is milliseconds since 1970. */
static void
format_time(const json_t *data, char *buf, size_t size)
{
	json_int_t	 ms = field_number(data, "time", -1);
	time_t		 s = (time_t)(ms / 1000);
	struct tm	 tm;
	size_t		 n;

	(void)snprintf(buf, size, "%s", field_text(data, "time", "-"));
	if (ms < 0 || gmtime_r(&s, &tm) == NULL)
		return;
	n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + n, size - n, ".%03dZ", (int)(ms % 1000));
}

/* "web[0] pid 12: " */
static void
format_subject(const json_t *data, char *buf, size_t size)
{
	const char	*pool = field_text(data, "pool", NULL);
	json_int_t	 pid = field_number(data, "pid", -1);
	char		 source[256];

	buf[0] = '\0';
	if (pool == NULL)
		return;
	name_source(data, source, sizeof(source));
	if (pid > 0)
		(void)snprintf(buf, size, "%s pid %" JSON_INTEGER_FORMAT
		    ": ", source, pid);
	else
		(void)snprintf(buf, size, "%s: ", source);
}

static const char *
level_prefix(const json_t *data)
{
	const char	*level = field_text(data, "level", "info");

	if (strcmp(level, "error") == 0)
		return "error: ";
	return strncmp(level, "warn", 4) == 0 ? "warning: " : "";
}

static void
format_event(const json_t *data, const char *time, const char *gap,
    char **ret)
{
	const char	*text = field_text(data, "text", "");
	const json_t	*message = json_object_get(data, "message");
	char		 subject[320], *json = NULL;

	if (message != NULL)
		json = json_dumps(message, JSON_COMPACT | JSON_ENCODE_ANY);
	format_subject(data, subject, sizeof(subject));
	if (asprintf(ret, "%s%s%s%s%s%s%s", time, gap, level_prefix(data),
	    subject, text, json != NULL ? ": " : "",
	    json != NULL ? json : "") == -1)
		*ret = NULL;
	free(json);
}

void
event_format(const json_t *data, char **ret)
{
	char	 time[64];

	if (format_dropped(data, "events were", ret))
		return;
	format_time(data, time, sizeof(time));
	format_event(data, time, " rota: ", ret);
}

void
event_format_short(const json_t *data, char **ret)
{
	char	 time[64];
	size_t	 begin;

	if (format_dropped(data, "events were", ret))
		return;
	format_time(data, time, sizeof(time));
	begin = strcspn(time, "T");
	begin = time[begin] == 'T' ? begin + 1 : 0;
	time[begin + strcspn(time + begin, ".Z")] = '\0';
	format_event(data, time + begin, " ", ret);
}

bool
event_is_last(const json_t *data)
{
	return strcmp(field_text(data, "kind", ""), "ended") == 0 &&
	    !json_is_string(json_object_get(data, "pool"));
}
