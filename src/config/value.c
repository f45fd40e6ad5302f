#include "config.h"
#include "config/value.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "base/util.h"
#include "config/problem.h"
#include "config/signame.h"

/* Enums are stored as what the compiler takes for them. */
_Static_assert(sizeof(enum conf_balance) == sizeof(int) &&
    sizeof(enum log_format) == sizeof(int), "an enum is not an int");

/* --- formatting ----------------------------------------------------------- */

/* In the largest unit that leaves nothing over. */
static void
format_duration(uint64_t ms, char *buf, size_t size)
{
	static const struct {
		uint64_t	 ms;
		const char	*name;
	}		 units[] = {
		{ 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" }
	};
	size_t		 i = 0;

	while (ms % units[i].ms != 0)
		i++;
	(void)snprintf(buf, size, "%llu%s",
	    (unsigned long long)(ms / units[i].ms),
	    ms == 0 ? "" : units[i].name);
}

static void
format_factor(uint64_t milli, char *buf, size_t size)
{
	size_t	 n;

	n = (size_t)snprintf(buf, size, "%llu.%03u",
	    (unsigned long long)(milli / 1000), (unsigned int)(milli % 1000));
	while (buf[n - 1] == '0')
		buf[--n] = '\0';
	if (buf[n - 1] == '.')
		buf[--n] = '\0';
}

/* A number of the key's kind, as one would write it. */
static void
format_number(const struct key *k, uint64_t v, char buf[VALUE_FORMAT_SIZE])
{
	if (k->kind == KEY_MODE)
		(void)snprintf(buf, VALUE_FORMAT_SIZE, "%04llo",
		    (unsigned long long)v);
	else if (k->kind == KEY_DURATION)
		format_duration(v, buf, VALUE_FORMAT_SIZE);
	else if (k->kind == KEY_FACTOR)
		format_factor(v, buf, VALUE_FORMAT_SIZE);
	else
		(void)snprintf(buf, VALUE_FORMAT_SIZE, "%llu%s",
		    (unsigned long long)v, k->kind == KEY_PERCENT ? "%" : "");
}

/* "a, b or c" */
static void
format_words(const char *const *words, char *buf, size_t size)
{
	size_t	 i, n = 0;

	buf[0] = '\0';
	for (i = 0; words[i] != NULL && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s",
		    i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ",
		    words[i]);
}

void
value_expect(const struct key *k, char buf[VALUE_EXPECT_SIZE])
{
	char	 lo[VALUE_FORMAT_SIZE], hi[VALUE_FORMAT_SIZE];
	char	 words[VALUE_EXPECT_SIZE / 2];

	if (k->words != NULL) {
		format_words(k->words, words, sizeof(words));
		(void)snprintf(buf, VALUE_EXPECT_SIZE, "%s", words);
		return;
	}
	format_number(k, k->min, lo);
	format_number(k, k->max, hi);
	switch (k->kind) {
	case KEY_COUNT:
		(void)snprintf(buf, VALUE_EXPECT_SIZE, "a whole number from "
		    "%s to %s%s%s", lo, hi, k->word ? ", or " : "",
		    k->word ? k->word : "");
		break;
	case KEY_DURATION:
		(void)snprintf(buf, VALUE_EXPECT_SIZE, "a duration from %s "
		    "to %s such as 500ms, 5s, 2m or 1h", lo, hi);
		break;
	case KEY_FACTOR:
		(void)snprintf(buf, VALUE_EXPECT_SIZE, "a number from %s to "
		    "%s such as 1.5", lo, hi);
		break;
	case KEY_PERCENT:
		(void)snprintf(buf, VALUE_EXPECT_SIZE, "a percentage from "
		    "%s to %s", lo, hi);
		break;
	case KEY_BOOL:
		(void)snprintf(buf, VALUE_EXPECT_SIZE, "yes or no");
		break;
	case KEY_SIGNAL:
		format_words(signame_list, words, sizeof(words));
		(void)snprintf(buf, VALUE_EXPECT_SIZE, "%s", words);
		break;
	case KEY_ENUM:
	case KEY_MODE:
	case KEY_TEXT:
	case KEY_ANY:
	case KEY_LIST:
	case KEY_ONE_OR_MORE:
	case KEY_FREE_MAP:
	case KEY_BROADCASTS:
	case KEY_POOLS:
		(void)snprintf(buf, VALUE_EXPECT_SIZE, "%s", k->expect);
		break;
	}
}

/* --- parsing -------------------------------------------------------------- */

/* A value being read, and where a complaint about it goes. */
struct reading {
	const struct key	*k;
	const char		*name, *text;
	struct conf_pos		 pos;
	struct conf_problems	*p;
};

static int
complain(const struct reading *r, const char *what)
{
	char	 cut[PROBLEM_CUT_SIZE], expect[VALUE_EXPECT_SIZE];

	value_expect(r->k, expect);
	FILE_PROBLEM(r->p, r->pos, "%s: '%s' %s; expected %s", r->name,
	    problem_cut(cut, r->text), what, expect);
	return -1;
}

static const char *
unit_advice(const struct key *k, enum parse_result result)
{
	if (k->kind == KEY_PERCENT)
		return "needs a '%' after the number";
	return result == PARSE_NEEDS_UNIT ? "needs a unit (ms, s, m or h)" :
	    "has no unit that is known (ms, s, m or h)";
}

static int
read_number(const struct reading *r, uint64_t *ret)
{
	enum parse_result	 result;
	uint64_t		 v;

	if (r->k->kind == KEY_DURATION)
		result = parse_duration(r->text, &v);
	else if (r->k->kind == KEY_FACTOR)
		result = parse_factor(r->text, &v);
	else if (r->k->kind == KEY_PERCENT)
		result = parse_percent(r->text, &v);
	else
		result = parse_count(r->text, &v);
	switch (result) {
	case PARSE_OK:
		break;
	case PARSE_NEEDS_UNIT:
	case PARSE_BAD_UNIT:
		return complain(r, unit_advice(r->k, result));
	case PARSE_TOO_LARGE:
		return complain(r, "is out of range");
	case PARSE_NOT_A_NUMBER:
		if (r->k->kind == KEY_DURATION)
			return complain(r, "is not a duration");
		return complain(r, r->k->kind == KEY_FACTOR ||
		    r->k->kind == KEY_PERCENT ? "is not a number" :
		    "is not a whole number");
	}
	if (v < r->k->min || v > r->k->max)
		return complain(r, "is out of range");
	*ret = v;
	return 0;
}

/* One of the words; *ret is which.  A near miss is answered with a guess. */
static int
read_word(const struct reading *r, const char *const *words, int *ret)
{
	char		 lower[PROBLEM_CUT_SIZE], what[PROBLEM_CUT_SIZE + 40];
	const char	*near;
	size_t		 i;

	for (i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], r->text) != 0)
			continue;
		*ret = (int)i;
		return 0;
	}
	problem_cut(lower, r->text);
	for (i = 0; lower[i] != '\0'; i++)
		lower[i] = lower[i] == '_' ? '-' :
		    (char)tolower((unsigned char)lower[i]);
	near = r->k->kind == KEY_BOOL ? NULL : text_nearest(lower, words);
	if (near == NULL)
		return complain(r, "is not known");
	(void)snprintf(what, sizeof(what), "is not known (did you mean "
	    "'%s'?)", near);
	return complain(r, what);
}

