#ifndef LIBROTA_LINE_H
#define LIBROTA_LINE_H
#include <stddef.h>

/*
 * Bytes as they come from a stream, given back as lines.  {0} is empty.
 * Internal names begin with librota_, and are not exported.
 */
#define LIBROTA_LINE_MAX 1048576	/* without the newline */

struct librota_line {
	char	*data;
	size_t	 start;			/* of the first line not given back */
	size_t	 seen;			/* no newline before this */
	size_t	 end, size;
};

/*
 * Room for more bytes, *ret_len of them, or NULL: ENOMEM, or EMSGSIZE when
 * a line is longer than the limit.  Call it only when librota_line_next
 * has returned NULL; lines given back before are lost.
 */
char	*librota_line_room(struct librota_line *, size_t *ret_len);
/* So many of them were filled. */
void	 librota_line_filled(struct librota_line *, size_t);
/*
 * The next whole line, NUL-terminated, without its newline; NULL when more
 * is needed.  Valid until the next librota_line_room.
 */
char	*librota_line_next(struct librota_line *, size_t *ret_len);
void	 librota_line_free(struct librota_line *);
#endif
