#include "config.h"
#include "t/unit_os.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "os/errout.h"
#include "os/loop.h"
#include "t/unit.h"

#define LINE_SIZE 100		/* of a numbered line, with its newline */

/* What came out, and how it has to look. */
struct reading {
	char		*data;
	size_t		 len;
};

static struct ev_loop	*loop;

static void
start_on(int fd)
{
	struct err	 e = { 0 };

	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	loop = loop_new(&e);
	ck_assert_ptr_nonnull(loop);
	ck_assert_msg(errout_start(loop, &e) == 0, "%s", e.msg);
}

static void
stop(unsigned int limit_ms)
{
	errout_stop(limit_ms);
	loop_free(loop);
}

/* "line 000000 xxxx...": the way every line of these tests looks. */
static void
write_line(unsigned int n)
{
	char	 line[LINE_SIZE + 1];

	memset(line, 'x', LINE_SIZE);
	(void)snprintf(line, sizeof(line), "line %06u", n);
	line[11] = ' ';
	line[LINE_SIZE - 1] = '\n';
	errout_write(line, LINE_SIZE);
}

/* Take what is there, letting the loop run, until nothing comes. */
static void
read_on(int fd, struct reading *r)
{
	struct pollfd	 pfd = { .fd = fd, .events = POLLIN };
	ssize_t		 n;

	if (r->data == NULL)
		r->data = malloc(16 << 20);
	ck_assert_ptr_nonnull(r->data);
	for (;;) {
		(void)ev_run(loop, EVRUN_NOWAIT);
		if (poll(&pfd, 1, 20) != 1 || !(pfd.revents & POLLIN))
			return;
		n = read(fd, r->data + r->len, (16 << 20) - 1 - r->len);
		ck_assert_int_ge(n, 0);
		r->len += (size_t)n;
		r->data[r->len] = '\0';
		if (n == 0)
			return;
	}
}

/* Whole lines in order; returns how many, and how many are told as lost. */
static unsigned int
check_lines(const struct reading *r, unsigned int *ret_lost)
{
	unsigned int	 seen = 0, n, next = 0, lost;
	const char	*p = r->data, *end;
	const char	*note;

	*ret_lost = 0;
	for (; p < r->data + r->len; p = end + 1) {
		end = strchr(p, '\n');
		ck_assert_ptr_nonnull(end);
		if (strncmp(p, "line ", 5) == 0) {
			n = (unsigned int)strtoul(p + 5, NULL, 10);
			ck_assert_int_eq(end - p, LINE_SIZE - 1);
			ck_assert_uint_eq(n, next);
			next++;
			seen++;
			continue;
		}
		ck_assert_msg(strncmp(p, "rota: warning: ", 15) == 0,
		    "%.60s", p);
		note = strstr(p, "lost: ");
		ck_assert_ptr_nonnull(note);
		lost = (unsigned int)strtoul(note + 6, NULL, 10);
		ck_assert_uint_gt(lost, 0);
		*ret_lost += lost;
		next += lost;
	}
	return seen;
}

