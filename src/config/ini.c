#include "config.h"
#include "config/ini.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/keys.h"
#include "config/node.h"
#include "config/problem.h"

/* inih cuts the name of a section to one byte less than this. */
#define SECTION_SIZE 50

struct reader {
	const char		*text, *end;	/* what is left to read */
	unsigned int		 line;		/* the last that was read */
	const char		*at, *end_at;	/* its text */
	struct conf_problems	*p;
	struct node		*root;
	struct node		*pools;		/* NULL: no section yet */
	struct node		*section;	/* where keys go now */
	bool			 skipped;	/* a line was refused */
	bool			 full;		/* too many keys, reported */
	bool			 failed;	/* out of memory */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The place of a byte of the line that was read last. */
static struct conf_pos
place_of(const struct reader *r, const char *byte)
{
	struct conf_pos	 pos = { r->line, 1 };
	const char	*s;
	size_t		 k;

	for (s = r->at; s < byte; s += k) {
		k = text_utf8(s, (size_t)(byte - s));
		if (k == 0)
			k = 1;
		pos.col++;
	}
	return pos;
}

/* A new child of the map, of a key that need not end in NUL. */
static struct node *
map_put(struct reader *r, struct node *map, enum node_kind kind,
    const char *key, size_t len, struct conf_pos pos)
{
	struct node	*n;
	char		*copy = key != NULL ? strndup(key, len) : NULL;

	if (key != NULL && copy == NULL) {
		r->failed = true;
		return NULL;
	}
	n = node_new(kind, pos, copy, pos);
	if (n == NULL)
		r->failed = true;
	else if (node_add(map, n) == -1) {
		if (!r->full)
			FILE_PROBLEM(r->p, pos, "more than %d entries in one "
			    "place", NODE_CHILDREN_MAX);
		r->full = true;
		n = NULL;
	}
	return n;
}

/* The map of that key; one is made if there is none. */
static struct node *
map_below(struct reader *r, struct node *map, const char *key, size_t len,
    struct conf_pos pos)
{
	struct node	*n;

	for (n = map->first; n != NULL; n = n->next)
		if (n->kind == NODE_MAP && strlen(n->key) == len &&
		    strncmp(n->key, key, len) == 0)
			return n;
	return map_put(r, map, NODE_MAP, key, len, pos);
}

/* The name of a section is the name of its pool. */
static void
begin_section(struct reader *r, const char *name, size_t len,
    struct conf_pos pos)
{
	struct node	*n;

	if (r->pools == NULL)
		r->pools = map_put(r, r->root, NODE_LIST, "pools", 5, pos);
	if (r->pools == NULL)
		return;
	r->section = map_put(r, r->pools, NODE_MAP, NULL, 0, pos);
	if (r->section == NULL)
		return;
	n = map_put(r, r->section, NODE_SCALAR, "name", 4, pos);
	if (n != NULL && (n->text = strndup(name, len)) == NULL)
		r->failed = true;
}

/* "[name]" and nothing after it. */
static void
read_section(struct reader *r, const char *s, const char *end)
{
	const char	*close = memchr(s, ']', (size_t)(end - s));
	const char	*name = s + 1, *c;

	r->section = NULL;		/* what follows has nowhere to go */
	if (close == NULL) {
		FILE_PROBLEM(r->p, place_of(r, s), "a section must end with "
		    "']' in the same line");
		return;
	}
	for (c = close + 1; c < end && is_blank(*c); c++)
		;
	if (c < end) {
		FILE_PROBLEM(r->p, place_of(r, c), "nothing can follow the "
		    "']' of a section");
		return;
	}
	for (; name < close && is_blank(*name); name++)
		;
	for (; close > name && is_blank(close[-1]); close--)
		;
	if (close == name)
		FILE_PROBLEM(r->p, place_of(r, s), "a section needs the name "
		    "of its pool, such as [web]");
	else if (close - name >= SECTION_SIZE)
		FILE_PROBLEM(r->p, place_of(r, name), "the name of a section "
		    "has at most %d bytes in INI", SECTION_SIZE - 1);
	else
		begin_section(r, name, (size_t)(close - name),
		    place_of(r, name));
}

/* A blank and a ';': inih would take the rest of the line for a comment. */
static const char *
find_comment(const char *s, const char *end)
{
	for (s++; s < end; s++)
		if (*s == ';' && is_blank(s[-1]))
			return s;
	return NULL;
}

/* A line of a key: what inih would cut is refused. */
static bool
accept_line(struct reader *r, const char *s, const char *end, size_t room)
{
	const char	*c;

	if ((size_t)(end - s) + 2 > room) {
		r->skipped = true;
		FILE_PROBLEM(r->p, place_of(r, s), "the line has %zu bytes "
		    "and INI takes at most %zu here; use YAML for longer "
		    "values", (size_t)(end - s), room - 2);
		return false;
	}
	if ((c = find_comment(s, end)) != NULL) {
		r->skipped = true;
		FILE_PROBLEM(r->p, place_of(r, c), "' ;' would begin a "
		    "comment, and cut the value; put a comment on a line of "
		    "its own, and use YAML for such a value");
		return false;
	}
	if (*s == '=' || *s == ':' || (memchr(s, '=', (size_t)(end - s)) ==
	    NULL && memchr(s, ':', (size_t)(end - s)) == NULL)) {
		FILE_PROBLEM(r->p, place_of(r, s), "expected 'key = value', "
		    "[name of a pool], or a comment that begins with ';' or "
		    "'#'");
		return false;
	}
	return true;
}

/*
 * The reader of inih, in the manner of fgets.  Blanks at both ends go:
 * to inih an indented line would be the continuation of a value.
 */
static char *
read_line(char *buf, int size, void *arg)
{
	struct reader	*r = arg;
	const char	*s, *end;
	size_t		 n = 0;

	if (r->text == r->end || r->failed || size < 2)
		return NULL;
	r->at = r->text;
	end = memchr(r->text, '\n', (size_t)(r->end - r->text));
	if (end == NULL)
		end = r->end;
	r->text = end < r->end ? end + 1 : end;
	r->line++;
	for (s = r->at; s < end && is_blank(*s); s++)
		;
	for (; end > s && (is_blank(end[-1]) || end[-1] == '\r'); end--)
		;
	r->end_at = end;
	if (s < end && *s == '[')
		read_section(r, s, end);
	if (s < end && *s != ';' && *s != '#' && *s != '[' &&
	    accept_line(r, s, end, (size_t)size)) {
		n = (size_t)(end - s);
		memcpy(buf, s, n);
	}
	buf[n] = '\n';
	buf[n + 1] = '\0';
	return buf;
}

/* One kind of quotes around the whole of it is taken off. */
static char *
value_copy(const char *value, bool keep_quotes, bool *ret_quoted)
{
	size_t	 len = strlen(value);
	char	 q = value[0];

	*ret_quoted = false;
	if (!keep_quotes && len >= 2 && (q == '"' || q == '\'') &&
	    value[len - 1] == q && strchr(value + 1, q) == value + len - 1) {
		*ret_quoted = true;
		return strndup(value + 1, len - 2);
	}
	return strdup(value);
}

/* In these the quotes mean something to who reads the value. */
static bool
keeps_quotes(const char *name)
{
	const char	*dot = strrchr(name, '.');
	const char	*last = dot != NULL ? dot + 1 : name;

	return (strncmp(name, "env.", 4) != 0 &&
	    (strcmp(last, "command") == 0 || strcmp(last, "value") == 0));
}

/* The list of that key, where the key is one of a list. */
static struct node *
list_for(struct reader *r, struct node *map, const char *key,
    struct conf_pos pos)
{
	struct node	*n;
	int		 i = -1;

