#include "config.h"
#include "cli/interrupt.h"

#include <stddef.h>

static volatile sig_atomic_t	 was_interrupted, was_resized;
static sigset_t			 waiting_mask;
static bool			 is_caught;

static void
note(int sig)
{
	if (sig == SIGWINCH)
		was_resized = 1;
	else
		was_interrupted = 1;
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
