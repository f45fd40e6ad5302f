#ifndef LIBROTA_WIRE_H
#define LIBROTA_WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The supervisor's lines, and ours, of rota-ipc(7).  Pure. */
#define LIBROTA_WIRE_LISTENERS 253	/* an index is one byte */

enum librota_wire_kind {
	LIBROTA_WIRE_BAD,	/* not JSON, or not what its key promises */
	LIBROTA_WIRE_UNKNOWN,	/* a "rota" of a later version */
	LIBROTA_WIRE_USER,
	LIBROTA_WIRE_HELLO,
	LIBROTA_WIRE_DISCONNECT,
	LIBROTA_WIRE_PING
};

struct librota_listener {
	char	*name, *address;	/* either may be NULL */
	int	 fd;			/* -1: not ours to accept on */
};

/* Zero, or NULL, is what the line did not say. */
struct librota_hello {
	char			*pool;
	unsigned int		 slot, count, generation;
	struct librota_listener	*listeners;
	size_t			 listener_count;
	uint64_t		 stop_timeout_ms;
	bool			 stop_on_exit;
};

struct librota_wire {
	enum librota_wire_kind	 kind;
	struct librota_hello	 hello;		/* the caller's to free */
	uint64_t		 deadline_ms;
	int64_t			 id;
};

void	librota_wire_parse(const char *line, size_t len,
	    struct librota_wire *ret);
void	librota_hello_free(struct librota_hello *);

/*
 * One line to send, its newline included, to be freed; NULL with EINVAL,
 * EMSGSIZE or ENOMEM.
 */
char	*librota_wire_plain(const char *json, size_t *ret_len);
char	*librota_wire_publish(const char *json, size_t *ret_len);
char	*librota_wire_status(const char *text, size_t *ret_len);
#endif
