#ifndef HTTP_FAULTS_H
#define HTTP_FAULTS_H
#include "http/options.h"

/* All that goes wrong on purpose. */

/* Die as told; does not return. */
void	faults_die(const struct death *) __attribute__((noreturn));
/* What is due before anything else; may not return. */
void	faults_at_start(const struct faults *);
/* What is due at a request for this path; may not return. */
void	faults_at_request(const struct faults *, const char *path);
/* One line on stdout, whatever becomes of it. */
void	faults_print(const char *text);
#endif
