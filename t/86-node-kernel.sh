#!/bin/sh
# budget: 240
# Programs for Node's cluster over listeners of their own, for which the
# kernel takes turns: those of the config and what they ask for beside it,
# with crashes, hung workers, rolling restarts and another balance.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/node.sh
. "$top_srcdir/t/node.sh"
node_app=$app
# shellcheck source=t/kernel.sh
. "$top_srcdir/t/kernel.sh"
app=$node_app

# --- the supervisor has no part in it ---------------------------------------
start_node 3 "port: 0"
holds "idle: the supervisor comes to rest" wait_for 20 is_unchanged
switches=$(status_value voluntary_ctxt_switches)
ticks=$(cpu_ticks)
ask 3000 -c 16
turns_are_exact "idle" 3
is "idle: context switches and CPU of the supervisor meanwhile" \
    "$(($(status_value voluntary_ctxt_switches) - switches)) \
$(($(cpu_ticks) - ticks))" "0 0"

# --- who waits for a worker -------------------------------------------------
wait_for_one() {		# wait_for_one COUNT: a worker is stopped
	victim=$(pids_of app | tail -n 1)
	kill -STOP "$victim"
	start "$tmp/waiting" "$load" --port "$port" -n "$1" -c "$1" \
	    --timeout 30s
	waiting=$started_pid
	wait_for 20 waits_for "$(($1 / 4))"
}

wait_for_one 60
kill -KILL "$victim"
reap 30 "$waiting"
is "killed: who waited for it is answered" "$(ok_failed "$tmp/waiting")" \
    "60 0"
holds "killed: its successor answers, too" wait_for 20 workers_answer 3
wait_for_one 60
rollout
like "hung: it is replaced" "$rollout_result" 'is rolled out'
reap 20 "$waiting"
is "hung: who waited is answered before it is killed" \
    "$(ok_failed "$tmp/waiting") $(is_alive "$victim" && echo alive)" \
    "60 0 alive"
kill -CONT "$victim"
ask 300 -c 16
turns_are_exact "killed and hung: in the end" 3
stop_rota
is "killed and hung: rota ends well" "$?" 0

# Node's own backlog, of 511, is not for those that wait here.
start_node 1 "port: 0"
wait_for_one 700
holds "alone: as many wait as the config says" wait_for 20 waits_for 600
kill -KILL "$victim"
reap 30 "$waiting"
is "alone: its successor answers who waited" "$(ok_failed "$tmp/waiting")" \
    "700 0"
stop_rota

# --- what the config does not have ------------------------------------------
tells() {			# tells COUNT DONE SERVER: workers have
	[ "$(event_count "\{\"$2\":$3\}")" -ge "$1" ]
}

tell() {			# tell SLOT DO DONE SERVER: and wait for it
	_told=$(event_count "\{\"$3\":$4\}")
	rota send "app:$1" "{\"$2\":$4}"
	wait_for 20 tells $((_told + 1)) "$3" "$4" ||
		not_ok "slot $1: $2 $4"
}

unix_spread() {			# unix_spread COUNT: connections by worker
	_left=$1
	while [ "$_left" -gt 0 ]; do
		_left=$((_left - 1))
		curl -s --unix-socket "$tmp/sock" http://x/ |
		    grep -o '[0-9]*\.$'
	done | sort | uniq -c | awk '{ printf "%s ", $1 }'
}

port=$(free_port 1)
asked=$port
start_node 3 "listen_any: yes" "ready: { soak: 100ms }" "env: { LISTEN: \
'[{\"port\":$port,\"host\":\"127.0.0.1\"}, \"$tmp/sock\", \
{\"port\":0,\"host\":\"127.0.0.1\"}]' }"
second=$(sed -n 's/.*"family":"IPv4","port":\([0-9]*\).*/\1/p' "$log" |
    grep -vx "$asked" | sort -u)
like "asked: the kernel takes turns" "$(state)" \
    '"mechanism":"kernel","reason":null'
for port in $asked $second; do
	ask 300 -c 16
	turns_are_exact "asked: port" 3
done
port=$asked
is "asked: unix sockets are handed over, in turns" "$(unix_spread 6)" "2 2 2 "
holds "asked: which is said" log_has 1 \
    "asks for unix:$tmp/sock, from where connections are handed over"

tell 0 close closed 0
ask 200 -c 8
turns_are_exact "closed by one worker" 2
tell 0 listen listens 0
ask 300 -c 8
turns_are_exact "it listens again" 3
load_start asked -c 8 --timeout 20s
for slot in 0 1 2 0 1 2; do
	tell $slot close closed 0
	tell $slot listen listens 0
done
load_stop asked
no_failures "closed and opened again" asked
tell 1 close closed 1
is "closed by one worker: a unix socket" "$(unix_spread 4)" "2 2 "
for slot in 0 1 2; do
	tell $slot close closed 0
done
start "$tmp/waiting" "$load" --port "$port" -n 20 -c 20 --timeout 30s
waiting=$started_pid
holds "closed by all: connections wait" wait_for 20 waits_for 20
tell 2 listen listens 0
reap 30 "$waiting"
is "closed by all: until one listens again" \
    "$(ok_failed "$tmp/waiting") $(value pids "$tmp/waiting")" "20 0 1"
tell 0 listen listens 0
tell 1 listen listens 0

port=$second
load_start second -c 4 --timeout 20s
port=$asked
load_start new -c 4 --timeout 20s
rota scale app 5
is "asked: scale to 5" "$status" 0
holds "asked: 5 workers answer" wait_for 20 workers_answer 5
rota scale app 2
is "asked: scale to 2" "$status" 0
holds "asked: 2 workers answer" wait_for 20 workers_answer 2
load_stop new second
no_failures "asked, scaled" new second
kill -KILL "$(pids_of app | head -n 1)"
holds "asked: a killed worker comes back" wait_for 20 workers_answer 2
load_start new -c 8 --timeout 20s
rollout
like "asked: a rolling restart" "$rollout_result" 'is rolled out'
load_stop new
no_failures "asked, rolled out" new
ask 200 -c 16
turns_are_exact "asked: in the end" 2
is "asked: unix sockets, in the end" "$(unix_spread 4)" "2 2 "
stop_rota
is "asked: rota ends well" "$?" 0

# --- another balance, another mechanism -------------------------------------
config() {			# config KEY...: of the pool
	printf '%s\n' "name: app" "command: $app" "dialect: node" \
	    "listen: [\"127.0.0.1:0\"]" "listen_any: yes" "count: 2" \
	    "ready: { soak: 50ms }" "env: { LISTEN: '[$asked, {\"port\":0, \
\"host\":\"127.0.0.1\"}]' }" "$@"
}

start_rota "$(config)"
first=$(rota_port)
wait_for 30 all_ready 2
port=$first
load_start new -c 6 --timeout 20s
load_start keep -c 2 --mode keep --timeout 20s
port=$asked
load_start asked -c 4 --timeout 20s
for how in "balance: sticky" "mechanism: hand-over" "balance: random" \
    "balance: shared" "balance: least-connections" "balance: shared" \
    "mechanism: kernel"; do
	config "$how" >"$rota_config"
	rota apply
	is "change: apply $how" "$status" 0
	case $how in
	*sticky)
		port=$first
		ask 50 -c 4
		is "change: sticky" "$(value pids "$tmp/ask")" 1 ;;
	*shared)
		like "change: shared" "$(state)" \
		    '"mechanism":"shared listener","reason":null' ;;
	*hand-over)
		like "change: hand-over" "$(state)" \
		    '"mechanism":"hand-over","reason":null' ;;
	*)
		like "change: kernel" "$(state)" '"mechanism":"kernel",' ;;
	esac
