#include "config.h"
#include "ipc/dialect.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/env.h"
#include "base/text.h"
#include "ipc/proto.h"

/* The longest line that makes sense. */
#define LINE_MAX_LEN 1024

static const char *
family_name(int family)
{
	return family == AF_UNIX ? "AF_UNIX" :
	    family == AF_INET ? "AF_INET" : "AF_INET6";
}

static int
einhorn_set_listener(struct env *env, size_t i,
    const struct dialect_listener *l)
{
	char	 name[48];

	(void)snprintf(name, sizeof(name), "EINHORN_FD_%zu", i);
	if (env_set(env, name, "%d", l->fd) == -1)
		return -1;
	(void)snprintf(name, sizeof(name), "EINHORN_FD_FAMILY_%zu", i);
	return env_set(env, name, "%s", family_name(l->family));
}

static int
einhorn_set_env(struct env *env, const struct dialect_facts *f)
{
	size_t	 i;

	if (env_set(env, "EINHORN_FD_COUNT", "%zu", f->listener_count) ==
	    -1 || env_set(env, "EINHORN_MASTER_PID", "%ld",
	    (long)getpid()) == -1 ||
	    env_set(env, "EINHORN_CHILD_INDEX", "%u", f->slot) == -1 ||
	    env_set(env, "EINHORN_SOCK_FD", "%d", f->ipc_fd) == -1)
		return -1;
	if (f->ack_path != NULL &&
	    env_set(env, "EINHORN_SOCK_PATH", "%s", f->ack_path) == -1)
		return -1;
	for (i = 0; i < f->listener_count; i++)
		if (einhorn_set_listener(env, i, &f->listeners[i]) == -1)
			return -1;
	return 0;
}

/* "%0A" and the like; what is no such thing stays as it is. */
static void
decode(const char *line, size_t len, char *out)
{
	char		 hex[3] = "";
	unsigned int	 c;
	size_t		 i;

	for (i = 0; i < len; i++) {
		if (line[i] != '%' || i + 2 >= len ||
		    !isxdigit((unsigned char)line[i + 1]) ||
		    !isxdigit((unsigned char)line[i + 2])) {
			*out++ = line[i];
			continue;
		}
		memcpy(hex, line + i + 1, 2);
		(void)sscanf(hex, "%x", &c);
		*out++ = (char)c;
		i += 2;
	}
	*out = '\0';
}

/* The value of "command": of JSON, or of a line of the simplest YAML. */
static bool
find_command(char *text, char *ret, size_t size)
{
	json_t		*v = json_loads(text, 0, NULL);
	const char	*s = json_string_value(json_object_get(v, "command"));
	char		*line, *rest = text;

	if (s != NULL)
		(void)snprintf(ret, size, "%s", s);
	json_decref(v);
	if (v != NULL)
		return s != NULL;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, "command:", 8) != 0)
			continue;
		line += 8 + strspn(line + 8, " \"'");
		(void)snprintf(ret, size, "%.*s", (int)strcspn(line, " \"'\r"),
		    line);
		return true;
	}
	return false;
}

/*
 * A command of a worker: JSON, or YAML with its newlines written as "%0A",
 * in one line.  Who sends it is known, so that its pid says nothing.
 */
static void
einhorn_parse(const char *line, size_t len, struct proto_in *in)
{
	char	 text[LINE_MAX_LEN + 1], command[64];

	memset(in, 0, sizeof(*in));
	in->kind = PROTO_BAD;
	if (len > LINE_MAX_LEN) {
		(void)snprintf(in->text, sizeof(in->text), "a long line");
		return;
	}
	decode(line, len, text);
	if (!find_command(text, command, sizeof(command)))
		(void)snprintf(in->text, sizeof(in->text), "no command");
	else if (strcmp(command, "worker:ack") == 0)
		in->kind = PROTO_READY;
	else if (strcmp(command, "worker:ping") == 0)
		in->kind = PROTO_PONG;
	else
		(void)text_escape(in->text, sizeof(in->text), command,
		    strlen(command));
}

const struct dialect dialect_einhorn = {
	.name = "einhorn",
	.channel = true,
	.acks = true,
	.set_env = einhorn_set_env,
	.parse = einhorn_parse,
};
