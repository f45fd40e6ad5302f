#include "config.h"
#include "t/unit_os.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/err.h"
#include "base/fd.h"
#include "os/spawn.h"
#include "t/unit.h"

#define SOFT_LIMIT 333
#define FIRST_FREE (3 + SPAWN_FD_MAX + 6)	/* above what is reserved */

static char *const	no_env[] = { NULL };
static int		null_fd;

/* A request that runs a program with everything else empty. */
static struct spawn_req
request(const char *path, char *const *argv)
{
	struct spawn_req	 rq = {
		.path = path, .exec_fd = -1, .argv = argv, .envp = no_env,
		.dir_fd = -1, .in_fd = -1, .out_fd = null_fd,
		.err_fd = null_fd,
	};

	return rq;
}

static pid_t
must_spawn(const struct spawn_req *rq)
{
	struct err	 e = { 0 };
	pid_t		 pid = spawn(rq, &e);

	ck_assert_msg(pid > 0, "%s", e.msg);
	return pid;
}

/* What a command prints on its stdout. */
static void
output_of(struct spawn_req *rq, char *buf, size_t size)
{
	int	 fds[2];
	pid_t	 pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	rq->out_fd = fds[1];
	pid = must_spawn(rq);
	(void)close(fds[1]);
	(void)read_all(fds[0], buf, size);
	(void)close(fds[0]);
	ck_assert_int_eq(status_of(pid), 0);
}

/* A cat that waits for its stdin, so that one can look at it. */
struct waiting {
	pid_t	 pid;
	int	 in;
};

static struct waiting
start_waiting(struct spawn_req *rq)
{
	char		*argv[] = { (char []){ "cat" }, NULL };
	struct waiting	 w;
	int		 fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	rq->path = "/bin/cat";
	rq->argv = argv;
	rq->in_fd = fds[0];
	w.pid = must_spawn(rq);
	(void)close(fds[0]);
	w.in = fds[1];
	return w;
}

static void
stop_waiting(struct waiting *w)
{
	(void)close(w->in);
	ck_assert_int_eq(status_of(w->pid), 0);
}

static void
read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	char	 path[64];
	int	 fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	(void)read_all(fd, buf, size);
	(void)close(fd);
}

/* The same open file, by what /proc calls it. */
static void
assert_same_file(pid_t pid, int theirs, int ours)
{
	char	 path[64], a[256] = "", b[256] = "";

	(void)snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)pid,
	    theirs);
	ck_assert_int_gt(readlink(path, a, sizeof(a) - 1), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", ours);
	ck_assert_int_gt(readlink(path, b, sizeof(b) - 1), 0);
	ck_assert_str_eq(a, b);
}

/* Open in a process, but for what valgrind adds far above. */
static int
count_fds_of(pid_t pid)
{
	char		 path[64];
	struct dirent	*d;
	DIR		*dir;
	int		 n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' && (KERNEL_IS_IN_CHARGE ||
		    strtol(d->d_name, NULL, 10) < 1024))
			n++;
	(void)closedir(dir);
	return n;
}

/* So many are open once it is done with loading its libraries. */
static void
assert_fds_of(pid_t pid, int want)
{
	int	 tries = PATIENCE_MS / 10;

	while (count_fds_of(pid) != want && tries-- > 0)
		(void)poll(NULL, 0, 10);
	ck_assert_int_eq(count_fds_of(pid), want);
}

/* Every reserved number is /dev/null again, and closed by exec. */
static void
assert_reserved(void)
{
	struct stat	 st;
	int		 n;

	for (n = 3; n < FIRST_FREE; n++) {
		ck_assert_int_eq(fstat(n, &st), 0);
		ck_assert(S_ISCHR(st.st_mode));
		ck_assert_uint_eq(st.st_rdev, makedev(1, 3));
		ck_assert_int_eq(fcntl(n, F_GETFD), FD_CLOEXEC);
	}
}

