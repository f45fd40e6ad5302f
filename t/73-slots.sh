#!/bin/sh
# budget: 240
# Slots are added, removed, stopped, started and restarted by command while
# clients ask: none of them notices, and each command says what came of it.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
app=$tmp/app

# --- scale ------------------------------------------------------------------
deploy "exec $top_builddir/rota-http"
start_rota "command: $app
name: web
port: 0
count: 2
backoff: { initial: 200ms }
ready: { soak: 700ms }"
port=$(rota_port)
holds "2 workers answer" wait_for 30 workers_answer 2
load_start new -c 8 --rate 2000
load_start keep -c 8 --rate 2000 --mode keep
first=$(pids_of web)
rota scale web 8
is "scale to 8" "$(said)" "0 web: count 2 -> 8"
is "all of them are ready when it returns" \
    "$(all_are ready 8 web && echo yes)" yes
is "nobody was replaced" "$(pids_of web | head -n 2)" "$first"
holds "all 8 answer" wait_for 20 workers_answer 8
rota scale web +2
is "scale by +2" "$(said)" "0 web: count 8 -> 10"
rota scale web -3
is "scale by -3" "$(said)" "0 web: count 10 -> 7"
rota scale web 7 --json
is "scale to what it is, --json" "$(said)" '0 {"pool":"web","from":7,"to":7}'
second=$(pids_of web | head -n 3)
rota scale web 3
is "scale to 3" "$(said)" "0 web: count 7 -> 3"
holds "nobody else is left when it returns" is_settled web
is "nobody was replaced on the way down" "$(pids_of web)" "$second"
holds "all 3 answer" wait_for 20 workers_answer 3
rota scale web 0
like "not to 0: that is stop" "$(said)" "^1 .*count cannot be 0.*rota stop"
rota scale web -3
like "nor by so many" "$(said)" "^1 .*count cannot be 0"
rota scale web 10001
like "nor to 10001" "$(said)" "^[12] .*10000"
rota scale web 5x
like "nor to what is no number" "$(said)" "^2 .*'5x'"
is "no refusal changed anything" "$(pids_of web)" "$second"

# What is on disk now is no good; the workers that are there stay.
deploy "echo no licence >&2" "exit 3"
rota scale web 5
like "scale with workers that crash" "$(said)" \
    '^1 .*web: slot [34] is (in back-off|waiting): exit status 3'
is "the workers that were there stay" "$(pids_of web | head -n 3)" "$second"
rota scale web 3
is "scale back, away from back-off" "$(said)" "0 web: count 5 -> 3"
holds "nothing is left of them" is_settled web
deploy "exec $top_builddir/rota-http"

# --- single slots -----------------------------------------------------------
rota stop web:1
is "stop a slot" "$(said)" "0 web:1 is stopped"
is "it is down, the others are not" "$(states_of web)" "ready stopped ready"
holds "2 workers answer" wait_for 20 workers_answer 2
rota stop web:1
is "stop it once more" "$(said)" "0 web:1 is stopped"
rota start web:1
is "start it" "$(said)" "0 web:1 is up"
is "it is up" "$(states_of web)" "ready ready ready"
second=$(pids_of web)
rota start web:1
is "start it once more" "$(said)" "0 web:1 is up"
is "who is there stays" "$(pids_of web)" "$second"
rota restart web:1
is "restart a slot" "$(said)" "0 web:1 is restarted"
is "its worker is another one, the others are not" \
    "$(pids_of web | grep -cxF "$second")" 2
is "it is up when it returns" "$(states_of web)" "ready ready ready"
holds "nobody else is left" wait_for 20 is_settled web

# --- the whole pool is restarted --------------------------------------------
second=$(pids_of web)
rota restart web
is "restart the pool" "$(said)" "0 web: 3 slots are restarted"
is "every worker is another one" "$(pids_of web | grep -cxF "$second")" 0
is "all are up when it returns" "$(states_of web)" "ready ready ready"
holds "nobody else is left of the pool" wait_for 20 is_settled web
load_stop new keep
no_failures "scaled, stopped, started, restarted" new keep

# --- a pool that is stopped is closed ---------------------------------------
rota stop web
is "stop the pool" "$(said)" "0 web: 3 slots are stopped"
is "all are down when it returns" "$(states_of web)" "stopped stopped stopped"
holds "no process is left" is_settled web
is "clients are refused" "$(ask 1; value failed_refused "$tmp/ask")" 1
holds "rota runs on" is_alive "$rota_pid"
rota stop web
is "stop it once more" "$(said)" "0 web: 3 slots are stopped"
rota reload web
like "there is nothing to be rolled out" "$(said)" \
    "^1 .*no worker is there to be replaced; see 'rota start'"
