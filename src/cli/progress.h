#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_SIZE 512

/*
 * How far something has come, on stderr: one line that is drawn again and
 * again on a terminal, a line for each step elsewhere.
 */
struct progress {
	bool		 is_bar;
	char		 text[PROGRESS_SIZE];	/* of the step, escaped */
	uint64_t	 since_ms;		/* when it began */
	json_int_t	 replaced, slots;	/* slots -1: not known */
	json_int_t	 limit_ms;		/* of the step; -1: none */
};

void	progress_init(struct progress *);
/* The data of a reply, and time that passes; for struct call. */
void	progress_data(void *progress, const json_t *data);
void	progress_tick(void *progress);
/* "web[3]: ready, watching it"; the slot only if the text has it not. */
void	progress_describe(const json_t *data, char *buf, size_t size);
/* Before something else is printed; the bar is wiped. */
void	progress_end(struct progress *);
#endif
