#include "config.h"
#include "t/unit_control_rig.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/util.h"
#include "os/loop.h"
#include "t/unit.h"

/* Clients: who may come, how many, for how long, and how they leave. */

/* The mode of a file, or -1. */
static int
access_of(const char *path)
{
	struct stat	 st;

	return stat(path, &st) == -1 ? -1 : (int)(st.st_mode & 07777);
}

START_TEST(greets)
{
	struct rig	 rig;
	int		 fds = count_fds(), fd;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	client_line(&rig, fd, "{\"id\":1,\"command\":\"echo\"}");
	client_expect(&rig, fd, NULL);
	(void)close(fd);
	rig_wait_clients(&rig, 0);
	rig_close(&rig);
	ck_assert_int_eq(access(rig.path, F_OK), -1);
	ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(too_many_clients)
{
	struct rig	 rig;
	int		 fds[3], fd;
	size_t		 i;
	json_t		*v;

	rig_open(&rig, NULL);
	ck_assert_uint_eq(rig.limits.clients, 64);
	rig.limits.clients = ARRAY_LEN(fds);
	for (i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = client_new(&rig);
	fd = client_raw(&rig);
	v = client_hear(&rig, fd);
	ck_assert_str_eq(json_string_value(json_object_get(v, "error")),
	    "too many clients");
	ck_assert_str_eq(json_string_value(json_object_get(v, "rota")),
	    "control");
	json_decref(v);
	client_expect_end(&rig, fd);
	(void)close(fds[0]);
	rig_wait_clients(&rig, 2);
	fds[0] = client_new(&rig);
	for (i = 0; i < ARRAY_LEN(fds); i++)
		(void)close(fds[i]);
	rig_close(&rig);
}
END_TEST

START_TEST(no_descriptors)
{
	struct rig	 rig;
	int		 first, second, last;
	json_t		*v;

	if (!KERNEL_IS_IN_CHARGE)
		return;
	rig_open(&rig, NULL);
	rig.limits.pause_ms = 50;
	first = client_new(&rig);
	second = client_raw(&rig);
	last = exhaust_fds();
	rig_turn(&rig);
	ck_assert_uint_eq(control_server_clients(rig.server), 1);
	client_line(&rig, first, "{\"id\":1,\"command\":\"echo\"}");
	client_expect(&rig, first, NULL);
	(void)close(last);
	rig_turn(&rig);			/* it is still waiting */
	ck_assert_uint_eq(control_server_clients(rig.server), 1);
	rig_wait_clients(&rig, 2);
	v = client_hear(&rig, second);
	ck_assert_ptr_nonnull(json_object_get(v, "pid"));
	json_decref(v);
	(void)close(first);
	(void)close(second);
	rig_close(&rig);
}
END_TEST

/* What a child with another identity is told first: its status. */
static pid_t
stranger(const char *path, uid_t uid, gid_t gid, gid_t extra)
{
	pid_t		 pid = fork();
	char		 buf[512];
	struct err	 e;
	int		 fd;

	ck_assert_int_ne(pid, -1);
	if (pid != 0)
		return pid;
	if (setgroups(extra != 0, &extra) == -1 || setgid(gid) == -1 ||
	    setuid(uid) == -1)
		_exit(3);
	fd = control_socket_connect(path, &e);
	if (fd == -1)
		_exit(e.code == EACCES ? 2 : 4);
	(void)read_all(fd, buf, sizeof(buf));
	_exit(strstr(buf, "not permitted") != NULL ? 1 :
	    strstr(buf, "\"pid\":") != NULL ? 0 : 5);
}

static const struct {
	struct control_access	 access;
	mode_t			 file_mode;	/* changed behind its back */
	uid_t			 uid;
	gid_t			 gid, extra;
	int			 want;
} peers[] = {
	{ { .mode = 0600 }, 0600, NOBODY, NOBODY, 0, 2 },
	{ { .mode = 0600 }, 0666, NOBODY, NOBODY, 0, 1 },
	{ { .mode = 0600 }, 0666, NOBODY, 0, 0, 1 },
	{ { .mode = 0660 }, 0666, NOBODY, NOBODY, 0, 1 },
	{ { .mode = 0660 }, 0660, NOBODY, 0, 0, 0 },
	{ { .mode = 0600, .has_uid = true, .uid = NOBODY }, 0600, NOBODY,
	    NOBODY, 0, 0 },
	{ { .mode = 0600, .has_uid = true, .uid = NOBODY }, 0666, NOBODY - 1,
	    NOBODY, 0, 1 },
	{ { .mode = 0660, .has_gid = true, .gid = 4711 }, 0660, NOBODY,
	    4711, 0, 0 },
	{ { .mode = 0660, .has_gid = true, .gid = 4711 }, 0660, NOBODY,
	    NOBODY, 4711, 0 },
	{ { .mode = 0660, .has_gid = true, .gid = 4711 }, 0666, NOBODY,
	    NOBODY, 4712, 1 },
	{ { .mode = 0600, .has_gid = true, .gid = 4711 }, 0666, NOBODY,
	    4711, 4711, 1 },
	{ { .mode = 0600, .has_uid = true, .uid = NOBODY }, 0600, 0, 0, 0, 0 },
};

START_TEST(permissions)
{
	struct rig	 rig;
	pid_t		 pid;
	int		 status = -1;
	uint64_t	 end = clock_ms() + PATIENCE_MS;

	rig_open(&rig, &peers[_i].access);
	rig.limits.idle_ms = 50;
	ck_assert_int_eq(chmod(rig.path, peers[_i].file_mode), 0);
	pid = stranger(rig.path, peers[_i].uid, peers[_i].gid,
	    peers[_i].extra);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		ck_assert_uint_lt(clock_ms(), end);
		rig_turn_ms(&rig, 2);
	}
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), peers[_i].want);
	rig_close(&rig);
}
END_TEST

