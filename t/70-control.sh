#!/bin/sh
# budget: 240
# Commands find the supervisor, are answered truly, and nobody else may give
# any; what it says of itself is all there.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
sock=$ROTA_RUNTIME_DIR/rota.sock

cat >"$tmp/chatty" <<'END'
#!/bin/sh
# Says its name, what it gets by signals, and dies when told to.
echo "hello from $ROTA_SLOT"
trap 'echo got USR1' USR1
trap 'echo leaving >&2; exit 0' TERM
trap 'echo dying; exit 4' USR2
while :; do sleep 0.02; done
END
chmod 755 "$tmp/chatty"

has_lines() {			# has_lines COUNT EXPRESSION: in the logs
	rota logs -n 1000
	[ "$(grep -Ec -- "$2" "$tmp/out")" -ge "$1" ]
}

has_events() {			# has_events COUNT EXPRESSION
	[ "$(event_count "$2")" -ge "$1" ]
}

# --- nobody there -----------------------------------------------------------
rota status
is "nobody is there" "$status" 3
rota status -s "$sock"
is "nor behind this socket" "$status" 3

start_rota "pools:
  - { name: web, command: rota-http --id x, port: 0, count: 2 }
  - name: chat
    command: $tmp/chatty
    count: 2
    ready: { delay: 50ms }
    backoff: { initial: 0 }"
port=$(rota_port)
holds "everybody is ready" wait_for 30 eval 'all_are ready 2 web &&
    all_are ready 2 chat'

# --- status -----------------------------------------------------------------
ask 10
rota status
is "status: exit status" "$status" 0
like "status: who" "$(cat "$tmp/out")" \
    "^rota [0-9.]+, pid $rota_pid, up [0-9]+s, config $rota_config\$"
like "status: nothing goes on" "$(cat "$tmp/out")" \
    '^running, nothing is under way$'
like "status: a pool" "$(cat "$tmp/out")" \
    "^web: generation 1, 2 of 2 ready, (kernel|hand-over.*), \\[::\\]:$port\$"
for pid in $(pids_of web) $(pids_of chat); do
	like "status: worker $pid" "$(cat "$tmp/out")" \
	    "^ +[01]  ready +$pid +1 "
done
rota status web:1
is "status of a slot: no other" "$(grep -c ' ready ' "$tmp/out")" 1
rota status --json
json=$(cat "$tmp/out")
like "status --json" "$json" '^\{"pid":'"$rota_pid"',.*"config":"'\
"$rota_config"'","control":"'"$sock"'","state":"running",'
like "status --json: turns were counted" "$json" '"slot":0,.*"handed":5,'
if printf '%s' "$json" | python3 -m json.tool >"$tmp/json" 2>&1; then
	ok "status --json: it is JSON"
elif python3 -c '' 2>"$tmp/json"; then
	not_ok "status --json: it is JSON"
else
	skip "status --json: it is JSON" "no python3"
fi

# --- targets, usage, exit statuses ------------------------------------------
refuses() {			# refuses STATUS EXPRESSION ARGUMENT...
	_status=$1 _text=$2
	shift 2
	rota "$@"
	is "rota $*: exit status" "$status" "$_status"
	like "rota $*: the reason" "$(cat "$tmp/err")" "$_text"
}
refuses 1 "no pool 'wbe'; did you mean 'web'\\?" status wbe
refuses 1 "no pool 'cat'; did you mean 'chat'\\?" restart cat
refuses 1 "no pool 'zzzzzz'\$" stop zzzzzz
refuses 1 "pool 'web' has no slot '2'; its slots are 0 to 1" stop web:2
refuses 1 "pool 'web' has no slot 'x'" logs web:x
refuses 2 "target.* not empty" status ''
refuses 1 "no pool 'we'; did you mean 'web'" scale we 3
refuses 2 "signal 'FOO'" signal FOO web
refuses 2 'json: ' send web '{"a":'
refuses 2 'json: .*rota' broadcast '{"rota":"ready"}'
refuses 2 'usage: rota scale' scale web
refuses 2 "no command 'statsu'; did you mean 'status'" statsu
is "no refusal changed anything" "$(states_of web) $(states_of chat)" \
    "ready ready ready ready"

