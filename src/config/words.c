#include "config.h"
#include "config/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct split {
	const char	*s;		/* what is left */
	char		*out;		/* the word in the making */
	size_t		 len;
	char		**words;
	size_t		 count;
	struct err	*e;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* With code EINVAL the caller adds how to have a shell. */
static int
for_a_shell(struct split *sp, const char *what)
{
	err_set(sp->e, 0, "%s", what);
	sp->e->code = EINVAL;
	return -1;
}

/* Outside quotes. */
static int
refuse_bare(struct split *sp, char c, bool at_start)
{
	char	 what[] = "'?' is for a shell, and none is run";

	if (c == '\n' || c == '\r')
		return for_a_shell(sp, "more than one line is for a shell, "
		    "and none is run");
	if (strchr("$~*|&;<>`()", c) == NULL && (c != '#' || !at_start))
		return 0;
	what[1] = c;
	return for_a_shell(sp, what);
}

static int
in_single(struct split *sp)
{
	const char	*end = strchr(++sp->s, '\'');

	if (end == NULL)
		return err_set(sp->e, 0, "a single quote is never closed");
	memcpy(sp->out + sp->len, sp->s, (size_t)(end - sp->s));
	sp->len += (size_t)(end - sp->s);
	sp->s = end + 1;
	return 0;
}

static int
in_double(struct split *sp)
{
	for (sp->s++; *sp->s != '"'; sp->s++) {
		if (*sp->s == '\0')
			return err_set(sp->e, 0, "a double quote is never "
			    "closed");
		if (*sp->s == '$' || *sp->s == '`')
			return for_a_shell(sp, *sp->s == '$' ?
			    "'$' is for a shell, and none is run" :
			    "'`' is for a shell, and none is run");
		if (*sp->s == '\\' && sp->s[1] != '\0' &&
		    strchr("\"\\$`", sp->s[1]) != NULL)
			sp->s++;
		sp->out[sp->len++] = *sp->s;
	}
	sp->s++;
	return 0;
}

/* One word, up to a blank or the end. */
static int
one_word(struct split *sp)
{
	const char	*start = sp->s;
	int		 r = 0;

	sp->len = 0;
	while (r == 0 && *sp->s != '\0' && !is_blank(*sp->s)) {
		if (*sp->s == '\'') {
			r = in_single(sp);
		} else if (*sp->s == '"') {
			r = in_double(sp);
		} else if (*sp->s == '\\') {
			if (sp->s[1] == '\0' || sp->s[1] == '\n')
				return err_set(sp->e, 0, "a backslash at the "
				    "end quotes nothing");
			sp->out[sp->len++] = sp->s[1];
			sp->s += 2;
		} else {
			r = refuse_bare(sp, *sp->s, sp->s == start);
			sp->out[sp->len++] = *sp->s++;
		}
	}
	sp->out[sp->len] = '\0';
	return r;
}

/* "NAME=value" in front of a command sets a variable in a shell. */
static bool
is_assignment(const char *start, const char *end)
{
	const char	*s;

	for (s = start; s < end && (*s == '_' || (*s >= 'A' && *s <= 'Z') ||
	    (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9')); s++)
		;
	return s > start && s < end && *s == '=';
}

static int
add_word(struct split *sp)
{
	char	**words, *copy;

	words = realloc(sp->words, (sp->count + 2) * sizeof(*words));
	if (words == NULL)
		return err_set(sp->e, ENOMEM, "command");
	sp->words = words;
	copy = strdup(sp->out);
	words[sp->count] = copy;	/* NULL ends the list */
	if (copy == NULL)
		return err_set(sp->e, ENOMEM, "command");
	sp->count++;
	words[sp->count] = NULL;
	return 0;
}

static int
split_all(struct split *sp)
{
	const char	*start;

	for (;;) {
		for (; is_blank(*sp->s); sp->s++)
			;
		if (*sp->s == '\0')
			break;
		start = sp->s;
		if (one_word(sp) == -1)
			return -1;
		if (sp->count == 0 && is_assignment(start, sp->s))
			return err_set(sp->e, 0, "a variable before the "
			    "command is for a shell; write it under 'env'");
		if (add_word(sp) == -1)
			return -1;
	}
	if (sp->count == 0 || sp->words[0][0] == '\0')
		return err_set(sp->e, 0, "is empty");
	return 0;
}

int
words_split(const char *text, char ***ret_words, struct err *e)
{
	struct split	 sp = { .e = e };
	size_t		 len = strlen(text);
	char		*copy = strdup(text);
	int		 r;

	sp.s = copy;
	sp.out = malloc(len + 1);
	if (copy == NULL || sp.out == NULL) {
		free(copy);
		free(sp.out);
		return err_set(e, ENOMEM, "command");
	}
	/* A block of YAML ends with a newline that nobody meant. */
	while (len > 0 && copy[len - 1] == '\n')
		copy[--len] = '\0';
	r = split_all(&sp);
	free(copy);
	free(sp.out);
	if (r == -1) {
		words_free(sp.words);
		return -1;
	}
	*ret_words = sp.words;
	return 0;
}

char **
words_copy(char *const *words)
{
	size_t	 i, n = 0;
	char	**copy;

	while (words[n] != NULL)
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (i = 0; copy != NULL && i < n; i++) {
		copy[i] = strdup(words[i]);
		if (copy[i] == NULL) {
			words_free(copy);
			return NULL;
		}
	}
	return copy;
}

void
words_free(char **words)
{
	size_t	 i;

	for (i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}
