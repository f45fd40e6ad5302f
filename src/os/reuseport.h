#ifndef OS_REUSEPORT_H
#define OS_REUSEPORT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "os/chooser.h"
struct census;
struct err;
struct reuseport;

/*
 * Several listening sockets with one address, of which the kernel chooses
 * one for each connection by a program of ours.  The first, the anchor, is
 * the one that was there before; it is number 0.  Which of them take
 * connections is a list in memory that the kernel reads: changing it is no
 * system call, and takes effect with the next connection.
 *
 * The kernel keeps the program for as long as one of the sockets is open,
 * whoever has it: it goes on when the supervisor is gone.
 */

/* Could it be done here?  0, or -1 with *e: what is missing. */
int	reuseport_probe(struct err *e);

/* Until reuseport_set only the anchor takes connections.  NULL with *e. */
struct reuseport *reuseport_new(int anchor, struct census *,
	    enum chooser_mode, struct err *e);
/* What has been set stays as it is while a socket is open; NULL is fine. */
void	reuseport_free(struct reuseport *);
/* 0, or -1 with *e set and nothing changed. */
int	reuseport_set_mode(struct reuseport *, enum chooser_mode,
	    struct err *e);

/*
 * One more socket with the address of the anchor, listening, non-blocking
 * and close-on-exec; it is not on the list.  The descriptor, or -1 with *e
 * set.
 */
int	reuseport_open(struct reuseport *, uint64_t backlog,
	    bool defer_accept, unsigned int *ret_number, struct err *e);
/*
 * Its number, which is not on the list any more, is free again.  What still
 * waits in it moves to others once its last descriptor is closed, or by
 * reuseport_move.
 */
void	reuseport_forget(struct reuseport *, unsigned int number);

/*
 * These take connections from now on, in this order, beginning with the
 * first; 1 to CHOOSER_SOCKETS, a number may stand in it several times.  With
 * none, connections are refused.
 */
void	reuseport_set(struct reuseport *, const uint16_t *list, size_t n);
/* The same, each at its own place in the list. */
void	reuseport_set_fixed(struct reuseport *, const uint16_t *list,
	    size_t n);
enum chooser_mode reuseport_mode(const struct reuseport *);
/* The number of the socket that had the last turn, or -1. */
int	reuseport_last(const struct reuseport *);
/* Turns that connections have taken since it is there. */
uint64_t reuseport_turns(const struct reuseport *);
/* Connections given to a socket; modulo 2^32. */
uint32_t reuseport_given(const struct reuseport *, unsigned int number);

/*
 * What waits in a socket of the group moves to those on the list, among
 * which it should not be; then it listens again, also if somebody had shut
 * it down.  0, or -1 with *e set: it does not listen any more.
 */
int	reuseport_renew(struct reuseport *, unsigned int number, int fd,
	    uint64_t backlog, struct err *e);
#endif
