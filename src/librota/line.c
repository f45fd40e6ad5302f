#include "config.h"
#include "librota/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_FIRST_SIZE	4096
/* A buffer larger than this is given back when it is empty. */
#define LINE_KEEP_SIZE	65536
/* The longest line and its newline. */
#define LINE_SIZE_MAX	(LIBROTA_LINE_MAX + 1)

/* What was given back is dropped, the rest moves to the front. */
static void
line_compact(struct librota_line *l)
{
	if (l->start == 0)
		return;
	memmove(l->data, l->data + l->start, l->end - l->start);
	l->seen -= l->start;
	l->end -= l->start;
	l->start = 0;
}

static int
line_grow(struct librota_line *l)
{
	size_t	 size = l->size == 0 ? LINE_FIRST_SIZE : l->size * 2;
	char	*data;

	if (l->size >= LINE_SIZE_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (size > LINE_SIZE_MAX)
		size = LINE_SIZE_MAX;
	data = realloc(l->data, size);
	if (data == NULL) {
		errno = ENOMEM;
		return -1;
	}
	l->data = data;
	l->size = size;
	return 0;
}

char *
librota_line_room(struct librota_line *l, size_t *ret_len)
{
	line_compact(l);
	if (l->end == 0 && l->size > LINE_KEEP_SIZE)
		librota_line_free(l);
	if (l->end == l->size && line_grow(l) == -1)
		return NULL;
	*ret_len = l->size - l->end;
	return l->data + l->end;
}

void
librota_line_filled(struct librota_line *l, size_t n)
{
	l->end += n;
}

char *
librota_line_next(struct librota_line *l, size_t *ret_len)
{
	char	*line, *newline;

	if (l->seen == l->end)
		return NULL;
	newline = memchr(l->data + l->seen, '\n', l->end - l->seen);
	if (newline == NULL) {
		l->seen = l->end;
		return NULL;
	}
	line = l->data + l->start;
	*newline = '\0';
	*ret_len = (size_t)(newline - line);
	l->start = l->seen = (size_t)(newline - l->data) + 1;
	return line;
}

void
librota_line_free(struct librota_line *l)
{
	free(l->data);
	memset(l, 0, sizeof(*l));
}
