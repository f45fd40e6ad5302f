#include "config.h"
#include "t/unit_spawn.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "t/unit.h"

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
	struct rlimit		 rl;
	char			 buf[8192], *p;

	ck_assert_int_eq(getsid(w.pid), w.pid);
	ck_assert_int_eq(getpgid(w.pid), w.pid);
	read_proc(w.pid, "limits", buf, sizeof(buf));
	p = strstr(buf, "Max open files");
	ck_assert_ptr_nonnull(p);
	if (KERNEL_IS_IN_CHARGE)
		ck_assert_int_eq((int)strtol(p + 14, NULL, 10), SOFT_LIMIT);
	ck_assert_uint_gt(spawn_fd_limit(), SOFT_LIMIT);
	p = strstr(buf, "Max processes");
	ck_assert_ptr_nonnull(p);
	if (KERNEL_IS_IN_CHARGE) {
		ck_assert_int_eq(getrlimit(RLIMIT_NPROC, &rl), 0);
		ck_assert_uint_eq(rl.rlim_cur, rl.rlim_max);
		ck_assert_uint_eq(strtoul(p + 14, NULL, 10), processes);
	}
	stop_waiting(&w);
}
END_TEST

/* The first word of this row of /proc/PID/status. */
static void
read_status(pid_t pid, const char *row, char *buf, size_t size)
{
	char	 text[8192], *p;

	read_proc(pid, "status", text, sizeof(text));
	p = strstr(text, row);
	ck_assert_ptr_nonnull(p);
	p += strlen(row);
	p += strspn(p, " \t:");
	(void)snprintf(buf, size, "%.*s", (int)strcspn(p, "\n"), p);
}

/* One that everybody may bind low ports with; root has it in any case. */
static int
raise_ambient(void)
{
	struct __user_cap_header_struct	 h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct	 d[2];

	if (syscall(SYS_capget, &h, d) == -1)
		return -1;
	d[0].inheritable |= 1U << CAP_NET_BIND_SERVICE;
	if (syscall(SYS_capset, &h, d) == -1)
		return -1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE,
	    CAP_NET_BIND_SERVICE, 0, 0);
}

START_TEST(no_ambient_capabilities)
{
	static const char	 none[] = "0000000000000000";
	struct spawn_req	 rq = request(NULL, NULL);
	struct waiting		 w;
	char			 ours[32], its[32];

	if (raise_ambient() == -1)	/* not ours to give */
		ck_assert_int_eq(errno, EPERM);
	else
		ck_assert(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET,
		    CAP_NET_BIND_SERVICE, 0, 0) == 1);
	read_status(getpid(), "CapAmb", ours, sizeof(ours));
	w = start_waiting(&rq);
	read_status(w.pid, "CapAmb", its, sizeof(its));
	ck_assert_str_eq(its, none);
	read_status(getpid(), "CapAmb", its, sizeof(its));
	ck_assert_str_eq(its, ours);	/* we keep them */
	stop_waiting(&w);
}
END_TEST

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
	tcase_add_test(tc, no_ambient_capabilities);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("spawn", fill)
