#include "config.h"
#include "os/reuseport.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "os/bpf.h"
#include "os/census.h"
#include "os/listener.h"

#define ANCHOR		0

struct reuseport {
	int			 anchor;	/* borrowed */
	int			 page_map;
	int			 socket_map;
	struct chooser_page	*page;		/* shared with the kernel */
	enum chooser_mode	 mode;
	struct census		*census;	/* borrowed: whence numbers */
};

static int
open_maps(int *ret_page, int *ret_sockets, struct err *e)
{
	*ret_page = bpf_map_open(BPF_MAP_TYPE_ARRAY,
	    sizeof(struct chooser_page), 1, BPF_F_MMAPABLE, e);
	if (*ret_page == -1)
		return -1;
	*ret_sockets = bpf_map_open(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY,
	    sizeof(uint64_t), CHOOSER_SOCKETS, 0, e);
	return *ret_sockets != -1 ? 0 : -1;
}

int
reuseport_probe(struct err *e)
{
	AUTO_FD	 page = -1;
	AUTO_FD	 sockets = -1;
	AUTO_FD	 program = -1;

	if (open_maps(&page, &sockets, e) == 0)
		program = chooser_load(CHOOSER_TURNS, page, sockets, -1, e);
	if (program != -1)
		return 0;
	if (e->code == EPERM)
		err_set(e, 0, "CAP_BPF is missing");
	return -1;
}

static int
enter(const struct reuseport *r, unsigned int number, int fd, struct err *e)
{
	uint64_t	 value = (uint64_t)fd;

	if (bpf_map_put(r->socket_map, number, &value) == 0)
		return 0;
	return err_set(e, errno, "listener in a bpf map");
}

/* The program stays for as long as the group has a socket. */
static int
attach(const struct reuseport *r, enum chooser_mode mode, struct err *e)
{
	AUTO_FD	 program = -1;

	if (mode == CHOOSER_LEAST && census_count(r->census, e) == -1)
		return -1;
	program = chooser_load(mode, r->page_map, r->socket_map,
	    census_map(r->census), e);
	if (program == -1)
		return -1;
	if (setsockopt(r->anchor, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF,
	    &program, sizeof(program)) == -1)
		return err_set(e, errno, "bpf program of a listener");
	return 0;
}

static int
reuseport_init(struct reuseport *r, enum chooser_mode mode, struct err *e)
{
	void	*page;

	if (open_maps(&r->page_map, &r->socket_map, e) == -1)
		return -1;
	page = mmap(NULL, sizeof(*r->page), PROT_READ | PROT_WRITE,
	    MAP_SHARED, r->page_map, 0);
	if (page == MAP_FAILED)
		return err_set(e, errno, "bpf map");
	r->page = page;
	r->page->head = 1;		/* the anchor, number 0 */
	if (enter(r, ANCHOR, r->anchor, e) == -1)
		return -1;
	return attach(r, mode, e);
}

struct reuseport *
reuseport_new(int anchor, struct census *census, enum chooser_mode mode,
    struct err *e)
{
	struct reuseport	*r = calloc(1, sizeof(*r));

	if (r == NULL) {
		err_set(e, ENOMEM, "listener");
		return NULL;
	}
	r->anchor = anchor;
	r->census = census;
	r->page_map = r->socket_map = -1;
	r->mode = mode;
	if (reuseport_init(r, mode, e) == -1) {
		reuseport_free(r);
		return NULL;
	}
	return r;
}

void
reuseport_free(struct reuseport *r)
{
	if (r == NULL)
		return;
	if (r->socket_map != -1)
		(void)bpf_map_drop(r->socket_map, ANCHOR);
	if (r->page != NULL)
		(void)munmap(r->page, sizeof(*r->page));
	fd_close(&r->page_map);
	fd_close(&r->socket_map);
	free(r);
}

int
reuseport_set_mode(struct reuseport *r, enum chooser_mode mode, struct err *e)
{
	if (mode == r->mode)
		return 0;
	if (attach(r, mode, e) == -1)
		return -1;
	r->mode = mode;
	return 0;
}

enum chooser_mode
reuseport_mode(const struct reuseport *r)
{
	return r->mode;
}

int
reuseport_open(struct reuseport *r, uint64_t backlog, bool defer_accept,
    unsigned int *ret_number, struct err *e)
{
	AUTO_FD	 fd = listener_open_beside(r->anchor, backlog, defer_accept,
		    e);
	int	 number;

	if (fd == -1)
		return -1;
	number = census_take(r->census);
	if (number == -1)
		return err_set(e, 0, "there are %d listeners already",
		    CENSUS_NUMBERS);
	if (census_enter(r->census, (unsigned int)number, fd, e) == -1 ||
	    enter(r, (unsigned int)number, fd, e) == -1) {
		reuseport_forget(r, (unsigned int)number);
		return -1;
	}
	__atomic_store_n(&r->page->given[number], 0, __ATOMIC_RELAXED);
	*ret_number = (unsigned int)number;
	return fd_take(&fd);
}

void
reuseport_forget(struct reuseport *r, unsigned int number)
{
	(void)bpf_map_drop(r->socket_map, number);
	census_drop(r->census, number);
}

/* Each at so many places further on than in the list, less than n. */
static void
set_from(struct reuseport *r, const uint16_t *list, size_t n, size_t shift)
{
	uint64_t	 head = __atomic_load_n(&r->page->head,
			    __ATOMIC_RELAXED) ^ CHOOSER_SECOND;
	uint16_t	*to = r->page->list[head / CHOOSER_SECOND];
	size_t		 i, k = shift;

	for (i = 0; i < n; i++) {	/* for each of thousands: no division */
		__atomic_store_n(&to[k], list[i], __ATOMIC_RELAXED);
		if (++k == n)
			k = 0;
	}
	head = (head & CHOOSER_SECOND) | n;
	__atomic_store_n(&r->page->head, head, __ATOMIC_RELEASE);
}

/*
 * The program takes the number of turns modulo the length: written so that
 * the next turn is the first one's.
 */
void
reuseport_set(struct reuseport *r, const uint16_t *list, size_t n)
{
	set_from(r, list, n, n == 0 ? 0 : (size_t)(reuseport_turns(r) % n));
}

void
reuseport_set_fixed(struct reuseport *r, const uint16_t *list, size_t n)
{
	set_from(r, list, n, 0);
}

uint64_t
reuseport_turns(const struct reuseport *r)
{
	return __atomic_load_n(&r->page->turns, __ATOMIC_RELAXED);
}

int
reuseport_last(const struct reuseport *r)
{
	uint64_t	 head = __atomic_load_n(&r->page->head,
			    __ATOMIC_RELAXED);
	uint64_t	 n = head % CHOOSER_SECOND, turns = reuseport_turns(r);

	if (n == 0 || turns == 0)
		return -1;
	return r->page->list[head / CHOOSER_SECOND][(turns - 1) % n];
}

uint32_t
reuseport_given(const struct reuseport *r, unsigned int number)
{
	return __atomic_load_n(&r->page->given[number], __ATOMIC_RELAXED);
}

/*
 * Disconnecting a listener moves what it holds, as closing it does: the
 * connections that wait, and those that are not complete when they are
 * (inet_csk_listen_stop of the kernel, since 5.14).
 */
int
reuseport_renew(struct reuseport *r, unsigned int number, int fd,
    uint64_t backlog, struct err *e)
{
	(void)bpf_map_drop(r->socket_map, number);
	if (listener_mend(fd, backlog, e) == -1)
		return -1;
	return enter(r, number, fd, e);
}
