#include "config.h"
#include "cli/view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/field.h"
#include "cli/glance.h"
#include "cli/out.h"
#include "cli/table.h"

static const struct table_column columns[] = {
	{ "SLOT", true }, { "STATE", false }, { "PID", true },
	{ "GEN", true }, { "UP", true }, { "RST", true },
	{ "CPU%", true }, { "RSS", true }, { "CONNS", true },
	{ "OPEN", true }, { "LAG", true }, { "LAST EXIT", false },
};

/* Append to a line of VIEW_LINE_SIZE, cut where it is full. */
PRINTFLIKE(2, 3) static void
append(char *buf, const char *fmt, ...)
{
	size_t	 n = strlen(buf);
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf + n, VIEW_LINE_SIZE - n, fmt, ap);
	va_end(ap);
}

/* --- one value ---------------------------------------------------------- */
const char *
view_cpu(const struct view *v, pid_t pid, char buf[HUMAN_SIZE])
{
	uint64_t	 milli;

	if (!glance_cpu(v->before, v->now, pid, &milli))
		return "-";
	return human_percent(buf, milli);
}

const char *
view_memory(const struct view *v, pid_t pid, char buf[HUMAN_SIZE])
{
	const struct sample	*s = glance_find(v->now, pid);

	if (s == NULL || !s->has_memory)
		return "-";
	return human_bytes(buf, s->memory);
}

const char *
view_open(const struct view *v, pid_t pid, char buf[HUMAN_SIZE])
{
	const struct sample	*s = glance_find(v->now, pid);

	if (s == NULL || !s->has_connections)
		return "-";
	return human_count(buf, s->connections);
}

const char *
view_age(const json_t *o, const char *key, char buf[HUMAN_SIZE])
{
	json_int_t	 ms = field_number(o, key, -1);

	return ms < 0 ? "-" : human_age(buf, (uint64_t)ms);
}

/* --- lines -------------------------------------------------------------- */
void
view_activity(const json_t *status, char buf[VIEW_LINE_SIZE])
{
	const json_t	*a = field_object(status, "activity");
	const char	*pool = field_text(a, "pool", NULL);
	const char	*text = field_text(a, "text", field_text(a, "kind",
			    "?"));
	json_int_t	 queued = field_number(a, "queued", 0);

	buf[0] = '\0';
	if (a == NULL)
		return;
	if (pool != NULL && strncmp(text, pool, strlen(pool)) != 0)
		append(buf, "%s: ", pool);
	append(buf, "%s", text);
	if (queued > 0)
		append(buf, "; %" JSON_INTEGER_FORMAT " more wait%s", queued,
		    queued == 1 ? "s" : "");
}

static void
append_addresses(const json_t *pool, char *buf)
{
	const char	*gap = ", ", *name;
	json_t		*one;
	size_t		 i;

	json_array_foreach(field_list(pool, "listeners"), i, one) {
		name = field_text(one, "name", NULL);
		append(buf, "%s%s%s%s", gap, name != NULL ? name : "",
		    name != NULL ? "=" : "", field_text(one, "address", "?"));
		gap = " ";
	}
}

void
view_pool(const json_t *pool, char buf[VIEW_LINE_SIZE])
{
	json_int_t	 count = field_number(pool, "count", 0);
	json_int_t	 file = field_number(pool, "configured_count", count);
	json_int_t	 passed = field_number(pool, "passed_over", 0);
	const char	*mechanism = field_text(pool, "mechanism", "none");
	const char	*reason = field_text(pool, "reason", NULL);

	buf[0] = '\0';
	append(buf, "generation %" JSON_INTEGER_FORMAT ", %"
	    JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " ready",
	    field_number(pool, "generation", 0),
	    field_number(pool, "ready", 0), count);
	if (field_bool(pool, "ended"))
		append(buf, ", ended");
	if (strcmp(mechanism, "none") != 0)
		append(buf, ", %s", mechanism);
	if (reason != NULL)
		append(buf, " (%s)", reason);
	append_addresses(pool, buf);
	if (passed > 0)
		append(buf, ", full queues passed over: %"
		    JSON_INTEGER_FORMAT, passed);
	if (file != count)
		append(buf, "; scaled by command, the file has count: %"
		    JSON_INTEGER_FORMAT, file);
}

static void
append_exit(const json_t *last, char *buf)
{
	const char	*line = field_text(last, "line", NULL);
	char		 age[HUMAN_SIZE];

	append(buf, "%s%s", buf[0] != '\0' ? "; " : "",
	    field_text(last, "reason", "?"));
	if (field_number(last, "ago_ms", -1) >= 0)
		append(buf, ", %s ago", view_age(last, "ago_ms", age));
	if (line != NULL)
		append(buf, ": %s", line);
}

static void
append_count(const json_t *slot, const char *key, const char *what,
    char *buf)
{
	json_int_t	 n = field_number(slot, key, 0);

	if (n > 0)
		append(buf, "%s%" JSON_INTEGER_FORMAT " %s",
		    buf[0] != '\0' ? "; " : "", n, what);
}

