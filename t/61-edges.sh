#!/bin/sh
# budget: 120
# What a review has found at the edges: queues and listeners that a worker
# shuts down, workers that are gone before they are heard, pools and slots
# that are over, and rollouts that meet one of these.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
rogue=$top_builddir/t/rogue

lines() {			# lines FILE
	wc -l <"$1" 2>/dev/null || echo 0
}

# --- ROTA_CONN_FD shut down ---------------------
# conn_pool KIND COUNT: the first worker of slot 0 is a rogue of this kind,
# all the others serve.
conn_pool() {
	rm -rf "$tmp/first"
	cat >"$tmp/turncoat" <<END
#!/bin/sh
if [ "\$ROTA_SLOT" = 0 ] && mkdir "$tmp/first" 2>/dev/null; then
	exec "$rogue" $1
fi
exec rota-http
END
	chmod 755 "$tmp/turncoat"
	start_rota "command: $tmp/turncoat
dialect: rota
mechanism: hand-over
port: 0
count: $2
backoff: { initial: 50ms, jitter: 0% }"
	port=$(rota_port)
	wait_for 20 all_ready "$2" || not_ok "$1: $2 workers are ready"
}

# shut_down_and_gone KIND: it leaves three connections in its queue.
shut_down_and_gone() {
	conn_pool "$1" 1
	ask 3 -c 3 --timeout 10s
	is "$1: what waited in the queue is answered by the successor" \
	    "$(ok_failed "$tmp/ask")" "3 0"
	ask 20 -c 4 --timeout 5s
	is "$1: so is what comes later" "$(ok_failed "$tmp/ask")" "20 0"
	for pid in $(answered); do
		kill -KILL "$pid"
	done
	ask 20 -c 4 --timeout 5s
	is "$1: another successor serves, too" \
	    "$(ok_failed "$tmp/ask")" "20 0"
	stop_rota
	is "$1: rota ends well" "$?" 0
}
shut_down_and_gone conn-exit
shut_down_and_gone conn-die

conn_pool conn-stay 2
start "$tmp/waiting" "$load" --port "$port" -n 6 -c 6 --timeout 10s
waiting=$started_pid
holds "conn-stay: it is noticed at the next connection" \
    wait_for 10 sh -c "'$load' --port $port -n 2 --timeout 2s >/dev/null;
	grep -q 'ROTA_CONN_FD' '$log'"
reap 15 "$waiting"
is "conn-stay: what waited in its queue is answered by the sibling" \
    "$(ok_failed "$tmp/waiting")" "6 0"
ask 40 -c 8 --timeout 5s
is "conn-stay: turns go on without it" \
    "$(ok_failed "$tmp/ask") $(value pids "$tmp/ask")" "40 0 1"
is "conn-stay: it is logged once" "$(log_count 'has shut ROTA_CONN_FD')" 1
ticks=$(cpu_ticks)
sleep 0.5
holds "conn-stay: rota does not spin" \
    test $(($(cpu_ticks) - ticks)) -le 15
first=$(sed -n 's/.*\[0\] pid \([0-9]*\): started.*/\1/p' "$log")
kill -KILL "$first"
holds "conn-stay: its successor has its turns again" \
    wait_for 10 workers_answer 2
stop_rota
is "conn-stay: rota ends well" "$?" 0

# --- a shared listener shut down in a loop ---------------------
cat >"$tmp/shutter" <<END
#!/bin/sh
[ "\$ROTA_SLOT" = 0 ] && exec "$rogue" listener
exec rota-http
END
chmod 755 "$tmp/shutter"
start_rota "pools:
  - name: good
    command: rota-http
    port: 0
    count: 1
  - name: shared
    command: $tmp/shutter
    dialect: rota
    balance: shared
    port: 0
    count: 2"
port=$(rota_port)
wait_for 20 log_has 1 'listens again' || not_ok "the listener is shut down"
ask 200 -c 4 --timeout 5s
is "listener: meanwhile another pool is served" \
    "$(ok_failed "$tmp/ask") $(log_count 'it is over')" "200 0 0"
