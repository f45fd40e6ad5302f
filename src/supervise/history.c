#include "config.h"
#include "supervise/history.h"

#include <stdbool.h>
#include <string.h>

#include "base/clock.h"

void
history_init(struct history *h)
{
	buf_init(&h->buf, 2 * HISTORY_BYTES);	/* to move seldom */
	h->lines = 0;
}

void
history_free(struct history *h)
{
	buf_free(&h->buf);
	h->lines = 0;
}

/* What one line takes in the buffer. */
static size_t
history_size(size_t len)
{
	return sizeof(struct history_line) + len + 1;
}

static size_t
history_read(const char *p, struct history_line *l)
{
	memcpy(l, p, sizeof(*l));
	return history_size(l->len);
}

static void
history_forget_oldest(struct history *h)
{
	struct history_line	 l;

	buf_consume(&h->buf, history_read(buf_head(&h->buf), &l));
	h->lines--;
}

void
history_add(struct history *h, uint64_t seq, pid_t pid, const char *text,
    size_t len)
{
	struct history_line	 l = { seq, clock_real_ms(), pid, len };
	char			*room;
	size_t			 i;

	while (h->lines >= HISTORY_LINES || (h->lines > 0 &&
	    buf_len(&h->buf) + history_size(len) > HISTORY_BYTES))
		history_forget_oldest(h);
	room = buf_reserve(&h->buf, history_size(len));
	if (room == NULL)
		return;
	memcpy(room, &l, sizeof(l));
	room += sizeof(l);
	for (i = 0; i < len; i++)
		room[i] = text[i] == '\0' ? ' ' : text[i];
	room[len] = '\0';
	buf_commit(&h->buf, history_size(len));
	h->lines++;
}

/* Lines of pid (0: of all). */
static size_t
history_count(const struct history *h, pid_t pid)
{
	const char		*p = buf_head(&h->buf);
	struct history_line	 l;
	size_t			 i, n = 0;

	for (i = 0; i < h->lines; i++) {
		p += history_read(p, &l);
		n += pid == 0 || l.pid == pid;
	}
	return n;
}

void
history_last(const struct history *h, size_t lines, pid_t pid,
    history_cb *cb, void *arg)
{
	const char		*p = buf_head(&h->buf);
	struct history_line	 l;
	size_t			 i, left;

	if (h->lines == 0)
		return;
	left = pid == 0 ? h->lines : history_count(h, pid);
	for (i = 0; i < h->lines; i++) {
		const char	*text = p + sizeof(l);

		p += history_read(p, &l);
		if (pid != 0 && l.pid != pid)
			continue;
		if (left-- <= lines)
			cb(arg, &l, text);
	}
}

static void
tail_line(void *arg, const struct history_line *l, const char *text)
{
	struct buf	*b = arg;
	size_t		 n = l->len + 1;

	while (buf_len(b) > 0 && buf_len(b) + n > HISTORY_TAIL_BYTES)
		buf_consume(b, strlen(buf_head(b)) + 1);
	(void)buf_append(b, text, n);
}

void
history_tail(const struct history *h, pid_t pid, struct buf *b)
{
	if (pid != 0)
		history_last(h, HISTORY_TAIL_LINES, pid, tail_line, b);
}
