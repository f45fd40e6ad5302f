#ifndef OS_BPF_INSN_H
#define OS_BPF_INSN_H
#include <assert.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/util.h"

/*
 * Programs for the kernel, written down one instruction at a time.
 * Registers: r0 result, r1-r5 arguments (lost in a call), r6-r9 kept, r10
 * the stack, from -1 downwards.
 */
#define INSN(c, d, s, o, i) ((struct bpf_insn){				\
	.code = (c), .dst_reg = (d), .src_reg = (s),			\
	.off = (int16_t)(o), .imm = (int32_t)(i) })
#define MOV(d, s)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_K(d, k)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, k)
#define ALU(op, d, s)	INSN(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define ALU_K(op, d, k)	INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, k)
#define ALU32_K(op, d, k) INSN(BPF_ALU | (op) | BPF_K, d, 0, 0, k)
#define LOAD(sz, d, s, o) INSN(BPF_LDX | BPF_MEM | (sz), d, s, o, 0)
#define STORE(sz, d, o, s) INSN(BPF_STX | BPF_MEM | (sz), d, s, o, 0)
#define STORE_K(sz, d, o, k) INSN(BPF_ST | BPF_MEM | (sz), d, 0, o, k)
#define ADD_TO(sz, d, o, s) INSN(BPF_STX | BPF_ATOMIC | (sz), d, s, o, BPF_ADD)
#define FETCH_ADD(sz, d, o, s)						\
	INSN(BPF_STX | BPF_ATOMIC | (sz), d, s, o, BPF_ADD | BPF_FETCH)
#define JUMP(op, d, s, l) INSN(BPF_JMP | (op) | BPF_X, d, s, l, 0)
#define JUMP_K(op, d, k, l) INSN(BPF_JMP | (op) | BPF_K, d, 0, l, k)
#define CALL(f)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Two places wide: the map itself, or the address of its first value. */
#define MAP(d, kind, fd)						\
	INSN(BPF_LD | BPF_DW | BPF_IMM, d, kind, 0, fd),		\
	INSN(0, 0, 0, 0, 0)

#define PROGRAM_LABELS	16
#define PROGRAM_MOST	2048

/* A jump is to a label, a number of the program's own, until resolve. */
struct program {
	struct bpf_insn	 insn[PROGRAM_MOST];
	size_t		 len;
	size_t		 place[PROGRAM_LABELS];
};

#define ADD(p, ...) do {						\
	const struct bpf_insn insns_[] = { __VA_ARGS__ };		\
									\
	assert((p)->len + ARRAY_LEN(insns_) <= PROGRAM_MOST);		\
	memcpy((p)->insn + (p)->len, insns_, sizeof(insns_));		\
	(p)->len += ARRAY_LEN(insns_);					\
} while (0)

static inline void
label(struct program *p, int l)
{
	p->place[l] = p->len;
}

static inline void
resolve(struct program *p)
{
	struct bpf_insn	*in;
	size_t		 i;

	for (i = 0; i < p->len; i++) {
		in = &p->insn[i];
		if (BPF_CLASS(in->code) == BPF_JMP &&
		    BPF_OP(in->code) != BPF_CALL &&
		    BPF_OP(in->code) != BPF_EXIT)
			in->off = (int16_t)(p->place[in->off] - i - 1);
	}
}
#endif
