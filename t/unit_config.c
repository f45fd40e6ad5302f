#include "config.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "config/conf.h"
#include "config/cpus.h"
#include "config/listen.h"
#include "config/load.h"
#include "config/problem.h"
#include "config/signame.h"
#include "config/words.h"
#include "t/unit.h"

/* Load a text; on failure its problems, one per line, are in said. */
static char	 said[4096];

static struct conf *
load(const char *path, const char *text)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c;
	size_t			 i, n = 0;

	c = conf_load_text(path, text, strlen(text), &p);
	said[0] = '\0';
	for (i = 0; i < p.count && n < sizeof(said); i++)
		n += (size_t)snprintf(said + n, sizeof(said) - n,
		    "%u:%u: %s\n", p.list[i].pos.line, p.list[i].pos.col,
		    p.list[i].text);
	ck_assert((c == NULL) == (p.count > 0));
	conf_problems_free(&p);
	return c;
}

/* --- words ---------------------------------------------------------------- */

static const struct {
	const char	*text;
	const char	*words;		/* with '|' after each; NULL: refused */
	int		 code;
} words_rows[] = {
	{ "a", "a|", 0 }, { "  a\t b  ", "a|b|", 0 },
	{ "a 'b c' \"d e\"", "a|b c|d e|", 0 },
	{ "a b' 'c\" \"d", "a|b c d|", 0 }, { "a '' \"\"", "a|||", 0 },
	{ "a 'x\"y$z`*'", "a|x\"y$z`*|", 0 },
	{ "a \"\\\"\\\\\\$\\`\"", "a|\"\\$`|", 0 },
	{ "a \"\\n\"", "a|\\n|", 0 }, { "a \\$b\\ c\\'", "a|$b c'|", 0 },
	{ "a \\\\", "a|\\|", 0 }, { "a b#c", "a|b#c|", 0 },
	{ "a {slot} [x] x=y ? !", "a|{slot}|[x]|x=y|?|!|", 0 },
	{ "a \"it's\" 'a\nb'", "a|it's|a\nb|", 0 },
	{ "a\n\n", "a|", 0 }, { "\\A=1", "A=1|", 0 },
	{ "", NULL, 0 }, { "   ", NULL, 0 }, { "''", NULL, 0 },
	{ "a 'b", NULL, 0 }, { "a \"b", NULL, 0 }, { "a \"b\\\"", NULL, 0 },
	{ "a \\", NULL, 0 }, { "A=1 b", NULL, 0 },
	{ "a $b", NULL, EINVAL }, { "a ~", NULL, EINVAL },
	{ "a *", NULL, EINVAL }, { "a | b", NULL, EINVAL },
	{ "a & b", NULL, EINVAL }, { "a; b", NULL, EINVAL },
	{ "a <b", NULL, EINVAL }, { "a >b", NULL, EINVAL },
	{ "a `b`", NULL, EINVAL }, { "(a)", NULL, EINVAL },
	{ "a)", NULL, EINVAL }, { "a #b", NULL, EINVAL },
	{ "a \"$b\"", NULL, EINVAL }, { "a \"`b`\"", NULL, EINVAL },
	{ "a\nb", NULL, EINVAL }, { "a\rb", NULL, EINVAL },
};

START_TEST(words_table)
{
	char		 got[256] = "";
	char		**words, **w;
	struct err	 e = { .code = -1 };
	size_t		 n = 0;
	int		 r;

	r = words_split(words_rows[_i].text, &words, &e);
	ck_assert_msg((r == 0) == (words_rows[_i].words != NULL), "%s: %s",
	    words_rows[_i].text, r == 0 ? "accepted" : e.msg);
	if (r == -1) {
		ck_assert_int_eq(e.code, words_rows[_i].code);
		return;
	}
	for (w = words; *w != NULL; w++)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s|", *w);
	ck_assert_str_eq(got, words_rows[_i].words);
	words_free(words);
}
END_TEST

/* --- listen --------------------------------------------------------------- */