static bool
is_nonblocking(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

START_TEST(pipe_that_is_read)
{
	struct reading	 r = { 0 };
	unsigned int	 i, lost;
	int		 fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	start_on(fds[1]);
	for (i = 0; i < 100; i++)
		write_line(i);
	log_info("%s", "from log");
	ck_assert(!is_nonblocking(STDERR_FILENO));
	stop(0);
	(void)close(fds[1]);
	(void)close(STDERR_FILENO);
	r.data = malloc(1 << 20);
	r.len = read_all(fds[0], r.data, 1 << 20);
	ck_assert_str_eq(r.data + 100 * LINE_SIZE, "rota: from log\n");
	r.len = 100 * LINE_SIZE;
	ck_assert_uint_eq(check_lines(&r, &lost), 100);
	ck_assert_uint_eq(lost, 0);
	free(r.data);
}
END_TEST

/* More than a pipe holds, and less than the buffer: nothing is lost. */
START_TEST(pipe_that_is_slow)
{
	struct reading	 r = { 0 };
	unsigned int	 i, lost;
	int		 fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	start_on(fds[1]);
	for (i = 0; i < 5000; i++)
		write_line(i);
	read_on(fds[0], &r);
	ck_assert_uint_eq(check_lines(&r, &lost), 5000);
	ck_assert_uint_eq(lost, 0);
	ck_assert(!is_nonblocking(STDERR_FILENO));
	/* Nothing waits any more, so that the loop has nothing to do. */
	ck_assert_int_eq(ev_run(loop, 0), 0);
	stop(0);
	free(r.data);
}
END_TEST

START_TEST(pipe_that_overflows)
{
	struct reading	 r = { 0 };
	unsigned int	 i, lost, seen;
	int		 fds[2], round;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	start_on(fds[1]);
	for (round = 0, i = 0; round < 3; round++) {
		for (; i < 20000u * (unsigned int)(round + 1); i++)
			write_line(i);
		read_on(fds[0], &r);
	}
	seen = check_lines(&r, &lost);
	ck_assert_uint_gt(seen, 3 * ERROUT_BUFFER / LINE_SIZE);
	ck_assert_uint_lt(seen, 40000);
	ck_assert_uint_eq(seen + lost, 60000);
	stop(0);
	free(r.data);
}
END_TEST

/* Nobody reads at all: we stop at the limit, and not before it is over. */
START_TEST(pipe_that_is_stuck)
{
	unsigned int	 i;
	uint64_t	 begin;
	int		 fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	start_on(fds[1]);
	begin = clock_ms();
	for (i = 0; i < 50000; i++)
		write_line(i);
	for (i = 0; i < 100; i++)
		(void)ev_run(loop, EVRUN_NOWAIT);
	stop(100);
	ck_assert_uint_lt(clock_ms() - begin, 5000);
	ck_assert_uint_ge(clock_ms() - begin, 100);
}
END_TEST

/* No reader, then one again: what was lost meanwhile is told. */
START_TEST(reader_that_leaves)
{
	char		 folder[] = "/tmp/unit-errout.XXXXXX", path[64];
	struct reading	 r = { 0 };
	unsigned int	 i, lost;
	int		 fd, out;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/fifo", folder);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	out = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(out, 0);
	start_on(out);
	for (i = 0; i < 5000; i++)
		write_line(i);
	(void)close(fd);
	(void)ev_run(loop, EVRUN_NOWAIT);
	ck_assert_int_eq(ev_run(loop, 0), 0);	/* it waits for nothing */
	for (; i < 6000; i++)
		write_line(i);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	for (; i < 6010; i++)
		write_line(i);
	read_on(fd, &r);
	/* A FIFO keeps what it had taken. */
	ck_assert_uint_eq(check_lines(&r, &lost) + lost, 6010);
	ck_assert_uint_gt(lost, 5000);
	stop(0);
	(void)unlink(path);
	(void)rmdir(folder);
	free(r.data);
}
END_TEST

START_TEST(full_disk)
{
	unsigned int	 i;
	int		 fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	start_on(fd);
	for (i = 0; i < 1000; i++)
		write_line(i);
	ck_assert_int_eq(ev_run(loop, 0), 0);
	stop(1000);
}
END_TEST

START_TEST(regular_file)
{
	FILE		*f = tmpfile();
	struct reading	 r = { 0 };
	unsigned int	 i, lost;

	start_on(fileno(f));
	for (i = 0; i < 1000; i++)
		write_line(i);
	r.data = malloc(1 << 20);
	r.len = (size_t)pread(fileno(f), r.data, (1 << 20) - 1, 0);
	r.data[r.len] = '\0';
	ck_assert_uint_eq(check_lines(&r, &lost), 1000);
	ck_assert_uint_eq(lost, 0);
	stop(0);
	(void)fclose(f);
	free(r.data);
}
END_TEST

/* A file that may not grow: the line that was cut is ended, and counted. */
START_TEST(file_that_may_not_grow)
{
	struct rlimit	 rl = { .rlim_cur = 950, .rlim_max = 4096 };
	FILE		*f = tmpfile();
	char		 buf[4096];
	unsigned int	 i;
	ssize_t		 n;

	(void)signal(SIGXFSZ, SIG_IGN);
	start_on(fileno(f));
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &rl), 0);
	for (i = 0; i < 15; i++)
		write_line(i);
	rl.rlim_cur = rl.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &rl), 0);
	write_line(15);
	n = pread(fileno(f), buf, sizeof(buf) - 1, 0);
	ck_assert_int_gt(n, 1000);
	buf[n] = '\0';
	ck_assert_int_eq(strncmp(buf + 950, "\nrota: warning: ", 16), 0);
	ck_assert_ptr_nonnull(strstr(buf + 950, " lost: 6\nline 000015 "));
	ck_assert_int_eq(buf[n - 1], '\n');
	stop(0);
	(void)fclose(f);
}
END_TEST

