#ifndef OS_CHOOSER_H
#define OS_CHOOSER_H
#include <stddef.h>
#include <stdint.h>
struct bpf_insn;
struct err;

/*
 * The program that the kernel runs for each connection to a group of
 * listening sockets with one address (SO_REUSEPORT), and the page of memory
 * that it shares with us.  It takes a number, by its mode, modulo the length
 * of a list, and the connection is for the socket that stands there.
 *
 * Whoever changes the list writes the one that is not in use, and then the
 * word that says which is: the program never sees half of a change.
 */
#define CHOOSER_SOCKETS	32768	/* as many as a group of Linux holds */

enum chooser_mode {
	CHOOSER_TURNS,		/* one after the other */
	CHOOSER_RANDOM,
	CHOOSER_CLIENT,		/* a hash of the client's address */
	CHOOSER_LEAST		/* the fewest open connections, by turns */
};

struct chooser_page {
	uint64_t	 turns;		/* taken so far, by connections */
	uint64_t	 strays;	/* by other packets: see chooser.c */
	uint64_t	 head;		/* length; 1<<32: of the second list */
	uint64_t	 opened;	/* of the census, at the last look */
	uint64_t	 opened_turn;	/* and the turn at which it had grown */
	uint16_t	 list[2][CHOOSER_SOCKETS];
	uint32_t	 given[CHOOSER_SOCKETS];	/* to each socket */
};
#define CHOOSER_SECOND	(UINT64_C(1) << 32)

/* The program for these maps; a descriptor, or -1 with *e set. */
int	chooser_load(enum chooser_mode, int page_map, int socket_map,
	    int census_map, struct err *e);
#endif
