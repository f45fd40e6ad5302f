#include "config.h"
#include "cli/out.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static void	(*diverted)(const char *);

char *
out_escape(const char *s)
{
	size_t	 n = strlen(s);
	char	*escaped = malloc(n * TEXT_ESCAPE_MAX + 1);

	if (escaped != NULL)
		(void)text_escape(escaped, n * TEXT_ESCAPE_MAX + 1, s, n);
	return escaped;
}

PRINTFLIKE(3, 0) static void
print_escaped(FILE *f, const char *prefix, const char *fmt, va_list ap)
{
	char	*raw, *escaped;

	if (vasprintf(&raw, fmt, ap) == -1)
		return;
	escaped = out_escape(raw);
	free(raw);
	if (escaped != NULL)
		(void)fprintf(f, "%s%s\n", prefix, escaped);
	free(escaped);
}

void
out_line(FILE *f, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	print_escaped(f, "", fmt, ap);
	va_end(ap);
}

void
out_divert(void (*to)(const char *))
{
	diverted = to;
}

void
out_complain(const char *fmt, ...)
{
	char	 text[1024];
	va_list	 ap;

	va_start(ap, fmt);
	if (diverted != NULL) {
		(void)vsnprintf(text, sizeof(text), fmt, ap);
		diverted(text);
	} else {
		(void)fflush(stdout);
		print_escaped(stderr, "rota: ", fmt, ap);
	}
	va_end(ap);
}

void
out_json(FILE *f, const json_t *value)
{
	size_t	 flags = JSON_COMPACT | JSON_ENCODE_ANY;
	char	*text;

	if (isatty(fileno(f)))
		flags |= JSON_ENSURE_ASCII;
	text = json_dumps(value, flags);
	if (text != NULL)
		(void)fprintf(f, "%s\n", text);
	free(text);
}
