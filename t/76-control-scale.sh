#!/bin/sh
# budget: 180
# A supervisor of 1,000 workers answers the command status, and neither
# connections nor broadcasts wait for that.  The figures are in the log; what
# is asserted leaves room for slow machines.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/many.sh
. "$top_srcdir/t/many.sh"
workers=$(by_scale 1000 200)

broadcast_value() {		# what a worker was told last
	ask 1
	sed -n 's/^value\.\([0-9]*\)=.*/\1/p' "$tmp/ask" | head -n 1
}

has_told() {			# has_told VALUE
	[ "$(broadcast_value)" -gt "$1" ]
}

now_ms() {
	date +%s%3N
}

holds "$workers workers and 2 that serve are ready" start_many "$workers"
gauge 50 >"$tmp/gauge" 2>&1
is "they can be measured" "$?" 0
diag "$workers workers, us: $(tr '\n' ' ' <"$tmp/gauge")"
holds "status is answered within 1 s" \
    test "$(value status.max "$tmp/gauge")" -lt 1000000
holds "no connection waits for it for 1 s" \
    test "$(value busy.max "$tmp/gauge")" -lt 1000000

began=$(now_ms)
"$top_builddir/rota" status --json -s "$tmp/run/rota.sock" >"$tmp/status"
is "rota status --json" "$?" 0
diag "rota status --json took $(($(now_ms) - began)) ms in all"
is "it shows every worker" \
    "$(grep -o '"pid": *[0-9]*, *"uptime_ms"' "$tmp/status" | wc -l)" \
    $((workers + 2))

# Many who ask at once, while values are told every 20 ms.
first=$(broadcast_value)
began=$(now_ms)
for i in 1 2 3 4; do
	start "$tmp/asks.$i" sh -c "for k in 1 2 3 4 5; do
		'$top_builddir/rota' status --json -s '$tmp/run/rota.sock' ||
		    exit 1
	done >'$tmp/asked.$i'"
	asking="${asking:-} $started_pid"
done
# shellcheck disable=SC2086
wait_for 60 none_alive $asking
took=$(($(now_ms) - began))
told=$(($(broadcast_value) - first))
diag "20 status commands of 4 clients took $took ms; values told: $told, \
$((took / 20)) were due"
holds "broadcasts go on meanwhile" test "$told" -ge $((took / 20 / 10))
holds "and afterwards" wait_for 10 has_told $((first + told))
stop_rota
is "rota ends well" "$?" 0
done_testing
