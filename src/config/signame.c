#include "config.h"
#include "config/signame.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "base/util.h"

const char *const signame_list[] = {
	"TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "ALRM",
	"ABRT", "KILL", NULL
};

static const int numbers[] = {
	SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM,
	SIGABRT, SIGKILL
};

_Static_assert(ARRAY_LEN(numbers) + 1 == ARRAY_LEN(signame_list),
    "a signal lacks its name or its number");

int
signame_number(const char *name)
{
	size_t	 i;

	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (i = 0; i < ARRAY_LEN(numbers); i++)
		if (strcmp(name, signame_list[i]) == 0)
			return numbers[i];
	return 0;
}

const char *
signame_of(int sig)
{
	size_t	 i;

	for (i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i] == sig)
			return signame_list[i];
	return NULL;
}
