#ifndef CONTROL_PATH_H
#define CONTROL_PATH_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
struct err;

/* What fits in the address of a socket, its NUL included. */
#define CONTROL_PATH_SIZE 108

/*
 * The path of the control socket: the explicit one, or, if that is NULL,
 * the folder below and the base name of the config file, without .yaml,
 * .yml or .ini and with .sock.  0, or -1 with *e set.
 */
int	control_path(const char *config_path, const char *explicit_path,
	    char *buf, size_t size, struct err *e);
/* The folder alone, whether it is there or not. */
int	control_folder(char *buf, size_t size, struct err *e);

/* What decides about the folder. */
struct control_place {
	uid_t		 uid;			/* effective */
	const char	*rota_runtime_dir;	/* environment; NULL: not set */
	const char	*xdg_runtime_dir;
	bool		 has_run_user;		/* /run/user/UID is there */
};

/* Pure; control_folder with everything that it would look up. */
int	control_folder_of(const struct control_place *, char *buf,
	    size_t size, struct err *e);
#endif
