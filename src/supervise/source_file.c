#include "config.h"
#include "supervise/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "ipc/message.h"
#include "supervise/generation.h"

#define READ_SIZE 16384

/* All of a regular file; anything else could make us wait. */
static int
source_read_file(struct source *s, char **ret_text, size_t *ret_len,
    struct err *e)
{
	AUTO_FD		 fd = openat(source_place(s)->dir_fd, s->conf->path,
			    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat	 st;
	struct buf	 text;
	ssize_t		 n;
	char		*room;

	if (fd == -1 || fstat(fd, &st) == -1)
		return err_set(e, errno, "%s", s->conf->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, 0, "%s: not a regular file", s->conf->path);
	buf_init(&text, MESSAGE_MAX_LEN + READ_SIZE);
	do {			/* what proc(5) makes up has no size */
		room = buf_reserve(&text, READ_SIZE);
		n = room != NULL ? read(fd, room, READ_SIZE) : -1;
		if (n > 0)
			buf_commit(&text, (size_t)n);
	} while (n > 0);
	if (n == -1) {
		err_set(e, room != NULL ? errno : EFBIG, "%s", s->conf->path);
		buf_free(&text);
		return -1;
	}
	*ret_text = text.data;
	*ret_len = buf_len(&text);
	return 0;
}

void
source_file(struct source *s)
{
	struct err	 e;
	size_t		 len = 0;
	char		*text = NULL;

	if (source_read_file(s, &text, &len, &e) == -1) {
		source_failed(s, e.msg);
		return;
	}
	source_value(s, text, len);
	free(text);
}
