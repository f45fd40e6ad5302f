#include "config.h"
#include "t/unit_os.h"

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/util.h"
#include "control/path.h"
#include "control/socket.h"
#include "t/unit.h"

#define RACERS	6
#define ROUNDS	40

static char	scratch[64], path[CONTROL_PATH_SIZE];
static const struct control_access	owner_only = { .mode = 0600 };

/* What the file was like, and who could connect, when it began to listen. */
static struct stat	at_listen;
static int		connect_code;

/* Stands before that of libc. */
int
listen(int fd, int backlog)
{
	struct err	 e = { 0 };
	int		 client;

	if (stat(path, &at_listen) == 0) {
		client = control_socket_connect(path, &e);
		connect_code = client == -1 ? e.code : 0;
	}
	return (int)syscall(SYS_listen, fd, backlog);
}

static void
setup(void)
{
	(void)snprintf(scratch, sizeof(scratch), "/tmp/rota-control.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scratch));
	(void)snprintf(path, sizeof(path), "%s/web.sock", scratch);
	(void)unsetenv("ROTA_RUNTIME_DIR");
	(void)unsetenv("XDG_RUNTIME_DIR");
}

/* The test fails if anything else is left. */
static void
teardown(void)
{
	(void)unlink(path);
	ck_assert_int_eq(rmdir(scratch), 0);
}

static const struct {
	struct control_place	 place;
	const char		*folder;	/* NULL: an error with */
	const char		*text;
} places[] = {
	{ { 0, NULL, NULL, false }, "/run/rota", NULL },
	{ { 0, NULL, "/run/user/0", true }, "/run/rota", NULL },
	{ { 0, "/x", "/run/user/0", true }, "/x", NULL },
	{ { 7, "/x", "/y", true }, "/x", NULL },
	{ { 7, "", "/y", true }, "/y/rota", NULL },
	{ { 7, NULL, "/y", false }, "/y/rota", NULL },
	{ { 7, NULL, "", true }, "/run/user/7/rota", NULL },
	{ { 4294967294u, NULL, NULL, true }, "/run/user/4294967294/rota",
	    NULL },
	{ { 7, NULL, NULL, false }, NULL, "control.path" },
	{ { 7, NULL, NULL, false }, NULL, "ROTA_RUNTIME_DIR" },
	{ { 7, NULL, NULL, false }, NULL, "XDG_RUNTIME_DIR" },
	{ { 7, "x", NULL, true }, NULL, "ROTA_RUNTIME_DIR: 'x'" },
	{ { 7, NULL, "y", true }, NULL, "XDG_RUNTIME_DIR: 'y'" },
	{ { 7, "/a/folder/whose/name/is/too/long/for/an/address/of/a/local/"
	    "socket/which/takes/one/hundred/and/seven/bytes/only", NULL,
	    true }, NULL, "ROTA_RUNTIME_DIR" },
};

START_TEST(folder)
{
	char		 buf[CONTROL_PATH_SIZE] = "as before";
	struct err	 e = { 0 };
	int		 r;

	r = control_folder_of(&places[_i].place, buf, sizeof(buf), &e);
	if (places[_i].folder != NULL) {
		ck_assert_int_eq(r, 0);
		ck_assert_str_eq(buf, places[_i].folder);
	} else {
		ck_assert_int_eq(r, -1);
		ck_assert_ptr_nonnull(strstr(e.msg, places[_i].text));
	}
}
END_TEST

static const struct {
	const char	*config, *given, *want;		/* NULL: an error */
} names[] = {
	{ "web.yaml", NULL, "/r/web.sock" },
	{ "/etc/rota/web.yml", NULL, "/r/web.sock" },
	{ "./web.ini", NULL, "/r/web.sock" },
	{ "web", NULL, "/r/web.sock" },
	{ "web.conf", NULL, "/r/web.conf.sock" },
	{ "web.yaml.yaml", NULL, "/r/web.yaml.sock" },
	{ "/x/.yaml", NULL, "/r/.yaml.sock" },
	{ "/x/", NULL, NULL },
	{ "", NULL, NULL },
	{ "web.yaml", "/some/where", "/some/where" },
	{ "web.yaml", "", NULL },
	{ "a-name-that-does-not-fit-the-address-of-a-socket-with-its-one-"
	    "hundred-and-seven-bytes-once-the-folder-is-there", NULL, NULL },
	{ "web.yaml", "/a/path/of/107/bytes/is/the/longest/one/that/fits/in/"
	    "the/address/of/a/local/socket/and/is/taken/xx/as/it/is",
	    "/a/path/of/107/bytes/is/the/longest/one/that/fits/in/"
	    "the/address/of/a/local/socket/and/is/taken/xx/as/it/is" },
	{ "web.yaml", "/a/path/of/108/bytes/is/the/longest/one/that/fits/in/"
	    "the/address/of/a/local/socket/and/is/taken/xxx/as/it/is", NULL },
};

START_TEST(path_rules)
{
	char		 buf[CONTROL_PATH_SIZE] = "as before";
	struct err	 e = { 0 };
	int		 r;

	ck_assert_int_eq(setenv("ROTA_RUNTIME_DIR", "/r", 1), 0);
	r = control_path(names[_i].config, names[_i].given, buf, sizeof(buf),
	    &e);
	ck_assert_int_eq(r, names[_i].want != NULL ? 0 : -1);
	ck_assert_str_eq(buf, r == 0 ? names[_i].want : "as before");
	ck_assert_int_eq(*e.msg != '\0', r == -1);
}
END_TEST

static void
open_ok(struct control_socket *s, const struct control_access *a)
{
	struct err	 e = { 0 };

	ck_assert_msg(control_socket_open(path, a, s, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(s->path, path);
}

static void
open_fails(const char *text)
{
	struct control_socket	 s = { .fd = -2 };
	struct err		 e = { 0 };

	ck_assert_int_eq(control_socket_open(path, &owner_only, &s, &e), -1);
	ck_assert_msg(strstr(e.msg, text) != NULL, "%s", e.msg);
	ck_assert_int_eq(s.fd, -2);
}

/* Whatever the umask, the file is right before anybody gets in. */
START_TEST(mode_first)
{
	static const mode_t	 masks[] = { 0, 022, 077, 0777 };
	struct control_access	 a = { .mode = _i % 2 ? 0660 : 0600 };
	struct control_socket	 s;
	int			 fds = count_fds();

	(void)umask(masks[_i]);
	open_ok(&s, &a);
	ck_assert_uint_eq(at_listen.st_mode, S_IFSOCK | a.mode);
	ck_assert_int_eq(connect_code, ECONNREFUSED);
	ck_assert_int_eq(fcntl(s.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(s.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(control_socket_holder(path), getpid());
	control_socket_close(&s);
	ck_assert_int_eq(s.fd, -1);
	control_socket_close(&s);
	ck_assert_int_eq(control_socket_holder(path), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(owner_first)
{
	struct control_access	 a = {
		.has_uid = true, .uid = NOBODY, .has_gid = true,
		.gid = NOBODY - 1, .mode = 0660,
	};
	struct control_socket	 s;
	struct err		 e = { 0 };

	if (geteuid() != 0) {
		ck_assert_int_eq(control_socket_open(path, &a, &s, &e), -1);
		ck_assert_int_eq(e.code, EPERM);
		ck_assert_int_eq(access(path, F_OK), -1);
		return;
	}
	open_ok(&s, &a);
	ck_assert_uint_eq(at_listen.st_uid, NOBODY);
	ck_assert_uint_eq(at_listen.st_gid, NOBODY - 1);
	ck_assert_uint_eq(at_listen.st_mode, S_IFSOCK | 0660);
	ck_assert_uint_eq(s.gid, NOBODY - 1);
	control_socket_close(&s);
}
END_TEST

/* A socket file that nobody listens at. */
static void
leave_stale(void)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	(void)close(fd);
}

START_TEST(stale_is_replaced)
{
	struct control_socket	 s;
	struct err		 e = { 0 };

	leave_stale();
	ck_assert_int_eq(control_socket_holder(path), 0);
	ck_assert_int_eq(control_socket_connect(path, &e), -1);
	ck_assert_int_eq(e.code, ECONNREFUSED);
	open_ok(&s, &owner_only);
	ck_assert_int_eq(control_socket_holder(path), getpid());
	control_socket_close(&s);
	ck_assert_int_eq(control_socket_connect(path, &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
}
END_TEST

START_TEST(live_is_refused)
{
	struct control_socket	 s;
	char			 want[192];
	int			 clients[128];
	struct err		 e;
	size_t			 n = 0;

	open_ok(&s, &owner_only);
	(void)snprintf(want, sizeof(want),
	    "already running as pid %ld (control socket %s)", (long)getpid(),
	    path);
	open_fails(want);
	while (n < ARRAY_LEN(clients) &&
	    (clients[n] = control_socket_connect(path, &e)) != -1)
		n++;
	ck_assert_int_eq(e.code, EAGAIN);	/* its queue is full now */
	open_fails("already running");
	ck_assert_int_eq(control_socket_holder(path), -1);
	while (n > 0)
		(void)close(clients[--n]);
	control_socket_close(&s);
}
END_TEST

START_TEST(others_are_refused)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd;

	fd = open(path, O_CREAT | O_WRONLY, 0600);
	(void)close(fd);
	open_fails("not a socket");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	open_fails("not a socket");
	ck_assert_int_eq(unlink(path), 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	open_fails("control socket");
	ck_assert_int_eq(access(path, F_OK), 0);
	(void)close(fd);
	ck_assert_int_eq(unlink(path), 0);

	(void)snprintf(path, sizeof(path), "%s/none/x.sock", scratch);
	open_fails("No such file");
}
END_TEST

/* What another has put there in the meantime stays. */
START_TEST(unlink_only_ours)
{
	struct control_socket	 first, second;

	open_ok(&first, &owner_only);
	ck_assert_int_eq(unlink(path), 0);
	open_ok(&second, &owner_only);
	control_socket_close(&first);
	ck_assert_int_eq(control_socket_holder(path), getpid());
	control_socket_close(&second);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

static void
wait_closed(int pfd[2])
{
	char	 c;

	(void)close(pfd[1]);
	ck_assert_int_eq(read(pfd[0], &c, 1), 0);
}

/* One who starts when go is closed, and stays until stay is. */
static pid_t
racer(int go[2], int done[2], int stay[2])
{
	struct control_socket	 s;
	struct err		 e = { 0 };
	pid_t			 pid = fork();
	int			 r;

	ck_assert_int_ne(pid, -1);
	if (pid != 0)
		return pid;
	(void)close(done[0]);
	(void)close(stay[1]);
	wait_closed(go);
	r = control_socket_open(path, &owner_only, &s, &e);
	(void)close(done[1]);
	if (r == -1)
		_exit(strstr(e.msg, "already running as pid ") ? 1 : 2);
	wait_closed(stay);
	_exit(0);
}

/* They all start at once; the winner keeps it until all have tried. */
static void
race(unsigned int *winners, unsigned int *losers)
{
	int	 go[2], done[2], stay[2], i;
	pid_t	 pids[RACERS];

	ck_assert_int_eq(pipe(go), 0);
	ck_assert_int_eq(pipe(done), 0);
	ck_assert_int_eq(pipe(stay), 0);
	for (i = 0; i < RACERS; i++)
		pids[i] = racer(go, done, stay);
	(void)close(go[1]);
	wait_closed(done);
	(void)close(stay[1]);
	(void)close(go[0]);
	(void)close(done[0]);
	(void)close(stay[0]);
	for (i = 0; i < RACERS; i++)
		switch (status_of(pids[i])) {
		case 0:
			(*winners)++;
			break;
		case 1 << 8:
			(*losers)++;
			break;
		default:
			break;
		}
}

START_TEST(one_wins)
{
	unsigned int	 round, winners, losers;

	for (round = 0; round < (RUNNING_ON_VALGRIND ? 3 : ROUNDS); round++) {
		winners = losers = 0;
		race(&winners, &losers);	/* from the second on: stale */
		ck_assert_uint_eq(winners, 1);
		ck_assert_uint_eq(losers, RACERS - 1);
	}
}
END_TEST

/* The lock file of one that was killed does no harm, a held one does. */
START_TEST(lock_file)
{
	struct control_socket	 s;
	char			 lock[CONTROL_PATH_SIZE + 8];
	uint64_t		 begin = clock_ms();
	int			 fd;

	(void)snprintf(lock, sizeof(lock), "%s.lock", path);
	fd = open(lock, O_CREAT | O_RDWR, 0600);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	open_fails("another supervisor is just starting");
	ck_assert_uint_ge(clock_ms() - begin, 900);
	(void)close(fd);
	open_ok(&s, &owner_only);
	ck_assert_int_eq(access(lock, F_OK), -1);
	control_socket_close(&s);

	ck_assert_int_eq(symlink("/dev/null", lock), 0);
	open_fails(".lock");
	ck_assert_int_eq(unlink(lock), 0);
}
END_TEST

START_TEST(default_folder)
{
	struct control_socket	 s;
	char			 run[80];
	struct stat		 st;

	(void)snprintf(run, sizeof(run), "%s/run", scratch);
	(void)snprintf(path, sizeof(path), "%s/web.sock", run);
	(void)umask(0777);
	open_fails("No such file");	/* not the default: not made */
	ck_assert_int_eq(setenv("ROTA_RUNTIME_DIR", run, 1), 0);
	open_ok(&s, &owner_only);
	ck_assert_int_eq(stat(run, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | (geteuid() ? 0700 : 0755));
	control_socket_close(&s);

	ck_assert_int_eq(chmod(run, 0777), 0);
	open_fails("may be written by others");
	ck_assert_int_eq(chmod(run, 01777), 0);
	open_ok(&s, &owner_only);
	control_socket_close(&s);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(run, NOBODY, 0), 0);
		open_fails("belongs to user 65534");
	}
	ck_assert_int_eq(rmdir(run), 0);
	(void)umask(022);
	ck_assert_int_eq(close(open(run, O_CREAT | O_WRONLY, 0600)), 0);
	open_fails("Not a directory");
	ck_assert_int_eq(unlink(run), 0);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("path");

	tcase_add_loop_test(tc, folder, 0, ARRAY_LEN(places));
	tcase_add_loop_test(tc, path_rules, 0, ARRAY_LEN(names));
	suite_add_tcase(s, tc);

	tc = tcase_create("socket");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, mode_first, 0, 4);
	tcase_add_test(tc, owner_first);
	tcase_add_test(tc, stale_is_replaced);
	tcase_add_test(tc, live_is_refused);
	tcase_add_test(tc, others_are_refused);
	tcase_add_test(tc, unlink_only_ours);
	tcase_add_test(tc, one_wins);
	tcase_add_test(tc, lock_file);
	tcase_add_test(tc, default_folder);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("control socket", fill)
