#ifndef HTTP_WORKER_H
#define HTTP_WORKER_H
#include "http/options.h"

/* Serve until there is nothing more to do; the exit status. */
int	worker_main(const struct options *);
#endif
