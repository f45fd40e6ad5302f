#!/bin/sh
# budget: 300
# A new config is applied with the least that it takes, whole or not at all,
# while clients ask: none of them notices, and plan has said what apply does.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
app=$tmp/app

# It fails like this, nothing has changed, and plan says the same as before.
fails() {			# fails NAME STATUS EXPRESSION
	rota plan
	cp "$tmp/out" "$tmp/plan"
	_pids=$(pids_of web)
	rota apply
	cp "$tmp/err" "$tmp/refusal"
	is "$1: exit status" "$status" "$2"
	like "$1: the reason" "$(cat "$tmp/refusal")" "$3"
	is "$1: the workers are the same" "$(pids_of web)" "$_pids"
	rota plan
	is "$1: plan says the same as before" "$(cat "$tmp/out")" \
	    "$(cat "$tmp/plan")"
	holds "$1: nobody else is left" wait_for 20 is_settled web
}

# The value of a variable in each worker, each once.
env_of() {			# env_of POOL NAME
	for _pid in $(pids_of "$1"); do
		tr '\0' '\n' <"/proc/$_pid/environ" | grep "^$2=" || echo none
	done | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# A config of the pool web; more keys on standard input.
web() {				# web COUNT [MORE-ON-INPUT]
	{
		echo "command: $app"
		echo "name: web"
		echo "port: 0"
		echo "count: $1"
		if [ $# -gt 1 ]; then
			cat
		else
			echo "ready: { timeout: 5s, soak: 100ms }"
		fi
	} >"$tmp/web.new"
	mv -f "$tmp/web.new" "$rota_config"
}

# --- count ------------------------------------------------------------------
deploy "exec $top_builddir/rota-http"
rota_config=$tmp/rota.yaml
web 2
run_rota
port=$(rota_port)
holds "2 workers answer" wait_for 30 workers_answer 2
load_start new -c 8 --rate 2000
load_start keep -c 8 --rate 2000 --mode keep
rota plan
is "nothing has changed: plan" "$(said)" "0 nothing would change"
rota apply
is "nothing has changed: apply" "$(said)" "0 nothing has changed"
first=$(pids_of web)
web 8
applies "from 2 to 8" "web: count: 2 -> 8; starts slots 2 to 7"
is "from 2 to 8: all are ready" "$(all_are ready 8 web && echo yes)" yes
is "from 2 to 8: nobody was replaced" "$(pids_of web | head -n 2)" "$first"
holds "from 2 to 8: all answer" wait_for 20 workers_answer 8
first=$(pids_of web | head -n 3)
web 3
applies "from 8 to 3" "web: count: 8 -> 3; stops slots 3 to 7"
is "from 8 to 3: nobody was replaced" "$(pids_of web)" "$first"
holds "from 8 to 3: the others leave" wait_for 20 is_settled web
holds "from 8 to 3: all answer" wait_for 20 workers_answer 3

# --- what was done by command -----------------------------------------------
rota scale web 4
rota stop web:0
rota reload
is "by command: reload" "$status" 0
is "by command: it survives reload" "$(states_of web)" \
    "stopped ready ready ready"
like "by command: status shows it" "$("$top_builddir/rota" status)" \
    'scaled by command, the file has count: 3'
applies "by command" "web: starts 1 slot that was stopped by command" \
    "web: count: 4 -> 3 \\(it was scaled by command\\); stops slot 3"
is "by command: it is set back" "$(states_of web)" "ready ready ready"

# --- what touches no worker -------------------------------------------------
first=$(pids_of web)
web 3 more <<END
ready: { timeout: 5s, soak: 100ms }
backoff: { initial: 3s, max: 4s, jitter: 0% }
stop: { timeout: 7s }
backlog: 17
log: { format: json }
END
applies "light" "web: backlog: 4096 -> 17; of the open listeners" \
    "web: backoff.initial: 100ms -> 3s, .*; no worker is touched" \
    "log.format: text -> json"
is "light: nobody was replaced" "$(pids_of web)" "$first"
if ss -ltn >"$tmp/ss" 2>&1; then
	like "light: the backlog of the open listener" "$(cat "$tmp/ss")" \
	    "LISTEN +[0-9]+ +17 +.*:$port "
else
	skip "light: the backlog of the open listener" "no ss"
fi

# --- a change that is rolled out --------------------------------------------
printf 'FROM_FILE=one\nOTHER=1\n' >"$tmp/vars"
web 3 more <<END
ready: { timeout: 5s, soak: 100ms }
env: { GREETING: hello, NAME: world }
env_file: $tmp/vars
END
first=$(pids_of web)
rota plan
said='^web: env: GREETING added, NAME added, env_file: .*'
like "env: plan says it in one change" "$(cat "$tmp/out")" \
    "$said; replaces 3 workers, new first, 1 at a time\$"
rota apply
is "env: it is applied" "$status" 0
is "env: every worker is another one" "$(pids_of web | grep -cxF "$first")" 0
is "env: they have it" "$(env_of web GREETING) $(env_of web FROM_FILE)" \
    "GREETING=hello FROM_FILE=one"
printf 'FROM_FILE=two\n' >"$tmp/vars"
applies "another env_file" \
    "web: the environment \\(see env_file\\) is another one; replaces 3 .*"
is "another env_file: they have it" \
    "$(env_of web FROM_FILE) $(env_of web OTHER)" "FROM_FILE=two none"
web 3 more <<END
ready: { timeout: 5s, soak: 100ms }
env: { NAME: world }
END
applies "removed keys" "web: env: GREETING removed, env_file: .*replaces 3 .*"
is "removed keys: they are gone" "$(env_of web GREETING) \
$(env_of web FROM_FILE) $(env_of web NAME)" "none none NAME=world"
holds "removed keys: nobody else is left" wait_for 20 is_settled web

# --- a change that is rolled back -------------------------------------------
web 5 more <<END
ready: { timeout: 5s, soak: 100ms }
env: { NAME: nobody }
argv: [sh, -c, 'echo no licence >&2; exit 3']
backoff: { initial: 1s }
END
sed -i '/^command:/d' "$rota_config"
fails "a bad command" 1 \
    'slot 0: pid [0-9]* ended before it was ready: exit status 3'
like "a bad command: its last lines" "$(cat "$tmp/refusal")" \
    '^web \| no licence$'
is "a bad command: the environment is the old one" "$(env_of web NAME)" \
    NAME=world
load_stop new keep
no_failures "what was applied so far" new keep
kill -KILL "$(pids_of web | head -n 1)"
holds "a bad command: the old one is what is restarted" \
    wait_for 20 all_are ready 3 web
is "a bad command: with the old environment" "$(env_of web NAME)" NAME=world
rota reload
is "a bad command: reload is of the old config" "$status" 0
is "a bad command: with the old environment, again" "$(env_of web NAME)" \
    NAME=world

load_start new -c 8 --rate 2000
load_start keep -c 8 --rate 2000 --mode keep

# The command is good, but more of them are not.
cat >"$tmp/three" <<END
#!/bin/sh
case \$ROTA_SLOT in
[012]) exec $top_builddir/rota-http ;;
*) exit 9 ;;
esac
END
chmod 755 "$tmp/three"
web 5 more <<END
ready: { timeout: 5s, soak: 100ms }
env: { NAME: other }
END
sed -i "s,^command:.*,command: $tmp/three," "$rota_config"
first=$(pids_of web)
rota apply
is "new slots fail: exit status" "$status" 1
like "new slots fail: the reason" "$(cat "$tmp/err")" \
    'rolled back.*slot [34] is (in back-off|waiting): exit status 9'