static const struct {
	const char	*text, *name;
	int		 family;	/* 0: refused */
	unsigned int	 port;
	bool		 dual;
} listen_rows[] = {
	{ "7000", NULL, AF_INET6, 7000, true },
	{ "0", NULL, AF_INET6, 0, true },
	{ "65535", NULL, AF_INET6, 65535, true },
	{ "http=80", "http", AF_INET6, 80, true },
	{ "127.0.0.1:80", NULL, AF_INET, 80, false },
	{ "a.b-c_1=0.0.0.0:80", "a.b-c_1", AF_INET, 80, false },
	{ "[::1]:80", NULL, AF_INET6, 80, false },
	{ "x=[::]:0", "x", AF_INET6, 0, false },
	{ "unix:/run/x", NULL, AF_UNIX, 0, false },
	{ "unix:x/y=z", NULL, AF_UNIX, 0, false },
	{ "x=unix:y", "x", AF_UNIX, 0, false },
	{ "65536", NULL, 0, 0, false }, { "-1", NULL, 0, 0, false },
	{ "", NULL, 0, 0, false }, { "x=", NULL, 0, 0, false },
	{ "=80", NULL, 0, 0, false }, { "a b=80", NULL, 0, 0, false },
	{ "1.2.3.4", NULL, 0, 0, false }, { "1.2.3:80", NULL, 0, 0, false },
	{ "::1:80", NULL, 0, 0, false }, { "[::1]", NULL, 0, 0, false },
	{ "[::1]:", NULL, 0, 0, false }, { "[]:80", NULL, 0, 0, false },
	{ "[::1%lo]:80", NULL, 0, 0, false }, { "host:80", NULL, 0, 0, false },
	{ "unix:", NULL, 0, 0, false }, { "unix:@x", NULL, 0, 0, false },
};

START_TEST(listen_table)
{
	struct conf_listen	 l;
	struct sockaddr_in6	 sin6;
	struct sockaddr_in	 sin;
	struct err		 e;
	int			 r;

	r = listen_parse(&l, listen_rows[_i].text, "/dir", &e);
	ck_assert_int_eq(r, listen_rows[_i].family == 0 ? -1 : 0);
	if (r == -1)
		return;
	ck_assert_int_eq(l.addr.ss_family, listen_rows[_i].family);
	ck_assert_str_eq(l.text, listen_rows[_i].text);
	ck_assert(l.dual_stack == listen_rows[_i].dual);
	ck_assert((l.name == NULL) == (listen_rows[_i].name == NULL));
	if (l.name != NULL)
		ck_assert_str_eq(l.name, listen_rows[_i].name);
	memcpy(&sin, &l.addr, sizeof(sin));
	memcpy(&sin6, &l.addr, sizeof(sin6));
	if (l.addr.ss_family == AF_INET)
		ck_assert_uint_eq(ntohs(sin.sin_port), listen_rows[_i].port);
	else if (l.addr.ss_family == AF_INET6)
		ck_assert_uint_eq(ntohs(sin6.sin6_port),
		    listen_rows[_i].port);
	listen_fini(&l);
}
END_TEST

START_TEST(listen_unix_path)
{
	char			 text[256] = "unix:";
	struct conf_listen	 l;
	struct sockaddr_un	 sun;
	struct err		 e;

	ck_assert_int_eq(listen_parse(&l, "unix:a/b", "/dir", &e), 0);
	memcpy(&sun, &l.addr, sizeof(sun));
	ck_assert_str_eq(sun.sun_path, "/dir/a/b");
	listen_fini(&l);
	memset(text + 5, '/', sizeof(sun.sun_path) - 1);
	ck_assert_int_eq(listen_parse(&l, text, "/dir", &e), 0);
	listen_fini(&l);
	text[5 + sizeof(sun.sun_path) - 1] = '/';
	ck_assert_int_eq(listen_parse(&l, text, "/dir", &e), -1);
}
END_TEST

static const struct {
	const char	*a, *b;
	bool		 overlap;
} overlap_rows[] = {
	{ "7000", "7000", true }, { "7000", "7001", false },
	{ "0", "0", false }, { "127.0.0.1:0", "127.0.0.1:0", false },
	{ "7000", "127.0.0.1:7000", true }, { "7000", "[::1]:7000", true },
	{ "0.0.0.0:7000", "[::]:7000", false },
	{ "0.0.0.0:7000", "127.0.0.1:7000", true },
	{ "[::]:7000", "[::1]:7000", true },
	{ "127.0.0.1:7000", "127.0.0.2:7000", false },
	{ "127.0.0.1:7000", "x=127.0.0.1:7000", true },
	{ "unix:/a", "unix:/a", true }, { "unix:/a", "unix:/b", false },
	{ "unix:a", "unix:/dir/a", true }, { "unix:/a", "7000", false },
};

