#include "config.h"
#include "policy/turn.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sticky.h"

#define WORD_BITS 64

int
turn_init(struct turn *t, size_t slots)
{
	memset(t, 0, sizeof(*t));
	t->up = calloc(slots / WORD_BITS + 1, sizeof(*t->up));
	if (t->up == NULL)
		return -1;
	t->slots = slots;
	t->cursor = slots - 1;		/* the first turn is slot 0's */
	return 0;
}

int
turn_grow(struct turn *t, size_t slots)
{
	size_t		 old = t->slots / WORD_BITS + 1;
	size_t		 new = slots / WORD_BITS + 1;
	uint64_t	*up;

	up = realloc(t->up, new * sizeof(*up));
	if (up == NULL)
		return -1;
	memset(up + old, 0, (new - old) * sizeof(*up));
	t->up = up;
	t->slots = slots;
	return 0;
}

void
turn_fini(struct turn *t)
{
	free(t->up);
	memset(t, 0, sizeof(*t));
}

bool
turn_is_up(const struct turn *t, size_t slot)
{
	return t->up[slot / WORD_BITS] >> (slot % WORD_BITS) & 1;
}

void
turn_set(struct turn *t, size_t slot, bool up)
{
	uint64_t	 bit = (uint64_t)1 << (slot % WORD_BITS);

	if (turn_is_up(t, slot) == up)
		return;
	t->up[slot / WORD_BITS] ^= bit;
	if (up)
		t->up_count++;
	else
		t->up_count--;
}

/* The first slot at or after from that is up, or slots if there is none. */
static size_t
turn_find(const struct turn *t, size_t from)
{
	size_t		 w, last = t->slots / WORD_BITS;
	uint64_t	 word;

	if (from >= t->slots)
		return t->slots;
	w = from / WORD_BITS;
	word = t->up[w] & ~(uint64_t)0 << (from % WORD_BITS);
	while (word == 0 && w < last)
		word = t->up[++w];
	if (word == 0)
		return t->slots;
	return w * WORD_BITS + (size_t)__builtin_ctzll(word);
}

long
turn_next(struct turn *t)
{
	size_t	 slot;

	if (t->up_count == 0)
		return -1;
	slot = turn_find(t, t->cursor + 1);
	if (slot == t->slots)
		slot = turn_find(t, 0);
	t->cursor = slot;
	return (long)slot;
}

/* turn_next begins after the cursor. */
static void
turn_point(struct turn *t, size_t slot)
{
	t->cursor = slot > 0 ? slot - 1 : t->slots - 1;
}

void
turn_aim(struct turn *t, size_t n)
{
	size_t	 slot = turn_find(t, 0);

	while (n-- > 0 && slot < t->slots)
		slot = turn_find(t, slot + 1);
	if (slot < t->slots)
		turn_point(t, slot);
}

void
turn_aim_heaviest(struct turn *t, unsigned int bucket)
{
	size_t		 slot, best = t->slots;
	uint32_t	 w, most = 0;

	for (slot = turn_find(t, 0); slot < t->slots;
	    slot = turn_find(t, slot + 1)) {
		w = sticky_weight(bucket, (unsigned int)slot);
		if (best == t->slots || w > most) {
			best = slot;
			most = w;
		}
	}
	if (best < t->slots)
		turn_point(t, best);
}
