#!/bin/sh
# rota top in a terminal of 80x24, against a stand-in: what it shows, its
# keys, a new size, and that the terminal is given back.
# budget: 300
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"

# The interpreter itself: it is started often.
python=$(python3 -c 'import sys; print(sys.executable)' 2>"$tmp/which") ||
    skip_all "python3 is not installed"
if ! command -v tmux >"$tmp/which"; then
	skip_all "tmux is not installed"
fi
cd "$tmp" || exit 99
unset TMUX TMUX_PANE
sock=$tmp/mock.sock
mkfifo hold
exec 8<>hold				# the stand-in ends with this

# --- the stand-in ------------------------------------------------------------
start worker.out sleep 300
worker=$started_pid
start worker.out sleep 300
job=$started_pid

status() {			# status HANDED: what it is from now on
	cat >status.new <<END
{"pid":1,"release":"0.1.0","config":"/etc/web.yaml","state":"running",
 "uptime_ms":90000,"file_differs":true,
 "activity":{"kind":"rollout","pool":"web","text":"rolling \u001b[31mout"},
 "pools":[{"name":"web","generation":3,"mechanism":"hand-over","count":2,
  "configured_count":2,"ready":1,"listeners":[{"address":"[::]:7000"}],
  "slots":[{"slot":0,"state":"ready","generation":3,"pid":$worker,
    "uptime_ms":5000,"restarts":0,"handed":$1,"beside":null,
    "draining":[{"pid":null,"state":"draining","generation":2,
     "uptime_ms":1,"left_ms":3}]},
   {"slot":1,"state":"back-off","generation":3,"pid":null,"restarts":3,
    "handed":0,"last_exit":{"reason":"exit status 3","ago_ms":9}}]},
  {"name":"jobs","generation":1,"mechanism":"none","count":1,"ready":1,
   "listeners":[],"slots":[{"slot":0,"state":"ready","pid":$job}]}]}
END
	tr -d '\n' <status.new >status.line.new
	mv status.line.new status.line
}

mock() {
	rm -f "$sock" requests mock.out
	"$python" "$top_srcdir/t/mock-control.py" "$sock" script requests \
	    <hold >mock.out 2>&1 &
	mock_pid=$!
	started "$mock_pid"
	wait_for 20 grep -q listening mock.out || bail_out "no stand-in"
}

cat >script <<'END'
on status
  okfile status.line
on events
  data {"seq":1,"time":"2026-11-24T18:00:01.123Z","level":"info", \
    "kind":"ready","pool":"web","slot":0,"pid":12,"text":"is ready \u001b[2J"}
on logs
  data {"seq":1,"pool":"web","slot":0,"pid":12,"line":"a line of the log"}
on scale
  data {"pool":"web","text":"slot 2: starting"}
  pause 0.5
  ok {"pool":"web","from":2,"to":3}
on reload
  fail {"code":"refused","error":"not now"}
on restart
  ok {"slots":1,"text":"restarted"}
END

# --- the terminal ------------------------------------------------------------
# tmux shows what a terminal would; its server is ours alone.
tmux_socket=$tmp/tmux
terminal() {
	tmux -S "$tmux_socket" "$@"
}

screen() {
	terminal capture-pane -p -t 0
}

shows() {			# shows EXTENDED-REGULAR-EXPRESSION
	screen | grep -Eq -- "$1"
}

soon() {			# soon NAME EXTENDED-REGULAR-EXPRESSION
	if wait_for 10 shows "$2"; then
		ok "$1"
	else
		not_ok "$1"
		diag "want a match of '$2'"
		screen | diag "$(cat)"
	fi
}

press() {
	terminal send-keys -t 0 "$@"
}

asked() {			# asked EXPRESSION
	grep -q "$1" requests
}

# A shell in the terminal; what it runs prints its exit status at the end.
open_terminal() {		# open_terminal LOCALE
	terminal -f /dev/null new-session -d -x 80 -y 24 \
	    "env PS1='\$ ' LC_ALL=$1 ASAN_OPTIONS=${ASAN_OPTIONS-} sh"
	started "$(terminal display-message -p '#{pid}')"
	terminal set-option -g status off
	# shellcheck disable=SC2016 # for the shell in there
	press 'stty -a >before; rota() { "$@"; echo "status $?"; }' Enter
	wait_for 10 test -s before
}

close_terminal() {
	terminal kill-server
}

run_top() {
	press "clear; echo as it was; rota $top_builddir/rota top -s $sock" \
	    Enter
}

status 0
mock
if ! open_terminal C.UTF-8 >tmux.out 2>&1; then
	skip_all "tmux does not start here"
