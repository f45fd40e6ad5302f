#ifndef SUPERVISE_MANAGER_H
#define SUPERVISE_MANAGER_H
#include <ev.h>
#include <stdbool.h>
#include "os/datagram.h"
struct supervisor;

/*
 * The service manager that has started the supervisor and wants to be told
 * how it fares, see sd_notify(3).  Nothing here ever waits, and without
 * NOTIFY_SOCKET nothing here does anything.
 */
struct manager {
	struct supervisor	*supervisor;
	char			 address[DATAGRAM_ADDRESS_SIZE]; /* or "" */
	char			 status[128];	/* as it was told */
	bool			 told_ready;
	ev_timer		 watchdog;
};

void	manager_init(struct manager *, struct supervisor *);
void	manager_fini(struct manager *);
/* Facts of the pools have changed: tell it what is new to it. */
void	manager_look(struct manager *);
/* A change begins, and is over. */
void	manager_reloading(struct manager *);
void	manager_reloaded(struct manager *);
void	manager_stopping(struct manager *);
#endif
