#ifndef OS_BPF_H
#define OS_BPF_H
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
struct err;

/*
 * bpf(2) as it is: maps and programs are descriptors, which keep what they
 * name, and so does whatever they are attached to.  All but changing a map
 * needs CAP_BPF (CAP_SYS_ADMIN before Linux 5.8) at the moment of the call.
 */

/* A map with keys from 0 on; -1 with *e set. */
int	bpf_map_open(enum bpf_map_type, uint32_t value_size,
	    uint32_t entries, uint32_t flags, struct err *e);
/*
 * A map by socket: of an int for each, which a connection has from the
 * listener that it came by.  The type of an int is described by so many
 * bytes.
 */
int	bpf_socket_map_open(const void *types, uint32_t size, uint32_t type,
	    struct err *e);
/* 0, or -1 with errno. */
int	bpf_map_put(int map, uint32_t key, const void *value);
int	bpf_map_drop(int map, uint32_t key);
/* Checked and translated by the kernel; -1 with *e set. */
int	bpf_prog_open(enum bpf_prog_type, enum bpf_attach_type,
	    const struct bpf_insn *, size_t count, struct err *e);
/* The program runs for a cgroup until the descriptor is closed. */
int	bpf_link_open(int program, int cgroup, enum bpf_attach_type,
	    struct err *e);
#endif
