#!/bin/sh
# budget: 300
# Workers of Node's cluster that cannot take a connection, that leave in
# their own way, and that say what no Node would say.  What it refuses is
# given to others only by hand-over.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/node.sh
. "$top_srcdir/t/node.sh"

handed() {			# to all slots, in all
	state | grep -o '"handed":[0-9]*' | awk -F : '{ n += $2 }
	    END { print n + 0 }'
}

# --- a worker without descriptors --------------------------------------------
printf '#!/bin/sh\nulimit -n 64\nexec %s\n' "$app" >"$tmp/few"
chmod +x "$tmp/few"
app_as_it_is=$app
app=$tmp/few
start_node 2 "port: 0" "mechanism: hand-over"
load_start few -c 8
curl -s "http://127.0.0.1:$port/fill/2000" >"$tmp/curl"
holds "a worker is out of descriptors" wait_for 10 says 1 '"full":"EMFILE"'
holds "the log says so" wait_for 10 log_has 1 \
    'cannot take a descriptor; has it too many open\?'
holds "it has its turns again when it has some" wait_for 20 workers_answer 2
load_stop few
no_failures "the other gets what it cannot take" few
stop_rota
start_node 1 "port: 0" "mechanism: hand-over"
curl -s "http://127.0.0.1:$port/fill/1500" >"$tmp/curl"
wait_for 10 says 1 '"full":"EMFILE"'
before=$(handed)
ask 5 -c 5
is "if there is no other, connections wait" "$(value failed "$tmp/ask")" 0
tries=$(($(handed) - before))
holds "and are not tried again and again: $tries" test "$tries" -le 60
stop_rota
app=$app_as_it_is

# --- maxConnections ----------------------------------------------------------
start_node 2 "port: 0" "mechanism: hand-over" "env: { MOST: '1' }"
ask 40 -c 8 --path /slow/20
is "maxConnections: one refuses, another or a later turn has it" \
    "$(value failed "$tmp/ask") $(value pids "$tmp/ask")" "0 2"
stop_rota
if [ "$node_major" -ge 22 ]; then
	start_node 1 "port: 0" "mechanism: hand-over" \
	    "env: { MOST: '1', DROP: '1' }"
	start "$tmp/slow" curl -s "http://127.0.0.1:$port/slow/2000"
	slow=$started_pid
	wait_for 10 says 1 '{"slow":2000}'
	curl -s "http://127.0.0.1:$port/" >"$tmp/curl"
	like "dropMaxConnection: it is closed" "$? $(cat "$tmp/curl")" \
	    '^(52|56) $'
	reap 10 "$slow"
	stop_rota
else
	skip "dropMaxConnection: it is closed" "Node has it from 22 on"
fi

# --- a worker that stands still -----------------------------------------------
passed_over() {
	state | grep -o '"passed_over":[0-9]*' | head -n 1 | sed 's/.*://'
}

passes_over() {			# passes_over COUNT: more than so many
	curl -s -m 1 "http://127.0.0.1:$port/" >"$tmp/curl"
	[ "$(passed_over)" -gt "$1" ]
}
start_node 2 "port: 0" "mechanism: hand-over"
ask 1000 -c 16
holds "after many connections it comes to rest" wait_for 20 is_unchanged
for signal in CONT KILL; do
	stopped=$(pids_of app | head -n 1)
	kill -STOP "$stopped"
	before=$(passed_over)
	load_start "$signal" -c 16 --timeout 30s
	holds "a stopped worker is passed over" wait_for 30 \
	    passes_over "$before"
	ask 10
	is "the other goes on" "$(value failed "$tmp/ask")" 0
	kill -"$signal" "$stopped"
	holds "$signal: both have their turns" wait_for 30 workers_answer 2
	load_stop "$signal"
	no_failures "$signal: what it was given is answered" "$signal"
done
stop_rota

# --- leaving in its own way, and past Node on its channel ---------------------
leaves() {			# leaves MECHANISM
	start_node 4 "port: 0" "mechanism: $1"
	load_start leave -c 8
	curl -s "http://127.0.0.1:$port/leave" >"$tmp/curl"
	holds "$1: cluster.worker.disconnect() under load" wait_for 20 \
	    log_has 1 'exit status 0; it is not started again'
	load_stop leave
	no_failures "$1: cluster.worker.disconnect()" leave
	ends=1
	for way in kill hangup; do
		ends=$((ends + 1))
		load_start "$way" -c 8
		curl -s "http://127.0.0.1:$port/$way" >"$tmp/curl"
		holds "$1: $way under load: it ends" wait_for 20 \
		    log_has "$ends" 'exit status 0(; it is not|.*restarting)'
		load_stop "$way"
		failed=$(load_value "$way" failed)
		holds "$1: $way: only what was begun is lost: $failed" \
		    test "$failed" -le 8
	done
	stop_rota
}

