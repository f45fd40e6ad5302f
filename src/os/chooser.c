#include "config.h"
#include "os/chooser.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/err.h"
#include "os/bpf.h"
#include "os/bpf_insn.h"
#include "os/census.h"

/*
 * Throughout the program r6 is the context, r7 the page, r8 the number that
 * chooses, and r9 says whether the packet takes a turn.
 */
#define TCP_FLAGS	13	/* of the TCP header */
#define SYN_ACK		(TH_SYN | TH_ACK)
#define CONTEXT(m)	((int)offsetof(struct sk_reuseport_md, m))
#define PAGE(m)		((int)offsetof(struct chooser_page, m))
#define CENSUS(m)	((int)offsetof(struct census_page, m))
#define LOOKED_AT	64	/* by least connections, at most */
#define UNCOUNTED	1024	/* turns in a row: nobody counts any more */

/* An offset has 16 bits; PAGE(given) does not fit. */
_Static_assert(offsetof(struct chooser_page, list) <= INT16_MAX, "offset");

enum label {
	NONE, TURN, STRAY, CHOOSE, IPV6, MIXED, ANCHOR, PASS, DROP, CHOSEN,
	COUNTED, UNSEEN, DONE
};

/*
 * Only what begins or moves a connection takes a turn.  Every packet that
 * belongs to no connection runs the program, a late FIN or a stray RST too;
 * those count elsewhere, or turns would not be exact.  With SYN cookies the
 * ACK decides, and is one of those: even still, exact no more.
 */
static void
add_turn_test(struct program *p)
{
	ADD(p,
	    MOV(BPF_REG_6, BPF_REG_1),
	    LOAD(BPF_DW, BPF_REG_2, BPF_REG_6, CONTEXT(migrating_sk)),
	    JUMP_K(BPF_JNE, BPF_REG_2, 0, TURN),
	    LOAD(BPF_DW, BPF_REG_2, BPF_REG_6, CONTEXT(data)),
	    LOAD(BPF_DW, BPF_REG_3, BPF_REG_6, CONTEXT(data_end)),
	    MOV(BPF_REG_4, BPF_REG_2),
	    ALU_K(BPF_ADD, BPF_REG_4, TCP_FLAGS + 1),
	    JUMP(BPF_JGT, BPF_REG_4, BPF_REG_3, STRAY),
	    LOAD(BPF_B, BPF_REG_4, BPF_REG_2, TCP_FLAGS),
	    ALU_K(BPF_AND, BPF_REG_4, SYN_ACK),
	    JUMP_K(BPF_JNE, BPF_REG_4, TH_SYN, STRAY));
	label(p, TURN);
	ADD(p,
	    MOV_K(BPF_REG_9, 1),
	    JUMP_K(BPF_JA, 0, 0, CHOOSE));
	label(p, STRAY);
	ADD(p, MOV_K(BPF_REG_9, 0));
	label(p, CHOOSE);
}

/* The number is how many had their turn before. */
static void
add_turns(struct program *p)
{
	ADD(p,
	    MOV_K(BPF_REG_8, 1),
	    MOV(BPF_REG_1, BPF_REG_7),
	    JUMP_K(BPF_JNE, BPF_REG_9, 0, MIXED),
	    ALU_K(BPF_ADD, BPF_REG_1, PAGE(strays) - PAGE(turns)));
	label(p, MIXED);
	ADD(p, FETCH_ADD(BPF_DW, BPF_REG_1, PAGE(turns), BPF_REG_8));
}

static void
add_random(struct program *p)
{
	ADD(p,
	    CALL(BPF_FUNC_get_prandom_u32),
	    MOV(BPF_REG_8, BPF_REG_0));
}

/* r1 = so many bytes at this offset of the IP header, on the stack. */
static void
add_address(struct program *p, int offset, int size)
{
	ADD(p,
	    MOV(BPF_REG_1, BPF_REG_6),
	    MOV_K(BPF_REG_2, offset),
	    MOV(BPF_REG_3, BPF_REG_10),
	    ALU_K(BPF_ADD, BPF_REG_3, -16),
	    MOV_K(BPF_REG_4, size),
	    MOV_K(BPF_REG_5, BPF_HDR_START_NET),
	    CALL(BPF_FUNC_skb_load_bytes_relative));
}

/*
 * The number is a hash of the client's address: multiplied by 2^64 divided
 * by the golden ratio, of which the upper half is well mixed (Knuth, The Art
 * of Computer Programming 6.4).  A connection that moves has no packet any
 * more: it goes by its own hash, wherever that is.
 */
