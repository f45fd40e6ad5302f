#include "config.h"
#include "ipc/dialect.h"

#include "base/env.h"
#include "ipc/proto.h"

/* The descriptors of rota-ipc(7). */
static int
rota_set_env(struct env *env, const struct dialect_facts *f)
{
	if (f->ipc_fd != -1 &&
	    env_set(env, "ROTA_IPC_FD", "%d", f->ipc_fd) == -1)
		return -1;
	if (f->conn_fd != -1 &&
	    env_set(env, "ROTA_CONN_FD", "%d", f->conn_fd) == -1)
		return -1;
	return 0;
}

const struct dialect dialect_rota = {
	.name = "rota",
	.channel = true,
	.handover = true,
	.set_env = rota_set_env,
	.parse = proto_parse,
	.hello = proto_hello,
	.disconnect = proto_disconnect,
};
