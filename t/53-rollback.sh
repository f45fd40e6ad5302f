#!/bin/sh
# budget: 150
# A release that is no good is put back, whatever is wrong with it, although
# the file at its path is another one by then; no request is lost.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
app=$tmp/app

# Replace the program by rename: by a copy of a binary, or by a script.
deploy_copy() {			# deploy_copy FILE
	cp "$1" "$app.new" && chmod 755 "$app.new" && mv -f "$app.new" "$app"
}

deploy_script() {		# deploy_script LINE...
	printf '%s\n' "#!/bin/sh" "$@" >"$app.new"
	chmod 755 "$app.new" && mv -f "$app.new" "$app"
}

deploy_third_fails() {
	rm -rf "$tmp/copy.1" "$tmp/copy.2"
	deploy_script "for i in 1 2; do" \
	    "mkdir $tmp/copy.\$i 2>/dev/null && exec $top_builddir/rota-http" \
	    "done" "exit 9"
}

inode_of() {
	stat -L -c %i "$1"
}

# All answers come from processes that run the first release.
old_code_answers() {
	ask 30 || return 1
	for _pid in $(answered); do
		[ "$(inode_of "/proc/$_pid/exe")" = "$old" ] || return 1
	done
}

# fails TEXT EXPECTED-IN-THE-LOG: what is deployed now is rolled back.
fails() {
	_lines=$(wc -l <"$log")
	rollout
	like "$1: it has failed, the old code stays" "$rollout_result" \
	    'is rolled back|refused, nothing is changed'
	like "$1: the log says why" \
	    "$(tail -n "+$((_lines + 1))" "$log" | grep '^rota: error')" "$2"
	holds "$1: the old code answers again" wait_for 20 old_code_answers
	holds "$1: from every slot" wait_for 20 workers_answer 3
}

deploy_copy "$top_builddir/rota-http" || bail_out "cannot copy rota-http"
old=$(inode_of "$app")
ln "$app" "$tmp/first"		# so that the number stays taken
start_rota "command: $app
name: app
port: 0
count: 3
balance: round-robin
backoff: { initial: 0 }
ready: { timeout: 2s, soak: 1s }"
port=$(rota_port)
holds "3 workers answer" wait_for 30 workers_answer 3
holds "all are of the first release" old_code_answers
load_start new -c 8
load_start keep -c 8 --mode keep

deploy_script 'echo cannot load module >&2' 'exit 3'
fails "crashes at once" 'exit status 3'
like "crashes at once: its last line" "$(grep 'last line' "$log")" \
    'last line: cannot load module$'
deploy_copy /bin/false
fails "a binary that ends at once" 'exit status 1'
deploy_script "kill -SEGV \$\$"
fails "dies of a signal" 'signal 11'
deploy_script 'exec sleep 1000'
fails "never gets ready" 'not ready after 2000 ms|signal 9'
deploy_script 'echo "{\"rota\":\"ready\"}" >&"$ROTA_IPC_FD"' 'sleep 0.5' \
    'echo no database >&2' 'exit 7'
fails "dies 500 ms after it was ready" 'exit status 7'
like "dies 500 ms after it was ready: its last line" \
    "$(grep 'last line' "$log")" 'last line: no database$'
deploy_third_fails
fails "only the third copy fails" 'exit status 9'
holds "only the third copy fails: the second was started" \
    test -d "$tmp/copy.2"
printf 'no program\n' >"$app.new"
chmod 755 "$app.new" && mv -f "$app.new" "$app"
fails "cannot be executed" 'exec: .* is not an executable'
rm "$app"
fails "is not there" 'No such file'

load_stop new keep
no_failures "all roll backs" new keep

# A crash of an old worker, while its path names something else.
deploy_script 'exit 3'
before=$(log_count 'restarting now')
ask 1
kill -KILL "$(answered)"
holds "a crashed worker is restarted" \
    wait_for 20 log_has $((before + 1)) 'restarting now'
holds "all slots answer" wait_for 20 workers_answer 3
holds "with the old code" old_code_answers

# The next good release goes through.
load_start good -c 8
deploy_copy "$top_builddir/rota-http"
old=$(inode_of "$app")
rollout
like "a good release is rolled out" "$rollout_result" 'is rolled out'
holds "it answers" wait_for 20 old_code_answers
load_stop good
no_failures "a good release" good

# All of them soak before the first old one is stopped: a script is safe.
stop_rota
is "rota ends well" "$?" 0
deploy_script "exec $top_builddir/rota-http"
start_rota "command: $app
name: app
port: 0
count: 3
ready: { timeout: 2s, soak: 100ms }
reload: { batch: all }"
port=$(rota_port)
holds "batch: all: 3 workers answer" wait_for 30 workers_answer 3
answered | sort >"$tmp/before"
load_start all -c 8
deploy_third_fails
rollout
like "batch: all: rolled back" "$rollout_result" 'is rolled back'
ask 30
answered | sort >"$tmp/after"
is "batch: all: the same processes answer" "$(cat "$tmp/after")" \
    "$(cat "$tmp/before")"
load_stop all
no_failures "batch: all" all
stop_rota
is "batch: all: rota ends well" "$?" 0
done_testing
