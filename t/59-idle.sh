#!/bin/sh
# budget: 120
# The supervisor costs nothing while nothing happens: no wake-up in 70
# seconds (libraries like to look around once a minute), and little memory.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
seconds=$(by_scale 70 5)

start_rota "command: rota-http
port: 0
count: 4"
port=$(rota_port)
holds "4 workers answer" wait_for 30 workers_answer 4
ask 1000 -c 8
is "they are used" "$(value failed "$tmp/ask")" 0
holds "it comes to rest" wait_for 20 is_unchanged
before=$(status_value voluntary_ctxt_switches)
sleep "$seconds"
is "voluntary context switches in $seconds idle seconds" \
    $(($(status_value voluntary_ctxt_switches) - before)) 0
rss=$(status_value VmRSS)
diag "VmRSS $rss kB, VmHWM $(status_value VmHWM) kB"
if [ "${ROTA_TEST_SCALE:-full}" = full ]; then
	holds "resident memory, $rss kB, is below 5 MB" test "$rss" -lt 5000
else
	skip "resident memory is below 5 MB" "quick runs are instrumented"
fi
ask 100 -c 8
is "it still works" "$(value ok "$tmp/ask")" 100
stop_rota
is "rota ends well" "$?" 0
done_testing
