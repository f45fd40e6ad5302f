#include "config.h"
#include "t/unit_os.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "base/err.h"
#include "os/proc.h"
#include "os/reaper.h"
#include "os/tree.h"
#include "t/unit.h"

/*
 * A tree holds a pipe's end open, which tells us when all of it is gone,
 * and says "up" on it by as many bytes as it has parts.
 */
struct grove {
	pid_t	 leader;
	int	 fd;
};

static struct grove
plant(const char *script, char *const *envp)
{
	struct grove	 g;
	char		 sh[] = "sh", c[] = "-c", text[1024];
	char		*argv[] = { sh, c, text, NULL };
	int		 fds[2];

	(void)snprintf(text, sizeof(text), "%s", script);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	g.fd = fds[0];
	g.leader = fork();
	ck_assert_int_ne(g.leader, -1);
	if (g.leader == 0) {
		(void)setsid();
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)execve("/bin/sh", argv, envp);
		_exit(127);
	}
	(void)close(fds[1]);
	return g;
}

static void
wait_up(const struct grove *g, int parts)
{
	struct pollfd	 pfd = { .fd = g->fd, .events = POLLIN };
	char		 c;

	while (parts-- > 0) {
		ck_assert_int_eq(poll(&pfd, 1, PATIENCE_MS), 1);
		ck_assert_int_eq(read(g->fd, &c, 1), 1);
	}
}

static char		 path_var[] = "PATH=/usr/bin:/bin";
static char		 pool_var[] = "ROTA_POOL=web";
static char		 slot_var[] = "ROTA_SLOT=3";
static char *const	 plain_env[] = { path_var, NULL };
static char *const	 slot_env[] = { path_var, pool_var, slot_var, NULL };

/* Become the subreaper; every other test as on a kernel of less comfort. */
static void
begin(int i)
{
	struct err	 e;

	ck_assert_int_eq(tree_adopt_orphans(&e), 0);
	ck_assert(proc_has_children_files());
	proc_hide_children_files = i == 1;
	ck_assert(proc_has_children_files() == (i == 0));
}

static struct reaper *
new_reaper(void)
{
	struct err	 e;
	struct reaper	*r = reaper_new(&e);

	ck_assert_ptr_nonnull(r);
	return r;
}

/* What is left of one, by his slot of the pool. */
static size_t
kill_left(const struct reaper *r, pid_t leader, const char *pool,
    const char *slot, unsigned long long not_after)
{
	struct tree_dead	 d = {
		.leader = leader, .pool = pool, .slot = slot,
		.not_after_ticks = not_after, .killed = 4711,
	};

	while (tree_kill_left(r, &d, 1) > 0 && d.killed == 0)
		(void)sched_yield();
	return d.killed;
}

/* Every child of ours that there is gets reaped. */
static void
reap_all(void)
{
	while (waitpid(-1, NULL, 0) != -1)
		continue;
	ck_assert_int_eq(errno, ECHILD);
}

#define NEST "(setsid sh -c '(sh -c \"echo; exec sleep 300\" & " \
	"echo; exec sleep 300)' & echo; exec sleep 300) & " \
	"echo; exec sleep 300"

START_TEST(kills_a_whole_tree)
{
	struct grove	 g, other;

	begin(_i);
	other = plant(NEST, plain_env);
	wait_up(&other, 4);
	g = plant(NEST, plain_env);
	wait_up(&g, 4);
	tree_kill(g.leader);
	ck_assert(all_gone(g.fd));
	ck_assert_int_eq(WTERMSIG(status_of(g.leader)), SIGKILL);
	ck_assert(!(poll(&(struct pollfd){ .fd = other.fd }, 1, 100)));
	tree_kill(other.leader);
	ck_assert(all_gone(other.fd));
	reap_all();
}
END_TEST

/* Signals that would keep a polite one away. */
START_TEST(kills_who_resists)
{
	struct grove	 g;

	begin(_i);
	g = plant("trap '' TERM HUP INT; (trap '' TERM; setsid sh -c "
	    "\"trap '' TERM; echo; while :; do sleep 1; done\") & echo; "
	    "while :; do sleep 1; done", plain_env);
	wait_up(&g, 2);
	(void)kill(g.leader, SIGSTOP);
	tree_kill(g.leader);
	ck_assert(all_gone(g.fd));
	reap_all();
}
END_TEST

/* It goes on starting processes, each in a session of its own. */
START_TEST(kills_who_multiplies)
{
	struct grove	 g;

	begin(_i);
	g = plant("i=0; while [ $i -lt 200 ]; do i=$((i + 1)); "
	    "setsid sh -c 'echo; (setsid sleep 300 &) ; sleep 300' & done; "
	    "wait", plain_env);
	wait_up(&g, 20);
	tree_kill(g.leader);
	/* Who was orphaned before is nobody's by now; see tree_kill_left. */
	(void)tree_kill_all();
	ck_assert(all_gone(g.fd));
	reap_all();
}
END_TEST

