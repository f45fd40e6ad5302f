/*
 * What a worker of another dialect may send: the input is taken for one
 * datagram of sd_notify(3), and each of its lines for an einhorn's command.
 */
#include "config.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/dialect.h"
#include "ipc/proto.h"
#include "ipc/sdnotify.h"
#include "t/fuzz/fuzz.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* It ends, and has nothing that a log could not show. */
static bool
is_harmless(const char *text, size_t size)
{
	size_t	 i;

	for (i = 0; i < size && text[i] != '\0'; i++)
		if (iscntrl((unsigned char)text[i]) && text[i] != '\t')
			return false;
	return i < size;
}

static void
check_notify(const char *text, size_t len)
{
	struct sdnotify	 n;

	memset(&n, 0xa5, sizeof(n));
	sdnotify_parse(text, len, &n);
	if (((n.has & SDNOTIFY_STATUS) != 0 &&
	    !is_harmless(n.status, sizeof(n.status))) ||
	    ((n.has & SDNOTIFY_MAINPID) != 0 && n.main_pid <= 0) ||
	    ((n.has & SDNOTIFY_EXTEND) != 0 && n.extend_ms > DAY_MS) ||
	    ((n.has & SDNOTIFY_ERRNO) != 0 &&
	    (n.error < 0 || n.error > 4095)))
		__builtin_trap();
}

static void
check_ack(const char *line, size_t len)
{
	struct proto_in	 in;

	memset(&in, 0xa5, sizeof(in));
	dialect_get(CONF_EINHORN)->parse(line, len, &in);
	if (in.data != NULL || !is_harmless(in.text, sizeof(in.text)) ||
	    (in.kind != PROTO_BAD && in.kind != PROTO_READY &&
	    in.kind != PROTO_PONG))
		__builtin_trap();
}

/* Each in a place of its own, so that reading too far is found. */
static void
check(void (*one)(const char *, size_t), const void *data, size_t len)
{
	char	*copy = calloc(1, len > 0 ? len : 1);

	if (copy == NULL)
		return;
	if (len > 0)
		memcpy(copy, data, len);
	one(copy, len);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t	*end;
	size_t		 n;

	check(check_notify, data, size < SDNOTIFY_MAX ? size : SDNOTIFY_MAX);
	while (size > 0) {
		end = memchr(data, '\n', size);
		n = end != NULL ? (size_t)(end - data) : size;
		check(check_ack, data, n);
		if (end == NULL)
			break;
		data += n + 1;
		size -= n + 1;
	}
	return 0;
}
