#include "config.h"
#include "os/bpf.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

/* The kernel takes no pointers but as numbers of 64 bits. */
static uint64_t
number(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int
call(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

int
bpf_map_open(enum bpf_map_type type, uint32_t value_size, uint32_t entries,
    uint32_t flags, struct err *e)
{
	union bpf_attr	 a;
	int		 fd;

	memset(&a, 0, sizeof(a));
	a.map_type = type;
	a.key_size = sizeof(uint32_t);
	a.value_size = value_size;
	a.max_entries = entries;
	a.map_flags = flags;
	fd = call(BPF_MAP_CREATE, &a);
	return fd != -1 ? fd : err_set(e, errno, "bpf map");
}

int
bpf_socket_map_open(const void *types, uint32_t size, uint32_t type,
    struct err *e)
{
	union bpf_attr	 a;
	AUTO_FD		 btf = -1;
	int		 fd;

	memset(&a, 0, sizeof(a));
	a.btf = number(types);
	a.btf_size = size;
	btf = call(BPF_BTF_LOAD, &a);
	if (btf == -1)
		return err_set(e, errno, "bpf types");
	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_SK_STORAGE;
	a.key_size = a.value_size = sizeof(int);
	a.map_flags = BPF_F_NO_PREALLOC | BPF_F_CLONE;
	a.btf_fd = (uint32_t)btf;
	a.btf_key_type_id = a.btf_value_type_id = type;
	fd = call(BPF_MAP_CREATE, &a);
	return fd != -1 ? fd : err_set(e, errno, "bpf map");
}

int
bpf_link_open(int program, int cgroup, enum bpf_attach_type type,
    struct err *e)
{
	union bpf_attr	 a;
	int		 fd;

	memset(&a, 0, sizeof(a));
	a.link_create.prog_fd = (uint32_t)program;
	a.link_create.target_fd = (uint32_t)cgroup;
	a.link_create.attach_type = type;
	fd = call(BPF_LINK_CREATE, &a);
	return fd != -1 ? fd : err_set(e, errno, "bpf program of a cgroup");
}

int
bpf_map_put(int map, uint32_t key, const void *value)
{
	union bpf_attr	 a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)map;
	a.key = number(&key);
	a.value = number(value);
	return call(BPF_MAP_UPDATE_ELEM, &a);
}

int
bpf_map_drop(int map, uint32_t key)
{
	union bpf_attr	 a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)map;
	a.key = number(&key);
	return call(BPF_MAP_DELETE_ELEM, &a);
}

/*
 * Without the verifier's log: one that it does not fit into is an error in
 * itself, and nobody but a developer can do anything with it.
 */
int
bpf_prog_open(enum bpf_prog_type type, enum bpf_attach_type attach,
    const struct bpf_insn *insns, size_t count, struct err *e)
{
	union bpf_attr	 a;
	int		 fd;

	memset(&a, 0, sizeof(a));
	a.prog_type = type;
	a.expected_attach_type = attach;
	a.insns = number(insns);
	a.insn_cnt = (uint32_t)count;
	a.license = number("GPL");
	fd = call(BPF_PROG_LOAD, &a);
	return fd != -1 ? fd : err_set(e, errno, "bpf program");
}