# --- who may, and only one of them ------------------------------------------
is "the socket's mode" "$(stat -c '%a %F' "$sock")" "600 socket"
is "its folder's mode" "$(stat -c %a "$ROTA_RUNTIME_DIR")" \
    "$([ "$(id -u)" -eq 0 ] && echo 755 || echo 700)"
"$top_builddir/rota" run "$rota_config" >"$tmp/second" 2>&1
is "a second one of this config: exit status" "$?" 1
like "a second one of this config" "$(cat "$tmp/second")" \
    "already running as pid $rota_pid"
rota status
is "the first one still answers" "$status" 0

# --- signal, send, broadcast ------------------------------------------------
rota signal USR1 chat:0
is "signal a slot" "$(said)" "0 signalled 1 worker"
holds "it has it" wait_for 20 has_lines 1 'chat\[0\] [0-9]+ \| got USR1$'
rota signal SIGUSR1 chat
is "signal a pool" "$(said)" "0 signalled 2 workers"
holds "both have it" wait_for 20 has_lines 1 'chat\[1\] [0-9]+ \| got USR1$'
rota signal 0 chat
is "signal 0 is none" "$status" 2
all_have() {			# all_have VALUE COUNT
	workers_answer 2 && [ "$(value "value\.$1" "$tmp/ask")" = "$2" ]
}
rota broadcast web '{"n": 77}'
is "broadcast to a pool" "$(said)" "0 sent to 2 workers"
holds "both have it" wait_for 20 all_have 77 6
rota send web:1 '{"n": 78}'
is "send to a slot" "$(said)" "0 sent to 1 worker"
holds "one has it, the other has not" wait_for 20 eval 'all_have 78 3 &&
    all_have 77 3'
rota send web 5 --json
is "send --json" "$(said)" '0 {"sent":2,"not_ready":0}'
rota broadcast -3
like "broadcast to everybody: some speak no such language" "$(said)" \
    '^0 sent to 2 workers'
holds "those who do have it" wait_for 20 all_have -3 6

# --- logs -------------------------------------------------------------------
pid=$(pids_of chat:0)
rota signal USR2 chat:0
holds "a worker dies and comes back" wait_for 20 eval '[ $(pids_of chat:0) \
    != "$pid" ] && all_are ready 2 chat'
holds "its successor says something" wait_for 20 \
    has_lines 3 'chat\[[01]\] [0-9]+ \| hello from [01]$'
rota logs chat:0 -n 3
is "logs of a slot, over its restart" "$(sed 's/ [0-9]* |/ |/' "$tmp/out")" \
    "chat[0] | got USR1
chat[0] | dying
chat[0] | hello from 0"
rota logs chat:0 -n 1
is "logs -n 1" "$(sed 's/ [0-9]* |/ |/' "$tmp/out")" "chat[0] | hello from 0"
rota logs -n 0
is "logs -n 0" "$(said)" "0 "
rota logs web
is "logs of a pool that says nothing" "$(said)" "0 "
rota logs chat:1 --json -n 1
like "logs --json" "$(cat "$tmp/out")" '^\{"seq":[0-9]+,"time":"[0-9TZ:.-]+",'\
'"pool":"chat","slot":1,"pid":[0-9]+,"line":"got USR1"\}$'
command_start follow logs -f -n 1 chat:1
holds "logs -f: what was" wait_for 20 grep -q 'got USR1' "$tmp/follow.said"
rota signal USR2 chat
holds "logs -f: what comes" wait_for 20 grep -q 'dying' "$tmp/follow.said"
holds "logs -f: over a restart" wait_for 20 \
    grep -q 'hello from 1' "$tmp/follow.said"
