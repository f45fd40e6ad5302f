#ifndef BASE_BUF_H
#define BASE_BUF_H
#include <stddef.h>

/*
 * A queue of bytes with a hard limit: appended at the end, consumed at the
 * front.  {0} with a limit is an empty one.
 */
struct buf {
	char	*data;		/* the first unconsumed byte is at start */
	size_t	 start, end, size;
	size_t	 limit;		/* most unconsumed bytes, never exceeded */
};

void	 buf_init(struct buf *, size_t limit);
void	 buf_free(struct buf *);
/* 0, or -1 with nothing appended: over the limit, or out of memory. */
int	 buf_append(struct buf *, const void *, size_t);
/* Room for n more bytes at buf_tail, or NULL; then buf_commit. */
char	*buf_reserve(struct buf *, size_t n);
void	 buf_commit(struct buf *, size_t n);
void	 buf_consume(struct buf *, size_t n);
/* Gives the memory back when nothing is in it. */
void	 buf_trim(struct buf *);

static inline size_t
buf_len(const struct buf *b)
{
	return b->end - b->start;
}

static inline char *
buf_head(const struct buf *b)
{
	return b->data != NULL ? b->data + b->start : NULL;
}
#endif
