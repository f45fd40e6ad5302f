#include "config.h"
#include "config/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"

/* The highest; one more is -1, which means "leave it" to the kernel. */
#define ID_MAX UINT64_C(4294967294)

bool
account_is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int
parse_id(const char *text, uint32_t *ret, struct err *e)
{
	uint64_t	 v;

	if (parse_count(text, &v) != PARSE_OK || v > ID_MAX)
		return err_set(e, 0, "'%.40s' is out of range; expected "
		    "a number from 0 to 4294967294", text);
	*ret = (uint32_t)v;
	return 0;
}

/* Why a name was not found; errno is 0 where nothing went wrong. */
static int
not_found(struct err *e, const char *what, const char *name)
{
	if (errno == 0 || errno == ENOENT || errno == ESRCH)
		return err_set(e, 0, "this machine has no %s '%.64s'",
		    what, name);
	return err_set(e, errno, "cannot look up the %s '%.64s'", what, name);
}

int
account_user(const char *text, uid_t *ret, struct err *e)
{
	const struct passwd	*pw;

	if (account_is_number(text))
		return parse_id(text, ret, e);
	errno = 0;
	pw = getpwnam(text);
	if (pw == NULL)
		return not_found(e, "user", text);
	*ret = pw->pw_uid;
	return 0;
}

int
account_group(const char *text, gid_t *ret, struct err *e)
{
	const struct group	*gr;

	if (account_is_number(text))
		return parse_id(text, ret, e);
	errno = 0;
	gr = getgrnam(text);
	if (gr == NULL)
		return not_found(e, "group", text);
	*ret = gr->gr_gid;
	return 0;
}
