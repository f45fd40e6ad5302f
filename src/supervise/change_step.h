#ifndef SUPERVISE_CHANGE_STEP_H
#define SUPERVISE_CHANGE_STEP_H
#include <stdint.h>
struct change;
struct change_step;
struct err;

/*
 * The steps of a change, one kind each; for change.c only.
 */
enum { STEP_FAILED = -1, STEP_DONE, STEP_WAIT };

/* 0, or -1 with *e set: the change is refused. */
int		 steps_make(struct change *, struct err *e);
void		 step_fini(struct change_step *);

/*
 * Both return one of the above.  What fails here has done nothing; what
 * waits is heard of by change_reloaded or by the change's settle.
 */
int		 step_begin(struct change *, struct change_step *,
		    struct err *e);
int		 step_undo(struct change *, struct change_step *,
		    struct err *e);
/* All steps have succeeded. */
void		 step_commit(struct change *, struct change_step *);
/* The rollout of this step has been rolled back by itself. */
void		 step_forget(struct change_step *);

/* Wait until the slots of this step are up. */
void		 step_settle(struct change *, struct change_step *);
uint64_t	 step_restarts(struct change_step *);
/* What those of its workers said last that are not. */
void		 step_tail(struct change *, struct change_step *);
#endif
