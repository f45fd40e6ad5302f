#ifndef CLIENT_TALLY_H
#define CLIENT_TALLY_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* How a request can fail, each with the name it is reported by. */
#define LOAD_FAILURES(X)						\
	X(REFUSED,	"refused",	"connection refused")		\
	X(RESET,	"reset",	"connection reset")		\
	X(EARLY,	"early_eof",	"closed before the answer's end") \
	X(REUSED_EOF,	"reused_eof",	"a reused connection was closed " \
					"before any byte of the answer") \
	X(TIMEOUT,	"timeout",	"no whole answer in time")	\
	X(BAD,		"bad_answer",	"wrong answer")			\
	X(EXTRA,	"extra_data",	"bytes after the answer")	\
	X(NO_END,	"no_end",	"announced its end and stayed open") \
	X(LOCAL,	"local",	"the client itself has failed")

enum load_failure {
#define X(id, name, what) FAIL_##id,
	LOAD_FAILURES(X)
#undef X
	FAIL__COUNT
};

const char	*load_failure_name(enum load_failure);

/* What one run has counted. */
struct tally;

/* NULL: out of memory. */
struct tally	*tally_new(void);
void		 tally_free(struct tally *);
/* A right answer; is_first: the first one on its connection. */
void		 tally_answer(struct tally *, long pid, const char *value,
		    bool is_first, uint64_t latency_ns);
void		 tally_failure(struct tally *, enum load_failure);
void		 tally_connection(struct tally *);
/* The server has ended a connection that was idle: nobody's fault. */
void		 tally_idle_end(struct tally *);

uint64_t	 tally_answers(const struct tally *);
uint64_t	 tally_failures(const struct tally *);
/* One key=value per line. */
void		 tally_print(const struct tally *, FILE *, double seconds);
#endif
