#include "config.h"
#include "librota/link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IPC_VARIABLE	"ROTA_IPC_FD"
#define CONN_VARIABLE	"ROTA_CONN_FD"

/* Digits only, at most max; false: anything else. */
static bool
env_number(const char *name, unsigned long max, unsigned long *ret)
{
	const char	*s = getenv(name);
	char		*end;
	unsigned long	 v;

	if (s == NULL || *s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno != 0 || *end != '\0' || v > max)
		return false;
	*ret = v;
	return true;
}

/* The socket of this type that a variable names, or -1 with errno. */
static int
env_socket(const char *name, int type)
{
	unsigned long	 v;
	int		 got;
	socklen_t	 len = sizeof(got);

	if (!env_number(name, INT_MAX, &v) || v <= STDERR_FILENO) {
		errno = EINVAL;
		return -1;
	}
	if (getsockopt((int)v, SOL_SOCKET, SO_TYPE, &got, &len) == -1)
		return -1;
	if (got != type) {
		errno = EINVAL;
		return -1;
	}
	return (int)v;
}

void
librota_set_cloexec(int fd)
{
	int	 flags = fcntl(fd, F_GETFD);

	if (flags != -1)
		(void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

/* What the environment says, until hello says it again. */
static int
link_identity(struct rota *r)
{
	const char	*pool = getenv("ROTA_POOL");
	unsigned long	 v;

	r->hello.stop_timeout_ms = 30000;
	r->hello.stop_on_exit = true;
	r->hello.pool = strdup(pool == NULL ? "" : pool);
	if (r->hello.pool == NULL)
		return -1;
	if (env_number("ROTA_SLOT", UINT_MAX, &v))
		r->hello.slot = (unsigned int)v;
	if (env_number("ROTA_COUNT", UINT_MAX, &v))
		r->hello.count = (unsigned int)v;
	if (env_number("ROTA_GENERATION", UINT_MAX, &v))
		r->hello.generation = (unsigned int)v;
	return 0;
}

struct rota *
rota_connect(void)
{
	struct rota	*r;
	int		 ipc, conn = -1;

	if (getenv(IPC_VARIABLE) == NULL) {
		errno = ENOENT;
		return NULL;
	}
	ipc = env_socket(IPC_VARIABLE, SOCK_STREAM);
	if (ipc == -1)
		return NULL;
	if (getenv(CONN_VARIABLE) != NULL) {
		conn = env_socket(CONN_VARIABLE, SOCK_SEQPACKET);
		if (conn == -1)
			return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL || link_identity(r) == -1) {
		free(r);
		errno = ENOMEM;
		return NULL;
	}
	r->pid = getpid();
	r->parent = getppid();
	r->ipc = ipc;
	r->conn = conn;
	r->parent_fd = -1;
	r->readable = r->writable = true;
	librota_set_cloexec(ipc);
	if (conn != -1)
		librota_set_cloexec(conn);
	(void)unsetenv(IPC_VARIABLE);
	(void)unsetenv(CONN_VARIABLE);
	librota_take_setup(r);
	return r;
}

void
rota_close(struct rota *r)
{
	size_t	 i;

	if (r == NULL)
		return;
	for (i = 0; i < r->hello.listener_count; i++)
		if (r->hello.listeners[i].fd != -1)
			(void)close(r->hello.listeners[i].fd);
	(void)close(r->ipc);
	if (r->conn != -1)
		(void)close(r->conn);
	if (r->parent_fd != -1)
		(void)close(r->parent_fd);
	librota_line_free(&r->in);
	librota_hello_free(&r->hello);
	free(r->out);
	free(r);
}

int
librota_check_pid(const struct rota *r)
{
	if (getpid() == r->pid)
		return 0;
	errno = EPERM;
	return -1;
}

const char *
rota_pool(const struct rota *r)
{
	return r->hello.pool == NULL ? "" : r->hello.pool;
}

unsigned int
rota_slot(const struct rota *r)
{
	return r->hello.slot;
}

unsigned int
rota_count(const struct rota *r)
{
	return r->hello.count;
}

unsigned int
rota_generation(const struct rota *r)
{
	return r->hello.generation;
}

unsigned int
rota_listener_count(const struct rota *r)
{
	return (unsigned int)r->hello.listener_count;
}

const char *
rota_listener_name(const struct rota *r, unsigned int i)
{
	return i < r->hello.listener_count ? r->hello.listeners[i].name :
	    NULL;
}

const char *
rota_listener_address(const struct rota *r, unsigned int i)
{
	return i < r->hello.listener_count ? r->hello.listeners[i].address :
	    NULL;
}

int
rota_is_draining(const struct rota *r)
{
	return r->draining;
}
