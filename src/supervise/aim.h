#ifndef SUPERVISE_AIM_H
#define SUPERVISE_AIM_H
#include "config/conf.h"
struct turn;

/*
 * Whose turn it is to be for this connection, where that is not simply the
 * next one's: by chance, or by who the client is.
 */
void	aim(struct turn *, enum conf_balance, int conn);
#endif
