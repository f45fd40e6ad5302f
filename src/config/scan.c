#include "config.h"
#include "config/scan.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/util.h"
#include "config/node.h"
#include "config/problem.h"

struct scan {
	yaml_parser_t		 parser;
	const char		*text;
	size_t			 len;
	struct conf_problems	*p;
	struct node		*root;
	struct node		*open[NODE_DEPTH_MAX]; /* maps and lists */
	size_t			 depth;
	char			*key;	/* waits for its value, or NULL */
	struct conf_pos		 key_pos;
	unsigned int		 documents;
	bool			 stop;
};

static struct conf_pos
pos_of(const yaml_mark_t *m)
{
	return (struct conf_pos){ (unsigned int)m->line + 1,
	    (unsigned int)m->column + 1 };
}

#define TAB_ADVICE "a tab cannot indent YAML; use spaces"

/* What libyaml says, and what a person can do about it. */
static const struct {
	const char	*problem, *advice;
	bool		 at_context;	/* where what is wrong began */
} advices[] = {
	{ "found unexpected end of stream", "the quote that opens here is "
	    "never closed", true },
	{ "mapping values are not allowed in this context", "a ':' followed "
	    "by a blank cannot stand here; a value that has one must be in "
	    "quotes, and keys of one map need the same indentation", false },
	{ "could not find expected ':'", "expected 'key: value'",
	    true },
	{ "did not find expected key", "expected a key; keys of one map need "
	    "the same indentation, and nothing can follow a closing quote "
	    "or bracket (a value such as [::1]:7000 must be in quotes)",
	    false },
	{ "did not find expected '-' indicator", "expected '- ' and an item; "
	    "items of one list need the same indentation", false },
	{ "did not find expected ',' or ']'", "expected ',' or ']' in a list "
	    "that opened with '['", false },
	{ "did not find expected ',' or '}'", "expected ',' or '}' in a map "
	    "that opened with '{'", false },
	{ "did not find expected <document start>", "the config ends before "
	    "this; expected 'key: value' lines only", false },
	{ "did not find expected node content", "a value cannot begin like "
	    "this; one such as [::1]:7000 must be in quotes", false },
	{ "found a tab character that violates indentation", TAB_ADVICE,
	    false },
	{ "found a tab character where an indentation space is expected",
	    TAB_ADVICE, false },
	{ "did not find expected alphabetic or numeric character", "a value "
	    "that begins with '*' or '&' must be in quotes", true },
	{ "found unknown escape character", "no such escape in double quotes; "
	    "write \\\\ for a backslash, or use single quotes", false },
	{ "found undefined tag handle", "a value that begins with '!' must "
	    "be in quotes", false },
	{ "block sequence entries are not allowed in this context", "a '-' "
	    "cannot stand here; items of a list go on lines of their own",
	    false },
};

/* A character that no value can begin with. */
static void
explain_character(struct scan *s)
{
	const yaml_mark_t	*m = &s->parser.problem_mark;
	char			 c;
	const char		*at = s->text;
	size_t			 i;

	/* The index counts characters: find the byte. */
	for (i = 0; at < s->text + s->len && i < m->index; i++)
		do {
			at++;
		} while (at < s->text + s->len && (*at & 0xc0) == 0x80);
	c = at < s->text + s->len ? *at : '\0';
	if (c == '\t')
		FILE_PROBLEM(s->p, pos_of(m), TAB_ADVICE);
	else
		FILE_PROBLEM(s->p, pos_of(m), "a value that begins with '%c' "
		    "must be in quotes", c);
}

static void
explain(struct scan *s)
{
	const yaml_parser_t	*y = &s->parser;
	const yaml_mark_t	*m = &y->problem_mark;
	const char		*what = y->problem ? y->problem : "?";
	size_t			 i;

	s->stop = true;
	if (y->error == YAML_MEMORY_ERROR) {
		conf_problem_oom(s->p);
		return;
	}
	if (y->error == YAML_READER_ERROR) {
		FILE_PROBLEM(s->p, ((struct conf_pos){ 1, 1 }), "byte %zu of "
		    "the file cannot stand in YAML", y->problem_offset);
		return;
	}
	if (strcmp(what, "found character that cannot start any token") == 0) {
		explain_character(s);
		return;
	}
	for (i = 0; i < ARRAY_LEN(advices); i++) {
		if (strcmp(what, advices[i].problem) != 0)
			continue;
		if (advices[i].at_context)
			m = &y->context_mark;
		FILE_PROBLEM(s->p, pos_of(m), "%s", advices[i].advice);
		return;
	}
	FILE_PROBLEM(s->p, pos_of(m), "not YAML: %s%s%s", what,
	    y->context ? " " : "", y->context ? y->context : "");
}

/* Put a value where it belongs.  Takes the node, NULL: out of memory. */
static struct node *
place(struct scan *s, struct node *n)
{
	if (n == NULL) {
		conf_problem_oom(s->p);
		s->stop = true;
		return NULL;
	}
	if (s->depth == 0) {
		s->root = n;
		return n;
	}
	if (node_add(s->open[s->depth - 1], n) == -1) {
		FILE_PROBLEM(s->p, s->open[s->depth - 1]->pos, "more than %d "
		    "entries in one place", NODE_CHILDREN_MAX);
		s->stop = true;
		return NULL;
	}
	return n;
}

/* A new value, with the key that waited for it. */
static struct node *
value_new(struct scan *s, enum node_kind kind, struct conf_pos pos)
{
	char	*key = s->key;

	s->key = NULL;
	return place(s, node_new(kind, pos, key, s->key_pos));
}

