#include "config.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "config/conf.h"
#include "config/diff.h"
#include "config/listen.h"
#include "os/listener.h"
#include "os/reaper.h"
#include "supervise/capacity.h"
#include "supervise/listeners.h"
#include "supervise/pool.h"
#include "supervise/supervisor.h"

/* The config file of a supervisor that runs. */

/* An address of the running config that stands in the way, or NULL. */
static const struct conf_listen *
find_own(const struct supervisor *s, const struct conf_listen *l)
{
	const struct conf_pool	*p;
	size_t			 i, n;

	for (i = 0; i < s->pool_count; i++) {
		p = s->pools[i]->conf;
		for (n = 0; n < p->listen_count; n++)
			if (!pool_is_closed(s->pools[i]) &&
			    listen_overlap(l, &p->listen[n]))
				return &p->listen[n];
	}
	return NULL;
}

/* Could an address be had that we do not have yet? */
static void
look_at_port(const struct supervisor *s, const struct conf_listen *l,
    struct conf_problems *p)
{
	const struct conf_listen	*own;
	struct err			 e;

	if (listeners_have(&s->common.listeners, l) ||
	    listener_check(l, &e) == 0)
		return;
	own = find_own(s, l);
	if (own != NULL)
		conf_problem_add(p, CONF_BAD_MACHINE, l->pos, "listen: '%s' "
		    "overlaps '%s' of the running config; stop that pool "
		    "first, or apply a config without it", l->text,
		    own->text);
	else
		conf_problem_add(p, CONF_BAD_MACHINE, l->pos, "listen: %s",
		    e.msg);
}

static void
look_at_ports(const struct supervisor *s, const struct conf *c,
    struct conf_problems *p)
{
	size_t	 i, n;

	for (i = 0; i < c->pool_count; i++)
		for (n = 0; n < c->pools[i].listen_count; n++)
			look_at_port(s, &c->pools[i].listen[n], p);
	conf_problems_sort(p);
}

struct conf *
supervisor_read(const struct supervisor *s, const char *path,
    struct stat *ret_file, struct conf_problems *p, struct err *e)
{
	struct headroom	 room;
	struct conf	*c;

	memset(ret_file, 0, sizeof(*ret_file));
	(void)stat(path, ret_file);	/* before: an edit meanwhile shows */
	c = conf_reload(path, p);
	e->msg[0] = '\0';
	if (c == NULL)
		return NULL;
	conf_check_machine(c, p);
	look_at_ports(s, c, p);
	if (p->count == 0) {
		capacity_look(&room, reaper_count(s->common.reaper));
		if (capacity_check(c, &room, e) == 0)
			return c;
	}
	conf_unref(c);
	return NULL;
}

/* All of it means the same. */
static bool
is_same(const struct conf *a, const struct conf *b)
{
	struct conf_changes	 ch = { 0 };
	bool			 same = a->pool_count == b->pool_count;
	size_t			 i;

	same = same && conf_diff_top(a, b, &ch) == 0 && ch.count == 0;
	conf_changes_free(&ch);
	for (i = 0; same && i < a->pool_count; i++) {
		same = strcmp(a->pools[i].name, b->pools[i].name) == 0 &&
		    conf_diff_pool(&a->pools[i], &b->pools[i], &ch) == 0 &&
		    ch.count == 0;
		conf_changes_free(&ch);
	}
	return same;
}

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Read only when it was touched since it was looked at last. */
bool
supervisor_file_differs(struct supervisor *s)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c;
	struct stat		 st;

	if (stat(s->conf->path, &st) == -1)
		return true;
	if (is_same_file(&st, &s->file))
		return false;
	if (is_same_file(&st, &s->seen))
		return s->differs;
	c = conf_reload(s->conf->path, &p);
	conf_problems_free(&p);
	s->seen = st;
	s->differs = c == NULL || !is_same(s->conf, c);
	conf_unref(c);
	return s->differs;
}

void
supervisor_adopt(struct supervisor *s, struct conf *c, const struct stat *st)
{
	const struct conf_pool	*to;
	struct pool		*p;
	size_t			 i;

	for (i = 0; i < s->pool_count; i++) {
		p = s->pools[i];
		to = conf_find_pool(c, p->name);
		if (to == NULL || p->removed)
			continue;
		pool_adopt(p, c, to);
		p->most_processes = capacity_processes(c, to, &s->room);
	}
	conf_ref(c);
	conf_unref(s->conf);
	s->conf = c;
	s->file = *st;
	log_set_format(c->log_format);
}