START_TEST(overlap_table)
{
	struct conf_listen	 a, b;
	struct err		 e;

	ck_assert_int_eq(listen_parse(&a, overlap_rows[_i].a, "/dir", &e), 0);
	ck_assert_int_eq(listen_parse(&b, overlap_rows[_i].b, "/dir", &e), 0);
	ck_assert(listen_overlap(&a, &b) == overlap_rows[_i].overlap);
	ck_assert(listen_overlap(&b, &a) == overlap_rows[_i].overlap);
	listen_fini(&a);
	listen_fini(&b);
}
END_TEST

/* --- what a file comes to mean -------------------------------------------- */

START_TEST(defaults)
{
	struct conf_pool	*pool;
	struct conf		*c = load("/etc/x.yaml", "command: a/b-c x\n");
	int			 i;

	ck_assert_msg(c != NULL, "%s", said);
	ck_assert_uint_eq(c->pool_count, 1);
	ck_assert_str_eq(c->dir, "/etc");
	pool = c->pools;
	ck_assert_str_eq(pool->name, "b-c");
	ck_assert_str_eq(pool->argv[1], "x");
	ck_assert_uint_eq(pool->count, cpus_usable());
	ck_assert_uint_eq(pool->backlog, 4096);
	ck_assert(!pool->defer_accept);
	ck_assert_uint_eq(pool->max_connections, 0);
	ck_assert_int_eq(pool->balance, CONF_ROUND_ROBIN);
	ck_assert_int_eq(pool->dialect, CONF_PLAIN);
	ck_assert_int_eq(pool->ready.when, CONF_READY_DELAY);
	ck_assert_int_eq(pool->restart, CONF_ON_FAILURE);
	for (i = 0; i < 256; i++)
		ck_assert(pool->success_exit[i] == (i == 0));
	ck_assert_uint_eq(pool->backoff.initial_ms, 100);
	ck_assert_uint_eq(pool->backoff.max_ms, 30000);
	ck_assert_uint_eq(pool->backoff.factor_milli, 2000);
	ck_assert_uint_eq(pool->backoff.jitter_percent, 20);
	ck_assert_uint_eq(pool->backoff.reset_after_ms, 10000);
	ck_assert_uint_eq(pool->ready.timeout_ms, 30000);
	ck_assert_uint_eq(pool->ready.soak_ms, 1000);
	ck_assert_uint_eq(pool->ready.delay_ms, 1000);
	ck_assert_int_eq(pool->stop.signal, SIGTERM);
	ck_assert_uint_eq(pool->stop.timeout_ms, 30000);
	ck_assert_int_eq(pool->reload.order, CONF_NEW_FIRST);
	ck_assert_uint_eq(pool->reload.batch, 1);
	ck_assert_int_eq(pool->on_supervisor_exit, CONF_ORPHAN_STOP);
	ck_assert_int_eq(pool->log_format, LOG_TEXT);
	ck_assert_str_eq(pool->cwd, "/etc");
	ck_assert_ptr_null(pool->env[0]);
	ck_assert_ptr_null(pool->env_file[0]);
	ck_assert_ptr_null(c->control.path);
	ck_assert_ptr_null(c->control.owner);
	ck_assert_ptr_null(c->control.group);
	ck_assert_uint_eq(c->control.mode, 0600);
	conf_unref(c);
}
END_TEST

