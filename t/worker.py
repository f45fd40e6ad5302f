#!/usr/bin/env python3
"""A worker for the tests of dialects: HTTP on whatever listeners it is told.

    worker.py [OPTION...]

    --bind          listen on 127.0.0.1:$PORT itself
    --fd N          the listener is descriptor N
    --ready-fd N    says that it is ready by a newline there
    --ack WAY       einhorn: by path, fd or none
    --mute          says nothing
    --late SECONDS  before it says that it is ready
    --user NUMBER   becomes that user and group first

GET /crash ends it, /env shows its environment, /notify?TEXT sends TEXT to
NOTIFY_SOCKET (as of the query, percent-encoded), /args its arguments.
"""
import argparse
import json
import os
import selectors
import signal
import socket
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler

env = os.environ
parser = argparse.ArgumentParser()
parser.add_argument("--bind", action="store_true")
parser.add_argument("--fd", type=int, action="append")
parser.add_argument("--ready-fd", type=int)
parser.add_argument("--ack", default="path")
parser.add_argument("--mute", action="store_true")
parser.add_argument("--late", type=float, default=0)
parser.add_argument("--word", action="append")
parser.add_argument("--user", type=int)
args = parser.parse_args()


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


def say_ready():
    if args.user is not None:
        os.setgroups([])
        os.setgid(args.user)
        os.setuid(args.user)
    time.sleep(args.late)
    if args.mute:
        return
    if args.ready_fd is not None:
        os.write(args.ready_fd, b"ready\n")
        os.close(args.ready_fd)
    if "NOTIFY_SOCKET" in env:
        notify("READY=1\nSTATUS=serves")
    if "EINHORN_FD_COUNT" in env and args.ack != "none":
        ack = {"command": "worker:ack", "pid": os.getpid()}
        line = json.dumps(ack).encode() + b"\n"
        if args.ack == "yaml":
            line = b"---%%0Acommand: worker:ack%%0Apid: %d%%0A\n" % (
                os.getpid())
        if args.ack == "fd":
            os.write(int(env["EINHORN_SOCK_FD"]), line)
            return
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(env["EINHORN_SOCK_PATH"])
            s.sendall(line)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def answer(self):
        path, _, query = self.path.partition("?")
        if path == "/env":
            return "".join(f"{k}={v}\n" for k, v in sorted(env.items()))
        if path == "/args":
            return " ".join(sys.argv[1:]) + "\n"
        if path == "/notify":
            notify(urllib.parse.unquote(query))
        if path == "/store":
            notify("FDSTORE=1\nFDNAME=x", [0, 1])
        return f"Handled by process {os.getpid()}.\nCached value: none\n"

    def do_GET(self):
        if self.path == "/crash":
            os._exit(1)
        body = self.answer()
        self.send_response(500 if self.path == "/bad" else 200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def answer(client):
    with client:
        try:
            client.setblocking(True)
            Handler(client, None, None)
        except OSError:
            pass


def accept(listener):
    try:
        client, _ = listener.accept()
    except BlockingIOError:
        return
    threading.Thread(target=answer, args=(client,)).start()


def main():
    wake, stop = socket.socketpair()
    for sig in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(sig, lambda *_: stop.send(b"x"))
    waiting = selectors.DefaultSelector()
    waiting.register(wake, selectors.EVENT_READ)
    for s in listeners():
        s.setblocking(False)
        waiting.register(s, selectors.EVENT_READ)
    say_ready()
    while True:
        for key, _ in waiting.select():
            if key.fileobj is wake:
                return
            accept(key.fileobj)


main()
