#include "config.h"
#include "policy/start.h"

enum start_answer
start_allowed(const struct start_facts *f)
{
	size_t	 window = f->ready > f->cpus ? f->ready : f->cpus;

	if (f->is_crashing && f->has_probe)
		return START_PROBED;
	if (f->is_crowded)
		return START_LATER;
	if (f->is_first && f->starting >= window)
		return START_LATER;
	return START_NOW;
}
