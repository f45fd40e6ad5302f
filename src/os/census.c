#include "config.h"
#include "os/census.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/fd.h"
#include "os/bpf.h"
#include "os/bpf_insn.h"

#define WORD_BITS	64
#define PATH_SIZE	4096

struct census {
	int		 page_map;
	int		 numbers_map;	/* by socket; -1: does not count */
	int		 link;
	struct census_page *page;	/* shared with the kernel */
	uint64_t	 used[CENSUS_NUMBERS / WORD_BITS];
	size_t		 next;		/* where to look for a free one */
};

/*
 * A map by socket has to say what its keys and values are: both an int, in
 * the kernel's format for types (include/uapi/linux/btf.h).
 */
static const struct {
	struct {
		uint16_t	 magic;
		uint8_t		 version, flags;
		uint32_t	 size, type_at, type_size, name_at, name_size;
	} head;
	uint32_t		 type[4];
	char			 names[8];
} type_int = {
	.head = { 0xeb9f, 1, 0, 24, 0, 16, 16, 8 },
	.type = { 1, 1u << 24, 4, 1u << 24 | 32 },
	.names = "\0int\0\0\0",
};

struct census *
census_new(struct err *e)
{
	struct census	*c = calloc(1, sizeof(*c));
	void		*p;

	if (c == NULL) {
		err_set(e, ENOMEM, "counts of connections");
		return NULL;
	}
	c->numbers_map = c->link = -1;
	c->used[0] = 1;
	c->page_map = bpf_map_open(BPF_MAP_TYPE_ARRAY, sizeof(*c->page), 1,
	    BPF_F_MMAPABLE, e);
	p = c->page_map == -1 ? MAP_FAILED : mmap(NULL, sizeof(*c->page),
	    PROT_READ | PROT_WRITE, MAP_SHARED, c->page_map, 0);
	if (c->page_map != -1 && p == MAP_FAILED)
		err_set(e, errno, "bpf map");
	if (p == MAP_FAILED) {
		census_free(c);
		return NULL;
	}
	c->page = p;
	return c;
}

void
census_free(struct census *c)
{
	if (c == NULL)
		return;
	if (c->page != NULL)
		(void)munmap(c->page, sizeof(*c->page));
	fd_close(&c->page_map);
	fd_close(&c->numbers_map);
	fd_close(&c->link);
	free(c);
}

/* --- counting ------------------------------------------------------------- */

#define CONTEXT(m)	((int)offsetof(struct bpf_sock_ops, m))
#define PAGE(m)		((int)offsetof(struct census_page, m))
enum label { NONE, OPENED, CHANGED, COUNT, END };

/* r0 = the number of the connection's listener, by its place in memory. */
static void
add_number(struct program *p, int numbers_map)
{
	ADD(p,
	    LOAD(BPF_DW, BPF_REG_2, BPF_REG_6, CONTEXT(sk)),
	    JUMP_K(BPF_JEQ, BPF_REG_2, 0, END),
	    MAP(BPF_REG_1, BPF_PSEUDO_MAP_FD, numbers_map),
	    MOV_K(BPF_REG_3, 0),
	    MOV_K(BPF_REG_4, 0),
	    CALL(BPF_FUNC_sk_storage_get),
	    JUMP_K(BPF_JEQ, BPF_REG_0, 0, END));
}

/*
 * One more when a connection is established, and from then on to be told
 * when it changes; one less when it has changed to closed.  r7 is what to
 * add.
 */
static int
load_counter(int numbers_map, int page_map, struct err *e)
{
	struct program	 p = { .len = 0 };

	ADD(&p,
	    MOV(BPF_REG_6, BPF_REG_1),
	    LOAD(BPF_W, BPF_REG_1, BPF_REG_6, CONTEXT(op)),
	    JUMP_K(BPF_JEQ, BPF_REG_1, BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB,
	    OPENED),
	    JUMP_K(BPF_JEQ, BPF_REG_1, BPF_SOCK_OPS_STATE_CB, CHANGED),
	    JUMP_K(BPF_JA, 0, 0, END));
	label(&p, OPENED);
	ADD(&p, MOV_K(BPF_REG_7, 1), JUMP_K(BPF_JA, 0, 0, COUNT));
	label(&p, CHANGED);
	ADD(&p,
	    MOV_K(BPF_REG_7, -1),
	    LOAD(BPF_W, BPF_REG_1, BPF_REG_6, CONTEXT(args[1])),
	    JUMP_K(BPF_JNE, BPF_REG_1, BPF_TCP_CLOSE, END));
	label(&p, COUNT);
	add_number(&p, numbers_map);
	ADD(&p,
	    LOAD(BPF_W, BPF_REG_1, BPF_REG_0, 0),
	    ALU_K(BPF_AND, BPF_REG_1, CENSUS_NUMBERS - 1),
	    ALU_K(BPF_LSH, BPF_REG_1, 2),
	    MAP(BPF_REG_8, BPF_PSEUDO_MAP_VALUE, page_map),
	    ALU(BPF_ADD, BPF_REG_1, BPF_REG_8),
	    ADD_TO(BPF_W, BPF_REG_1, PAGE(open), BPF_REG_7),
	    JUMP_K(BPF_JNE, BPF_REG_7, 1, END),
	    ADD_TO(BPF_DW, BPF_REG_8, PAGE(opened), BPF_REG_7),
	    MOV(BPF_REG_1, BPF_REG_6),
	    MOV_K(BPF_REG_2, BPF_SOCK_OPS_STATE_CB_FLAG),
	    CALL(BPF_FUNC_sock_ops_cb_flags_set));
	label(&p, END);
	ADD(&p, MOV_K(BPF_REG_0, 1), EXIT);
	resolve(&p);
	return bpf_prog_open(BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS,
	    p.insn, p.len, e);
}

