#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H
#include <signal.h>
#include <stdbool.h>

/*
 * From now on ^C (SIGINT, unless it was ignored) and a new size of the
 * terminal do nothing but end a ppoll with *interrupt_mask.
 */
void	interrupt_catch(void);
/* SIGTERM and SIGHUP count as ^C too, so that a terminal can be restored. */
void	interrupt_catch_end(void);
/* Die of the one that has come, if any. */
void	interrupt_raise(void);
/* SIGINT, or another that is caught, has come since. */
bool	interrupt_seen(void);
/* The size of the terminal has changed since this was asked last. */
bool	interrupt_resized(void);
/* What ppoll is to wait with; NULL as long as nothing is caught. */
const sigset_t	*interrupt_mask(void);
#endif
