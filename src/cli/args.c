#include "config.h"
#include "cli/args.h"

#include <getopt.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"

#define LINES_MAX	1000000
#define WATCH_MS	2000
#define WATCH_MAX_MS	3600000

#define OPTION_ROW(id, letter, name, value, help) \
	[OPTION_##id] = { letter, name, value, help },
static const struct option_row {
	char		 letter;	/* 0: none */
	const char	*name, *value, *help;
} rows[OPTION__COUNT] = { OPTION_LIST(OPTION_ROW) };
#undef OPTION_ROW

static bool
is_optional(const struct option_row *row)
{
	return row->value != NULL && row->value[0] == '[';
}

/* What getopt_long returns for an option: beyond every letter. */
static int
option_code(size_t id)
{
	return 256 + (int)id;
}

/* The tables that getopt_long wants, for one command. */
static void
fill_tables(const struct args_rule *r, char *letters, struct option *longs)
{
	size_t	 id;

	*letters++ = '-';		/* operands in their order, as 1 */
	for (id = 0; id < OPTION__COUNT; id++) {
		if ((r->options & (1u << id)) == 0)
			continue;
		longs->name = rows[id].name;
		longs->has_arg = rows[id].value == NULL ? no_argument :
		    is_optional(&rows[id]) ? optional_argument :
		    required_argument;
		longs->flag = NULL;
		longs->val = option_code(id);
		longs++;
		if (rows[id].letter == 0)
			continue;
		*letters++ = rows[id].letter;
		if (rows[id].value != NULL)
			*letters++ = ':';
	}
	*letters = '\0';
	memset(longs, 0, sizeof(*longs));
}

static int
bad_value(size_t id, const char *value, const char *expected)
{
	char	 shown[128];

	(void)text_escape(shown, sizeof(shown), value, strlen(value));
	(void)fprintf(stderr, "rota: --%s: '%s'; expected %s\n",
	    rows[id].name, shown, expected);
	return -1;
}

static int
take_lines(struct cli_args *a, const char *value)
{
	if (parse_count(value, &a->lines) != PARSE_OK || a->lines > LINES_MAX)
		return bad_value(OPTION_LINES, value,
		    "a number from 0 to 1000000");
	a->has_lines = true;
	return 0;
}

static int
take_timeout(struct cli_args *a, const char *value)
{
	if (parse_duration(value, &a->timeout_ms) != PARSE_OK)
		return bad_value(OPTION_TIMEOUT, value,
		    "a duration such as 500ms, 30s, 5m or 1h");
	a->has_timeout = true;
	return 0;
}

static int
take_watch(struct cli_args *a, const char *value)
{
	a->watch = true;
	a->watch_ms = WATCH_MS;
	if (value == NULL)
		return 0;
	if (parse_factor(value, &a->watch_ms) != PARSE_OK ||
	    a->watch_ms < 100 || a->watch_ms > WATCH_MAX_MS)
		return bad_value(OPTION_WATCH, value,
		    "seconds from 0.1 to 3600");
	return 0;
}

/* 0, or -1: its value is wrong, which has been said. */
static int
take_option(struct cli_args *a, size_t id, const char *value)
{
	switch ((enum option_id)id) {
	case OPTION_CONFIG: a->config = value; return 0;
	case OPTION_SOCKET: a->socket = value; return 0;
	case OPTION_JSON: a->json = true; return 0;
	case OPTION_NO_WAIT: a->no_wait = true; return 0;
	case OPTION_ABORT: a->abort = true; return 0;
	case OPTION_AT_ONCE: a->at_once = true; return 0;
	case OPTION_FOLLOW: a->follow = true; return 0;
	case OPTION_TIMEOUT: return take_timeout(a, value);
	case OPTION_LINES: return take_lines(a, value);
	case OPTION_WATCH: return take_watch(a, value);
	case OPTION_PRINT:
	case OPTION_STRICT:
	case OPTION_VERBOSE:
	case OPTION__COUNT:
	default: return -1;		/* of commands that parse themselves */
	}
}

/* -3, as in "rota scale web -3" or "rota send web -3". */
static bool
is_negative_number(const char *word)
{
	return word[0] == '-' && word[1] >= '0' && word[1] <= '9';
}

static size_t
code_to_id(int code)
{
	size_t	 id;

	if (code >= option_code(0))
		return (size_t)(code - option_code(0));
	for (id = 0; id < OPTION__COUNT; id++)
		if (rows[id].letter != 0 && rows[id].letter == code)
			break;
	return id;
}

/*
 * The operands are gathered at the front of argv, behind the name, where
 * getopt has been already.
 */
static int
read_all(const struct args_rule *r, int argc, char **argv,
    struct cli_args *a)
{
	struct option	 longs[OPTION__COUNT + 1];
	char		 letters[2 * OPTION__COUNT + 2];
	int		 code, n = 1;

	fill_tables(r, letters, longs);
	optind = 1;
	for (;;) {
		if (optind < argc && is_negative_number(argv[optind])) {
			argv[n++] = argv[optind++];
			continue;
		}
		code = getopt_long(argc, argv, letters, longs, NULL);
		if (code == -1)
			break;
		if (code == '?')
			return -1;
		if (code == 1)
			argv[n++] = optarg;
		else if (take_option(a, code_to_id(code), optarg) == -1)
			return -1;
	}
	while (optind < argc)
		argv[n++] = argv[optind++];
	a->operands = argv + 1;
	a->operand_count = (size_t)n - 1;
	return 0;
}

int
args_parse(const struct args_rule *r, int argc, char **argv,
    struct cli_args *ret)
{
	struct cli_args	 a = { .command = r->command };

	if (read_all(r, argc, argv, &a) == -1)
		return -1;
	if (a.operand_count < r->min || a.operand_count > r->max)
		return -1;
	if (a.config != NULL && a.socket != NULL) {
		(void)fprintf(stderr, "rota: -c and -s exclude each other\n");
		return -1;
	}
	*ret = a;
	return 0;
}

static void
print_value(const struct option_row *row, FILE *f)
{
	if (is_optional(row))
		(void)fprintf(f, "[=%s", row->value + 1);
	else if (row->value != NULL)
		(void)fprintf(f, " %s", row->value);
}

void
args_print_usage(const struct args_rule *r, FILE *f)
{
	const char	*gap = "";
	size_t		 id;

	for (id = 0; id < OPTION__COUNT; id++) {
		if ((r->options & (1u << id)) == 0)
			continue;
		if (rows[id].letter != 0)
			(void)fprintf(f, "%s[-%c", gap, rows[id].letter);
		else
			(void)fprintf(f, "%s[--%s", gap, rows[id].name);
		print_value(&rows[id], f);
		(void)fprintf(f, "]");
		gap = " ";
	}
	(void)fprintf(f, "%s%s", r->operands[0] != '\0' ? gap : "",
	    r->operands);
}

void
args_print_options(const struct args_rule *r, FILE *f)
{
	char	 text[64];
	size_t	 id, n;

	for (id = 0; id < OPTION__COUNT; id++) {
		if ((r->options & (1u << id)) == 0)
			continue;
		n = rows[id].letter == 0 ? 0 : (size_t)snprintf(text,
		    sizeof(text), "-%c, ", rows[id].letter);
		(void)snprintf(text + n, sizeof(text) - n, "--%s%s%s",
		    rows[id].name, rows[id].value == NULL ? "" :
		    is_optional(&rows[id]) ? "[=" : " ",
		    rows[id].value == NULL ? "" :
		    rows[id].value + is_optional(&rows[id]));
		(void)fprintf(f, "  %-22s %s\n", text, rows[id].help);
	}
}
