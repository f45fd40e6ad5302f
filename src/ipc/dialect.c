#include "config.h"
#include "ipc/dialect.h"

#include <stdio.h>
#include <string.h>

#include "base/env.h"

static const struct dialect *const dialects[] = {
	[CONF_ROTA] = &dialect_rota,
	[CONF_PLAIN] = &dialect_plain,
	[CONF_SYSTEMD] = &dialect_systemd,
	[CONF_EINHORN] = &dialect_einhorn,
	[CONF_SERVER_STARTER] = &dialect_server_starter,
	[CONF_NODE] = &dialect_node,
	[CONF_NODE_FORK] = &dialect_node_fork,
};

const struct dialect *
dialect_get(enum conf_dialect d)
{
	return dialects[d];
}

/* What one of them has they have all, but for what takes the listeners. */
static void
mix_add(struct dialect *all, const struct dialect *d)
{
	all->handover = all->handover && d->handover;
	all->channel = all->channel || d->channel;
	all->notifies = all->notifies || d->notifies;
	all->acks = all->acks || d->acks;
	if (!d->channel)
		return;
	all->parse = d->parse;
	all->hello = d->hello;
	all->disconnect = d->disconnect;
}

void
dialect_mix(struct dialect_mix *m, const struct conf_pool *c)
{
	size_t	 i, n = 0;

	memset(m, 0, sizeof(*m));
	m->all = *dialects[c->dialects[0]];
	for (i = 0; i < c->dialect_count; i++) {
		m->parts[i] = dialects[c->dialects[i]];
		if (i > 0)
			mix_add(&m->all, m->parts[i]);
		if (n < sizeof(m->name))
			n += (size_t)snprintf(m->name + n,
			    sizeof(m->name) - n, "%s%s", i > 0 ? "+" : "",
			    m->parts[i]->name);
	}
	m->all.name = m->name;
	m->all.set_env = NULL;
	m->all.parts = m->parts;
}

/* sd_notify(3), sd_watchdog_enabled(3) */
static int
set_notify(struct env *env, const struct dialect_facts *f)
{
	if (f->notify != NULL &&
	    env_set(env, "NOTIFY_SOCKET", "%s", f->notify) == -1)
		return -1;
	if (f->heartbeat_ms == 0)
		return 0;
	return env_set(env, "WATCHDOG_USEC", "%llu",
	    (unsigned long long)f->heartbeat_ms * 1000) == -1 ? -1 :
	    env_set(env, "WATCHDOG_PID", "%s", DIALECT_PID);
}

static int
set_own(const struct dialect *d, struct env *env,
    const struct dialect_facts *f)
{
	size_t	 i;

	if (d->set_env != NULL && d->set_env(env, f) == -1)
		return -1;
	for (i = 0; d->parts != NULL && d->parts[i] != NULL; i++)
		if (d->parts[i]->set_env != NULL &&
		    d->parts[i]->set_env(env, f) == -1)
			return -1;
	return 0;
}

int
dialect_set_env(const struct dialect *d, struct env *env,
    const struct dialect_facts *f)
{
	if (env_set(env, "ROTA_POOL", "%s", f->pool) == -1 ||
	    env_set(env, "ROTA_SLOT", "%u", f->slot) == -1 ||
	    env_set(env, "ROTA_COUNT", "%u", f->count) == -1 ||
	    env_set(env, "ROTA_GENERATION", "%u", f->generation) == -1)
		return -1;
	if (f->port != 0 && env_set(env, "PORT", "%u", f->port) == -1)
		return -1;
	if (set_notify(env, f) == -1 || (f->ready_fd != -1 &&
	    env_set(env, "ROTA_READY_FD", "%d", f->ready_fd) == -1))
		return -1;
	return set_own(d, env, f);
}
