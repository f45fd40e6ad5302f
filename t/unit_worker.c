#include "config.h"
#include "t/unit_worker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define HELLO "{\"rota\":\"hello\",\"version\":1,\"pool\":\"web\"," \
	"\"slot\":2,\"count\":3,\"generation\":7,\"pid\":1,\"listeners\":[" \
	"{\"name\":null,\"address\":\"127.0.0.1:0\"%s}]," \
	"\"stop_timeout_ms\":1500,\"on_supervisor_exit\":\"stop\"}\n"
#define GET "GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
#define WORDS_MAX	16

pid_t	 pid = -1;
int	 ipc = -1, feed = -1, take = -1, out = -1;
char	 answer[8192];
static int	 door = -1;		/* where clients connect */

/* --- starting and stopping ------------------------------------------------ */

static void
env_fd(const char *name, int fd)
{
	char	 text[16];

	(void)snprintf(text, sizeof(text), "%d", fd);
	(void)setenv(name, text, 1);
}

/* Execute it with the words of a command line; never returns. */
static void
run(const char *line)
{
	const char	*dir = getenv("top_builddir");
	char		*words[WORDS_MAX], copy[512], path[512], *save = NULL;
	int		 n = 0;

	(void)snprintf(path, sizeof(path), "%s/rota-http",
	    dir == NULL ? "." : dir);
	(void)snprintf(copy, sizeof(copy), "rota-http %s", line);
	words[n] = strtok_r(copy, " ", &save);
	while (words[n] != NULL && n < WORDS_MAX - 1)
		words[++n] = strtok_r(NULL, " ", &save);
	words[n] = NULL;
	(void)execv(path, words);
	_exit(99);
}

void
launch(const char *line)
{
	int	 p[2];

	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		(void)dup2(p[1], STDOUT_FILENO);
		(void)dup2(p[1], STDERR_FILENO);
		run(line);
	}
	(void)close(p[1]);
	out = p[0];
}

static void
open_door(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	door = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(door, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(listen(door, 64), 0);
}

void
supervise_by(const char *line, int shared)
{
	char	 hello[512], fd[32] = "";
	int	 a[2], b[2];

	open_door();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b), 0);
	ipc = a[0];
	feed = b[0];
	take = b[1];
	(void)fcntl(ipc, F_SETFD, FD_CLOEXEC);
	(void)fcntl(feed, F_SETFD, FD_CLOEXEC);
	env_fd("ROTA_IPC_FD", a[1]);
	if (shared) {
		(void)snprintf(fd, sizeof(fd), ",\"fd\":%d", door);
		(void)fcntl(door, F_SETFL, O_NONBLOCK);
	} else {
		env_fd("ROTA_CONN_FD", take);
		(void)fcntl(door, F_SETFD, FD_CLOEXEC);
	}
	(void)setenv("ROTA_SLOT", "2", 1);
	(void)setenv("ROTA_GENERATION", "7", 1);
	(void)snprintf(hello, sizeof(hello), HELLO, fd);
	ck_assert_int_gt(write(ipc, hello, strlen(hello)), 0);
	launch(line);
	(void)close(a[1]);
}

void
supervise(const char *line)
{
	supervise_by(line, 0);
}

void
limit_files(int files)
{
	struct rlimit	 rl = { (rlim_t)files, (rlim_t)files };

	ck_assert_int_eq(prlimit(pid, RLIMIT_NOFILE, &rl, NULL), 0);
}

int
ended(int within_ms)
{
	uint64_t	 end = clock_ms() + (uint64_t)within_ms;
	int		 status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_ms() > end)
			return -1;
		(void)poll(NULL, 0, 5);
	}
	pid = -1;
	return status;
}

void
exits(int within_ms, int with)
{
	int	 status = ended(within_ms);

	ck_assert_int_ne(status, -1);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), with);
}

void
end_it(void)
{
	if (pid != -1) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		pid = -1;
	}
}

/* --- the supervisor's side ------------------------------------------------ */

void
say(const char *text)
{
	ck_assert_int_eq(write(ipc, text, strlen(text)), strlen(text));
}

int
wait_text(int fd, const char *want, int within_ms)
{
	uint64_t	 end = clock_ms() + (uint64_t)within_ms, now;
	struct pollfd	 p = { .fd = fd, .events = POLLIN };
	size_t		 len = 0;
	ssize_t		 n;

	answer[0] = '\0';
	while (strstr(answer, want) == NULL) {
		now = clock_ms();
		if (now > end || poll(&p, 1, (int)(end - now)) != 1)
			return -1;
		n = read(fd, answer + len, sizeof(answer) - 1 - len);
		if (n <= 0)
			return -1;
		len += (size_t)n;
		answer[len] = '\0';
	}
	return 0;
}

void
wait_ready(void)
{
	ck_assert_int_eq(wait_text(ipc, "{\"rota\":\"ready\"}\n",
	    PATIENCE_MS), 0);
}

static void
hand_over(int fd)
{
	char		 index = 0;
	struct iovec	 iov = { &index, 1 };
	union {
		struct cmsghdr	 align;
		char		 bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr	 msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr	*c = CMSG_FIRSTHDR(&msg);

	memset(&control, 0, sizeof(control));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(feed, &msg, 0), 1);
}

/* --- the client's side ---------------------------------------------------- */

int
dial_port(uint16_t port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
	    .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)),
	    0);
	return fd;
}

int
dial(void)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);

	ck_assert_int_eq(getsockname(door, (struct sockaddr *)&sin, &len), 0);
	return dial_port(sin.sin_port);
}

int
client(void)
{
	int	 fd = dial(), conn;

	conn = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ne(conn, -1);
	hand_over(conn);
	(void)close(conn);
	return fd;
}

void
request(int fd, const char *path)
{
	char	 text[256];

	(void)snprintf(text, sizeof(text), GET, path);
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
	    strlen(text));
}

void
answers(int fd, const char *want)
{
	ck_assert_int_eq(wait_text(fd, "\r\n\r\n", PATIENCE_MS), 0);
	if (strstr(answer, want) == NULL)
		ck_abort_msg("'%s' is not in '%s'", want, answer);
}

void
asks(int fd, const char *path, const char *want)
{
	request(fd, path);
	answers(fd, want);
}

int
eof_after(int fd, int within_ms)
{
	uint64_t	 began = clock_ms();
	struct pollfd	 p = { .fd = fd, .events = POLLIN };
	char		 c;

	if (poll(&p, 1, within_ms) != 1 || read(fd, &c, 1) != 0)
		return -1;
	return (int)(clock_ms() - began);
}
