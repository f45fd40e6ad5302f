#include "config.h"
#include "os/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#include "base/err.h"
#include "base/fd.h"
#include "base/util.h"
#include "os/explain.h"

/*
 * How it is done.  The child shares the memory and, until it has unshared
 * them, the descriptors of the supervisor, which stands still meanwhile:
 * nothing is copied that grows with either.  Since close_range(2) copies
 * only what lies below the first number that it closes, everything that
 * the child needs has to be put on low numbers first; these are reserved.
 * So the descriptors come to lie at FIRST_FD and up, and behind them the
 * helpers, which go when exec closes them.
 *
 * The supervisor goes on when exec cannot fail any more (it has the new
 * memory, and is about to close descriptors), or the child has ended and left
 * word of its failure in memory.  Valgrind makes a fork of it: then the
 * end of a pipe tells when that is, and the memory is a page that is shared.
 */
enum helper {
	HELP_IN, HELP_OUT, HELP_ERR, HELP_REPORT, HELP_EXEC, HELP__COUNT
};

#define FIRST_FD	3
#define NULL_FD		(FIRST_FD + SPAWN_FD_MAX + HELP__COUNT)
#define RESERVED_END	(NULL_FD + 1)
#define FD_LIMIT_MIN	(RESERVED_END + 16)
#define STACK_SIZE	((size_t)64 << 10)

#ifndef SYS_close_range
#define SYS_close_range 436	/* the same everywhere */
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* The child runs on a stack and in a moment that sanitizers do not know. */
#define NO_SANITIZE __attribute__((no_sanitize("address"))) \
	__attribute__((no_sanitize("undefined")))

enum step {
	STEP_DIR, STEP_CLOSE, STEP_STDIO, STEP_SESSION, STEP_SIGNALS,
	STEP_LIMIT, STEP_PRIVILEGES, STEP_DEATH, STEP_EXEC, STEP__COUNT
};

static const char *const step_names[STEP__COUNT] = {
	[STEP_DIR] = "change to the working directory",
	[STEP_CLOSE] = "close what is not needed",
	[STEP_STDIO] = "standard streams",
	[STEP_SESSION] = "new session",
	[STEP_SIGNALS] = "reset signals",
	[STEP_LIMIT] = "reset limits",
	[STEP_PRIVILEGES] = "give up ambient capabilities",
	[STEP_DEATH] = "parent-death signal",
	[STEP_EXEC] = "exec",
};

/* What the child says when it cannot go on. */
struct failure {
	bool		 there;
	enum step	 step;
	int		 code;
};

/* Everything that the child works from. */
struct child {
	const struct spawn_req	*req;
	pid_t			 parent;
	int			 helper;	/* the number of HELP_IN */
};

static struct {
	bool		 ready;
	char		*stack;		/* its lowest page is a guard */
	size_t		 guard;
	struct failure	*failure;	/* shared with a fork, too */
	sigset_t	 changed;	/* signals that are not at default */
} self;

/* As much as a supervisor may have, and what processes have as before. */
static struct limit {
	int		 what;
	struct rlimit	 original, raised;
} limits[] = {
	{ .what = RLIMIT_NOFILE },
	{ .what = RLIMIT_NPROC },
};

/* Numbers 0 to 2 are never anything but standard streams. */
static int
open_stdio(struct err *e)
{
	int	 fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd == -1)
			return err_set(e, errno, "/dev/null");
	} while (fd <= STDERR_FILENO);
	(void)close(fd);
	return 0;
}

static int
raise_limits(struct err *e)
{
	struct limit	*l;

	for (l = limits; l < limits + ARRAY_LEN(limits); l++) {
		if (getrlimit(l->what, &l->original) == -1)
			return err_set(e, errno, "resource limit");
		l->raised = l->original;
		l->raised.rlim_cur = l->raised.rlim_max;
		if (setrlimit(l->what, &l->raised) == -1)
			l->raised = l->original;
	}
	if (spawn_fd_limit() < FD_LIMIT_MIN)
		return err_set(e, 0, "the limit on descriptors is %zu, at "
		    "least %d are needed", spawn_fd_limit(), FD_LIMIT_MIN);
	return 0;
}