	if (map == r->section)
		i = keys_find(&keys_pool, key);
	if (i == -1 || !key_is_list(&keys_pool.keys[i]))
		return NULL;
	n = node_find(map, key);
	if (n == NULL)
		n = map_put(r, map, NODE_LIST, key, strlen(key), pos);
	return n;
}

/* Where a dotted name goes, and what is left of the name there. */
static struct node *
descend(struct reader *r, const char **name, struct conf_pos pos)
{
	struct node	*map = r->section;
	const char	*dot;

	while (map != NULL && (dot = strchr(*name, '.')) != NULL) {
		map = map_below(r, map, *name, (size_t)(dot - *name), pos);
		if (strncmp(*name, "env.", 4) == 0 && map != NULL) {
			*name = dot + 1;
			break;
		}
		*name = dot + 1;
	}
	return map;
}

static int
on_value(void *arg, const char *section, const char *name, const char *value)
{
	struct reader	*r = arg;
	const char	*full = name, *s;
	struct conf_pos	 key_pos, pos;
	struct node	*map, *list, *n;
	bool		 quoted;

	(void)section;			/* read_section knows it */
	if (r->section == NULL || r->failed)
		return 1;
	for (s = r->at; s < r->end_at && is_blank(*s); s++)
		;
	key_pos = place_of(r, s);
	for (; s < r->end_at && *s != '=' && *s != ':'; s++)
		;
	for (s += s < r->end_at; s < r->end_at && is_blank(*s); s++)
		;
	pos = place_of(r, s);
	map = descend(r, &name, key_pos);
	if (map == NULL)
		return 1;
	list = list_for(r, map, name, key_pos);
	if (list != NULL && list->kind == NODE_LIST)
		n = map_put(r, list, NODE_SCALAR, NULL, 0, pos);
	else
		n = map_put(r, map, NODE_SCALAR, name, strlen(name), key_pos);
	if (n == NULL)
		return 1;
	n->pos = pos;
	n->text = value_copy(value, keeps_quotes(full), &quoted);
	r->failed = r->failed || n->text == NULL;
	n->plain = !quoted && value[0] == '\0';	/* the only "no value" */
	return 1;
}

struct node *
ini_read(const char *text, size_t len, struct conf_problems *p,
    bool *ret_complete)
{
	struct conf_pos	 start = { 1, 1 };
	struct reader	 r = { .text = text, .end = text + len, .p = p };
	int		 bad;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.text += 3;
	r.root = r.section = node_new(NODE_MAP, start, NULL, start);
	bad = r.root == NULL ? -2 :
	    ini_parse_stream(read_line, &r, on_value, &r);
	if (r.failed || bad < 0) {
		conf_problem_oom(p);
		node_free(r.root);
		return NULL;
	}
	if (bad > 0)
		FILE_PROBLEM(p, ((struct conf_pos){ (unsigned int)bad, 1 }),
		    "expected 'key = value'");
	if (r.root->first == NULL) {
		if (p->count == 0)
			FILE_PROBLEM(p, start, "the file is empty; at least "
			    "'command = ...' is needed");
		node_free(r.root);
		return NULL;
	}
	*ret_complete = !r.skipped;
	return r.root;
}
