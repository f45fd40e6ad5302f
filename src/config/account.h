#ifndef CONFIG_ACCOUNT_H
#define CONFIG_ACCOUNT_H
#include <stdbool.h>
#include <sys/types.h>
struct err;

/* It is written as a number, which has no entry to be looked up. */
bool	 account_is_number(const char *text);
/*
 * The id of a user or a group, of its name or number.  0, or -1: there is
 * none of that name, or the number is none that an account can have.
 */
int	 account_user(const char *text, uid_t *ret, struct err *e);
int	 account_group(const char *text, gid_t *ret, struct err *e);
#endif
