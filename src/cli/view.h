#ifndef CLI_VIEW_H
#define CLI_VIEW_H
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include "cli/human.h"

struct glance;

/* A status and what the client has seen itself, twice. */
struct view {
	const json_t		*status;
	const struct glance	*before, *now;
	size_t			 width;		/* 0: no limit */
};

/* The whole for people: what is going on, then each pool as a table. */
void	view_print(const struct view *, FILE *);

/* Parts of it that rota top shows too. */
#define VIEW_LINE_SIZE 512
/* "web: rolling out generation 4: ..."; "" if nothing is under way. */
void	view_activity(const json_t *status, char buf[VIEW_LINE_SIZE]);
/* "generation 3, 8 of 8 ready, hand-over, [::]:7000". */
void	view_pool(const json_t *pool, char buf[VIEW_LINE_SIZE]);
/* "signal 9 (Killed) 5s ago: last words"; "" if there is nothing to say. */
void	view_note(const json_t *slot, char buf[VIEW_LINE_SIZE]);
/* Each "-" where it is not known. */
const char *view_cpu(const struct view *, pid_t, char buf[HUMAN_SIZE]);
const char *view_memory(const struct view *, pid_t, char buf[HUMAN_SIZE]);
const char *view_open(const struct view *, pid_t, char buf[HUMAN_SIZE]);
/* A member in ms of a slot or worker. */
const char *view_age(const json_t *, const char *key, char buf[HUMAN_SIZE]);
#endif
