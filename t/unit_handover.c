#include "config.h"
#include "t/unit_os.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "base/err.h"
#include "base/fd.h"
#include "os/handover.h"
#include "t/unit.h"

static struct handover
new_handover(void)
{
	struct handover	 h = HANDOVER_NONE;
	struct err	 e = { 0 };

	ck_assert_msg(handover_open(&h, &e) == 0, "%s", e.msg);
	return h;
}

/* A descriptor that can be told from others: a pipe that holds a number. */
static int
numbered(int n)
{
	int	 fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(write(fds[1], &n, sizeof(n)), sizeof(n));
	(void)close(fds[1]);
	return fds[0];
}

static int
number_in(int fd)
{
	int	 n = -1;

	ck_assert_int_eq(read(fd, &n, sizeof(n)), sizeof(n));
	(void)close(fd);
	return n;
}

static enum handover_result
send_number(struct handover *h, unsigned char index, int n)
{
	int			 fd = numbered(n);
	enum handover_result	 r = handover_send(h, index, fd);

	(void)close(fd);
	return r;
}

/* As a worker does it: blocking, from its end. */
static int
receive(int fd, unsigned char *index)
{
	char		 space[CMSG_SPACE(sizeof(int))];
	struct iovec	 iov = { .iov_base = index, .iov_len = 1 };
	struct msghdr	 msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space),
	};
	int		 got = -1;

	if (recvmsg(fd, &msg, 0) != 1 || CMSG_FIRSTHDR(&msg) == NULL)
		return -1;
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	return got;
}

START_TEST(one_message_one_connection)
{
	struct handover	 h = new_handover();
	unsigned char	 index = 0;
	int		 i, fd;

	for (i = 0; i < 100; i++)
		ck_assert_int_eq(send_number(&h, (unsigned char)(i + 100), i),
		    HANDOVER_SENT);
	ck_assert_uint_eq(handover_waiting(&h), 100);
	for (i = 0; i < 100; i++) {
		fd = receive(h.take, &index);
		ck_assert_uint_eq(handover_waiting(&h), 99 - (size_t)i);
		ck_assert_int_eq(index, i + 100);
		ck_assert_int_eq(number_in(fd), i);
	}
	handover_close(&h);
	ck_assert_int_eq(h.feed, -1);
	ck_assert_int_eq(h.take, -1);
	handover_close(&h);
}
END_TEST

