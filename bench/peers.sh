# shellcheck shell=sh disable=SC2086,SC2154
# Managers of others' servers for bench/run.sh: PM2 and gunicorn.

# One that does not answer is left out, and ended.
take_part_if_it_answers() {	# take_part_if_it_answers NAME PORT
	port=$2
	if wait_for 20 ask 1; then
		take_part "$1" "$2" "$started_pid"
		return
	fi
	left_out "$1" "it does not answer"
	kill "$started_pid" 2>/dev/null
	reap 10 "$started_pid"
}

# The same program as in Node's own cluster.  In the foreground the daemon is
# what was started, which is ended with the others.  PM2 asks for its newest
# version when its folder is new, which the file touch denies, and each day
# unless it is told not to; of the environment it gets no key of an account.
start_pm2() {
	_pm2=${ROTA_BENCH_PM2:-pm2}
	if ! has node || ! has "$_pm2"; then
		left_out pm2 "node or pm2 is not installed"
		return
	fi
	_port=$(free_port)
	mkdir "$tmp/pm2"
	: >"$tmp/pm2/touch"
	start "$tmp/pm2.log" env -i PATH="$PATH" HOME="$tmp/pm2" \
	    TMPDIR="$tmp" PM2_HOME="$tmp/pm2" PM2_DISCRETE_MODE=true \
	    PM2_DISABLE_VERSION_CHECK=true PM2_NO_INTERACTION=true \
	    ROTA_BENCH_PORT="$_port" setsid "$_pm2" start \
	    "$top_srcdir/bench/cluster.js" --instances "$workers" \
	    --no-daemon --no-vizion
	take_part_if_it_answers pm2 "$_port"
}

# Threads, as its ordinary workers close each connection.
gunicorn_options="--worker-class gthread --threads 4 --keep-alive 75
	--backlog 4096 --worker-tmp-dir $tmp --pythonpath $top_srcdir/bench
	--log-level warning wsgi:application"

start_gunicorn() {
	if ! has gunicorn; then
		left_out gunicorn "it is not installed"
		return
	fi
	_port=$(free_port)
	start "$tmp/gunicorn.log" env GUNICORN_CMD_ARGS= \
	    PYTHONDONTWRITEBYTECODE=1 setsid gunicorn --workers "$workers" \
	    --bind "127.0.0.1:$_port" $gunicorn_options
	take_part_if_it_answers gunicorn "$_port"
}

# Each worker of rota is a gunicorn with one worker, on what it is handed.
start_rota_gunicorn() {
	if ! has gunicorn; then
		left_out rota-gunicorn "gunicorn is not installed"
		return
	fi
	start_under_rota rota-gunicorn "dialect: systemd" \
	    "env: {GUNICORN_CMD_ARGS: '', PYTHONDONTWRITEBYTECODE: '1'}" \
	    "argv: [gunicorn, --workers, '1'$(printf ", '%s'" \
	    $gunicorn_options)]"
}
