#include "config.h"
#include "cli/interrupt.h"

#include <stddef.h>

#include "base/util.h"

static volatile sig_atomic_t	 was_interrupted, was_resized, end_signal;
static sigset_t			 waiting_mask;
static bool			 is_caught;

static void
note(int sig)
{
	if (sig == SIGWINCH)
		was_resized = 1;
	else
		was_interrupted = 1;
	if (sig == SIGTERM || sig == SIGHUP)
		end_signal = sig;
}

void
interrupt_catch(void)
{
	struct sigaction	 sa = { .sa_handler = note }, old;
	sigset_t		 block;

	if (is_caught)
		return;
	is_caught = true;
	(void)sigemptyset(&sa.sa_mask);
	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGWINCH);
	(void)sigaction(SIGWINCH, &sa, NULL);
	(void)sigaction(SIGINT, NULL, &old);
	if (old.sa_handler != SIG_IGN) {
		(void)sigaction(SIGINT, &sa, NULL);
		(void)sigaddset(&block, SIGINT);
	}
	(void)sigprocmask(SIG_BLOCK, &block, &waiting_mask);
	(void)sigdelset(&waiting_mask, SIGINT);
	(void)sigdelset(&waiting_mask, SIGWINCH);
}

void
interrupt_catch_end(void)
{
	static const int	 ends[] = { SIGTERM, SIGHUP };
	struct sigaction	 sa = { .sa_handler = note }, old;
	sigset_t		 block;
	size_t			 i;

	(void)sigemptyset(&sa.sa_mask);
	(void)sigemptyset(&block);
	for (i = 0; i < ARRAY_LEN(ends); i++) {
		(void)sigaction(ends[i], NULL, &old);
		if (old.sa_handler == SIG_IGN)
			continue;
		(void)sigaction(ends[i], &sa, NULL);
		(void)sigaddset(&block, ends[i]);
		(void)sigdelset(&waiting_mask, ends[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &block, NULL);
}

void
interrupt_raise(void)
{
	struct sigaction	 sa = { .sa_handler = SIG_DFL };
	sigset_t		 set;

	if (end_signal == 0)
		return;
	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(end_signal, &sa, NULL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, end_signal);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(end_signal);
}

bool
interrupt_seen(void)
{
	return was_interrupted != 0;
}

bool
interrupt_resized(void)
{
	bool	 resized = was_resized != 0;

	was_resized = 0;
	return resized;
}

const sigset_t *
interrupt_mask(void)
{
	return is_caught ? &waiting_mask : NULL;
}
