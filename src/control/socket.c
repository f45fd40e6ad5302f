#include "config.h"
#include "control/socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"

#define BACKLOG		64
#define LOCK_WAIT_MS	1000
#define LOCK_RETRY_MS	2

static_assert(CONTROL_PATH_SIZE == sizeof(((struct sockaddr_un *)0)->sun_path),
    "a path of the control socket fits its address");

static int
address_of(const char *path, struct sockaddr_un *ret, struct err *e)
{
	size_t	 len = strlen(path);

	if (len == 0 || len >= sizeof(ret->sun_path))
		return err_set(e, len ? ENAMETOOLONG : ENOENT,
		    "control socket '%s'", path);
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, path, len + 1);
	return 0;
}

static int
stream_socket(struct err *e)
{
	int	 fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return err_set(e, errno, "control socket");
	return fd;
}

int
control_socket_connect(const char *path, struct err *e)
{
	struct sockaddr_un	 sun;
	AUTO_FD			 fd = -1;

	if (address_of(path, &sun, e) == -1 ||
	    (fd = stream_socket(e)) == -1)
		return -1;
	/* On a local socket this is done at once or fails (EAGAIN: full). */
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return err_set(e, errno, "control socket %s", path);
	if (fd_set_nonblock(fd, false) == -1)
		return err_set(e, errno, "control socket %s", path);
	return fd_take(&fd);
}

/*
 * What is to be seen by connecting: 0 with the pid of who listens (-1: not
 * to be seen, 0: nobody), or -1 with *e set if it cannot be told.
 */
static int
find_holder(const char *path, pid_t *ret, struct err *e)
{
	struct err	 why;
	struct ucred	 cred;
	socklen_t	 len = sizeof(cred);
	AUTO_FD		 fd = control_socket_connect(path, &why);

	if (fd == -1 && (why.code == ENOENT || why.code == ECONNREFUSED)) {
		*ret = 0;
		return 0;
	}
	*ret = -1;
	if (fd == -1 && why.code == EAGAIN)
		return 0;		/* its queue is full */
	if (fd == -1) {
		*e = why;
		return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	    cred.pid > 0)
		*ret = cred.pid;
	return 0;
}

pid_t
control_socket_holder(const char *path)
{
	struct err	 e;
	pid_t		 pid;

	return find_holder(path, &pid, &e) == 0 ? pid : 0;
}

/* The folder of path: "" for one without a slash stands for ".". */
static void
folder_of(const char *path, char *buf, size_t size)
{
	const char	*slash = strrchr(path, '/');
	int		 len = slash != NULL ? (int)(slash - path) : 0;

	if (slash == path)
		len = 1;
	(void)snprintf(buf, size, "%.*s", len, path);
}

/* Nobody but root and us may put something else in our place there. */
static int
check_folder(const char *folder, struct err *e)
{
	struct stat	 st;

	if (stat(folder, &st) == -1)
		return err_set(e, errno, "%s", folder);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "%s", folder);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(e, 0, "%s: belongs to user %u, who could "
		    "replace the control socket; set control.path", folder,
		    (unsigned int)st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
		return err_set(e, 0, "%s: may be written by others, who could "
		    "replace the control socket; set control.path", folder);
	return 0;
}

/* Where the config names no path the folder is our business. */
static int
prepare_folder(const char *path, struct err *e)
{
	char		 folder[CONTROL_PATH_SIZE], own[CONTROL_PATH_SIZE];
	struct err	 unset;
	mode_t		 mode = geteuid() == 0 ? 0755 : 0700;

	folder_of(path, folder, sizeof(folder));
	if (control_folder(own, sizeof(own), &unset) == -1 ||
	    strcmp(folder, own) != 0)
		return 0;
	if (mkdir(own, mode) == 0) {
		if (chmod(own, mode) == -1)	/* whatever the umask is */
			return err_set(e, errno, "%s", own);
	} else if (errno != EEXIST) {
		return err_set(e, errno, "folder of the control socket: %s",
		    own);
	}
	return check_folder(own, e);
}

/* Whether the lock file that is open is the one of that name. */
static bool
is_same_file(int fd, const char *path)
{
	struct stat	 ours, there;

	return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 &&
	    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* One attempt: the descriptor, or -1 with errno, EAGAIN for: once more. */
static int
try_lock(const char *path)
{
	AUTO_FD		 fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC |
			    O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd == -1)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		return -1;
	if (!is_same_file(fd, path)) {	/* its owner has just removed it */
		errno = EAGAIN;
		return -1;
	}
	return fd_take(&fd);
}

