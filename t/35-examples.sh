#!/bin/sh
# Every example runs as its own config says, but for the port: it answers,
# shows what is broadcast, is replaced, and leaves.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"

# Those that show how a config of another supervisor is written are checked.
for config in "$top_srcdir"/etc/examples/from-*.yaml; do
	"$top_builddir/rota" check "$config" >"$tmp/out" 2>"$tmp/err"
	is "$(basename "$config") is a good config" \
	    "$? $(grep -vc ': warning: ' "$tmp/err")" "0 0"
	like "$(basename "$config") says what is different" \
	    "$(cat "$config")" '^# The difference: '
done

mkdir "$tmp/examples"
cp "$top_srcdir"/etc/examples/*.* "$tmp/examples" || bail_out "no examples"
cp "$top_builddir/t/hello" "$tmp/examples/hello"
for config in "$tmp"/examples/*.yaml; do
	sed -e 's/^port: .*/port: 0/' -e 's/interval: .*/interval: 100ms/' \
	    -e 's/^ready: {/&soak: 100ms, /' \
	    "$config" >"$config.new" && mv "$config.new" "$config"
	echo 'reload: {order: new-first}' >>"$config"
	grep -q '^ready: ' "$config" || echo 'ready: {soak: 100ms}' >>"$config"
done

shows_newer() {			# shows_newer VALUE: a later one is answered
	ask 4 && [ "$(sed -n 's/^value\.\([0-9]*\)=.*/\1/p' "$tmp/ask" |
	    sort -n | tail -n 1)" -gt "$1" ]
}

run_example() {			# run_example NAME
	rota_config=$tmp/examples/$1.yaml
	run_rota
	if ! wait_for 20 log_has 1 'all [0-9]+ workers are ready'; then
		bail_out "$1: its workers do not get ready"
	fi
}

# Those in C, Python and JavaScript are servers.
try_server() {			# try_server NAME
	run_example "$1"
	port=$(rota_port)
	if grep -q '^broadcast:' "$rota_config"; then
		holds "$1: shows what is broadcast" \
		    wait_for 10 shows_newer 50
	fi
	load_start load -c 4 --duration 30s
	kill -USR2 "$rota_pid"
	holds "$1: is replaced" \
	    wait_for 20 log_has 1 'generation 2 is rolled out'
	load_stop load
	no_failures "$1: replaced under load" load
	holds "$1: there was load" test "$(load_value load ok)" -gt 10
	stop_rota
	is "$1: leaves" "$? $(log_count 'left, exit status 0')" \
	    "0 $(log_count 'started, generation')"
}

try_server hello
if python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' \
    2>"$tmp/python"; then
	try_server python
else
	skip "python" "no Python 3.9 or later"
fi
if node -e 'process.exit(parseInt(process.version.slice(1)) < 18 ? 1 : 0)' \
    >"$tmp/node" 2>&1; then
	try_server node
	try_server from-pm2
else
	skip "node" "no Node 18 or later"
	skip "from-pm2" "no Node 18 or later"
fi

run_example shell
holds "shell: gets what is broadcast" \
    wait_for 10 log_has 4 'sh\[[01]\] [0-9]+ \| got '
kill -USR2 "$rota_pid"
holds "shell: is replaced" wait_for 20 log_has 1 'generation 2 is rolled out'
stop_rota
is "shell: leaves" "$? $(log_count '\| leaving')" "0 4"
done_testing
