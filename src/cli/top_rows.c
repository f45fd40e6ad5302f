#include "config.h"
#include "cli/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/field.h"

/* --- history ------------------------------------------------------------- */
static int
compare_history(const void *a, const void *b)
{
	const struct top_history	*x = a, *y = b;
	int				 c = strcmp(x->pool, y->pool);

	return c != 0 ? c : (x->slot > y->slot) - (x->slot < y->slot);
}

static struct top_history *
find_history(const struct top *t, size_t count, const char *pool,
    json_int_t slot)
{
	struct top_history	 key = { .slot = slot };

	(void)snprintf(key.pool, sizeof(key.pool), "%s", pool);
	return count == 0 ? NULL : bsearch(&key, t->history, count,
	    sizeof(key), compare_history);
}

const struct top_history *
top_rows_history(const struct top *t, const struct top_row *row)
{
	return row->kind == TOP_OTHER ? NULL : find_history(t,
	    t->history_count, row->pool_name, row->slot);
}

/* Connections per second since the last status; false: not known. */
static bool
read_rate(struct top_history *h, const struct top_row *row,
    uint64_t passed_ms, uint64_t *ret)
{
	json_int_t	 handed = field_number(row->worker, "handed", -1);
	json_int_t	 before = h->handed;

	h->handed = handed;
	if (strcmp(field_text(row->pool, "mechanism", ""), "hand-over") != 0)
		return false;
	*ret = 0;
	if (before >= 0 && handed > before && passed_ms > 0)
		*ret = (uint64_t)(handed - before) * 1000 / passed_ms;
	return true;
}

/* The graph of a slot; what is added to that of its pool. */
static void
note_slot(struct top *t, struct top_history *h, const struct top_row *row,
    uint64_t passed_ms)
{
	uint64_t	 value = 0;

	h->has_rate = read_rate(h, row, passed_ms, &value);
	if (!h->has_rate)
		(void)glance_cpu(&t->before, &t->now,
		    (pid_t)field_number(row->worker, "pid", 0), &value);
	spark_add(&h->graph, value);
	h->is_there = true;
}

/* The sum of the slots, which stand behind it. */
static void
note_pool(struct top *t, struct top_history *h, size_t row)
{
	const struct top_history	*slot;
	uint64_t			 sum = 0;
	size_t				 i;

	for (i = row + 1; i < t->row_count && t->rows[i].kind != TOP_POOL;
	    i++) {
		slot = top_rows_history(t, &t->rows[i]);
		if (slot == NULL)
			continue;
		sum += spark_last(&slot->graph);
		h->has_rate = slot->has_rate;
	}
	spark_add(&h->graph, sum);
	h->is_there = true;
}

/* Room for every row, those that are new at the end, then sorted. */
static void
add_new_history(struct top *t)
{
	size_t			 i, known = t->history_count;
	struct top_history	*list, *h;

	list = reallocarray(t->history, known + t->row_count, sizeof(*list));
	if (list == NULL)
		return;
	t->history = list;
	for (i = 0; i < t->row_count; i++) {
		if (t->rows[i].kind == TOP_OTHER || find_history(t, known,
		    t->rows[i].pool_name, t->rows[i].slot) != NULL)
			continue;
		h = &list[t->history_count++];
		memset(h, 0, sizeof(*h));
		(void)snprintf(h->pool, sizeof(h->pool), "%s",
		    t->rows[i].pool_name);
		h->slot = t->rows[i].slot;
		h->handed = -1;
	}
	qsort(list, t->history_count, sizeof(*list), compare_history);
}

static void
drop_old_history(struct top *t)
{
	size_t	 i, kept = 0;

	for (i = 0; i < t->history_count; i++) {
		if (!t->history[i].is_there)
			continue;
		t->history[kept] = t->history[i];
		t->history[kept++].is_there = false;
	}
	t->history_count = kept;
}

