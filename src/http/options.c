#include "config.h"
#include "http/options.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "base/util.h"

#define EXIT_USAGE	2
#define DURATION_MAX	((uint64_t)INT_MAX)	/* ms: 24 days */
#define LEAK_MAX	((uint64_t)1 << 30)
#define IDLE_DEFAULT	75000

/* Sets what the switch says; false: the value makes no sense. */
typedef bool option_set(struct options *, const char *value);

static bool
set_duration(const char *value, uint64_t *ret_ms)
{
	uint64_t	 ms;

	if (parse_duration(value, &ms) != PARSE_OK || ms > DURATION_MAX)
		return false;
	*ret_ms = ms;
	return true;
}

static bool
set_block(struct options *o, const char *value)
{
	return set_duration(value, &o->faults.block_ms);
}

static bool
set_block_path(struct options *o, const char *value)
{
	o->faults.block_path = value;
	return *value == '/';
}

static bool
set_burn(struct options *o, const char *value)
{
	return set_duration(value, &o->faults.burn_ms);
}

static bool
set_crash_path(struct options *o, const char *value)
{
	o->faults.crash_path = value;
	return *value == '/';
}

static bool
set_daemon_child(struct options *o, const char *value)
{
	(void)value;
	return o->faults.daemon_child = true;
}

static bool
set_delay(struct options *o, const char *value)
{
	return set_duration(value, &o->faults.delay_ms);
}

static bool
set_die_after(struct options *o, const char *value)
{
	o->faults.die_after = true;
	return set_duration(value, &o->faults.die_after_ms);
}

static bool
set_exit(struct options *o, const char *value)
{
	uint64_t	 status;

	if (parse_count(value, &status) != PARSE_OK || status > 255)
		return false;
	o->faults.death.given = true;
	o->faults.death.signal = 0;
	o->faults.death.status = (int)status;
	return true;
}

static bool
set_fd(struct options *o, const char *value)
{
	uint64_t	 fd;

	if (parse_count(value, &fd) != PARSE_OK || fd > INT_MAX)
		return false;
	o->listen_fd = (int)fd;
	return true;
}

static bool
set_fork(struct options *o, const char *value)
{
	(void)value;
	return o->faults.fork_child = true;
}

static bool
set_hang_path(struct options *o, const char *value)
{
	o->faults.hang_path = value;
	return *value == '/';
}

/* It becomes a header line. */
static bool
set_id(struct options *o, const char *value)
{
	const char	*p;

	for (p = value; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return false;
	o->id = value;
	return p > value && p - value <= 200;
}

static bool
set_idle_timeout(struct options *o, const char *value)
{
	uint64_t	 ms;

	if (!set_duration(value, &ms))
		return false;
	o->idle_timeout_s = (ms + 999) / 1000;
	return true;
}

static bool
set_ignore_term(struct options *o, const char *value)
{
	(void)value;
	return o->faults.ignore_term = true;
}

static bool
set_journal(struct options *o, const char *value)
{
	o->journal = value;
	return *value != '\0';
}

static bool
set_leak(struct options *o, const char *value)
{
	return parse_size(value, &o->faults.leak_bytes) == PARSE_OK &&
	    o->faults.leak_bytes <= LEAK_MAX;
}

static bool
set_listen(struct options *o, const char *value)
{
	if (o->listen_count == OPTIONS_LISTEN_MAX)
		return false;
	o->listen[o->listen_count++] = value;
	return *value != '\0';
}

static bool
set_never_ready(struct options *o, const char *value)
{
	(void)value;
	return o->faults.never_ready = true;
}

/* Looked at before all others, in options_apply_slot. */
static bool
set_only_slot(struct options *o, const char *value)
{
	uint64_t	 slot;

	(void)o;
	return parse_count(value, &slot) == PARSE_OK;
}

static bool
set_port(struct options *o, const char *value)
{
	uint64_t	 port;

	return parse_count(value, &port) == PARSE_OK && port <= 65535 &&
	    set_listen(o, value);
}

static bool
set_print(struct options *o, const char *value)
{
	o->faults.print = value;
	return true;
}

static bool
set_print_each(struct options *o, const char *value)
{
	o->faults.print_each = value;
	return true;
}

static bool
set_signal(struct options *o, const char *value)
{
	static const struct {
		const char	*name;
		int		 number;
	} names[] = {
		{ "ABRT", SIGABRT }, { "BUS", SIGBUS }, { "FPE", SIGFPE },
		{ "HUP", SIGHUP }, { "ILL", SIGILL }, { "INT", SIGINT },
		{ "KILL", SIGKILL }, { "QUIT", SIGQUIT }, { "SEGV", SIGSEGV },
		{ "TERM", SIGTERM }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }
	};
	size_t	 i;

	if (strncmp(value, "SIG", 3) == 0)
		value += 3;
	for (i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i].name, value) != 0)
			continue;
		o->faults.death.given = true;
		o->faults.death.signal = names[i].number;
		return true;
	}
	return false;
}

static bool
set_stamp(struct options *o, const char *value)
{
	(void)value;
	return o->stamp = true;
}

static bool
set_start_delay(struct options *o, const char *value)
{
	return set_duration(value, &o->faults.start_delay_ms);
}