static void
add_client(struct program *p)
{
	ADD(p,
	    STORE_K(BPF_DW, BPF_REG_10, -16, 0),
	    STORE_K(BPF_DW, BPF_REG_10, -8, 0),
	    LOAD(BPF_W, BPF_REG_8, BPF_REG_6, CONTEXT(hash)),
	    LOAD(BPF_DW, BPF_REG_2, BPF_REG_6, CONTEXT(migrating_sk)),
	    JUMP_K(BPF_JNE, BPF_REG_2, 0, PASS),
	    LOAD(BPF_W, BPF_REG_2, BPF_REG_6, CONTEXT(eth_protocol)),
	    JUMP_K(BPF_JNE, BPF_REG_2, htons(ETHERTYPE_IP), IPV6));
	add_address(p, (int)offsetof(struct iphdr, saddr), 4);
	ADD(p, JUMP_K(BPF_JA, 0, 0, MIXED));
	label(p, IPV6);
	add_address(p, (int)offsetof(struct ip6_hdr, ip6_src), 16);
	label(p, MIXED);
	ADD(p,
	    LOAD(BPF_DW, BPF_REG_8, BPF_REG_10, -16),
	    LOAD(BPF_DW, BPF_REG_1, BPF_REG_10, -8),
	    INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, 0, 0, 0x7f4a7c15),
	    INSN(0, 0, 0, 0, (int32_t)0x9e3779b9u),
	    ALU(BPF_MUL, BPF_REG_8, BPF_REG_2),
	    ALU(BPF_XOR, BPF_REG_8, BPF_REG_1),
	    ALU(BPF_MUL, BPF_REG_8, BPF_REG_2),
	    ALU_K(BPF_RSH, BPF_REG_8, 32));
	label(p, PASS);
}

/* r1 = the length of the list, r2 = where it begins, r8 a place in it. */
static void
add_list(struct program *p)
{
	ADD(p,
	    LOAD(BPF_DW, BPF_REG_1, BPF_REG_7, PAGE(head)),
	    MOV(BPF_REG_2, BPF_REG_1),
	    ALU_K(BPF_RSH, BPF_REG_2, 32),
	    ALU_K(BPF_AND, BPF_REG_2, 1),
	    ALU_K(BPF_MUL, BPF_REG_2, CHOOSER_SOCKETS),
	    ALU_K(BPF_AND, BPF_REG_1, 2 * CHOOSER_SOCKETS - 1),
	    JUMP_K(BPF_JEQ, BPF_REG_1, 0, DROP),
	    ALU(BPF_MOD, BPF_REG_8, BPF_REG_1));
}

/* d = the socket at place r8 of the list; the masks are for the verifier. */
static void
add_socket(struct program *p, int d)
{
	ADD(p,
	    MOV(d, BPF_REG_8),
	    ALU(BPF_ADD, d, BPF_REG_2),
	    ALU_K(BPF_AND, d, 2 * CHOOSER_SOCKETS - 1),
	    ALU_K(BPF_LSH, d, 1),
	    ALU(BPF_ADD, d, BPF_REG_7),
	    LOAD(BPF_H, d, d, PAGE(list)),
	    ALU_K(BPF_AND, d, CHOOSER_SOCKETS - 1));
}

/* r8 = the socket there. */
static void
add_lookup(struct program *p)
{
	add_list(p);
	add_socket(p, BPF_REG_0);
	ADD(p, MOV(BPF_REG_8, BPF_REG_0));
}

/*
 * One candidate: r3 = its open connections, then the order in which it was
 * looked at, then its number; r4 the least of these so far.  Without a
 * branch, or the verifier would have to follow 2^64 ways: the difference
 * shifted right by 63 is all ones if it is negative, else 0.  r8 goes on to
 * the next place of the list, and from the last to the first.
 */
static void
add_candidate(struct program *p, int i)
{
	if (i > 0)
		ADD(p, JUMP_K(BPF_JLE, BPF_REG_1, i, CHOSEN));
	add_socket(p, BPF_REG_0);
	ADD(p,
	    MOV(BPF_REG_3, BPF_REG_0),
	    ALU_K(BPF_LSH, BPF_REG_3, 2),
	    ALU(BPF_ADD, BPF_REG_3, BPF_REG_5),
	    LOAD(BPF_W, BPF_REG_3, BPF_REG_3, CENSUS(open)),
	    ALU_K(BPF_LSH, BPF_REG_3, 32),
	    ALU_K(BPF_OR, BPF_REG_3, i << 16),
	    ALU(BPF_OR, BPF_REG_3, BPF_REG_0),
	    ALU(BPF_SUB, BPF_REG_3, BPF_REG_4),
	    MOV(BPF_REG_0, BPF_REG_3),
	    ALU_K(BPF_ARSH, BPF_REG_0, 63),
	    ALU(BPF_AND, BPF_REG_3, BPF_REG_0),
	    ALU(BPF_ADD, BPF_REG_4, BPF_REG_3),
	    ALU_K(BPF_ADD, BPF_REG_8, 1),
	    MOV(BPF_REG_0, BPF_REG_8),
	    ALU(BPF_SUB, BPF_REG_0, BPF_REG_1),
	    ALU_K(BPF_ARSH, BPF_REG_0, 63),
	    ALU(BPF_AND, BPF_REG_8, BPF_REG_0));
}

