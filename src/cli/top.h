#ifndef CLI_TOP_H
#define CLI_TOP_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/util.h"
#include "cli/client.h"
#include "cli/glance.h"
#include "cli/lines.h"
#include "cli/spark.h"
#include "cli/view.h"

/* What the files of rota top share. */
#define TOP_NAME_SIZE 64
#define TOP_TEXT_SIZE 256

/* Of a slot, or with slot -1 of a pool, kept from one status to the next. */
struct top_history {
	char		 pool[TOP_NAME_SIZE];
	json_int_t	 slot;
	json_int_t	 handed;	/* the last known, -1: none */
	bool		 has_rate;	/* the graph is of connections */
	struct spark	 graph;		/* else of CPU */
	bool		 is_there;	/* in the newest status */
};

enum top_kind { TOP_POOL, TOP_SLOT, TOP_OTHER };

/* One line of the list, borrowed from the newest status. */
struct top_row {
	enum top_kind	 kind;
	const char	*pool_name;
	const json_t	*pool;
	const json_t	*worker;	/* the slot, or who is beside it */
	json_int_t	 slot;		/* -1: the pool itself */
	const char	*mark;		/* of TOP_OTHER: "new" or "old" */
};

enum top_mode { TOP_LIST, TOP_HELP, TOP_LOG, TOP_CONFIRM };

struct top {
	/* --- connections --- */
	const struct cli_args	*args;
	struct client		*main;		/* status and what is done */
	struct client		*events;
	struct client		*logs;		/* while a log is read */
	json_int_t		 status_id;	/* under way, or 0 */
	uint64_t		 asked_ms;
	json_int_t		 action_id;	/* the same */
	char			 action[TOP_TEXT_SIZE];

	/* --- what is known --- */
	json_t			*status;
	uint64_t		 status_ms;
	struct glance		 before, now;
	struct top_history	*history;
	size_t			 history_count;
	struct top_row		*rows;
	size_t			 row_count;
	struct lines		 event_lines, log_lines;

	/* --- what is shown --- */
	enum top_mode		 mode;
	size_t			 chosen;	/* index into rows */
	char			 chosen_pool[TOP_NAME_SIZE];
	json_int_t		 chosen_slot;
	size_t			 first;		/* the first row shown */
	size_t			 log_ago;	/* scrolled back by */
	char			 log_target[TOP_TEXT_SIZE];
	char			 message[TOP_TEXT_SIZE];
	uint64_t		 message_until_ms;

	/* --- what waits for a yes --- */
	char			 question[TOP_TEXT_SIZE];
	const char		*command;
	json_t			*command_args;

	bool			 is_done, has_ended;
	int			 exit_status;
};

/* top_rows.c: a new status, which is taken. */
void	top_rows_update(struct top *, json_t *status);
void	top_rows_free(struct top *);
/* Moves the choice by so many rows. */
void	top_rows_move(struct top *, long by);
const struct top_history *top_rows_history(const struct top *,
	    const struct top_row *);
/* NULL: the list is empty. */
const struct top_row *top_rows_chosen(const struct top *);

/* top_draw.c */
void	top_draw(struct top *);
/* How many rows of the list, or of a log, are to be seen. */
size_t	top_draw_height(const struct top *);

/* top_keys.c */
void	top_keys_press(struct top *, int key);
/* What is shown at the bottom for a while. */
void	top_say(struct top *, const char *fmt, ...) PRINTFLIKE(2, 3);
/* No log is read any more. */
void	top_close_log(struct top *);
#endif
