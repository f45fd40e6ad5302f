#include "config.h"
#include "http/faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A grandchild that nobody kills ends by itself at last. */
#define CHILD_LIFE_S 600

void
faults_die(const struct death *d)
{
	sigset_t	 set;

	if (d->signal != 0) {
		(void)signal(d->signal, SIG_DFL);
		(void)sigemptyset(&set);
		(void)sigaddset(&set, d->signal);
		(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
		(void)kill(getpid(), d->signal);
	}
	_exit(d->signal != 0 ? 128 + d->signal : d->status);
}

void
faults_print(const char *text)
{
	(void)dprintf(STDOUT_FILENO, "%s\n", text);
}

/* A process that keeps every descriptor and does nothing. */
static void
faults_fork(bool own_session)
{
	sigset_t	 none;

	if (fork() != 0)
		return;
	if (own_session)
		(void)setsid();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)alarm(CHILD_LIFE_S);
	for (;;)
		(void)pause();
}

void
faults_at_start(const struct faults *f)
{
	if (f->print != NULL)
		faults_print(f->print);
	if (f->fork_child)
		faults_fork(false);
	if (f->daemon_child)
		faults_fork(true);
	if (f->death.given && !f->die_after && f->crash_path == NULL)
		faults_die(&f->death);
}

static uint64_t
cpu_ms(void)
{
	struct timespec	 t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
faults_burn(uint64_t ms)
{
	uint64_t	 end = cpu_ms() + ms;

	while (cpu_ms() < end)
		continue;
}

static void
faults_block(uint64_t ms)
{
	struct timespec	 t = { (time_t)(ms / 1000),
			    (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void
faults_leak(uint64_t bytes)
{
	static void	*last;
	void		**p = malloc(bytes + sizeof(*p));

	if (p == NULL)
		return;
	memset(p, 0xa5, bytes + sizeof(*p));
	*p = last;
	last = p;
}

void
faults_at_request(const struct faults *f, const char *path)
{
	if (f->print_each != NULL)
		faults_print(f->print_each);
	if (f->crash_path != NULL && strcmp(path, f->crash_path) == 0)
		faults_die(&f->death);
	if (f->hang_path != NULL && strcmp(path, f->hang_path) == 0)
		for (;;)
			(void)pause();
	if (f->block_path != NULL && strcmp(path, f->block_path) == 0)
		faults_block(f->block_ms);
	if (f->leak_bytes > 0)
		faults_leak(f->leak_bytes);
	if (f->burn_ms > 0)
		faults_burn(f->burn_ms);
}