/*
 * The counts are good while they are counted, which ends with the
 * supervisor: if so many turns have been taken, and no connection has been
 * counted, then only turns are left.  r5 = the page of the census.
 */
static void
add_counted_test(struct program *p, int census_map)
{
	ADD(p,
	    MAP(BPF_REG_5, BPF_PSEUDO_MAP_VALUE, census_map),
	    LOAD(BPF_DW, BPF_REG_1, BPF_REG_5, CENSUS(opened)),
	    LOAD(BPF_DW, BPF_REG_2, BPF_REG_7, PAGE(opened)),
	    JUMP(BPF_JEQ, BPF_REG_1, BPF_REG_2, UNSEEN),
	    STORE(BPF_DW, BPF_REG_7, PAGE(opened), BPF_REG_1),
	    STORE(BPF_DW, BPF_REG_7, PAGE(opened_turn), BPF_REG_8),
	    JUMP_K(BPF_JA, 0, 0, COUNTED));
	label(p, UNSEEN);
	ADD(p,
	    MOV(BPF_REG_1, BPF_REG_8),
	    LOAD(BPF_DW, BPF_REG_2, BPF_REG_7, PAGE(opened_turn)),
	    ALU(BPF_SUB, BPF_REG_1, BPF_REG_2),
	    JUMP_K(BPF_JSGT, BPF_REG_1, UNCOUNTED, PASS));
	label(p, COUNTED);
}

/*
 * r8 = the socket with the fewest open connections, of all if they are no
 * more than LOOKED_AT, else of so many whose turn is next; of equals the
 * one whose turn it is.
 */
static void
add_least(struct program *p, int census_map)
{
	int	 i;

	add_turns(p);
	add_counted_test(p, census_map);
	add_list(p);
	ADD(p,
	    MOV_K(BPF_REG_4, -1),
	    ALU_K(BPF_RSH, BPF_REG_4, 1));
	for (i = 0; i < LOOKED_AT; i++)
		add_candidate(p, i);
	label(p, CHOSEN);
	ADD(p,
	    MOV(BPF_REG_8, BPF_REG_4),
	    ALU_K(BPF_AND, BPF_REG_8, CHOOSER_SOCKETS - 1),
	    JUMP_K(BPF_JA, 0, 0, DONE));
	label(p, PASS);
	add_lookup(p);
	label(p, DONE);
}

static void
add_select(struct program *p, int socket_map)
{
	ADD(p,
	    STORE(BPF_W, BPF_REG_10, -4, BPF_REG_8),
	    MOV(BPF_REG_1, BPF_REG_6),
	    MAP(BPF_REG_2, BPF_PSEUDO_MAP_FD, socket_map),
	    MOV(BPF_REG_3, BPF_REG_10),
	    ALU_K(BPF_ADD, BPF_REG_3, -4),
	    MOV_K(BPF_REG_4, 0),
	    CALL(BPF_FUNC_sk_select_reuseport));
}

/*
 * Count it and hand it over.  A socket that has just gone is stood in for by
 * the first, which is always there; an empty list refuses the connection.
 */
static void
add_end(struct program *p, int socket_map)
{
	add_select(p, socket_map);
	ADD(p,
	    JUMP_K(BPF_JNE, BPF_REG_0, 0, ANCHOR),
	    ALU_K(BPF_LSH, BPF_REG_8, 2),
	    ALU_K(BPF_ADD, BPF_REG_8, PAGE(given)),
	    ALU(BPF_ADD, BPF_REG_8, BPF_REG_7),
	    ADD_TO(BPF_W, BPF_REG_8, 0, BPF_REG_9),
	    MOV_K(BPF_REG_0, SK_PASS),
	    EXIT);
	label(p, ANCHOR);
	ADD(p, MOV_K(BPF_REG_8, 0));
	add_select(p, socket_map);
	ADD(p,
	    MOV_K(BPF_REG_0, SK_PASS),
	    EXIT);
	label(p, DROP);
	ADD(p,
	    MOV_K(BPF_REG_0, SK_DROP),
	    EXIT);
}

int
chooser_load(enum chooser_mode mode, int page_map, int socket_map,
    int census_map, struct err *e)
{
	struct program	 p = { .len = 0 };

	add_turn_test(&p);
	ADD(&p, MAP(BPF_REG_7, BPF_PSEUDO_MAP_VALUE, page_map));
	switch (mode) {
	case CHOOSER_TURNS:
		add_turns(&p);
		add_lookup(&p);
		break;
	case CHOOSER_RANDOM:
		add_random(&p);
		add_lookup(&p);
		break;
	case CHOOSER_CLIENT:
		add_client(&p);
		add_lookup(&p);
		break;
	case CHOOSER_LEAST:
		add_least(&p, census_map);
		break;
	}
	add_end(&p, socket_map);
	resolve(&p);
	return bpf_prog_open(BPF_PROG_TYPE_SK_REUSEPORT,
	    BPF_SK_REUSEPORT_SELECT_OR_MIGRATE, p.insn, p.len, e);
}
