#include "config.h"
#include "cli/top.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/field.h"
#include "cli/human.h"
#include "cli/screen.h"

#define HEAD_ROWS	3		/* title, activity, names of columns */
#define GRAPH_MAX	30
#define NAME_WIDTH	14

/* Where the fixed columns of the list stand; the graph follows. */
#define FIXED_FORMAT	"%-9.9s %7s %6s %5s %8s %5s %6s "
#define FIXED_WIDTH	53

static size_t
event_rows(void)
{
	size_t	 rows = screen_rows() / 4;

	return rows < 2 ? 2 : rows;
}

size_t
top_draw_height(const struct top *t)
{
	size_t	 rows = screen_rows(), taken = 2;

	if (t->mode != TOP_LOG && t->mode != TOP_HELP)
		taken = HEAD_ROWS + 1 + event_rows() + 1;
	return rows > taken ? rows - taken : 1;
}

/* --- one row ----------------------------------------------------------- */
/* Sums of what is seen of a pool's workers. */
struct sums {
	uint64_t	 cpu, memory, open;
	bool		 has_cpu, has_memory, has_open;
};

static void
add_worker(const struct top *t, const json_t *worker, struct sums *s)
{
	pid_t			 pid = (pid_t)field_number(worker, "pid", 0);
	const struct sample	*one = glance_find(&t->now, pid);
	uint64_t		 cpu;

	if (one == NULL)
		return;
	if (glance_cpu(&t->before, &t->now, pid, &cpu)) {
		s->cpu += cpu;
		s->has_cpu = true;
	}
	s->memory += one->memory;
	s->has_memory |= one->has_memory;
	s->open += one->connections;
	s->has_open |= one->has_connections;
}

static void
add_pool(const struct top *t, size_t row, struct sums *s)
{
	size_t	 i;

	for (i = row + 1; i < t->row_count && t->rows[i].kind != TOP_POOL;
	    i++)
		add_worker(t, t->rows[i].worker, s);
}

static void
format_state(const struct top_row *row, char *buf, size_t size)
{
	if (row->kind != TOP_POOL)
		(void)snprintf(buf, size, "%s", field_text(row->worker,
		    "state", "?"));
	else
		(void)snprintf(buf, size, "%" JSON_INTEGER_FORMAT "/%"
		    JSON_INTEGER_FORMAT, field_number(row->pool, "ready", 0),
		    field_number(row->pool, "count", 0));
}

/* The process, or a pool's generation. */
static void
format_id(const struct top_row *row, char *buf, size_t size)
{
	json_int_t	 pid = field_number(row->worker, "pid", -1);

	if (row->kind == TOP_POOL)
		(void)snprintf(buf, size, "gen %" JSON_INTEGER_FORMAT,
		    field_number(row->pool, "generation", 0));
	else if (pid < 0)
		(void)snprintf(buf, size, "-");
	else
		(void)snprintf(buf, size, "%" JSON_INTEGER_FORMAT, pid);
}

static void
format_name(const struct top_row *row, char *buf, size_t size)
{
	if (row->kind == TOP_POOL)
		(void)snprintf(buf, size, "%s", row->pool_name);
	else if (row->kind == TOP_SLOT)
		(void)snprintf(buf, size, "  %" JSON_INTEGER_FORMAT,
		    row->slot);
	else
		(void)snprintf(buf, size, "    %s", row->mark);
}

static void
format_fixed(const struct top *t, size_t index, char *buf, size_t size)
{
	const struct top_row		*row = &t->rows[index];
	const struct top_history	*h = top_rows_history(t, row);
	struct sums			 s = { .cpu = 0 };
	char				 state[32], id[32], age[HUMAN_SIZE];
	char				 cpu[HUMAN_SIZE], mem[HUMAN_SIZE];
	char				 open[HUMAN_SIZE], rate[HUMAN_SIZE];

	if (row->kind == TOP_POOL)
		add_pool(t, index, &s);
	else
		add_worker(t, row->worker, &s);
	format_state(row, state, sizeof(state));
	format_id(row, id, sizeof(id));
	(void)snprintf(buf, size, FIXED_FORMAT, state, id,
	    row->kind == TOP_POOL ? "" :
	    view_age(row->worker, "uptime_ms", age),
	    s.has_cpu ? human_percent(cpu, s.cpu) : "-",
	    s.has_memory ? human_bytes(mem, s.memory) : "-",
	    s.has_open ? human_count(open, s.open) : "-",
	    h != NULL && h->has_rate ?
	    human_count(rate, spark_last(&h->graph)) : "-");
}

static bool
is_alarming(const struct top_row *row)
{
	const char	*state = field_text(row->worker, "state", "");

	if (row->kind == TOP_POOL)
		return field_number(row->pool, "ready", 0) <
		    field_number(row->pool, "count", 0);
	return strcmp(state, "back-off") == 0 || strcmp(state, "failed") == 0;
}