static const struct option_row {
	const char	*name;
	const char	*value;		/* what is wanted; NULL: no value */
	option_set	*set;
	bool		 fault;		/* only where --only-slot says */
} rows[] = {
	{ "--block", "a duration such as 50ms", set_block, true },
	{ "--block-path", "a path such as /block", set_block_path, true },
	{ "--burn", "a duration such as 10ms", set_burn, true },
	{ "--crash-path", "a path such as /crash", set_crash_path, true },
	{ "--daemon-child", NULL, set_daemon_child, true },
	{ "--delay", "a duration such as 50ms", set_delay, true },
	{ "--die-after", "a duration such as 500ms", set_die_after, true },
	{ "--exit", "an exit status, 0..255", set_exit, true },
	{ "--fd", "the number of a descriptor", set_fd, false },
	{ "--fork", NULL, set_fork, true },
	{ "--hang-path", "a path such as /hang", set_hang_path, true },
	{ "--id", "a printable text of at most 200 bytes", set_id, false },
	{ "--idle-timeout", "a duration such as 75s", set_idle_timeout,
	    false },
	{ "--ignore-term", NULL, set_ignore_term, true },
	{ "--journal", "a file", set_journal, false },
	{ "--leak", "a size of at most 1G, such as 1M", set_leak, true },
	{ "--listen", "an address such as 127.0.0.1:7000, at most 16 times",
	    set_listen, false },
	{ "--never-ready", NULL, set_never_ready, true },
	{ "--only-slot", "a slot's number", set_only_slot, false },
	{ "--port", "a port, 0..65535", set_port, false },
	{ "--print", "a text", set_print, true },
	{ "--print-each", "a text", set_print_each, true },
	{ "--signal", "a signal such as KILL", set_signal, true },
	{ "--stamp", NULL, set_stamp, false },
	{ "--start-delay", "a duration such as 300ms", set_start_delay,
	    true }
};

static void
usage_unknown(const char *word)
{
	const char	*names[ARRAY_LEN(rows) + 1], *near;
	size_t		 i;

	for (i = 0; i < ARRAY_LEN(rows); i++)
		names[i] = rows[i].name;
	names[i] = NULL;
	near = text_nearest(word, names);
	if (near != NULL)
		(void)fprintf(stderr,
		    "rota-http: unknown switch %s; did you mean %s?\n", word,
		    near);
	else
		(void)fprintf(stderr,
		    "rota-http: unknown switch %s; see rota-http(1)\n", word);
}

/* The row of a word, and its value after '=' or NULL. */
static const struct option_row *
row_find(const char *word, const char **ret_value)
{
	size_t	 i, len = strcspn(word, "=");

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (strlen(rows[i].name) != len ||
		    strncmp(rows[i].name, word, len) != 0)
			continue;
		*ret_value = word[len] == '=' ? word + len + 1 : NULL;
		return &rows[i];
	}
	return NULL;
}

/* One switch; returns how many words it took, 0 after a complaint. */
static int
option_take(struct options *o, char *const *words)
{
	const struct option_row	*row;
	const char		*value;
	int			 taken = 1;

	row = row_find(words[0], &value);
	if (row == NULL) {
		usage_unknown(words[0]);
		return 0;
	}
	if (row->value != NULL && value == NULL) {
		value = words[1];
		taken = 2;
	} else if (row->value == NULL && value != NULL) {
		(void)fprintf(stderr, "rota-http: %s takes no value\n",
		    row->name);
		return 0;
	}
	if (row->value != NULL && value == NULL) {
		(void)fprintf(stderr, "rota-http: %s needs %s\n", row->name,
		    row->value);
		return 0;
	}
	if (!row->set(o, value)) {
		(void)fprintf(stderr, "rota-http: %s needs %s, not '%s'\n",
		    row->name, row->value, value);
		return 0;
	}
	return taken;
}

/* Without the misbehaviour where --only-slot names another slot. */
static void
options_apply_slot(struct options *o, const char *only)
{
	const char	*slot = getenv("ROTA_SLOT");

	if (only != NULL && (slot == NULL || strcmp(only, slot) != 0))
		memset(&o->faults, 0, sizeof(o->faults));
}

static int
options_complete(struct options *o)
{
	struct faults	*f = &o->faults;

	if (o->id == NULL && getenv("ROTA_HTTP_ID") != NULL &&
	    !set_id(o, getenv("ROTA_HTTP_ID"))) {
		(void)fprintf(stderr, "rota-http: ROTA_HTTP_ID needs a "
		    "printable text of at most 200 bytes\n");
		return EXIT_USAGE;
	}
	if (!f->death.given && f->die_after)
		f->death = (struct death){ true, 0, 1 };
	if (!f->death.given && f->crash_path != NULL)
		f->death = (struct death){ true, SIGSEGV, 0 };
	return -1;
}

int
options_parse(struct options *o, int argc, char **argv)
{
	const struct option_row	*row;
	const char		*only = NULL, *value;
	int			 i, taken;

	memset(o, 0, sizeof(*o));
	o->listen_fd = -1;
	o->idle_timeout_s = IDLE_DEFAULT / 1000;
	for (i = 1; i < argc; i += taken) {
		if (strcmp(argv[i], "--version") == 0) {
			(void)puts("rota-http " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		}
		taken = option_take(o, argv + i);
		if (taken == 0)
			return EXIT_USAGE;
		row = row_find(argv[i], &value);
		if (row->set == set_only_slot)
			only = value != NULL ? value : argv[i + 1];
	}
	options_apply_slot(o, only);
	return options_complete(o);
}