is "logs -f: nothing of another slot" \
    "$(grep -cv '^chat\[1\]' "$tmp/follow.said")" 0
kill -INT "$(cat "$tmp/follow.pid")"
command_end follow
is "logs -f: ^C ends it well" "$?" 0

# --- events -----------------------------------------------------------------
command_start events events -f -n 1000
holds "events -f: what was" wait_for 20 \
    grep -q 'web: all 2 workers are ready' "$tmp/events.said"
cat >"$tmp/publish" <<'END'
#!/bin/sh
eval "exec 9>&$ROTA_IPC_FD"
echo '{"rota":"ready"}' >&9
echo '{"rota":"status","text":"warming up"}' >&9
echo '{"rota":"publish","data":{"price":5}}' >&9
echo '{"mine":[1,2]}' >&9
exec sleep 1000
END
chmod 755 "$tmp/publish"
cat >"$rota_config" <<END
pools:
  - { name: web, command: rota-http --id x, port: 0, count: 2 }
  - { name: chat, command: $tmp/chatty, count: 2, ready: { delay: 50ms },
      backoff: { initial: 0 } }
  - { name: pub, command: $tmp/publish, count: 1, dialect: rota,
      ready: { soak: 50ms }, stop: { timeout: 300ms } }
END
rota apply
is "apply" "$(said)" "0 pub: new pool; starts 1 worker"
holds "events: a worker's own message" wait_for 20 \
    has_events 1 'pub\[0\] pid [0-9]+: .*\{"mine":\[1,2\]\}'
holds "events: what it published" wait_for 20 \
    has_events 1 'pub\[0\] pid [0-9]+: .*\{"price":5\}'
holds "events: its words of itself" wait_for 20 has_events 1 'warming up'
like "status shows them" "$("$top_builddir/rota" status --json pub)" \
    '"text":"warming up"'
rota reload web
is "reload" "$status" 0
rota stop web:0
rota start web:0
kill -KILL "$(pids_of web:1)"
holds "a killed one is replaced" wait_for 20 all_are ready 2 web
rota events -n 1000
for text in "pid $rota_pid, config" 'web\[0\] pid [0-9]+: started, gen' \
    'web\[1\] pid [0-9]+: ready, generation 1' \
    'command reload .*from pid [0-9]+' 'rolling out generation 2 to 2' \
    'web\[1\] pid [0-9]+: takes the slot, generation 2' \
    'generation 2 is rolled out to 2 slots' 'command stop ' \
    'web\[0\] pid [0-9]+: left, exit status 0' \
    'web\[1\] pid [0-9]+: signal 9 \(Killed\); restarting' \
    'config .* is applied, 1 change' 'chat\[0\] .*exit status 4; restart'; do
	like "events: $text" "$(cat "$tmp/out")" "$text"
done
rota events -n 1000 web:0
is "events of a slot: nothing of others" \
    "$(grep -cv 'web\[0\]' "$tmp/out")" 0
rota events -n 2 --json
is "events -n 2 --json" "$(grep -c '^{"seq":.*"kind":"' "$tmp/out")" 2
holds "events -f has seen all of it" wait_for 20 \
    grep -q 'web\[1\] pid [0-9]*: signal 9' "$tmp/events.said"
kill -INT "$(cat "$tmp/events.pid")"
command_end events
is "events -f: ^C ends it well" "$?" 0

# --- SIGHUP -----------------------------------------------------------------
sed -i '/name: pub/,$d' "$rota_config"
if ignores_hup; then
	skip "HUP applies" "HUP is ignored here, as by nohup"
else
	kill -HUP "$rota_pid"
	holds "HUP applies" wait_for 20 log_has 1 'pool pub is gone'
fi

