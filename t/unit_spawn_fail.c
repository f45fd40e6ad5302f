#include "config.h"
#include "t/unit_spawn.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "t/unit.h"

/* A scratch folder with one file in it. */
static int
folder_with(char *template, const char *name, const char *text, mode_t mode)
{
	int	 dir, fd;

	ck_assert_ptr_nonnull(mkdtemp(template));
	dir = open(template, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	return dir;
}

static void
folder_gone(const char *folder, int dir, const char *name)
{
	(void)unlinkat(dir, name, 0);
	(void)close(dir);
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(working_directory)
{
	char			*argv[] = { (char []){ "prog" }, NULL };
	struct spawn_req	 rq = request("./prog", argv);
	char			 folder[] = "/tmp/unit-spawn.XXXXXX";
	char			 real[4096], buf[4200];
	int			 dir = folder_with(folder, "prog",
	    "#!/bin/sh\npwd -P\n", 0700);

	rq.dir_fd = dir;
	output_of(&rq, buf, sizeof(buf));
	buf[strcspn(buf, "\n")] = '\0';
	ck_assert_ptr_nonnull(realpath(folder, real));
	ck_assert_str_eq(buf, real);
	folder_gone(folder, dir, "prog");
}
END_TEST

/* What is held by a descriptor runs although its name is gone. */
START_TEST(held_program)
{
	char			*argv[] = { (char []){ "sh" },
	    (char []){ "-c" }, (char []){ "echo run" }, NULL };
	struct spawn_req	 rq = request("/no/such/name", argv);
	char			 buf[16];

	rq.exec_fd = open("/bin/sh", O_PATH | O_CLOEXEC);
	ck_assert_int_ge(rq.exec_fd, 0);
	output_of(&rq, buf, sizeof(buf));
	ck_assert_str_eq(buf, "run\n");
}
END_TEST

struct failing {
	const char	*text;		/* of the file; NULL: there is none */
	mode_t		 mode;
	int		 code;
	const char	*want;
};

#define FAILING_EARLY 4		/* the first of these */

static const struct failing	failing[] = {
	{ NULL, 0, ENOENT, "exec ./prog: No such file" },
	{ "#!/bin/sh\n", 0600, EACCES, "exec ./prog: Permission denied" },
	{ "echo hello\n", 0700, ENOEXEC,
	    "./prog is not an executable (a script needs a first line" },
	{ "", 0700, ENOEXEC, "is not an executable" },
	{ "#!/no/such/interp -x\n", 0700, ENOENT,
	    "interpreter of ./prog not found: /no/such/interp" },
	{ "#!/bin/sh\r\n", 0700, ENOENT, "carriage return" },
	{ "#! /no/such", 0700, ENOENT, "not found: /no/such" },
};

START_TEST(failure_has_its_reason)
{
	char			*argv[] = { (char []){ "prog" }, NULL };
	const struct failing	*f = &failing[_i];
	struct spawn_req	 rq = request("./prog", argv);
	char			 folder[] = "/tmp/unit-spawn.XXXXXX";
	struct err		 e = { 0 };
	int			 before;

	rq.dir_fd = folder_with(folder, "prog", f->text ? f->text : "",
	    f->mode);
	if (f->text == NULL)
		(void)unlinkat(rq.dir_fd, "prog", 0);
	before = count_fds();
	ck_assert_int_eq(spawn(&rq, &e), -1);
	ck_assert_int_eq(e.code, f->code);
	ck_assert_msg(strstr(e.msg, f->want) != NULL, "%s", e.msg);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_int_eq(count_fds(), before);
	assert_reserved();
	folder_gone(folder, rq.dir_fd, "prog");
}
END_TEST

START_TEST(other_failures)
{
	char			*argv[] = { (char []){ "x" }, NULL };
	struct spawn_req	 rq = request("/", argv);
	int			 bad[] = { 4000 };
	struct err		 e = { 0 };

	ck_assert_int_eq(spawn(&rq, &e), -1);
	ck_assert_str_eq(e.msg, "exec: / is a directory");
	rq = request("/bin/sh", argv);
	rq.dir_fd = null_fd;
	ck_assert_int_eq(spawn(&rq, &e), -1);
	ck_assert_int_eq(e.code, ENOTDIR);
	ck_assert_ptr_nonnull(strstr(e.msg, "working directory"));
	rq = request("/bin/sh", argv);
	rq.fds = bad;
	rq.fd_count = 1;
	ck_assert_int_eq(spawn(&rq, &e), -1);
	ck_assert_int_eq(e.code, EBADF);
	rq.fd_count = SPAWN_FD_MAX + 1;
	ck_assert_int_eq(spawn(&rq, &e), -1);
	ck_assert_int_eq(e.code, EINVAL);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	assert_reserved();
}
END_TEST

/* Start something that outlives us, unless it is told of our death. */
static int
spawn_and_die(int out_fd, int death_signal)
{
	char			*argv[] = { (char []){ "sleep" },
	    (char []){ "300" }, NULL };
	struct spawn_req	 rq = request("/bin/sleep", argv);
	pid_t			 pid = fork();

	if (pid == 0) {
		rq.out_fd = out_fd;
		rq.death_signal = death_signal;
		_exit(spawn(&rq, &(struct err){ 0 }) > 0 ? 0 : 1);
	}
	return status_of(pid);
}

START_TEST(death_signal)
{
	int	 fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(spawn_and_die(fds[1], SIGTERM), 0);
	(void)close(fds[1]);
	ck_assert(all_gone(fds[0]));
}
END_TEST

START_TEST(nothing_piles_up)
{
	char			*argv[] = { (char []){ "true" }, NULL };
	struct spawn_req	 rq = request("/bin/true", argv);
	int			 before = count_fds(), i;

	for (i = 0; i < 50; i++)
		ck_assert_int_eq(status_of(must_spawn(&rq)), 0);
	ck_assert_int_eq(count_fds(), before);
	assert_reserved();
}
END_TEST

static int
spawn_without_fds(void)
{
	char			*argv[] = { (char []){ "true" }, NULL };
	struct spawn_req	 rq = request("/bin/true", argv);
	struct err		 e = { 0 };
	pid_t			 pid;
	int			 last = exhaust_fds(), n;

	for (n = 0; n < 2 && !KERNEL_IS_IN_CHARGE; n++) {
		if (spawn(&rq, &e) != -1 || e.code != EMFILE)
			return 1;
		assert_reserved();
		(void)close(last--);	/* it needs two, for a pipe */
	}
	pid = spawn(&rq, &e);		/* and by itself none */
	return pid > 0 && status_of(pid) == 0 ? 0 : 2;
}

START_TEST(out_of_descriptors)
{
	ck_assert_int_eq(in_child(spawn_without_fds), 0);
}
END_TEST

/* What was inherited on a reserved number stays open on another. */
static int
init_with_inherited(void)
{
	struct pollfd	 pfd;
	struct err	 e = { 0 };
	int		 fds[2], n;

	spawn_fini();
	if (pipe(fds) == -1 || dup2(fds[0], 60) != 60 ||
	    dup2(fds[1], 7) != 7)
		return 1;
	for (n = 3; n < FIRST_FREE; n++)
		if (n != 7)
			(void)close(n);
	if (spawn_init(&e) == -1)
		return 2;
	assert_reserved();
	pfd.fd = 60;
	pfd.events = POLLIN;
	if (poll(&pfd, 1, 0) != 0)
		return 3;		/* it has lost its writer */
	for (n = 3; n < 200; n++)
		if (fcntl(n, F_GETFD) == 0)
			return 4;
	return 0;
}

static int
init_with_closed_streams(void)
{
	char			*argv[] = { (char []){ "true" }, NULL };
	struct spawn_req	 rq = request("/bin/true", argv);
	struct err		 e = { 0 };
	pid_t			 pid;
	int			 n;

	spawn_fini();
	for (n = 0; n < 3; n++)
		(void)close(n);
	if (spawn_init(&e) == -1)
		return 1;
	for (n = 0; n < 3; n++)
		if (fcntl(n, F_GETFD) == -1)
			return 2;
	assert_reserved();
	pid = spawn(&rq, &e);
	return pid > 0 && status_of(pid) == 0 ? 0 : 3;
}

static int
init_with_low_limit(void)
{
	struct rlimit	 rl = { .rlim_cur = 20, .rlim_max = 40 };
	struct err	 e = { 0 };

	spawn_fini();
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		return 1;
	return spawn_init(&e) == -1 &&
	    strstr(e.msg, "limit on descriptors is 40") != NULL ? 0 : 2;
}

/* From here on as on a kernel, or in a container, without close_range. */
static int
hide_close_range(void)
{
	struct sock_filter	 code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog	 prog = {
		.len = ARRAY_LEN(code), .filter = code,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1)
		return -1;
	return syscall(SYS_close_range, 4000U, 4001U, 0U) == -1 &&
	    errno == ENOSYS ? 0 : -1;
}

static int
init_without_close_range(void)
{
	struct spawn_req	 rq = request(NULL, NULL);
	struct err		 e = { 0 };
	struct waiting		 w;

	spawn_fini();
	if (hide_close_range() == -1)
		return 1;
	if (fcntl(null_fd, F_SETFD, 0) == -1 || spawn_init(&e) == -1)
		return 2;
	if (fcntl(null_fd, F_GETFD) != FD_CLOEXEC)
		return 3;
	rq.fds = &null_fd;
	rq.fd_count = 1;
	w = start_waiting(&rq);
	assert_fds_of(w.pid, 4);
	assert_same_file(w.pid, 3, null_fd);
	stop_waiting(&w);
	assert_reserved();
	return 0;
}

/* Neither before spawn_init nor after spawn_fini. */
static int
spawn_uninitialised(void)
{
	char			*argv[] = { (char []){ "true" }, NULL };
	struct spawn_req	 rq = request("/bin/true", argv);
	struct err		 e = { 0 };

	spawn_fini();
	spawn_fini();
	return spawn(&rq, &e) == -1 && e.code == EINVAL ? 0 : 1;
}

START_TEST(init)
{
	ck_assert_int_eq(in_child(init_with_inherited), 0);
	ck_assert_int_eq(in_child(init_with_closed_streams), 0);
	if (KERNEL_IS_IN_CHARGE) {
		ck_assert_int_eq(in_child(init_with_low_limit), 0);
		ck_assert_int_eq(in_child(init_without_close_range), 0);
	}
	ck_assert_int_eq(in_child(spawn_uninitialised), 0);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("spawn failures");

	prepare();
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, working_directory);
	tcase_add_test(tc, held_program);
	tcase_add_loop_test(tc, failure_has_its_reason, 0,
	    KERNEL_IS_IN_CHARGE ? (int)ARRAY_LEN(failing) : FAILING_EARLY);
	tcase_add_test(tc, other_failures);
	tcase_add_test(tc, death_signal);
	tcase_add_test(tc, nothing_piles_up);
	tcase_add_test(tc, out_of_descriptors);
	tcase_add_test(tc, init);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("spawn failures", fill)
