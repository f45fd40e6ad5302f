#include "config.h"

#include <string.h>

#include "base/text.h"
#include "config/problem.h"
#include "config/scan.h"

/* Line and column, in characters, of a place in the text. */
static struct conf_pos
place_of(const char *text, size_t at)
{
	struct conf_pos	 pos = { 1, 1 };
	size_t		 i, k;

	for (i = 0; i < at; i += k) {
		k = text_utf8(text + i, at - i);
		if (k == 0)
			k = 1;
		pos.col++;
		if (text[i] == '\n') {
			pos.line++;
			pos.col = 1;
		}
	}
	return pos;
}

/* A character of k bytes that has no business in a config. */
static bool
is_control(const unsigned char *s, size_t k)
{
	if (k == 1)
		return s[0] == 0x7f || (s[0] < 0x20 && s[0] != '\t' &&
		    s[0] != '\n' && s[0] != '\r');
	if (k == 2)			/* C1, but for NEL */
		return s[0] == 0xc2 && s[1] < 0xa0 && s[1] != 0x85;
	return k == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe;
}

static bool
is_utf16(const char *text, size_t len)
{
	return len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 ||
	    memcmp(text, "\xfe\xff", 2) == 0);
}

int
scan_bytes(const char *text, size_t len, struct conf_problems *p)
{
	size_t	 i, k;

	if (is_utf16(text, len)) {
		FILE_PROBLEM(p, place_of(text, 0), "the file is in UTF-16; "
		    "it must be in UTF-8");
		return -1;
	}
	for (i = 0; i < len; i += k) {
		k = text_utf8(text + i, len - i);
		if (k == 0) {
			FILE_PROBLEM(p, place_of(text, i), "byte 0x%02x is "
			    "not UTF-8; the file must be in UTF-8",
			    (unsigned char)text[i]);
			return -1;
		}
		if (is_control((const unsigned char *)text + i, k)) {
			FILE_PROBLEM(p, place_of(text, i), "a control "
			    "character (0x%02x) cannot stand in the file",
			    (unsigned char)text[i + k - 1]);
			return -1;
		}
	}
	return 0;
}
