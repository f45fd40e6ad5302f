#include "config.h"
#include "os/reaper.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/log.h"

#define FIRST_BUCKETS 64	/* a power of two, as all that follow */

struct child {
	struct child	*next;		/* in its bucket */
	reaper_cb	*cb;
	void		*arg;
	pid_t		 pid;
};

struct reaper {
	struct child	**buckets;
	size_t		  size;		/* of buckets */
	size_t		  count;
	void		(*before)(void *arg);
	void		 *before_arg;
};

static struct child **
bucket(struct child **buckets, size_t size, pid_t pid)
{
	uint32_t	 hash = (uint32_t)pid * UINT32_C(2654435761);

	return &buckets[(hash >> 8) & (size - 1)];
}

/* The link that points to the child, or to where it would be. */
static struct child **
find(const struct reaper *r, pid_t pid)
{
	struct child	**link = bucket(r->buckets, r->size, pid);

	while (*link != NULL && (*link)->pid != pid)
		link = &(*link)->next;
	return link;
}

/*
 * Somebody may have started us with SIGCHLD ignored, which makes the
 * kernel reap our children; and that one is stopped is no news.
 */
static void
want_sigchld(void)
{
	struct sigaction	 sa = {
		.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP,
	};

	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGCHLD, &sa, NULL);
}

struct reaper *
reaper_new(struct err *e)
{
	struct reaper	*r = calloc(1, sizeof(*r));

	want_sigchld();
	if (r != NULL)
		r->buckets = calloc(FIRST_BUCKETS, sizeof(struct child *));
	if (r == NULL || r->buckets == NULL) {
		free(r);
		err_set(e, ENOMEM, "reaper");
		return NULL;
	}
	r->size = FIRST_BUCKETS;
	return r;
}

void
reaper_free(struct reaper *r)
{
	struct child	*c;
	size_t		 i;

	if (r == NULL)
		return;
	for (i = 0; i < r->size; i++)
		while ((c = r->buckets[i]) != NULL) {
			r->buckets[i] = c->next;
			free(c);
		}
	free(r->buckets);
	free(r);
}

/* Twice as many buckets; without memory for them the chains get longer. */
static void
grow(struct reaper *r)
{
	size_t		  size = r->size * 2, i;
	struct child	**buckets = calloc(size, sizeof(struct child *));
	struct child	**to, *c;

	if (buckets == NULL)
		return;
	for (i = 0; i < r->size; i++)
		while ((c = r->buckets[i]) != NULL) {
			r->buckets[i] = c->next;
			to = bucket(buckets, size, c->pid);
			c->next = *to;
			*to = c;
		}
	free(r->buckets);
	r->buckets = buckets;
	r->size = size;
}

int
reaper_watch(struct reaper *r, pid_t pid, reaper_cb *cb, void *arg,
    struct err *e)
{
	struct child	**link, *c;

	if (pid <= 0)
		return err_set(e, EINVAL, "reaper: pid %ld", (long)pid);
	if (r->count >= r->size)
		grow(r);
	link = find(r, pid);
	if (*link != NULL)
		return err_set(e, EEXIST, "reaper: pid %ld", (long)pid);
	c = malloc(sizeof(*c));
	if (c == NULL)
		return err_set(e, ENOMEM, "reaper");
	*c = (struct child){ .cb = cb, .arg = arg, .pid = pid };
	*link = c;
	r->count++;
	return 0;
}

/* Take the child that a link points to out of the table. */
static void
unlink_child(struct reaper *r, struct child **link)
{
	*link = (*link)->next;
	r->count--;
}

void
reaper_forget(struct reaper *r, pid_t pid)
{
	struct child	**link = find(r, pid), *c = *link;

	if (c == NULL)
		return;
	unlink_child(r, link);
	free(c);
}

void *
reaper_arg(const struct reaper *r, pid_t pid, reaper_cb *cb)
{
	const struct child	*c = *find(r, pid);

	return c != NULL && c->cb == cb ? c->arg : NULL;
}

bool
reaper_knows(const struct reaper *r, pid_t pid)
{
	return *find(r, pid) != NULL;
}

size_t
reaper_count(const struct reaper *r)
{
	return r->count;
}

/* Forget the child before its callback, which may meet its pid again. */
static void
died(struct reaper *r, pid_t pid, int status)
{
	struct child	**link = find(r, pid), *c = *link;
	struct child	  copy;

	if (c == NULL) {
		log_debug("reaped process %ld, a stray", (long)pid);
		return;
	}
	unlink_child(r, link);
	copy = *c;
	free(c);
	copy.cb(copy.arg, pid, status);
}

void
reaper_before(struct reaper *r, void (*cb)(void *arg), void *arg)
{
	r->before = cb;
	r->before_arg = arg;
}

/* One that has died, and is left as it is; 0: there is none. */
static pid_t
next_dead(void)
{
	siginfo_t	 si = { .si_pid = 0 };
	int		 r;

	do {
		r = waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT);
	} while (r == -1 && errno == EINTR);
	return r == 0 ? si.si_pid : 0;
}

void
reaper_collect(struct reaper *r)
{
	pid_t	 pid;
	int	 status;

	while ((pid = next_dead()) != 0) {
		if (r->before != NULL)
			r->before(r->before_arg);
		if (waitpid(pid, &status, WNOHANG) != pid)
			return;
		died(r, pid, status);
	}
}
