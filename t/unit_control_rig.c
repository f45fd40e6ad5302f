#include "config.h"
#include "t/unit_control_rig.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/util.h"
#include "os/loop.h"

#define BIG_MAX (32u << 20)

static void
quiet(const char *line, size_t len)
{
	(void)line;
	(void)len;
}

static void
do_gone(struct request *r)
{
	struct rig	*rig = r->state;
	size_t		 i;

	for (i = 0; i < rig->held_count; i++)
		if (rig->held[i] == r)
			rig->held[i] = NULL;
	rig->gone_count++;
	ck_assert_int_eq(request_data(r, json_null()), -1);
	if (rig->finish_when_gone)
		request_done(r, json_object());
}

static void
do_hold(struct rig *rig, struct request *r)
{
	ck_assert_uint_lt(rig->held_count, HELD_MAX);
	r->state = rig;
	r->gone = do_gone;
	rig->held[rig->held_count++] = r;
}

static void
do_args(struct rig *rig, struct request *r)
{
	const char			*a = NULL;
	bool				 b = true;
	int64_t				 n = -1;
	json_t				*l = NULL;
	const struct request_arg	 args[] = {
		{ "alpha", REQUEST_STRING, true, &a, 0, 0 },
		{ "wait", REQUEST_BOOL, false, &b, 0, 0 },
		{ "lines", REQUEST_INT, false, &n, 0, 100 },
		{ "pools", REQUEST_STRINGS, false, &l, 0, 0 },
	};

	(void)rig;
	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	request_done(r, json_pack("{s:s, s:b, s:I, s:i}", "alpha", a,
	    "wait", b, "lines", (json_int_t)n, "pools",
	    (int)json_array_size(l)));
}

static void
do_big(struct rig *rig, struct request *r)
{
	static char			 text[BIG_MAX];
	int64_t				 n = 0;
	const struct request_arg	 args[] = {
		{ "n", REQUEST_INT, true, &n, 0, BIG_MAX },
	};

	(void)rig;
	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	memset(text, 'x', (size_t)n);
	request_done(r, json_stringn(text, (size_t)n));
}

static void
do_data(struct rig *rig, struct request *r)
{
	int64_t				 n = 0, i, refused = 0;
	const struct request_arg	 args[] = {
		{ "n", REQUEST_INT, true, &n, 0, 1000000 },
	};

	(void)rig;
	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	for (i = 0; i < n; i++)
		if (request_data(r, json_integer(i)) == -1)
			refused++;
	request_done(r, json_pack("{s:I}", "refused", (json_int_t)refused));
}

static void
do_echo(struct rig *rig, struct request *r)
{
	(void)rig;
	request_done(r, json_incref(r->args));
}

static void
do_request(void *arg, struct request *r)
{
	static const struct {
		const char	*name;
		void		(*run)(struct rig *, struct request *);
	} commands[] = {
		{ "args", do_args }, { "big", do_big }, { "data", do_data },
		{ "echo", do_echo }, { "hold", do_hold },
	};
	size_t	 i;

	ck_assert_int_eq(r->pid, getpid());
	ck_assert_uint_eq(r->uid, geteuid());
	for (i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, r->command) == 0) {
			commands[i].run(arg, r);
			return;
		}
	if (strcmp(r->command, "none") == 0)
		request_no_args(r) == 0 ? request_done(r, NULL) : (void)0;
	else
		request_fail(r, "usage", json_pack("{s:i}", "x", 1),
		    "no command '%s'\n", r->command);
}

static const struct control_ops	ops = { .request = do_request };

