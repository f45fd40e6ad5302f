#ifndef CLI_SAMPLE_H
#define CLI_SAMPLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What the client itself sees of workers: processor time, memory, open
 * connections.  Nothing but the files of these processes is read.
 */
struct sample {
	pid_t		 pid;
	bool		 has_cpu, has_memory, has_connections;
	uint64_t	 cpu_ns;	/* used since it began */
	uint64_t	 at_ns;		/* when that was read */
	uint64_t	 memory;	/* bytes resident, shared ones too */
	uint64_t	 connections;	/* open, on the ports that were given */
};

/* Processor time and memory of s->pid, as far as they can be seen. */
void	sample_take(struct sample *);
/* Thousandths of a percent of one processor between two samples. */
uint64_t sample_cpu(const struct sample *before, const struct sample *now);

/* Bytes resident from the text of /proc/PID/statm, or 0. */
uint64_t sample_parse_memory(const char *text, uint64_t page_size);
#endif
