#include "config.h"
#include "config/yaml.h"

#include <cyaml/cyaml.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "config/node.h"
#include "config/problem.h"
#include "config/quote.h"
#include "config/shape.h"

/*
 * libcyaml 1.x stops at the first error, knows no free maps, and takes a
 * key for one value or for a list, never for either.  So it is given what
 * the scan has found to be sound, in one plain form: flat maps, each list
 * a list, all values strings.
 */

/* --- the plain form ------------------------------------------------------- */

/* An item of a list, or a pair of a free map. */
static int
put_item(struct buf *b, const struct node *n, bool is_pair)
{
	char	*pair;
	int	 r;

	if (!is_pair)
		return quote_scalar(b, n->text);
	if (asprintf(&pair, "%s=%s", n->key, n->text) == -1)
		return -1;
	r = quote_scalar(b, pair);
	free(pair);
	return r;
}

static int
put_list(struct buf *b, const struct node *n)
{
	const struct node	*item;

	if (quote_printf(b, "[") == -1)
		return -1;
	if (n->kind == NODE_SCALAR && put_item(b, n, false) == -1)
		return -1;
	for (item = n->first; item != NULL; item = item->next)
		if (item->kind == NODE_SCALAR &&
		    (put_item(b, item, n->kind == NODE_MAP) == -1 ||
		    quote_printf(b, ",\n  ") == -1))
			return -1;
	return quote_printf(b, "]");
}

/* The map, still open. */
static int
put_map(struct buf *b, const struct key_table *t, const struct shape_map *m)
{
	const char	*sep = "{";
	size_t		 i;

	for (i = 0; i < t->count; i++) {
		if (m->at[i] == NULL || t->keys[i].kind >= KEY_BROADCASTS)
			continue;
		if (quote_printf(b, "%s%s: ", sep, t->keys[i].path) == -1)
			return -1;
		if ((t->keys[i].kind >= KEY_LIST ? put_list(b, m->at[i]) :
		    quote_scalar(b, m->at[i]->text)) == -1)
			return -1;
		sep = ",\n ";
	}
	return *sep == '{' ? quote_printf(b, "{") :
	    quote_printf(b, ",\n ");
}

static int
put_pool(struct buf *b, const struct shape_pool *pool)
{
	size_t	 i;

	if (put_map(b, &keys_pool, &pool->keys) == -1 ||
	    quote_printf(b, "broadcast: [") == -1)
		return -1;
	for (i = 0; i < pool->broadcast_count; i++)
		if (put_map(b, &keys_broadcast, &pool->broadcasts[i]) == -1 ||
		    quote_printf(b, "},\n") == -1)
			return -1;
	return quote_printf(b, "]}");
}

static int
put_all(struct buf *b, const struct shape *s)
{
	size_t	 i;

	if (put_map(b, &keys_top, &s->top) == -1 ||
	    quote_printf(b, "pools: [") == -1)
		return -1;
	for (i = 0; i < s->pool_count; i++)
		if (put_pool(b, &s->pools[i]) == -1 ||
		    quote_printf(b, ",\n") == -1)
			return -1;
	return quote_printf(b, "]}\n");
}

/* --- libcyaml ------------------------------------------------------------- */

static const cyaml_schema_value_t string_schema = {
	.type = CYAML_STRING, .flags = CYAML_FLAG_POINTER,
	.data_size = sizeof(char), .string = { .max = UINT32_MAX },
};

static const cyaml_config_t config = {
	.mem_fn = cyaml_mem, .flags = CYAML_CFG_NO_ALIAS,
};

/* The schemas, made from the tables of keys. */
struct schemas {
	cyaml_schema_field_t	 broadcast_fields[BROADCAST__COUNT + 1];
	cyaml_schema_field_t	 pool_fields[POOL__COUNT + 1];
	cyaml_schema_field_t	 top_fields[TOP__COUNT + 1];
	cyaml_schema_value_t	 broadcast, pool, top;
};

/* The field of the nth key: a string, or a list of them. */
static cyaml_schema_field_t
field_of(const struct key *k, size_t n)
{
	uint32_t		 at = (uint32_t)(n * sizeof(struct raw_value));
	cyaml_schema_field_t	 f = { .key = k->path };

	f.data_offset = at + (uint32_t)offsetof(struct raw_value, text);
	f.count_offset = at + (uint32_t)offsetof(struct raw_value, count);
	f.count_size = sizeof(unsigned int);
	if (k->kind < KEY_LIST) {
		f.value = string_schema;
	} else {
		f.value.type = CYAML_SEQUENCE;
		f.value.data_size = sizeof(char *);
		f.value.sequence.entry = &string_schema;
		f.value.sequence.max = UINT32_MAX;
	}
	f.value.flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
	return f;
}

static cyaml_schema_value_t
map_of(cyaml_schema_field_t *fields, const struct key_table *t, size_t size,
    enum cyaml_flag flags)
{
	cyaml_schema_value_t	 v = {
		.type = CYAML_MAPPING, .flags = flags,
		.data_size = (uint32_t)size, .mapping = { fields },
	};
	size_t			 i;

	for (i = 0; i < t->count; i++)
		fields[i] = field_of(&t->keys[i], i);
	fields[t->count].key = NULL;
	return v;
}

static void
schemas_fill(struct schemas *s)
{
	cyaml_schema_field_t	*f;

	memset(s, 0, sizeof(*s));
	s->broadcast = map_of(s->broadcast_fields, &keys_broadcast,
	    sizeof(struct raw_broadcast), CYAML_FLAG_DEFAULT);
	s->pool = map_of(s->pool_fields, &keys_pool, sizeof(struct raw_pool),
	    CYAML_FLAG_DEFAULT);
	s->top = map_of(s->top_fields, &keys_top, sizeof(struct raw),
	    CYAML_FLAG_POINTER);
	f = &s->pool_fields[POOL_BROADCAST];
	f->value.data_size = sizeof(struct raw_broadcast);
	f->value.sequence.entry = &s->broadcast;
	f = &s->top_fields[TOP_POOLS];
	f->data_offset = (uint32_t)offsetof(struct raw, pools);
	f->count_offset = (uint32_t)offsetof(struct raw, pool_count);
	f->value.data_size = sizeof(struct raw_pool);
	f->value.sequence.entry = &s->pool;
}

struct raw *
raw_load(const struct shape *shape, struct conf_problems *p)
{
	struct schemas	 schemas;
	struct raw	*raw = NULL;
	struct buf	 b;
	cyaml_err_t	 r = CYAML_ERR_OOM;
	struct conf_pos	 nowhere = { 1, 1 };

	schemas_fill(&schemas);
	buf_init(&b, QUOTE_BUF_MAX);
	if (put_all(&b, shape) == 0)
		r = cyaml_load_data((const uint8_t *)buf_head(&b),
		    buf_len(&b), &config, &schemas.top,
		    (cyaml_data_t **)&raw, NULL);
	buf_free(&b);
	if (r == CYAML_OK)
		return raw;
	if (r == CYAML_ERR_OOM)
		conf_problem_oom(p);
	else
		FILE_PROBLEM(p, nowhere, "cannot load it: %s",
		    cyaml_strerror(r));
	return NULL;
}

void
raw_free(struct raw *raw)
{
	struct schemas	 schemas;

	schemas_fill(&schemas);
	(void)cyaml_free(&config, &schemas.top, raw, 0);
}
