#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/event.h"
#include "cli/human.h"
#include "cli/lines.h"
#include "cli/progress.h"
#include "cli/sample.h"
#include "cli/sockets.h"
#include "cli/spark.h"
#include "cli/table.h"
#include "t/unit.h"

START_TEST(human_durations)
{
	char	 buf[HUMAN_SIZE];

	ck_assert_str_eq(human_duration(buf, 0), "0 ms");
	ck_assert_str_eq(human_duration(buf, 850), "850 ms");
	ck_assert_str_eq(human_duration(buf, 1000), "1 s");
	ck_assert_str_eq(human_duration(buf, 1550), "1.5 s");
	ck_assert_str_eq(human_duration(buf, 30000), "30 s");
	ck_assert_str_eq(human_duration(buf, 200000), "3m 20s");
	ck_assert_str_eq(human_age(buf, 999), "0s");
	ck_assert_str_eq(human_age(buf, 59999), "59s");
	ck_assert_str_eq(human_age(buf, 3600000), "1h 0m");
	ck_assert_str_eq(human_age(buf, 76 * 3600000ull), "3d 4h");
	ck_assert_uint_lt(strlen(human_age(buf, UINT64_MAX)), HUMAN_SIZE);
}
END_TEST

START_TEST(human_sizes)
{
	char	 buf[HUMAN_SIZE];

	ck_assert_str_eq(human_bytes(buf, 0), "0 B");
	ck_assert_str_eq(human_bytes(buf, 1023), "1023 B");
	ck_assert_str_eq(human_bytes(buf, 1024), "1.0 KB");
	ck_assert_str_eq(human_bytes(buf, 12900000), "12.3 MB");
	ck_assert_str_eq(human_bytes(buf, 500ull << 20), "500 MB");
	ck_assert_str_eq(human_bytes(buf, 3ull << 40), "3.0 TB");
	ck_assert_uint_lt(strlen(human_bytes(buf, UINT64_MAX)), HUMAN_SIZE);
	ck_assert_str_eq(human_percent(buf, 0), "0.0");
	ck_assert_str_eq(human_percent(buf, 12540), "12.5");
	ck_assert_str_eq(human_percent(buf, 103000), "103");
	ck_assert_str_eq(human_count(buf, 9999), "9999");
	ck_assert_str_eq(human_count(buf, 12345), "12.3k");
	ck_assert_str_eq(human_count(buf, 4500000), "4.5M");
}
END_TEST

/* --- tables -------------------------------------------------------------- */
static const struct table_column three[] = {
	{ "NAME", false }, { "N", true }, { "NOTE", false },
};

static char *
print_table(const struct table *t, size_t width)
{
	char	*text = NULL;
	size_t	 size = 0;
	FILE	*f = open_memstream(&text, &size);

	table_print(t, f, width);
	(void)fclose(f);
	return text;
}

static struct table *
fill_table(void)
{
	struct table	*t = table_new(three, 3);

	table_cell(t, "a");
	table_cell(t, "%d", 7);
	table_cell(t, "a long note that goes on");
	table_cell(t, "bcdef");
	table_cell(t, "%d", 1000);
	table_cell(t, "%s", "");
	return t;
}

START_TEST(table_aligned)
{
	struct table	*t = fill_table();
	char		*text = print_table(t, 0);

	ck_assert_str_eq(text,
	    "NAME      N  NOTE\n"
	    "a         7  a long note that goes on\n"
	    "bcdef  1000\n");
	free(text);
	table_free(t);
}
END_TEST

START_TEST(table_cut)
{
	struct table	*t = fill_table();
	char		*text = print_table(t, 20);

	ck_assert_str_eq(text,
	    "NAME     N NOTE\n"
	    "a        7 a long no\n"
	    "bcdef 1000\n");
	free(text);
	text = print_table(t, 3);
	ck_assert_str_eq(text, "NAM\na\nbcd\n");
	free(text);
	table_free(t);
}
END_TEST

