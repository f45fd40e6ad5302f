#include "config.h"
#include "ipc/dialect.h"

#include "base/env.h"

static const struct dialect *const dialects[] = {
	[CONF_ROTA] = &dialect_rota,
	[CONF_PLAIN] = &dialect_plain,
};

const struct dialect *
dialect_get(enum conf_dialect d)
{
	return dialects[d];
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
	return d->set_env != NULL ? d->set_env(env, f) : 0;
}