START_TEST(socket_that_is_slow)
{
	struct reading	 r = { 0 };
	unsigned int	 i, lost;
	int		 fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds), 0);
	start_on(fds[1]);
	for (i = 0; i < 9000; i++)
		write_line(i);
	read_on(fds[0], &r);
	ck_assert_uint_eq(check_lines(&r, &lost), 9000);
	ck_assert_uint_eq(lost, 0);
	ck_assert(!is_nonblocking(fds[1]));
	(void)close(fds[0]);
	write_line(i);
	ck_assert_int_eq(ev_run(loop, 0), 0);
	stop(0);
	free(r.data);
}
END_TEST

static int
open_terminal(int *ret_master)
{
	struct termios	 t;
	int		 fd;

	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(*ret_master, 0);
	ck_assert_int_eq(grantpt(*ret_master), 0);
	ck_assert_int_eq(unlockpt(*ret_master), 0);
	fd = open(ptsname(*ret_master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	t.c_oflag &= ~(tcflag_t)OPOST;
	ck_assert_int_eq(tcsetattr(fd, TCSANOW, &t), 0);
	return fd;
}

/* As by control-S; what was written before may still be read. */
START_TEST(terminal_that_is_stopped)
{
	struct reading	 r = { 0 };
	unsigned int	 i, lost;
	int		 master, fd = open_terminal(&master);

	start_on(fd);
	write_line(0);
	read_on(master, &r);
	ck_assert_uint_eq(r.len, LINE_SIZE);
	ck_assert_int_eq(tcflow(fd, TCOOFF), 0);
	for (i = 1; i < 2000; i++)
		write_line(i);
	read_on(master, &r);
	ck_assert_uint_eq(r.len, LINE_SIZE);
	ck_assert_int_eq(tcflow(fd, TCOON), 0);
	read_on(master, &r);
	ck_assert_uint_eq(check_lines(&r, &lost), 2000);
	ck_assert_uint_eq(lost, 0);
	ck_assert(!is_nonblocking(STDERR_FILENO));
	stop(0);
	free(r.data);
}
END_TEST

START_TEST(terminal_that_is_gone)
{
	unsigned int	 i;
	int		 master, fd = open_terminal(&master);

	start_on(fd);
	ck_assert_int_eq(tcflow(fd, TCOOFF), 0);
	for (i = 0; i < 100; i++)
		write_line(i);
	(void)close(master);
	(void)ev_run(loop, EVRUN_NOWAIT);
	for (; i < 200; i++)
		write_line(i);
	ck_assert_int_eq(ev_run(loop, 0), 0);
	stop(1000);
}
END_TEST

/* Let nobody open it again: it has to be asked before each write. */
static void
start_on_locked(int fd)
{
	int	 probe;

	ck_assert_int_eq(fchmod(fd, 0), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	probe = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_eq(probe, -1);
	start_on(fd);
}

START_TEST(pipe_of_somebody_else)
{
	struct reading	 r = { 0 };
	unsigned int	 i, lost;
	int		 fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	start_on_locked(fds[1]);
	for (i = 0; i < 30000; i++)
		write_line(i);
	read_on(fds[0], &r);
	write_line(i++);
	read_on(fds[0], &r);
	ck_assert_uint_gt(check_lines(&r, &lost), 10000);
	ck_assert_uint_eq(check_lines(&r, &lost) + lost, 30001);
	ck_assert_int_eq(ev_run(loop, 0), 0);
	stop(0);
	free(r.data);
}
END_TEST

START_TEST(terminal_of_somebody_else)
{
	struct reading	 r = { 0 };
	unsigned int	 i, lost;
	int		 master, fd = open_terminal(&master);

	start_on_locked(fd);
	ck_assert_int_eq(tcflow(fd, TCOOFF), 0);
	for (i = 0; i < 1000; i++)
		write_line(i);
	read_on(master, &r);
	ck_assert_uint_eq(r.len, 0);
	ck_assert_int_eq(tcflow(fd, TCOON), 0);
	read_on(master, &r);
	ck_assert_uint_eq(check_lines(&r, &lost), 1000);
	stop(0);
	free(r.data);
}
END_TEST

START_TEST(stop_writes_the_rest)
{
	struct reading	 r = { 0 };
	unsigned int	 i, lost;
	int		 fds[2];
	pid_t		 pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		start_on(fds[1]);
		for (i = 0; i < 30000; i++)
			write_line(i);
		stop(PATIENCE_MS);
		_exit(0);
	}
	(void)close(fds[1]);
	r.data = malloc(4 << 20);
	r.len = read_all(fds[0], r.data, 4 << 20);
	ck_assert_int_eq(status_of(pid), 0);
	ck_assert_uint_gt(check_lines(&r, &lost), 10000);
	ck_assert_uint_eq(check_lines(&r, &lost) + lost, 30000);
	free(r.data);
}
END_TEST

START_TEST(nothing_is_left_open)
{
	int	 fds[2], before;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	(void)dup2(fds[1], STDERR_FILENO);
	errout_stop(0);				/* not started: nothing */
	before = count_fds();
	start_on(fds[1]);
	write_line(0);
	stop(0);
	errout_stop(0);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

static int
start_without_fds(void)
{
	struct err	 e = { 0 };
	int		 fds[2], last;
	char		 c;

	if (pipe2(fds, O_CLOEXEC) == -1 || dup2(fds[1], 2) == -1)
		return 1;
	loop = loop_new(&e);
	last = exhaust_fds();
	if (errout_start(loop, &e) == -1)
		return 2;
	write_line(0);
	errout_stop(0);
	(void)close(last);
	return read(fds[0], &c, 1) == 1 && c == 'l' ? 0 : 3;
}

static int
start_without_stderr(void)
{
	struct err	 e = { 0 };

	loop = loop_new(&e);
	(void)close(STDERR_FILENO);
	return errout_start(loop, &e) == -1 && e.code == EBADF ? 0 : 1;
}

START_TEST(out_of_descriptors)
{
	ck_assert_int_eq(in_child(start_without_fds), 0);
	ck_assert_int_eq(in_child(start_without_stderr), 0);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("errout");

	(void)signal(SIGPIPE, SIG_IGN);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, pipe_that_is_read);
	tcase_add_test(tc, pipe_that_is_slow);
	tcase_add_test(tc, pipe_that_overflows);
	tcase_add_test(tc, pipe_that_is_stuck);
	tcase_add_test(tc, reader_that_leaves);
	tcase_add_test(tc, full_disk);
	tcase_add_test(tc, regular_file);
	tcase_add_test(tc, file_that_may_not_grow);
	tcase_add_test(tc, socket_that_is_slow);
	tcase_add_test(tc, terminal_that_is_stopped);
	tcase_add_test(tc, terminal_that_is_gone);
	tcase_add_test(tc, pipe_of_somebody_else);
	tcase_add_test(tc, terminal_of_somebody_else);
	tcase_add_test(tc, stop_writes_the_rest);
	tcase_add_test(tc, nothing_is_left_open);
	tcase_add_test(tc, out_of_descriptors);
	suite_add_tcase(s, tc);
}

UNIT_MAIN_FORKS("errout", fill)
