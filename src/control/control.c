#include "config.h"
#include "control/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "config/account.h"
#include "config/conf.h"
#include "control/serve.h"
#include "control/request.h"
#include "control/server.h"
#include "control/socket.h"
#include "supervise/supervisor.h"

/* Last words to clients may take this long. */
#define LAST_WORDS_MS 1000

static const struct control_ops ops = {
	.request = serve_run,
};

pid_t
control_find_other(const struct conf *c)
{
	char		 path[CONTROL_PATH_SIZE];
	struct err	 e;

	if (control_path(c->path, c->control.path, path, sizeof(path),
	    &e) == -1)
		return 0;
	return control_socket_holder(path);
}

static int
control_access_of(const struct conf_control *c, struct control_access *a,
    struct err *e)
{
	memset(a, 0, sizeof(*a));
	a->mode = (mode_t)c->mode;
	if (c->owner != NULL) {
		a->has_uid = true;
		if (account_user(c->owner, &a->uid, e) == -1)
			return err_wrap(e, "control.owner");
	}
	if (c->group != NULL) {
		a->has_gid = true;
		if (account_group(c->group, &a->gid, e) == -1)
			return err_wrap(e, "control.group");
	}
	return 0;
}

/* Beside the control socket, whose name is this supervisor's alone. */
static void
control_place_acks(struct control *c)
{
	struct acks	*a = &c->supervisor->common.acks;
	int		 n = snprintf(a->path, sizeof(a->path), "%s.einhorn",
			    c->path);

	if (n < 0 || (size_t)n >= sizeof(a->path))
		a->path[0] = '\0';
}

static int
control_listen(struct control *c, struct err *e)
{
	const struct conf	*conf = c->supervisor->conf;
	struct control_socket	 so;
	struct control_access	 a;

	if (control_path(conf->path, conf->control.path, c->path,
	    sizeof(c->path), e) == -1 ||
	    control_access_of(&conf->control, &a, e) == -1 ||
	    control_socket_open(c->path, &a, &so, e) == -1)
		return -1;
	c->server = control_server_new(c->supervisor->common.loop, &so, &a,
	    &ops, c, e);
	if (c->server != NULL)
		control_place_acks(c);
	return c->server == NULL ? -1 : 0;
}

struct control *
control_open(struct supervisor *s, struct err *e)
{
	struct control	*c = calloc(1, sizeof(*c));

	if (c == NULL) {
		err_set(e, ENOMEM, "control socket");
		return NULL;
	}
	c->supervisor = s;
	list_init(&c->shutdowns);
	list_init(&c->followers);
	if (control_listen(c, e) == 0)
		return c;
	if (s->conf->control.path != NULL ||
	    control_find_other(s->conf) != 0) {
		free(c);
		return NULL;
	}
	log_warn("no control socket, so no commands: %s", e->msg);
	return c;
}

void
control_close(struct control *c, int status)
{
	struct request	*r;

	if (c == NULL)
		return;
	serve_end_followers(c);
	while (!list_empty(&c->shutdowns)) {
		r = serve_next_shutdown(c);
		request_done(r, json_pack("{s:i}", "status", status));
	}
	if (c->server != NULL) {
		control_server_close(c->server);
		control_server_free(c->server, LAST_WORDS_MS);
	}
	free(c);
}
