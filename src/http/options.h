#ifndef HTTP_OPTIONS_H
#define HTTP_OPTIONS_H
#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_LISTEN_MAX 16

/* How the process ends when it is told to misbehave. */
struct death {
	bool	given;
	int	signal;			/* 0: by exit status */
	int	status;
};

/* What is wrong with this worker, on purpose. */
struct faults {
	uint64_t	 burn_ms;	/* CPU time for each request */
	uint64_t	 delay_ms;	/* before each answer */
	uint64_t	 start_delay_ms;
	bool		 never_ready;
	struct death	 death;
	bool		 die_after;	/* some time after ready */
	uint64_t	 die_after_ms;
	const char	*crash_path;	/* NULL: none; here and below */
	const char	*block_path;
	uint64_t	 block_ms;
	const char	*hang_path;
	bool		 ignore_term;
	uint64_t	 leak_bytes;	/* for each request */
	bool		 fork_child, daemon_child;
	const char	*print;		/* at start */
	const char	*print_each;	/* for each request */
};

struct options {
	const char	*listen[OPTIONS_LISTEN_MAX];	/* PORT, ADDR:PORT */
	unsigned int	 listen_count;
	int		 listen_fd;	/* inherited, or -1 */
	uint64_t	 idle_timeout_s;
	const char	*id;		/* NULL: no such header */
	const char	*journal;
	bool		 stamp;
	struct faults	 faults;
};

/*
 * From the command line and the environment.  -1: go on; else the exit
 * status, everything there is to say having been said.
 */
int	options_parse(struct options *, int argc, char **argv);
#endif
