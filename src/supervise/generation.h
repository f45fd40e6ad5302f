#ifndef SUPERVISE_GENERATION_H
#define SUPERVISE_GENERATION_H
#include <stdbool.h>
#include <sys/stat.h>
#include "base/env.h"
struct conf_pool;
struct err;

/*
 * What a pool's workers of one rollout are started from, pinned when the
 * generation begins: the directory held open, the executable held by a
 * descriptor, the words and the environment kept.  Counted by the slots
 * and workers that have it.
 */
struct generation {
	unsigned int		 refs;
	unsigned int		 number;	/* 1.. */
	const struct conf_pool	*conf;		/* borrowed */
	struct env		 env;
	int			 dir_fd;
	int			 exec_fd;
	char			*path;		/* seen from dir_fd */
	char			*real_path;	/* links resolved; NULL */
	struct stat		 st;		/* of the executable */
	bool			 is_script;
	bool			 told;		/* that it is not what it was */
};

/* With one reference; NULL with *e set. */
struct generation	*generation_new(const struct conf_pool *,
			    unsigned int number, struct err *e);
struct generation	*generation_ref(struct generation *);
void			 generation_unref(struct generation *);

/*
 * What to execute now: the path while it still names the pinned file, or
 * *ret_exec_fd where only the descriptor does.  Says once in the log when
 * the pinned program cannot be had any more.
 */
const char		*generation_program(struct generation *,
			    int *ret_exec_fd);
#endif
