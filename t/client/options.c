#include "config.h"
#include "load.h"

#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <getopt.h>
#include <string.h>

#include "base/parse.h"

#define DURATION_MAX_MS 86400000

static const char usage_text[] =
    "usage: rota-load (--port N | --unix PATH) [options]\n"
    "  --host ADDRESS      numeric, default 127.0.0.1\n"
    "  -n N                requests in all\n"
    "  --duration TIME     instead of, or besides, -n\n"
    "  -c N                connections at a time, default 1\n"
    "  --mode new|keep     a connection for each request, or kept alive\n"
    "  --per-connection N  keep: requests on one connection, default any\n"
    "  --think TIME        pause between two requests of a connection\n"
    "  --rate N            requests a second, default as many as can be\n"
    "  --path PATH         default /\n"
    "  --other PATH        asked for instead by each N-th request of\n"
    "  --every N\n"
    "  --sources N         connect from so many addresses of 127/8 in turn\n"
    "  --timeout TIME      for one request, default 30s\n"
    "  --max-failures N    end the run after so many, default 10000\n"
    "  --failures FILE     a line for each: port, ns, kind, bytes, why\n"
    "  --answers FILE      a line for each: ns, port, pid, value\n"
    "  --stop-file FILE    end the run when it exists, as SIGTERM does\n"
    "  --at-least N        but not before so many requests\n";

/* Always -1, so that a bad option is one statement. */
static int
wrong(const char *what)
{
	(void)fprintf(stderr, "rota-load: %s\n%s", what, usage_text);
	return -1;
}

static int
need_count(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t	 v;

	if (parse_count(s, &v) != PARSE_OK || v > max)
		return wrong("not a number, or too large");
	*ret = v;
	return 0;
}

static int
need_duration(const char *s, uint64_t *ret)
{
	uint64_t	 v;

	if (parse_duration(s, &v) != PARSE_OK || v > DURATION_MAX_MS)
		return wrong("not a duration such as 5s, or too long");
	*ret = v;
	return 0;
}

static int
set_unix(struct options *o, const char *path)
{
	struct sockaddr_un	*sun = (struct sockaddr_un *)&o->addr;

	if (strlen(path) >= sizeof(sun->sun_path))
		return wrong("the path of the socket is too long");
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, strlen(path) + 1);
	o->addr_len = sizeof(*sun);
	return 0;
}

static int
set_inet(struct options *o, uint16_t port)
{
	struct sockaddr_in	*v4 = (struct sockaddr_in *)&o->addr;
	struct sockaddr_in6	*v6 = (struct sockaddr_in6 *)&o->addr;

	if (inet_pton(AF_INET, o->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		o->addr_len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, o->host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		o->addr_len = sizeof(*v6);
	} else
		return wrong("--host wants a numeric address");
	return 0;
}

static int
open_output(const char *path, FILE **ret)
{
	*ret = fopen(path, "we");
	if (*ret == NULL)
		return wrong("an output file cannot be written");
	return 0;
}

enum {
	OPT_PORT = 256, OPT_HOST, OPT_UNIX, OPT_DURATION, OPT_MODE, OPT_PATH,
	OPT_TIMEOUT, OPT_RATE, OPT_FAILURES, OPT_ANSWERS, OPT_STOP_FILE,
	OPT_AT_LEAST, OPT_OTHER, OPT_EVERY, OPT_SOURCES,
	OPT_THINK, OPT_PER_CONNECTION, OPT_MAX_FAILURES
};

static const struct option long_options[] = {
	{ "port", required_argument, NULL, OPT_PORT },
	{ "host", required_argument, NULL, OPT_HOST },
	{ "unix", required_argument, NULL, OPT_UNIX },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "path", required_argument, NULL, OPT_PATH },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "failures", required_argument, NULL, OPT_FAILURES },
	{ "answers", required_argument, NULL, OPT_ANSWERS },
	{ "stop-file", required_argument, NULL, OPT_STOP_FILE },
	{ "at-least", required_argument, NULL, OPT_AT_LEAST },
	{ "think", required_argument, NULL, OPT_THINK },
	{ "per-connection", required_argument, NULL, OPT_PER_CONNECTION },
	{ "other", required_argument, NULL, OPT_OTHER },
	{ "every", required_argument, NULL, OPT_EVERY },
	{ "sources", required_argument, NULL, OPT_SOURCES },
	{ "max-failures", required_argument, NULL, OPT_MAX_FAILURES },
	{ NULL, 0, NULL, 0 }
};

static int
set_mode(struct options *o, const char *mode)
{
	if (strcmp(mode, "new") != 0 && strcmp(mode, "keep") != 0)
		return wrong("--mode is new or keep");
	o->keep = strcmp(mode, "keep") == 0;
	return 0;
}

static int
read_option(struct load *l, int c, const char *arg)
{
	struct options	*o = &l->opt;

	switch (c) {
	case 'n': return need_count(arg, UINT64_MAX, &o->requests);
	case OPT_AT_LEAST: return need_count(arg, UINT64_MAX, &o->at_least);
	case 'c': return need_count(arg, 100000, &o->concurrency);
	case OPT_PORT: return need_count(arg, UINT16_MAX, &o->port);
	case OPT_DURATION: return need_duration(arg, &o->duration_ms);
	case OPT_TIMEOUT: return need_duration(arg, &o->timeout_ms);
	case OPT_THINK: return need_duration(arg, &o->think_ms);
	case OPT_RATE: return need_count(arg, 1000000, &o->rate);
	case OPT_PER_CONNECTION:
		return need_count(arg, UINT32_MAX, &o->per_connection);
	case OPT_MAX_FAILURES:
		return need_count(arg, UINT64_MAX, &o->max_failures);
	case OPT_UNIX: return set_unix(o, arg);
	case OPT_MODE: return set_mode(o, arg);
	case OPT_FAILURES: return open_output(arg, &l->failures);
	case OPT_ANSWERS: return open_output(arg, &l->answers);
	case OPT_HOST: o->host = arg; return 0;
	case OPT_PATH: o->path = arg; return 0;
	case OPT_OTHER: o->other = arg; return 0;
	case OPT_EVERY: return need_count(arg, UINT32_MAX, &o->every);
	case OPT_SOURCES: return need_count(arg, 60000, &o->sources);
	case OPT_STOP_FILE: o->stop_file = arg; return 0;
	default: return wrong("unknown option");
	}
}

int
options_read(struct load *l, int argc, char **argv)
{
	struct options	*o = &l->opt;
	int		 c;

	while ((c = getopt_long(argc, argv, "n:c:", long_options, NULL)) !=
	    -1)
		if (read_option(l, c, optarg) == -1)
			return -1;
	if (optind < argc)
		return wrong("too many words");
	if ((o->port == 0) == (o->addr_len == 0))
		return wrong("one of --port and --unix is needed");
	if (o->concurrency == 0 || o->timeout_ms == 0)
		return wrong("-c and --timeout cannot be 0");
	if (o->path[0] != '/' || strlen(o->path) > REQUEST_MAX / 2)
		return wrong("--path begins with / and is not long");
	if ((o->other == NULL) != (o->every == 0) || (o->other != NULL &&
	    strlen(o->other) > REQUEST_MAX / 2))
		return wrong("--other and --every go together");
	return o->port == 0 ? 0 : set_inet(o, (uint16_t)o->port);
}
