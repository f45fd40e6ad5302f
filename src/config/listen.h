#ifndef CONFIG_LISTEN_H
#define CONFIG_LISTEN_H
#include "config/conf.h"
struct err;

/*
 * "7000", "127.0.0.1:7000", "[::1]:7000", "unix:/path" (a relative one is
 * seen from cwd), each with or without "name=" before it.  Strings in
 * *ret belong to the caller: listen_fini.
 */
int	 listen_parse(struct conf_listen *ret, const char *text,
	    const char *cwd, struct err *e);
void	 listen_fini(struct conf_listen *);
/* 0: any, or none at all. */
uint16_t listen_port(const struct conf_listen *);
/* The kernel would not bind both. */
bool	 listen_overlap(const struct conf_listen *,
	    const struct conf_listen *);
#endif
