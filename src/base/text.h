#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include <stdbool.h>
#include <stddef.h>

/*
 * Length in bytes of the well-formed UTF-8 sequence at s (Unicode 15,
 * table 3-7: no surrogates, nothing over-long), 0 if there is none in n.
 */
size_t	 text_utf8(const char *s, size_t n);
/* The whole of it is well-formed UTF-8. */
bool	 text_is_utf8(const char *s, size_t n);

/* As many of n bytes of UTF-8 as most hold in whole characters. */
size_t	 text_cut(const char *s, size_t n, size_t most);

/* No byte of the input takes more than this many in the output. */
#define TEXT_ESCAPE_MAX 4
/*
 * Make n bytes from outside fit for a terminal or a log: printable ASCII,
 * tab and well-formed UTF-8 stay, every other byte (and the C1 controls)
 * becomes \xNN.  Writes at most size-1 bytes and a NUL, cuts what does not
 * fit at a whole character; returns the length written.
 */
size_t	 text_escape(char *out, size_t size, const char *s, size_t n);

/*
 * The same bytes, each that is not part of well-formed UTF-8 as U+FFFD; out
 * has room for three times as many.  Returns the length written.
 */
size_t	 text_to_utf8(char *out, const char *s, size_t n);

/* Append s as the inside of a JSON string; same cutting, same return. */
size_t	 text_json(char *out, size_t size, const char *s, size_t n);

/*
 * The candidate nearest to word by optimal string alignment distance (at
 * most a third of word's length plus one, and at most 3), or NULL.  The
 * list ends with NULL.
 */
const char *text_nearest(const char *word, const char *const *candidates);
#endif
