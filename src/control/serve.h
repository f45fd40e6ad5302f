#ifndef CONTROL_SERVE_H
#define CONTROL_SERVE_H
#include <stddef.h>
struct control;
struct request;

/* The commands of rota-control(7): one function each, one row in a table. */
typedef void serve_fn(struct control *, struct request *);

serve_fn	serve_apply, serve_broadcast, serve_events,
		serve_logs, serve_plan, serve_reload, serve_restart,
		serve_scale, serve_send, serve_shutdown,
		serve_signal, serve_start, serve_status, serve_stop;

/* For control_ops: arg is the struct control. */
void		 serve_run(void *arg, struct request *);
/* Whoever follows something is told that there will be no more. */
void		 serve_end_followers(struct control *);
/* The next of those who wait for the end, for whom it is no longer. */
struct request	*serve_next_shutdown(struct control *);
#endif
