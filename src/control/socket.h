#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H
#include <stdbool.h>
#include <sys/types.h>
#include "control/path.h"
struct err;

/*
 * Who may use the control socket besides root and the supervisor's user:
 * numbers only, looked up by the caller before the loop runs.
 */
struct control_access {
	bool	has_uid, has_gid;	/* else the socket's is left alone */
	uid_t	uid;
	gid_t	gid;
	mode_t	mode;			/* 0600, or 0660: its group too */
};

/* A listening socket and what tells its file from a later one. */
struct control_socket {
	int	fd;			/* -1: closed */
	char	path[CONTROL_PATH_SIZE];
	dev_t	dev;
	ino_t	ino;
	gid_t	gid;			/* of the file */
};

/*
 * Listening, non-blocking; owner and mode are set before anybody can
 * connect.  The default folder is made if it is missing (0755 for root,
 * else 0700).  A stale socket is replaced, a live one refused with its
 * pid.  Of several supervisors that open one path at once one succeeds.
 * It may wait up to a second for another that is just doing the same.
 */
int	control_socket_open(const char *path, const struct control_access *,
	    struct control_socket *ret, struct err *e);
/* The file goes only if it is still ours. */
void	control_socket_close(struct control_socket *);

/*
 * A client's descriptor, blocking, or -1; e->code is ENOENT or
 * ECONNREFUSED if nobody is there.
 */
int	control_socket_connect(const char *path, struct err *e);
/*
 * The pid of a live supervisor there, or 0; -1: one whose pid cannot be
 * seen from here.
 */
pid_t	control_socket_holder(const char *path);
#endif
