#include "config.h"
#include "cli/top.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/event.h"
#include "cli/field.h"
#include "cli/interrupt.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/screen.h"

#define INTERVAL_MS	1000
#define SILENCE_MS	5000		/* then it is said that it is silent */

/* Where complaints go while the screen is ours. */
static struct top	*screen_owner;

static void
complain_on_screen(const char *text)
{
	top_say(screen_owner, "%.*s", TOP_TEXT_SIZE - 1, text);
}

/* --- what comes in ----------------------------------------------------- */
static void
end_action(struct top *t, const json_t *line)
{
	t->action_id = 0;
	if (json_is_true(json_object_get(line, "ok")))
		top_say(t, "done");
	else
		top_say(t, "%.200s", field_text(line, "error", "it failed"));
}

static void
take_action(struct top *t, const json_t *line)
{
	const json_t	*data = field_object(line, "data");

	if (data == NULL) {
		end_action(t, line);
		return;
	}
	progress_describe(data, t->action, sizeof(t->action));
	top_say(t, "%s", t->action);
}

static void
take_reply(struct top *t, json_t *line)
{
	json_int_t	 id = field_number(line, "id", 0);
	json_t		*result = field_object(line, "result");

	if (id == 0)
		return;
	if (id == t->action_id) {
		take_action(t, line);
	} else if (id == t->status_id && result != NULL) {
		t->status_id = 0;
		top_rows_update(t, json_incref(result));
	} else if (id == t->status_id) {
		t->status_id = 0;
		top_say(t, "%.200s", field_text(line, "error", "no status"));
	}
}

static void
take_event(struct top *t, json_t *line)
{
	const json_t	*data = field_object(line, "data");
	char		*text = NULL;

	if (data == NULL) {
		if (strcmp(field_text(line, "code", ""), "stopping") == 0)
			t->has_ended = true;
		return;
	}
	if (event_is_last(data))
		t->has_ended = true;
	event_format_short(data, &text);
	lines_add(&t->event_lines, text);
}

static void
take_log_line(struct top *t, json_t *line)
{
	const json_t	*data = field_object(line, "data");
	char		*text = NULL;

	if (data != NULL)
		event_format_line(data, &text);
	else if (field_text(line, "error", NULL) != NULL)
		text = strdup(field_text(line, "error", ""));
	lines_add(&t->log_lines, text);
	if (t->log_ago > 0 && text != NULL)
		t->log_ago++;			/* the view stays */
}

static void
lose(struct top *t)
{
	t->is_done = true;
	t->exit_status = t->has_ended ? EXIT_SUCCESS : EXIT_NOBODY;
}

/* Everything that a connection has; false if it is no more. */
static bool
drain(struct top *t, struct client *c, void (*take)(struct top *, json_t *))
{
	enum client_event	 event;
	json_t			*line;

	while ((event = client_poll(c, &line)) == CLIENT_LINE) {
		take(t, line);
		json_decref(line);
	}
	return event == CLIENT_LATE;
}

/* --- the loop ---------------------------------------------------------- */
static void
ask_for_status(struct top *t, uint64_t now_ms)
{
	if (t->status_id != 0) {
		if (now_ms >= t->asked_ms + SILENCE_MS)
			top_say(t, "the supervisor has not answered for %u s",
			    (unsigned int)((now_ms - t->asked_ms) / 1000));
		return;
	}
	if (t->asked_ms != 0 && now_ms < t->asked_ms + INTERVAL_MS)
		return;
	t->status_id = client_send(t->main, "status", json_object());
	t->asked_ms = now_ms;
	if (t->status_id == 0)
		lose(t);
}

/* Until the next status is due, or something comes. */
static void
wait_for_something(struct top *t)
{
	struct pollfd	 p[4] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = client_fd(t->main), .events = POLLIN },
		{ .fd = client_fd(t->events), .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	uint64_t	 now = clock_ms(), due = t->asked_ms + INTERVAL_MS;
	struct timespec	 ts = { .tv_sec = 1 };

	if (t->status_id == 0) {
		due = due > now ? due - now : 0;
		ts.tv_sec = (time_t)(due / 1000);
		ts.tv_nsec = (long)(due % 1000) * 1000000;
	}
	if (t->logs != NULL)
		p[3].fd = client_fd(t->logs);
	if (ppoll(p, 4, &ts, interrupt_mask()) > 0 &&
	    (p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		t->is_done = true;	/* the terminal is gone */
}

static void
turn(struct top *t)
{
	int	 key;

	ask_for_status(t, clock_ms());
	top_draw(t);
	wait_for_something(t);
	if (interrupt_seen())
		t->is_done = true;
	if (interrupt_resized())
		screen_resize();
	while (!t->is_done && (key = screen_key()) != SCREEN_NO_KEY)
		top_keys_press(t, key);
	if (!drain(t, t->events, take_event) ||
	    !drain(t, t->main, take_reply))
		lose(t);
	if (t->logs != NULL && !drain(t, t->logs, take_log_line))
		top_close_log(t);
}

static int
run(struct top *t)
{
	if (client_send(t->events, "events", json_pack("{s:i, s:b}", "lines",
	    50, "follow", 1)) == 0)
		return EXIT_FAILURE;
	interrupt_catch();
	interrupt_catch_end();
	if (screen_open() == -1) {
		out_complain("top: this is no terminal that can be used");
		return EXIT_FAILURE;
	}
	screen_owner = t;
	out_divert(complain_on_screen);
	while (!t->is_done)
		turn(t);
	out_divert(NULL);
	screen_close();
	if (t->exit_status == EXIT_NOBODY)
		out_complain("the supervisor, pid %ld, has gone (control "
		    "socket %s)", (long)client_pid(t->main),
		    client_path(t->main));
	return t->exit_status;
}

int
cmd_top(const struct cli_args *a)
{
	struct top	*t = calloc(1, sizeof(*t));
	int		 status = EXIT_FAILURE;

	if (t == NULL)
		return EXIT_FAILURE;
	t->args = a;
	t->chosen_slot = -1;
	t->main = client_open(a, &status);
	if (t->main != NULL)
		t->events = client_open(a, &status);
	if (t->events != NULL)
		status = run(t);
	client_close(t->main);
	client_close(t->events);
	client_close(t->logs);
	json_decref(t->command_args);
	lines_free(&t->event_lines);
	lines_free(&t->log_lines);
	top_rows_free(t);
	free(t);
	interrupt_raise();
	return status;
}
