#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H
#include <stddef.h>
#include "config/conf.h"
#include "config/keys.h"

/* What would be right for the key, to follow "expected". */
#define VALUE_EXPECT_SIZE 256
void	 value_expect(const struct key *, char buf[VALUE_EXPECT_SIZE]);

/*
 * Parse the text of a key that is stored, strictly, and put the value into
 * the struct at base.  0, or -1 with a problem.  The name is for messages.
 */
int	 value_store(const struct key *, const char *name, const char *text,
	    void *base, struct conf_pos, struct conf_problems *);
/* A whole number for a key with a range; the same messages. */
int	 value_number(const struct key *, const char *name, const char *text,
	    uint64_t *ret, struct conf_pos, struct conf_problems *);
/* Which of the key's words it is; the same messages. */
int	 value_word(const struct key *, const char *name, const char *text,
	    int *ret, struct conf_pos, struct conf_problems *);
/* The stored value in the syntax of the file. */
#define VALUE_FORMAT_SIZE 32
void	 value_format(const struct key *, const void *base,
	    char buf[VALUE_FORMAT_SIZE]);
#endif