/*
 * Where the tree of cgroups of version 2 is mounted: of its line in mountinfo
 * "36 35 98:0 /mnt /sys/fs/cgroup rw - cgroup2 ..." the fifth word.
 */
static int
find_mount(char *path)
{
	char	 line[PATH_SIZE + 256];
	FILE	*f = fopen("/proc/self/mountinfo", "re");
	int	 found = -1;

	if (f == NULL)
		return -1;
	while (found == -1 && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, " - cgroup2 ") != NULL && sscanf(line,
		    "%*s %*s %*s %*s %4095s", path) == 1)
			found = 0;
	(void)fclose(f);
	return found;
}

/* The cgroup that this process is in: "0::/system.slice/rota.service". */
static int
find_cgroup(char *path)
{
	char	 line[PATH_SIZE];
	FILE	*f = fopen("/proc/self/cgroup", "re");
	int	 found = -1;

	if (f == NULL)
		return -1;
	while (found == -1 && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) != 0)
			continue;
		(void)snprintf(path, PATH_SIZE, "%s", line + 3);
		found = 0;
	}
	(void)fclose(f);
	return found;
}

/* Sockets belong to the cgroup of who made them, and so to ours. */
static int
open_cgroup(struct err *e)
{
	char	 mount[PATH_SIZE], group[PATH_SIZE], path[2 * PATH_SIZE];
	int	 fd;

	if (find_mount(mount) == -1 || find_cgroup(group) == -1)
		return err_set(e, 0, "there are no cgroups of version 2");
	(void)snprintf(path, sizeof(path), "%s%s", mount, group);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd != -1 ? fd : err_set(e, errno, "cgroup %s", path);
}

int
census_count(struct census *c, struct err *e)
{
	AUTO_FD	 cgroup = -1;
	AUTO_FD	 program = -1;
	AUTO_FD	 numbers = -1;
	AUTO_FD	 link = -1;

	if (c->link != -1)
		return 0;
	numbers = bpf_socket_map_open(&type_int, sizeof(type_int), 1, e);
	if (numbers != -1)
		program = load_counter(numbers, c->page_map, e);
	if (program != -1)
		cgroup = open_cgroup(e);
	if (cgroup != -1)
		link = bpf_link_open(program, cgroup, BPF_CGROUP_SOCK_OPS, e);
	if (link == -1) {
		if (e->code == EPERM)
			err_set(e, 0, "CAP_NET_ADMIN is missing");
		return -1;
	}
	c->numbers_map = fd_take(&numbers);
	c->link = fd_take(&link);
	return 0;
}

/* --- numbers -------------------------------------------------------------- */

/* Connections of who had it before may still be open. */
static int
take_from(struct census *c, size_t word)
{
	uint64_t	 left = ~c->used[word];
	int		 bit;

	for (; left != 0; left &= left - 1) {
		bit = __builtin_ctzll(left);
		if (c->page->open[word * WORD_BITS + (size_t)bit] != 0)
			continue;
		c->used[word] |= UINT64_C(1) << bit;
		return (int)(word * WORD_BITS) + bit;
	}
	return -1;
}

int
census_take(struct census *c)
{
	size_t	 i, words = CENSUS_NUMBERS / WORD_BITS;
	int	 number;

	for (i = 0; i < words; i++) {
		number = take_from(c, (c->next + i) % words);
		if (number == -1)
			continue;
		c->next = (c->next + i) % words;
		return number;
	}
	return -1;
}

void
census_drop(struct census *c, unsigned int number)
{
	size_t	 word = number / WORD_BITS;

	c->used[word] &= ~(UINT64_C(1) << (number % WORD_BITS));
	if (word < c->next)
		c->next = word;
}

int
census_enter(struct census *c, unsigned int number, int fd, struct err *e)
{
	int	 value = (int)number;

	if (c->link == -1 || bpf_map_put(c->numbers_map, (uint32_t)fd,
	    &value) == 0)
		return 0;
	return err_set(e, errno, "count of connections");
}

uint32_t
census_open(const struct census *c, unsigned int number)
{
	return __atomic_load_n(&c->page->open[number], __ATOMIC_RELAXED);
}

int
census_map(const struct census *c)
{
	return c->page_map;
}