static int
read_signal(const struct reading *r, int *ret)
{
	char		 upper[16], what[64];
	const char	*near;
	size_t		 i;

	*ret = signame_number(r->text);
	if (*ret != 0)
		return 0;
	for (i = 0; i < sizeof(upper) - 1 && r->text[i] != '\0'; i++)
		upper[i] = (char)toupper((unsigned char)r->text[i]);
	upper[i] = '\0';
	near = text_nearest(strncmp(upper, "SIG", 3) == 0 ? upper + 3 : upper,
	    signame_list);
	if (near == NULL)
		return complain(r, isdigit((unsigned char)r->text[0]) ?
		    "is a number, and signals go by name" : "is not known");
	(void)snprintf(what, sizeof(what), "is not known (did you mean "
	    "'%s'?)", near);
	return complain(r, what);
}

static int
read_bool(const struct reading *r, bool *ret)
{
	static const char *const words[] = {
		"yes", "true", "no", "false", NULL
	};
	int			 i;

	if (read_word(r, words, &i) == -1)
		return -1;
	*ret = i < 2;
	return 0;
}

int
value_number(const struct key *k, const char *name, const char *text,
    uint64_t *ret, struct conf_pos pos, struct conf_problems *p)
{
	struct reading	 r = { k, name, text, pos, p };

	return read_number(&r, ret);
}

int
value_word(const struct key *k, const char *name, const char *text, int *ret,
    struct conf_pos pos, struct conf_problems *p)
{
	struct reading	 r = { k, name, text, pos, p };

	return read_word(&r, k->words, ret);
}

int
value_store(const struct key *k, const char *name, const char *text,
    void *base, struct conf_pos pos, struct conf_problems *p)
{
	struct reading	 r = { k, name, text, pos, p };
	char		*to = (char *)base + k->offset;
	uint64_t	 v;
	bool		 yes;
	int		 i;

	if (k->word != NULL && strcmp(text, k->word) == 0) {
		memcpy(to, &k->word_value, sizeof(v));
		return 0;
	}
	if (k->kind == KEY_ENUM || k->kind == KEY_SIGNAL) {
		if ((k->kind == KEY_ENUM ? read_word(&r, k->words, &i) :
		    read_signal(&r, &i)) == -1)
			return -1;
		memcpy(to, &i, sizeof(i));
	} else if (k->kind == KEY_MODE) {
		if (read_word(&r, k->words, &i) == -1)
			return -1;
		v = strtoull(k->words[i], NULL, 8);
		memcpy(to, &v, sizeof(v));
	} else if (k->kind == KEY_BOOL) {
		if (read_bool(&r, &yes) == -1)
			return -1;
		memcpy(to, &yes, sizeof(yes));
	} else {
		if (read_number(&r, &v) == -1)
			return -1;
		memcpy(to, &v, sizeof(v));
	}
	return 0;
}

void
value_format(const struct key *k, const void *base,
    char buf[VALUE_FORMAT_SIZE])
{
	const char	*from = (const char *)base + k->offset, *s;
	uint64_t	 v;
	bool		 yes;
	int		 i;

	if (k->kind == KEY_ENUM || k->kind == KEY_SIGNAL) {
		memcpy(&i, from, sizeof(i));
		s = k->kind == KEY_ENUM ? k->words[i] : signame_of(i);
	} else if (k->kind == KEY_BOOL) {
		memcpy(&yes, from, sizeof(yes));
		s = yes ? "yes" : "no";
	} else {
		memcpy(&v, from, sizeof(v));
		s = v == k->word_value ? k->word : NULL;
		if (s == NULL) {
			format_number(k, v, buf);
			return;
		}
	}
	(void)snprintf(buf, VALUE_FORMAT_SIZE, "%s", s);
}
