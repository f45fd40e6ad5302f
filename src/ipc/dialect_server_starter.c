#include "config.h"
#include "ipc/dialect.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/env.h"

#define PORTS_MAX 8192

/* "7000", "127.0.0.1:7000", "[::1]:7000" or the path of a socket. */
static const char *
spec_of(const struct dialect_listener *l)
{
	if (l->family == AF_UNIX && strncmp(l->address, "unix:", 5) == 0)
		return l->address + 5;
	return l->dual_stack ? strrchr(l->address, ':') + 1 : l->address;
}

static int
put_ports(struct buf *b, const struct dialect_facts *f)
{
	char	 number[16];
	size_t	 i;

	for (i = 0; i < f->listener_count; i++) {
		const char	*spec = spec_of(&f->listeners[i]);

		(void)snprintf(number, sizeof(number), "=%d%s",
		    f->listeners[i].fd, i + 1 < f->listener_count ? ";" : "");
		if (buf_append(b, spec, strlen(spec)) == -1 ||
		    buf_append(b, number, strlen(number)) == -1)
			return -1;
	}
	return buf_append(b, "", 1);
}

static int
server_starter_set_env(struct env *env, const struct dialect_facts *f)
{
	struct buf	 b;
	int		 r;

	buf_init(&b, PORTS_MAX);
	r = put_ports(&b, f);
	if (r == 0)
		r = env_set(env, "SERVER_STARTER_PORT", "%s", buf_head(&b));
	buf_free(&b);
	return r == -1 ? -1 : env_set(env, "SERVER_STARTER_GENERATION", "%u",
	    f->generation);
}

const struct dialect dialect_server_starter = {
	.name = "server-starter",
	.set_env = server_starter_set_env,
};
