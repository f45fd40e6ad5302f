#!/bin/sh
# Includes go one way between the folders of src/, as src/LAYERS has it.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"

layers=$top_srcdir/src/LAYERS

# Breaches of the rules in a folder laid out like src/, one per line.
check_includes() {		# check_includes FOLDER
	(cd "$1" && find . -name '*.[ch]' | sed 's,^\./,,' | sort |
	    xargs awk -v layers="$layers" "$include_rules")
}

# Headers must not include each other in a circle.
check_circles() {		# check_circles FOLDER
	(cd "$1" && find . -name '*.h' | sed 's,^\./,,' | sort | xargs awk '
		/^#[ \t]*include[ \t]*"/ {
			split($0, w, "\"")
			print FILENAME, w[2]
		}' | tsort 2>&1 >/dev/null | sed 's/^tsort: //')
}

include_rules='
function breach(what) {
	print FILENAME ":" FNR ": " what
}

# "a b c" holds word
function listed(list, word) {
	return index(" " list " ", " " word " ") > 0
}

function check_own(header,    to) {
	to = header
	if (!sub(/\/[^\/]*$/, "", to)) {
		breach("\"" header "\" is not written as \"folder/file.h\"")
		return
	}
	if (!(to in known))
		breach("\"" header "\": folder not in LAYERS")
	else if (to != folder && !listed(may[folder], to))
		breach(folder " must not include \"" header "\"")
	if (folder == "policy" && listed(impure, header))
		breach("policy must not include \"" header "\"")
}

function check_system(header) {
	if (folder == "policy" && (header ~ /^(sys|linux|netinet|arpa)\// ||
	    listed(calls, header)))
		breach("policy must not include <" header ">")
	if ((header in only) && !listed(only[header], FILENAME) &&
	    !listed(only[header], folder))
		breach("<" header "> is for " only[header] " only")
}

BEGIN {
	calls = "unistd.h time.h signal.h fcntl.h poll.h spawn.h pthread.h " \
	    "stdio.h ev.h netdb.h sched.h"
	impure = "base/clock.h base/fd.h base/log.h"
	while ((getline line < layers) > 0) {
		if (line ~ /^(#|$)/)
			continue
		name = rest = line
		sub(/:.*/, "", name)
		sub(/^[^:]*:[ \t]*/, "", rest)
		if (gsub(/[<>]/, "", name)) {
			only[name] = rest
			continue
		}
		n = split(rest, w, " ")
		for (i = 1; i <= n; i++)
			if (!(w[i] in known))
				print "LAYERS: " name " stands above " w[i]
		known[name] = 1
		may[name] = rest
	}
}

FNR == 1 {
	folder = FILENAME
	sub(/\/.*/, "", folder)
	first = FILENAME ~ /\.c$/
	if (!(folder in known))
		breach("folder not in LAYERS")
}

/^#[ \t]*include/ {
	header = $0
	sub(/^#[ \t]*include[ \t]*/, "", header)
	if (header == "\"config.h\"") {
		if (FILENAME ~ /\.h$/)
			breach("a header must not include config.h")
		else if (!first)
			breach("config.h is not included first")
		first = 0
		next
	}
	if (first)
		breach("the first include is not \"config.h\"")
	first = 0
	if (header ~ /^"/) {
		split(header, w, "\"")
		check_own(w[2])
	} else if (header ~ /^</) {
		split(header, w, /[<>]/)
		check_system(w[2])
	} else
		breach("an include that cannot be read")
}'

# Files that have an include before config.h, or none of it.
check_first() {			# check_first FILE...
	awk 'FNR == 1 { seen = 0 }
	/^#[ \t]*include/ && !seen++ && !/"config\.h"/ {
		print FILENAME ":" FNR ": the first include is not config.h"
	}' "$@"
}

is "every include of src/ is allowed" "$(check_includes "$top_srcdir/src")" ""
is "no headers in a circle" "$(check_circles "$top_srcdir/src")" ""
is "config.h comes first in the tests" "$(cd "$top_srcdir" &&
    find t -name '*.c' | sort | while read -r f; do check_first "$f"; done)" ""

# The rules themselves: each bad line must be found, the good ones not.
bad=$tmp/bad
mkdir -p "$bad/base" "$bad/policy" "$bad/config" "$bad/os" "$bad/http" \
    "$bad/nowhere"

put() {				# put FILE LINE...: config.h comes first
	_file=$bad/$1
	shift
	printf '%s\n' '#include "config.h"' "$@" >"$_file"
}

finds() {			# finds NAME EXTENDED-REGULAR-EXPRESSION
	like "finds $1" "$(check_includes "$bad")" "$2"
}

put os/good.c '#include "os/good.h"' '#include <unistd.h>' \
    '#include "base/err.h"'
put config/yaml.c '#include <cyaml/cyaml.h>'
put http/good.c '#include <microhttpd.h>' '#include "librota/rota.h"'
is "finds nothing in good files" "$(check_includes "$bad")" ""

put base/up.c '#include "os/spawn.h"'
finds "an include that goes up" \
    '^base/up.c:2: base must not include "os/spawn.h"$'
put http/side.c '#  include "config/conf.h"'
finds "an include from the side" \
    '^http/side.c:2: http must not include "config/conf.h"$'
printf '#include <stdio.h>\n#include "config.h"\n' >"$bad/os/late.c"
finds "config.h in second place" \
    '^os/late.c:1: the first include is not "config.h"$'
put os/yaml.c '#include <cyaml/cyaml.h>'
finds "cyaml outside config/yaml.c" \
    '^os/yaml.c:2: <cyaml/cyaml.h> is for config/yaml.c only$'
put os/web.c '#include <microhttpd.h>'
finds "microhttpd outside http" \
    '^os/web.c:2: <microhttpd.h> is for http only$'
put policy/call.c '#include <sys/socket.h>'
finds "a system header in policy" \
    '^policy/call.c:2: policy must not include <sys/socket.h>$'
put policy/clock.c '#include "base/clock.h"'
finds "a clock in policy" \
    '^policy/clock.c:2: policy must not include "base/clock.h"$'
put nowhere/x.c
finds "a folder nobody knows" '^nowhere/x.c:1: folder not in LAYERS$'
put os/short.c '#include "spawn.h"'
finds "an include without its folder" '^os/short.c:2: "spawn.h" is not'
echo '#include "os/b.h"' >"$bad/os/a.h"
echo '#include "os/a.h"' >"$bad/os/b.h"
like "finds it in a test" "$(check_first "$bad/os/late.c")" \
    'late.c:1: the first'
like "finds headers in a circle" "$(check_circles "$bad")" loop

done_testing
