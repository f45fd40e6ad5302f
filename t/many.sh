# shellcheck shell=sh disable=SC2154
# A supervisor of many workers that sleep, and of two that serve, for those
# who measure it; for scripts that have sourced t/lib.sh and t/load.sh.

# Sets $port.
start_many() {			# start_many WORKERS
	start_rota "pools:
- name: web
  command: rota-http
  port: 0
  count: 2
  broadcast: { interval: 20ms, counter: 1 }
- name: many
  command: sleep 100000
  count: $1
  ready: { delay: 0 }
  stop: { timeout: 20s }"
	port=$(rota_port)
	wait_for 100 log_has 1 "many: all $1 workers are ready" &&
	    wait_for 20 workers_answer 2
}

# Prints KEY=VALUE lines, times in us; see t/client/gauge.c.
gauge() {			# gauge CALLS
	"$top_builddir/t/gauge" "$ROTA_RUNTIME_DIR/rota.sock" "$port" "$1"
}
