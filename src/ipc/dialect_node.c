#include "config.h"
#include "ipc/dialect.h"

#include <stddef.h>

#include "base/env.h"
#include "ipc/cluster.h"
#include "ipc/proto.h"

/* What child_process.fork sets, and PM2's name for the slot. */
static int
fork_set_env(struct env *env, const struct dialect_facts *f)
{
	if (env_set(env, "NODE_CHANNEL_FD", "%d", f->ipc_fd) == -1 ||
	    env_set(env, "NODE_CHANNEL_SERIALIZATION_MODE", "json") == -1)
		return -1;
	return env_set(env, "NODE_APP_INSTANCE", "%u", f->slot);
}

/* It becomes cluster.worker.id. */
static int
node_set_env(struct env *env, const struct dialect_facts *f)
{
	if (fork_set_env(env, f) == -1)
		return -1;
	return env_set(env, "NODE_UNIQUE_ID", "%u", f->serial);
}

/* A worker of Node's cluster: it listens by asking us. */
const struct dialect dialect_node = {
	.name = "node",
	.channel = true,
	.handover = true,
	.asks = true,
	.set_env = node_set_env,
	.parse = proto_parse_node,
	.disconnect = cluster_disconnect,
};

/* A child of child_process.fork: messages, and nothing else. */
const struct dialect dialect_node_fork = {
	.name = "node-fork",
	.channel = true,
	.set_env = fork_set_env,
	.parse = proto_parse_node,
};