/*
 * Between looking for a live socket and putting ours there nobody else may
 * do the same.  The lock file is there only as long as that takes.
 */
static int
lock_path(const char *path, char *lock, size_t size, struct err *e)
{
	uint64_t	 end = clock_ms() + LOCK_WAIT_MS;
	int		 fd;

	(void)snprintf(lock, size, "%s.lock", path);
	for (;;) {
		fd = try_lock(lock);
		if (fd != -1)
			return fd;
		if (errno != EAGAIN && errno != EINTR)
			return err_set(e, errno, "%s", lock);
		if (clock_ms() >= end)
			return err_set(e, 0, "%s: another supervisor is just "
			    "starting and does not get on", lock);
		(void)poll(NULL, 0, LOCK_RETRY_MS);
	}
}

static int
remove_stale(const char *path, struct err *e)
{
	struct stat	 st;
	pid_t		 pid;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ? 0 :
		    err_set(e, errno, "control socket %s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, 0, "control socket %s: something else is "
		    "there, which is not a socket", path);
	if (find_holder(path, &pid, e) == -1)
		return -1;
	if (pid > 0)
		return err_set(e, 0, "already running as pid %ld (control "
		    "socket %s)", (long)pid, path);
	if (pid < 0)
		return err_set(e, 0, "already running (control socket %s)",
		    path);
	if (unlink(path) == -1 && errno != ENOENT)
		return err_set(e, errno, "control socket %s", path);
	return 0;
}

/*
 * Owner and mode through a descriptor of the very file, so that no
 * symbolic link put in its place could lead us elsewhere.
 */
static int
set_access(const struct control_access *a, struct control_socket *s,
    struct err *e)
{
	AUTO_FD		 file = -1;
	struct stat	 st;
	char		 proc[32];

	file = open(s->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file == -1 || fstat(file, &st) == -1)
		return err_set(e, errno, "control socket %s", s->path);
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return err_set(e, 0, "control socket %s: somebody has put "
		    "something else there", s->path);
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", file);
	if (chmod(proc, a->mode) == -1)
		return err_set(e, errno, "control socket %s: mode", s->path);
	if ((a->has_uid || a->has_gid) && fchownat(file, "",
	    a->has_uid ? a->uid : (uid_t)-1, a->has_gid ? a->gid : (gid_t)-1,
	    AT_EMPTY_PATH) == -1)
		return err_set(e, errno, "control socket %s: owner", s->path);
	if (fstat(file, &st) == -1)
		return err_set(e, errno, "control socket %s", s->path);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->gid = st.st_gid;
	return 0;
}

/* Nobody can connect before listen. */
static int
bind_and_listen(const struct control_access *a, struct control_socket *s,
    struct err *e)
{
	struct sockaddr_un	 sun;

	if (address_of(s->path, &sun, e) == -1 ||
	    (s->fd = stream_socket(e)) == -1)
		return -1;
	if (bind(s->fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return err_set(e, errno, "control socket %s", s->path);
	if (set_access(a, s, e) == -1) {
		(void)unlink(s->path);
		return -1;
	}
	if (listen(s->fd, BACKLOG) == -1) {
		err_set(e, errno, "control socket %s", s->path);
		(void)unlink(s->path);
		return -1;
	}
	return 0;
}

int
control_socket_open(const char *path, const struct control_access *a,
    struct control_socket *ret, struct err *e)
{
	struct control_socket	 s = { .fd = -1 };
	struct sockaddr_un	 sun;
	char			 lock[CONTROL_PATH_SIZE + 8];
	AUTO_FD			 held = -1;
	int			 result;

	if (address_of(path, &sun, e) == -1 || prepare_folder(path, e) == -1)
		return -1;
	memcpy(s.path, sun.sun_path, sizeof(s.path));
	held = lock_path(path, lock, sizeof(lock), e);
	if (held == -1)
		return -1;
	result = remove_stale(path, e);
	if (result == 0)
		result = bind_and_listen(a, &s, e);
	(void)unlink(lock);
	if (result == -1)
		fd_close(&s.fd);
	else
		*ret = s;
	return result;
}

void
control_socket_close(struct control_socket *s)
{
	struct stat	 st;

	if (s->fd == -1)
		return;
	/* As long as we listen nobody replaces it in between. */
	if (lstat(s->path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		(void)unlink(s->path);
	fd_close(&s->fd);
}