static void
set_cloexec(int fd)
{
	int	 flags = fcntl(fd, F_GETFD);

	if (flags != -1)
		(void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

/* What was inherited stays ours. */
static int
hide_inherited(struct err *e)
{
	struct dirent	*d;
	DIR		*dir;
	int		 fd;

	if (syscall(SYS_close_range, (unsigned int)FIRST_FD, ~0U,
	    CLOSE_RANGE_CLOEXEC) == 0)
		return 0;
	dir = opendir("/proc/self/fd");		/* before Linux 5.11 */
	if (dir == NULL)
		return err_set(e, errno, "/proc/self/fd");
	while ((d = readdir(dir)) != NULL) {
		fd = (int)strtol(d->d_name, NULL, 10);
		if (fd >= FIRST_FD)
			set_cloexec(fd);
	}
	(void)closedir(dir);
	return 0;
}

/* Whatever lies on a reserved number moves out of the way. */
static int
reserve_one(int null_fd, int n, struct err *e)
{
	if (n == null_fd)
		return 0;
	if (fcntl(n, F_GETFD) != -1 &&
	    fcntl(n, F_DUPFD_CLOEXEC, RESERVED_END) == -1)
		return err_set(e, errno, "inherited descriptor %d", n);
	if (dup3(null_fd, n, O_CLOEXEC) == -1)
		return err_set(e, errno, "reserve descriptor %d", n);
	return 0;
}

static int
reserve_numbers(struct err *e)
{
	int	 null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int	 n;

	if (null_fd == -1)
		return err_set(e, errno, "/dev/null");
	for (n = FIRST_FD; n < RESERVED_END; n++)
		if (reserve_one(null_fd, n, e) == -1)
			break;
	if (null_fd >= RESERVED_END)
		(void)close(null_fd);
	return n == RESERVED_END ? 0 : -1;
}

static int
make_stack(struct err *e)
{
	long	 page = sysconf(_SC_PAGESIZE);
	void	*p;

	self.guard = page > 0 ? (size_t)page : 4096;
	p = mmap(NULL, self.guard + STACK_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return err_set(e, errno, "stack for starting processes");
	if (mprotect(p, self.guard, PROT_NONE) == -1) {
		err_set(e, errno, "stack for starting processes");
		(void)munmap(p, self.guard + STACK_SIZE);
		return -1;
	}
	self.stack = p;
	return 0;
}

static int
make_failure(struct err *e)
{
	void	*p = mmap(NULL, sizeof(*self.failure),
		    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return err_set(e, errno, "memory for starting processes");
	self.failure = p;
	return 0;
}

/* Exec keeps what is ignored, and a handler must not run in the child. */
static void
remember_signals(void)
{
	struct sigaction	 sa;
	int			 sig;

	(void)sigemptyset(&self.changed);
	(void)sigaddset(&self.changed, SIGPIPE);
	for (sig = 1; sig <= SIGRTMAX; sig++)
		if (sig != SIGKILL && sig != SIGSTOP &&
		    sigaction(sig, NULL, &sa) == 0 &&
		    sa.sa_handler != SIG_DFL)
			(void)sigaddset(&self.changed, sig);
}

int
spawn_init(struct err *e)
{
	if (self.ready)
		return 0;
	if (open_stdio(e) == -1 || raise_limits(e) == -1 ||
	    hide_inherited(e) == -1 || reserve_numbers(e) == -1 ||
	    make_stack(e) == -1 || make_failure(e) == -1)
		return -1;
	remember_signals();
	self.ready = true;
	return 0;
}

void
spawn_fini(void)
{
	int	 n;

	if (!self.ready)
		return;
	(void)munmap(self.stack, self.guard + STACK_SIZE);
	(void)munmap(self.failure, sizeof(*self.failure));
	for (n = FIRST_FD; n < RESERVED_END; n++)
		(void)close(n);
	self.ready = false;
}

size_t
spawn_fd_limit(void)
{
	return (size_t)limits[0].raised.rlim_cur;
}

/* From here to child_main: in the child, calls safe in a handler only. */

NO_SANITIZE static int
child_close(unsigned int first)
{
	if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_UNSHARE) == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM && errno != EINVAL)
		return -1;
	return unshare(CLONE_FILES);	/* exec closes the rest */
}

NO_SANITIZE static int
child_stdio(int helper)
{
	if (dup2(helper + HELP_IN, STDIN_FILENO) == -1 ||
	    dup2(helper + HELP_OUT, STDOUT_FILENO) == -1 ||
	    dup2(helper + HELP_ERR, STDERR_FILENO) == -1)
		return -1;
	return 0;
}

NO_SANITIZE static int
child_signals(void)
{
	struct sigaction	 sa;
	int			 sig;

	sa.sa_handler = SIG_DFL;
	sa.sa_flags = 0;
	(void)sigemptyset(&sa.sa_mask);
	for (sig = 1; sig <= SIGRTMAX; sig++)
		if (sigismember(&self.changed, sig) == 1 &&
		    sigaction(sig, &sa, NULL) == -1)
			return -1;
	return sigprocmask(SIG_SETMASK, &sa.sa_mask, NULL);
}

NO_SANITIZE static int
child_death_signal(const struct child *c)
{
	if (c->req->death_signal == 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, c->req->death_signal, 0, 0, 0) == -1)
		return -1;
	if (getppid() != c->parent)
		_exit(127);		/* too late to be told */
	return 0;
}

NO_SANITIZE static int
child_limits(void)
{
	size_t	 i;

	for (i = 0; i < ARRAY_LEN(limits); i++)
		if (limits[i].original.rlim_cur != limits[i].raised.rlim_cur &&
		    setrlimit(limits[i].what, &limits[i].original) == -1)
			return -1;
	return 0;
}

/*
 * Capabilities that the supervisor was given for itself, as by systemd's
 * AmbientCapabilities, would pass to whatever it executes.
 */
NO_SANITIZE static int
child_privileges(void)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 ||
	    errno == EINVAL)		/* a kernel that has none */
		return 0;
	return -1;
}

