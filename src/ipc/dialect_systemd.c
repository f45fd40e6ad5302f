#include "config.h"
#include "ipc/dialect.h"

#include <string.h>

#include "base/buf.h"
#include "base/env.h"

#define NAMES_MAX 8192

/* "http:unknown", in the order of the descriptors. */
static int
put_names(struct buf *b, const struct dialect_facts *f)
{
	const char	*name;
	size_t		 i;

	for (i = 0; i < f->listener_count; i++) {
		name = f->listeners[i].name;
		if (name == NULL)
			name = "unknown";
		if ((i > 0 && buf_append(b, ":", 1) == -1) ||
		    buf_append(b, name, strlen(name)) == -1)
			return -1;
	}
	return buf_append(b, "", 1);
}

/* sd_listen_fds(3); NOTIFY_SOCKET is whoever's who is to notify. */
static int
systemd_set_env(struct env *env, const struct dialect_facts *f)
{
	struct buf	 b;
	int		 r;

	if (f->listener_count == 0)
		return 0;
	if (env_set(env, "LISTEN_FDS", "%zu", f->listener_count) == -1 ||
	    env_set(env, "LISTEN_PID", "%s", DIALECT_PID) == -1)
		return -1;
	buf_init(&b, NAMES_MAX);
	r = put_names(&b, f);
	if (r == 0)
		r = env_set(env, "LISTEN_FDNAMES", "%s", buf_head(&b));
	buf_free(&b);
	return r;
}

const struct dialect dialect_systemd = {
	.name = "systemd",
	.set_env = systemd_set_env,
	.notifies = true,
};