done
load_stop new keep asked
no_failures "change" new asked
is "change: keep-alive: failed, but for requests to an idle connection" \
    $(($(load_value keep failed) - $(load_value keep failed_reused_eof))) 0
for port in $first $asked; do
	ask 200 -c 16
	turns_are_exact "change: in the end" 2
done
stop_rota
is "change: rota ends well" "$?" 0

# --- what no Node would say -------------------------------------------------
# Slot 0 speaks the lines of a file, writes down what it hears, and stays.
cat >"$tmp/slot" <<END
#!/bin/sh
[ "\$ROTA_SLOT" = 0 ] || exec $node_app
sed "s/PORT/\$PORT/" "$tmp/words" >&3
exec cat <&3 >"$tmp/heard"
END
chmod +x "$tmp/slot"
for answer in NONE NACK; do
	printf '%s\n' '{"cmd":"NODE_CLUSTER","act":"online","seq":0}' \
	    '{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,'\
'"data":{"x":1},"address":null,"port":PORT,"addressType":4,"seq":7}' \
	    "{\"cmd\":\"NODE_HANDLE_$answer\"}" \
	    '{"cmd":"NODE_CLUSTER","act":"listening","seq":8}' >"$tmp/words"
	start_rota "command: $tmp/slot
name: app
dialect: node
port: 0
count: 2
stop: { timeout: 1s }
ready: { soak: 0 }"
	port=$(rota_port)
	wait_for 20 all_ready 2
	ask 100 -c 8
	is "$answer: who has not taken its listener has no turns" \
	    "$(ok_failed) $(value pids "$tmp/ask")" "100 0 1"
	stop_rota
	if [ $answer = NACK ]; then
		like "$answer: and is told why not" "$(cat "$tmp/heard")" \
		    '"errno":-24,"key":"0","ack":7,"data":\{"x":1\}'
	fi
done

# --- one that ends before it has taken its listener -------------------------
cat >"$tmp/early.js" <<'END'
const fs = require('fs'), [, , app, file] = process.argv;
fs.appendFileSync(file, '.');
if (fs.statSync(file).size < 3) {
	require('http').createServer().listen(process.env.PORT);
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
	process.exit(1);
}
require(app);
END
start_rota "command: $node $tmp/early.js $top_srcdir/t/app.js $tmp/starts
name: app
dialect: node
port: 0
count: 1
backoff: { initial: 0 }"
port=$(rota_port)
holds "early: it is ready in the end" wait_for 30 all_ready 1
is "early: after two that were not" "$(log_count 'exit status 1')" 2
ask 10
is "early: only connections count" \
    "$(state | sed -n 's/.*"handed":\([-0-9]*\),.*/\1/p')" 10
stop_rota
done_testing