/* Its own pid, as no function of stdio may be used to write it. */
NO_SANITIZE static void
child_write_pid(char *place)
{
	char	 digits[SPAWN_PID_SIZE];
	size_t	 n = 0;
	pid_t	 pid = getpid();

	for (; pid > 0 && n < sizeof(digits) - 1; pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	while (n > 0)
		*place++ = digits[--n];
	*place = '\0';
}

NO_SANITIZE static void
child_exec(const struct child *c)
{
	size_t	 i;

	for (i = 0; i < SPAWN_PID_PLACES; i++)
		if (c->req->pid_places[i] != NULL)
			child_write_pid(c->req->pid_places[i]);
	if (c->req->exec_fd == -1)
		(void)execve(c->req->path, c->req->argv, c->req->envp);
	else
		(void)syscall(SYS_execveat, c->helper + HELP_EXEC, "",
		    c->req->argv, c->req->envp, AT_EMPTY_PATH);
}

/* Up to exec; returns the step that failed, with errno. */
NO_SANITIZE static enum step
child_steps(const struct child *c)
{
	if (c->req->dir_fd != -1 && fchdir(c->req->dir_fd) == -1)
		return STEP_DIR;
	if (child_close((unsigned int)(c->helper + HELP__COUNT)) == -1)
		return STEP_CLOSE;
	if (child_stdio(c->helper) == -1)
		return STEP_STDIO;
	if (setsid() == -1)
		return STEP_SESSION;
	if (child_limits() == -1)
		return STEP_LIMIT;
	if (child_privileges() == -1)
		return STEP_PRIVILEGES;
	if (child_death_signal(c) == -1)
		return STEP_DEATH;
	if (child_signals() == -1)
		return STEP_SIGNALS;
	child_exec(c);
	return STEP_EXEC;
}

NO_SANITIZE static int
child_main(void *arg)
{
	self.failure->step = child_steps(arg);
	self.failure->code = errno;
	self.failure->there = true;
	_exit(127);
}

/* Put what the child shall find on the reserved numbers. */
static int
place(const struct spawn_req *rq, int helper, int report, struct err *e)
{
	const int	 help[HELP__COUNT] = {
		[HELP_IN] = rq->in_fd != -1 ? rq->in_fd : NULL_FD,
		[HELP_OUT] = rq->out_fd,
		[HELP_ERR] = rq->err_fd,
		[HELP_REPORT] = report != -1 ? report : NULL_FD,
		[HELP_EXEC] = rq->exec_fd != -1 ? rq->exec_fd : NULL_FD,
	};
	size_t		 i;

	for (i = 0; i < rq->fd_count; i++)
		if (dup3(rq->fds[i], FIRST_FD + (int)i, 0) == -1)
			return err_set(e, errno, "descriptor %d", rq->fds[i]);
	for (i = 0; i < HELP__COUNT; i++)
		if (dup3(help[i], helper + (int)i, O_CLOEXEC) == -1)
			return err_set(e, errno, "descriptor %d", help[i]);
	return 0;
}

static void
unplace(int end)
{
	int	 n;

	for (n = FIRST_FD; n < end; n++)
		(void)dup3(NULL_FD, n, O_CLOEXEC);
}

/* With every signal blocked, since a handler would share our memory. */
static pid_t
start(struct child *c)
{
	sigset_t	 all, old;
	pid_t		 pid;
	int		 code;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	c->parent = getpid();
	if (RUNNING_ON_VALGRIND) {
		pid = fork();
		if (pid == 0)
			_exit(child_main(c));
	} else {
		pid = clone(child_main,
		    self.stack + self.guard + STACK_SIZE,
		    CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, c);
	}
	code = errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	errno = code;
	return pid;
}

static pid_t
place_and_start(const struct spawn_req *rq, int report, struct err *e)
{
	struct child	 c = {
		.req = rq,
		.helper = FIRST_FD + (int)rq->fd_count,
	};
	pid_t		 pid = -1;

	if (place(rq, c.helper, report, e) == 0) {
		pid = start(&c);
		if (pid == -1)
			err_set(e, errno, "cannot start a process");
	}
	unplace(c.helper + HELP__COUNT);
	return pid;
}

/* The child has failed, and is about to end or has. */
static int
explain(const struct spawn_req *rq, const struct failure *f, struct err *e)
{
	const char	*path = rq->path != NULL ? rq->path : rq->argv[0];

	if (f->step != STEP_EXEC)
		return err_set(e, f->code, "%s, for %s", step_names[f->step],
		    path);
	return explain_exec(path, rq->dir_fd, rq->exec_fd, f->code, e);
}

/* Until exec has closed the other end, or the end of the child has. */
static void
await_exec(int report)
{
	char	 c;

	while (read(report, &c, 1) == -1 && errno == EINTR)
		continue;
}

pid_t
spawn(const struct spawn_req *rq, struct err *e)
{
	int	 report[2] = { -1, -1 };
	pid_t	 pid;

	if (!self.ready || rq->fd_count > SPAWN_FD_MAX)
		return err_set(e, EINVAL, "cannot start a process");
	if (RUNNING_ON_VALGRIND && pipe2(report, O_CLOEXEC) == -1)
		return err_set(e, errno, "pipe");
	self.failure->there = false;
	pid = place_and_start(rq, report[1], e);
	fd_close(&report[1]);
	if (report[0] != -1 && pid != -1)
		await_exec(report[0]);
	fd_close(&report[0]);
	if (pid == -1 || !self.failure->there)
		return pid;
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	return explain(rq, self.failure, e);
}
