#!/usr/bin/env python3
"""A worker in Python, with nothing but the standard library.

    rota run python.yaml

Messages come as lines of JSON over ROTA_IPC_FD.  Connections come one by one
over ROTA_CONN_FD if there is one, else they are accepted from the listeners
that the first message, hello, names.  A thread answers each connection; main
waits for the rest.
"""
import json
import os
import selectors
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler

NOW = socket.MSG_DONTWAIT
ready = selectors.DefaultSelector()
ipc = socket.socket(fileno=int(os.environ.pop("ROTA_IPC_FD")))
ipc.set_inheritable(False)
conns = None
sources = []  # of connections
if "ROTA_CONN_FD" in os.environ:
    conns = socket.socket(fileno=int(os.environ.pop("ROTA_CONN_FD")))
    sources.append(conns)
value = "none"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_GET(self):
        body = f"Handled by process {os.getpid()}.\nCached value: {value}\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


def answer(client):
    with client:
        try:
            Handler(client, None, None)
        except OSError:
            pass  # the client has gone


def next_of(source):
    """The next connection, or None."""
    try:
        if source is not conns:
            return source.accept()[0]
        # Not recv_fds, which forgets its flags.
        _, ancillary, _, _ = conns.recvmsg(
            1, socket.CMSG_LEN(4), NOW | socket.MSG_CMSG_CLOEXEC)
        for _, _, data in ancillary:
            return socket.socket(fileno=int.from_bytes(data, sys.byteorder))
    except OSError:
        pass  # there is none, or its client has gone
    return None


def take_connection(source):
    """Whether there was one."""
    client = next_of(source)
    if client is not None:
        threading.Thread(target=answer, args=(client,)).start()
    return client is not None


def handle(message):
    """Whether to go on."""
    global value
    if not isinstance(message, dict) or "rota" not in message:
        if isinstance(message, dict) and len(message) == 1:
            message, = message.values()
        value = message
        return True
    if message["rota"] == "hello":
        listen([one["fd"] for one in message["listeners"] if "fd" in one])
    elif message["rota"] == "ping":
        say({"rota": "pong", "id": message["id"]})
    return message["rota"] != "disconnect"


def listen(fds):
    """Nothing is taken before this."""
    sources.extend(socket.socket(fileno=fd) for fd in fds)
    for source in sources:
        source.set_inheritable(False)
        ready.register(source, selectors.EVENT_READ)
    say({"rota": "ready"})


def say(message):
    ipc.sendall(json.dumps(message).encode() + b"\n")


def main():
    unread = b""
    ready.register(ipc, selectors.EVENT_READ)
    going = True
    while going:
        for key, _ in ready.select():
            if key.fileobj is not ipc:
                take_connection(key.fileobj)
                continue
            data = ipc.recv(65536, NOW)
            going = going and bool(data)  # the supervisor has gone
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                going = handle(json.loads(line)) and going
    for source in sources:  # what waits already
        for _ in range(1000):
            if not take_connection(source):
                break


if __name__ == "__main__":
    main()  # the threads are waited for
