# shellcheck shell=bash
# Completion of rota for bash.  Commands, options and operands come from what
# "rota help" says, pools and slots from the supervisor.

# The operands of a command as its usage has them, without brackets.
_rota_operands() {		# _rota_operands ROTA COMMAND
	"$1" help "$2" 2>/dev/null | sed -n -e "1{
		s/^usage: rota $2 //
		s/\[-[^][]*\(\[[^]]*\]\)\{0,1\}\] *//g
		s/[][]//g
		p
	}"
}

# Its options, as they are listed: "-c, --config FILE  help".
_rota_options() {		# _rota_options ROTA COMMAND
	"$1" help "$2" 2>/dev/null | sed -n 's/^  \(-.*\)$/\1/p'
}

# Pools, each followed by its slots as POOL:SLOT.
_rota_targets() {		# _rota_targets ROTA [OPTION VALUE]
	local rota=$1

	shift
	timeout 1 "$rota" status --json "$@" 2>/dev/null | tr '{' '\n' |
	    sed -n -e 's/.*"name":"\([^"\\]*\)".*"mechanism".*/\1/p' \
	    -e 's/.*"slot":\([0-9]*\),.*"state".*/:\1/p' |
	    awk '/^:/ { print pool $0; next } { print pool = $0 }'
}

# What a word of the usage stands for.
_rota_values() {		# _rota_values WORD CURRENT ROTA [OPTION VALUE]
	local word=$1 current=$2

	shift 2
	case $word in
	FILE | PATH)
		compgen -f -- "$current" ;;
	TARGET*)
		compgen -W "$(_rota_targets "$@")" -- "$current" ;;
	POOL*)	compgen -W "$(_rota_targets "$@" | grep -v :)" -- "$current" ;;
	COMMAND)
		compgen -W "$(_rota_commands "$1")" -- "$current" ;;
	SIGNAL)	compgen -W "HUP INT QUIT USR1 USR2 TERM KILL STOP CONT WINCH" \
		    -- "$current" ;;
	esac
}

_rota_commands() {		# _rota_commands ROTA
	"$1" help 2>/dev/null | sed -n 's/^  rota \([a-z]*\) .*/\1/p'
}

# The name of the value that an option takes, nothing if it takes none.
_rota_value_of() {		# _rota_value_of OPTION OPTIONS
	awk -v option="$1" '{
		n = $1 ~ /,$/ ? 2 : 1
		sub(/,$/, "", $1)
		if (($1 == option || $n == option) && $(n + 1) ~ /^[A-Z]+$/)
			print $(n + 1)
	}' <<<"$2"
}

# Bash takes a colon for the end of a word: what is before it is there.
_rota_cut_colon() {		# _rota_cut_colon CURRENT
	local i prefix=${1%"${1##*:}"}

	if [[ $1 != *:* || $COMP_WORDBREAKS != *:* ]]; then
		return
	fi
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$prefix"}
	done
}

# What stands before the current word: how many operands, where the supervisor
# is, and the value that is due.  Sets $count, $where and $value.
_rota_read() {			# _rota_read OPTIONS WORD...
	local options=$1

	shift
	count=0 value=
	where=()
	for word; do
		if [[ $value == FILE || $value == PATH ]]; then
			where+=("$word")
		elif [[ -z $value && $word != -* ]]; then
			count=$((count + 1))
		fi
		if [[ -n $value || $word != -* ]]; then
			value=
			continue
		fi
		value=$(_rota_value_of "$word" "$options")
		if [[ $value == FILE || $value == PATH ]]; then
			where=("$word")
		fi
	done
}

# What the usage has at the place of the operand.
_rota_operand() {		# _rota_operand NUMBER WORD...
	local number=$1 last=${*: -1}

	shift
	if [ "$number" -lt $# ]; then
		shift "$number"
		echo "$1"
	elif [[ $last == *... ]]; then
		echo "$last"
	fi
}

_rota() {
	local line=${COMP_LINE:0:COMP_POINT} rota=$1 current options
	local word count value
	local -a words where operands

	read -ra words <<<"$line"
	if [[ $line == *[[:space:]] ]]; then
		words+=('')
	fi
	current=${words[${#words[@]} - 1]}
	COMPREPLY=()
	if [ "${#words[@]}" -le 2 ]; then
		mapfile -t COMPREPLY < <(
		    compgen -W "$(_rota_commands "$rota")" -- "$current")
		return
	fi
	[[ ${words[1]} =~ ^[a-z]+$ ]] || return
	options=$(_rota_options "$rota" "${words[1]}")
	_rota_read "$options" "${words[@]:2:${#words[@]} - 3}"
	if [[ -z $value && $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(grep -o -e \
		    '--[a-z][a-z-]*' <<<"$options")" -- "$current")
		return
	fi
	if [ -z "$value" ]; then
		read -ra operands < <(_rota_operands "$rota" "${words[1]}")
		value=$(_rota_operand "$count" "${operands[@]}")
	fi
	mapfile -t COMPREPLY < <(
	    _rota_values "$value" "$current" "$rota" "${where[@]}")
	if [ "$value" = FILE ] || [ "$value" = PATH ]; then
		compopt -o filenames 2>/dev/null
	fi
	_rota_cut_colon "$current"
}

complete -F _rota rota
