#include "config.h"
#include "ipc/dialect.h"

#include "base/env.h"

static const struct dialect *const dialects[] = {
	[CONF_ROTA] = &dialect_rota,
	[CONF_PLAIN] = &dialect_plain,
	[CONF_SYSTEMD] = &dialect_systemd,
	[CONF_EINHORN] = &dialect_einhorn,
	[CONF_SERVER_STARTER] = &dialect_server_starter,
};

const struct dialect *
dialect_get(enum conf_dialect d)
{
	return dialects[d];
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
	return d->set_env != NULL ? d->set_env(env, f) : 0;
}
