#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/env.h"
#include "base/util.h"
#include "ipc/dialect.h"
#include "ipc/proto.h"
#include "ipc/sdnotify.h"
#include "t/unit.h"

/* --- sd_notify(3) --------------------------------------------------------- */

static const struct {
	const char	*text;
	unsigned int	 has;
} notes[] = {
	{ "", 0 },
	{ "\n\n", 0 },
	{ "READY=1", SDNOTIFY_READY },
	{ "READY=1\n", SDNOTIFY_READY },
	{ "READY=0", 0 },
	{ "READY=11", 0 },
	{ "XREADY=1\nready=1\nREADY", 0 },
	{ "RELOADING=1\nMONOTONIC_USEC=5", SDNOTIFY_RELOADING },
	{ "STOPPING=1\nBARRIER=1", SDNOTIFY_STOPPING | SDNOTIFY_BARRIER },
	{ "WATCHDOG=1", SDNOTIFY_WATCHDOG },
	{ "WATCHDOG=trigger", SDNOTIFY_TRIGGER },
	{ "FDSTORE=1\nFDNAME=x", SDNOTIFY_FDSTORE },
	{ "STATUS=", SDNOTIFY_STATUS },
	{ "MAINPID=77", SDNOTIFY_MAINPID },
	{ "MAINPID=0", SDNOTIFY_BAD },
	{ "MAINPID=-1", SDNOTIFY_BAD },
	{ "MAINPID=4294967297", SDNOTIFY_BAD },
	{ "MAINPID=", SDNOTIFY_BAD },
	{ "EXTEND_TIMEOUT_USEC=1001", SDNOTIFY_EXTEND },
	{ "EXTEND_TIMEOUT_USEC=99999999999999", SDNOTIFY_BAD },
	{ "EXTEND_TIMEOUT_USEC=999999999999999999999999", SDNOTIFY_BAD },
	{ "ERRNO=2\nSTATUS=x", SDNOTIFY_ERRNO | SDNOTIFY_STATUS },
	{ "ERRNO=5000", SDNOTIFY_BAD },
};

START_TEST(notification)
{
	struct sdnotify	 n;

	sdnotify_parse(notes[_i].text, strlen(notes[_i].text), &n);
	ck_assert_msg(n.has == notes[_i].has, "'%s': %#x", notes[_i].text,
	    n.has);
}
END_TEST

START_TEST(notified_values)
{
	static const char	 text[] = "STATUS=one\nMAINPID=12\nERRNO=3\n"
	    "EXTEND_TIMEOUT_USEC=1001\nSTATUS=two\x1b\xff";
	struct sdnotify		 n;
	char			 big[SDNOTIFY_MAX];

	sdnotify_parse(text, sizeof(text) - 1, &n);
	ck_assert_int_eq(n.main_pid, 12);
	ck_assert_int_eq(n.error, 3);
	ck_assert_uint_eq(n.extend_ms, 2);
	ck_assert_str_eq(n.status, "two\\x1b\\xff");
	memset(big, 'x', sizeof(big));
	memcpy(big, "STATUS=", 7);
	sdnotify_parse(big, sizeof(big), &n);
	ck_assert_uint_eq(strlen(n.status), SDNOTIFY_STATUS_MAX);
	sdnotify_parse("ERRNO=1\0", 8, &n);
	ck_assert_uint_eq(n.has, SDNOTIFY_BAD);
}
END_TEST

/* --- environments --------------------------------------------------------- */

static const struct dialect_listener listeners[] = {
	{ "http", "[::]:80", AF_INET6, true, 3 },
	{ NULL, "127.0.0.1:81", AF_INET, false, 4 },
	{ "v6", "[::1]:82", AF_INET6, false, 5 },
	{ NULL, "unix:/run/x", AF_UNIX, false, 6 },
};

static const struct dialect_facts facts = {
	.pool = "p", .slot = 2, .count = 4, .generation = 7, .port = 80,
	.ipc_fd = 9, .conn_fd = -1, .ready_fd = -1,
	.listeners = listeners, .listener_count = ARRAY_LEN(listeners),
	.notify = "@n", .ack_path = "/run/ack", .heartbeat_ms = 1500,
};

static const struct {
	enum conf_dialect	 dialect;
	const char		*name, *value;
} told[] = {
	{ CONF_PLAIN, "PORT", "80" },
	{ CONF_PLAIN, "LISTEN_FDS", NULL },
	{ CONF_PLAIN, "NOTIFY_SOCKET", "@n" },
	{ CONF_PLAIN, "WATCHDOG_USEC", "1500000" },
	{ CONF_ROTA, "ROTA_IPC_FD", "9" },
	{ CONF_SYSTEMD, "LISTEN_FDS", "4" },
	{ CONF_SYSTEMD, "LISTEN_PID", DIALECT_PID },
	{ CONF_SYSTEMD, "WATCHDOG_PID", DIALECT_PID },
	{ CONF_SYSTEMD, "LISTEN_FDNAMES", "http:unknown:v6:unknown" },
	{ CONF_EINHORN, "EINHORN_FD_COUNT", "4" },
	{ CONF_EINHORN, "EINHORN_FD_3", "6" },
	{ CONF_EINHORN, "EINHORN_FD_4", NULL },
	{ CONF_EINHORN, "EINHORN_FD_FAMILY_2", "AF_INET6" },
	{ CONF_EINHORN, "EINHORN_CHILD_INDEX", "2" },
	{ CONF_EINHORN, "EINHORN_SOCK_PATH", "/run/ack" },
	{ CONF_EINHORN, "EINHORN_SOCK_FD", "9" },
	{ CONF_SERVER_STARTER, "SERVER_STARTER_PORT",
	    "80=3;127.0.0.1:81=4;[::1]:82=5;/run/x=6" },
	{ CONF_SERVER_STARTER, "SERVER_STARTER_GENERATION", "7" },
};

