#ifndef OS_CONN_H
#define OS_CONN_H
#include <stdbool.h>
#include <stdint.h>

/* A connection, whoever else has it. */

/*
 * It is one of TCP that is open, and of which nobody has read a byte, nor
 * written one: as if it had just been accepted.
 */
bool	 conn_is_unread(int fd);
/* One of TCP that the other end has broken off. */
bool	 conn_is_over(int fd);
/* It has come to this listener, or *ret_exact, to its very address. */
bool	 conn_is_of(int fd, int listener, bool *ret_exact);
/* Two descriptors of one connection have the same; 0: it has none. */
uint64_t conn_inode(int fd);
#endif
