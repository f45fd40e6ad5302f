#!/bin/sh
# The client side of the commands, against a stand-in that says what a script
# tells it: tables, progress, errors, exit statuses, and a server that lies.
# budget: 300
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
look_for_leaks

# The interpreter itself: it is started often.
python=$(python3 -c 'import sys; print(sys.executable)' 2>"$tmp/which") ||
    skip_all "python3 is not installed"
ROTA_RUNTIME_DIR=$tmp/run
export ROTA_RUNTIME_DIR
mkdir "$ROTA_RUNTIME_DIR"
cd "$tmp" || exit 99
mkfifo hold
exec 8<>hold				# the stand-ins end with this
sock=$tmp/mock.sock
requests=$tmp/requests

# Start a stand-in; $sock answers with the script on standard input.
mock() {			# mock [SOCKET]
	cat >"$tmp/script"
	if [ $# -gt 0 ]; then
		sock=$1
	fi
	rm -f "$sock" "$requests" mock.out
	"$python" "$top_srcdir/t/mock-control.py" "$sock" "$tmp/script" \
	    "$requests" <hold >mock.out 2>&1 &
	mock_pid=$!
	started "$mock_pid"
	wait_for 20 grep -q listening mock.out || bail_out "no stand-in"
}

unmock() {
	kill "$mock_pid" 2>>unmock.err
	wait "$mock_pid" 2>>unmock.err
}

# Sets $status; $tmp/out and $tmp/err have the output.
rota() {			# rota ARGUMENT...
	# shellcheck disable=SC2086 # a command with its options
	${ROTA_WRAP:-} "$top_builddir/rota" "$@" >out 2>err </dev/null
	status=$?
	cat err >>"$log"
}

# The same in the background, with ^C not ignored; sets $started_pid.
rota_start() {			# rota_start ARGUMENT...
	# shellcheck disable=SC2086
	start both env --default-signal=INT ${ROTA_WRAP:-} \
	    "$top_builddir/rota" "$@"
}

said() {			# status, stdout, stderr; valgrind's left out
	echo "$status $(cat out)$(grep -v '^==' err)"
}

asked() {
	tail -n 1 "$requests"
}

# --- nobody there ----------------------------------------------------------
rota status -s "$tmp/none.sock"
is "-s: nobody there" "$(said)" \
    "3 rota: no supervisor runs here (control socket $tmp/none.sock)"
rota reload
is "nobody in the folder" "$(said)" "3 rota: no supervisor runs here (no \
control socket in $tmp/run); another one is named by -c FILE or -s PATH"
rota plan -c web.yaml
is "-c: nobody there, nor is the file" "$(said)" "3 rota: web.yaml cannot be \
used, so only the default control socket was tried; see rota check
rota: no supervisor runs here (control socket $tmp/run/web.sock)"
echo 'command: sh' >web.yaml
rota plan -c web.yaml
is "-c: nobody there" "$(said)" \
    "3 rota: no supervisor runs here (control socket $tmp/run/web.sock)"
rota status -s "$(printf '%0200d' 0)"
like "-s: too long a path" "$(said)" '^[12] rota: .*000'
rota status -s a -c b
like "-s and -c" "$(said)" '^2 rota: -c and -s exclude each other'
for arguments in 'scale web' 'reload --timeout 5' 'logs -n x' 'send web' \
    'status --bogus' 'status a b' 'top x' 'reload --abort --no-wait'; do
	# shellcheck disable=SC2086 # several words
	rota $arguments
	like "usage: $arguments" "$(said | tail -n 1)" \
	    "^(2 )?usage: rota ${arguments%% *} "
	is "usage: $arguments: status" "$status" 2
done

# --- finding the one -------------------------------------------------------
mock "$tmp/run/web.sock" <<'END'
on plan
  ok {"file":"/x","changes":[]}
END
first_mock=$mock_pid
rota plan
is "the only one in the folder" "$(said)" "0 nothing would change"
echo 'argv: [' >web.yaml
rota plan -c web.yaml
is "-c, with a file that has errors" "$(said)" "0 nothing would change"
cat >api.yaml <<'END'
control: {path: run/web.sock}
pools: [{name: x, command: sh}]
END
rota plan -c api.yaml
is "-c, with a path of its own" "$(said)" "0 nothing would change"
"$python" -c 'import socket; socket.socket(1).bind("run/stale.sock")'
rota plan
is "a stale one is none" "$(said)" "0 nothing would change"
mock "$tmp/run/api.sock" <<'END'
on plan
  ok {"file":"/x","changes":[]}
END
rota plan
is "two in the folder: they are listed" "$(said)" "2 rota: 2 supervisors run \
here; choose one with -c FILE or:
  -s $tmp/run/api.sock
  -s $tmp/run/web.sock"
unmock
mock_pid=$first_mock
unmock
sock=$tmp/mock.sock

# --- greetings ---------------------------------------------------------------
greeted() {			# greeted NAME GREETING EXPRESSION
	mock <<END
greet $2
END
	rota status -s "$sock"
	like "greeting: $1" "$(said)" "$3"
	unmock
}
greeted "another version" '{"rota":"control","version":2,"pid":1}' \
    '^1 rota: .* speaks version 2 of the control protocol, .* version 1$'
greeted "no version" '{"rota":"control"}' '^1 rota: .* version -1 of'
greeted "too many" '{"rota":"control","version":1,"error":"too many \u001b"}' \
    '^1 rota: .*mock.sock: too many \\x1b$'
greeted "another program" 'SSH-2.0-x' '^1 rota: .* is no control socket of'
greeted "another JSON" '{"hello":1}' '^1 rota: .* is no control socket of'
greeted "an array" '["rota","control",1]' '^1 rota: .* is no control socket'

# --- status ------------------------------------------------------------------
start both sleep 300
worker=$started_pid
cat >status.json <<END
{"pid":1,"release":"0.1.0","config":"/etc/web.yaml","control":"x",
 "state":"running","uptime_ms":273600000,"file_differs":true,
 "activity":{"kind":"rollout","pool":"web","generation":4,"replaced":3,
  "slots":8,"text":"rolling out generation 4: 3 of 8","queued":1},
 "pools":[{"name":"web","generation":3,"mechanism":"hand-over","reason":null,
  "count":2,"configured_count":4,"ready":1,"ended":false,"passed_over":0,
  "listeners":[{"name":null,"address":"[::]:7000"}],
  "slots":[
   {"slot":0,"state":"ready","generation":3,"pid":$worker,"uptime_ms":100000,
    "restarts":2,"handed":12345,"waiting":0,"lag":0,"dropped":0,
    "text":"all \u001b[31mred","backoff_ms":null,
    "last_exit":{"pid":7,"reason":"signal 9 (Killed)","ago_ms":5000,
     "line":"last words"},
    "beside":{"pid":null,"state":"starting","generation":4,"uptime_ms":4},
    "draining":[{"pid":null,"state":"draining","generation":2,
     "uptime_ms":99999,"left_ms":12000}]},
   {"slot":1,"state":"back-off","generation":3,"pid":null,"uptime_ms":null,
    "restarts":0,"handed":1,"waiting":3,"lag":9,"dropped":0,"text":null,
    "backoff_ms":1500,"last_exit":null,"beside":null,"draining":[]}]},
  {"name":"jobs","generation":1,"mechanism":"none","reason":null,"count":1,
   "configured_count":1,"ready":0,"listeners":[],"slots":[{"slot":0,
   "state":7,"generation":"x","pid":"y"}]},
  {"slots":7}, 8]}
END
tr -d '\n' <status.json >status.line
mock <<END
on status
  okfile $tmp/status.line
END
rota status -s "$sock"
is "status: what goes on comes first" "$status $(head -n 1 out)" \
    "0 web: rolling out generation 4: 3 of 8; 1 more waits"
like "status: the supervisor" "$(sed -n 2p out)" \
    '^rota 0.1.0, pid 1, up 3d 4h, config /etc/web.yaml$'
like "status: the file differs" "$(sed -n 3p out)" 'rota apply$'
is "status: the pool" "$(sed -n 5p out)" "web: generation 3, 1 of 2 ready, \
hand-over, [::]:7000; scaled by command, the file has count: 4"
like "status: a slot" "$(sed -n 7p out)" "^   0  ready +$worker +3  1m 40s +2 \
+[0-9.]+ +[0-9.]+ [KM]B +12.3k +0 +0  signal 9 \(Killed\), 5s ago: last words; \
says: all .x1b\[31mred$"
like "status: a new worker beneath" "$(sed -n 8p out)" '^ new  starting +- +4 '
like "status: an old worker beneath" "$(sed -n 9p out)" \
    '^ old  draining +- +2  1m 39s .* 12 s left$'
like "status: back-off" "$(sed -n 10p out)" \
    '^   1  back-off +- +3 .* 9  again in 1.5 s; 3 connections wait$'
is "status: a pool without listener" "$(sed -n 12p out)" \
    "jobs: generation 1, 0 of 1 ready"
rota status web:0 --json -s "$sock"
is "status --json: one line, as it came" "$status $("$python" -c 'import json
a = open("out").read()
print(a.count("\n"), json.loads(a) == json.load(open("status.json")))')" \
    "0 1 True"
is "status: the target" "$(asked)" \
    '{"args": {"target": "web:0"}, "command": "status"}'
rota_start status --watch=0.1 -s "$sock"
wait_for 20 sh -c 'test "$(grep -c ^jobs: both)" -ge 2'
kill -INT "$started_pid"
reap 20 "$started_pid"
is "status --watch ends with ^C" "$?" 0
unmock

# 1,000 workers, all of them the same process.
"$python" - "$worker" >status.line <<'END'
import json, sys
slot = {"state": "ready", "generation": 1, "pid": int(sys.argv[1]),
        "uptime_ms": 5, "restarts": 0, "handed": 1, "draining": []}
print(json.dumps({"pid": 1, "pools": [{
    "name": "web", "listeners": [{"address": "[::]:7000"}],
    "slots": [dict(slot, slot=i) for i in range(1000)]}]}))
END
mock <<END
on status
  okfile $tmp/status.line
END
rota status -s "$sock"
is "status of 1,000 workers" "$status $(wc -l <out)" "0 1005"
unmock

# --- reload ------------------------------------------------------------------
mock <<'END'
on reload
  data {"pool":"web","generation":4,"step":"start","slot":0,"replaced":0, \
    "slots":2,"limit_ms":30000,"text":"slot 0: starting"}
  data {"pool":"web","generation":4,"step":"start","slot":0,"replaced":0, \
    "slots":2,"limit_ms":30000,"text":"slot 0: starting"}
  data {"pool":"web","generation":4,"step":"start","slot":1,"replaced":1, \
    "slots":2,"limit_ms":null,"text":"slot 1: starting"}
  raw {"id":99,"ok":false,"code":"failed","error":"of another request"}
  ok {"pools":[{"pool":"web","generation":4,"slots":2,"result":"done", \
    "ms":1234},{"pool":"api","result":"skipped"}],"file_differs":true}
END
rota reload -s "$sock" web api
is "reload: done" "$status $(cat out)" "0 web: generation 4 has 2 slots, \
after 1.2 s
api: skipped
the config file differs from the running one; see rota apply"
is "reload: a line for each step" "$(grep -v ^== err)" \
    "web: slot 0: starting (0 of 2)
web: slot 1: starting (1 of 2)"
is "reload: its arguments" "$(asked)" \
    '{"args": {"pools": ["web", "api"], "wait": true}, "command": "reload"}'
rota reload --no-wait -s "$sock"
is "reload --no-wait: its arguments" "$(asked)" \
    '{"args": {"wait": false}, "command": "reload"}'
rota reload --abort -s "$sock"
is "reload --abort: its arguments" "$(asked)" \
    '{"args": {"abort": true}, "command": "reload"}'
rota reload "$(printf 'w\377b')" -s "$sock"
like "reload: a name that is not UTF-8" "$(said)" '^1 rota: .*not UTF-8'
unmock

mock <<'END'
on reload
  fail {"code":"rolled-back","error":"generation 4 is rolled back", \
    "details":{"pools":[{"pool":"web","generation":4,"result":"rolled-back", \
    "reason":"slot 1: exit status 3","lines":["one \u001b[2J","two"]}]}}
END
rota reload -s "$sock"
is "reload: why it failed, and the last lines" "$(said)" \
    "1 web: rolled-back: slot 1: exit status 3
web | one \\x1b[2J
web | two
rota: generation 4 is rolled back"
rota reload --json -s "$sock"
like "reload --json: the same" "$status $(cat out)" \
    '^1 \{"ok":false,"code":"rolled-back",.*"lines":\["one '
unmock

mock <<'END'
on reload
  data {"pool":"web","replaced":0,"slots":2,"text":"slot 0: starting"}
  hang
on restart
  hang
on status
  hang
END
rota reload --timeout 300ms -s "$sock"
is "--timeout ends the waiting" "$status $(grep '^rota' err)" "1 rota: not \
done after 300 ms; the rollout goes on, rota status shows it"
rota_start reload -s "$sock"
wait_for 20 grep -q 'slot 0: starting' both
kill -INT "$started_pid"
reap 20 "$started_pid"
is "^C ends the waiting" "$? $(grep '^rota' both)" "1 rota: not waiting any \
longer; the rollout goes on, rota status shows it"
rota_start restart web:1 -s "$sock"
wait_for 20 grep -q restart "$requests"
kill "$mock_pid"
reap 20 "$started_pid"
is "a server that dies meanwhile" \
    "$? $(grep -c '^rota: the supervisor, pid .*, has gone' both)" "3 1"
unmock

# --- garbage -----------------------------------------------------------------
answered() {			# answered NAME EXPRESSION STEPS
	mock <<END
on status
$3
END
	rota status -s "$sock"
	like "$1" "$(said)" "$2"
	unmock
}
answered "a reply that is no JSON" '^1 rota: .*what came is no reply' \
    'raw hello'
answered "a reply of bytes" '^1 rota: .*what came is no reply' \
    'raw \xff\xfe\x00'
answered "a reply without ok" '^1 rota: .*what came is no reply' \
    'raw {"id":1}'
answered "a reply without result" '^1 rota: .*what came is no reply' \
    'raw {"id":1,"ok":true}'
answered "an empty result" '^0 running, nothing is under way' \
    'raw {"id":1,"ok":true,"result":{}}'
answered "an activity that names its pool itself" '^0 web: starting' \
    'ok {"activity":{"pool":"web","text":"web: starting"}}'
answered "a refusal without id" '^1 rota: no$' \
    'raw {"id":null,"ok":false,"code":"bad-request","error":"no"}'
answered "half a reply" '^3 rota: the supervisor, pid .* has gone' cut
answered "no reply" '^3 rota: the supervisor, pid .* has gone' die
answered "a late reply" '^0 running' 'pause 0.2
raw {"id":1,"ok":true,"result":{}}'
answered "a line without end" '^1 rota: .*what came is no reply' 'flood'

# --- apply and plan ----------------------------------------------------------
mock <<'END'
on apply
  fail {"code":"bad-config","error":"the file is not applied", \
    "details":{"file":"/x/web.yaml","problems":[ \
    {"line":2,"col":1,"text":"unknown key 'coutn'"}, \
    {"line":3,"col":9,"text":"count: '\u0007'"}]}}
on plan
  ok {"file":"/x","changes":[{"pool":"web","kind":"scale", \
    "text":"web: count: 2 -> 8; starts slots 2 to 7"}, \
    {"pool":null,"kind":"light","text":"log.format: text -> json"}]}
END
rota apply web.yaml -s "$sock"
is "apply: what is wrong with the file" "$(said)" \
    "78 /x/web.yaml:2:1: unknown key 'coutn'
/x/web.yaml:3:9: count: '\\x07'
rota: the file is not applied"
is "apply: the path is made absolute" "$(asked)" \
    "{\"args\": {\"file\": \"$tmp/web.yaml\", \"wait\": true}, \
\"command\": \"apply\"}"
rota plan -s "$sock"
is "plan: the changes" "$(said)" "0 web: count: 2 -> 8; starts slots 2 to 7
log.format: text -> json"
is "plan: without a file" "$(asked)" '{"args": {}, "command": "plan"}'
unmock

# --- the small ones ----------------------------------------------------------
mock <<'END'
on scale
  ok {"pool":"web","from":4,"to":3}
on start
  ok {"slots":1,"text":"1 slot started"}
on stop
  fail {"code":"no-such-target","error":"no pool 'wbe'; did you mean 'web'?"}
on restart
  fail {"code":"usage","error":"bad target"}
on signal
  ok {"signalled":2}
on send
  ok {"sent":1,"not_ready":1}
on broadcast
  ok {"sent":4,"not_ready":0}
on shutdown
  ok {"status":0}
END
small() {			# small ARGUMENTS SAID ASKED
	# shellcheck disable=SC2086 # several words
	rota $1 -s "$sock"
	is "$1" "$(said)" "$2"
	is "$1: its arguments" "$(asked)" \
	    "{\"args\": {$3}, \"command\": \"${1%% *}\"}"
}
small 'scale web -1' "0 web: count 4 -> 3" \
    '"count": "-1", "pool": "web", "wait": true'
small 'start web:1 --no-wait' "0 1 slot started" \
    '"target": "web:1", "wait": false'
small 'stop wbe' "1 rota: no pool 'wbe'; did you mean 'web'?" \
    '"target": "wbe", "wait": true'
small 'restart web:x' "2 rota: bad target" '"target": "web:x", "wait": true'
small 'signal USR1 web' "0 signalled 2 workers" \
    '"signal": "USR1", "target": "web"'
small 'send web:0 -5' "0 sent to 1 worker, not to 1 that is not ready" \
    '"json": "-5", "target": "web:0"'
small 'broadcast {"a":1}' "0 sent to 4 workers" '"json": "{\"a\":1}"'
small 'broadcast web 7' "0 sent to 4 workers" '"json": "7", "pool": "web"'
small 'broadcast 7 --json' '0 {"sent":4,"not_ready":0}' '"json": "7"'
small 'shutdown --at-once' "0 the supervisor has ended, exit status 0" \
    '"at_once": true, "wait": true'
unmock

# --- logs and events ---------------------------------------------------------
mock <<'END'
on logs
  data {"seq":1,"time":"T","pool":"web","slot":0,"pid":12, \
    "line":"hello \u001b"}
  data {"dropped":4}
  ok {}
on events
  data {"seq":1,"time":"T1","level":"info","kind":"ready","pool":"web", \
    "slot":0,"pid":12,"generation":1,"text":"ready, generation 1"}
  data {"seq":2,"time":"T2","level":"warning","kind":"x","pool":null, \
    "slot":null,"pid":null,"generation":null,"text":"beware"}
  hang
END
rota logs -s "$sock"
is "logs" "$(said)" "0 web[0] 12 | hello \\x1b
rota: warning: 4 lines were left out: this reader is too slow"
is "logs: its arguments" "$(asked)" \
    '{"args": {"follow": false, "lines": 10}, "command": "logs"}'
rota logs --json -n 3 web:0 -s "$sock"
is "logs --json" "$status $(tr '\n' ' ' <out)" '0 {"seq":1,"time":"T",'\
'"pool":"web","slot":0,"pid":12,"line":"hello \u001B"} {"dropped":4} '
is "logs: more arguments" "$(asked)" '{"args": {"follow": false, "lines": 3, '\
'"target": "web:0"}, "command": "logs"}'
rota_start events -f -s "$sock"
wait_for 20 grep -q beware both
kill -INT "$started_pid"
reap 20 "$started_pid"
is "events -f: until ^C" "$? $(grep -v ^== both)" \
    "0 T1 rota: web[0] pid 12: ready, generation 1
T2 rota: warning: beware"
rota_start events -f -s "$sock"
wait_for 20 grep -q beware both
kill "$mock_pid"
reap 20 "$started_pid"
is "events -f: the supervisor dies" \
    "$? $(grep -v '^==' both | tail -n 1 | grep -c 'has gone')" "3 1"
unmock

mock <<'END'
on logs
  data {"seq":1,"pool":"web","slot":0,"pid":12,"line":"hello"}
  fail {"code":"stopping","error":"the supervisor has ended"}
on events
  data {"seq":1,"time":"T","kind":"ended","pool":null, \
    "text":"ended, exit status 0"}
  close
END
rota logs -f -s "$sock"
is "logs -f: the supervisor says that it ends" "$(said)" \
    "0 web[0] 12 | hellorota: the supervisor has ended"
rota events -f -s "$sock"
is "events -f: the supervisor says that it ends" "$(said)" \
    "0 T rota: ended, exit status 0"
unmock

# --- what cannot be written --------------------------------------------------
mock <<'END'
on plan
  ok {"file":"/x","changes":[]}
END
if [ -c /dev/full ]; then
	"$top_builddir/rota" plan -s "$sock" >/dev/full 2>err
	like "a full disk is noticed" "$? $(cat err)" '^1 rota: stdout: '
fi
unmock

done_testing