void
rig_open(struct rig *rig, const struct control_access *a)
{
	static const struct control_access	 mine = { .mode = 0600 };
	struct control_socket			 s;
	struct err				 e;

	memset(rig, 0, sizeof(*rig));
	log_set_writer(quiet);
	(void)snprintf(rig->folder, sizeof(rig->folder),
	    "/tmp/rota-control.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig->folder));
	ck_assert_int_eq(chmod(rig->folder, 0755), 0);
	(void)snprintf(rig->path, sizeof(rig->path), "%s/s", rig->folder);
	rig->loop = loop_new(&e);
	ck_assert_ptr_nonnull(rig->loop);
	if (a == NULL)
		a = &mine;
	ck_assert_msg(control_socket_open(rig->path, a, &s, &e) == 0, "%s",
	    e.msg);
	rig->server = control_server_new(rig->loop, &s, a, &ops, rig, &e);
	ck_assert_ptr_nonnull(rig->server);
	ck_assert_int_eq(s.fd, -1);
	rig->limits = control_limits;
	control_server_set_limits(rig->server, &rig->limits);
}

void
rig_close(struct rig *rig)
{
	control_server_free(rig->server, 0);
	loop_free(rig->loop);
	ck_assert_int_eq(rmdir(rig->folder), 0);
}

void
rig_turn(struct rig *rig)
{
	int	 i;

	for (i = 0; i < 50; i++)
		(void)ev_run(rig->loop, EVRUN_NOWAIT);
}

void
rig_turn_ms(struct rig *rig, int ms)
{
	uint64_t	 end = clock_ms() + (uint64_t)ms;

	while (clock_ms() < end) {
		(void)ev_run(rig->loop, EVRUN_NOWAIT);
		(void)poll(NULL, 0, 1);
	}
}

void
rig_wait_clients(struct rig *rig, size_t n)
{
	uint64_t	 end = clock_ms() + PATIENCE_MS;

	while (control_server_clients(rig->server) != n) {
		ck_assert_uint_lt(clock_ms(), end);
		rig_turn_ms(rig, 1);
	}
}

int
client_raw(struct rig *rig)
{
	struct err	 e;
	int		 fd = control_socket_connect(rig->path, &e);

	ck_assert_msg(fd != -1, "%s", e.msg);
	return fd;
}

int
client_new(struct rig *rig)
{
	int	 fd = client_raw(rig);
	json_t	*v = client_hear(rig, fd);
	int	 version = 0, pid = 0;
	const char *kind = "", *release = "";

	ck_assert_int_eq(json_unpack(v, "{s:s, s:i, s:i, s:s !}",
	    "rota", &kind, "version", &version, "pid", &pid, "release",
	    &release), 0);
	ck_assert_str_eq(kind, "control");
	ck_assert_int_eq(version, 1);
	ck_assert_int_eq(pid, getpid());
	ck_assert_str_eq(release, PACKAGE_VERSION);
	json_decref(v);
	return fd;
}

void
client_say(struct rig *rig, int fd, const char *s, size_t n)
{
	ssize_t	 k;

	while (n > 0) {
		k = send(fd, s, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k == -1 && errno == EAGAIN) {
			(void)ev_run(rig->loop, EVRUN_NOWAIT);
			continue;
		}
		if (k == -1)
			return;
		s += k;
		n -= (size_t)k;
	}
	rig_turn(rig);
}

void
client_line(struct rig *rig, int fd, const char *s)
{
	client_say(rig, fd, s, strlen(s));
	client_say(rig, fd, "\n", 1);
}

/* What is there of a line, at most n bytes; as recv. */
static ssize_t
take_piece(int fd, char *to, size_t size)
{
	ssize_t		 n = recv(fd, to, size, MSG_DONTWAIT | MSG_PEEK);
	const char	*nl;

	if (n <= 0)
		return n;
	nl = memchr(to, '\n', (size_t)n);
	return recv(fd, to, nl != NULL ? (size_t)(nl + 1 - to) : (size_t)n,
	    MSG_DONTWAIT);
}

json_t *
client_hear(struct rig *rig, int fd)
{
	uint64_t	 end = clock_ms() + PATIENCE_MS;
	size_t		 len = 0, size = 4096;
	char		*line = malloc(size);
	ssize_t		 n = 0;
	json_t		*v;

	while (len == 0 || line[len - 1] != '\n') {
		n = take_piece(fd, line + len, size - len);
		if (n == 0 || (n == -1 && errno != EAGAIN))
			break;
		if (n == -1) {
			ck_assert_uint_lt(clock_ms(), end);
			(void)ev_run(rig->loop, EVRUN_NOWAIT);
			continue;
		}
		len += (size_t)n;
		if (len == size)
			line = realloc(line, size *= 2);
	}
	v = n > 0 ? json_loadb(line, len, 0, NULL) : NULL;
	ck_assert_int_eq(v == NULL, n <= 0);
	free(line);
	return v;
}

void
client_expect(struct rig *rig, int fd, const char *code)
{
	json_t		*v = client_hear(rig, fd);
	json_t		*ok = json_object_get(v, "ok");
	const char	*got = json_string_value(json_object_get(v, "code"));

	ck_assert_ptr_nonnull(v);
	if (code == NULL) {
		ck_assert(json_is_true(ok) ||
		    (ok == NULL && json_object_get(v, "data") != NULL));
	} else {
		ck_assert(json_is_false(ok));
		ck_assert_ptr_nonnull(got);
		ck_assert_str_eq(got, code);
		ck_assert_ptr_nonnull(json_object_get(v, "id"));
		ck_assert(json_is_string(json_object_get(v, "error")));
	}
	json_decref(v);
}

void
client_expect_end(struct rig *rig, int fd)
{
	json_t	*v = client_hear(rig, fd);

	ck_assert_ptr_null(v);
	(void)close(fd);
}
