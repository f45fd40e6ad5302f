#include "config.h"
#include "supervise/ledger.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

#define PAUSE_FIRST_MS	1	/* after a look in vain, and doubled... */
#define PAUSE_MOST_MS	20	/* ...once all were looked at, up to this */
#define ROUND_MS	1000	/* to look at very many, or nearly */

struct ledger *
ledger_new(struct diag *d, size_t most, struct err *e)
{
	struct ledger	*l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->entries = calloc(most, sizeof(*l->entries));
	if (l == NULL || l->entries == NULL) {
		free(l);
		err_set(e, ENOMEM, "max_connections");
		return NULL;
	}
	l->diag = d;
	l->most = most;
	l->pause_ms = PAUSE_FIRST_MS;
	return l;
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	free(l->entries);
	free(l);
}

/* The entry that is to be looked at so many entries after the next. */
static struct ledger_entry *
ledger_at(const struct ledger *l, size_t i)
{
	size_t	 at = l->first + i;

	return &l->entries[at < l->most ? at : at - l->most];
}

static void
ledger_append(struct ledger *l, const struct ledger_entry *en)
{
	*ledger_at(l, l->count) = *en;
	l->count++;
}

/* The longest pause: shorter where it takes many looks to see them all. */
static uint64_t
ledger_pause_most(const struct ledger *l)
{
	uint64_t	 ms = (uint64_t)ROUND_MS * DIAG_MOST / l->most;

	return ms > PAUSE_MOST_MS ? PAUSE_MOST_MS :
	    ms < 2 * PAUSE_FIRST_MS ? 2 * PAUSE_FIRST_MS : ms;
}

static void
ledger_look_later(struct ledger *l, uint64_t now_ms)
{
	uint64_t	 most_ms = ledger_pause_most(l);

	l->look_ms = now_ms + l->pause_ms;
	if (l->in_vain < l->count)
		return;
	l->in_vain = 0;
	l->pause_ms = 2 * l->pause_ms < most_ms ? 2 * l->pause_ms : most_ms;
}

/* Those that are open go to the end. */
static void
ledger_look(struct ledger *l, uint64_t now_ms)
{
	struct ledger_entry	 seen[DIAG_MOST];
	struct diag_name	 names[DIAG_MOST] = { 0 };
	size_t			 i, n;
	uint64_t		 closed;

	n = l->count < DIAG_MOST ? l->count : DIAG_MOST;
	for (i = 0; i < n; i++) {
		seen[i] = *ledger_at(l, i);
		names[i] = seen[i].name;
	}
	closed = diag_closed(l->diag, names, n);
	l->first = (l->first + n) % l->most;
	l->count -= n;
	for (i = 0; i < n; i++)
		if ((closed >> i & 1) == 0)
			ledger_append(l, &seen[i]);
	l->in_vain += n;
	if (closed == 0) {
		ledger_look_later(l, now_ms);
		return;
	}
	l->in_vain = 0;
	l->pause_ms = PAUSE_FIRST_MS;
	l->look_ms = now_ms;
}

bool
ledger_has_room(struct ledger *l, uint64_t now_ms)
{
	if (l->count == l->most && now_ms >= l->look_ms)
		ledger_look(l, now_ms);
	return l->count < l->most;
}

void
ledger_enter(struct ledger *l, const struct diag_name *name)
{
	struct ledger_entry	 en = { .number = l->given++ };

	if (name == NULL || l->count == l->most)
		return;
	en.name = *name;
	ledger_append(l, &en);
}

/* Such are among the last, as a rule. */
void
ledger_drop(struct ledger *l, const struct diag_name *name)
{
	size_t	 i;

	for (i = l->count; i-- > 0; ) {
		if (!diag_is_same(&ledger_at(l, i)->name, name))
			continue;
		*ledger_at(l, i) = *ledger_at(l, l->count - 1);
		l->count--;
		return;
	}
}

void
ledger_renew(struct ledger *l, size_t waiting)
{
	struct ledger_entry	 en;
	size_t			 i, n = l->count;

	l->count = 0;
	for (i = 0; i < n; i++) {
		en = *ledger_at(l, i);
		if (en.number + waiting >= l->given)
			ledger_append(l, &en);
	}
	l->in_vain = 0;
	l->pause_ms = PAUSE_FIRST_MS;
	l->look_ms = 0;
}
