#include "config.h"
#include "config/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Stands for "out of memory" where not even a list can be had. */
static struct conf_problem	 out_of_memory = { .kind = CONF_BAD_FILE };

/* Room for one more; the capacity is the next power of two. */
static struct conf_problem *
problems_grow(struct conf_problems *p)
{
	struct conf_problem	*list;
	size_t			 n = p->count;

	if (p->list != &out_of_memory && (n & (n - 1)) != 0)
		return &p->list[p->count++];
	list = p->list != &out_of_memory ? p->list : NULL;
	list = realloc(list, (n ? n * 2 : 1) * sizeof(*list));
	if (list == NULL)
		return NULL;
	if (p->list == &out_of_memory)
		list[0] = out_of_memory;
	p->list = list;
	return &p->list[p->count++];
}

void
conf_problem_oom(struct conf_problems *p)
{
	struct conf_problem	*one = problems_grow(p);

	if (one == NULL && p->count == 0) {
		p->list = &out_of_memory;
		p->count = 1;
	} else if (one == NULL && p->list != &out_of_memory) {
		one = &p->list[p->count - 1];
		free(one->text);
	}
	if (one != NULL)
		memset(one, 0, sizeof(*one));
}

static void	problem_vadd(struct conf_problems *, enum conf_problem_kind,
		    struct conf_pos, const char *, va_list)
		    __attribute__((format(printf, 4, 0)));

static void
problem_vadd(struct conf_problems *p, enum conf_problem_kind kind,
    struct conf_pos pos, const char *fmt, va_list ap)
{
	struct conf_problem	*one;
	char			*raw, *text;
	size_t			 size;
	int			 n = vasprintf(&raw, fmt, ap);

	if (n == -1) {
		conf_problem_oom(p);
		return;
	}
	size = (size_t)n * TEXT_ESCAPE_MAX + 1;
	text = malloc(size);
	one = text != NULL ? problems_grow(p) : NULL;
	if (one == NULL) {
		free(raw);
		free(text);
		conf_problem_oom(p);
		return;
	}
	(void)text_escape(text, size, raw, (size_t)n);
	free(raw);
	*one = (struct conf_problem){ .kind = kind, .pos = pos, .text = text };
}

void
conf_problem_add(struct conf_problems *p, enum conf_problem_kind kind,
    struct conf_pos pos, const char *fmt, ...)
{
	va_list	 ap;

	if (p->count > CONF_PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	if (p->count < CONF_PROBLEMS_MAX)
		problem_vadd(p, kind, pos, fmt, ap);
	else
		problem_vadd(p, kind, pos, "too many errors; the rest is "
		    "left out", ap);
	va_end(ap);
}

size_t
conf_problems_of(const struct conf_problems *p, enum conf_problem_kind kind)
{
	size_t	 i, n = 0;

	for (i = 0; i < p->count; i++)
		n += p->list[i].kind == kind;
	return n;
}

static int
problem_compare(const void *va, const void *vb)
{
	const struct conf_problem	*a = va, *b = vb;

	if (a->pos.line != b->pos.line)
		return a->pos.line < b->pos.line ? -1 : 1;
	if (a->pos.col != b->pos.col)
		return a->pos.col < b->pos.col ? -1 : 1;
	if (a->text == NULL || b->text == NULL)
		return (a->text != NULL) - (b->text != NULL);
	return strcmp(a->text, b->text);
}

void
conf_problems_sort(struct conf_problems *p)
{
	if (p->count > 1)
		qsort(p->list, p->count, sizeof(*p->list), problem_compare);
}

void
conf_problems_free(struct conf_problems *p)
{
	size_t	 i;

	if (p->list != &out_of_memory) {
		for (i = 0; i < p->count; i++)
			free(p->list[i].text);
		free(p->list);
	}
	p->list = NULL;
	p->count = 0;
}

const char *
problem_cut(char buf[PROBLEM_CUT_SIZE], const char *text)
{
	size_t	 i, k, len = strlen(text);

	if (len < PROBLEM_CUT_SIZE) {
		memcpy(buf, text, len + 1);
		return buf;
	}
	for (i = 0; i < PROBLEM_CUT_SIZE - 4; i += k)
		if ((k = text_utf8(text + i, len - i)) == 0)
			k = 1;
	if (i > PROBLEM_CUT_SIZE - 4)
		i -= k;
	memcpy(buf, text, i);
	memcpy(buf + i, "...", 4);
	return buf;
}
