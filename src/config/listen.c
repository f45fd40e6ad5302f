#include "config.h"
#include "config/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/parse.h"
#include "config/name.h"

#define FORMS "7000, 127.0.0.1:7000, [::1]:7000 or unix:/path"

static int
parse_port(const char *text, in_port_t *ret, struct err *e)
{
	uint64_t	 v;

	if (parse_count(text, &v) != PARSE_OK || v > 65535)
		return err_set(e, 0, "'%.32s' is not a port; expected a "
		    "number from 0 to 65535", text);
	*ret = htons((uint16_t)v);
	return 0;
}

static int
parse_unix(struct conf_listen *l, const char *path, const char *cwd,
    struct err *e)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 n;

	if (path[0] == '\0')
		return err_set(e, 0, "has no path after 'unix:'");
	if (path[0] == '@')
		return err_set(e, 0, "abstract sockets are not supported; "
		    "expected unix:/path");
	n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s%s%s",
	    path[0] == '/' ? "" : cwd, path[0] == '/' ? "" : "/", path);
	if (n < 0 || (size_t)n >= sizeof(sun.sun_path))
		return err_set(e, 0, "the path is too long; a unix socket "
		    "takes at most %zu bytes", sizeof(sun.sun_path) - 1);
	memcpy(&l->addr, &sun, sizeof(sun));
	l->addr_len = sizeof(sun);
	return 0;
}

static void
set_in6(struct conf_listen *l, const struct sockaddr_in6 *sin6)
{
	memcpy(&l->addr, sin6, sizeof(*sin6));
	l->addr_len = sizeof(*sin6);
}

/* A port alone: every address, of both families. */
static int
parse_any(struct conf_listen *l, const char *text, struct err *e)
{
	struct sockaddr_in6	 sin6 = { .sin6_family = AF_INET6 };

	if (parse_port(text, &sin6.sin6_port, e) == -1)
		return -1;
	set_in6(l, &sin6);
	l->dual_stack = true;
	return 0;
}

/* "[::1]:7000" */
static int
parse_in6(struct conf_listen *l, const char *text, struct err *e)
{
	struct sockaddr_in6	 sin6 = { .sin6_family = AF_INET6 };
	const char		*close = strchr(text, ']');
	char			 host[INET6_ADDRSTRLEN];
	size_t			 n;

	if (close == NULL || close[1] != ':')
		return err_set(e, 0, "expected [address]:port such as "
		    "[::1]:7000");
	n = (size_t)(close - text - 1);
	if (n >= sizeof(host))
		return err_set(e, 0, "is not an IPv6 address");
	memcpy(host, text + 1, n);
	host[n] = '\0';
	if (strchr(host, '%') != NULL)
		return err_set(e, 0, "an address with a zone is not "
		    "supported; listen on [::] or on a bare port");
	if (inet_pton(AF_INET6, host, &sin6.sin6_addr) != 1)
		return err_set(e, 0, "'%s' is not an IPv6 address", host);
	if (IN6_IS_ADDR_V4MAPPED(&sin6.sin6_addr))
		return err_set(e, 0, "is an IPv4 address; write it as "
		    "127.0.0.1:7000");
	if (parse_port(close + 2, &sin6.sin6_port, e) == -1)
		return -1;
	set_in6(l, &sin6);
	return 0;
}

/* "127.0.0.1:7000" */
static int
parse_in4(struct conf_listen *l, const char *text, struct err *e)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	const char		*colon = strchr(text, ':');
	char			 host[64];

	if (colon == NULL)
		return err_set(e, 0, inet_pton(AF_INET, text,
		    &sin.sin_addr) == 1 ? "has no port; expected " FORMS :
		    "is not an address to listen on; expected " FORMS);
	if (strchr(colon + 1, ':') != NULL)
		return err_set(e, 0, "is not an address to listen on; an "
		    "IPv6 address goes in brackets: [::1]:7000");
	(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (host[0] == '\0' || strcmp(host, "*") == 0)
		return err_set(e, 0, "has no address; for all addresses "
		    "write the port alone");
	if (inet_pton(AF_INET, host, &sin.sin_addr) != 1)
		return err_set(e, 0, "'%.40s' is not an address, and names "
		    "are not looked up; expected " FORMS, host);
	if (parse_port(colon + 1, &sin.sin_port, e) == -1)
		return -1;
	memcpy(&l->addr, &sin, sizeof(sin));
	l->addr_len = sizeof(sin);
	return 0;
}

