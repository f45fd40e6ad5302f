"""Clients that keep their connections open, for t/places.sh.

    places.py PORT COMMANDS

Reads a command a line from the file COMMANDS, and says a line to each:

    open N      N more connections, with a request on each
    wait N      until N of those that are open have been answered
    stay N MS   after so long, still N are
    close N     end N of those that are answered, one of each worker in turn
    reset N     the same, but rudely
    all         until all that are open are answered; how many are not
    gone N      until N have been ended by the other end
    lost        how many of these without an answer
    show        how many each worker has answered, the fewest first
"""
import re
import select
import socket
import struct
import sys
import time

PATIENCE = 30
conns = {}			# answered: by which pid, else 0
ended = lost = 0


def hear(until, is_done):
    global ended, lost
    while not is_done():
        left = until - time.monotonic()
        if left <= 0:
            return
        for c in select.select(list(conns), [], [], left)[0]:
            try:
                data = c.recv(65536)
            except ConnectionError:
                data = b""
            if data == b"":
                c.close()
                ended += 1
                lost += conns.pop(c) == 0
                continue
            pid = re.search(rb"Handled by process (\d+)", data)
            conns[c] = int(pid.group(1))


def answered():
    return sum(1 for pid in conns.values() if pid)


def workers():
    by_pid = {}
    for c, pid in conns.items():
        if pid:
            by_pid.setdefault(pid, []).append(c)
    return by_pid


def leave(count, linger):
    for _ in range(count):
        c = max(workers().values(), key=len)[0]
        if linger:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 0))
        del conns[c]
        c.close()


def obey(word, number=0, ms=0):
    now = time.monotonic()
    if word == "open":
        for _ in range(number):
            c = socket.create_connection(("127.0.0.1", port), 10)
            c.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            conns[c] = 0
    elif word == "wait":
        hear(now + PATIENCE, lambda: answered() >= number)
        return answered()
    elif word == "stay":
        hear(now + ms / 1000, lambda: answered() > number)
        return answered()
    elif word == "gone":
        hear(now + PATIENCE, lambda: ended >= number)
        return ended
    elif word == "all":
        hear(now + PATIENCE, lambda: answered() == len(conns))
        return len(conns) - answered()
    elif word == "lost":
        return lost
    elif word == "show":
        return " ".join(map(str, sorted(map(len, workers().values()))))
    else:
        leave(number, word == "reset")
    return "well"


port = int(sys.argv[1])
with open(sys.argv[2]) as commands:
    for line in commands:
        words = line.split()
        print(obey(words[0], *map(int, words[1:])), flush=True)