static void
update_history(struct top *t, uint64_t passed_ms)
{
	struct top_history	*h;
	size_t			 i;

	if (t->row_count == 0)
		return;
	add_new_history(t);
	for (i = t->row_count; i-- > 0; ) {	/* slots before their pool */
		h = t->rows[i].kind == TOP_OTHER ? NULL : find_history(t,
		    t->history_count, t->rows[i].pool_name, t->rows[i].slot);
		if (h != NULL && t->rows[i].kind == TOP_POOL)
			note_pool(t, h, i);
		else if (h != NULL)
			note_slot(t, h, &t->rows[i], passed_ms);
	}
	drop_old_history(t);
}

/* --- rows ---------------------------------------------------------------- */
static void
add_row(struct top *t, const struct top_row *row)
{
	struct top_row	*rows = t->rows;

	if (t->row_count % 64 == 0)
		rows = reallocarray(rows, t->row_count + 64, sizeof(*rows));
	if (rows == NULL)
		return;
	t->rows = rows;
	t->rows[t->row_count++] = *row;
}

static void
add_slot(struct top *t, struct top_row row, const json_t *slot)
{
	json_t	*one = field_object(slot, "beside");
	size_t	 i;

	row.kind = TOP_SLOT;
	row.worker = slot;
	row.slot = field_number(slot, "slot", 0);
	add_row(t, &row);
	row.kind = TOP_OTHER;
	row.mark = "new";
	row.worker = one;
	if (one != NULL)
		add_row(t, &row);
	row.mark = "old";
	json_array_foreach(field_list(slot, "draining"), i, one) {
		row.worker = one;
		add_row(t, &row);
	}
}

static void
build_rows(struct top *t)
{
	struct top_row	 row;
	json_t		*pool, *slot;
	size_t		 i, k;

	t->row_count = 0;
	json_array_foreach(field_list(t->status, "pools"), i, pool) {
		memset(&row, 0, sizeof(row));
		row.pool_name = field_text(pool, "name", "?");
		row.pool = pool;
		row.slot = -1;
		add_row(t, &row);
		json_array_foreach(field_list(pool, "slots"), k, slot)
			add_slot(t, row, slot);
	}
}

/* The choice stays with its slot, or is as near as can be. */
static void
choose_again(struct top *t)
{
	size_t	 i;

	for (i = 0; i < t->row_count; i++)
		if (t->rows[i].kind != TOP_OTHER &&
		    t->rows[i].slot == t->chosen_slot &&
		    strcmp(t->rows[i].pool_name, t->chosen_pool) == 0)
			break;
	if (i < t->row_count)
		t->chosen = i;
	top_rows_move(t, 0);
}

void
top_rows_move(struct top *t, long by)
{
	long	 to = (long)t->chosen + by;

	if (t->row_count == 0) {
		t->chosen = 0;
		return;
	}
	if (to >= (long)t->row_count)
		to = (long)t->row_count - 1;
	while (to > 0 && t->rows[to].kind == TOP_OTHER &&
	    (by < 0 || to + 1 == (long)t->row_count))
		to--;
	while (to > 0 && to + 1 < (long)t->row_count &&
	    t->rows[to].kind == TOP_OTHER)
		to++;
	t->chosen = to > 0 ? (size_t)to : 0;
	(void)snprintf(t->chosen_pool, sizeof(t->chosen_pool), "%s",
	    t->rows[t->chosen].pool_name);
	t->chosen_slot = t->rows[t->chosen].slot;
}

const struct top_row *
top_rows_chosen(const struct top *t)
{
	return t->chosen < t->row_count ? &t->rows[t->chosen] : NULL;
}

void
top_rows_update(struct top *t, json_t *status)
{
	uint64_t	 now_ms = clock_ms();
	uint64_t	 passed_ms = now_ms - t->status_ms;

	t->row_count = 0;
	json_decref(t->status);
	t->status = status;
	t->status_ms = now_ms;
	glance_free(&t->before);
	t->before = t->now;
	memset(&t->now, 0, sizeof(t->now));
	if (client_shares_pids(t->main))
		glance_take(&t->now, status, true);
	build_rows(t);
	update_history(t, passed_ms);
	choose_again(t);
}

void
top_rows_free(struct top *t)
{
	json_decref(t->status);
	glance_free(&t->before);
	glance_free(&t->now);
	free(t->history);
	free(t->rows);
}
