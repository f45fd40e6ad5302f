#include "config.h"
#include "supervise/source.h"

#include "base/err.h"
#include "config/conf.h"

/* One at a time: a command that still runs is let run. */
void
source_command(struct source *s)
{
	struct err	 e;

	if (command_is_running(&s->command))
		return;
	if (command_start(&s->command, s->conf->argv, source_place(s),
	    s->conf->timeout_ms, &e) == -1)
		source_failed(s, e.msg);
}

void
source_command_done(void *arg, const char *why, const char *out, size_t len)
{
	struct source	*s = arg;

	if (why != NULL)
		source_failed(s, why);
	else
		source_value(s, out, len);
}