START_TEST(table_hostile)
{
	struct table	*t = table_new(three, 3);
	char		*text;

	table_cell(t, "\033[2J");
	table_cell(t, "%s", "\n");
	table_cell(t, "\xff");
	text = print_table(t, 0);
	ck_assert_str_eq(text,
	    "NAME        N  NOTE\n\\x1b[2J  \\x0a  \\xff\n");
	free(text);
	table_free(t);
}
END_TEST

START_TEST(table_widths)
{
	ck_assert_uint_eq(table_width("abc"), 3);
	ck_assert_uint_eq(table_width("gr\xc3\xbc\xc3\x9f" "e"), 5);
	ck_assert_uint_eq(table_fit("gr\xc3\xbc\xc3\x9f" "e", 3), 4);
	ck_assert_uint_eq(table_fit("ab", 9), 2);
	ck_assert_uint_eq(table_fit("ab", 0), 0);
}
END_TEST

/* --- what proc(5) says ---------------------------------------------------- */
START_TEST(socket_lines)
{
	uint16_t	 port = 0;

	ck_assert_uint_eq(sockets_parse_line("  sl  local_address "
	    "rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
	    "timeout inode", &port), 0);
	ck_assert_uint_eq(sockets_parse_line("   0: 0100007F:1B58 "
	    "0100007F:D2F0 01 00000000:00000000 00:00000000 00000000  1000"
	    "        0 36712 1 0000000000000000 20 4 30 10 -1", &port), 36712);
	ck_assert_uint_eq(port, 7000);
	ck_assert_uint_eq(sockets_parse_line("   1: 00000000:1B58 "
	    "00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000"
	    "        0 36713 1 0000000000000000 20 4 30 10 -1", &port), 0);
	ck_assert_uint_eq(sockets_parse_line("  12: 0000000000000000FFFF0000"
	    "0100007F:1B59 0000000000000000FFFF00000100007F:C001 01 "
	    "00000000:00000000 02:00000A2B 00000000     0        0 99 2 "
	    "0000000000000000 20 4 30 10 -1", &port), 99);
	ck_assert_uint_eq(port, 7001);
	ck_assert_uint_eq(sockets_parse_line("", &port), 0);
	ck_assert_uint_eq(sockets_parse_line("0: x:y", &port), 0);
}
END_TEST

START_TEST(socket_ports)
{
	ck_assert_uint_eq(sockets_parse_port("127.0.0.1:7000"), 7000);
	ck_assert_uint_eq(sockets_parse_port("[::]:65535"), 65535);
	ck_assert_uint_eq(sockets_parse_port("[::]:65536"), 0);
	ck_assert_uint_eq(sockets_parse_port("unix:/run/a:80"), 0);
	ck_assert_uint_eq(sockets_parse_port("/run/a:80"), 0);
	ck_assert_uint_eq(sockets_parse_port("nothing"), 0);
	ck_assert_uint_eq(sockets_parse_port("a:"), 0);
}
END_TEST

START_TEST(samples)
{
	struct sample	 a = { .cpu_ns = 1000000, .at_ns = 1000000000 };
	struct sample	 b = { .cpu_ns = 101000000, .at_ns = 1200000000 };

	ck_assert_uint_eq(sample_parse_memory("5000 2000 300 1 0 9 0\n",
	    4096), 8192000);
	ck_assert_uint_eq(sample_parse_memory("", 4096), 0);
	ck_assert_uint_eq(sample_parse_memory("x y", 4096), 0);
	ck_assert_uint_eq(sample_cpu(&a, &b) / 100, 499);
	ck_assert_uint_eq(sample_cpu(&b, &a), 0);
}
END_TEST

START_TEST(samples_of_ourselves)
{
	struct sample	 s = { .pid = getpid() };

	sample_take(&s);
	ck_assert(s.has_cpu && s.has_memory);
	ck_assert_uint_gt(s.cpu_ns, 0);
	ck_assert_uint_gt(s.memory, 65536);
	s.pid = 0x7ffffff0;
	sample_take(&s);
	ck_assert(!s.has_cpu && !s.has_memory);
}
END_TEST

/* --- arguments ------------------------------------------------------------ */
static const struct args_rule rule = {
	"scale", HAS(JSON) | HAS(CONFIG) | HAS(TIMEOUT) | HAS(LINES) |
	    HAS(WATCH), "POOL N", 2, 2
};

