#include "config.h"
#include "config/broadcast.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/problem.h"
#include "config/shape.h"
#include "config/value.h"
#include "config/words.h"
#include "config/yaml.h"

/* A message is one line of at most 1 MiB, its newline included. */
#define LINE_MAX_BYTES (1u << 20)

static const int sources[] = {
	BROADCAST_COUNTER, BROADCAST_COMMAND, BROADCAST_FILE, BROADCAST_VALUE
};

#define SOURCE_COUNT (sizeof(sources) / sizeof(sources[0]))
#define SOURCES "counter, command, file and value"

/* The one source that is given, or -1. */
static int
find_source(struct build *b, const struct shape_map *m)
{
	size_t	 i;
	int	 found = -1;

	for (i = 0; i < SOURCE_COUNT; i++) {
		if (!m->seen[sources[i]])
			continue;
		if (found != -1)
			FILE_PROBLEM(b->p, shape_later(m, found, sources[i]),
			    "broadcast: '%s' and '%s' exclude each other; "
			    "one of " SOURCES " is needed",
			    keys_broadcast.keys[found].path,
			    keys_broadcast.keys[sources[i]].path);
		else
			found = sources[i];
	}
	if (found == -1 && b->complete)
		FILE_PROBLEM(b->p, m->pos, "broadcast: has no source; one of "
		    SOURCES " is needed");
	return found;
}

/* In valid JSON a line break can only stand between tokens. */
static void
flatten(char *text)
{
	for (; (text = strpbrk(text, "\n\r")) != NULL; text++)
		*text = ' ';
}

/*
 * The value as one line of JSON: what it is if it parses, else a string.
 * NULL: out of memory.
 */
static char *
value_line(const char *text, bool *ret_is_reserved)
{
	json_error_t	 error = { .line = 0 };
	json_t		*json = json_loads(text, JSON_DECODE_ANY, &error);
	char		*line;

	/* Without memory jansson fails, and may say nothing. */
	if (json == NULL && (error.text[0] == '\0' ||
	    json_error_code(&error) == json_error_out_of_memory))
		return NULL;
	*ret_is_reserved = json_object_get(json, "rota") != NULL;
	if (json != NULL) {
		line = strdup(text);
		if (line != NULL)
			flatten(line);
	} else {
		json = json_string(text);
		line = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
	}
	json_decref(json);
	return line;
}

static void
build_value(struct build *b, struct conf_broadcast *bc,
    const struct shape_map *m, const char *text)
{
	struct conf_pos	 pos = shape_pos(m, BROADCAST_VALUE);
	bool		 is_reserved;
	size_t		 len;

	bc->value = value_line(text, &is_reserved);
	if (bc->value == NULL) {
		b->failed = true;
		return;
	}
	len = strlen(bc->value) + 1;
	if (m->at[BROADCAST_KEY] != NULL)	/* worst case of escaping */
		len += 6 * strlen(bc->key ? bc->key : "") + 6;
	if (len > LINE_MAX_BYTES)
		FILE_PROBLEM(b->p, pos, "broadcast.value: is longer than a "
		    "message may be (1 MiB)");
	if (is_reserved && !m->seen[BROADCAST_KEY])
		FILE_PROBLEM(b->p, pos, "broadcast.value: an object with the "
		    "key \"rota\" belongs to the protocol; rename it, or "
		    "send it under a 'key'");
}

static void
build_key(struct build *b, struct conf_broadcast *bc,
    const struct shape_map *m, const char *text)
{
	struct conf_pos	 pos = shape_pos(m, BROADCAST_KEY);

	if (text[0] == '\0' || strlen(text) > 256)
		FILE_PROBLEM(b->p, pos, "broadcast.key: has %zu bytes; "
		    "expected 1 to 256", strlen(text));
	else if (strcmp(text, "rota") == 0)
		FILE_PROBLEM(b->p, pos, "broadcast.key: 'rota' belongs to "
		    "the protocol; use another name");
	bc->key = build_copy(b, text);
}

static void
build_source(struct build *b, struct conf_broadcast *bc, int source,
    const struct shape_map *m, const char *text)
{
	uint64_t	 n;

	switch (source) {
	case BROADCAST_COUNTER:
		bc->source = CONF_COUNTER;
		if (value_number(&keys_broadcast.keys[source],
		    "broadcast.counter", text, &n, bc->pos, b->p) == 0)
			bc->counter = (int64_t)n;
		break;
	case BROADCAST_COMMAND:
		bc->source = CONF_COMMAND;
		bc->argv = build_words(b, "broadcast.command", text, bc->pos);
		break;
	case BROADCAST_FILE:
		bc->source = CONF_FILE;
		if (text[0] == '\0')
			FILE_PROBLEM(b->p, bc->pos, "broadcast.file: is "
			    "empty; expected the path of a file");
		bc->path = build_copy(b, text);
		break;
	default:
		bc->source = CONF_VALUE;
		build_value(b, bc, m, text);
		break;
	}
}

void
broadcast_build(struct build *b, struct conf_broadcast *bc,
    const struct shape_map *m, const struct raw_broadcast *raw)
{
	int	 source;

	(void)build_stored(b, &keys_broadcast, m, raw->v, bc);
	if (!m->seen[BROADCAST_INTERVAL] && b->complete)
		FILE_PROBLEM(b->p, m->pos, "broadcast: has no interval; "
		    "write how often to send it, such as interval: 5s");
	if (raw->v[BROADCAST_KEY].text != NULL)
		build_key(b, bc, m, raw->v[BROADCAST_KEY].text);
	source = find_source(b, m);
	if (m->seen[BROADCAST_TIMEOUT] && source != -1 &&
	    source != BROADCAST_COMMAND)
		FILE_PROBLEM(b->p, shape_pos(m, BROADCAST_TIMEOUT),
		    "broadcast.timeout: is for a command, and there is none");
	if (source == -1 || raw->v[source].text == NULL)
		return;
	bc->pos = shape_pos(m, source);
	build_source(b, bc, source, m, raw->v[source].text);
}

void
broadcast_fini(struct conf_broadcast *bc)
{
	free(bc->key);
	words_free(bc->argv);
	free(bc->path);
	free(bc->value);
}
