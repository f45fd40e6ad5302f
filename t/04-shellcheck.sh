#!/bin/sh
# budget: 300
# Every shell script of the tree, the examples included.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"

if ! command -v shellcheck >"$tmp/which"; then
	skip_all "shellcheck is not installed"
fi

cd "$top_srcdir" || exit 99
check_script() {		# check_script FILE
	shellcheck -x -P "$top_srcdir" -P SCRIPTDIR -f gcc "$1"
}

scripts=$(find bootstrap .ci bench t etc src -type f \
    -exec grep -lE '^#!/[^ ]*(/| )(sh|bash|dash)( |$)' {} + | sort)
for script in $scripts t/lib.sh; do
	is "$script" "$(check_script "$script" 2>&1)" ""
done

printf '%s\n' '#!/bin/sh' 'cd $1' >"$tmp/bad.sh"
like "finds an unquoted variable" "$(check_script "$tmp/bad.sh")" SC2086

done_testing