/* Up to seven words behind the name of the command. */
static int
parse(struct cli_args *ret, const char *const *words)
{
	static char	 copy[8][64];
	static char	*argv[9];
	int		 n;

	(void)snprintf(copy[0], sizeof(copy[0]), "scale");
	argv[0] = copy[0];
	for (n = 1; words[n - 1] != NULL; n++) {
		(void)snprintf(copy[n], sizeof(copy[n]), "%s", words[n - 1]);
		argv[n] = copy[n];
	}
	return args_parse(&rule, n, argv, ret);
}

#define PARSE(ret, ...) parse(ret, (const char *const []){ __VA_ARGS__, NULL })

START_TEST(args_anywhere)
{
	struct cli_args	 a;

	ck_assert_int_eq(PARSE(&a, "web", "-3", "--json"), 0);
	ck_assert(a.json);
	ck_assert_str_eq(a.operands[0], "web");
	ck_assert_str_eq(a.operands[1], "-3");
	ck_assert_int_eq(PARSE(&a, "--timeout", "2s", "web", "-c", "x.yaml",
	    "8"), 0);
	ck_assert_str_eq(a.config, "x.yaml");
	ck_assert_uint_eq(a.timeout_ms, 2000);
	ck_assert_str_eq(a.operands[1], "8");
	ck_assert_int_eq(PARSE(&a, "-n", "5", "--", "--json", "--"), 0);
	ck_assert(!a.json);
	ck_assert_uint_eq(a.lines, 5);
	ck_assert_str_eq(a.operands[0], "--json");
	ck_assert_int_eq(PARSE(&a, "--watch", "a", "b"), 0);
	ck_assert(a.watch && a.watch_ms == 2000);
	ck_assert_int_eq(PARSE(&a, "--watch=0.5", "a", "b"), 0);
	ck_assert_uint_eq(a.watch_ms, 500);
}
END_TEST

START_TEST(args_wrong)
{
	struct cli_args	 a;

	ck_assert_int_eq(PARSE(&a, "one"), -1);
	ck_assert_int_eq(PARSE(&a, "1", "2", "3"), -1);
	ck_assert_int_eq(PARSE(&a, "--strict", "1", "2"), -1);
	ck_assert_int_eq(PARSE(&a, "--timeout", "5", "1", "2"), -1);
	ck_assert_int_eq(PARSE(&a, "-n", "x", "1", "2"), -1);
	ck_assert_int_eq(PARSE(&a, "--watch=0.01", "1", "2"), -1);
	ck_assert_int_eq(PARSE(&a, "1", "2", "-c"), -1);
}
END_TEST

/* --- events ------------------------------------------------------------- */
static void
check_event(void (*format)(const json_t *, char **), const char *json,
    const char *want)
{
	json_t	*data = json_loads(json, 0, NULL);
	char	*text = NULL;

	ck_assert_ptr_nonnull(data);
	format(data, &text);
	ck_assert_str_eq(text, want);
	free(text);
	json_decref(data);
}

START_TEST(events)
{
	check_event(event_format_line, "{\"pool\":\"web\",\"slot\":3,"
	    "\"pid\":12,\"line\":\"hello\"}", "web[3] 12 | hello");
	check_event(event_format_line, "{\"pool\":\"web\",\"slot\":null,"
	    "\"pid\":12,\"line\":\"hello\"}", "web[broadcast] 12 | hello");
	check_event(event_format_line, "{\"dropped\":3}",
	    "rota: warning: 3 lines were left out: this reader is too slow");
	check_event(event_format_line, "{}", "?[broadcast] 0 | ");
	check_event(event_format, "{\"time\":\"T\",\"level\":\"warning\","
	    "\"pool\":\"web\",\"slot\":1,\"pid\":5,\"text\":\"left\"}",
	    "T rota: warning: web[1] pid 5: left");
	check_event(event_format, "{\"time\":1500,\"pool\":\"web\","
	    "\"slot\":null,\"text\":\"ready\"}",
	    "1970-01-01T00:00:01.500Z rota: web: ready");
	check_event(event_format, "{\"time\":\"T\",\"pool\":\"web\","
	    "\"slot\":0,\"pid\":5,\"text\":\"message\","
	    "\"message\":[1,\"a\"]}",
	    "T rota: web[0] pid 5: message: [1,\"a\"]");
	check_event(event_format, "[]", "- rota: ");
}
END_TEST

