#ifndef SUPERVISE_CHANGES_H
#define SUPERVISE_CHANGES_H
struct supervisor;

/* Those under way and those that wait; the rest is in supervisor.h. */
void	supervisor_cancel_changes(struct supervisor *);
#endif