wait_for 20 log_has 1 'it is over' || not_ok "the rogue comes to an end"
holds "listener: the log is not flooded: $(lines "$log") lines" \
    test "$(lines "$log")" -lt 100
port=$(rota_ports | tail -n 1)
holds "listener: in the end it is served again" \
    wait_for 5 ask 5 --timeout 1s
stop_rota
is "listener: rota ends well" "$?" 0

# --- ready and gone ---------------------
start_rota "command: $rogue brief
dialect: rota
count: 4
backoff: { initial: 2ms, max: 64ms, jitter: 0%, reset_after: 10s }"
holds "brief: workers come and go" wait_for 20 log_has 60 'restarting in'
is "brief: none is taken for one that ran long" \
    "$(log_count 'restarting now')" 0
is "brief: the back-off grows, and never falls" "$(sed -n \
    's/.*\(\[[0-9]\]\).*restarting in \([0-9]*\) ms.*/\1 \2/p' "$log" |
    awk '{ if ($2 < last[$1]) print; last[$1] = $2 }
	END { for (s in last) if (last[s] > most) most = last[s]
	    if (most != 64) print most }')" ""
stop_rota

# All of them get ready and crash: when each has, one at a time probes.
start_rota "command: $rogue crash
name: crash
dialect: rota
count: 4
ready: { soak: 5s }
backoff: { initial: 20ms, max: 20ms, jitter: 0%, reset_after: 1h }"
holds "crash: workers are tried again" \
    wait_for 20 log_has 20 ': started, generation'
is "crash: by one at a time, although it gets ready" "$(awk '
	/: started, generation/ {
		running++
		if (++starts > 10 && running > most)
			most = running
	}
	/exit status 3/ { running-- }
	END { print most }' "$log")" 1
stop_rota

start_rota "command: $rogue half
dialect: rota
count: 1
stop: { timeout: 5s }"
wait_for 20 all_ready 1 || not_ok "half: it is ready"
# It is ready a moment before it stops to read: it then waits for signals.
sleep 0.2
stop_rota
is "half: who cannot be told gets the signal" \
    "$? $(log_count 'left, signal 15')" "0 1"

# --- what is over ---------------------
cat >"$tmp/job" <<END
#!/bin/sh
if [ -e "$tmp/new" ]; then	# of the second generation
	until [ -e "$tmp/fail" ]; do sleep 0.02; done
	exit 7
fi
until [ -e "$tmp/leave" ]; do sleep 0.02; done
END
chmod 755 "$tmp/job"
start_rota "command: $tmp/job
dialect: plain
restart: never
ready: { delay: 100ms, soak: 60s }
count: 1"
wait_for 20 all_ready 1 || not_ok "job: it is ready"
: >"$tmp/new"
kill -USR2 "$rota_pid"
wait_for 20 log_has 1 'ready, generation 2' || not_ok "job: a rollout"
: >"$tmp/leave"
wait_for 20 log_has 1 'not started again' || not_ok "job: the old one ends"
is "job: rota waits for the rollout" "$(is_alive "$rota_pid" && echo yes)" yes
: >"$tmp/fail"
reap 10 "$rota_pid"
is "job: when that has failed it ends by itself" \
    "$? $(log_count 'rollout of generation 2 failed')" "0 1"