START_TEST(close_on_exec)
{
	struct handover	 h = new_handover();
	unsigned char	 index;
	int		 fd;

	ck_assert(fcntl(h.feed, F_GETFD) & FD_CLOEXEC);
	ck_assert(fcntl(h.take, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(send_number(&h, 1, 1), HANDOVER_SENT);
	fd = handover_take_back(&h, &index);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
	handover_close(&h);
}
END_TEST

START_TEST(full_and_room_again)
{
	struct handover	 h = new_handover();
	struct pollfd	 pfd = { .fd = h.feed, .events = POLLOUT };
	unsigned char	 index;
	int		 sent = 0, taken = 0, fd;

	while (send_number(&h, 0, sent) == HANDOVER_SENT)
		sent++;
	ck_assert_int_gt(sent, 50);
	ck_assert_int_eq(send_number(&h, 0, 0), HANDOVER_FULL);
	ck_assert_int_eq(poll(&pfd, 1, 0), 0);
	while (poll(&pfd, 1, 0) == 0) {
		fd = handover_take_back(&h, &index);
		ck_assert_int_eq(number_in(fd), taken++);
	}
	/* As the header has it: when three quarters are gone. */
	ck_assert_int_ge(taken, sent * 3 / 4 - 2);
	ck_assert_int_le(taken, sent * 3 / 4 + 2);
	ck_assert_int_eq(send_number(&h, 0, sent), HANDOVER_SENT);
	for (; taken <= sent; taken++) {
		fd = handover_take_back(&h, &index);
		ck_assert_int_eq(number_in(fd), taken);
	}
	ck_assert_int_eq(handover_take_back(&h, &index), -1);
	ck_assert_int_eq(errno, EAGAIN);
	handover_close(&h);
}
END_TEST

/* A worker takes some and dies: the rest goes to whom we like. */
START_TEST(outlives_the_worker)
{
	struct handover	 h = new_handover();
	unsigned char	 index;
	pid_t		 pid;
	int		 i;

	for (i = 0; i < 10; i++)
		ck_assert_int_eq(send_number(&h, 3, i), HANDOVER_SENT);
	pid = fork();
	if (pid == 0) {
		fd_close(&h.feed);
		for (i = 0; i < 4; i++)
			(void)receive(h.take, &index);
		(void)raise(SIGKILL);
	}
	(void)status_of(pid);
	ck_assert_int_eq(send_number(&h, 3, 10), HANDOVER_SENT);
	for (i = 4; i <= 10; i++)
		ck_assert_int_eq(number_in(handover_take_back(&h, &index)), i);
	ck_assert_int_eq(handover_take_back(&h, &index), -1);
	ck_assert_int_eq(errno, EAGAIN);
	handover_close(&h);
}
END_TEST

START_TEST(reset_for_a_successor)
{
	struct handover	 h = new_handover();
	struct timeval	 tv = { .tv_usec = 1000 };
	socklen_t	 len = sizeof(tv);

	ck_assert_int_eq(fd_set_nonblock(h.take, true), 0);
	ck_assert_int_eq(setsockopt(h.take, SOL_SOCKET, SO_RCVTIMEO, &tv,
	    sizeof(tv)), 0);
	handover_reset(&h);
	ck_assert(!(fcntl(h.take, F_GETFL) & O_NONBLOCK));
	ck_assert_int_eq(getsockopt(h.take, SOL_SOCKET, SO_RCVTIMEO, &tv,
	    &len), 0);
	ck_assert_int_eq(tv.tv_sec, 0);
	ck_assert_int_eq(tv.tv_usec, 0);
	handover_close(&h);
}
END_TEST

/* Our side never waits, however the worker left its own. */
START_TEST(never_blocks)
{
	struct handover	 h = new_handover();
	unsigned char	 index;

	handover_reset(&h);
	ck_assert_int_eq(handover_take_back(&h, &index), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert(!(fcntl(h.feed, F_GETFL) & O_NONBLOCK));
	while (send_number(&h, 0, 0) == HANDOVER_SENT)
		continue;
	handover_close(&h);
}
END_TEST

static int
take_without_fds(void)
{
	struct handover	 h = new_handover();
	unsigned char	 index = 0;
	int		 i, last, fd;

	for (i = 0; i < 5; i++)
		(void)send_number(&h, 9, i);
	last = exhaust_fds();
	for (i = 0; i < 20; i++)
		if (handover_take_back(&h, &index) != -1 || errno != EMFILE)
			return 1;
	(void)close(last);
	for (i = 0; i < 5; i++) {
		fd = handover_take_back(&h, &index);
		if (fd == -1 || index != 9 || number_in(fd) != i)
			return 2;
	}
	return 0;
}

static int
open_without_fds(void)
{
	struct handover	 h = HANDOVER_NONE;
	struct err	 e = { 0 };
	int		 last = exhaust_fds();

	if (handover_open(&h, &e) != -1 || e.code != EMFILE)
		return 1;
	(void)close(last);
	return handover_open(&h, &e) == -1 && h.feed == -1 ? 0 : 2;
}

START_TEST(out_of_descriptors)
{
	ck_assert_int_eq(in_child(take_without_fds), 0);
	ck_assert_int_eq(in_child(open_without_fds), 0);
}
END_TEST

/*
 * An ordinary user may have no more descriptors on their way than its limit
 * allows; root is not asked.
 */
static int
send_too_many(void)
{
	struct handover		 h = new_handover();
	enum handover_result	 r = HANDOVER_SENT;
	unsigned char		 index;
	int			 n = 0;

	if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) == -1)
		return 1;
	limit_fds(100);
	while (r == HANDOVER_SENT && n < 200) {
		r = handover_send(&h, 0, STDIN_FILENO);
		n++;
	}
	if (r != HANDOVER_BUSY)
		return 2;
	while ((n = handover_take_back(&h, &index)) != -1)
		(void)close(n);
	if (errno != EAGAIN)
		return 3;
	return handover_send(&h, 0, STDIN_FILENO) == HANDOVER_SENT ? 0 : 4;
}

START_TEST(too_many_in_flight)
{
	ck_assert_int_eq(in_child(send_too_many), 0);
}
END_TEST

/* What a worker can do to its end hurts none of the connections. */
START_TEST(shut_down_by_the_worker)
{
	struct handover	 h = new_handover();
	unsigned char	 index;
	int		 i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(send_number(&h, 0, i), HANDOVER_SENT);
	ck_assert(!handover_is_broken(&h));
	ck_assert_int_eq(shutdown(h.take, SHUT_RDWR), 0);
	ck_assert(handover_is_broken(&h));
	ck_assert_int_eq(send_number(&h, 0, 3), HANDOVER_BROKEN);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(number_in(handover_take_back(&h, &index)), i);
	ck_assert_int_eq(handover_take_back(&h, &index), -1);
	ck_assert_int_eq(errno, EAGAIN);
	handover_close(&h);
}
END_TEST

START_TEST(worker_cannot_send)
{
	struct handover	 h = new_handover();
	struct pollfd	 pfd = { .fd = h.feed, .events = POLLOUT };

	ck_assert_int_eq(send(h.take, "x", 1, MSG_NOSIGNAL), -1);
	ck_assert_int_eq(errno, EPIPE);
	ck_assert_int_eq(send_number(&h, 0, 1), HANDOVER_SENT);
	ck_assert_int_eq(poll(&pfd, 1, 0), 1);
	ck_assert_int_eq(pfd.revents, POLLOUT);
	handover_close(&h);
}
END_TEST

START_TEST(end_of_file_without_supervisor)
{
	struct handover	 h = new_handover();
	unsigned char	 index;

	ck_assert_int_eq(send_number(&h, 0, 5), HANDOVER_SENT);
	fd_close(&h.feed);
	ck_assert_int_eq(number_in(receive(h.take, &index)), 5);
	ck_assert_int_eq(recv(h.take, &index, 1, 0), 0);
	handover_close(&h);
}
END_TEST

START_TEST(refuses_no_descriptor)
{
	struct handover	 h = new_handover();

	ck_assert_int_eq(handover_send(&h, 0, -1), HANDOVER_BROKEN);
	ck_assert_int_eq(send_number(&h, 0, 1), HANDOVER_SENT);
	handover_close(&h);
}
END_TEST

/* Looking takes nothing: no descriptor, and no turn. */
START_TEST(peek_leaves_it)
{
	struct handover	 h = new_handover();
	unsigned char	 index;
	int		 fds = count_fds(), i;

	ck_assert_int_eq(handover_peek(&h), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(send_number(&h, 255, 1), HANDOVER_SENT);
	ck_assert_int_eq(send_number(&h, 0, 2), HANDOVER_SENT);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(handover_peek(&h), 255);
	ck_assert_int_eq(count_fds(), fds);
	ck_assert_int_eq(number_in(handover_take_back(&h, &index)), 1);
	ck_assert_int_eq(index, 255);
	ck_assert_int_eq(handover_peek(&h), 0);
	ck_assert_int_eq(shutdown(h.take, SHUT_RDWR), 0);
	ck_assert_int_eq(handover_peek(&h), 0);
	ck_assert_int_eq(number_in(receive(h.take, &index)), 2);
	ck_assert_int_eq(handover_peek(&h), -1);
	ck_assert_int_eq(errno, EAGAIN);
	handover_close(&h);
}
END_TEST

static int
peek_without_fds(void)
{
	struct handover	 h = new_handover();

	(void)send_number(&h, 7, 1);
	(void)exhaust_fds();
	return handover_peek(&h) == 7 ? 0 : 1;
}

START_TEST(peek_needs_no_descriptor)
{
	ck_assert_int_eq(in_child(peek_without_fds), 0);
}
END_TEST

/* A full or an empty queue, read or not, is none that was shut down. */
START_TEST(broken_only_by_shutdown)
{
	struct handover	 h = new_handover();
	unsigned char	 index;
	int		 fd, sent = 0;

	ck_assert(!handover_is_broken(&h));
	while (send_number(&h, 0, sent) == HANDOVER_SENT)
		sent++;
	ck_assert(!handover_is_broken(&h));
	while ((fd = handover_take_back(&h, &index)) != -1)
		(void)close(fd);
	ck_assert(!handover_is_broken(&h));
	ck_assert_int_eq(shutdown(h.take, SHUT_WR), 0);
	ck_assert(!handover_is_broken(&h));
	ck_assert_int_eq(shutdown(h.take, SHUT_RD), 0);
	ck_assert(handover_is_broken(&h));
	handover_close(&h);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("handover");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, one_message_one_connection);
	tcase_add_test(tc, close_on_exec);
	tcase_add_test(tc, full_and_room_again);
	tcase_add_test(tc, outlives_the_worker);
	tcase_add_test(tc, reset_for_a_successor);
	tcase_add_test(tc, never_blocks);
	tcase_add_test(tc, peek_leaves_it);
	if (KERNEL_IS_IN_CHARGE) {
		tcase_add_test(tc, peek_needs_no_descriptor);
		tcase_add_test(tc, out_of_descriptors);
		tcase_add_test(tc, too_many_in_flight);
	}
	tcase_add_test(tc, shut_down_by_the_worker);
	tcase_add_test(tc, broken_only_by_shutdown);
	tcase_add_test(tc, worker_cannot_send);
	tcase_add_test(tc, end_of_file_without_supervisor);
	tcase_add_test(tc, refuses_no_descriptor);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("handover", fill)