/* Every key that is given goes to its place. */
START_TEST(every_key)
{
	struct conf_pool	*pool;
	struct conf		*c;

	c = load("/etc/x.yaml", "name: n\nargv: [a, b]\nport: 70\n"
	    "backlog: 5\ndefer_accept: yes\ncount: 9\nbalance: shared\n"
	    "dialect: plain\nrestart: always\nsuccess_exit: [3, 255]\n"
	    "backoff: {initial: 1ms, max: 2m, factor: 1.25, jitter: 7%, "
	    "reset_after: 3h}\n"
	    "ready: {when: delay, timeout: 4s, soak: 5s, delay: 2s}\n"
	    "stop: {signal: SIGINT, timeout: 7s}\n"
	    "reload: {order: old-first, batch: all}\n"
	    "cwd: /w\nenv: {A: 1, B: ''}\nenv_file: [e, f]\n"
	    "on_supervisor_exit: continue\nlog: {format: json}\n"
	    "control: {path: s, owner: o, group: 7, mode: 0660}\n");
	ck_assert_msg(c != NULL, "%s", said);
	ck_assert_int_eq(c->log_format, LOG_JSON);
	ck_assert_str_eq(c->control.path, "/etc/s");
	ck_assert_str_eq(c->control.owner, "o");
	ck_assert_str_eq(c->control.group, "7");
	ck_assert_uint_eq(c->control.mode, 0660);
	ck_assert_uint_eq(c->control.group_pos.col, 37);
	pool = c->pools;
	ck_assert_str_eq(pool->name, "n");
	ck_assert_str_eq(pool->argv[1], "b");
	ck_assert_ptr_null(pool->argv[2]);
	ck_assert_uint_eq(pool->listen_count, 1);
	ck_assert_uint_eq(pool->listen[0].pos.line, 3);
	ck_assert_uint_eq(pool->listen[0].pos.col, 7);
	ck_assert_uint_eq(pool->backlog, 5);
	ck_assert(pool->defer_accept);
	ck_assert_uint_eq(pool->count, 9);
	ck_assert_int_eq(pool->balance, CONF_SHARED);
	ck_assert_int_eq(pool->dialect, CONF_PLAIN);
	ck_assert_int_eq(pool->restart, CONF_ALWAYS);
	ck_assert(!pool->success_exit[0] && pool->success_exit[3] &&
	    pool->success_exit[255]);
	ck_assert_uint_eq(pool->backoff.initial_ms, 1);
	ck_assert_uint_eq(pool->backoff.max_ms, 120000);
	ck_assert_uint_eq(pool->backoff.factor_milli, 1250);
	ck_assert_uint_eq(pool->backoff.jitter_percent, 7);
	ck_assert_uint_eq(pool->backoff.reset_after_ms, 10800000);
	ck_assert_int_eq(pool->ready.when, CONF_READY_DELAY);
	ck_assert_uint_eq(pool->ready.timeout_ms, 4000);
	ck_assert_uint_eq(pool->ready.soak_ms, 5000);
	ck_assert_uint_eq(pool->ready.delay_ms, 2000);
	ck_assert_int_eq(pool->stop.signal, SIGINT);
	ck_assert_uint_eq(pool->stop.timeout_ms, 7000);
	ck_assert_int_eq(pool->reload.order, CONF_OLD_FIRST);
	ck_assert_uint_eq(pool->reload.batch, CONF_BATCH_ALL);
	ck_assert_str_eq(pool->cwd, "/w");
	ck_assert_str_eq(pool->env[0], "A=1");
	ck_assert_str_eq(pool->env[1], "B=");
	ck_assert_str_eq(pool->env_file[1], "f");
	ck_assert_int_eq(pool->on_supervisor_exit, CONF_ORPHAN_CONTINUE);
	ck_assert_int_eq(pool->log_format, LOG_JSON);
	ck_assert_uint_eq(pool->cwd_pos.line, 15);
	ck_assert_uint_eq(pool->command_pos.col, 8);
	conf_unref(c);
}
END_TEST

START_TEST(broadcasts)
{
	const struct conf_broadcast	*b;
	struct conf			*c;

	c = load("x.yaml", "command: x\nport: 0\nbroadcast:\n"
	    "- {interval: 10ms, key: k, counter: 7}\n"
	    "- {interval: 1h, command: \"a 'b c'\", timeout: 3s}\n"
	    "- {interval: 1s, key: l, file: f}\n"
	    "- {interval: 1s, key: m, value: v}\n");
	ck_assert_msg(c != NULL, "%s", said);
	ck_assert_uint_eq(c->pools[0].broadcast_count, 4);
	b = c->pools[0].broadcast;
	ck_assert_int_eq(b[0].source, CONF_COUNTER);
	ck_assert_uint_eq(b[0].interval_ms, 10);
	ck_assert_str_eq(b[0].key, "k");
	ck_assert_int_eq(b[0].counter, 7);
	ck_assert_int_eq(b[1].source, CONF_COMMAND);
	ck_assert_ptr_null(b[1].key);
	ck_assert_str_eq(b[1].argv[1], "b c");
	ck_assert_uint_eq(b[1].timeout_ms, 3000);
	ck_assert_int_eq(b[2].source, CONF_FILE);
	ck_assert_str_eq(b[2].path, "f");
	ck_assert_uint_eq(b[2].timeout_ms, 10000);
	ck_assert_int_eq(b[3].source, CONF_VALUE);
	ck_assert_str_eq(b[3].value, "\"v\"");
	ck_assert_uint_eq(b[3].pos.line, 7);
	conf_unref(c);
}
END_TEST

