#!/bin/sh
# budget: 300
# Programs for Node's cluster, as they are: turns, crashes, rolling restarts,
# every kind of address.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/node.sh
. "$top_srcdir/t/node.sh"

# Most and least connections that a worker has got.
spread() {
	sed -n 's/^pid_answers\.[0-9]*=//p' "$1" | sort -n |
	    sed -n '1p; $p' | tr '\n' ' '
}

# Turns, crashes, rollouts and leaving, in each way that there is here.
serves() {			# serves MECHANISM
	start_node 3 "port: 0" "mechanism: $1" "ready: { soak: 200ms }" \
	    "broadcast: { interval: 100ms, key: usersCount, counter: 50 }"
	like "$1: 3 workers are ready" "$(state)" "\"mechanism\":\"$1\""
	holds "$1: the address is that of a bare port" says 3 \
	    '"address":{"address":"::","family":"IPv6"'
	ask 9 -c 1
	is "$1: one after the other: all get the same" \
	    "$(spread "$tmp/ask")" "3 3 "
	ask 3000 -c 16
	# By hand-over, who takes longer than 250 ms to accept is passed
	# over, and that is counted.
	passed=$(state | grep -o '"passed_over":[0-9]*' | head -n 1 |
	    sed 's/.*://')
	# shellcheck disable=SC2046 # two words
	set -- "$1" $(spread "$tmp/ask")
	holds "$1: 16 at a time: all get the same, $2 to $3, but $passed \
turns" test $(($3 - $2)) -le $((2 * passed + 1))
	is "$1: none fails" "$(value failed "$tmp/ask")" 0
	ask 3 -c 1
	like "$1: a broadcast arrives in process.on('message')" \
	    "$(cat "$tmp/ask")" '^value\.[0-9]+='
	rota broadcast '{"x":1}'
	holds "$1: a message too, and process.send is an event" \
	    wait_for 10 says 3 '{"got":{"x":1}'
	rota send app:0 '{"cmd":"NODE_HANDLE_ACK"}'
	like "$1: what Node takes for its own is refused" "$(said)" \
	    'belongs to Node'
	holds "$1: cluster.worker.id grows" says 1 '"id":3'
}

outlives() {			# outlives MECHANISM: crashes and rollouts
	ask 1
	kill -KILL "$(answered)"
	holds "$1: a killed worker is restarted" wait_for 20 \
	    log_has 1 'restarting now'
	holds "$1: and gets its turns" wait_for 20 workers_answer 3
	holds "$1: with an id of its own" wait_for 10 says 1 '"id":4'

	load_start new -c 8
	load_start keep -c 8 --mode keep
	rollouts=0
	while [ "$rollouts" -lt "$(by_scale 3 1)" ] && rollout; do
		rollouts=$((rollouts + 1))
	done
	is "$1: rolling restarts under load" "$rollouts" "$(by_scale 3 1)"
	load_stop new keep
	no_failures "$1: new connections" new
	# Node closes idle connections when it is told to leave, and a request
	# may be on its way: that is so with any primary, and clients try
	# again.
	is "$1: keep-alive: failed, but for requests to an idle connection" \
	    $(($(load_value keep failed) - \
	    $(load_value keep failed_reused_eof))) 0

	load_start kill -c 8
	for _ in 1 2; do
		ask 1
		before=$(log_count 'restarting now')
		kill -KILL "$(answered | head -n 1)"
		wait_for 20 log_has $((before + 1)) 'restarting now'
		wait_for 20 workers_answer 3
	done
	load_stop kill
	holds "$1: 2 times kill -9 under load lose what was begun: \
$(load_value kill failed)" test "$(load_value kill failed)" -le 16
}

is_left() {			# is_left MECHANISM: by workers, and stopped
	before=$(log_count 'exit status 0.*restarting')
	curl -s "http://127.0.0.1:$port/hangup" >"$tmp/curl"
	holds "$1: process.disconnect() is no way to leave" wait_for 20 \
	    log_has $((before + 1)) 'exit status 0.*restarting'
	wait_for 20 workers_answer 3
	curl -s "http://127.0.0.1:$port/leave" >"$tmp/curl"
	holds "$1: cluster.worker.disconnect() is, and is obeyed" \
	    wait_for 20 log_has 1 'exit status 0; it is not started again'
	ask 20
	is "$1: the others go on" "$(value failed "$tmp/ask")" 0
	is "$1: nobody has shut a listener down" "$(log_count 'shut down')" 0
	start "$tmp/slow" curl -s "http://127.0.0.1:$port/slow/700"
	slow=$started_pid
	wait_for 20 says 1 '{"slow":700}'
	stop_rota
	is "$1: a graceful end" "$?" 0
	reap 5 "$slow"
	like "$1: a request that had begun is answered" \
	    "$(cat "$tmp/slow")" '^Handled by'
}

for how in $mechanisms; do
	serves "$how"
	outlives "$how"
	is_left "$how"
done

# --- a release that fails ----------------------------------------------------
cp "$top_srcdir/t/app.js" "$tmp/app.js"
app="$node $tmp/app.js"
start_node 2 "port: 0" "ready: { soak: 500ms }"
load_start bad -c 8
{
	echo "process.env.FAIL_AFTER = '200';"
	cat "$top_srcdir/t/app.js"
} >"$tmp/app.new"
mv "$tmp/app.new" "$tmp/app.js"
rollout
like "a release that dies while it soaks is rolled back" \
    "$rollout_result" 'is rolled back'
load_stop bad
no_failures "rolled back" bad
stop_rota
app="$node $top_srcdir/t/app.js"

