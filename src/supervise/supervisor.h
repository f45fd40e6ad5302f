#ifndef SUPERVISE_SUPERVISOR_H
#define SUPERVISE_SUPERVISOR_H
struct conf;

/*
 * Signals are blocked from here on, to be read by the loop; while a config
 * is being read they still do what they always do.
 */
void	supervisor_block_signals(void);

/*
 * Run the pools of a config until every slot has ended for good or a
 * signal says so.  Returns the exit status that rota(1) promises; what
 * goes wrong has been logged.
 */
int	supervisor_run(const struct conf *);
#endif
