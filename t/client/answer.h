#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H
#include <stdbool.h>
#include <stddef.h>

/*
 * One HTTP answer, as strictly as its receiver could read it: status 200,
 * one Content-Length, no other framing, and a body that is exactly
 * "Handled by process PID.\nCached value: N\n".
 */
#define ANSWER_VALUE_MAX 63

struct answer {
	long	 pid;
	char	 value[ANSWER_VALUE_MAX + 1];
	size_t	 length;	/* head and body, in bytes */
	bool	 closes;	/* it announces the end of the connection */
};

enum answer_result {
	ANSWER_COMPLETE,
	ANSWER_PARTIAL,		/* right so far, and not yet whole */
	ANSWER_BAD
};

/*
 * Read an answer from the n bytes received so far; more may follow it.
 * *why says what is wrong with a bad one.
 */
enum answer_result	answer_read(const char *data, size_t n,
			    struct answer *ret, const char **why);
#endif