/* A file of nothing but errors does not drown anybody. */
START_TEST(too_many_problems)
{
	struct conf_problems	 p = { 0 };
	struct conf_pos		 pos = { 1, 1 };
	unsigned int		 i;

	for (i = 0; i < 5 * CONF_PROBLEMS_MAX; i++) {
		pos.line = i;
		FILE_PROBLEM(&p, pos, "%u", i);
	}
	ck_assert_uint_eq(p.count, CONF_PROBLEMS_MAX + 1);
	ck_assert_ptr_nonnull(strstr(p.list[p.count - 1].text, "too many"));
	conf_problems_free(&p);
}
END_TEST

START_TEST(dialects)
{
	struct conf	*c;

	c = load("x.yaml", "pools:\n"
	    "- {name: a, command: x, port: 0}\n"
	    "- {name: b, command: x, port: 0, dialect: plain}\n"
	    "- {name: c, command: x, dialect: rota}\n"
	    "- {name: d, command: x, port: 0, ready: {when: delay}}\n");
	ck_assert_msg(c != NULL, "%s", said);
	ck_assert_int_eq(c->pools[0].dialect, CONF_ROTA);
	ck_assert_int_eq(c->pools[0].ready.when, CONF_READY_MESSAGE);
	ck_assert_int_eq(c->pools[1].dialect, CONF_PLAIN);
	ck_assert_int_eq(c->pools[1].ready.when, CONF_READY_DELAY);
	ck_assert_int_eq(c->pools[2].dialect, CONF_ROTA);
	ck_assert_int_eq(c->pools[3].dialect, CONF_ROTA);
	ck_assert_int_eq(c->pools[3].ready.when, CONF_READY_DELAY);
	conf_unref(c);
}
END_TEST

/* The supervisor's own format is the default of the pools. */
START_TEST(log_formats)
{
	struct conf	*c = load("x.yaml", "log: {format: json}\npools:\n"
			    "- {name: a, command: x}\n"
			    "- {name: b, command: x, log: {format: text}}\n");

	ck_assert_msg(c != NULL, "%s", said);
	ck_assert_int_eq(c->log_format, LOG_JSON);
	ck_assert_int_eq(c->pools[0].log_format, LOG_JSON);
	ck_assert_int_eq(c->pools[1].log_format, LOG_TEXT);
	conf_unref(c);
}
END_TEST

static const struct {
	const char	*path, *cwd;	/* cwd: in the file, or NULL */
	const char	*want;		/* "" before it: below getcwd */
	bool		 below;
} cwd_rows[] = {
	{ "/a/b/x.yaml", NULL, "/a/b", false }, { "/x.yaml", NULL, "/", false },
	{ "/x.yaml", "sub", "/sub", false },
	{ "/a/x.yaml", "sub/dir", "/a/sub/dir", false },
	{ "/a/x.yaml", ".", "/a", false }, { "/a/x.yaml", "/b", "/b", false },
	{ "x.yaml", NULL, "", true }, { "./x.yaml", NULL, "", true },
	{ "a/x.yaml", NULL, "/a", true }, { "./a/x.yaml", NULL, "/a", true },
	{ "../x.yaml", NULL, "/..", true },
};

START_TEST(cwd_table)
{
	char		 text[128], want[PATH_MAX + 64], here[PATH_MAX];
	struct conf	*c;

	ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
	(void)snprintf(text, sizeof(text), "command: x\n%s%s\n",
	    cwd_rows[_i].cwd ? "cwd: " : "",
	    cwd_rows[_i].cwd ? cwd_rows[_i].cwd : "");
	c = load(cwd_rows[_i].path, text);
	ck_assert_msg(c != NULL, "%s", said);
	(void)snprintf(want, sizeof(want), "%s%s",
	    cwd_rows[_i].below ? here : "", cwd_rows[_i].want);
	ck_assert_str_eq(c->pools[0].cwd, want);
	conf_unref(c);
}
END_TEST

