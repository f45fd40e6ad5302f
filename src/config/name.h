#ifndef CONFIG_NAME_H
#define CONFIG_NAME_H
#include <stdbool.h>
#include <string.h>

#define NAME_MAX_LEN 64
#define NAME_FORM "1 to 64 letters, digits, '_', '.' or '-'"

/* Of a pool or of a listener. */
static inline bool
name_is_good(const char *s)
{
	size_t	 n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	return n > 0 && n <= NAME_MAX_LEN && s[n] == '\0';
}
#endif
