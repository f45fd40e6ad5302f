#include "config.h"
#include "cli/top.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/screen.h"

#define MESSAGE_MS	5000

void
top_say(struct top *t, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(t->message, sizeof(t->message), fmt, ap);
	va_end(ap);
	t->message_until_ms = clock_ms() + MESSAGE_MS;
}

/* --- what changes something asks first --------------------------------- */
/* Takes args. */
static void
ask(struct top *t, const char *command, json_t *args, const char *question)
{
	if (args == NULL)
		return;
	if (t->action_id != 0) {
		top_say(t, "not yet: %.200s", t->action);
		json_decref(args);
		return;
	}
	(void)snprintf(t->question, sizeof(t->question), "%s (y/n)",
	    question);
	t->command = command;
	t->command_args = args;
	t->mode = TOP_CONFIRM;
}

static void
answer(struct top *t, bool is_yes)
{
	json_t	*args = t->command_args;

	t->command_args = NULL;
	t->mode = TOP_LIST;
	if (!is_yes) {
		json_decref(args);
		return;
	}
	t->action_id = client_send(t->main, t->command, args);
	(void)snprintf(t->action, sizeof(t->action), "%s is under way",
	    t->command);
	top_say(t, "%s", t->action);
}

static void
ask_reload(struct top *t, const struct top_row *row)
{
	char	 question[TOP_TEXT_SIZE];

	(void)snprintf(question, sizeof(question), "replace all workers of "
	    "%s by a new generation?", row->pool_name);
	ask(t, "reload", json_pack("{s:[s], s:b}", "pools", row->pool_name,
	    "wait", 1), question);
}

/* "web", or "web:3". */
static void
format_target(const struct top_row *row, char *buf, size_t size)
{
	if (row->kind == TOP_POOL)
		(void)snprintf(buf, size, "%s", row->pool_name);
	else
		(void)snprintf(buf, size, "%s:%" JSON_INTEGER_FORMAT,
		    row->pool_name, row->slot);
}

static void
ask_restart(struct top *t, const struct top_row *row)
{
	char	 target[TOP_TEXT_SIZE - 64], question[TOP_TEXT_SIZE];

	format_target(row, target, sizeof(target));
	(void)snprintf(question, sizeof(question), "restart %s now, without "
	    "a rollout?", target);
	ask(t, "restart", json_pack("{s:s, s:b}", "target", target, "wait",
	    1), question);
}

static void
ask_scale(struct top *t, const struct top_row *row, const char *by)
{
	char	 question[TOP_TEXT_SIZE];

	(void)snprintf(question, sizeof(question), "one worker %s in %s?",
	    by[0] == '+' ? "more" : "less", row->pool_name);
	ask(t, "scale", json_pack("{s:s, s:s, s:b}", "pool", row->pool_name,
	    "count", by, "wait", 1), question);
}

/* --- a log ------------------------------------------------------------- */
void
top_close_log(struct top *t)
{
	client_close(t->logs);
	t->logs = NULL;
	lines_free(&t->log_lines);
	if (t->mode == TOP_LOG)
		t->mode = TOP_LIST;
}

static void
open_log(struct top *t, const struct top_row *row)
{
	int	 status;

	format_target(row, t->log_target, sizeof(t->log_target));
	t->logs = client_open(t->args, &status);
	if (t->logs == NULL)
		return;
	t->log_ago = 0;
	t->mode = TOP_LOG;
	if (client_send(t->logs, "logs", json_pack("{s:s, s:i, s:b}",
	    "target", t->log_target, "lines", 200, "follow", 1)) == 0)
		top_close_log(t);
}

static void
scroll_log(struct top *t, long by)
{
	if (by < 0 && t->log_ago < (size_t)-by)
		t->log_ago = 0;
	else
		t->log_ago += (size_t)by;
}

static void
press_in_log(struct top *t, int key)
{
	long	 page = (long)top_draw_height(t);

	switch (key) {
	case 'q':
	case 'l':
	case SCREEN_ESCAPE: top_close_log(t); break;
	case 'k':
	case SCREEN_UP: scroll_log(t, 1); break;
	case 'j':
	case SCREEN_DOWN: scroll_log(t, -1); break;
	case SCREEN_PAGE_UP: scroll_log(t, page); break;
	case SCREEN_PAGE_DOWN: scroll_log(t, -page); break;
	case SCREEN_HOME: scroll_log(t, LINES_KEPT); break;
	case SCREEN_END: scroll_log(t, -LINES_KEPT); break;
	default: break;
	}
}

/* --- the list ---------------------------------------------------------- */
/* Keys that need a chosen row. */
static void
press_on_row(struct top *t, const struct top_row *row, int key)
{
	switch (key) {
	case 'r': ask_reload(t, row); break;
	case 'R': ask_restart(t, row); break;
	case '+': ask_scale(t, row, "+1"); break;
	case '-': ask_scale(t, row, "-1"); break;
	case 'l': open_log(t, row); break;
	default: break;
	}
}

static void
press_in_list(struct top *t, int key)
{
	long			 page = (long)top_draw_height(t);
	const struct top_row	*row = top_rows_chosen(t);

	switch (key) {
	case 'q': t->is_done = true; break;
	case '?':
	case 'h': t->mode = TOP_HELP; break;
	case 'k':
	case SCREEN_UP: top_rows_move(t, -1); break;
	case 'j':
	case SCREEN_DOWN: top_rows_move(t, 1); break;
	case SCREEN_PAGE_UP: top_rows_move(t, -page); break;
	case SCREEN_PAGE_DOWN: top_rows_move(t, page); break;
	case SCREEN_HOME: top_rows_move(t, -(long)t->row_count); break;
	case SCREEN_END: top_rows_move(t, (long)t->row_count); break;
	default:
		if (row != NULL)
			press_on_row(t, row, key);
		break;
	}
}

void
top_keys_press(struct top *t, int key)
{
	switch (t->mode) {
	case TOP_HELP: t->mode = TOP_LIST; break;
	case TOP_LOG: press_in_log(t, key); break;
	case TOP_CONFIRM: answer(t, key == 'y' || key == 'Y'); break;
	case TOP_LIST:
	default: press_in_list(t, key); break;
	}
}
