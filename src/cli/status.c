#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/call.h"
#include "cli/cli.h"
#include "cli/glance.h"
#include "cli/interrupt.h"
#include "cli/out.h"
#include "cli/table.h"
#include "cli/view.h"

/* Between the two looks at the workers that tell how busy they are. */
#define GLANCE_MS	200

/* True if ^C has ended it. */
static bool
pause_ms(uint64_t ms)
{
	uint64_t	 until_ms = clock_ms() + ms, now;
	struct timespec	 ts;

	while (!interrupt_seen() && (now = clock_ms()) < until_ms) {
		ts.tv_sec = (time_t)((until_ms - now) / 1000);
		ts.tv_nsec = (long)((until_ms - now) % 1000) * 1000000;
		(void)ppoll(NULL, 0, &ts, interrupt_mask());
		if (interrupt_resized())
			break;
	}
	return interrupt_seen();
}

static void
print_table(const json_t *status, bool shares_pids, FILE *f, size_t width)
{
	struct glance	 before = { .list = NULL }, now = { .list = NULL };
	struct view	 v = { .status = status, .before = &before,
			    .now = &now, .width = width };

	if (shares_pids) {
		glance_take(&before, status, false);
		(void)pause_ms(GLANCE_MS);
		glance_take(&now, status, true);
	}
	view_print(&v, f);
	glance_free(&before);
	glance_free(&now);
}

static json_t *
target_args(const struct cli_args *a)
{
	return a->operand_count == 0 ? json_object() :
	    json_pack("{s:s}", "target", a->operands[0]);
}

/* Ask, and print what comes; an exit status. */
static int
show_once(const struct cli_args *a, FILE *f, size_t width)
{
	struct call	 call = { .command = "status", .limit_ms = CALL_MS };
	struct reply	 r;
	struct client	*c;
	int		 status;

	c = client_open(a, &status);
	if (c == NULL)
		return status;
	call.args = target_args(a);
	call_run(c, &call, &r);
	if (a->json)
		reply_print_json(&r);
	else if (r.end == CALL_DONE)
		print_table(r.result, client_shares_pids(c), f, width);
	reply_complain(&r, c);
	status = reply_status(&r);
	reply_free(&r);
	client_close(c);
	return status;
}

/* Over what was there, as much as fits, without a moment of emptiness. */
static void
paint(char *text)
{
	size_t		 width = table_terminal(stdout), rows = 24;
	struct winsize	 ws;
	char		*line;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 1)
		rows = ws.ws_row;
	(void)fputs("\033[H", stdout);
	while (rows-- > 1 && (line = strsep(&text, "\n")) != NULL)
		(void)printf("%.*s\033[K\n", (int)table_fit(line, width),
		    line);
	(void)fputs("\033[J", stdout);
	(void)fflush(stdout);
}

static int
show_painted(const struct cli_args *a)
{
	char	*text = NULL;
	size_t	 size = 0;
	FILE	*f = open_memstream(&text, &size);
	int	 status;

	if (f == NULL) {
		out_complain("out of memory");
		return EXIT_FAILURE;
	}
	status = show_once(a, f, table_terminal(stdout));
	(void)fclose(f);
	if (status == EXIT_SUCCESS && text != NULL)
		paint(text);
	free(text);
	return status;
}

/* Until ^C, or until it cannot be asked any more. */
static int
watch(const struct cli_args *a)
{
	bool	 is_terminal = !a->json && table_terminal(stdout) > 0;
	int	 status;

	interrupt_catch();
	if (is_terminal)
		(void)fputs("\033[2J", stdout);
	for (;;) {
		status = is_terminal ? show_painted(a) :
		    show_once(a, stdout, 0);
		if (status != EXIT_SUCCESS)
			return interrupt_seen() ? EXIT_SUCCESS : status;
		if (fflush(stdout) == EOF)
			return EXIT_FAILURE;
		if (pause_ms(a->watch_ms))
			return EXIT_SUCCESS;
		if (!is_terminal && !a->json)
			(void)fputc('\n', stdout);
	}
}

int
cmd_status(const struct cli_args *a)
{
	if (a->watch)
		return watch(a);
	return show_once(a, stdout, table_terminal(stdout));
}
