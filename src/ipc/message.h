#ifndef IPC_MESSAGE_H
#define IPC_MESSAGE_H
#include <stddef.h>

/* The longest line of the protocol, without its newline. */
#define MESSAGE_MAX_LEN (1 << 20)

/*
 * One line, its newline included, shared by every queue that it waits in.
 */
struct message {
	unsigned int	refs;
	size_t		len;
	char		data[];
};

/* With one reference; NULL: out of memory.  The newline is added. */
struct message	*message_new(const char *line, size_t len);
struct message	*message_ref(struct message *);
void		 message_unref(struct message *);
#endif
