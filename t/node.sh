# shellcheck shell=sh disable=SC2034,SC2154
# Programs for Node's cluster under rota, for test scripts that have sourced
# t/lib.sh; without a Node that is new enough the script is skipped.
#
#	ROTA_TEST_NODE		another node than that of PATH
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
node=${ROTA_TEST_NODE:-node}
"$node" --version >"$tmp/version" 2>&1 || skip_all "there is no node"
node_major=$(sed 's/^v//; s/\..*//' "$tmp/version")
if [ "$node_major" -lt 18 ]; then
	skip_all "node $(cat "$tmp/version") is too old"
fi
diag "node $(cat "$tmp/version")"
app="$node $top_srcdir/t/app.js"

start_node() {			# start_node COUNT [LINE...]
	_count=$1
	shift
	start_rota "command: $app
name: app
dialect: node
count: $_count
backoff: { initial: 0 }
$(printf '%s\n' "$@")"
	port=$(rota_port)
	wait_for 30 all_ready "$_count"
}

# How connections can be given to workers here, best first.
start_rota "command: sleep 1000
name: probe
dialect: plain
port: 0"
mechanisms=hand-over
if state | grep -q '"mechanism":"kernel"'; then
	mechanisms="kernel hand-over"
fi
stop_rota

says() {			# says COUNT TEXT: workers have sent this
	[ "$(grep -cF "$2" "$log")" -ge "$1" ]
}
