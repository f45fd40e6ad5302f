#ifndef CONFIG_PROBLEM_H
#define CONFIG_PROBLEM_H
#include "config/conf.h"

/* Adds the problem without text: out of memory. */
void	 conf_problem_oom(struct conf_problems *);

/* A value as it is shown in a message: cut where it is long. */
#define PROBLEM_CUT_SIZE 64
const char *problem_cut(char buf[PROBLEM_CUT_SIZE], const char *text);

#define FILE_PROBLEM(p, pos, ...) \
	conf_problem_add(p, CONF_BAD_FILE, pos, __VA_ARGS__)
#endif
