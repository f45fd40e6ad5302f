#ifndef CONFIG_WORDS_H
#define CONFIG_WORDS_H
struct err;

/*
 * Split a command into words, quoted as in a shell: blanks separate, '...'
 * is literal, in "..." and outside a backslash takes the next character
 * as it is.  What only a shell could do is refused, with e->code EINVAL.
 * The list ends with NULL, and is freed by words_free.
 */
int	 words_split(const char *text, char ***ret_words, struct err *e);
/* NULL: out of memory. */
char	**words_copy(char *const *words);
void	 words_free(char **words);
#endif