says_garbage() {		# says_garbage MECHANISM
	start_node 2 "port: 0" "mechanism: $1" "ready: { soak: 200ms }"
	load_start garbage -c 8
	for _ in 1 2 3 4 5; do
		curl -s "http://127.0.0.1:$port/garbage" >"$tmp/curl"
	done
	holds "$1: garbage from a worker that goes on is said" wait_for 10 \
	    log_has 1 'bad message'
	rollout
	like "$1: garbage: a rolling restart" "$rollout_result" \
	    'is rolled out'
	load_stop garbage
	no_failures "$1: garbage" garbage
	curl -s "http://127.0.0.1:$port/half" >"$tmp/curl"
	ask 50
	is "$1: half a line, and the next is lost: all is answered" \
	    "$(value failed "$tmp/ask")" 0
	rollout
	like "$1: half a line: a rolling restart" "$rollout_result" \
	    'is rolled out'
	stop_rota
}

for how in $mechanisms; do
	leaves "$how"
	says_garbage "$how"
done

# --- what no Node would say --------------------------------------------------
# Slot 0 speaks the lines of a file and stays; the other is a real one.
cat >"$tmp/slot" <<END
#!/bin/sh
[ "\$ROTA_SLOT" = 0 ] || exec $app
sed "s/PORT/\$PORT/" "$tmp/words" >&3
exec sleep 1000
END
chmod +x "$tmp/slot"
online='{"cmd":"NODE_CLUSTER","act":"online","seq":0}'
query='{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,'
query="$query\"address\":null,\"port\":PORT,\"addressType\":4,\"seq\":1}"
listening='{"cmd":"NODE_CLUSTER","act":"listening","seq":2}'

garbage() {			# garbage NAME LINE...
	_text=$1
	shift
	printf '%s\n' "$@" >"$tmp/words"
	start_rota "command: $tmp/slot
name: app
dialect: node
mechanism: $how
port: 0
count: 2
backoff: { initial: 1s }
stop: { timeout: 1s }
ready: { timeout: 20s, soak: 0 }"
	port=$(rota_port)
	wait_for 20 log_has 1 '"address":{"address":"::"'
}

# What it is given and how, it says; see t/86-node-kernel.sh, too.
how=hand-over
# shellcheck disable=SC2086 # words
garbage "never acknowledges" "$online" "$query" "$listening"
wait_for 20 all_ready 2
load_start stuck -c 16 --timeout 30s
holds "who never acknowledges loses its turns" wait_for 30 passes_over 0
handed=$(state | grep -o '"slot":0.*"handed":[0-9]*' | sed 's/.*://')
holds "after a few: $handed" test "$handed" -le 64
rota stop app:0
is "it is stopped" "$status" 0
load_stop stuck
no_failures "what it was given goes to others" stuck
stop_rota

long=$(head -c 1100000 /dev/zero | tr '\0' 'x')
nack='{"cmd":"NODE_HANDLE_NACK"}'
ack='{"cmd":"NODE_HANDLE_ACK"}'
handle='{"cmd":"NODE_HANDLE","type":"net.Socket","msg":{},"key":"1"}'
yes='{"cmd":"NODE_CLUSTER","ack":1,"accepted":true,"seq":9}'
no='{"cmd":"NODE_CLUSTER","ack":1,"accepted":false,"seq":9}'
close='{"cmd":"NODE_CLUSTER","act":"close","key":"77","seq":9}'
garbage "acknowledges too much" "$online" "$query" "$listening" \
    "$ack" "$ack" "$nack" "$yes" "$no" "$close" "" "{" "$handle" "$handle" \
    "$query" "$(yes "$ack" | head -n 300)"
wait_for 20 all_ready 2
load_start odd -c 4 --timeout 30s
wait_for 5 log_has 1 'bad message: an acknowledgement of nothing'
rota stop app:0
is "wrong acknowledgements: it is stopped" "$status" 0
load_stop odd
no_failures "wrong acknowledgements" odd
holds "are said" log_has 1 'an acknowledgement of nothing'
stop_rota
how=auto
garbage "a line that is too long" "$online" "$query" "$listening" "$long"
holds "a line that is too long: the channel is closed" wait_for 20 \
    log_has 1 'its channel is closed: a line is longer'
holds "and the worker with it" wait_for 20 log_has 1 \
    'signal 15.*restarting'
ask 50
is "the others go on" "$(value failed "$tmp/ask")" 0
stop_rota
done_testing