START_TEST(idle)
{
	struct rig	 rig;
	int		 lazy, slow, busy;
	uint64_t	 begin, end = clock_ms() + PATIENCE_MS;

	rig_open(&rig, NULL);
	ck_assert_uint_eq(rig.limits.idle_ms, 60000);
	rig.limits.idle_ms = 100;
	busy = client_new(&rig);
	client_line(&rig, busy, "{\"id\":1,\"command\":\"hold\"}");
	lazy = client_new(&rig);
	slow = client_new(&rig);
	while (control_server_clients(rig.server) > 1) {
		ck_assert_uint_lt(clock_ms(), end);
		client_say(&rig, slow, "{", 1);		/* is no activity */
		rig_turn_ms(&rig, 20);
	}
	client_expect_end(&rig, lazy);
	client_expect_end(&rig, slow);
	rig_turn_ms(&rig, 150);
	begin = clock_ms();
	request_done(rig.held[0], json_object());
	client_expect(&rig, busy, NULL);
	client_expect_end(&rig, busy);
	ck_assert_uint_ge(clock_ms() - begin, 90);
	ck_assert_uint_eq(rig.gone_count, 0);
	rig_close(&rig);
}
END_TEST

/* The loop has nothing to wait for but a new client. */
static void
check_quiet(struct rig *rig)
{
	uint64_t	 begin = clock_ms();

	ev_unref(rig->loop);		/* the listening socket */
	(void)ev_run(rig->loop, 0);
	ev_ref(rig->loop);
	ck_assert_uint_lt(clock_ms() - begin, 1000);
}

START_TEST(no_timer_without_clients)
{
	struct rig	 rig;
	int		 fd;

	rig_open(&rig, NULL);
	check_quiet(&rig);
	fd = client_new(&rig);
	(void)close(fd);
	check_quiet(&rig);
	ck_assert_uint_eq(control_server_clients(rig.server), 0);
	rig_close(&rig);
}
END_TEST

