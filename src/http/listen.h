#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H
struct err;

/*
 * A listener for "7000" (all addresses), "127.0.0.1:7000" or "[::1]:7000",
 * or -1.  Says on stdout where it listens.
 */
int	listen_open(const char *where, struct err *e);
#endif
