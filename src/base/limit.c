#include "config.h"
#include "base/limit.h"

bool
limit_pass(struct limit *l, uint64_t now_ms, unsigned int *ret_suppressed)
{
	if (now_ms - l->since_ms >= LIMIT_WINDOW_MS || l->passed == 0) {
		l->since_ms = now_ms;
		l->passed = 0;
	}
	if (l->passed >= LIMIT_BURST) {
		l->suppressed++;
		return false;
	}
	l->passed++;
	*ret_suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}
