#!/bin/sh
# The second part of `make bench`: how long a supervisor of many workers takes
# to answer the command status, and how long a connection takes meanwhile.
#
#	bench/control.sh
#
#	ROTA_BENCH_MANY=1000	workers, besides two that serve; 0: none
#	ROTA_BENCH_CALLS=50	status calls
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/many.sh
. "$top_srcdir/t/many.sh"
many=${ROTA_BENCH_MANY:-1000}

if [ "$many" -eq 0 ]; then
	exit 0
fi
if ! start_many "$many" || ! gauge "${ROTA_BENCH_CALLS:-50}" >"$tmp/gauge"
then
	echo "bench: a supervisor of $many workers cannot be measured" >&2
	exit 1
fi
printf '\n%s\n%-34s %9s %9s %7s\n' "The command status of $many workers, \
$(value status.bytes "$tmp/gauge") bytes" "" "median us" "max us" "count"
while read -r key text; do
	printf '%-34s %9s %9s %7s\n' "$text" \
	    "$(value "$key.median" "$tmp/gauge")" \
	    "$(value "$key.max" "$tmp/gauge")" \
	    "$(value "$key.count" "$tmp/gauge")"
done <<END
status from question to answer
busy a connection meanwhile
idle a connection otherwise
END
stop_rota
