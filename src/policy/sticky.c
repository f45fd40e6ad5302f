#include "config.h"
#include "policy/sticky.h"

#include <string.h>

/* The finalizer of MurmurHash3 (Appleby): each bit of it on each other. */
static uint32_t
mix(uint32_t h)
{
	h ^= h >> 16;
	h *= 0x85ebca6bu;
	h ^= h >> 13;
	h *= 0xc2b2ae35u;
	h ^= h >> 16;
	return h;
}

uint32_t
sticky_weight(unsigned int bucket, unsigned int slot)
{
	return mix(mix(bucket + 1) ^ (slot * 0x9e3779b9u));
}

unsigned int
sticky_bucket(const unsigned char *address, unsigned int len)
{
	uint32_t	 word, h = 0;
	unsigned int	 i;

	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, address + i, sizeof(word));
		h = mix(h ^ word);
	}
	return h % STICKY_BUCKETS;
}
