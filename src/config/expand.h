#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct conf_listen;
struct err;

/*
 * What stands in braces in a word of a command or in the value of a
 * variable, and differs from worker to worker: {slot}, {port}, {ready_fd},
 * {fd:NAME}.  Only '{' followed by a lower case letter and, up to '}',
 * nothing but what a name may have is such a thing; a brace before it, as in
 * "{{slot}", makes it the text "{slot}", and after '$' it is left to others.
 */
struct expand_facts {
	unsigned int			 slot;
	uint16_t			 port;		/* 0: there is none */
	int				 ready_fd;	/* -1: none */
	int				 first_fd;	/* -1: none */
	const struct conf_listen	*listen;
	size_t				 listen_count;
};

/* Some of it is there. */
bool	 expand_needed(const char *text);
/*
 * With all of it filled in; the caller frees.  NULL with *e set: ENOMEM, or
 * 0 where something cannot be filled in.
 */
char	*expand(const char *text, const struct expand_facts *, struct err *e);
#endif
