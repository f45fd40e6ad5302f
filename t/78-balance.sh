#!/bin/sh
# Another balance is applied under load: from a listener that is shared to
# hand-over and back.  No request fails, or waits for the rest of the change.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"

# A second pool, rolled out after the first, takes its time.
config() {			# config BALANCE SOAK-OF-THE-SECOND
	[ "$1" = shared ] && _how=auto || _how=hand-over
	printf '%s\n' "pools:" "- name: web" "  command: rota-http" \
	    "  listen: [\"127.0.0.1:0\"]" "  count: 3" "  balance: $1" \
	    "  mechanism: $_how" "  ready: { soak: 20ms }" \
	    "- name: slow" "  command: sleep 1000" "  count: 1" \
	    "  ready: { delay: 10ms, soak: $2 }" "  env: { BALANCE: $1 }"
}

apply() {			# apply BALANCE SOAK-OF-THE-SECOND
	config "$@" >"$rota_config"
	"$top_builddir/rota" apply -s "$ROTA_RUNTIME_DIR/rota.sock" \
	    >"$tmp/out" 2>&1
}

start_rota "$(config shared 0)"
port=$(rota_port)
holds "3 workers are ready" wait_for 30 \
    log_has 1 "web: all 3 workers are ready"

config round-robin 60s >"$rota_config"
start "$tmp/apply" "$top_builddir/rota" apply \
    -s "$ROTA_RUNTIME_DIR/rota.sock"
applying=$started_pid
holds "the first pool is rolled out" wait_for 20 \
    log_has 1 'web: generation 2 is rolled out'
holds "it serves while the second is" wait_for 10 ask 30 --timeout 5s
holds "the change is still under way" is_alive "$applying"
"$top_builddir/rota" reload --abort -s "$ROTA_RUNTIME_DIR/rota.sock" \
    >"$tmp/out" 2>&1
reap 30 "$applying"
is "it is rolled back" "$?" 1
ask 30 --timeout 5s
is "and serves again" "$(value ok "$tmp/ask")" 30

load_start new -c 4
load_start keep -c 4 --mode keep
for balance in round-robin shared round-robin; do
	apply "$balance" 0
	is "$balance is applied" "$?" 0
done
load_stop new keep
no_failures "changes of the balance" new keep
ask 300
is "turns are exact in the end" "$(value pid_spread "$tmp/ask")" 0
stop_rota
is "rota ends well" "$?" 0
done_testing