rota scale web 4
is "scale it while it is down" "$(said)" "0 web: count 3 -> 4"
rota stop web:0
is "stop a slot of it" "$(said)" "0 web:0 is stopped"
rota start web:1
is "start a slot of it" "$(said)" "0 web:1 is up"
is "the others stay down" "$(states_of web)" "stopped ready stopped stopped"
port=$(state | grep -o '"address":"[^"]*"' | sed 's/.*://; s/"//')
holds "clients are served by it" wait_for 20 workers_answer 1
rota start web
is "start the pool" "$(said)" "0 web: 4 slots are up"
holds "all 4 answer" wait_for 20 workers_answer 4
rota stop web
deploy "echo no licence >&2" "exit 3"
rota start web
like "start with workers that crash" "$(said)" \
    '^1 .*web: slot [0-3] is (in back-off|waiting): exit status 3'
deploy "exec $top_builddir/rota-http"
rota start web
is "start it again, out of back-off" "$(said)" "0 web: 4 slots are up"
rota restart web:0 --no-wait
is "--no-wait" "$(said)" "0 the restart has begun; rota status shows it"
rota scale web 5 --no-wait
is "--no-wait of scale" "$(said)" \
    "0 the scaling has begun; rota status shows it"
holds "it is done all the same" wait_for 20 all_are ready 5 web

# --- commands wait for a rollout of their pool ------------------------------
second=$(pids_of web)
port=$(state | grep -o '"address":"[^"]*"' | sed 's/.*://; s/"//')
load_start queued -c 8
command_start reload reload
holds "a rollout is under way" wait_for 20 state_has '"kind":"rollout"'
command_start scale scale web 6
command_start stop stop web:0
rota restart web:1 --no-wait
is "a command for its pool waits for it" "$(said)" \
    "0 the restart waits for what is under way"
command_end reload
is "the rollout succeeds" "$?" 0
command_end scale
is "scale succeeds, after it" "$? $(tail -n 1 "$tmp/scale.said")" \
    "0 web: count 5 -> 6"
like "and has said that it waits" "$(cat "$tmp/scale.said")" \
    'waiting for the end of the change'
command_end stop
is "stop succeeds, after it" "$? $(tail -n 1 "$tmp/stop.said")" \
    "0 web:0 is stopped"
holds "the facts are as wished" wait_for 20 eval '[ "$(states_of web)" = \
    "stopped ready ready ready ready ready" ] && is_settled web'
is "nobody is of the first generation" \
    "$(pids_of web | grep -cxF "$second")" 0
load_stop queued
no_failures "commands that waited" queued
stop_rota
is "rota ends well" "$?" 0

# --- old first: never two copies --------------------------------------------
cat >"$tmp/single" <<END
#!/bin/sh
set -C
trap 'rm -f "$tmp/lock"; exit 0' TERM
if ! echo \$\$ 2>/dev/null >"$tmp/lock"; then
	! kill -0 "\$(cat "$tmp/lock")" || echo two >>"$tmp/twice"
	exit 1
fi
while :; do sleep 0.01; done
END
chmod 755 "$tmp/single"
start_rota "command: $tmp/single
name: one
count: 1
dialect: plain
ready: { delay: 50ms, soak: 50ms }
reload: { order: old-first }"
holds "old-first: it is up" wait_for 20 all_are ready 1 one
for i in 1 2 3; do
	rota restart one
	is "old-first: restart $i" "$(said)" "0 one:0 is restarted"
	command_start a restart one:0
	command_start b restart one
	command_end a
	is "old-first: restart $i, a second one" "$?" 0
	command_end b
	is "old-first: restart $i, a third one" "$?" 0
	rota reload
	is "old-first: reload $i" "$status" 0
done
holds "old-first: there never were two" test ! -e "$tmp/twice"
stop_rota
is "old-first: rota ends well" "$?" 0

# --- a pool that has ended is started again ---------------------------------
printf '#!/bin/sh\necho done >>"%s"\nexit 0\n' "$tmp/done" >"$tmp/once"
chmod 755 "$tmp/once"
start_rota "pools:
  - { name: stay, command: sleep 1000 }
  - { name: once, command: $tmp/once, count: 2, restart: never }"
holds "once: it has ended" \
    wait_for 20 state_has '"name":"once".*"ended":true'
is "once: its slots" "$(states_of once)" "ended ended"
rota start once:1
is "once: start a slot" "$(said)" "0 once:1 is up"
holds "once: it has run" wait_for 20 eval '[ $(wc -l <"$tmp/done") -eq 3 ]'
rota start once
is "once: start the pool" "$status" 0
holds "once: all have run" wait_for 20 eval '[ $(wc -l <"$tmp/done") -eq 5 ]'
holds "once: and are gone" wait_for 20 all_are ended 2 once
rota restart once
is "once: restart is start" "$status" 0
holds "once: all have run again" \
    wait_for 20 eval '[ $(wc -l <"$tmp/done") -eq 7 ]'
stop_rota
is "once: rota ends well" "$?" 0
done_testing
