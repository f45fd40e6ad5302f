#ifndef T_UNIT_H
#define T_UNIT_H
#include <check.h>
#include <stdlib.h>

/*
 * The main of a unit test: one suite, filled by the given function, its
 * result as TAP (the makefile sets CK_TAP_LOG_FILE_NAME).
 */
#define UNIT_MAIN(name, fill)						\
int									\
main(void)								\
{									\
	Suite	*s = suite_create(name);				\
	SRunner	*sr;							\
	int	 bad;							\
									\
	fill(s);							\
	sr = srunner_create(s);						\
	srunner_run_all(sr, CK_ENV);					\
	bad = srunner_ntests_failed(sr);				\
	srunner_free(sr);						\
	return bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;			\
}
#endif
