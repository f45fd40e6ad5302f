#ifndef CONFIG_SIGNAME_H
#define CONFIG_SIGNAME_H

/* The signals that can end a worker, by name: "TERM", NULL at the end. */
extern const char *const signame_list[];
/* "TERM" or "SIGTERM" to its number; 0: unknown, or of no use here. */
int	 signame_number(const char *name);
/* "TERM"; NULL for one that is not in the list. */
const char *signame_of(int sig);
#endif