is "new slots fail: 3 slots of the old config" \
    "$(states_of web) $(env_of web NAME)" "ready ready ready NAME=world"
holds "new slots fail: nobody else is left" wait_for 20 is_settled web
rota plan
like "new slots fail: plan still has both" "$(cat "$tmp/out")" \
    'replaces 3 workers'
like "new slots fail: and the count" "$(cat "$tmp/out")" \
    '^web: count: 3 -> 5; starts slots 3 to 4$'

# --- balance ----------------------------------------------------------------
for way in shared round-robin; do
	web 3 more <<END
ready: { timeout: 5s, soak: 100ms }
balance: $way
env: { NAME: world }
END
	applies "balance $way" "web: balance: .* -> $way; replaces 3 .*"
	is "balance $way: status shows it" \
	    "$(state web | grep -o '"balance":"[a-z-]*"')" \
	    "\"balance\":\"$way\""
	holds "balance $way: all answer" wait_for 20 workers_answer 3
	holds "balance $way: nobody else is left" wait_for 20 is_settled web
done

# --- broadcasts -------------------------------------------------------------
all_have() {			# all_have VALUE
	workers_answer 3 && [ "$(value "value\.$1" "$tmp/ask")" = 9 ]
}

first=$(pids_of web)
web 3 more <<END
ready: { timeout: 5s, soak: 100ms }
env: { NAME: world }
broadcast: { interval: 200ms, key: n, value: 7 }
END
applies "broadcast" "web: broadcast: .*; broadcasts begin anew"
holds "broadcast: all have it" wait_for 20 all_have 7
web 3 more <<END
ready: { timeout: 5s, soak: 100ms }
env: { NAME: world }
broadcast: { interval: 200ms, key: n, value: 8 }
END
applies "another broadcast" "web: broadcast: .*; broadcasts begin anew"
holds "another broadcast: all have it" wait_for 20 all_have 8
is "broadcasts: nobody was replaced" "$(pids_of web)" "$first"

