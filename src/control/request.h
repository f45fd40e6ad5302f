#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/list.h"
#include "base/util.h"
struct session;

#define REQUEST_COMMAND_SIZE	32
#define REQUEST_ID_BYTES	128	/* of an id that is a string */

/*
 * One command of a client, until it is answered.  A handler owns state and
 * gone, and reads the rest.
 */
struct request {
	struct list	 node;		/* among the session's */
	struct session	*session;
	json_t		*id;
	char		 command[REQUEST_COMMAND_SIZE];
	json_t		*args;		/* an object, never NULL */
	size_t		 bytes;		/* of its line */
	uid_t		 uid;		/* the client's, as it connected */
	pid_t		 pid;
	void		*state;
	/*
	 * The client has left: the handler forgets the request, which is
	 * freed right afterwards.  Called from the loop only, never from
	 * within request_data and its like.
	 */
	void		(*gone)(struct request *);
};

/*
 * Takes the value.  0, or -1: the client does not keep up (or has left),
 * and nothing was queued.
 */
int	request_data(struct request *, json_t *);
/* Takes the result, and frees the request.  NULL: out of memory. */
void	request_done(struct request *, json_t *result);
/* One line for people; takes details, if any; frees the request. */
void	request_fail(struct request *, const char *code, json_t *details,
	    const char *fmt, ...) PRINTFLIKE(4, 5);

/*
 * Strict reading of args, one row for each.  What is absent and not
 * required leaves its variable alone.  Strings and lists are borrowed for
 * as long as the request lives; a string is never empty.
 */
enum request_kind {
	REQUEST_STRING,		/* const char * */
	REQUEST_BOOL,		/* bool */
	REQUEST_INT,		/* int64_t, min to max */
	REQUEST_STRINGS		/* json_t *: an array of strings */
};

struct request_arg {
	const char		*name;
	enum request_kind	 kind;
	bool			 is_required;
	void			*to;
	int64_t			 min, max;
};

/* -1: answered with "usage" and freed; also for an arg without a row. */
int	request_args(struct request *, const struct request_arg *,
	    size_t count);
/* For commands without any. */
int	request_no_args(struct request *);

/* For the session: one line, which becomes a request or an error. */
void	request_take(struct session *, const char *line, size_t len);
/* An error that answers no request. */
void	request_reject(struct session *, const char *code, json_t *id,
	    const char *why);
/* Every request of a session that ends is gone. */
void	request_leave_all(struct session *);
#endif
