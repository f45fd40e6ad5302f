#ifndef POLICY_STICKY_H
#define POLICY_STICKY_H
#include <stdint.h>

/*
 * Which slot a client belongs to: its address is hashed to a bucket, and of
 * the slots that are up the one that weighs most has the bucket.  So only the
 * clients of a slot that goes down move, and only those of a slot that comes
 * back move back (highest random weight: Thaler and Ravishankar, Using
 * Name-Based Mappings to Increase Hit Rates, 1998).
 */
#define STICKY_BUCKETS 4096

uint32_t	 sticky_weight(unsigned int bucket, unsigned int slot);
/* Of an address of 4 or 16 bytes, in the order of the network. */
unsigned int	 sticky_bucket(const unsigned char *address, unsigned int len);
#endif
