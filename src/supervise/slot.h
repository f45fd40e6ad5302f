#ifndef SUPERVISE_SLOT_H
#define SUPERVISE_SLOT_H
#include <stdbool.h>
struct generation;
struct pool;
struct queue;
struct slot;
struct worker;

void	slot_init(struct slot *, struct pool *, unsigned int index);
void	slot_fini(struct slot *);

/* Compares the wish with the facts and does what follows. */
void	slot_reconcile(struct slot *);

/* News of a worker of this slot; gone frees it. */
void	slot_worker_ready(struct slot *, struct worker *);
void	slot_worker_gone(struct slot *, struct worker *);

/* Give the slot to the worker beside; the one that had it drains. */
void	slot_switch(struct slot *);
/* Count a worker among those that leave; the caller tells it to. */
void	slot_let_go(struct slot *, struct worker *);
/* Take the slot out of the turns and its worker out of the slot. */
void	slot_drain(struct slot *);
/* In back-off, waiting after one, or ended: not to be waited for. */
bool	slot_is_settled(struct slot *);
#endif
