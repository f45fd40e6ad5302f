#include "config.h"
#include "ipc/message.h"

#include <stdlib.h>
#include <string.h>

struct message *
message_new(const char *line, size_t len)
{
	struct message	*m = malloc(sizeof(*m) + len + 1);

	if (m == NULL)
		return NULL;
	m->refs = 1;
	m->len = len + 1;
	memcpy(m->data, line, len);
	m->data[len] = '\n';
	return m;
}

struct message *
message_ref(struct message *m)
{
	m->refs++;
	return m;
}

void
message_unref(struct message *m)
{
	if (m != NULL && --m->refs == 0)
		free(m);
}