/* Without a second call: nothing can slip through while we look. */
START_TEST(kills_who_forks_meanwhile)
{
	struct grove	 g;

	begin(_i);
	g = plant("i=0; while [ $i -lt 200 ]; do i=$((i + 1)); "
	    "setsid sh -c 'echo; setsid sleep 300 & wait' & done; "
	    "wait", plain_env);
	wait_up(&g, 20);
	tree_kill(g.leader);
	ck_assert(all_gone(g.fd));
	reap_all();
}
END_TEST

/* The leader is dead, and its zombie still there. */
/* A daemon: nothing but its environment says where it comes from. */
#define DAEMON "setsid sh -c '(echo; exec sleep 300) & echo; wait' & exit 0"

static bool
is_up(const struct grove *g)
{
	struct pollfd	 pfd = { .fd = g->fd };

	return poll(&pfd, 1, 0) == 0;
}

/* Who has come to us before is not below it any more. */
START_TEST(kills_below)
{
	struct reaper	*r = new_reaper();
	struct grove	 g, stray;

	begin(_i);
	stray = plant(DAEMON, slot_env);
	wait_up(&stray, 2);
	ck_assert_int_eq(status_of(stray.leader), 0);
	g = plant(NEST, slot_env);
	wait_up(&g, 4);
	tree_kill_below(g.leader);
	ck_assert(all_gone(g.fd));
	ck_assert_int_eq(WTERMSIG(status_of(g.leader)), SIGKILL);
	ck_assert(is_up(&stray));
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "3", 0), 2);
	ck_assert(all_gone(stray.fd));
	reap_all();
	reaper_free(r);
}
END_TEST

START_TEST(kills_below_a_zombie)
{
	struct grove	 g;
	siginfo_t	 si;

	begin(_i);
	g = plant("sleep 300 & echo; exit 0", plain_env);
	wait_up(&g, 1);
	ck_assert_int_eq(waitid(P_PID, (id_t)g.leader, &si,
	    WEXITED | WNOWAIT), 0);
	tree_kill(g.leader);
	ck_assert(all_gone(g.fd));
	reap_all();
}
END_TEST

static struct grove
plant_daemon(char *const *envp)
{
	struct grove	 g = plant(DAEMON, envp);

	wait_up(&g, 2);
	ck_assert_int_eq(status_of(g.leader), 0);
	return g;
}

START_TEST(left_behind_by_its_environment)
{
	struct reaper	*r = new_reaper();
	struct grove	 g;

	begin(_i);
	g = plant_daemon(slot_env);
	ck_assert_uint_eq(kill_left(r, g.leader, "we", "3", 0), 0);
	ck_assert_uint_eq(kill_left(r, g.leader, "webb", "3", 0), 0);
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "33", 0), 0);
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "0", 0), 0);
	ck_assert(is_up(&g));
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "3", 0), 2);
	ck_assert(all_gone(g.fd));
	reap_all();
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "3", 0), 0);
	reaper_free(r);
}
END_TEST

START_TEST(left_behind_in_its_session)
{
	struct reaper	*r = new_reaper();
	struct grove	 g;

	begin(_i);
	g = plant("sleep 300 & sleep 300 & echo; exit 0", plain_env);
	wait_up(&g, 1);
	ck_assert_int_eq(status_of(g.leader), 0);
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "3", 0), 2);
	ck_assert(all_gone(g.fd));
	reap_all();
	reaper_free(r);
}
END_TEST

/* What a live worker of the slot may have started is left alone. */
START_TEST(spares_who_is_younger)
{
	struct reaper		*r = new_reaper();
	unsigned long long	 now = tree_start_ticks(getpid());
	struct grove		 g;

	begin(_i);
	ck_assert_uint_gt(now, 0);
	g = plant_daemon(slot_env);
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "3", now), 0);
	ck_assert(is_up(&g));
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "3",
	    now + 1000000), 2);
	ck_assert(all_gone(g.fd));
	reap_all();
	reaper_free(r);
}
END_TEST

/* Amid an exec there is no environment that can be read. */
#define EXECS		"setsid sh -c 'echo; eval \"$X\"' & exit 0"
#define EXEC_ROUNDS	30

