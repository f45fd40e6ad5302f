#ifndef CLI_SOCKETS_H
#define CLI_SOCKETS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The established TCP connections of some ports, by inode. */
struct sockets {
	uint64_t	*inodes;	/* sorted once sockets_read is done */
	size_t		 count, size;
	size_t		 budget;	/* descriptors still to be looked at */
};

/* From /proc/net/tcp and tcp6; ports is sorted. */
void	sockets_read(struct sockets *, const uint16_t *ports, size_t count);
void	sockets_free(struct sockets *);
/* How many of them a process holds; -1: that cannot be seen. */
long	sockets_count(struct sockets *, pid_t);

/* One line of /proc/net/tcp: its inode if it is established, else 0. */
uint64_t sockets_parse_line(const char *line, uint16_t *ret_port);
/* The port of "127.0.0.1:7000" or "[::]:7000"; 0: it is not TCP. */
uint16_t sockets_parse_port(const char *address);
#endif
