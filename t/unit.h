#ifndef T_UNIT_H
#define T_UNIT_H
#include <check.h>
#include <stdlib.h>

/*
 * The main of a unit test: one suite, filled by the given function, its
 * result as TAP (the makefile sets CK_TAP_LOG_FILE_NAME).  UNIT_MAIN_FORKS
 * is for one of which each test needs a process of its own.  The others have
 * that, too, but with sanitizers, where the end of a process takes a tenth of
 * a second.
 */
#ifdef __SANITIZE_ADDRESS__
#define UNIT_FORK	CK_NOFORK
#else
#define UNIT_FORK	CK_FORK_GETENV
#endif
#define UNIT_MAIN(name, fill)	UNIT_MAIN_BY(name, fill, UNIT_FORK)
#define UNIT_MAIN_FORKS(name, fill)					\
	UNIT_MAIN_BY(name, fill, CK_FORK_GETENV)

#define UNIT_MAIN_BY(name, fill, how)					\
int									\
main(void)								\
{									\
	Suite	*s = suite_create(name);				\
	SRunner	*sr;							\
	int	 bad;							\
									\
	fill(s);							\
	sr = srunner_create(s);						\
	srunner_set_fork_status(sr, how);				\
	srunner_run_all(sr, CK_ENV);					\
	bad = srunner_ntests_failed(sr);				\
	srunner_free(sr);						\
	return bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;			\
}
#endif
