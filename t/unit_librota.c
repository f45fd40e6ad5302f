#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit_link.h"

/* --- connecting ----------------------------------------------------------- */

START_TEST(connect_alone)
{
	clear_env();
	errno = 0;
	ck_assert_ptr_null(rota_connect());
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

static const struct {
	const char	*value;
	int		 error;
} connect_rows[] = {
	{ "", EINVAL }, { "x", EINVAL }, { "-1", EINVAL }, { "3x", EINVAL },
	{ "2", EINVAL }, { "99999999999", EINVAL }, { "1000000", EBADF }
};

START_TEST(connect_nonsense)
{
	ck_assert_int_eq(setenv("ROTA_IPC_FD", connect_rows[_i].value, 1), 0);
	ck_assert_ptr_null(rota_connect());
	ck_assert_int_eq(errno, connect_rows[_i].error);
	clear_env();
}
END_TEST

START_TEST(connect_wrong_socket)
{
	int	 s[2], p[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	set_fd("ROTA_IPC_FD", s[0]);
	ck_assert_ptr_null(rota_connect());
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(pipe(p), 0);
	set_fd("ROTA_IPC_FD", p[0]);
	ck_assert_ptr_null(rota_connect());
	ck_assert_int_eq(errno, ENOTSOCK);
	clear_env();
}
END_TEST

START_TEST(connect_takes_it_all)
{
	const char	*ipc_name, *conn_name;
	int		 a[2], b[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b), 0);
	set_fd("ROTA_IPC_FD", a[1]);
	set_fd("ROTA_CONN_FD", b[1]);
	ck_assert_int_eq(setenv("ROTA_POOL", "api", 1), 0);
	ck_assert_int_eq(setenv("ROTA_SLOT", "4", 1), 0);
	ck_assert_int_eq(setenv("ROTA_COUNT", "5", 1), 0);
	ck_assert_int_eq(setenv("ROTA_GENERATION", "6", 1), 0);
	r = rota_connect();
	ck_assert_ptr_nonnull(r);
	ipc_name = getenv("ROTA_IPC_FD");
	conn_name = getenv("ROTA_CONN_FD");
	ck_assert_ptr_null(ipc_name);
	ck_assert_ptr_null(conn_name);
	ck_assert_int_eq(fcntl(a[1], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(b[1], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(a[1], F_GETFL) & O_NONBLOCK, 0);
	ck_assert_str_eq(rota_pool(r), "api");
	ck_assert_uint_eq(rota_slot(r), 4);
	ck_assert_uint_eq(rota_count(r), 5);
	ck_assert_uint_eq(rota_generation(r), 6);
	ck_assert_int_eq(rota_fd(r), a[1]);
	ck_assert_ptr_null(rota_connect());
	ck_assert_int_eq(errno, ENOENT);
	link_down();
	ck_assert_int_eq(fcntl(a[1], F_GETFD), -1);
	ck_assert_int_eq(fcntl(b[1], F_GETFD), -1);
}
END_TEST

START_TEST(forked_child_is_refused)
{
	struct rota_event	 ev;
	pid_t			 pid;
	int			 status;

	link_up(1);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		status = rota_next(r, &ev, 0) != -1 || errno != EPERM;
		status |= rota_ready(r) != -1 || errno != EPERM;
		status |= rota_send(r, "1") != -1 || errno != EPERM;
		_exit(status);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(heard(), "");
	link_down();
}
END_TEST

/* --- sending -------------------------------------------------------------- */

START_TEST(send_lines)
{
	link_up(0);
	ck_assert_int_eq(rota_ready(r), 0);
	ck_assert_str_eq(heard(), "{\"rota\":\"ready\"}\n");
	ck_assert_int_eq(rota_send(r, "{\n\"a\" : [1,\r\n2]}"), 0);
	ck_assert_str_eq(heard(), "{ \"a\" : [1,  2]}\n");
	ck_assert_int_eq(rota_publish(r, "12345678901234567890123"), 0);
	ck_assert_str_eq(heard(),
	    "{\"rota\":\"publish\",\"data\":12345678901234567890123}\n");
	ck_assert_int_eq(rota_status(r, "50 % \"done\"\n"), 0);
	ck_assert_str_eq(heard(),
	    "{\"rota\":\"status\",\"text\":\"50 % \\\"done\\\"\\n\"}\n");
	link_down();
}
END_TEST

static const char *const bad_json[] = {
	"", "{", "1 2", "nil", "\"\xc3\"", "{\"rota\":1}",
	"{\"\\u0072ota\":\"ready\"}", "{\"a\":1}\n{\"b\":2}"
};

START_TEST(send_refuses)
{
	link_up(0);
	ck_assert_int_eq(rota_send(r, bad_json[_i]), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(rota_publish(r, bad_json[_i]), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(rota_status(r, "\xc3"), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_str_eq(heard(), "");
	link_down();
}
END_TEST

/* A JSON string of so many bytes, quotes included, to be freed. */
static char *
string_of(size_t len)
{
	char	*s = malloc(len + 1);

	memset(s, 'y', len);
	s[0] = s[len - 1] = '"';
	s[len] = '\0';
	return s;
}

START_TEST(send_over_the_limit)
{
	char	*s = string_of(ROTA_MESSAGE_MAX + 1);

	link_up(0);
	ck_assert_int_eq(rota_send(r, s), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	s[ROTA_MESSAGE_MAX - 1] = '"';
	s[ROTA_MESSAGE_MAX] = '\0';
	ck_assert_int_eq(rota_publish(r, s), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_str_eq(heard(), "");
	free(s);
	link_down();
}
END_TEST

/* Read what is there, count lines and bytes. */
static void
read_all(size_t *lines, size_t *bytes)
{
	char	 data[65536];
	ssize_t	 i, n;

	while ((n = recv(ipc, data, sizeof(data), MSG_DONTWAIT)) > 0) {
		*bytes += (size_t)n;
		for (i = 0; i < n; i++)
			*lines += data[i] == '\n';
	}
}

/* The supervisor does not read: a bounded queue, then EAGAIN, no loss. */
START_TEST(send_into_a_full_channel)
{
	struct rota_event	 ev;
	char			*s = string_of(100000);
	size_t			 sent = 0, lines = 0, bytes = 0;

	link_up(0);
	while (rota_send(r, s) == 0)
		ck_assert_uint_lt(++sent, 100);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_gt(sent, 20);
	ck_assert_int_eq(rota_fd_events(r), POLLIN | POLLOUT);
	while (lines < sent) {
		read_all(&lines, &bytes);
		ck_assert_int_eq(rota_next(r, &ev, 0), 0);
	}
	ck_assert_uint_eq(lines, sent);
	ck_assert_uint_eq(bytes, sent * 100001);
	ck_assert_int_eq(rota_fd_events(r), POLLIN);
	free(s);
	link_down();
}
END_TEST

START_TEST(send_to_nobody)
{
	link_up(0);
	(void)close(ipc);
	ipc = -1;
	ck_assert_int_eq(rota_ready(r), -1);
	ck_assert_int_eq(errno, EPIPE);
	link_down();
}
END_TEST

static void
fill_all(Suite *s)
{
	TCase	*t = tcase_create("librota");

	fill_reading(s);
	fill_events(s);
	fill_connections(s);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, connect_alone);
	tcase_add_loop_test(t, connect_nonsense, 0,
	    sizeof(connect_rows) / sizeof(connect_rows[0]));
	tcase_add_test(t, connect_wrong_socket);
	tcase_add_test(t, connect_takes_it_all);
	tcase_add_test(t, forked_child_is_refused);
	tcase_add_test(t, send_lines);
	tcase_add_loop_test(t, send_refuses, 0,
	    sizeof(bad_json) / sizeof(bad_json[0]));
	tcase_add_test(t, send_over_the_limit);
	tcase_add_test(t, send_into_a_full_channel);
	tcase_add_test(t, send_to_nobody);
	suite_add_tcase(s, t);
}

UNIT_MAIN("librota", fill_all)
