/*
 * The worker's reader: the input is what a supervisor would send, cut where
 * a byte 0xff stands.  Whatever comes, lines are whole and short enough,
 * and what librota makes of them can be freed.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "librota/line.h"
#include "librota/wire.h"
#include "t/fuzz/fuzz.h"

static void
take_lines(struct librota_line *l)
{
	struct librota_wire	 w;
	char			*line, *again;
	size_t			 len, again_len;

	while ((line = librota_line_next(l, &len)) != NULL) {
		if (len > LIBROTA_LINE_MAX || line[len] != '\0')
			__builtin_trap();
		librota_wire_parse(line, len, &w);
		librota_hello_free(&w.hello);
		again = librota_wire_plain(line, &again_len);
		if (again != NULL && again[again_len - 1] != '\n')
			__builtin_trap();
		free(again);
	}
}

/* One piece, as one recv would give it; -1: no room. */
static int
take_piece(struct librota_line *l, const uint8_t *data, size_t size)
{
	size_t	 room, n;
	char	*to;

	while (size > 0) {
		to = librota_line_room(l, &room);
		if (to == NULL)
			return -1;
		n = size < room ? size : room;
		memcpy(to, data, n);
		librota_line_filled(l, n);
		data += n;
		size -= n;
		take_lines(l);
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct librota_line	 l = { 0 };
	const uint8_t		*cut;
	size_t			 n;

	while (size > 0) {
		cut = memchr(data, 0xff, size);
		n = cut == NULL ? size : (size_t)(cut - data);
		if (take_piece(&l, data, n) == -1)
			break;
		data += n;
		size -= n;
		if (size > 0) {
			data++;
			size--;
		}
	}
	librota_line_free(&l);
	return 0;
}
