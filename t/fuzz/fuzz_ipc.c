/*
 * What a worker may send: the input goes through the supervisor's channel,
 * cut where a byte 0xff stands, and each line through the protocol; then
 * all of it is taken for what a broadcast's command has printed.
 */
#include "config.h"

#include <ev.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "ipc/channel.h"
#include "ipc/message.h"
#include "ipc/proto.h"
#include "t/fuzz/fuzz.h"

/* Whatever is passed on is one line of JSON that we understand ourselves. */
static void
check_message(struct message *m)
{
	struct proto_in	 in;

	if (m == NULL)
		return;
	if (m->data[m->len - 1] != '\n' ||
	    memchr(m->data, '\n', m->len - 1) != NULL ||
	    !text_is_utf8(m->data, m->len))
		__builtin_trap();
	proto_parse(m->data, m->len - 1, &in);
	if (in.kind != PROTO_EVENT)
		__builtin_trap();
	message_unref(m);
}

static void
line(void *arg, const char *text, size_t len)
{
	struct proto_in	 in;

	(void)arg;
	if (len > MESSAGE_MAX_LEN)
		__builtin_trap();
	proto_parse(text, len, &in);
	check_message(in.data);
}

static void
closed(void *arg, const char *why)
{
	(void)arg;
	(void)why;
}

static const struct channel_ops ops = { .line = line, .closed = closed };

static void
say(struct channel *c, int peer, const uint8_t *data, size_t size)
{
	ssize_t	 n;

	while (size > 0 && channel_is_open(c)) {
		n = send(peer, data, size < 4096 ? size : 4096,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		channel_drain(c);
		if (n == -1)
			return;
		data += n;
		size -= (size_t)n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ev_loop	*loop;
	struct channel		 c;
	const char		*why;
	const uint8_t		*cut;
	size_t			 n, at;
	int			 sv[2];

	if (loop == NULL)
		loop = ev_loop_new(EVFLAG_AUTO);
	if (loop == NULL ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1)
		return 0;
	channel_init(&c, loop, sv[0], &ops, NULL);
	for (at = 0; at < size; at += n + 1) {
		cut = memchr(data + at, 0xff, size - at);
		n = cut != NULL ? (size_t)(cut - data) - at : size - at;
		say(&c, sv[1], data + at, n);
	}
	(void)close(sv[1]);
	channel_close(&c);
	check_message(proto_value((const char *)data, size, "k", &why));
	check_message(proto_value((const char *)data, size, NULL, &why));
	return 0;
}
