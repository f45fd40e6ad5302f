#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H
#include <stdbool.h>
#include <stddef.h>

/* The whole terminal; the only part that knows ncurses. */
enum screen_style { SCREEN_PLAIN, SCREEN_BOLD, SCREEN_BAR, SCREEN_CHOSEN,
		    SCREEN_DIM, SCREEN_ALARM };

/* Keys that are no character. */
enum screen_key { SCREEN_NO_KEY = -1, SCREEN_UP = 1000, SCREEN_DOWN,
		  SCREEN_PAGE_UP, SCREEN_PAGE_DOWN, SCREEN_HOME, SCREEN_END,
		  SCREEN_ESCAPE };

/* 0, or -1: this is no terminal that can be used. */
int	screen_open(void);
/* The terminal is as it was before. */
void	screen_close(void);
/* Its size has changed. */
void	screen_resize(void);

size_t	screen_rows(void);
size_t	screen_columns(void);
bool	screen_is_utf8(void);

void	screen_clear(void);
/*
 * Text from outside, escaped, in one line; cut at width, and filled up to
 * it with blanks.
 */
void	screen_text(size_t row, size_t column, size_t width,
	    enum screen_style, const char *text);
/* Everything since screen_clear at once. */
void	screen_show(void);
/* The next key that was pressed, SCREEN_NO_KEY if there is none. */
int	screen_key(void);
#endif
