#include "config.h"
#include "cli/table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/text.h"
#include "cli/out.h"

#define GAP	2		/* between columns; one where it is tight */
#define LAST_MIN 12		/* what the last column should have */

struct table {
	const struct table_column	*columns;
	size_t				 column_count;
	char				**cells;
	size_t				 count, size;
};

struct table *
table_new(const struct table_column *columns, size_t count)
{
	struct table	*t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->columns = columns;
	t->column_count = count;
	return t;
}

void
table_free(struct table *t)
{
	size_t	 i;

	if (t == NULL)
		return;
	for (i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

static int
grow(struct table *t)
{
	size_t	 size = t->size > 0 ? t->size * 2 : 64;
	char	**cells;

	if (t->count < t->size)
		return 0;
	cells = reallocarray(t->cells, size, sizeof(*cells));
	if (cells == NULL)
		return -1;
	t->cells = cells;
	t->size = size;
	return 0;
}

void
table_cell(struct table *t, const char *fmt, ...)
{
	va_list	 ap;
	char	*raw = NULL;
	int	 n;

	if (t == NULL || grow(t) == -1)
		return;
	va_start(ap, fmt);
	n = vasprintf(&raw, fmt, ap);
	va_end(ap);
	t->cells[t->count++] = n == -1 ? NULL : out_escape(raw);
	if (n != -1)
		free(raw);
}

/* --- widths ------------------------------------------------------------- */
/* Columns of the character of len bytes at s. */
static size_t
char_width(const char *s, size_t len)
{
	mbstate_t	 state;
	wchar_t		 wc;
	int		 w;

	if (len == 1)
		return 1;
	memset(&state, 0, sizeof(state));
	if (mbrtowc(&wc, s, len, &state) != len)
		return 1;		/* not a locale of UTF-8 */
	w = wcwidth(wc);
	return w < 0 ? 1 : (size_t)w;
}

static size_t
char_length(const char *s, size_t n)
{
	size_t	 len = text_utf8(s, n);

	return len > 0 ? len : 1;
}

size_t
table_width(const char *text)
{
	size_t	 n = strlen(text), i, len, width = 0;

	for (i = 0; i < n; i += len) {
		len = char_length(text + i, n - i);
		width += char_width(text + i, len);
	}
	return width;
}

size_t
table_fit(const char *text, size_t width)
{
	size_t	 n = strlen(text), i, len, w, used = 0;

	for (i = 0; i < n; i += len) {
		len = char_length(text + i, n - i);
		w = char_width(text + i, len);
		if (used + w > width)
			break;
		used += w;
	}
	return i;
}

size_t
table_terminal(FILE *f)
{
	struct winsize	 ws;

	if (!isatty(fileno(f)))
		return 0;
	if (ioctl(fileno(f), TIOCGWINSZ, &ws) == -1 || ws.ws_col < 20)
		return 80;
	return ws.ws_col;
}

/* --- printing ----------------------------------------------------------- */
static const char *
cell_text(const struct table *t, size_t i)
{
	return i < t->count && t->cells[i] != NULL ? t->cells[i] : "";
}

static void
measure(const struct table *t, size_t *widths)
{
	size_t	 i, w, column;

	for (i = 0; i < t->column_count; i++)
		widths[i] = table_width(t->columns[i].title);
	for (i = 0; i < t->count; i++) {
		w = table_width(cell_text(t, i));
		column = i % t->column_count;
		if (w > widths[column])
			widths[column] = w;
	}
}

static size_t
choose_gap(const struct table *t, const size_t *widths, size_t limit)
{
	size_t	 i, sum = 0;

	for (i = 0; i + 1 < t->column_count; i++)
		sum += widths[i] + GAP;
	return limit > 0 && sum + LAST_MIN > limit ? 1 : GAP;
}

/* The line that is being printed. */
struct line {
	size_t	 gap, limit;
	size_t	 at;		/* columns written */
	FILE	*file;
};

/* Blanks are written only in front of something. */
static void
print_at(struct line *l, size_t column, const char *text)
{
	size_t	 bytes;

	if (text[0] == '\0' || column >= l->limit)
		return;
	bytes = table_fit(text, l->limit - column);
	(void)fprintf(l->file, "%*s%.*s", (int)(column - l->at), "",
	    (int)bytes, text);
	l->at = column + table_width(text);
}

static void
print_row(const struct table *t, const size_t *widths, struct line *l,
    const char *const *texts)
{
	size_t	 i, start = 0, pad;

	l->at = 0;
	for (i = 0; i < t->column_count; i++) {
		pad = widths[i] - table_width(texts[i]);
		print_at(l, start + (t->columns[i].is_number ? pad : 0),
		    texts[i]);
		start += widths[i] + l->gap;
	}
	(void)fputc('\n', l->file);
}

static void
print_rows(const struct table *t, const size_t *widths, struct line *l,
    const char **texts)
{
	size_t	 row, i;

	for (i = 0; i < t->column_count; i++)
		texts[i] = t->columns[i].title;
	print_row(t, widths, l, texts);
	for (row = 0; row < t->count; row += t->column_count) {
		for (i = 0; i < t->column_count; i++)
			texts[i] = cell_text(t, row + i);
		print_row(t, widths, l, texts);
	}
}

void
table_print(const struct table *t, FILE *f, size_t width)
{
	struct line	 l = { .limit = width > 0 ? width : SIZE_MAX,
			    .file = f };
	const char	**texts;
	size_t		*widths;

	if (t == NULL)
		return;
	widths = calloc(t->column_count, sizeof(*widths));
	texts = calloc(t->column_count, sizeof(*texts));
	if (widths != NULL && texts != NULL) {
		measure(t, widths);
		l.gap = choose_gap(t, widths, width);
		print_rows(t, widths, &l, texts);
	}
	free(widths);
	free(texts);
}
