#include "config.h"
#include "answer.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STATUS_LINE "HTTP/1.1 200 "
#define BODY_FIRST "Handled by process "
#define BODY_SECOND "Cached value: "

/* What the head says; has_length once its length is known. */
struct head {
	size_t	 length;	/* of the body */
	bool	 has_length, closes;
};

static enum answer_result
bad(const char **why, const char *what)
{
	*why = what;
	return ANSWER_BAD;
}

/* Digits only, up to stop; -1 if there are none or too many. */
static long
read_digits(const char *s, const char *stop)
{
	long	 v = 0;

	if (s == stop || stop - s > 9)
		return -1;
	for (; s < stop; s++) {
		if (!isdigit((unsigned char)*s))
			return -1;
		v = v * 10 + (*s - '0');
	}
	return v;
}

static bool
name_is(const char *line, const char *colon, const char *name)
{
	return (size_t)(colon - line) == strlen(name) &&
	    strncasecmp(line, name, strlen(name)) == 0;
}

/* One header line without its end. */
static bool
read_header(const char *line, const char *end, struct head *h,
    const char **why)
{
	const char	*colon = memchr(line, ':', (size_t)(end - line));
	const char	*value;
	long		 n;

	if (colon == NULL || colon == line) {
		*why = "header without a name";
		return false;
	}
	for (value = colon + 1; value < end && *value == ' '; value++)
		;
	if (name_is(line, colon, "Transfer-Encoding")) {
		*why = "transfer encoding";
		return false;
	}
	if (name_is(line, colon, "Connection"))
		h->closes = end - value == 5 &&
		    strncasecmp(value, "close", 5) == 0;
	if (!name_is(line, colon, "Content-Length"))
		return true;
	n = read_digits(value, end);
	if (n == -1 || h->has_length) {
		*why = "bad Content-Length";
		return false;
	}
	h->has_length = true;
	h->length = (size_t)n;
	return true;
}

/* From the status line to the empty line, whose end is returned. */
static const char *
read_head(const char *data, const char *end, struct head *h,
    const char **why)
{
	const char	*line, *eol;

	line = memmem(data, (size_t)(end - data), "\r\n", 2);
	for (line += 2;; line = eol + 2) {
		eol = memmem(line, (size_t)(end - line), "\r\n", 2);
		if (eol == line)
			return eol + 2;
		if (!read_header(line, eol, h, why))
			return NULL;
	}
}

static bool
read_body(const char *s, size_t n, struct answer *a)
{
	const char	*end = s + n;
	const char	*dot;
	size_t		 len;

	if (n < strlen(BODY_FIRST) ||
	    memcmp(s, BODY_FIRST, strlen(BODY_FIRST)) != 0)
		return false;
	s += strlen(BODY_FIRST);
	dot = memmem(s, (size_t)(end - s), ".\n", 2);
	if (dot == NULL)
		return false;
	a->pid = read_digits(s, dot);
	s = dot + 2;
	if (a->pid <= 0 || (size_t)(end - s) <= strlen(BODY_SECOND) ||
	    memcmp(s, BODY_SECOND, strlen(BODY_SECOND)) != 0)
		return false;
	s += strlen(BODY_SECOND);
	len = (size_t)(end - s) - 1;
	if (len == 0 || len > ANSWER_VALUE_MAX || end[-1] != '\n' ||
	    memchr(s, '\n', len) != NULL)
		return false;
	memcpy(a->value, s, len);
	a->value[len] = '\0';
	return true;
}

enum answer_result
answer_read(const char *data, size_t n, struct answer *ret,
    const char **why)
{
	size_t		 seen = n < strlen(STATUS_LINE) ? n :
			    strlen(STATUS_LINE);
	const char	*body;
	struct head	 h = {0};

	if (memcmp(data, STATUS_LINE, seen) != 0)
		return bad(why, "not " STATUS_LINE);
	if (memmem(data, n, "\r\n\r\n", 4) == NULL)
		return ANSWER_PARTIAL;
	body = read_head(data, data + n, &h, why);
	if (body == NULL)
		return ANSWER_BAD;
	if (!h.has_length)
		return bad(why, "no Content-Length");
	if ((size_t)(data + n - body) < h.length)
		return ANSWER_PARTIAL;
	if (!read_body(body, h.length, ret))
		return bad(why, "wrong body");
	ret->length = (size_t)(body - data) + h.length;
	ret->closes = h.closes;
	return ANSWER_COMPLETE;
}
