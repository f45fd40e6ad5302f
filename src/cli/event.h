#ifndef CLI_EVENT_H
#define CLI_EVENT_H
#include <jansson.h>
#include <stdbool.h>

/*
 * One datum of logs or events as a line for people, in the form of the
 * supervisor's log; not yet escaped.  *ret is to be freed, NULL: no memory.
 */
void	event_format_line(const json_t *data, char **ret);
void	event_format(const json_t *data, char **ret);
/* The same for a narrow place: of its time only the hour is left. */
void	event_format_short(const json_t *data, char **ret);
/* After this the supervisor has gone by its own will. */
bool	event_is_last(const json_t *data);
#endif
