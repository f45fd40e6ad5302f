#include "config.h"
#include "supervise/parked.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "supervise/listeners.h"

void
parked_add(struct list *list, struct listener *from, int conn)
{
	struct parked	*p = malloc(sizeof(*p));

	if (p == NULL) {
		(void)close(conn);
		return;
	}
	p->from = listener_ref(from);
	p->conn = conn;
	list_append(list, &p->node);
}

void
parked_free(struct parked *p)
{
	list_remove(&p->node);
	listener_unref(p->from);
	fd_close(&p->conn);
	free(p);
}
