#!/bin/sh
# A worker in sh: it gets what is broadcast, and leaves when it is told to.
# There is no port: a shell cannot take connections.
#
#	rota run shell.yaml
#
# Some shells know descriptors of one digit only; without listeners
# ROTA_IPC_FD is one.
say() {
	printf '%s\n' "$1" >&"$ROTA_IPC_FD"
}

say '{"rota":"ready"}'
while IFS= read -r line; do
	case $line in
	*'"rota":"disconnect"'*)
		echo "leaving"
		exit 0
		;;
	*'"rota":'*)
		;;
	*)
		echo "got $line"
		say '{"rota":"status","text":"up to date"}'
		;;
	esac
done <&"$ROTA_IPC_FD"