# --- addresses ---------------------------------------------------------------
set --
for _ in 1 2 3; do
	next_unused_port
	set -- "$@" "$unused"
done
start_node 2 "listen: [127.0.0.1:$1, '[::1]:$2', 'unix:$tmp/sock', $3]" \
    "env: { LISTEN: '[{\"port\":$1,\"host\":\"127.0.0.1\"}, \
{\"port\":$2,\"host\":\"::1\"}, \"$tmp/sock\", $3]' }"
for url in "http://127.0.0.1:$1/" "http://[::1]:$2/" \
    "--unix-socket $tmp/sock http://x/" "http://127.0.0.1:$3/" \
    "http://[::1]:$3/"; do
	# shellcheck disable=SC2086 # options
	is "answers at $(echo "$url" | sed 's/[0-9]*\/$//')" "$(for _ in 1 2 3 4
	    do curl -s -g $url | grep -o '[0-9]*\.$'; done | sort | uniq -c |
	    awk '{ printf "%s ", $1 }')" "2 2 "
done
stop_rota

start_node 2 "listen: 127.0.0.1:$1" "env: { LISTEN: \
'[{\"port\":$1,\"host\":\"127.0.0.1\"}, {\"fd\":99}, \
{\"port\":$1,\"host\":\"127.0.0.1\"}, {\"port\":1,\"host\":\"127.0.0.1\"}]' }"
holds "a descriptor that we do not have: EINVAL" wait_for 10 says 2 \
    '{"error":"EINVAL"'
holds "the same address twice: EADDRINUSE" wait_for 10 says 2 \
    '{"error":"EADDRINUSE"'
holds "one that the config does not have: EACCES" wait_for 10 says 2 \
    '{"error":"EACCES"'
holds "and the log says so" log_has 1 \
    'asks for 127.0.0.1:1, which the config does not have'
stop_rota

start_node 2 "listen: 127.0.0.1:$1" \
    "env: { LISTEN: '[{\"udp\":$1}, {\"port\":$1, \
\"host\":\"127.0.0.1\"}]' }"
holds "UDP on a port of the pool" wait_for 10 says 4 "\"port\":$1}"
stop_rota

start_node 2 "listen: [127.0.0.1:0, 127.0.0.1:0]" \
    "env: { LISTEN: '[{\"port\":0,\"host\":\"127.0.0.1\"}, \
{\"port\":0,\"host\":\"127.0.0.1\"}]' }"
for p in $(rota_ports); do
	is "port 0, twice" "$(for _ in 1 2 3 4; do
	    curl -s "http://127.0.0.1:$p/" | grep -o '[0-9]*\.$'; done |
	    sort | uniq -c | awk '{ printf "%s ", $1 }')" "2 2 "
done
stop_rota
next_unused_port
free=$unused

for how in $mechanisms; do
	start_node 2 "listen_any: yes" "mechanism: $how" \
	    "ready: { soak: 200ms }" "env: { LISTEN: \
'[{\"port\":$free,\"host\":\"127.0.0.1\"}, {\"udp\":0}]' }"
	port=$free
	holds "listen_any, $how: what they ask for is opened" \
	    wait_for 10 workers_answer 2
	ask 100 -c 1
	is "listen_any, $how: all get the same" "$(spread "$tmp/ask")" \
	    "50 50 "
	holds "listen_any, $how: UDP too, the same for both" wait_for 10 \
	    test "$(sed -n \
	    's/.*"family":"IPv4","port":\([0-9]*\).*/\1/p' "$log" |
	    sort -u | wc -l)" -eq 2
	load_start any -c 8
	rollout
	like "listen_any, $how: a rolling restart" "$rollout_result" \
	    'is rolled out'
	load_stop any
	no_failures "listen_any, $how" any
	holds "listen_any, $how: both answer" wait_for 10 workers_answer 2
	stop_rota
	is "listen_any, $how: a graceful end" "$?" 0
done

start_node 2 "port: 0" "balance: shared"
holds "balance: shared" wait_for 10 ask 100
rollout
like "shared: a rolling restart" "$rollout_result" 'is rolled out'
stop_rota

# --- ready, wrappers, children of fork ---------------------------------------
start_node 1 "port: 0" "ready: { when: message }" \
    "env: { READY_AFTER: '300' }"
like "\"ready\" makes ready" "$(grep -A 1 'message: "ready"' "$log")" \
    'all 1 workers are ready'
stop_rota
cat >"$tmp/package.json" <<END
{ "name": "x", "version": "1.0.0", "scripts": { "start": "node x.js" } }
END
cat >"$tmp/wrap.js" <<END
require('child_process').spawn(process.execPath,
    ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
END
start_rota "command: $node $tmp/wrap.js
name: wrap
dialect: node
port: 0
count: 1"
holds "a wrapper that takes the program's place is found out" \
    wait_for 20 log_has 1 "a wrapper such as 'npm start'"
kill -TERM "$rota_pid"
kill -TERM "$rota_pid"
reap 20 "$rota_pid"
cat >"$tmp/child.js" <<END
if (require('cluster').isWorker || !process.channel) process.exit(1);
process.on('message', (m) => process.send({ got: m }));
process.send('ready');
END
start_rota "command: $node $tmp/child.js
name: child
dialect: node-fork
count: 1
ready: { when: message }"
holds "a child of fork is ready" wait_for 20 all_ready 1
rota send child '[1]'
holds "and hears messages" wait_for 10 says 1 '{"got":[1]}'
stop_rota
is "and ends" "$?" 0

done_testing
