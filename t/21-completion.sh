#!/bin/sh
# Completions: everything that the table of commands has is completed.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"

if ! command -v bash >"$tmp/which"; then
	skip_all "bash is not installed"
fi
PATH=$top_builddir:$PATH
ROTA_RUNTIME_DIR=$tmp
export ROTA_RUNTIME_DIR

# What bash completes at the end of a line, sorted, on one line; a shell
# without the library of bash-completion.
bcomplete() {			# bcomplete LINE [DIRECTORY-OF-ROTA]
	(cd "$tmp" && PATH=${2:-$top_builddir}:$PATH bash --norc --noprofile \
	    -c '. "$1" || exit
		COMP_LINE=$2 COMP_POINT=${#2}
		_rota rota
		printf "%s\n" "${COMPREPLY[@]}"' bash \
		"$top_srcdir/etc/completion/rota.bash" "$1" 2>&1 |
		sort | tr '\n' ' ' | sed 's/ $//')
}

# The names of all commands, and of all options of one.
commands() {
	rota help | sed -n 's/^  rota \([a-z]*\).*/\1/p'
}

options() {			# options COMMAND
	rota help "$1" | sed -n 's/^ .*\(--[a-z][a-z-]*\).*/\1/p' | sort |
	    tr '\n' ' ' | sed 's/ $//'
}

is "every command" "$(bcomplete 'rota ')" \
    "$(commands | tr '\n' ' ' | sed 's/ $//')"
is "a command's beginning" "$(bcomplete 'rota st')" "start status stop"
for command in $(commands); do
	is "the options of $command" "$(bcomplete "rota $command -")" \
	    "$(options "$command")"
done
is "a command of help" "$(bcomplete 'rota help rel')" "reload"
is "a signal" "$(bcomplete 'rota signal US')" "USR1 USR2"
: >"$tmp/one.yaml"
mkdir "$tmp/ones"
is "a file" "$(bcomplete 'rota check on')" "one.yaml ones"
is "a file of -c" "$(bcomplete 'rota reload -c on')" "one.yaml ones"
is "a file of --socket" "$(bcomplete 'rota top --socket on')" "one.yaml ones"
is "no supervisor, no pools" "$(bcomplete 'rota reload ')" ""
is "an unknown command" "$(bcomplete 'rota fly ')" ""

# Pools and slots, from a rota that answers.
mkdir "$tmp/bin"
cat >"$tmp/status.json" <<'END'
{"pid":1,"pools":[{"name":"web","generation":3,"mechanism":"none","listeners":
[{"name":"http","address":"[::]:80"},{"name":null,"address":"[::]:81"}],
"slots":[{"slot":0,"state":"ready","last_exit":null,"beside":{"pid":1,
"state":"starting"},"draining":[{"pid":3,"state":"draining"}]},
{"slot":1,"state":"ready","text":"\"name\":\"x\" \"mechanism\""}]},
{"name":"api","generation":1,"mechanism":"none","listeners":[],
"slots":[{"slot":0,"state":"ready"}]}]}
END
cat >"$tmp/bin/rota" <<END
#!/bin/sh
if [ "\$1" != status ]; then
	exec "$top_builddir/rota" "\$@"
fi
echo "\$*" >>"$tmp/asked"
tr -d '\n' <"$tmp/status.json"
END
chmod +x "$tmp/bin/rota"
targets="api api:0 web web:0 web:1"
is "pools and slots" "$(bcomplete 'rota status ' "$tmp/bin")" "$targets"
is "pools alone" "$(bcomplete 'rota reload ' "$tmp/bin")" "api web"
is "another pool" "$(bcomplete 'rota reload web ' "$tmp/bin")" "api web"
is "behind options" "$(bcomplete 'rota logs -n 5 --json -f ' "$tmp/bin")" \
    "$targets"
is "a slot, what is before the colon left out" \
    "$(bcomplete 'rota restart web:' "$tmp/bin")" "0 1"
is "the second operand" "$(bcomplete 'rota signal USR1 a' "$tmp/bin")" \
    "api api:0"
is "nothing behind the last operand" \
    "$(bcomplete 'rota stop web ' "$tmp/bin")" ""
is "a number is nobody's" "$(bcomplete 'rota scale web ' "$tmp/bin")" ""
bcomplete 'rota status -s /x/y.sock ' "$tmp/bin" >"$tmp/which"
is "the supervisor that was named is asked" "$(tail -n 1 "$tmp/asked")" \
    "status --json -s /x/y.sock"

# --- zsh ---------------------------------------------------------------------
if ! command -v zsh >"$tmp/which"; then
	skip "zsh" "zsh is not installed"
	done_testing
fi
holds "zsh: syntax" zsh -n "$top_srcdir/etc/completion/_rota"

# The same for zsh; what offers the words to the user prints them instead.
zcomplete() {			# zcomplete WORD...; the last is the current
	(cd "$tmp" && PATH=$tmp/bin:$PATH zsh -f -c '
		compadd() {
			[[ $1 == -a ]] && set -- "${(@P)2}"
			print -l -- "$@"
		}
		_describe() { print -l -- "${(@)${(@P)2}%%:*}" }
		_files() { print -l -- * }
		_message() { : }
		file=$1
		shift
		words=("$@") CURRENT=$#
		. $file' zsh "$top_srcdir/etc/completion/_rota" "$@" 2>&1 |
		sort | tr '\n' ' ' | sed 's/ $//')
}

is "zsh: every command" "$(zcomplete rota '')" \
    "$(commands | tr '\n' ' ' | sed 's/ $//')"
for command in $(commands); do
	is "zsh: the options of $command" "$(zcomplete rota "$command" -)" \
	    "$(options "$command")"
done
is "zsh: pools and slots" "$(zcomplete rota logs -n 5 '')" "$targets"
is "zsh: pools alone" "$(zcomplete rota reload web '')" "api web"
is "zsh: the second operand" "$(zcomplete rota signal USR1 '')" "$targets"
is "zsh: a file" "$(zcomplete rota top --socket '' | grep -c one.yaml)" 1

done_testing