static int
parse_address(struct conf_listen *l, const char *text, const char *cwd,
    struct err *e)
{
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(l, text + 5, cwd, e);
	if (text[0] == '[')
		return parse_in6(l, text, e);
	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
		return parse_any(l, text, e);
	if (text[0] == '/')
		return err_set(e, 0, "is a path; write unix:%.64s", text);
	return parse_in4(l, text, e);
}

int
listen_parse(struct conf_listen *ret, const char *text, const char *cwd,
    struct err *e)
{
	struct conf_listen	 l = { .name = NULL };
	const char		*equals = strchr(text, '=');
	const char		*path = strchr(text, '/');
	const char		*address = text;

	if (equals != NULL && (path == NULL || equals < path)) {
		l.name = strndup(text, (size_t)(equals - text));
		if (l.name == NULL)
			return err_set(e, ENOMEM, "listen");
		address = equals + 1;
	}
	if (l.name != NULL && !name_is_good(l.name)) {
		free(l.name);
		return err_set(e, 0, "the name before '=' is not good; "
		    "expected " NAME_FORM);
	}
	l.text = strdup(text);
	if (l.text == NULL || parse_address(&l, address, cwd, e) == -1) {
		if (l.text == NULL)
			err_set(e, ENOMEM, "listen");
		listen_fini(&l);
		return -1;
	}
	*ret = l;
	return 0;
}

void
listen_fini(struct conf_listen *l)
{
	free(l->name);
	free(l->text);
	l->name = l->text = NULL;
}

/* --- two of them ---------------------------------------------------------- */

static in_port_t
port_of(const struct conf_listen *l)
{
	struct sockaddr_in6	 sin6;
	struct sockaddr_in	 sin;

	if (l->addr.ss_family == AF_INET) {
		memcpy(&sin, &l->addr, sizeof(sin));
		return sin.sin_port;
	}
	memcpy(&sin6, &l->addr, sizeof(sin6));
	return sin6.sin6_port;
}

uint16_t
listen_port(const struct conf_listen *l)
{
	return l->addr.ss_family == AF_UNIX ? 0 : ntohs(port_of(l));
}

static bool
is_wildcard(const struct conf_listen *l)
{
	struct sockaddr_in6	 sin6;
	struct sockaddr_in	 sin;

	if (l->addr.ss_family == AF_INET) {
		memcpy(&sin, &l->addr, sizeof(sin));
		return sin.sin_addr.s_addr == htonl(INADDR_ANY);
	}
	memcpy(&sin6, &l->addr, sizeof(sin6));
	return IN6_IS_ADDR_UNSPECIFIED(&sin6.sin6_addr);
}

static bool
is_unix_overlap(const struct conf_listen *a, const struct conf_listen *b)
{
	struct sockaddr_un	 ua, ub;

	if (a->addr.ss_family != b->addr.ss_family)
		return false;
	memcpy(&ua, &a->addr, sizeof(ua));
	memcpy(&ub, &b->addr, sizeof(ub));
	return strcmp(ua.sun_path, ub.sun_path) == 0;
}

bool
listen_overlap(const struct conf_listen *a, const struct conf_listen *b)
{
	if (a->addr.ss_family == AF_UNIX || b->addr.ss_family == AF_UNIX)
		return is_unix_overlap(a, b);
	if (port_of(a) != port_of(b) || port_of(a) == 0)
		return false;
	if (a->dual_stack || b->dual_stack)
		return true;
	if (a->addr.ss_family != b->addr.ss_family)
		return false;
	return is_wildcard(a) || is_wildcard(b) ||
	    memcmp(&a->addr, &b->addr, a->addr_len) == 0;
}
