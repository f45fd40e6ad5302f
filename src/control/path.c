#include "config.h"
#include "control/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"

static bool
is_set(const char *s)
{
	return s != NULL && *s != '\0';
}

/* The result of snprintf into a buffer of that size. */
static int
check_length(int n, size_t size, const char *what, struct err *e)
{
	if (n >= 0 && (size_t)n < size)
		return 0;
	return err_set(e, ENAMETOOLONG, "%s", what);
}

int
control_folder_of(const struct control_place *p, char *buf, size_t size,
    struct err *e)
{
	static const char	 name[] = "folder of the control socket";
	int			 n;

	if (is_set(p->rota_runtime_dir)) {
		if (p->rota_runtime_dir[0] != '/')
			return err_set(e, 0, "ROTA_RUNTIME_DIR: '%s' does not "
			    "begin with a slash", p->rota_runtime_dir);
		n = snprintf(buf, size, "%s", p->rota_runtime_dir);
		return check_length(n, size, "ROTA_RUNTIME_DIR", e);
	}
	if (p->uid == 0) {
		n = snprintf(buf, size, "/run/rota");
		return check_length(n, size, name, e);
	}
	if (is_set(p->xdg_runtime_dir)) {
		if (p->xdg_runtime_dir[0] != '/')
			return err_set(e, 0, "XDG_RUNTIME_DIR: '%s' does not "
			    "begin with a slash", p->xdg_runtime_dir);
		n = snprintf(buf, size, "%s/rota", p->xdg_runtime_dir);
		return check_length(n, size, "XDG_RUNTIME_DIR", e);
	}
	if (!p->has_run_user)
		return err_set(e, 0, "no folder for the control socket: set "
		    "control.path in the config file, or ROTA_RUNTIME_DIR or "
		    "XDG_RUNTIME_DIR in the environment");
	n = snprintf(buf, size, "/run/user/%u/rota", (unsigned int)p->uid);
	return check_length(n, size, name, e);
}

int
control_folder(char *buf, size_t size, struct err *e)
{
	struct control_place	 p = {
		.uid = geteuid(),
		.rota_runtime_dir = getenv("ROTA_RUNTIME_DIR"),
		.xdg_runtime_dir = getenv("XDG_RUNTIME_DIR"),
	};
	struct stat		 st;
	char			 path[32];

	(void)snprintf(path, sizeof(path), "/run/user/%u",
	    (unsigned int)p.uid);
	p.has_run_user = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	return control_folder_of(&p, buf, size, e);
}

/* Length of the name without the ending of a config file. */
static size_t
stem_length(const char *name)
{
	static const char *const	 endings[] = {
		".yaml", ".yml", ".ini",
	};
	size_t				 len = strlen(name), end, i;

	for (i = 0; i < ARRAY_LEN(endings); i++) {
		end = strlen(endings[i]);
		if (len > end && strcmp(name + len - end, endings[i]) == 0)
			return len - end;
	}
	return len;
}

int
control_path(const char *config_path, const char *explicit_path, char *buf,
    size_t size, struct err *e)
{
	char		 folder[CONTROL_PATH_SIZE];
	char		 whole[2 * CONTROL_PATH_SIZE + 8];
	const char	*name;
	size_t		 len, most;

	most = size < CONTROL_PATH_SIZE ? size : CONTROL_PATH_SIZE;
	if (explicit_path != NULL) {
		len = strlen(explicit_path);
		if (len == 0 || len >= most)
			return err_set(e, len ? ENAMETOOLONG : ENOENT,
			    "control socket '%s'", explicit_path);
		memcpy(buf, explicit_path, len + 1);
		return 0;
	}
	name = strrchr(config_path, '/');
	name = name != NULL ? name + 1 : config_path;
	len = stem_length(name);
	if (len == 0)
		return err_set(e, 0, "'%s' is not the name of a config file",
		    config_path);
	if (control_folder(folder, sizeof(folder), e) == -1)
		return -1;
	if (len >= CONTROL_PATH_SIZE)
		return err_set(e, ENAMETOOLONG, "control socket for %s",
		    config_path);
	(void)snprintf(whole, sizeof(whole), "%s/%.*s.sock", folder, (int)len,
	    name);
	if (strlen(whole) >= most)
		return err_set(e, ENAMETOOLONG, "control socket %s", whole);
	memcpy(buf, whole, strlen(whole) + 1);
	return 0;
}
