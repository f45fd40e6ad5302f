#ifndef POLICY_TURN_H
#define POLICY_TURN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whose turn it is: the slots that are up, visited in the order of their
 * numbers.  The cursor is a slot's number, not a place in a list, so that
 * it survives every change of the set.
 */
struct turn {
	uint64_t	*up;		/* one bit a slot */
	size_t		 slots, up_count;
	size_t		 cursor;	/* the slot that had the last turn */
};

/* 0, or -1: out of memory. */
int	turn_init(struct turn *, size_t slots);
/* More slots, none of the new ones up.  0, or -1: out of memory. */
int	turn_grow(struct turn *, size_t slots);
void	turn_fini(struct turn *);
void	turn_set(struct turn *, size_t slot, bool up);
bool	turn_is_up(const struct turn *, size_t slot);
/* The next slot that is up; it has then had its turn.  -1: none is up. */
long	turn_next(struct turn *);
/* The next turn is that of the n-th slot that is up, from 0. */
void	turn_aim(struct turn *, size_t n);
/* The next turn is that of the slot that weighs most there; see sticky.h. */
void	turn_aim_heaviest(struct turn *, unsigned int bucket);
#endif