/* --- rota top ----------------------------------------------------------- */
START_TEST(sparks)
{
	struct spark	 s = { .count = 0 };
	char		 buf[SPARK_MAX * SPARK_BYTES + 4];
	uint64_t	 i;

	spark_draw(&s, 4, true, buf, sizeof(buf));
	ck_assert_str_eq(buf, "    ");
	for (i = 0; i <= 8; i += 4)
		spark_add(&s, i);
	spark_add(&s, 1);
	ck_assert_uint_eq(spark_last(&s), 1);
	spark_draw(&s, 5, true, buf, sizeof(buf));
	ck_assert_str_eq(buf, "  \xe2\x96\x84\xe2\x96\x88\xe2\x96\x81");
	spark_draw(&s, 5, false, buf, sizeof(buf));
	ck_assert_str_eq(buf, "  -#.");
	for (i = 0; i < 3 * SPARK_MAX; i++)
		spark_add(&s, UINT64_MAX);
	spark_draw(&s, SPARK_MAX, true, buf, sizeof(buf));
	ck_assert_uint_eq(strlen(buf), SPARK_MAX * SPARK_BYTES);
	spark_draw(&s, SPARK_MAX, true, buf, 9);
	ck_assert_uint_lt(strlen(buf), 9);
}
END_TEST

START_TEST(lines_kept)
{
	struct lines	 l = { .count = 0 };
	char		*text;
	int		 i;

	ck_assert_ptr_null(lines_before(&l, 0));
	lines_add(&l, NULL);
	ck_assert_uint_eq(lines_count(&l), 0);
	for (i = 0; i < LINES_KEPT + 3; i++) {
		ck_assert_int_gt(asprintf(&text, "%d", i), 0);
		lines_add(&l, text);
	}
	ck_assert_uint_eq(lines_count(&l), LINES_KEPT);
	ck_assert_str_eq(lines_before(&l, 0), "502");
	ck_assert_str_eq(lines_before(&l, LINES_KEPT - 1), "3");
	ck_assert_ptr_null(lines_before(&l, LINES_KEPT));
	lines_free(&l);
}
END_TEST

static void
check_progress(const char *json, const char *want)
{
	json_t	*data = json_loads(json, 0, NULL);
	char	 buf[PROGRESS_SIZE];

	progress_describe(data, buf, sizeof(buf));
	ck_assert_str_eq(buf, want);
	json_decref(data);
}

START_TEST(progress)
{
	check_progress("{\"pool\":\"web\",\"slot\":3,\"text\":\"ready\"}",
	    "web[3]: ready");
	check_progress("{\"pool\":\"web\",\"slot\":3,"
	    "\"text\":\"slot 3: ready\"}", "web: slot 3: ready");
	check_progress("{\"pool\":\"web\",\"slot\":null,\"step\":\"x\"}",
	    "web: x");
	check_progress("{}", "?");
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*t = tcase_create("cli");

	tcase_add_test(t, human_durations);
	tcase_add_test(t, human_sizes);
	tcase_add_test(t, table_aligned);
	tcase_add_test(t, table_cut);
	tcase_add_test(t, table_hostile);
	tcase_add_test(t, table_widths);
	tcase_add_test(t, socket_lines);
	tcase_add_test(t, socket_ports);
	tcase_add_test(t, samples);
	tcase_add_test(t, samples_of_ourselves);
	tcase_add_test(t, args_anywhere);
	tcase_add_test(t, args_wrong);
	tcase_add_test(t, events);
	tcase_add_test(t, sparks);
	tcase_add_test(t, lines_kept);
	tcase_add_test(t, progress);
	suite_add_tcase(s, t);
}

UNIT_MAIN("cli", fill)
