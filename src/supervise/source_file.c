#include "config.h"
#include "supervise/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "ipc/message.h"
#include "supervise/generation.h"

/* All of a regular file; anything else could make us wait. */
static int
source_read_file(struct source *s, char **ret_text, size_t *ret_len,
    struct err *e)
{
	AUTO_FD		 fd = openat(source_place(s)->dir_fd, s->conf->path,
			    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat	 st;
	char		*text;
	ssize_t		 n;

	if (fd == -1 || fstat(fd, &st) == -1)
		return err_set(e, errno, "%s", s->conf->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, 0, "%s: not a regular file", s->conf->path);
	if (st.st_size > MESSAGE_MAX_LEN)
		return err_set(e, EFBIG, "%s", s->conf->path);
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		return err_set(e, ENOMEM, "%s", s->conf->path);
	n = read(fd, text, (size_t)st.st_size);
	if (n == -1) {
		free(text);
		return err_set(e, errno, "%s", s->conf->path);
	}
	*ret_text = text;
	*ret_len = (size_t)n;
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