void
view_note(const json_t *slot, char buf[VIEW_LINE_SIZE])
{
	const json_t	*last = field_object(slot, "last_exit");
	const char	*text = field_text(slot, "text", NULL);
	json_int_t	 backoff = field_number(slot, "backoff_ms", -1);
	char		 age[HUMAN_SIZE];

	buf[0] = '\0';
	if (backoff >= 0)
		append(buf, "again in %s", human_duration(age,
		    (uint64_t)backoff));
	if (last != NULL)
		append_exit(last, buf);
	append_count(slot, "waiting", "connections wait", buf);
	append_count(slot, "dropped", "messages dropped", buf);
	if (text != NULL)
		append(buf, "%ssays: %s", buf[0] != '\0' ? "; " : "", text);
}

/* --- tables ------------------------------------------------------------- */
static void
add_number(struct table *t, const json_t *o, const char *key)
{
	json_int_t	 n = field_number(o, key, -1);
	char		 buf[HUMAN_SIZE];

	table_cell(t, "%s", n < 0 ? "-" : human_count(buf, (uint64_t)n));
}

/* A number that is never shortened. */
static void
add_id(struct table *t, const json_t *o, const char *key)
{
	json_int_t	 n = field_number(o, key, -1);

	if (n < 0)
		table_cell(t, "-");
	else
		table_cell(t, "%" JSON_INTEGER_FORMAT, n);
}

static void
add_seen(const struct view *v, struct table *t, const json_t *worker)
{
	pid_t	 pid = (pid_t)field_number(worker, "pid", 0);
	char	 buf[HUMAN_SIZE];

	table_cell(t, "%s", view_cpu(v, pid, buf));
	table_cell(t, "%s", view_memory(v, pid, buf));
}

/* One that is not, or no longer, the worker of its slot. */
static void
add_other(const struct view *v, struct table *t, const json_t *worker,
    const char *what)
{
	json_int_t	 left = field_number(worker, "left_ms", -1);
	char		 buf[HUMAN_SIZE];

	table_cell(t, "%s", what);
	table_cell(t, "%s", field_text(worker, "state", "?"));
	add_id(t, worker, "pid");
	add_id(t, worker, "generation");
	table_cell(t, "%s", view_age(worker, "uptime_ms", buf));
	table_cell(t, "%s", "");
	add_seen(v, t, worker);
	table_cell(t, "%s", "");
	table_cell(t, "%s", view_open(v, (pid_t)field_number(worker, "pid",
	    0), buf));
	table_cell(t, "%s", "");
	if (left >= 0)
		table_cell(t, "%s left", human_duration(buf,
		    (uint64_t)left));
	else
		table_cell(t, "%s", "");
}

static void
add_slot(const struct view *v, struct table *t, const json_t *slot,
    bool has_handed)
{
	char	 buf[HUMAN_SIZE], note[VIEW_LINE_SIZE];
	json_t	*one = field_object(slot, "beside");
	size_t	 i;

	add_id(t, slot, "slot");
	table_cell(t, "%s", field_text(slot, "state", "?"));
	add_id(t, slot, "pid");
	add_id(t, slot, "generation");
	table_cell(t, "%s", view_age(slot, "uptime_ms", buf));
	add_number(t, slot, "restarts");
	add_seen(v, t, slot);
	if (has_handed)
		add_number(t, slot, "handed");
	else
		table_cell(t, "-");
	table_cell(t, "%s", view_open(v, (pid_t)field_number(slot, "pid", 0),
	    buf));
	add_number(t, slot, "lag");
	view_note(slot, note);
	table_cell(t, "%s", note);
	if (one != NULL)
		add_other(v, t, one, "new");
	json_array_foreach(field_list(slot, "draining"), i, one)
		add_other(v, t, one, "old");
}

static void
print_pool(const struct view *v, const json_t *pool, FILE *f)
{
	struct table	*t = table_new(columns, ARRAY_LEN(columns));
	const char	*mechanism;
	bool		 has_handed;
	char		 line[VIEW_LINE_SIZE];
	json_t		*slot;
	size_t		 i;

	view_pool(pool, line);
	out_line(f, "%s: %s", field_text(pool, "name", "?"), line);
	mechanism = field_text(pool, "mechanism", "");
	has_handed = strcmp(mechanism, "shared listener") != 0 &&
	    strcmp(mechanism, "classic BPF") != 0;
	json_array_foreach(field_list(pool, "slots"), i, slot)
		add_slot(v, t, slot, has_handed);
	if (json_array_size(field_list(pool, "slots")) > 0)
		table_print(t, f, v->width);
	table_free(t);
}

static void
print_head(const struct view *v, FILE *f)
{
	char	 line[VIEW_LINE_SIZE], age[HUMAN_SIZE];
	bool	 is_stopping;

	is_stopping = strcmp(field_text(v->status, "state", ""),
	    "stopping") == 0;
	view_activity(v->status, line);
	out_line(f, "%s", line[0] != '\0' ? line :
	    is_stopping ? "stopping" : "running, nothing is under way");
	out_line(f, "rota %s, pid %" JSON_INTEGER_FORMAT ", up %s, config %s",
	    field_text(v->status, "release", "?"),
	    field_number(v->status, "pid", 0),
	    view_age(v->status, "uptime_ms", age),
	    field_text(v->status, "config", "?"));
	if (field_bool(v->status, "file_differs"))
		out_line(f, "the config file differs from the running one; "
		    "see rota plan and rota apply");
}

void
view_print(const struct view *v, FILE *f)
{
	json_t	*pool;
	size_t	 i;

	print_head(v, f);
	json_array_foreach(field_list(v->status, "pools"), i, pool) {
		(void)fputc('\n', f);
		print_pool(v, pool, f);
	}
}