# --- refused ----------------------------------------------------------------
web 3 more <<END
ready: { timeout: 5s, soak: 100ms }
counnt: 9
backoff: { initial: 3 }
END
rota plan
is "bad: plan" "$status" 78
fails "bad" 78 "rota.yaml:6:1: unknown key 'counnt'; did you mean 'count'"
like "bad: every problem is told" "$(cat "$tmp/refusal")" \
    'rota.yaml:7:21: backoff.initial: .*needs a unit'
: >"$rota_config"
fails "empty" 78 'rota.yaml:1:1: '
rm "$rota_config"
fails "no file" 78 'rota.yaml.*No such file'
web 3 more <<END
cwd: /nowhere
END
fails "no such directory" 1 'rota.yaml:5:6: cwd: /nowhere: No such file'
"$top_builddir/rota-http" --listen 127.0.0.1:0 >"$tmp/holder" &
holder=$!
started "$holder"
wait_for 20 test -s "$tmp/holder" || bail_out "rota-http does not listen"
taken=$(grep -o '[0-9]*$' "$tmp/holder" | head -n 1)
cat >"$rota_config" <<END
command: $app
name: web
listen: [ 0, "127.0.0.1:$taken" ]
count: 3
END
fails "port in use" 1 \
    "rota.yaml:3:[0-9]*: listen: .*127.0.0.1:$taken: .*in use"

# --- SIGHUP -----------------------------------------------------------------
hang_up() {			# hang_up EXPRESSION: what is to come of it
	_before=$(log_count 'config .* is applied|config refused')
	kill -HUP "$rota_pid"
	wait_for 20 log_has $((_before + 1)) \
	    'config .* is applied|config refused' &&
	    grep -E 'config .* is applied|config refused' "$log" |
	    tail -n 1 | grep -Eq "$1"
}
if ignores_hup; then
	skip "HUP" "HUP is ignored here, as by nohup"
else
	holds "HUP: refused" hang_up 'rota.yaml:3:[0-9]*: listen: .*in use'
	web 2
	holds "HUP: applied" hang_up 'is applied, 3 changes'
	holds "HUP: it is as the file says" wait_for 20 all_are ready 2 web
fi
load_stop new keep
no_failures "the rest" new keep
stop_rota
is "rota ends well" "$?" 0
done_testing