fi
run_top
soon "the supervisor" '^rota 0.1.0  pid 1  up 1m 30s  /etc/web.yaml \(differs'
soon "what is going on, escaped" '^web: rolling .x1b\[31mout$'
soon "a pool" '^web +1/2 +gen 3 +[0-9.]+ +[0-9.]+ [KM]B +0 +[0-9]+'
soon "a worker" "^  0 +ready +$worker +5s +[0-9.]+ +[0-9.]+ [KM]B +0 +[0-9]+"
soon "an old worker" '^    old +draining +- '
soon "a worker in back-off" '^  1 +back-off +- '
soon "another pool" '^jobs +1/1 '
soon "events, escaped" \
    '^18:00:01 web\[0\] pid 12: is ready .x1b\[2J'
soon "keys" '^r reload .* q quit$'
is "nothing is wider than the terminal" \
    "$(screen | awk 'length > 80' | wc -l)" 0

# Several statuses, and a graph of what changes between them.
for handed in 100 300 400; do
	status "$handed"
	before=$(grep -c status requests)
	wait_for 10 sh -c "test \$(grep -c status requests) -gt $((before + 1))"
done
low='(▁|▂|▃|▄|▅|▆|▇)'
soon "a graph of blocks" "^  0 .*($low.*█|█.*$low)"

press Down
press +
soon "it asks first" 'one worker more in web\? \(y/n\)'
press n
soon "no: the keys are back" '^r reload '
press +
soon "it asks again" 'one worker more in web'
press y
soon "progress" '^web: slot 2: starting'
soon "the end" '^done'
is "asked for once" "$(grep scale requests)" '{"args": {"count": "+1", '\
'"pool": "web", "wait": true}, "command": "scale"}'
press r y
soon "a refusal" '^not now'
press R y
wait_for 10 asked '"target": "web:0".*"restart"'
is "the worker that is selected" "$(grep -c '"web:0", "wait".*restart' \
    requests)" 1
press l
soon "a log" '^log of web:0'
soon "its lines" '^web\[0\] 12 \| a line of the log'
press q
soon "the list again" '^POOL '
press '?'
soon "help" 'read the log of the worker'
press q
soon "the list again" '^POOL '

terminal resize-window -x 120 -y 30
soon "wider: the last exit is to be seen" \
    '^  1 +back-off .*exit status 3, 0s ago'
terminal resize-window -x 40 -y 10
soon "smaller: it still is there" '^rota 0.1.0'
soon "smaller: a list" '^web '
terminal resize-window -x 80 -y 24
soon "as before" '^r reload .* q quit$'

restored() {			# restored NAME
	soon "$1: the screen is as it was" '^as it was$'
	rm -f after
	press 'stty -a >after' Enter
	wait_for 10 test -s after
	is "$1: so are the modes of the terminal" \
	    "$(diff before after)" ""
}
press q
soon "q: status" '^status 0$'
restored "q"
run_top
soon "once more" '^POOL '
press C-c
soon "^C: status" '^status 0$'
restored "^C"
run_top
soon "once more" '^POOL '
top=$(for pid in $(children_of "$(terminal display-message -p \
    -t 0 '#{pane_pid}')"); do echo "$pid"; done | head -n 1)
kill -TERM "$top"
soon "SIGTERM: status" '^status 143$'
restored "SIGTERM"
run_top
soon "once more" '^POOL '
kill "$mock_pid"
soon "the supervisor dies: it is said" '^rota: the supervisor, pid .* has gone'
soon "the supervisor dies: status" '^status 3$'
restored "the supervisor dies"
wait "$mock_pid" 2>unmock.err

# --- other terminals ---------------------------------------------------------
mock
close_terminal
tmux_socket=$tmp/tmux2
rm -f before
status 0
open_terminal C
run_top
soon "not UTF-8: a list" '^web '
for handed in 100 300 400; do
	status "$handed"
	before=$(grep -c status requests)
	wait_for 10 sh -c "test \$(grep -c status requests) -gt $((before + 1))"
done
soon "not UTF-8: a graph in ASCII" '^  0 .*[.:=+*-].*#|^  0 .*#.*[.:=+*-]'
press q
soon "not UTF-8: status" '^status 0$'
press "TERM=none; rota $top_builddir/rota top -s $sock" Enter
soon "an unknown terminal" '^rota: top: this is no terminal that'
close_terminal
"$top_builddir/rota" top -s "$sock" >out 2>err </dev/null
is "no terminal" "$? $(cat err)" \
    "1 rota: top: this is no terminal that can be used"
kill "$mock_pid"
wait "$mock_pid" 2>unmock.err

done_testing