/* printf ... | nc -NU: all is said, and the answers are waited for. */
START_TEST(half_closed)
{
	struct rig	 rig;
	int		 fd;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	client_line(&rig, fd, "{\"id\":1,\"command\":\"echo\"}");
	client_line(&rig, fd, "{\"id\":2,\"command\":\"hold\"}");
	client_say(&rig, fd, "{\"id\":3,\"command\":\"echo\"}", 25);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	client_expect(&rig, fd, NULL);
	client_expect(&rig, fd, "bad-request");
	rig_turn(&rig);
	ck_assert_ptr_nonnull(rig.held[0]);
	request_done(rig.held[0], json_object());
	client_expect(&rig, fd, NULL);
	client_expect_end(&rig, fd);
	ck_assert_uint_eq(control_server_clients(rig.server), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(half_closed_and_gone)
{
	struct rig	 rig;
	int		 fd;

	rig_open(&rig, NULL);
	rig.limits.probe_ms = 20;
	fd = client_new(&rig);
	client_line(&rig, fd, "{\"id\":2,\"command\":\"hold\"}");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	rig_turn_ms(&rig, 60);
	ck_assert_uint_eq(control_server_clients(rig.server), 1);
	(void)close(fd);
	rig_wait_clients(&rig, 0);
	ck_assert_uint_eq(rig.gone_count, 1);
	rig_close(&rig);
}
END_TEST

/* One who leaves takes its requests along, and nobody else's. */
START_TEST(vanishes)
{
	struct rig	 rig;
	int		 fd, other;
	size_t		 i;

	rig_open(&rig, NULL);
	rig.finish_when_gone = _i == 1;
	fd = client_new(&rig);
	other = client_new(&rig);
	client_line(&rig, fd, "{\"id\":1,\"command\":\"hold\"}");
	client_line(&rig, other, "{\"id\":1,\"command\":\"hold\"}");
	client_line(&rig, fd, "{\"id\":2,\"command\":\"hold\"}");
	(void)close(fd);
	/* It is not known yet: nobody is gone while a handler sends. */
	for (i = 0; i < rig.held_count; i++)
		(void)request_data(rig.held[i], json_integer(1));
	for (i = 0; i < rig.held_count; i++)
		ck_assert_ptr_nonnull(rig.held[i]);
	if (_i == 2)
		request_done(rig.held[2], json_object());
	rig_wait_clients(&rig, 1);
	ck_assert_uint_eq(rig.gone_count, _i == 2 ? 1 : 2);
	ck_assert_ptr_null(rig.held[0]);
	client_expect(&rig, other, NULL);
	request_fail(rig.held[1], "failed", NULL, "no");
	client_expect(&rig, other, "failed");
	(void)close(other);
	rig_close(&rig);
}
END_TEST

/* It vanishes while a line of it is being worked at. */
START_TEST(vanishes_at_once)
{
	static const char	 lines[] =
	    "{\"id\":1,\"command\":\"data\",\"args\":{\"n\":3}}\n"
	    "{\"id\":2,\"command\":\"hold\"}\n"
	    "[\n"
	    "{\"id\":3,\"command\":\"echo\"}\n";
	struct rig		 rig;
	int			 fd;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	ck_assert_int_eq(send(fd, lines, sizeof(lines) - 1, 0),
	    sizeof(lines) - 1);
	(void)close(fd);
	rig_wait_clients(&rig, 0);
	ck_assert_uint_eq(rig.gone_count, rig.held_count);
	rig_close(&rig);
}
END_TEST

START_TEST(server_ends)
{
	struct rig	 rig;
	int		 fd;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	client_line(&rig, fd, "{\"id\":1,\"command\":\"hold\"}");
	control_server_close(rig.server);
	ck_assert_int_eq(access(rig.path, F_OK), -1);
	client_line(&rig, fd, "{\"id\":2,\"command\":\"echo\"}");
	client_expect(&rig, fd, NULL);
	rig_close(&rig);
	ck_assert_uint_eq(rig.gone_count, 1);
	ck_assert_ptr_null(rig.held[0]);
	(void)close(fd);
	control_server_free(NULL, 0);
}
END_TEST

/* The listening socket is exchanged below those who are connected. */
START_TEST(moves)
{
	static const struct control_access	 access = { .mode = 0660 };
	struct rig				 rig;
	struct control_socket			 s;
	struct err				 e;
	int					 old, new;
	char					 path[CONTROL_PATH_SIZE];

	rig_open(&rig, NULL);
	old = client_new(&rig);
	client_line(&rig, old, "{\"id\":1,\"command\":\"hold\"}");
	(void)snprintf(path, sizeof(path), "%s", rig.path);
	(void)snprintf(rig.path, sizeof(rig.path), "%s/other", rig.folder);
	ck_assert_int_eq(control_socket_open(rig.path, &access, &s, &e), 0);
	control_server_listen(rig.server, &s, &access);
	ck_assert_int_eq(s.fd, -1);
	ck_assert_int_eq(access_of(path), -1);
	ck_assert_int_eq(access_of(rig.path), 0660);
	new = client_new(&rig);
	ck_assert_uint_eq(control_server_clients(rig.server), 2);
	request_done(rig.held[0], json_object());
	client_expect(&rig, old, NULL);
	(void)close(old);
	(void)close(new);
	rig_close(&rig);
	ck_assert_int_eq(access_of(rig.path), -1);
}
END_TEST

static void
fill_clients(Suite *s)
{
	TCase	*tc = tcase_create("clients");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, greets);
	tcase_add_test(tc, too_many_clients);
	tcase_add_test(tc, no_descriptors);
	if (geteuid() == 0)
		tcase_add_loop_test(tc, permissions, 0, ARRAY_LEN(peers));
	else
		(void)puts("# only root can become others: permissions "
		    "are not tested");
	tcase_add_test(tc, idle);
	tcase_add_test(tc, no_timer_without_clients);
	tcase_add_test(tc, half_closed);
	tcase_add_test(tc, half_closed_and_gone);
	tcase_add_loop_test(tc, vanishes, 0, 3);
	tcase_add_test(tc, vanishes_at_once);
	tcase_add_test(tc, moves);
	tcase_add_test(tc, server_ends);
	suite_add_tcase(s, tc);
}

static void
fill(Suite *s)
{
	fill_clients(s);
	fill_answers(s);
}

UNIT_MAIN_FORKS("control", fill)