START_TEST(standard_streams)
{
	char			*argv[] = { (char []){ "sh" },
	    (char []){ "-c" }, (char []){ "cat; echo err >&2" }, NULL };
	struct spawn_req	 rq = request("/bin/sh", argv);
	int			 in[2], out[2], err[2];
	char			 buf[64];
	pid_t			 pid;

	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
	rq.in_fd = in[0];
	rq.out_fd = out[1];
	rq.err_fd = err[1];
	pid = must_spawn(&rq);
	(void)close(in[0]);
	(void)close(out[1]);
	(void)close(err[1]);
	ck_assert_int_eq(write(in[1], "hello\n", 6), 6);
	(void)close(in[1]);
	(void)read_all(out[0], buf, sizeof(buf));
	ck_assert_str_eq(buf, "hello\n");
	(void)read_all(err[0], buf, sizeof(buf));
	ck_assert_str_eq(buf, "err\n");
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

START_TEST(words_and_environment)
{
	char			*argv[] = { (char []){ "name" },
	    (char []){ "-c" }, (char []){ "echo \"$0|$1|$A|$HOME\"; "
	    "wc -c </dev/stdin" }, (char []){ "zero" },
	    (char []){ "a b" }, NULL };
	char			*env[] = { (char []){ "A=1 2" },
	    (char []){ "PATH=/usr/bin:/bin" }, NULL };
	struct spawn_req	 rq = request("/bin/sh", argv);
	char			 buf[64];

	rq.envp = env;
	output_of(&rq, buf, sizeof(buf));
	ck_assert_str_eq(buf, "zero|a b|1 2|\n0\n");
}
END_TEST

START_TEST(only_the_named_descriptors)
{
	struct spawn_req	 rq = request(NULL, NULL);
	struct waiting		 w;
	int			 fds[SPAWN_FD_MAX], p[2], out[2], i;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	for (i = 0; i < SPAWN_FD_MAX; i += 2) {
		ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
		fds[i] = p[1];
		fds[i + 1] = p[0];
	}
	ck_assert_int_eq(fd_set_nonblock(fds[1], true), 0);
	rq.out_fd = out[1];
	rq.err_fd = null_fd;
	rq.fds = fds;
	for (rq.fd_count = 0; rq.fd_count <= SPAWN_FD_MAX; rq.fd_count += 8) {
		w = start_waiting(&rq);
		assert_fds_of(w.pid, 3 + (int)rq.fd_count);
		assert_same_file(w.pid, 1, out[1]);
		assert_same_file(w.pid, 2, null_fd);
		for (i = 0; i < (int)rq.fd_count; i++)
			assert_same_file(w.pid, 3 + i, fds[i]);
		stop_waiting(&w);
		assert_reserved();
	}
	ck_assert(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	ck_assert(!(fcntl(fds[3], F_GETFL) & O_NONBLOCK));
}
END_TEST

/* One descriptor may be asked for more than once. */
START_TEST(the_same_descriptor_twice)
{
	struct spawn_req	 rq = request(NULL, NULL);
	int			 fds[2] = { null_fd, null_fd };
	struct waiting		 w;

	rq.fds = fds;
	rq.fd_count = 2;
	w = start_waiting(&rq);
	assert_fds_of(w.pid, 5);
	assert_same_file(w.pid, 4, null_fd);
	stop_waiting(&w);
}
END_TEST

/*
 * Signals 32 and 33 belong to the C library, which lets nobody change them:
 * whoever started us may have left them ignored.
 */
#define LIBC_SIGNALS 0x180000000ull

static void
assert_mask(const char *status, const char *name)
{
	const char	*p = strstr(status, name);

	ck_assert_ptr_nonnull(p);
	ck_assert_msg((strtoull(p + strlen(name), NULL, 16) &
	    ~LIBC_SIGNALS) == 0, "%.40s", p);
}

/* main has some ignored, and here all are blocked. */
START_TEST(default_signals)
{
	struct spawn_req	 rq = request(NULL, NULL);
	struct waiting		 w;
	char			 buf[8192];
	sigset_t		 all, now;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	w = start_waiting(&rq);
	read_proc(w.pid, "status", buf, sizeof(buf));
	assert_mask(buf, "\nSigBlk:");
	assert_mask(buf, "\nSigIgn:");
	assert_mask(buf, "\nSigCgt:");
	assert_mask(buf, "\nSigPnd:");
	stop_waiting(&w);
	(void)sigprocmask(SIG_SETMASK, NULL, &now);
	ck_assert_int_eq(sigismember(&now, SIGTERM), 1);
}
END_TEST

START_TEST(session_and_limits)
{
	struct spawn_req	 rq = request(NULL, NULL);
	struct waiting		 w = start_waiting(&rq);
	char			 buf[8192], *p;

	ck_assert_int_eq(getsid(w.pid), w.pid);
	ck_assert_int_eq(getpgid(w.pid), w.pid);
	read_proc(w.pid, "limits", buf, sizeof(buf));
	p = strstr(buf, "Max open files");
	ck_assert_ptr_nonnull(p);
	if (KERNEL_IS_IN_CHARGE)
		ck_assert_int_eq((int)strtol(p + 14, NULL, 10), SOFT_LIMIT);
	ck_assert_uint_gt(spawn_fd_limit(), SOFT_LIMIT);
	stop_waiting(&w);
}
END_TEST

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

	for (n = 0; n < 2; n++) {
		if (spawn(&rq, &e) != -1 || e.code != EMFILE)
			return 1;
		assert_reserved();
		(void)close(last--);	/* two are enough, for a pipe */
	}
	pid = spawn(&rq, &e);
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

/*
 * Before check opens anything, since the low numbers have to be free; and
 * so without its asserts.
 */
static void
prepare(void)
{
	struct rlimit	 rl;
	struct err	 e;

	(void)getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = SOFT_LIMIT;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGRTMIN + 3, SIG_IGN);
	if (spawn_init(&e) == -1) {
		(void)printf("Bail out! %s\n", e.msg);
		exit(EXIT_FAILURE);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("spawn");

	prepare();
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, standard_streams);
	tcase_add_test(tc, words_and_environment);
	tcase_add_test(tc, only_the_named_descriptors);
	tcase_add_test(tc, the_same_descriptor_twice);
	tcase_add_test(tc, default_signals);
	tcase_add_test(tc, session_and_limits);
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

UNIT_MAIN("spawn", fill)
