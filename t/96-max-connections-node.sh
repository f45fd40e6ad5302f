#!/bin/sh
# budget: 240
# max_connections with programs for Node's cluster, as they are.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/node.sh
. "$top_srcdir/t/node.sh"
# shellcheck source=t/places.sh
. "$top_srcdir/t/places.sh"

start_node 2 "port: 0" "max_connections: 2" "ready: { soak: 200ms }" \
    "env: { KEEP: '3600000' }"
is "connections are handed over" "$(pool_value mechanism)" '"hand-over"'
like "and status says why" "$(pool_value reason)" '^"max_connections counts'
clients_start
tells "clients connect" well open 7
tells "2 of each worker are answered" 4 wait 4
tells "and the others are not" 4 stay 4 500
tells "each worker has 2" "2 2" show
is "which status shows" "$(open_of app)" "2 2"
tells "one closes" well close 1
tells "and another has its place" 4 wait 4
tells "one resets" well reset 1
tells "and another has its place, too" 4 wait 4
tells "and nobody else" 4 stay 4 300
tells "each worker has 2 again" "2 2" show
kill -KILL "$(pids_of app | sed -n 1p)"
tells "a full worker is killed, and its connections end" 2 gone 2
tells "its successor has who waited" 3 wait 3
tells "2 more connect" well open 2
tells "of which one has room" 4 wait 4
tells "each worker has 2 again" "2 2" show
rota reload
is "a rolling restart" "$status" 0
tells "the old workers end what is idle" 6 gone 6
tells "and a new one has who waited" 1 wait 1
tells "3 more have room" well open 3
tells "and have it" 4 wait 4
tells "each new worker has 2" "2 2" show
tells "nobody was refused" 0 lost
holds "all are full, nobody waits, and the supervisor sleeps" \
    wait_for 20 is_unchanged
clients_stop

load_start new -c 12
load_start keep -c 12 --mode keep --per-connection 5
is "a rolling restart under load" "$(rollout; echo $?)" 0
load_stop new keep
no_failures "more than there is room for: new connections" new
# Node ends idle connections when it is told to leave; see t/84-node.sh.
is "more than there is room for: failed, but for requests to an idle \
connection" $(($(load_value keep failed) - \
    $(load_value keep failed_reused_eof))) 0
stop_rota
is "rota ends well" "$?" 0

done_testing
