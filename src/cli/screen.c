#include "config.h"
#include "cli/screen.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ncurses.h>

#include "cli/out.h"
#include "cli/table.h"

static SCREEN	*screen;
static bool	 has_colors_here;

int
screen_open(void)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -1;
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL)
		return -1;
	(void)set_term(screen);
	(void)cbreak();
	(void)noecho();
	(void)nonl();
	(void)nodelay(stdscr, TRUE);
	(void)keypad(stdscr, TRUE);
	(void)set_escdelay(50);
	(void)curs_set(0);
	has_colors_here = has_colors();
	if (has_colors_here) {
		(void)start_color();
		(void)use_default_colors();
		(void)init_pair(1, COLOR_RED, -1);
	}
	return 0;
}

void
screen_close(void)
{
	if (screen == NULL)
		return;
	(void)endwin();
	delscreen(screen);
	screen = NULL;
}

void
screen_resize(void)
{
	struct winsize	 ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 &&
	    ws.ws_col > 0)
		(void)resizeterm(ws.ws_row, ws.ws_col);
	(void)clearok(stdscr, TRUE);
}

size_t
screen_rows(void)
{
	int	 n = getmaxy(stdscr);

	return n > 0 ? (size_t)n : 0;
}

size_t
screen_columns(void)
{
	int	 n = getmaxx(stdscr);

	return n > 0 ? (size_t)n : 0;
}

bool
screen_is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void
screen_clear(void)
{
	(void)erase();
}

void
screen_show(void)
{
	(void)refresh();
}

static attr_t
attribute_of(enum screen_style style)
{
	switch (style) {
	case SCREEN_BOLD: return A_BOLD;
	case SCREEN_BAR: return A_REVERSE;
	case SCREEN_CHOSEN: return A_REVERSE | A_BOLD;
	case SCREEN_DIM: return A_DIM;
	case SCREEN_ALARM:
		return A_BOLD | (has_colors_here ?
		    (attr_t)COLOR_PAIR(1) : 0);
	case SCREEN_PLAIN:
	default: return A_NORMAL;
	}
}

/* What a terminal of another character set would make a mess of. */
static void
make_ascii(char *text)
{
	char	*to = text;

	for (; *text != '\0'; text++) {
		if ((*text & 0x80) == 0)
			*to++ = *text;
		else if ((*text & 0x40) != 0)
			*to++ = '?';	/* one for a whole character */
	}
	*to = '\0';
}

void
screen_text(size_t row, size_t column, size_t width,
    enum screen_style style, const char *text)
{
	char	*shown = out_escape(text), *p;
	size_t	 bytes;

	if (column >= screen_columns() || row >= screen_rows())
		width = 0;
	else if (width > screen_columns() - column)
		width = screen_columns() - column;
	if (shown == NULL || width == 0) {
		free(shown);
		return;
	}
	for (p = shown; (p = strchr(p, '\t')) != NULL; p++)
		*p = ' ';
	if (!screen_is_utf8())
		make_ascii(shown);
	bytes = table_fit(shown, width);
	shown[bytes] = '\0';
	(void)attrset((int)attribute_of(style));
	(void)mvaddstr((int)row, (int)column, shown);
	for (bytes = table_width(shown); bytes < width; bytes++)
		(void)addch(' ');
	(void)attrset(A_NORMAL);
	free(shown);
}

int
screen_key(void)
{
	int	 key = getch();

	switch (key) {
	case ERR: return SCREEN_NO_KEY;
	case KEY_UP: return SCREEN_UP;
	case KEY_DOWN: return SCREEN_DOWN;
	case KEY_PPAGE: return SCREEN_PAGE_UP;
	case KEY_NPAGE: return SCREEN_PAGE_DOWN;
	case KEY_HOME: return SCREEN_HOME;
	case KEY_END: return SCREEN_END;
	case 27: return SCREEN_ESCAPE;
	default: return key < 256 ? key : 0;
	}
}
