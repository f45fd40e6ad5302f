#!/bin/sh
# The part of HACKING.md that a machine can judge.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"

# Blank out comments and the inside of strings, keeping lines and columns;
# a comment of the kind that HACKING.md does not allow is named.
strip='
FNR == 1 { state = "" }
{
	out = ""
	for (i = 1; i <= length($0); i++) {
		c = substr($0, i, 1)
		two = substr($0, i, 2)
		if (state == "comment") {
			if (two == "*/") {
				state = ""
				out = out " "
				i++
			}
			out = out " "
		} else if (state != "") {
			if (c == "\\") {
				out = out " "
				i++
			} else if (c == state) {
				state = ""
				out = out c
				continue
			}
			out = out " "
		} else if (two == "/*") {
			state = "comment"
			out = out "  "
			i++
		} else if (two == "//") {
			print FILENAME ":" FNR ": a // comment"
			break
		} else {
			if (c == "\"" || c == "\047")
				state = c
			out = out c
		}
	}
	if (state == "\"" || state == "\047")
		state = ""
	code(out)
}'

calls='
BEGIN {
	banned = "(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol" \
	    "|atoll|atof|system|popen|sleep|usleep|tmpnam|tempnam|mktemp" \
	    "|alloca|longjmp|setjmp|abort|vfork)"
	head = "(^|[^A-Za-z0-9_.>])"
}
FNR == 1 {
	report()
	exits = has_main = 0
	name = FILENAME
}
function report(    i) {
	if (name ~ /^t\//)		# small programs may give up anywhere
		exits = 0
	for (i = 1; i <= exits && !has_main; i++)
		print where[i] ": exit outside the file of a main"
}
function code(line,    call) {
	if (match(line, head banned "[ \t]*\\(")) {
		call = substr(line, RSTART, RLENGTH)
		gsub(/[^A-Za-z0-9_]/, "", call)
		print FILENAME ":" FNR ": " call " is banned"
	}
	if (line ~ head "(exit|quick_exit|err|errx)[ \t]*\\(")
		where[++exits] = FILENAME ":" FNR
	if (line ~ /^main\(/)
		has_main = 1
}
END { report() }'

check_code() {			# check_code FILE...: C only
	awk "$strip$calls" "$@"
}

# At most 700 lines in a file, and 70 in a function of C.
check_length() {		# check_length FILE...
	awk '
	function last_file() {
		if (lines > 700)
			print name ": " lines " lines"
	}
	FNR == 1 {
		last_file()
		name = FILENAME
		begin = 0
	}
	{ lines = FNR }
	/^\{/ && name ~ /\.[ch]$/ { begin = FNR }
	/^\}/ && begin {
		if (FNR - begin - 1 > 70)
			print name ":" begin ": a function of " \
			    FNR - begin - 1 " lines"
		begin = 0
	}
	END { last_file() }' "$@"
}

# At most 80 columns, a tab being 8, a character of UTF-8 being one.
check_columns() {		# check_columns FILE...
	awk '{
		gsub(/[\200-\277]/, "")
		n = split($0, part, "\t")
		width = length(part[n])
		for (i = 1; i < n; i++)
			width += 8 * (int(length(part[i]) / 8) + 1)
		if (width > 80)
			print FILENAME ":" FNR ": " width " columns"
	}' "$@"
}

check_space() {			# check_space FILE...
	grep -n '[[:blank:]]$' /dev/null "$@" |
	    sed 's/^\([^:]*:[0-9]*\):.*/\1: blank at the end/'
	if [ -z "$(tail -q -c 1 "$@" | tr -d '\n')" ]; then
		return
	fi
	for _file in "$@"; do
		if [ -s "$_file" ] && [ -n "$(tail -c 1 "$_file")" ]; then
			echo "$_file: no newline at the end"
		fi
	done
}

# src/base/buf.h has BASE_BUF_H, t/unit.h T_UNIT_H or UNIT_H: its path, from
# below the first folder on; rota.h, which is installed, has ROTA_H.
check_guards() {		# check_guards FOLDER
	(cd "$1" && find src t -name '*.h' -exec awk '
	function last_file() {
		if (name != "" && (!defined || last !~ /^#endif/))
			print name ": not wholly within #ifndef and #endif"
	}
	FNR == 1 {
		last_file()
		name = FILENAME
		guard = ""
		stage = defined = 0
		path = toupper(name)
		gsub(/[\/.-]/, "_", path)
		short = path
		sub(/^[^_]*_/, "", short)
	}
	/^#/ && !stage++ {
		if (/^#ifndef /)
			guard = $2
		if (guard != "ROTA_H" && guard != path && guard != short)
			print name ": guard is \047" guard "\047, not " short
	}
	$0 == "#define " guard { defined = 1 }
	{ last = $0 }
	END { last_file() }' {} +)
}

# What begins with #! can be executed, and nothing else in t/.
check_modes() {			# check_modes FILE...
	for _file in "$@"; do
		_line=
		IFS= read -r _line <"$_file" || :
		case $_line in
		'#!'*)	[ -x "$_file" ] || echo "$_file: is not executable" ;;
		*)	[ ! -x "$_file" ] || echo "$_file: is executable" ;;
		esac
	done
}

cd "$top_srcdir" || exit 99
c_files=$(find src t etc -name '*.[ch]' | sort)
sh_files=$(find bootstrap .ci/run t/driver t/summary t etc -type f \
    \( -name '*.sh' -o ! -name '*.*' \) -exec grep -l '^#!/bin/.*sh$' {} + |
    sort -u)
other_files=$(find etc t -name '*.py' | sort)
page_files=$(find man ./*.md -name '*.[1-9]' -o -name '*.md' | sort)

# No name of a file here has a blank in it.
# shellcheck disable=SC2086
{
is "calls, comments and exits" "$(check_code $c_files)" ""
is "length of files and functions" "$(check_length $c_files $sh_files)" ""
is "80 columns" "$(check_columns $c_files $sh_files t/lib.sh $other_files)" ""
is "no blanks at the end" "$(check_space $c_files $sh_files t/lib.sh \
    $other_files $page_files Makefile.am configure.ac)" ""
is "modes of scripts" "$(check_modes t/*.sh t/driver t/summary)" ""
}
is "header guards" "$(check_guards .)" ""

# The checks themselves, on files that are bad in each way.
bad=$tmp/bad
mkdir -p "$bad/src/base" "$bad/t"
cat >"$bad/good.c" <<'END'
/* exit(1); sprintf( // */
static const char s[] = "system(\"x\") // not a comment";
static int c = '"';	/* strcpy( */
int my_exit(int), x_atoi(const char *), y = '\'';
void
run(struct ops *o)
{
	o->exit(snprintf_like(o->system(1)));
	_exit(1);
}
END
is "nothing in a good file" "$(check_code "$bad/good.c"
    check_length "$bad/good.c"; check_columns "$bad/good.c"
    check_space "$bad/good.c")" ""

finds() {			# finds NAME TEXT-OF-FILE EXPRESSION
	printf '%s\n' "$2" >"$bad/bad.c"
	like "finds $1" "$(check_code "$bad/bad.c")" "bad.c:$3"
}
finds "strcpy" 'x = strcpy(a, b);' '1: strcpy is banned'
finds "sprintf after a comment" '/* x */ sprintf (a, "b");' \
    '1: sprintf is banned'
finds "atoi" '	return atoi(s);' '1: atoi is banned'
finds "sleep" '	(void)sleep(1);' '1: sleep is banned'
finds "exit" '	exit(1);' '1: exit outside'
finds "a // comment" 'int x; // y' '1: a // comment'
printf 'int\nmain(void)\n{\n\texit(1);\n}\n' >"$bad/main.c"
is "a main may exit" "$(check_code "$bad/main.c")" ""

{ echo 'int'; echo 'f(void)'; echo '{'; yes '	g();' | head -n 71
  echo '}'; } >"$bad/long.c"
like "finds a long function" "$(check_length "$bad/long.c")" \
    'long.c:3: a function of 71 lines'
yes 'x' | head -n 701 >"$bad/longer.c"
like "finds a long file" "$(check_length "$bad/longer.c")" '701 lines'
printf '\t\t\t\t\t\t\t\t\t\t1\n' >"$bad/wide.c"
like "finds a wide line" "$(check_columns "$bad/wide.c")" 'wide.c:1: 81 col'
printf 'x \ny' >"$bad/blank.c"
like "finds a blank at the end" "$(check_space "$bad/blank.c")" 'blank.c:1: '
like "finds a cut last line" "$(check_space "$bad/blank.c")" 'no newline'
printf '#ifndef X_H\n#define X_H\n#endif\n' >"$bad/src/base/x.h"
like "finds a wrong guard" "$(check_guards "$bad")" 'x.h: .* not BASE_X_H'
printf '#!/bin/sh\n' >"$bad/mode.sh"
like "finds a wrong mode" "$(check_modes "$bad/mode.sh")" 'is not exec'

done_testing
