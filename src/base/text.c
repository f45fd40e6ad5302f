#include "config.h"
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NEAREST_MAX_LEN 64

size_t
text_utf8(const char *s, size_t n)
{
	const unsigned char	*p = (const unsigned char *)s;
	unsigned char		 lo = 0x80, hi = 0xbf;
	size_t			 len, i;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	switch (p[0]) {		/* the second byte's range, table 3-7 */
	case 0xe0: lo = 0xa0; break;
	case 0xed: hi = 0x9f; break;
	case 0xf0: lo = 0x90; break;
	case 0xf4: hi = 0x8f; break;
	default: break;
	}
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool
text_is_utf8(const char *s, size_t n)
{
	size_t	 i, k;

	for (i = 0; i < n; i += k)
		if ((k = text_utf8(s + i, n - i)) == 0)
			return false;
	return true;
}

size_t
text_cut(const char *s, size_t n, size_t most)
{
	if (n <= most)
		return n;
	while (most > 0 && (s[most] & 0xc0) == 0x80)
		most--;
	return most;
}

/* A character that may reach a terminal as it is. */
static bool
is_harmless(const unsigned char *p, size_t len)
{
	if (len == 1)
		return p[0] == '\t' || (p[0] >= 0x20 && p[0] != 0x7f);
	return len > 2 || p[0] != 0xc2 || p[1] >= 0xa0;	/* C1 controls */
}

size_t
text_escape(char *out, size_t size, const char *s, size_t n)
{
	size_t	 i, k, o = 0;

	for (i = 0; i < n; i += k) {
		k = text_utf8(s + i, n - i);
		if (k > 0 && is_harmless((const unsigned char *)s + i, k)) {
			if (size - o <= k)
				break;
			memcpy(out + o, s + i, k);
			o += k;
			continue;
		}
		k = 1;
		if (size - o <= 4)
			break;
		(void)snprintf(out + o, size - o, "\\x%02x",
		    (unsigned char)s[i]);
		o += 4;
	}
	out[o] = '\0';
	return o;
}

size_t
text_to_utf8(char *out, const char *s, size_t n)
{
	size_t	 i, k, o = 0;

	for (i = 0; i < n; i += k) {
		k = text_utf8(s + i, n - i);
		memcpy(out + o, k > 0 ? s + i : "\xef\xbf\xbd", k > 0 ? k : 3);
		o += k > 0 ? k : 3;
		k += k == 0;
	}
	return o;
}

/* The two-character escape of JSON for c, or NULL. */
static const char *
json_short_escape(char c)
{
	switch (c) {
	case '"': return "\\\"";
	case '\\': return "\\\\";
	case '\n': return "\\n";
	case '\r': return "\\r";
	case '\t': return "\\t";
	default: return NULL;
	}
}

size_t
text_json(char *out, size_t size, const char *s, size_t n)
{
	char		 tmp[8];
	const char	*piece;
	size_t		 i, k, len, o = 0;

	for (i = 0; i < n; i += k) {
		k = text_utf8(s + i, n - i);
		piece = s + i;
		len = k;
		if (k == 0) {			/* U+FFFD for a stray byte */
			piece = "\xef\xbf\xbd";
			len = 3;
			k = 1;
		} else if (k == 1 && (piece = json_short_escape(s[i]))) {
			len = 2;
		} else if (k == 1 && (unsigned char)s[i] < 0x20) {
			(void)snprintf(tmp, sizeof(tmp), "\\u%04x",
			    (unsigned int)(unsigned char)s[i]);
			piece = tmp;
			len = 6;
		} else {
			piece = s + i;
		}
		if (size - o <= len)
			break;
		memcpy(out + o, piece, len);
		o += len;
	}
	out[o] = '\0';
	return o;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t	 m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits (insert, delete, replace, swap of neighbours) from a to b. */
static size_t
edit_distance(const char *a, const char *b)
{
	size_t	 la = strlen(a), lb = strlen(b), i, j, cost;
	size_t	 row[3][NEAREST_MAX_LEN + 1];
	size_t	*old2 = row[0], *old = row[1], *new = row[2], *t;

	if (la > NEAREST_MAX_LEN || lb > NEAREST_MAX_LEN)
		return SIZE_MAX;
	for (j = 0; j <= lb; j++)
		old[j] = j;
	for (i = 1; i <= la; i++) {
		new[0] = i;
		for (j = 1; j <= lb; j++) {
			cost = a[i - 1] != b[j - 1];
			new[j] = min3(old[j] + 1, new[j - 1] + 1,
			    old[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && old2[j - 2] + 1 < new[j])
				new[j] = old2[j - 2] + 1;
		}
		t = old2;
		old2 = old;
		old = new;
		new = t;
	}
	return old[lb];
}

const char *
text_nearest(const char *word, const char *const *candidates)
{
	const char	*best = NULL;
	size_t		 d, best_d = strlen(word) / 3 + 1;

	if (best_d > 3)
		best_d = 3;
	best_d++;
	for (; *candidates != NULL; candidates++) {
		d = edit_distance(word, *candidates);
		if (d < best_d && d < strlen(*candidates)) {
			best_d = d;
			best = *candidates;
		}
	}
	return best;
}
