#include "config.h"
#include "cli/glance.h"

#include <stdlib.h>
#include <string.h>

#include "cli/field.h"
#include "cli/sockets.h"

#define PORTS_MAX 4096

struct ports {
	uint16_t	 list[PORTS_MAX];
	size_t		 count;
};

static int
compare_samples(const void *a, const void *b)
{
	const struct sample	*x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* has_connections: they are to be counted. */
static void
add_worker(struct glance *g, json_int_t pid, bool has_port)
{
	size_t		 size = g->size > 0 ? g->size * 2 : 64;
	struct sample	*list;

	if (pid <= 0 || pid > INT32_MAX)
		return;
	if (g->count == g->size) {
		list = reallocarray(g->list, size, sizeof(*list));
		if (list == NULL)
			return;
		g->list = list;
		g->size = size;
	}
	memset(&g->list[g->count], 0, sizeof(*g->list));
	g->list[g->count].has_connections = has_port;
	g->list[g->count++].pid = (pid_t)pid;
}

static void
add_slot(struct glance *g, const json_t *slot, bool has_port)
{
	json_t	*one;
	size_t	 i;

	add_worker(g, field_number(slot, "pid", 0), has_port);
	add_worker(g, field_number(field_object(slot, "beside"), "pid", 0),
	    has_port);
	json_array_foreach(field_list(slot, "draining"), i, one)
		add_worker(g, field_number(one, "pid", 0), has_port);
}

/* True if there is a TCP port among the pool's listeners. */
static bool
add_ports(struct ports *p, const json_t *pool)
{
	bool		 has_port = false;
	json_t		*one;
	uint16_t	 port;
	size_t		 i;

	json_array_foreach(field_list(pool, "listeners"), i, one) {
		port = sockets_parse_port(field_text(one, "address", ""));
		if (port == 0 || p->count == PORTS_MAX)
			continue;
		p->list[p->count++] = port;
		has_port = true;
	}
	return has_port;
}

static int
compare_ports(const void *a, const void *b)
{
	const uint16_t	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
count_connections(struct glance *g, struct ports *p)
{
	struct sockets	 s;
	size_t		 i;
	long		 n;

	qsort(p->list, p->count, sizeof(p->list[0]), compare_ports);
	sockets_read(&s, p->list, p->count);
	for (i = 0; i < g->count; i++) {
		if (!g->list[i].has_connections)
			continue;
		n = sockets_count(&s, g->list[i].pid);
		g->list[i].has_connections = n >= 0;
		g->list[i].connections = n >= 0 ? (uint64_t)n : 0;
	}
	sockets_free(&s);
}

void
glance_take(struct glance *g, const json_t *status, bool with_connections)
{
	struct ports	 ports = { .count = 0 };
	json_t		*pool, *slot;
	size_t		 i, k;
	bool		 has_port;

	memset(g, 0, sizeof(*g));
	json_array_foreach(field_list(status, "pools"), i, pool) {
		has_port = with_connections && add_ports(&ports, pool);
		json_array_foreach(field_list(pool, "slots"), k, slot)
			add_slot(g, slot, has_port);
	}
	for (i = 0; i < g->count; i++)
		sample_take(&g->list[i]);
	if (with_connections)
		count_connections(g, &ports);
	if (g->count > 0)
		qsort(g->list, g->count, sizeof(*g->list), compare_samples);
}

void
glance_free(struct glance *g)
{
	free(g->list);
	memset(g, 0, sizeof(*g));
}

const struct sample *
glance_find(const struct glance *g, pid_t pid)
{
	struct sample	 key = { .pid = pid };

	return g->count == 0 ? NULL : bsearch(&key, g->list, g->count,
	    sizeof(key), compare_samples);
}

bool
glance_cpu(const struct glance *before, const struct glance *now, pid_t pid,
    uint64_t *ret)
{
	const struct sample	*a = glance_find(before, pid);
	const struct sample	*b = glance_find(now, pid);

	if (a == NULL || b == NULL || !a->has_cpu || !b->has_cpu)
		return false;
	*ret = sample_cpu(a, b);
	return true;
}