START_TEST(environment)
{
	struct env	 env = { 0 };
	const char	*value;

	ck_assert_int_eq(dialect_set_env(dialect_get(told[_i].dialect), &env,
	    &facts), 0);
	value = env_get(&env, told[_i].name);
	if (told[_i].value == NULL)
		ck_assert_ptr_null(value);
	else
		ck_assert_str_eq(value != NULL ? value : "(none)",
		    told[_i].value);
	env_free(&env);
}
END_TEST

START_TEST(no_listeners)
{
	struct dialect_facts	 f = facts;
	struct env		 env = { 0 };

	f.listener_count = 0;
	f.notify = NULL;
	f.heartbeat_ms = 0;
	ck_assert_int_eq(dialect_set_env(&dialect_systemd, &env, &f), 0);
	ck_assert_ptr_null(env_get(&env, "LISTEN_FDS"));
	ck_assert_ptr_null(env_get(&env, "NOTIFY_SOCKET"));
	ck_assert_ptr_null(env_get(&env, "WATCHDOG_USEC"));
	env_free(&env);
}
END_TEST

/* --- several at once ------------------------------------------------------ */

START_TEST(mixed)
{
	struct conf_pool	 c = {
		.dialects = { CONF_SYSTEMD, CONF_EINHORN,
		    CONF_SERVER_STARTER },
		.dialect_count = 3,
	};
	struct dialect_mix	 m;
	struct env		 env = { 0 };

	dialect_mix(&m, &c);
	ck_assert_str_eq(m.all.name, "systemd+einhorn+server-starter");
	ck_assert(m.all.notifies && m.all.acks && m.all.channel);
	ck_assert(m.all.parse == dialect_einhorn.parse);
	ck_assert_int_eq(dialect_set_env(&m.all, &env, &facts), 0);
	ck_assert_str_eq(env_get(&env, "LISTEN_FDS"), "4");
	ck_assert_str_eq(env_get(&env, "EINHORN_FD_3"), "6");
	ck_assert_str_eq(env_get(&env, "SERVER_STARTER_PORT"),
	    "80=3;127.0.0.1:81=4;[::1]:82=5;/run/x=6");
	env_free(&env);
}
END_TEST

/* One that cannot take connections one by one makes that of all. */
START_TEST(mixed_with_rota)
{
	struct conf_pool	 c = {
		.dialects = { CONF_ROTA, CONF_SYSTEMD }, .dialect_count = 1,
	};
	struct dialect_mix	 m;

	dialect_mix(&m, &c);
	ck_assert_str_eq(m.all.name, "rota");
	ck_assert(m.all.handover && !m.all.notifies);
	c.dialect_count = 2;
	dialect_mix(&m, &c);
	ck_assert(!m.all.handover && m.all.notifies && m.all.channel);
	ck_assert(m.all.hello == dialect_rota.hello);
	c.dialects[0] = CONF_SYSTEMD;
	c.dialects[1] = CONF_ROTA;
	dialect_mix(&m, &c);
	ck_assert(!m.all.handover && m.all.notifies && m.all.channel);
	ck_assert(m.all.hello == dialect_rota.hello);
}
END_TEST

/* --- what a worker of einhorn says ---------------------------------------- */

static const struct {
	const char	*line;
	enum proto_kind	 kind;
} said[] = {
	{ "{\"command\":\"worker:ack\",\"pid\":1}", PROTO_READY },
	{ "{\"command\":\"worker:ping\",\"pid\":1}", PROTO_PONG },
	{ "---%0Acommand: worker:ack%0Apid: 12%0A", PROTO_READY },
	{ "--- %0Acommand: 'worker:ack'%0a", PROTO_READY },
	{ "{\"command\":\"die\"}", PROTO_BAD },
	{ "{\"command\":1}", PROTO_BAD },
	{ "{}", PROTO_BAD },
	{ "", PROTO_BAD },
	{ "%", PROTO_BAD },
	{ "%0", PROTO_BAD },
	{ "%zz%0A\xff", PROTO_BAD },
	{ "command:", PROTO_BAD },
};

START_TEST(einhorn_line)
{
	struct proto_in	 in;

	dialect_einhorn.parse(said[_i].line, strlen(said[_i].line), &in);
	ck_assert_msg(in.kind == said[_i].kind, "'%s': %d", said[_i].line,
	    (int)in.kind);
	ck_assert_ptr_null(in.data);
}
END_TEST

START_TEST(einhorn_long_line)
{
	static char	 line[100000];
	struct proto_in	 in;

	memset(line, '%', sizeof(line));
	dialect_einhorn.parse(line, sizeof(line), &in);
	ck_assert_int_eq(in.kind, PROTO_BAD);
	dialect_einhorn.parse(line, 1024, &in);
	ck_assert_int_eq(in.kind, PROTO_BAD);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("dialect");

	tcase_add_test(tc, mixed);
	tcase_add_test(tc, mixed_with_rota);
	tcase_add_loop_test(tc, notification, 0, (int)ARRAY_LEN(notes));
	tcase_add_test(tc, notified_values);
	tcase_add_loop_test(tc, environment, 0, (int)ARRAY_LEN(told));
	tcase_add_test(tc, no_listeners);
	tcase_add_loop_test(tc, einhorn_line, 0, (int)ARRAY_LEN(said));
	tcase_add_test(tc, einhorn_long_line);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("dialect", fill)
