#!/usr/bin/env python3
"""A worker in Python, with nothing but the standard library.

    rota run python.yaml

Connections come one by one over ROTA_CONN_FD, messages as lines of JSON over
ROTA_IPC_FD.  A thread answers each connection; main waits for the rest.
"""
import json
import os
import selectors
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler

NOW = socket.MSG_DONTWAIT
ipc = socket.socket(fileno=int(os.environ.pop("ROTA_IPC_FD")))
conn = socket.socket(fileno=int(os.environ.pop("ROTA_CONN_FD")))
for s in (ipc, conn):
    s.set_inheritable(False)
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


def take_connection():
    """Whether there was one.  recvmsg, for recv_fds forgets its flags."""
    try:
        index, ancillary, _, _ = conn.recvmsg(
            1, socket.CMSG_LEN(4), NOW | socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        return False
    for _, _, data in ancillary:
        client = socket.socket(fileno=int.from_bytes(data, sys.byteorder))
        threading.Thread(target=answer, args=(client,)).start()
    return bool(index)


def handle(message):
    """Whether to go on."""
    global value
    if not isinstance(message, dict) or "rota" not in message:
        if isinstance(message, dict) and len(message) == 1:
            message, = message.values()
        value = message
    elif message["rota"] == "ping":
        say({"rota": "pong", "id": message["id"]})
    return not (isinstance(message, dict)
                and message.get("rota") == "disconnect")


def say(message):
    ipc.sendall(json.dumps(message).encode() + b"\n")


def main():
    unread = b""
    ready = selectors.DefaultSelector()
    ready.register(ipc, selectors.EVENT_READ)
    ready.register(conn, selectors.EVENT_READ)
    say({"rota": "ready"})
    going = True
    while going:
        for key, _ in ready.select():
            if key.fileobj is conn:
                take_connection()
                continue
            data = ipc.recv(65536, NOW)
            going = going and bool(data)  # the supervisor has gone
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                going = handle(json.loads(line)) and going
    while take_connection():  # what waits already
        pass


if __name__ == "__main__":
    main()  # the threads are waited for
