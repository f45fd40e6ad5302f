#include "config.h"
#include "config/quote.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

int
quote_printf(struct buf *b, const char *fmt, ...)
{
	va_list	 ap;
	char	*text;
	int	 n, r;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n == -1)
		return -1;
	r = buf_append(b, text, (size_t)n);
	free(text);
	return r;
}

/* The number of a character of k bytes. */
static uint32_t
code_point(const unsigned char *s, size_t k)
{
	uint32_t	 c = k == 1 ? s[0] : s[0] & (0xffu >> (k + 1));
	size_t		 i;

	for (i = 1; i < k; i++)
		c = c << 6 | (s[i] & 0x3fu);
	return c;
}

/* May stand in a file: no control, no line break, no byte order mark. */
static bool
is_printable(uint32_t c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0xfffe &&
	    c != 0x2028 && c != 0x2029 && c != 0xfeff) || c >= 0x10000;
}

int
quote_scalar(struct buf *b, const char *text)
{
	size_t		 i, k, len = strlen(text);
	uint32_t	 c;
	int		 r = buf_append(b, "\"", 1);

	for (i = 0; r == 0 && i < len; i += k) {
		k = text_utf8(text + i, len - i);
		if (k == 0) {	/* only the name of a directory has such */
			r = quote_printf(b, "\\x%02x",
			    (unsigned char)text[i]);
			k = 1;
			continue;
		}
		c = code_point((const unsigned char *)text + i, k);
		if (c == '"' || c == '\\')
			r = quote_printf(b, "\\%c", (int)c);
		else if (is_printable(c))
			r = buf_append(b, text + i, k);
		else
			r = quote_printf(b, "\\u%04x", (unsigned int)c);
	}
	return r == -1 ? -1 : buf_append(b, "\"", 1);
}

/* Letters and digits mostly, and no word that means something in YAML. */
static bool
is_plain(const char *s)
{
	static const char *const words[] = {
		"null", "yes", "no", "true", "false", "on", "off", NULL
	};
	size_t			 i;

	for (i = 0; words[i] != NULL; i++)
		if (strcasecmp(s, words[i]) == 0)
			return false;
	if (!((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') ||
	    *s == '/'))
		return false;
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789/._-")] == '\0';
}

int
quote_nicely(struct buf *b, const char *text)
{
	return is_plain(text) ? buf_append(b, text, strlen(text)) :
	    quote_scalar(b, text);
}