cat >"$tmp/tick" <<END
#!/bin/sh
echo tick >>"$tmp/ticks"
echo 1
END
cat >"$tmp/some" <<END
#!/bin/sh
until [ -e "$tmp/enough" ]; do sleep 0.02; done
END
chmod 755 "$tmp/tick" "$tmp/some"
start_rota "pools:
  - name: some
    command: $tmp/some
    dialect: rota
    ready: { when: delay, delay: 50ms }
    restart: never
    port: 0
    count: 1
    broadcast: { interval: 50ms, key: n, command: \"$tmp/tick\" }
  - name: other
    argv: [sleep, \"1000\"]
    dialect: plain
    count: 1"
port=$(rota_port)
holds "over: the command of a pool runs" \
    wait_for 20 sh -c "[ \$(wc -l <'$tmp/ticks') -ge 3 ]"
: >"$tmp/enough"
wait_for 20 log_has 1 'not started again' || not_ok "over: the pool ends"
sleep 0.3			# one may have been under way
ticks=$(lines "$tmp/ticks")
sleep 0.5
is "over: not any more when the pool is over" "$(lines "$tmp/ticks")" "$ticks"
ask 1 --timeout 2s
is "over: its port refuses" "$(value failed_refused "$tmp/ask")" 1
is "over: the other pool runs on" "$(is_alive "$rota_pid" && echo yes)" yes
stop_rota

# A slot that has ended for good, beside one that goes on.
cat >"$tmp/slots" <<END
#!/bin/sh
[ "\$ROTA_SLOT" = 0 ] || exec sleep 1000
until [ -e "$tmp/done" ]; do sleep 0.02; done
END
chmod 755 "$tmp/slots"
start_rota "command: $tmp/slots
name: slots
dialect: plain
restart: on-failure
ready: { delay: 50ms, soak: 50ms }
count: 2"
wait_for 20 all_ready 2 || not_ok "ended: both are ready"
: >"$tmp/done"
wait_for 20 log_has 1 'not started again' || not_ok "ended: slot 0 ends"
rollout
like "ended: a rollout goes over it" "$rollout_result" 'is rolled out'
is "ended: and leaves that slot alone" "$(log_count '\[0\].*: started') \
$(log_count '\[1\].*: started')" "1 2"
printf '#!/bin/sh\nexit 9\n' >"$tmp/slots.new"
chmod 755 "$tmp/slots.new"
mv "$tmp/slots.new" "$tmp/slots"
rollout
like "ended: one that fails" "$rollout_result" 'failed'
is "ended: leaves it alone on the way back, too" \
    "$(log_count '\[0\].*: started')" 1
stop_rota
is "ended: rota ends well" "$?" 0

# --- rollouts ---------------------
# Everybody needs what only one of each slot can have: old-first.
cat >"$tmp/alone" <<END
#!/bin/sh
if [ "\$ROTA_GENERATION.\$ROTA_SLOT" = 2.0 ]; then
	sleep 0.2
	exit 5
fi
exec sleep 1000
END
chmod 755 "$tmp/alone"
start_rota "command: $tmp/alone
name: alone
dialect: plain
ready: { delay: 400ms, soak: 100ms }
reload: { order: old-first, batch: all }
count: 4"
wait_for 20 all_ready 4 || not_ok "old-first: all are ready"
rollout
like "old-first: the rollout is rolled back" "$rollout_result" \
    'failed and is rolled back'
is "old-first: in each slot one starts when another has gone" "$(awk '
	match($0, /\[[0-9]\] pid [0-9]+: /) {
		slot = substr($0, RSTART, 3)
		if (/: started, generation/) {
			starts++
			if (++running[slot] > 1)
				print
		} else if (/: left, |exit status/)
			running[slot]--
	}
	/generation 2: pid .* ended/ && !/\[[0-9]\] pid/ { running["[0]"]-- }
	END { print starts }' "$log")" 12
stop_rota
is "old-first: rota ends well" "$?" 0

# Descriptors for few more than the pool: old ones that drain hold theirs.
slow_config="command: $rogue deaf
dialect: rota
port: 0
ready: { soak: 0 }
stop: { timeout: 400ms }
count: 40"
printf '%s\n' "$slow_config" >"$tmp/slow.yaml"
prlimit --nofile=100 "$top_builddir/rota" run "$tmp/slow.yaml" \
    >"$tmp/out" 2>&1
need=$(sed -n 's/.*need \([0-9]*\) descriptors.*/\1/p' "$tmp/out")
like "slow drains: it is said how many descriptors are needed" \
    "$need" '^[0-9]+$'
wrap=${ROTA_WRAP:-}
ROTA_WRAP="$wrap prlimit --nofile=$((need + 40))"
start_rota "$slow_config"
ROTA_WRAP=$wrap
wait_for 20 all_ready 40 || not_ok "slow drains: all are ready"
rollout
like "slow drains: the rollout waits for room" "$rollout_result" \
    'is rolled out'
is "slow drains: it never ran out of descriptors" \
    "$(log_count 'Too many open files|cannot')" 0
kill -TERM "$rota_pid"
reap 20 "$rota_pid"
is "slow drains: rota ends; who had to be killed counts" "$?" 1

# --- broadcasts ---------------------
start_rota "command: rota-http
port: 0
count: 1
broadcast: { interval: 100ms, key: load, file: /proc/loadavg }"
port=$(rota_port)
wait_for 20 all_ready 1 || not_ok "loadavg: it is ready"
has_load() {
	ask 1 && grep -Eq '^value\.[0-9]+\.[0-9]' "$tmp/ask"
}
holds "loadavg: a file without a size is read" wait_for 10 has_load
stop_rota

# Away from the command's group before the command ends; and amid an exec most
# of the time, when nobody can see its environment.
cat >"$tmp/restless" <<END
#!/bin/sh
if [ -z "\${i-}" ]; then
	export i=0
	echo "\$\$ \$ROTA_POOL \$ROTA_SLOT" >"$tmp/orphan.new"
	mv "$tmp/orphan.new" "$tmp/orphan"
fi
[ \$((i += 1)) -gt 5000 ] || exec "\$0"
END
cat >"$tmp/parent" <<END
#!/bin/sh
setsid "$tmp/restless" >/dev/null 2>&1 &
until [ -e "$tmp/orphan" ]; do sleep 0.02; done
echo 7
END
chmod 755 "$tmp/parent" "$tmp/restless"
start_rota "command: rota-http
name: web
port: 0
count: 1
broadcast: { interval: 1h, key: n, command: \"$tmp/parent\" }"
port=$(rota_port)
has_seven() {
	ask 1 && [ "$(value 'value\.7' "$tmp/ask")" = 1 ]
}
holds "orphan: the command gives its value" wait_for 20 has_seven
read -r orphan names <"$tmp/orphan"
started "$orphan"
is "orphan: its environment says whose it is" "$names" "web broadcast"
holds "orphan: its child in a session of its own is gone" \
    wait_for 20 none_alive "$orphan"
stop_rota
is "orphan: rota ends well" "$?" 0

# --- a terminal ---------------------
hup="two HUP from a terminal stop gracefully"
if ! python3 -c 'import pty' 2>/dev/null; then
	skip "$hup" "python3 is not installed"
	done_testing
fi
cat >"$tmp/on_tty.py" <<'END'
import os, pty, sys

pid, fd = pty.fork()
if pid == 0:
    os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND), 2)
    os.execv(sys.argv[2], sys.argv[2:])
print(pid, flush=True)
status = os.waitpid(pid, 0)[1]
print(os.waitstatus_to_exitcode(status), flush=True)
END
cat >"$tmp/slow_end" <<END
#!/bin/sh
trap 'until [ -e "$tmp/end" ]; do sleep 0.02; done; exit 0' TERM
while :; do sleep 0.05; done
END
chmod 755 "$tmp/slow_end"
printf '%s\n' "command: $tmp/slow_end" "dialect: plain" "count: 1" \
    "ready: { delay: 200ms }" >"$tmp/tty.yaml"
cat "$log" >>"$tmp/logs"
: >"$log"
start "$tmp/tty.out" python3 "$tmp/on_tty.py" "$log" "$top_builddir/rota" \
    run "$tmp/tty.yaml"
on_tty=$started_pid
wait_for 20 all_ready 1 || not_ok "on a terminal: it is ready"
rota_pid=$(cat "$tmp/tty.out")
started "$rota_pid"
kill -HUP "$rota_pid"
wait_for 10 log_has 1 'signal HUP' || not_ok "the first HUP"
kill -HUP "$rota_pid"
wait_for 10 log_has 2 'signal HUP' || not_ok "the second HUP"
: >"$tmp/end"
reap 20 "$on_tty"
is "$hup" "$(tail -n 1 "$tmp/tty.out") $(log_count 'left, exit status 0')" \
    "0 1"
done_testing
