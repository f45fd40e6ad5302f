#!/bin/sh
# rota check: the corpus of good and bad files, what is read from where, and
# what it finds out about this machine.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
look_for_leaks

rota=$top_builddir/rota
PATH=$top_builddir:$PATH

# Sets $status; $tmp/out and $tmp/err have the output.
check() {			# check ARGUMENT...
	# shellcheck disable=SC2086 # a command with its options
	${ROTA_WRAP:-} "$rota" check "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

said() {
	cat "$tmp/err"
}

conf() {			# conf TEXT: into $tmp/c.yaml
	printf '%s\n' "$1" >"$tmp/c.yaml"
}

# --- the corpus -----------------------------------------------------------
cd "$top_srcdir/t/conf" || exit 99
for f in bad/*.yaml bad/*.ini; do
	check "$f"
	sed "s|^|$f:|" "$f.want" >"$tmp/want"
	if [ "$status" -eq 78 ] && cmp -s "$tmp/err" "$tmp/want" &&
	    [ ! -s "$tmp/out" ]; then
		ok "$f"
	else
		not_ok "$f"
		diag "status $status"
		diff "$tmp/want" "$tmp/err" | sed 's/^/# /'
	fi
done
for f in good/*.yaml good/*.ini; do
	check "$f"
	like "$f" "$status $(cat "$tmp/out")" \
	    "^0 $f: ok \([0-9]+ pools?, [0-9]+ workers?\)\$"
	is "$f: at most warnings" "$(grep -v ': warning: ' "$tmp/err")" ""
	check --print "$f"
	cp "$tmp/out" "$tmp/first.yaml"
	check --print "$tmp/first.yaml"
	is "$f: what is printed is the same config" \
	    "$(diff "$tmp/first.yaml" "$tmp/out")" ""
done
cd "$tmp" || exit 99

# --- files that are none --------------------------------------------------
check "$tmp"
is "a directory: status" "$status" 78
like "a directory: says so" "$(said)" ":1:1: cannot read it: Is a directory"
check "$tmp/none.yaml"
is "no such file: status" "$status" 78
like "no such file: says so" "$(said)" ":1:1: .*No such file or directory"
if [ "$(id -u)" -ne 0 ]; then
	conf 'command: sh'
	chmod 0 c.yaml
	check c.yaml
	like "unreadable" "$status $(said)" "^78 c.yaml:1:1: .*Permission"
	rm -f c.yaml
else
	skip "unreadable" "root can read everything"
fi
awk 'BEGIN { for (i = 0; i < 150000; i++) print "# filler" }' >big.yaml
check big.yaml
like "a file of more than 1 MiB" "$status $(said)" \
    '^78 big.yaml:1:1: the file is larger than 1 MiB$'
check /dev/zero
like "a file without end" "$status $(said)" '^78 .*larger than 1 MiB$'
mkfifo fifo
printf 'command: sh\n' >fifo &
started "$!"
check fifo
like "a pipe is a file too" "$status $(cat out)" '^0 fifo: ok \(1 pool, '
esc=$(printf 'a\033b.yaml')
printf 'count: 1\n' >"$esc"
check "$esc"
is "the path is escaped" "$(said)" \
    "a\\x1bb.yaml:1:1: command: is missing; every pool needs 'command' or \
'argv'"

# --- arguments ------------------------------------------------------------
for arguments in '' 'a b' '--bogus x' '--strict'; do
	# shellcheck disable=SC2086 # several words
	check $arguments
	like "usage: check $arguments" "$status $(said | tail -n 1)" \
	    '^2 usage: rota check '
done

# --- facts about this machine ---------------------------------------------
machine() {			# machine NAME CONFIG WANTED-EXPRESSION
	conf "$2"
	check c.yaml
	like "$1: a warning" "$status $(said)" "^0 c.yaml:$3"
	check --strict c.yaml
	like "$1: an error with --strict" "$status $(said)" '^1 c.yaml:'
	is "$1: no warning with --strict" "$(grep -c ': warning: ' err)" 0
}
machine "no such command" 'command: no-such-command' \
    "1:10: warning: command: no command 'no-such-command' in PATH"
printf 'x' >plain
machine "a command that cannot be executed" 'command: ./plain' \
    '1:10: warning: command: .*/plain: cannot be executed'
machine "a command that is a directory" 'name: x
command: /' \
    '2:10: warning: command: .*Is a directory'
machine "no such directory" 'command: sh
cwd: none' '2:6: warning: cwd: .*/none: No such file or directory'
machine "a directory that is a file" 'command: sh
cwd: plain' '2:6: warning: cwd: .*Not a directory'
machine "no such env_file" 'command: sh
env_file: none.env' '2:11: warning: env_file: .*none.env: No such file'
printf 'A=1\nB = 2\n' >bad.env
machine "a bad env_file" 'command: sh
env_file: bad.env' '2:11: warning: env_file: .*bad.env:2: expected NAME=value'
machine "a PATH of the pool" 'command: sh
env: {PATH: /nowhere}' "1:10: warning: command: no command 'sh' in PATH"
machine "a broadcast's command" 'command: sh
dialect: rota
broadcast: {interval: 1s, command: none}' \
    '3:36: warning: broadcast.command: no command'
machine "a broadcast's file" 'command: sh
dialect: rota
broadcast: {interval: 1s, file: none}' '3:33: warning: broadcast.file: '
machine "no such user" 'command: sh
control: {owner: no-such-user}' "2:18: warning: control.owner: this machine \
has no user 'no-such-user'"
machine "no such group" 'command: sh
control: {group: no-such-group}' "2:18: warning: control.group: this machine \
has no group 'no-such-group'"
conf 'command: sh
control: {owner: 0, group: 4294967294}'
check --strict c.yaml
is "a number needs no user" "$status $(said)" "0 "

# --strict is content where all is there, and --print prints in spite of it.
conf 'command: sh'
check --strict c.yaml
is "--strict: nothing to say" "$status $(said)" "0 "
conf 'command: none'
check --print c.yaml
like "--print in spite of warnings" "$status $(cat out)" 'argv: \[none\]'

# --- a port in use, and how run takes all this ------------------------------
start_rota 'argv: [sleep, "60"]
port: 0'
port=$(rota_port)
machine "a port in use" "command: sh
port: $port" "2:7: warning: listen: .*$port.*in use"
check c.yaml
like "a port in use: by whom" "$(said)" "$rota_pid"
conf "command: no-such-command
port: $port"
"$rota" run c.yaml >out 2>err </dev/null
like "run refuses a machine that is not fit" "$? $(said | sort | tr '\n' ' ')" \
    '^1 c.yaml:1:10: command: .* c.yaml:2:7: listen: .*in use'
conf 'command: sh
coutn: 1'
"$rota" run c.yaml >out 2>err </dev/null
is "run refuses a bad file" "$? $(said)" \
    "78 c.yaml:2:1: unknown key 'coutn'; did you mean 'count'?"
stop_rota

done_testing