START_TEST(left_behind_amid_an_exec)
{
	char		 again[] = "X=[ $((i += 1)) -gt 2000 ] || exec sh -c "
	    "\"$X\"", count[] = "i=0";	/* some seconds, if it is missed */
	char		*exec_env[] = { path_var, pool_var, slot_var, again,
	    count, NULL };
	struct reaper	*r = new_reaper();
	struct grove	 g;
	int		 i;

	begin(_i);
	for (i = 0; i < EXEC_ROUNDS; i++) {
		g = plant(EXECS, exec_env);
		wait_up(&g, 1);
		ck_assert_int_eq(status_of(g.leader), 0);
		ck_assert_uint_eq(kill_left(r, g.leader, "web", "3", 0), 1);
		ck_assert(all_gone(g.fd));
		reap_all();
	}
	reaper_free(r);
}
END_TEST

static void
no_cb(void *arg, pid_t pid, int status)
{
	(void)arg;
	(void)pid;
	(void)status;
}

START_TEST(spares_who_is_watched)
{
	struct reaper	*r = new_reaper();
	struct err	 e;
	struct grove	 g, dead;

	begin(_i);
	g = plant("echo; exec sleep 300", slot_env);
	wait_up(&g, 1);
	ck_assert_int_eq(reaper_watch(r, g.leader, no_cb, NULL, &e), 0);
	dead = plant_daemon(slot_env);
	ck_assert_uint_eq(kill_left(r, dead.leader, "web", "3", 0), 2);
	ck_assert(all_gone(dead.fd));
	ck_assert(is_up(&g));
	/* Not even if its pid is taken for that of somebody dead. */
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "3", 0), 0);
	ck_assert(is_up(&g));
	tree_kill(g.leader);
	reap_all();
	reaper_free(r);
}
END_TEST

/* Several are dead: each has what is his, and it is told apart. */
START_TEST(left_behind_by_several)
{
	struct reaper		*r = new_reaper();
	char			 other_var[] = "ROTA_SLOT=4";
	char			*other_env[] = { path_var, pool_var, other_var,
	    NULL };
	struct grove		 g[3];
	struct tree_dead	 d[3] = {
		{ .pool = "web", .slot = "3" },
		{ .pool = "web", .slot = "5" },
		{ .pool = "web", .slot = "6" },
	};
	size_t			 i;

	begin(_i);
	g[0] = plant_daemon(slot_env);
	g[1] = plant_daemon(other_env);		/* nobody has died there */
	g[2] = plant("sleep 300 & echo; exit 0", plain_env);
	wait_up(&g[2], 1);
	ck_assert_int_eq(status_of(g[2].leader), 0);
	for (i = 0; i < ARRAY_LEN(d); i++)
		d[i].leader = g[i].leader;
	d[1].leader = g[0].leader;
	ck_assert_uint_eq(tree_kill_left(r, d, ARRAY_LEN(d)), 0);
	ck_assert_uint_eq(d[0].killed, 2);
	ck_assert_uint_eq(d[1].killed, 0);
	ck_assert_uint_eq(d[2].killed, 1);
	ck_assert(all_gone(g[0].fd));
	ck_assert(all_gone(g[2].fd));
	ck_assert(is_up(&g[1]));
	(void)tree_kill_all();
	reap_all();
	reaper_free(r);
}
END_TEST

START_TEST(long_environment)
{
	struct reaper	*r = new_reaper();
	static char	 filler[100000] = "FILL=";
	char		 long_var[PROC_VALUE_SIZE + 16];
	char		*env[] = { path_var, filler, pool_var, long_var,
	    slot_var, NULL };
	struct grove	 g;

	begin(_i);
	memset(filler + 5, 'x', sizeof(filler) - 6);
	memcpy(filler + 4096, "ROTA_SLOT=4", 11);
	(void)snprintf(long_var, sizeof(long_var), "ROTA_SLOT=%0*d",
	    PROC_VALUE_SIZE, 3);	/* does not fit: another's */
	g = plant_daemon(env);
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "4", 0), 0);
	ck_assert_uint_eq(kill_left(r, g.leader, "web", "3", 0), 2);
	ck_assert(all_gone(g.fd));
	reap_all();
	reaper_free(r);
}
END_TEST

START_TEST(kills_everything_at_the_end)
{
	struct grove	 g[5];
	size_t		 i, killed = 0;

	begin(_i);
	for (i = 0; i < ARRAY_LEN(g); i++) {
		g[i] = plant(NEST, plain_env);
		wait_up(&g[i], 4);
	}
	killed = tree_kill_all();
	ck_assert_uint_ge(killed, 20);
	for (i = 0; i < ARRAY_LEN(g); i++)
		ck_assert(all_gone(g[i].fd));
	reap_all();
	ck_assert_uint_eq(tree_kill_all(), 0);
}
END_TEST

