#include "config.h"
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_SIZE 512

void
buf_init(struct buf *b, size_t limit)
{
	memset(b, 0, sizeof(*b));
	b->limit = limit;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b, b->limit);
}

char *
buf_reserve(struct buf *b, size_t n)
{
	size_t	 len = buf_len(b), size;
	char	*data;

	if (n > b->limit || len > b->limit - n)
		return NULL;
	if (b->size - b->end >= n && b->data != NULL)
		return b->data + b->end;
	if (b->start > 0) {
		memmove(b->data, b->data + b->start, len);
		b->start = 0;
		b->end = len;
		if (b->size - b->end >= n)
			return b->data + b->end;
	}
	for (size = b->size ? b->size : BUF_FIRST_SIZE; size < len + n; )
		size *= 2;
	data = realloc(b->data, size);
	if (data == NULL)
		return NULL;
	b->data = data;
	b->size = size;
	return b->data + b->end;
}

void
buf_commit(struct buf *b, size_t n)
{
	b->end += n;
}

int
buf_append(struct buf *b, const void *p, size_t n)
{
	char	*room;

	if (n == 0)
		return 0;
	room = buf_reserve(b, n);
	if (room == NULL)
		return -1;
	memcpy(room, p, n);
	buf_commit(b, n);
	return 0;
}

void
buf_consume(struct buf *b, size_t n)
{
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

void
buf_trim(struct buf *b)
{
	if (buf_len(b) == 0)
		buf_free(b);
}
