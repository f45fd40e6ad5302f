#include "config.h"
#include "supervise/manager.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "os/loop.h"
#include "supervise/pool.h"
#include "supervise/supervisor.h"

/* If it cannot be told now it is not told: it has a time limit of its own. */
static void
manager_tell(struct manager *m, const char *text)
{
	if (m->address[0] != '\0')
		(void)datagram_send(m->address, text, strlen(text));
}

static void
manager_watchdog(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	manager_tell(t->data, "WATCHDOG=1");
}

static uint64_t
variable(const char *name)
{
	const char	*text = getenv(name);
	uint64_t	 n;

	return text != NULL && parse_count(text, &n) == PARSE_OK ? n : 0;
}

/* Half the time that we have, as sd_watchdog_enabled(3) advises. */
static void
manager_start_watchdog(struct manager *m)
{
	uint64_t	 ms = variable("WATCHDOG_USEC") / 2000;
	uint64_t	 pid = variable("WATCHDOG_PID");

	if (ms == 0 || (pid != 0 && pid != (uint64_t)getpid()))
		return;
	ev_timer_set(&m->watchdog, 0., loop_seconds(ms));
	ev_timer_start(m->supervisor->common.loop, &m->watchdog);
}

void
manager_init(struct manager *m, struct supervisor *s)
{
	const char	*address = getenv("NOTIFY_SOCKET");

	m->supervisor = s;
	ev_timer_init(&m->watchdog, manager_watchdog, 0., 0.);
	m->watchdog.data = m;
	if (address == NULL || strlen(address) >= sizeof(m->address))
		return;
	memcpy(m->address, address, strlen(address) + 1);
	manager_start_watchdog(m);
}

void
manager_fini(struct manager *m)
{
	if (m->supervisor != NULL)
		ev_timer_stop(m->supervisor->common.loop, &m->watchdog);
}

/* Every slot of every pool has been seen once. */
static bool
manager_is_up(const struct supervisor *s)
{
	size_t	 i;

	for (i = 0; i < s->pool_count; i++)
		if (!s->pools[i]->settled && !pool_is_over(s->pools[i]))
			return false;
	return s->running;
}

static void
manager_tell_status(struct manager *m)
{
	const struct supervisor	*s = m->supervisor;
	char			 text[sizeof(m->status)];
	size_t			 i, ready = 0, count = 0;

	for (i = 0; i < s->pool_count; i++) {
		ready += s->pools[i]->ready;
		count += s->pools[i]->removed ? 0 : s->pools[i]->count;
	}
	(void)snprintf(text, sizeof(text), "STATUS=%zu/%zu workers ready",
	    ready, count);
	if (strcmp(text, m->status) == 0)
		return;
	memcpy(m->status, text, sizeof(text));
	manager_tell(m, text);
}

void
manager_look(struct manager *m)
{
	if (m->address[0] == '\0' || m->supervisor->stopping)
		return;
	manager_tell_status(m);
	if (m->told_ready || !manager_is_up(m->supervisor))
		return;
	m->told_ready = true;
	manager_tell(m, "READY=1");
}

void
manager_reloading(struct manager *m)
{
	char	 text[80];

	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)(clock_ns() / 1000));
	if (m->told_ready)
		manager_tell(m, text);
}

void
manager_reloaded(struct manager *m)
{
	if (m->told_ready)
		manager_tell(m, "READY=1");
}

void
manager_stopping(struct manager *m)
{
	manager_tell(m, "STOPPING=1\nSTATUS=stopping");
}
