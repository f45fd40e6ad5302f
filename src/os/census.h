#ifndef OS_CENSUS_H
#define OS_CENSUS_H
#include <stddef.h>
#include <stdint.h>
struct census;
struct err;

/*
 * The numbers of listening sockets, and how many connections that came by
 * each of them are open.  The kernel counts, by a program that it runs when
 * a connection is established and when it is closed, whoever has it then:
 * the workers know nothing of it, and one that is killed is counted right.
 */
#define CENSUS_NUMBERS 32768	/* 1..; 0 is nobody's and has none */

/* What the kernel writes, and a chooser reads. */
struct census_page {
	uint64_t	 opened;	/* so far: who reads it sees that it
					   is still counted */
	uint32_t	 open[CENSUS_NUMBERS];
};

/* Numbers only.  NULL with *e set. */
struct census	*census_new(struct err *e);
void		 census_free(struct census *);
/*
 * Begin to count; once is enough.  Needs CAP_NET_ADMIN beside CAP_BPF, and
 * that the supervisor is in a cgroup of version 2.  0, or -1 with *e set.
 */
int		 census_count(struct census *, struct err *e);

/* A number that is free and counts nothing, or -1. */
int		 census_take(struct census *);
void		 census_drop(struct census *, unsigned int number);
/* Connections that come by this socket count there.  0, or -1 with *e. */
int		 census_enter(struct census *, unsigned int number, int fd,
		    struct err *e);
uint32_t	 census_open(const struct census *, unsigned int number);
/* The map of that page. */
int		 census_map(const struct census *);
#endif
