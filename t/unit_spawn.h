#ifndef T_UNIT_SPAWN_H
#define T_UNIT_SPAWN_H
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "base/err.h"
#include "os/spawn.h"
#include "t/unit_os.h"

/* What the tests of starting processes have in common. */

#define SOFT_LIMIT 333
#define FIRST_FREE (3 + SPAWN_FD_MAX + 6)	/* above what is reserved */

static char *const	no_env[] = { NULL };
static int		null_fd;
static rlim_t		processes;	/* the soft limit on them */

/* A request that runs a program with everything else empty. */
static inline struct spawn_req
request(const char *path, char *const *argv)
{
	struct spawn_req	 rq = {
		.path = path, .exec_fd = -1, .argv = argv, .envp = no_env,
		.dir_fd = -1, .in_fd = -1, .out_fd = null_fd,
		.err_fd = null_fd,
	};

	return rq;
}

static inline pid_t
must_spawn(const struct spawn_req *rq)
{
	struct err	 e = { 0 };
	pid_t		 pid = spawn(rq, &e);

	ck_assert_msg(pid > 0, "%s", e.msg);
	return pid;
}

/* What a command prints on its stdout. */
static inline void
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

static inline void
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

/* Asleep: what exec does last, after we have gone on, is done, too. */
static inline void
await_sleep(pid_t pid)
{
	char	 buf[1024], *p;
	int	 tries = PATIENCE_MS / 10;

	for (;;) {
		read_proc(pid, "stat", buf, sizeof(buf));
		p = strrchr(buf, ')');
		if (p != NULL && p[1] == ' ' && p[2] == 'S')
			return;
		ck_assert_int_gt(tries--, 0);
		(void)poll(NULL, 0, 10);
	}
}

/* A cat that waits for its stdin, so that one can look at it. */
struct waiting {
	pid_t	 pid;
	int	 in;
};

static inline struct waiting
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
	await_sleep(w.pid);
	return w;
}

static inline void
stop_waiting(struct waiting *w)
{
	(void)close(w->in);
	ck_assert_int_eq(status_of(w->pid), 0);
}

/* The same open file, by what /proc calls it. */
static inline void
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
static inline int
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
static inline void
assert_fds_of(pid_t pid, int want)
{
	int	 tries = PATIENCE_MS / 10;

	while (count_fds_of(pid) != want && tries-- > 0)
		(void)poll(NULL, 0, 10);
	ck_assert_int_eq(count_fds_of(pid), want);
}

/* Every reserved number is /dev/null again, and closed by exec. */
static inline void
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

/*
 * Before check opens anything, since the low numbers have to be free; and
 * so without its asserts.
 */
static inline void
prepare(void)
{
	struct rlimit	 rl;
	struct err	 e;

	(void)getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = SOFT_LIMIT;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	(void)getrlimit(RLIMIT_NPROC, &rl);
	if (rl.rlim_max > 20001)
		rl.rlim_cur = 20001;
	processes = rl.rlim_cur;
	(void)setrlimit(RLIMIT_NPROC, &rl);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGRTMIN + 3, SIG_IGN);
	if (spawn_init(&e) == -1) {
		(void)printf("Bail out! %s\n", e.msg);
		exit(EXIT_FAILURE);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
}
#endif