/* None of these may reach us, our group, or everybody. */
START_TEST(harmless_pids)
{
	struct reaper	*r = new_reaper();
	pid_t		 pids[] = { 0, 1, -1, getpid(), getpgrp(), -4711 };
	size_t		 i;

	begin(_i);
	for (i = 0; i < ARRAY_LEN(pids); i++) {
		tree_signal_group(pids[i], SIGKILL);
		if (pids[i] != getpgrp())
			tree_kill(pids[i]);
		ck_assert_uint_eq(kill_left(r, pids[i], "web", "3", 0), 0);
	}
	ck_assert_uint_eq(tree_kill_all(), 0);
	reaper_free(r);
}
END_TEST

START_TEST(signals_the_group)
{
	struct grove	 g;

	begin(_i);
	g = plant("trap 'echo; exit 5' USR1; echo; "
	    "while :; do sleep 300 & wait; done", plain_env);
	wait_up(&g, 1);
	tree_signal_group(g.leader, SIGUSR1);
	ck_assert_int_eq(WEXITSTATUS(status_of(g.leader)), 5);
	ck_assert_uint_le(tree_kill_all(), 1);
	reap_all();
}
END_TEST

static int
kill_without_fds(void)
{
	struct grove	 g = plant("sleep 300 & echo; exec sleep 300",
	    plain_env);

	wait_up(&g, 1);
	(void)exhaust_fds();
	tree_kill(g.leader);
	return all_gone(g.fd) ? 0 : 1;
}

START_TEST(out_of_descriptors)
{
	begin(_i);
	ck_assert_int_eq(in_child(kill_without_fds), 0);
}
END_TEST

/* Names such as ") Z 1 (" are the process's own choice. */
START_TEST(odd_names)
{
	struct proc_stat	 st;

	ck_assert_int_eq(prctl(PR_SET_NAME, ") Z 1 1 (", 0, 0, 0), 0);
	ck_assert_int_eq(proc_stat(getpid(), &st), 0);
	ck_assert_int_eq(st.pid, getpid());
	ck_assert_int_eq(st.ppid, getppid());
	ck_assert(!st.is_dead);
	ck_assert_uint_eq(tree_start_ticks(getpid()), st.start_ticks);
	ck_assert_uint_eq(tree_start_ticks(0), 0);
	ck_assert_uint_eq(tree_start_ticks(-1), 0);
	ck_assert_int_eq(proc_stat(0x7fffffff, &st), -1);
}
END_TEST

static void *
fork_in_thread(void *arg)
{
	_Atomic pid_t	*ret_pid = arg;
	pid_t		 pid = fork();

	*ret_pid = pid;
	if (pid == 0)
		for (;;)
			(void)pause();
	(void)pause();			/* its children are listed under it */
	return NULL;
}

static void
look_for(void *arg, pid_t pid, pid_t ppid)
{
	pid_t	*want = arg;

	if (pid == want[0] && ppid == getpid())
		want[1]++;
}

START_TEST(children_of_threads)
{
	pthread_t	 t;
	_Atomic pid_t	 pid = 0;
	pid_t		 want[2] = { 0, 0 };

	begin(_i);
	ck_assert_int_eq(pthread_create(&t, NULL, fork_in_thread,
	    &pid), 0);
	while (pid == 0)
		(void)sched_yield();
	want[0] = pid;
	proc_children(getpid(), look_for, want);
	ck_assert_int_eq(want[1], 1);
	proc_all(look_for, want);
	ck_assert_int_eq(want[1], 2);
	(void)kill(pid, SIGKILL);
	(void)status_of(pid);
}
END_TEST

#define BOTH(test) tcase_add_loop_test(tc, test, 0, 2)

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("tree");

	tcase_set_timeout(tc, 60);
	BOTH(kills_a_whole_tree);
	BOTH(kills_who_resists);
	BOTH(kills_who_multiplies);
	BOTH(kills_who_forks_meanwhile);
	BOTH(kills_below);
	BOTH(kills_below_a_zombie);
	BOTH(left_behind_by_its_environment);
	BOTH(left_behind_in_its_session);
	BOTH(left_behind_amid_an_exec);
	BOTH(spares_who_is_younger);
	BOTH(left_behind_by_several);
	BOTH(spares_who_is_watched);
	BOTH(long_environment);
	BOTH(kills_everything_at_the_end);
	BOTH(harmless_pids);
	BOTH(signals_the_group);
	BOTH(out_of_descriptors);
	tcase_add_test(tc, odd_names);
	tcase_add_test(tc, children_of_threads);
	suite_add_tcase(s, tc);
}

UNIT_MAIN_FORKS("tree", fill)
