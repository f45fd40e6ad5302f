#!/bin/sh
# budget: 300
# What rota reload says is true: 0 only for a release that is good, else 1
# with the reason and the worker's last lines; no request is lost either way.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
app=$tmp/app

deploy_copy() {			# deploy_copy FILE
	cp "$1" "$app.new" && chmod 755 "$app.new" && mv -f "$app.new" "$app"
}

deploy_script() {		# deploy_script LINE...
	printf '%s\n' "#!/bin/sh" "$@" >"$app.new"
	chmod 755 "$app.new" && mv -f "$app.new" "$app"
}

is_under_way() {
	state_has '"kind":"rollout"'
}

# fails TEXT REASON [LAST-LINE]: what is deployed now is not taken.
fails() {
	rota reload
	is "$1: exit status" "$status" 1
	like "$1: the reason" "$(cat "$tmp/err")" "^rota: .*web'?: .*$2"
	if [ $# -gt 2 ]; then
		like "$1: the last line" "$(cat "$tmp/err")" "^web \\| $3\$"
	fi
	is "$1: the old generation is in every slot" \
	    "$(states_of web) $(generations_of web)" \
	    "ready ready ready $generation"
	holds "$1: nobody else is left" wait_for 20 is_settled web
}

deploy_copy "$top_builddir/rota-http" || bail_out "cannot copy rota-http"
start_rota "command: $app
name: web
port: 0
count: 3
backoff: { initial: 0 }
ready: { timeout: 2s, soak: 200ms }"
port=$(rota_port)
holds "3 workers answer" wait_for 30 workers_answer 3
load_start new -c 8 --rate 1000
load_start keep -c 8 --rate 1000 --mode keep
first=$(pids_of web)
rota reload
like "a good release" "$(cat "$tmp/out")" \
    '^web: generation 2 has 3 slots, after [0-9.]+ m?s$'
is "a good release: exit status" "$status" 0
is "a good release: every worker is another one" \
    "$(pids_of web | grep -cxF "$first")" 0
is "a good release: the new ones have every slot when it returns" \
    "$(states_of web) $(generations_of web)" "ready ready ready 2"
is "a good release: steps" "$(grep -c '^web.[0-2].: generation 2 has it' \
    "$tmp/err")" 3
rota reload web --json
like "--json" "$(said)" '^0 \{"pools":\[\{"pool":"web","generation":3,'\
'"slots":3,"result":"done","ms":[0-9]+\}\],"file_differs":false\}'
generation=3

# --- each kind of failure ---------------------------------------------------
deploy_script 'echo cannot load module >&2' 'exit 3'
fails "crashes at once" \
    'slot 0: pid [0-9]+ ended before it was ready: exit status 3' \
    'cannot load module'
deploy_script "kill -SEGV \$\$"
fails "dies of a signal" 'before it was ready: signal 11'
deploy_script 'echo waiting for the database' 'exec sleep 1000'
fails "never gets ready" 'not ready|before it was ready: ' \
    'waiting for the database'
deploy_script 'echo "{\"rota\":\"ready\"}" >&"$ROTA_IPC_FD"' 'sleep 0.1' \
    'echo no database >&2' 'exit 7'
fails "dies in its soak" 'ended [0-9]+ ms after it was ready: exit status 7' \
    'no database'
deploy_script "[ \$ROTA_SLOT = 2 ] && exit 9" "exec $top_builddir/rota-http"
fails "only the third one fails" 'slot 2: pid [0-9]+ .*: exit status 9'
printf 'no program\n' >"$app.new"
chmod 755 "$app.new" && mv -f "$app.new" "$app"
fails "cannot be executed" 'is not an executable'
deploy_copy "$top_builddir/rota-http"
chmod 644 "$app"
fails "may not be executed" '(P|p)ermission denied|not executable'
rm "$app"
fails "is not there" 'No such file'
rota reload --json
like "a failure, --json" "$(cat "$tmp/out")" '"ok":false,"code":"refused"'
deploy_script 'echo one two >&2' 'exit 3'
rota reload --json
like "another, --json" "$(cat "$tmp/out")" \
    '"code":"rolled-back".*"reason":"slot 0: pid .*","lines":\["one two"\]'

# --- nobody waits for the end -----------------------------------------------
# Slow enough to be met while it is under way.
deploy_script "sleep 0.4" "exec $top_builddir/rota-http"
next() {			# the number that the next rollout gets
	rota events -n 1000
	sed -n 's/.*rolling out generation \([0-9]*\) to .*/\1/p' \
	    "$tmp/out" | tail -n 1
}

rota reload --no-wait
is "--no-wait" "$(said)" "0 the rollout has begun; rota status shows it"
rota reload --no-wait
is "--no-wait, a second one" "$(said)" \
    "0 the rollout waits for what is under way"
like "--no-wait: status shows it" "$("$top_builddir/rota" status)" \
    '^web: rolling out generation [0-9]+: [0-3] of 3, '
holds "--no-wait: both are done" wait_for 20 is_settled web
is "--no-wait: the second was the last" "$(generations_of web)" "$(next)"
rota reload --timeout 100ms
is "--timeout: exit status" "$status" 1
like "--timeout" "$(cat "$tmp/err")" \
    'not done after 100 ms; the rollout goes on, rota status shows it'
holds "--timeout: it goes on" wait_for 20 is_settled web
is "--timeout: it is done" "$(generations_of web)" "$(next)"

command_start int reload
holds "^C: it is under way" wait_for 20 is_under_way
kill -INT "$(cat "$tmp/int.pid")"
command_end int
is "^C: exit status" "$?" 1
like "^C: it says what goes on" "$(cat "$tmp/int.said")" \
    'not waiting any longer; the rollout goes on, rota status shows it'
holds "^C: it does go on" wait_for 20 is_settled web
is "^C: it is done" "$(generations_of web)" "$(next)"

command_start killed reload
holds "killed client: it is under way" wait_for 20 is_under_way
kill -KILL "$(cat "$tmp/killed.pid")"
command_end killed
holds "killed client: it goes on" wait_for 20 is_settled web
is "killed client: it is done" "$(generations_of web)" "$(next)"
generation=$(next)

# --- abort ------------------------------------------------------------------
rota reload --abort
is "--abort of nothing" "$(said)" "1 rota: no rollout is under way"
command_start aborted reload
holds "--abort: one slot has the new generation" wait_for 20 \
    grep -q '1 of 3' "$tmp/aborted.said"
rota reload --abort
is "--abort" "$(said)" "0 the rollout is aborted"
command_end aborted
is "--abort: exit status of the aborted one" "$?" 1
like "--abort: what the aborted one says" "$(cat "$tmp/aborted.said")" \
    '^rota: rollout aborted, all is as it was: web: aborted by command'
is "--abort: the old generation is in every slot" \
    "$(states_of web) $(generations_of web)" "ready ready ready $generation"
holds "--abort: nobody else is left" wait_for 20 is_settled web

# --- several at once --------------------------------------------------------
before=$(next)
for i in 1 2 3 4; do
	command_start "r$i" reload
done
for i in 1 2 3 4; do
	command_end "r$i"
	is "4 at once: reload $i" "$?" 0
done
# The first one began at once, the others were joined.
is "4 at once: there were two rollouts" "$(($(next) - before))" 2
is "4 at once: the last one has every slot" "$(generations_of web)" "$(next)"
generation=$(next)
deploy_script 'sleep 1' 'exit 3'
command_start r1 reload
holds "bad and good: the bad one is under way" wait_for 20 is_under_way
deploy_copy "$top_builddir/rota-http"
command_start r2 reload
command_start r3 reload
command_end r1
is "bad and good: the bad one" "$?" 1
command_end r2
is "bad and good: the good one" "$?" 0
command_end r3
is "bad and good: the one that joined it" "$?" 0
is "bad and good: the good one has every slot" \
    "$(states_of web) $(generations_of web)" "ready ready ready $(next)"

# --- the file is another one ------------------------------------------------
printf '# a comment\n' >>"$rota_config"
rota reload
is "another file that means the same" "$(grep -c differs "$tmp/out")" 0
sed -i 's/^count: 3/count: 4/' "$rota_config"
rota reload
is "the file differs: exit status" "$status" 0
like "the file differs" "$(cat "$tmp/out")" \
    '^the config file differs from the running one; see rota apply$'
is "the file differs: it is not applied" "$(states_of web)" \
    "ready ready ready"
load_stop new keep
no_failures "all rollouts" new keep
stop_rota
is "rota ends well" "$?" 0

# --- two pools --------------------------------------------------------------
api() {				# api LINE: the program of the pool api
	printf '#!/bin/sh\n%s\n' "$1" >"$tmp/api.new"
	chmod 755 "$tmp/api.new" && mv -f "$tmp/api.new" "$tmp/api"
}

api 'exec sleep 1000'
start_rota "pools:
  - { name: web, command: $app, port: 0, count: 2, ready: { soak: 200ms } }
  - name: api
    command: $tmp/api
    count: 2
    ready: { delay: 100ms, soak: 200ms }"
port=$(rota_port)
holds "two pools: 2 workers answer" wait_for 30 workers_answer 2
holds "two pools: the others are ready" wait_for 20 all_are ready 2 api
load_start two -c 8 --rate 1000
first=$(pids_of api)
api 'echo out of luck; exit 5'
rota reload
is "two pools, the second is bad: exit status" "$status" 1
like "two pools, the second is bad: the reason" "$(cat "$tmp/err")" \
    '^rota: .*api: slot 0: pid [0-9]+ ended .*: exit status 5'
like "two pools, the second is bad: its last line" "$(cat "$tmp/err")" \
    '^api \| out of luck$'
is "two pools, the second is bad: the first is put back" \
    "$(generations_of web) $(states_of web)" "1 ready ready"
is "two pools, the second is bad: nobody of it was replaced" \
    "$(pids_of api)" "$first"
holds "two pools, the second is bad: nobody else is left" \
    wait_for 20 is_settled web api
rota reload web
is "two pools: one of them is named" "$status" 0
is "two pools: the other one is left alone" "$(pids_of api)" "$first"
rota reload wbe
is "two pools: none is named like this" "$(said)" \
    "1 rota: no pool 'wbe'; did you mean 'web'?"
api 'exec sleep 1001'
rota reload api web
is "two pools: both are named" "$status" 0
is "two pools: both are replaced" "$(grep -c 'has 2 slots' "$tmp/out")" 2
load_stop two
no_failures "two pools" two
stop_rota
is "two pools: rota ends well" "$?" 0
done_testing
