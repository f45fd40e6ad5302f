#include "config.h"
#include "tally.h"

#include <sys/resource.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/util.h"

/* Workers and values told apart; more are counted, but not by name. */
#define PIDS_MAX 4096
#define VALUES_MAX 64

/* Latencies: powers of two of ns, each in so many steps (error 1.6 %). */
#define STEP_BITS 5
#define STEPS (1u << STEP_BITS)
#define BUCKETS ((65u - STEP_BITS) * STEPS)

struct per_pid {
	long		 pid;		/* 0: a free place */
	uint64_t	 answers, connections;
};

struct per_value {
	char		 text[ANSWER_VALUE_MAX + 1];
	uint64_t	 answers;
};

struct tally {
	struct per_pid	 pids[PIDS_MAX];	/* hashed, linear probing */
	struct per_value values[VALUES_MAX];
	size_t		 pid_count, value_count;
	uint64_t	 unnamed_pids, unnamed_values;
	uint64_t	 answers, connections, idle_ends;
	uint64_t	 failed[FAIL__COUNT];
	uint64_t	 latency[BUCKETS];
	uint64_t	 latency_max;
};

static const char *const failure_names[] = {
#define X(id, name, what) [FAIL_##id] = name,
	LOAD_FAILURES(X)
#undef X
};

const char *
load_failure_name(enum load_failure f)
{
	return failure_names[f];
}

struct tally *
tally_new(void)
{
	return calloc(1, sizeof(struct tally));
}

void
tally_free(struct tally *t)
{
	free(t);
}

static struct per_pid *
find_pid(struct tally *t, long pid)
{
	size_t		 i = (size_t)pid % PIDS_MAX;
	size_t		 probes;
	struct per_pid	*p;

	for (probes = 0; probes < PIDS_MAX; probes++) {
		p = &t->pids[(i + probes) % PIDS_MAX];
		if (p->pid == pid)
			return p;
		if (p->pid != 0)
			continue;
		p->pid = pid;
		t->pid_count++;
		return p;
	}
	return NULL;
}

static void
count_value(struct tally *t, const char *value)
{
	size_t	 i;

	for (i = t->value_count; i > 0; i--)	/* the newest is likely */
		if (strcmp(t->values[i - 1].text, value) == 0) {
			t->values[i - 1].answers++;
			return;
		}
	if (t->value_count == VALUES_MAX) {
		t->unnamed_values++;
		return;
	}
	t->values[t->value_count].answers = 1;
	(void)snprintf(t->values[t->value_count].text,
	    sizeof(t->values[0].text), "%s", value);
	t->value_count++;
}

static size_t
bucket_of(uint64_t ns)
{
	unsigned int	 shift;

	if (ns < STEPS)
		return (size_t)ns;
	shift = 63u - (unsigned int)__builtin_clzll(ns) - STEP_BITS;
	return (size_t)(shift + 1) * STEPS + (size_t)(ns >> shift) - STEPS;
}

/* The smallest latency that falls into the bucket. */
static uint64_t
bucket_start(size_t b)
{
	if (b < STEPS)
		return b;
	return (uint64_t)(b % STEPS + STEPS) << (b / STEPS - 1);
}

void
tally_answer(struct tally *t, long pid, const char *value, bool is_first,
    uint64_t latency_ns)
{
	struct per_pid	*p = find_pid(t, pid);

	t->answers++;
	t->latency[bucket_of(latency_ns)]++;
	if (latency_ns > t->latency_max)
		t->latency_max = latency_ns;
	count_value(t, value);
	if (p == NULL) {
		t->unnamed_pids++;
		return;
	}
	p->answers++;
	if (is_first)
		p->connections++;
}

void
tally_failure(struct tally *t, enum load_failure f)
{
	t->failed[f]++;
}

void
tally_connection(struct tally *t)
{
	t->connections++;
}

void
tally_idle_end(struct tally *t)
{
	t->idle_ends++;
}

