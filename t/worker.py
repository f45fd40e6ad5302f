#!/usr/bin/env python3
"""A worker for the tests of dialects: HTTP on whatever listeners it is told.

    worker.py [OPTION...]

    --bind          listen on 127.0.0.1:$PORT itself
    --fd N          the listener is descriptor N; may be repeated
    --ready-fd N    says that it is ready by a newline there
    --ack WAY       einhorn: by path (the default), fd, yaml or none
    --mute          says nothing
    --user NUMBER   becomes that user and group first
    --word WORD     does nothing

GET /crash ends it, /env shows its environment, /notify?TEXT sends TEXT to
NOTIFY_SOCKET (as of the query, percent-encoded), /args its arguments.  It is
started often, and so imports little: run it with -I -S.
"""
import os
import select
import signal
import socket
import sys
import threading

env = os.environ
ANSWER = "Handled by process %d.\nCached value: none\n"


class Options:
    bind = mute = False
    fd = []
    ready_fd = user = None
    ack = "path"


def options(words):
    o, words = Options(), iter(words)
    for word in words:
        if word in ("--bind", "--mute"):
            setattr(o, word[2:], True)
        elif word == "--fd":
            o.fd = o.fd + [int(next(words))]
        elif word == "--ready-fd":
            o.ready_fd = int(next(words))
        elif word == "--user":
            o.user = int(next(words))
        elif word == "--ack":
            o.ack = next(words)
        elif word == "--word":
            next(words)
        else:
            sys.exit(f"worker.py: {word}?")
    return o


args = options(sys.argv[1:])


def notify(text, fds=()):
    address = env["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect("\0" + address[1:] if address[0] == "@" else address)
        socket.send_fds(s, [text.encode()], fds) if fds else \
            s.send(text.encode())


def numbers():
    """The descriptors of the listeners, by the convention at hand."""
    if args.fd:
        return args.fd
    if "LISTEN_FDS" in env:
        if env["LISTEN_PID"] != str(os.getpid()):
            sys.exit("LISTEN_PID is not mine")
        return range(3, 3 + int(env["LISTEN_FDS"]))
    if "EINHORN_FD_COUNT" in env:
        if env["EINHORN_MASTER_PID"] != str(os.getppid()):
            sys.exit("EINHORN_MASTER_PID is not my parent")
        return [int(env[f"EINHORN_FD_{i}"])
                for i in range(int(env["EINHORN_FD_COUNT"]))]
    if "SERVER_STARTER_PORT" in env:
        return [int(one.rpartition("=")[2])
                for one in env["SERVER_STARTER_PORT"].split(";")]
    return []


def listeners():
    if args.bind:
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", int(env["PORT"])))
        s.listen(100)
        return [s]
    return [socket.socket(fileno=n) for n in numbers()]


def drop_rights():
    if args.user is not None:
        os.setgroups([])
        os.setgid(args.user)
        os.setuid(args.user)


def acknowledge():
    line = b'{"command":"worker:ack","pid":%d}\n' % os.getpid()
    if args.ack == "yaml":
        line = b"---%%0Acommand: worker:ack%%0Apid: %d%%0A\n" % os.getpid()
    if args.ack == "fd":
        os.write(int(env["EINHORN_SOCK_FD"]), line)
        return
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(env["EINHORN_SOCK_PATH"])
        s.sendall(line)


def say_ready():
    if args.mute:
        return
    if args.ready_fd is not None:
        os.write(args.ready_fd, b"ready\n")
        os.close(args.ready_fd)
    if "NOTIFY_SOCKET" in env:
        notify("READY=1\nSTATUS=serves")
    if "EINHORN_FD_COUNT" in env and args.ack != "none":
        acknowledge()


def decoded(text):
    first, *rest = text.split("%")
    return first + "".join(chr(int(r[:2], 16)) + r[2:] for r in rest)


def content(path):
    path, _, query = path.partition("?")
    if path == "/crash":
        os._exit(1)
    if path == "/env":
        return "".join(f"{k}={v}\n" for k, v in sorted(env.items()))
    if path == "/args":
        return " ".join(sys.argv[1:]) + "\n"
    if path == "/notify":
        notify(decoded(query))
    if path == "/store":
        notify("FDSTORE=1\nFDNAME=x", [0, 1])
    return ANSWER % os.getpid()


def request(client):
    """The path that is asked for, or None: the client has gone."""
    text = b""
    while b"\r\n\r\n" not in text:
        some = client.recv(65536)
        if not some:
            return None
        text += some
    return text.split()[1].decode()


def answer(client):
    with client:
        try:
            client.settimeout(10)
            path = request(client)
            if path is None:
                return
            body = content(path).encode()
            status = "500 Bad" if path == "/bad" else "200 OK"
            client.sendall(f"HTTP/1.1 {status}\r\nContent-Type: text/plain"
                           f"\r\nContent-Length: {len(body)}\r\n"
                           "Connection: close\r\n\r\n".encode() + body)
        except OSError:
            pass


def accept(listener):
    try:
        client, _ = listener.accept()
    except OSError:  # there is none, or it does not listen for a moment
        return
    threading.Thread(target=answer, args=(client,)).start()


def main():
    wake, stop = socket.socketpair()
    for sig in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(sig, lambda *_: stop.send(b"x"))
    waiting = listeners()
    for s in waiting:
        s.setblocking(False)
    drop_rights()
    say_ready()
    while True:
        ready, _, _ = select.select(waiting + [wake], [], [])
        if wake in ready:
            return
        for s in ready:
            accept(s)


main()
