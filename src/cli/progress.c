#include "config.h"
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/field.h"
#include "cli/human.h"
#include "cli/table.h"

#define BAR_WIDTH 20

void
progress_init(struct progress *p)
{
	memset(p, 0, sizeof(*p));
	p->is_bar = isatty(STDERR_FILENO);
	p->slots = p->limit_ms = -1;
}

static void
draw_bar(const struct progress *p, char *buf, size_t size)
{
	int	 full = 0;

	buf[0] = '\0';
	if (p->slots <= 0)
		return;
	if (p->replaced > 0)
		full = p->replaced >= p->slots ? BAR_WIDTH :
		    (int)(p->replaced * BAR_WIDTH / p->slots);
	(void)snprintf(buf, size, "[%.*s%.*s] %lld/%lld ", full,
	    "####################", BAR_WIDTH - full, "--------------------",
	    (long long)p->replaced, (long long)p->slots);
}

/* " (12 s of 30 s)", nothing during the first second. */
static void
draw_time(const struct progress *p, char *buf, size_t size)
{
	uint64_t	 passed = (clock_ms() - p->since_ms) / 1000 * 1000;
	char		 one[HUMAN_SIZE], two[HUMAN_SIZE];

	buf[0] = '\0';
	if (passed == 0)
		return;
	if (p->limit_ms > 0)
		(void)snprintf(buf, size, " (%s of %s)",
		    human_duration(one, passed),
		    human_duration(two, (uint64_t)p->limit_ms));
	else
		(void)snprintf(buf, size, " (%s)",
		    human_duration(one, passed));
}

static void
draw(const struct progress *p)
{
	char	 bar[96], time[2 * HUMAN_SIZE + 16];
	char	 line[PROGRESS_SIZE + sizeof(bar) + sizeof(time)];
	size_t	 width = table_terminal(stderr);

	draw_bar(p, bar, sizeof(bar));
	draw_time(p, time, sizeof(time));
	(void)snprintf(line, sizeof(line), "%s%s%s", bar, p->text, time);
	(void)fprintf(stderr, "\r%.*s\033[K", (int)table_fit(line,
	    width > 0 ? width - 1 : 0), line);
	(void)fflush(stderr);
}

static void
print_step(const struct progress *p)
{
	if (p->slots > 0)
		(void)fprintf(stderr, "%s (%lld of %lld)\n", p->text,
		    (long long)p->replaced, (long long)p->slots);
	else
		(void)fprintf(stderr, "%s\n", p->text);
}

void
progress_describe(const json_t *data, char *buf, size_t size)
{
	const char	*pool = field_text(data, "pool", NULL);
	const char	*text = field_text(data, "text", field_text(data,
			    "step", "?"));
	json_int_t	 slot = field_number(data, "slot", -1);

	if (pool == NULL)
		(void)snprintf(buf, size, "%s", text);
	else if (slot < 0 || strncmp(text, "slot", 4) == 0)
		(void)snprintf(buf, size, "%s: %s", pool, text);
	else
		(void)snprintf(buf, size, "%s[%" JSON_INTEGER_FORMAT "]: %s",
		    pool, slot, text);
}

void
progress_data(void *arg, const json_t *data)
{
	struct progress	*p = arg;
	char		 raw[PROGRESS_SIZE], text[PROGRESS_SIZE];

	progress_describe(data, raw, sizeof(raw));
	(void)text_escape(text, sizeof(text), raw, strlen(raw));
	p->replaced = field_number(data, "replaced", 0);
	p->slots = field_number(data, "slots", -1);
	p->limit_ms = field_number(data, "limit_ms", -1);
	if (strcmp(text, p->text) != 0) {
		memcpy(p->text, text, sizeof(text));
		p->since_ms = clock_ms();
		if (!p->is_bar)
			print_step(p);
	}
	if (p->is_bar)
		draw(p);
}

void
progress_tick(void *arg)
{
	const struct progress	*p = arg;

	if (p->is_bar && p->text[0] != '\0')
		draw(p);
}

void
progress_end(struct progress *p)
{
	if (p->is_bar && p->text[0] != '\0')
		(void)fputs("\r\033[K", stderr);
	p->text[0] = '\0';
}