# --- killed and started again -----------------------------------------------
old=$rota_pid
workers="$(pids_of web) $(pids_of chat)"
kill -KILL "$rota_pid"
reap 10 "$rota_pid"
# shellcheck disable=SC2086 # several pids
holds "its workers leave" wait_for 20 none_alive $workers
is "its socket is left" "$(stat -c %F "$sock")" socket
rota status
is "nobody is behind it" "$status" 3
run_rota
holds "another one takes its place" wait_for 20 all_are ready 2 web
is "it is another one" \
    "$([ "$(state | sed -n 's/^{"pid":\([0-9]*\),.*/\1/p')" = "$old" ] ||
    echo yes)" yes

# --- shutdown ---------------------------------------------------------------
cat >"$tmp/slow" <<END
#!/bin/sh
trap 'leaves=yes' TERM
until [ "\$leaves" = yes ] && [ -e "$tmp/go" ]; do sleep 0.02; done
END
chmod 755 "$tmp/slow"
cat >"$rota_config" <<END
pools: [ { name: slow, command: $tmp/slow, count: 2, ready: { delay: 50ms,
    soak: 50ms } } ]
END
rota apply
is "apply" "$status" 0
command_start end shutdown
holds "shutdown: it is stopping" wait_for 20 state_has '"state":"stopping"'
for arguments in reload apply 'scale slow 3' 'start slow' 'stop slow:0'; do
	# shellcheck disable=SC2086 # several words
	rota $arguments
	like "shutdown: $arguments is refused" "$(said)" '^1 .*stopping'
done
rota status
is "shutdown: status is answered" "$status" 0
: >"$tmp/go"
command_end end
is "shutdown: exit status" "$?" 0
is "shutdown: what it says" "$(cat "$tmp/end.said")" \
    "the supervisor has ended, exit status 0"
reap 10 "$rota_pid"
is "shutdown: that was true" "$?" 0
holds "shutdown: its socket is gone" test ! -e "$sock"
rota shutdown
is "shutdown of nobody" "$status" 3

printf '#!/bin/sh\ntrap "" TERM\nwhile :; do sleep 0.1; done\n' >"$tmp/deaf"
chmod 755 "$tmp/deaf"
mkdir "$tmp/own"
start_rota "control: { path: own/x.sock }
pools: [ { name: deaf, command: $tmp/deaf, ready: { delay: 50ms }, count: 1 } ]"
is "control.path: it is there" "$(stat -c '%a %F' "$tmp/own/x.sock")" \
    "600 socket"
rota status -c "$rota_config"
is "control.path: -c FILE finds it" "$status" 0
rota status -s "$tmp/own/x.sock"
is "control.path: -s PATH finds it" "$status" 0
rota shutdown --no-wait -c "$rota_config"
is "shutdown --no-wait" "$(said)" "0 the supervisor is stopping"
command_start end shutdown -c "$rota_config"
holds "shutdown, a second one" wait_for 20 log_has 2 'command shutdown'
rota shutdown --at-once -c "$rota_config"
is "shutdown --at-once: somebody had to be killed" "$(said)" \
    "0 the supervisor has ended, exit status 1"
command_end end
is "shutdown: the one that waited is told, too" "$(cat "$tmp/end.said")" \
    "the supervisor has ended, exit status 1"
reap 10 "$rota_pid"
is "shutdown --at-once: that was true" "$?" 1
holds "control.path: it is gone" test ! -e "$tmp/own/x.sock"

# --- no place for a socket --------------------------------------------------
ROTA_RUNTIME_DIR=$tmp/file
: >"$tmp/file"
start_rota "command: sleep 1000
count: 1"
holds "no place for a socket: it warns" \
    log_has 1 '^rota: warning: no control socket, so no commands: .*file'
holds "no place for a socket: it goes on" wait_for 20 all_ready 1
stop_rota
is "no place for a socket: it ends well" "$?" 0
cat >"$rota_config" <<END
command: sleep 1000
control: { path: /proc/none/x.sock }
END
"$top_builddir/rota" run "$rota_config" >"$tmp/refused" 2>&1
is "a place that is named, and is none: refused" "$?" 1
like "a place that is named, and is none" "$(cat "$tmp/refused")" \
    'error: /proc/none/x.sock.*: No such file'
done_testing