static const struct {
	const char	*yaml, *json;
} value_rows[] = {
	{ "51", "51" }, { "text", "\"text\"" }, { "'\"51\"'", "\"51\"" },
	{ "null", "null" }, { "'null'", "null" }, { "yes", "\"yes\"" },
	{ "true", "true" }, { "1.10", "1.10" }, { "'{\"a\":\n\n 1}'",
	    "{\"a\": 1}" },
	{ "\"a\\nb\"", "\"a\\nb\"" }, { "''", "\"\"" }, { "'[1'", "\"[1\"" },
	{ "010", "\"010\"" },
};

START_TEST(value_table)
{
	char		 text[128];
	struct conf	*c;

	(void)snprintf(text, sizeof(text), "command: x\nport: 0\n"
	    "broadcast:\n  interval: 1s\n  value: %s\n", value_rows[_i].yaml);
	c = load("x.yaml", text);
	ck_assert_msg(c != NULL, "%s", said);
	ck_assert_str_eq(c->pools[0].broadcast[0].value, value_rows[_i].json);
	conf_unref(c);
}
END_TEST

START_TEST(signal_names)
{
	const char *const	*name;
	char			 longer[16];

	for (name = signame_list; *name != NULL; name++) {
		ck_assert_str_eq(signame_of(signame_number(*name)), *name);
		(void)snprintf(longer, sizeof(longer), "SIG%s", *name);
		ck_assert_int_eq(signame_number(longer),
		    signame_number(*name));
	}
	ck_assert_int_eq(signame_number("SIG"), 0);
	ck_assert_int_eq(signame_number("term"), 0);
	ck_assert_int_eq(signame_number("15"), 0);
	ck_assert_ptr_null(signame_of(0));
}
END_TEST

START_TEST(problems_in_order)
{
	struct conf_problems	 p = { 0 };
	struct conf_pos		 pos;
	char			 cut[PROBLEM_CUT_SIZE], big[200];
	unsigned int		 i;

	for (i = 0; i < 100; i++) {
		pos.line = (i * 37) % 10 + 1;
		pos.col = (i * 91) % 17 + 1;
		FILE_PROBLEM(&p, pos, "a\x1b%u", i);
	}
	conf_problem_oom(&p);
	conf_problems_sort(&p);
	ck_assert_uint_eq(p.count, 101);
	ck_assert_ptr_null(p.list[0].text);
	for (i = 2; i < p.count; i++)
		ck_assert(p.list[i - 1].pos.line < p.list[i].pos.line ||
		    (p.list[i - 1].pos.line == p.list[i].pos.line &&
		    p.list[i - 1].pos.col <= p.list[i].pos.col));
	ck_assert_mem_eq(p.list[1].text, "a\\x1b", 5);
	conf_problems_free(&p);

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ck_assert_uint_eq(strlen(problem_cut(cut, big)),
	    PROBLEM_CUT_SIZE - 1);
	memcpy(big + 58, "\xe2\x82\xac", 3);
	problem_cut(cut, big);
	ck_assert_str_eq(cut + 58, "...");
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("config");

	tcase_add_loop_test(tc, words_table, 0, ARRAY_LEN(words_rows));
	tcase_add_loop_test(tc, listen_table, 0, ARRAY_LEN(listen_rows));
	tcase_add_test(tc, listen_unix_path);
	tcase_add_loop_test(tc, overlap_table, 0, ARRAY_LEN(overlap_rows));
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, every_key);
	tcase_add_test(tc, broadcasts);
	tcase_add_test(tc, too_many_problems);
	tcase_add_test(tc, dialects);
	tcase_add_test(tc, log_formats);
	tcase_add_loop_test(tc, cwd_table, 0, ARRAY_LEN(cwd_rows));
	tcase_add_loop_test(tc, value_table, 0, ARRAY_LEN(value_rows));
	tcase_add_test(tc, signal_names);
	tcase_add_test(tc, problems_in_order);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("config", fill)