uint64_t
tally_answers(const struct tally *t)
{
	return t->answers;
}

uint64_t
tally_failures(const struct tally *t)
{
	uint64_t	 sum = 0;
	size_t		 i;

	for (i = 0; i < FAIL__COUNT; i++)
		sum += t->failed[i];
	return sum;
}

static double
percentile_us(const struct tally *t, double part)
{
	uint64_t	 left = (uint64_t)((double)t->answers * part);
	size_t		 b;

	for (b = 0; b < BUCKETS; b++) {
		if (t->latency[b] > left)
			return (double)bucket_start(b) / 1000.0;
		left -= t->latency[b];
	}
	return (double)t->latency_max / 1000.0;
}

static void
print_pids(const struct tally *t, FILE *f)
{
	uint64_t		 min = UINT64_MAX;
	uint64_t		 max = 0;
	const struct per_pid	*p;

	for (p = t->pids; p < t->pids + PIDS_MAX; p++) {
		if (p->pid == 0)
			continue;
		min = p->connections < min ? p->connections : min;
		max = p->connections > max ? p->connections : max;
		(void)fprintf(f, "pid.%ld=%" PRIu64 "\n", p->pid,
		    p->connections);
		(void)fprintf(f, "pid_answers.%ld=%" PRIu64 "\n", p->pid,
		    p->answers);
	}
	(void)fprintf(f, "pids=%zu\n", t->pid_count);
	if (t->pid_count > 0)
		(void)fprintf(f, "pid_min=%" PRIu64 "\npid_max=%" PRIu64
		    "\npid_spread=%" PRIu64 "\n", min, max, max - min);
	if (t->unnamed_pids > 0)
		(void)fprintf(f, "unnamed_pids=%" PRIu64 "\n",
		    t->unnamed_pids);
}

static void
print_values(const struct tally *t, FILE *f)
{
	size_t	 i;

	(void)fprintf(f, "values=%zu\n", t->value_count);
	for (i = 0; i < t->value_count; i++)
		(void)fprintf(f, "value.%s=%" PRIu64 "\n", t->values[i].text,
		    t->values[i].answers);
	if (t->unnamed_values > 0)
		(void)fprintf(f, "unnamed_values=%" PRIu64 "\n",
		    t->unnamed_values);
}

static void
print_latency(const struct tally *t, FILE *f)
{
	static const struct {
		const char	*name;
		double		 part;
	} rows[] = {
		{ "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 },
		{ "p999", 0.999 },
	};
	size_t	 i;

	if (t->answers == 0)
		return;
	for (i = 0; i < ARRAY_LEN(rows); i++)
		(void)fprintf(f, "latency_%s_us=%.1f\n", rows[i].name,
		    percentile_us(t, rows[i].part));
	(void)fprintf(f, "latency_max_us=%.1f\n",
	    (double)t->latency_max / 1000.0);
}

static double
cpu_seconds(void)
{
	struct rusage	 ru;

	if (getrusage(RUSAGE_SELF, &ru) == -1)
		return 0;
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

void
tally_print(const struct tally *t, FILE *f, double seconds)
{
	uint64_t	 failed = tally_failures(t);
	size_t		 i;

	(void)fprintf(f, "requests=%" PRIu64 "\nok=%" PRIu64 "\nfailed=%"
	    PRIu64 "\n", t->answers + failed, t->answers, failed);
	for (i = 0; i < FAIL__COUNT; i++)
		(void)fprintf(f, "failed_%s=%" PRIu64 "\n", failure_names[i],
		    t->failed[i]);
	(void)fprintf(f, "connections=%" PRIu64 "\nidle_ends=%" PRIu64 "\n",
	    t->connections, t->idle_ends);
	print_pids(t, f);
	print_values(t, f);
	print_latency(t, f);
	(void)fprintf(f, "seconds=%.3f\nrate=%.1f\ncpu_seconds=%.3f\n",
	    seconds, seconds > 0 ? (double)t->answers / seconds : 0,
	    cpu_seconds());
}