static void
draw_row(const struct top *t, size_t index, size_t y)
{
	const struct top_row		*row = &t->rows[index];
	const struct top_history	*h = top_rows_history(t, row);
	enum screen_style		 style = SCREEN_PLAIN;
	char	 name[TOP_NAME_SIZE + 8], fixed[TOP_TEXT_SIZE];
	char	 graph[GRAPH_MAX * SPARK_BYTES + 4], note[VIEW_LINE_SIZE];
	size_t	 columns = screen_columns(), x = NAME_WIDTH + 1 + FIXED_WIDTH;
	size_t	 width = columns > x ? columns - x : 0;

	if (width > GRAPH_MAX)
		width = width > 2 * GRAPH_MAX ? GRAPH_MAX : 16;
	if (index == t->chosen)
		style = SCREEN_CHOSEN;
	else if (is_alarming(row))
		style = SCREEN_ALARM;
	else if (row->kind == TOP_POOL)
		style = SCREEN_BOLD;
	format_name(row, name, sizeof(name));
	format_fixed(t, index, fixed, sizeof(fixed));
	graph[0] = note[0] = '\0';
	if (h != NULL)
		spark_draw(&h->graph, width, screen_is_utf8(), graph,
		    sizeof(graph));
	if (row->kind == TOP_POOL)
		view_pool(row->pool, note);
	else if (row->kind == TOP_SLOT)
		view_note(row->worker, note);
	screen_text(y, 0, NAME_WIDTH + 1, style, name);
	screen_text(y, NAME_WIDTH + 1, FIXED_WIDTH, style, fixed);
	screen_text(y, x, width + 1, style, graph);
	screen_text(y, x + width + 1, columns, style, note);
}

/* --- parts of the screen ----------------------------------------------- */
static void
draw_head(const struct top *t)
{
	char	 line[VIEW_LINE_SIZE], age[HUMAN_SIZE];

	(void)snprintf(line, sizeof(line), "rota %s  pid %"
	    JSON_INTEGER_FORMAT "  up %s  %s%s",
	    field_text(t->status, "release", ""),
	    field_number(t->status, "pid", 0),
	    view_age(t->status, "uptime_ms", age),
	    field_text(t->status, "config", ""),
	    field_bool(t->status, "file_differs") ? " (differs: see rota "
	    "plan)" : "");
	screen_text(0, 0, screen_columns(), SCREEN_BAR, line);
	view_activity(t->status, line);
	screen_text(1, 0, screen_columns(), SCREEN_PLAIN, line[0] != '\0' ?
	    line : field_text(t->status, "state", "waiting for an answer"));
	(void)snprintf(line, sizeof(line), "%-*s " FIXED_FORMAT "%s",
	    NAME_WIDTH, "POOL", "STATE", "PID", "UP", "CPU%", "RSS", "OPEN",
	    "CONN/S", "GRAPH");
	screen_text(2, 0, screen_columns(), SCREEN_DIM, line);
}

static void
draw_list(struct top *t)
{
	size_t	 height = top_draw_height(t), i;

	if (t->chosen < t->first)
		t->first = t->chosen;
	if (t->chosen >= t->first + height)
		t->first = t->chosen - height + 1;
	if (t->first > 0 && t->first + height > t->row_count)
		t->first = t->row_count > height ? t->row_count - height : 0;
	for (i = 0; i < height && t->first + i < t->row_count; i++)
		draw_row(t, t->first + i, HEAD_ROWS + i);
}

static void
draw_lines(const struct lines *l, size_t ago, size_t top, size_t height)
{
	size_t	 count = lines_count(l) - ago, i;

	if (count > height)
		count = height;
	for (i = 0; i < count; i++)
		screen_text(top + i, 0, screen_columns(), SCREEN_PLAIN,
		    lines_before(l, ago + count - 1 - i));
}

static void
draw_events(const struct top *t)
{
	size_t	 y = HEAD_ROWS + top_draw_height(t);

	screen_text(y, 0, screen_columns(), SCREEN_BAR, "events");
	draw_lines(&t->event_lines, 0, y + 1, event_rows());
}

static void
draw_foot(const struct top *t, const char *keys)
{
	size_t	 y = screen_rows() - 1;

	if (t->mode == TOP_CONFIRM)
		screen_text(y, 0, screen_columns(), SCREEN_BOLD, t->question);
	else if (clock_ms() < t->message_until_ms)
		screen_text(y, 0, screen_columns(), SCREEN_BOLD, t->message);
	else
		screen_text(y, 0, screen_columns(), SCREEN_DIM, keys);
}

static void
draw_log(struct top *t)
{
	char	 title[TOP_TEXT_SIZE + 32];
	size_t	 height = top_draw_height(t), count;

	count = lines_count(&t->log_lines);
	if (t->log_ago + height > count)
		t->log_ago = count > height ? count - height : 0;
	(void)snprintf(title, sizeof(title), "log of %s%s", t->log_target,
	    t->log_ago > 0 ? " (scrolled back)" : "");
	screen_text(0, 0, screen_columns(), SCREEN_BAR, title);
	draw_lines(&t->log_lines, t->log_ago, 1, height);
	draw_foot(t, "up down PgUp PgDn scroll   q back");
}

static void
draw_help(const struct top *t)
{
	static const char *const	 help[] = {
		"up, down, k, j    select a pool or worker",
		"r                 roll out a new generation of the pool",
		"R                 restart the worker, now",
		"+, -              one worker more or less",
		"l                 read the log of the worker or pool",
		"q, ^C             quit",
		"",
		"What changes something asks first.",
		"",
		"CPU% is of one processor, since the line before; RSS has",
		"shared pages in full; OPEN is connections on the pool's TCP",
		"ports.  '-' is what cannot be seen from here.  The graph is",
		"of CONN/S where that is known, else of CPU%.", NULL
	};
	size_t				 i;

	screen_text(0, 0, screen_columns(), SCREEN_BAR, "rota top");
	for (i = 0; help[i] != NULL; i++)
		screen_text(i + 2, 2, screen_columns(), SCREEN_PLAIN,
		    help[i]);
	draw_foot(t, "any key: back");
}

void
top_draw(struct top *t)
{
	screen_clear();
	if (t->mode == TOP_HELP)
		draw_help(t);
	else if (t->mode == TOP_LOG)
		draw_log(t);
	else {
		draw_head(t);
		draw_list(t);
		draw_events(t);
		draw_foot(t, "r reload  R restart  + - scale  l log  "
		    "? help  q quit");
	}
	screen_show();
}