static bool
wants_key(const struct scan *s)
{
	return s->depth > 0 && s->open[s->depth - 1]->kind == NODE_MAP &&
	    s->key == NULL;
}

/* True: there was something to reject. */
static bool
reject_extras(struct scan *s, const yaml_char_t *anchor,
    const yaml_char_t *tag, struct conf_pos pos)
{
	if (anchor != NULL)
		FILE_PROBLEM(s->p, pos, "anchors ('&%s') are not supported; "
		    "a value that begins with '&' must be in quotes",
		    (const char *)anchor);
	if (tag != NULL)
		FILE_PROBLEM(s->p, pos, "tags are not supported; a value "
		    "that begins with '!' must be in quotes");
	return anchor != NULL || tag != NULL;
}

static void
on_scalar(struct scan *s, const yaml_event_t *e)
{
	const char	*v = (const char *)e->data.scalar.value;
	struct conf_pos	 pos = pos_of(&e->start_mark);
	struct node	*n;
	char		*text;
	bool		 has_extras;

	has_extras = reject_extras(s, e->data.scalar.anchor,
	    e->data.scalar.tag, pos);
	if (strlen(v) != e->data.scalar.length)
		FILE_PROBLEM(s->p, pos, "a NUL byte cannot be in a text");
	text = strdup(v);
	if (text == NULL) {
		conf_problem_oom(s->p);
		s->stop = true;
		return;
	}
	if (wants_key(s)) {
		s->key = text;
		s->key_pos = pos;
		return;
	}
	n = value_new(s, has_extras && v[0] == '\0' ? NODE_BAD :
	    NODE_SCALAR, pos);
	if (n == NULL) {
		free(text);
		return;
	}
	n->text = text;
	n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static void
on_open(struct scan *s, enum node_kind kind, const yaml_event_t *e)
{
	struct conf_pos	 pos = pos_of(&e->start_mark);
	struct node	*n;

	if (kind == NODE_MAP)
		(void)reject_extras(s, e->data.mapping_start.anchor,
		    e->data.mapping_start.tag, pos);
	else
		(void)reject_extras(s, e->data.sequence_start.anchor,
		    e->data.sequence_start.tag, pos);
	if (wants_key(s)) {
		FILE_PROBLEM(s->p, pos, "a key must be a word%s",
		    kind == NODE_MAP ? "; a text that begins with '{' must "
		    "be in quotes" : "");
		s->stop = true;
		return;
	}
	if (s->depth == NODE_DEPTH_MAX) {
		FILE_PROBLEM(s->p, pos, "nested too deep");
		s->stop = true;
		return;
	}
	n = value_new(s, kind, pos);
	if (n != NULL)
		s->open[s->depth++] = n;
}

static void
on_alias(struct scan *s, const yaml_event_t *e)
{
	struct conf_pos	 pos = pos_of(&e->start_mark);

	FILE_PROBLEM(s->p, pos, "aliases ('*%s') are not supported; write "
	    "the value out, or put a text that begins with '*' in quotes",
	    (const char *)e->data.alias.anchor);
	if (wants_key(s))
		s->stop = true;
	else
		(void)value_new(s, NODE_BAD, pos);
}

/* False: the end. */
static bool
on_event(struct scan *s, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		on_scalar(s, e);
		break;
	case YAML_MAPPING_START_EVENT:
		on_open(s, NODE_MAP, e);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_open(s, NODE_LIST, e);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		s->depth--;
		break;
	case YAML_ALIAS_EVENT:
		on_alias(s, e);
		break;
	case YAML_DOCUMENT_START_EVENT:
		if (s->documents++ == 0)
			break;
		FILE_PROBLEM(s->p, pos_of(&e->start_mark), "a second "
		    "document begins here; a config is one document");
		return false;
	case YAML_STREAM_END_EVENT:
		return false;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return !s->stop;
}

static void
scan_events(struct scan *s)
{
	yaml_event_t	 e;
	bool		 more = true;

	while (more) {
		if (!yaml_parser_parse(&s->parser, &e)) {
			explain(s);
			return;
		}
		more = on_event(s, &e);
		yaml_event_delete(&e);
	}
}

/* Reading stopped inside these: an empty one may not be empty. */
static void
forgive_open(struct scan *s)
{
	size_t	 i;

	for (i = 1; i < s->depth; i++)
		if (s->open[i]->first == NULL)
			s->open[i]->kind = NODE_BAD;
}

struct node *
scan_yaml(const char *text, size_t len, struct conf_problems *p,
    bool *ret_complete)
{
	struct scan	 s = { .text = text, .len = len, .p = p };

	*ret_complete = false;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		s.text += 3;		/* libyaml would indent by it */
		s.len -= 3;
	}
	if (!yaml_parser_initialize(&s.parser)) {
		conf_problem_oom(p);
		return NULL;
	}
	yaml_parser_set_encoding(&s.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&s.parser,
	    (const unsigned char *)s.text, s.len);
	scan_events(&s);
	yaml_parser_delete(&s.parser);
	free(s.key);
	if (!s.stop && (s.root == NULL || node_is_null(s.root))) {
		FILE_PROBLEM(p, ((struct conf_pos){ 1, 1 }), "the file is "
		    "empty; at least 'command: ...' is needed");
		node_free(s.root);
		return NULL;
	}
	if (s.stop)
		forgive_open(&s);
	*ret_complete = !s.stop;
	return s.root;
}
