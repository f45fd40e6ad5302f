#ifndef T_UNIT_LINK_H
#define T_UNIT_LINK_H
#include "librota/rota.h"
#include "t/unit.h"

/*
 * A link of librota to ourselves: the test is its supervisor.
 */
#define HELLO_HEAD "{\"rota\":\"hello\",\"version\":1,\"pool\":\"web\"," \
	"\"slot\":2,\"count\":3,\"generation\":7,\"pid\":1,"
#define HELLO HELLO_HEAD "\"listeners\":[{\"name\":null," \
	"\"address\":\"[::]:7000\"}],\"stop_timeout_ms\":1500," \
	"\"on_supervisor_exit\":\"stop\"}\n"
#define HELLO_CONTINUE HELLO_HEAD "\"listeners\":[]," \
	"\"stop_timeout_ms\":1500,\"on_supervisor_exit\":\"continue\"}\n"
#define DISCONNECT "{\"rota\":\"disconnect\",\"deadline_ms\":250}\n"

/* The supervisor's ends; the link has the others. */
extern int		 ipc, feed;
extern struct rota	*r;

void		 set_fd(const char *name, int fd);
void		 clear_env(void);
/* With or without a queue of connections. */
void		 link_up(int handover);
void		 link_down(void);
/* The supervisor says this. */
void		 say(const char *text);
void		 next_is(struct rota_event *, enum rota_event_type);
void		 next_is_none(void);
/* What the worker has said, as one string. */
const char	*heard(void);
/* Hand over n copies of a descriptor with one byte; n may be 0. */
void		 hand_over(unsigned char index, int fd, int n);
int		 open_fds(void);
/* The tests of each file. */
void		 fill_reading(Suite *);
void		 fill_events(Suite *);
void		 fill_connections(Suite *);
#endif
