#!/usr/bin/env python3
"""A stand-in for a supervisor's control socket, for tests of its clients.

mock-control.py SOCKET SCRIPT REQUESTS

Says what SCRIPT has, and appends each request to REQUESTS, without its id.
The script has a line for each step, indented below the command it answers
(one that ends with a backslash goes on in the next line):

    greet TEXT          instead of the ordinary greeting; "greet -": none
    on COMMAND          what follows answers this command
      data JSON         {"id":...,"data":JSON}
      ok JSON           {"id":...,"ok":true,"result":JSON}
      okfile PATH       the same, with JSON from a file
      fail JSON         {"id":...,"ok":false} and the members of JSON
      raw TEXT          this line as it is, \\xNN for a byte
      pause SECONDS
      flood             a line that does not end, as long as it is taken
      cut               half a line, and the connection is closed
      close             the connection is closed
      die               the whole server ends
      hang              nothing more is said

It ends by itself when its standard input does.
"""
import json
import os
import socket
import sys
import threading
import time


def read_script(path):
    greet, steps, command = None, {}, None
    with open(path, encoding="utf-8") as script:
        for line in script.read().replace(" \\\n", "").splitlines():
            verb, _, rest = line.strip().partition(" ")
            if verb == "greet":
                greet = rest
            elif verb == "on":
                command = rest
                steps[command] = []
            elif verb and not verb.startswith("#"):
                steps[command].append((verb, rest))
    return greet, steps


class Session:
    def __init__(self, conn, greet, steps, requests):
        self.conn, self.greet, self.steps = conn, greet, steps
        self.requests = requests

    def send(self, text):
        self.conn.sendall(text.encode("utf-8", "surrogateescape") + b"\n")

    def reply(self, number, members):
        self.send(json.dumps({"id": number, **members}))

    def step(self, number, verb, rest):
        if verb == "data":
            self.reply(number, {"data": json.loads(rest)})
        elif verb == "ok":
            self.reply(number, {"ok": True, "result": json.loads(rest)})
        elif verb == "okfile":
            with open(rest, encoding="utf-8") as result:
                self.step(number, "ok", result.read())
        elif verb == "fail":
            self.reply(number, {"ok": False, **json.loads(rest)})
        elif verb == "raw":
            raw = rest.encode().decode("unicode_escape").encode("latin-1")
            self.conn.sendall(raw + b"\n")
        elif verb == "pause":
            time.sleep(float(rest))
        elif verb == "flood":
            while True:
                self.conn.sendall(b"x" * 65536)
        elif verb == "cut":
            self.conn.sendall(b'{"id":1,"ok":tr')
            self.conn.shutdown(socket.SHUT_RDWR)
        elif verb == "close":
            self.conn.shutdown(socket.SHUT_RDWR)
        elif verb == "die":
            os._exit(0)
        elif verb == "hang":
            while self.conn.recv(4096):
                pass

    def run(self):
        try:
            if self.greet is None:
                self.send(json.dumps({"rota": "control", "version": 1,
                                      "pid": os.getpid(),
                                      "release": "0.1.0"}))
            elif self.greet != "-":
                self.send(self.greet)
            for line in self.conn.makefile(encoding="utf-8"):
                request = json.loads(line)
                number = request.pop("id")
                with open(self.requests, "a", encoding="utf-8") as log:
                    log.write(json.dumps(request, sort_keys=True) + "\n")
                for verb, rest in self.steps.get(request["command"], [
                        ("fail", '{"code":"usage","error":"no script"}')]):
                    self.step(number, verb, rest)
        except OSError:
            pass


def main():
    path, script, requests = sys.argv[1:]
    greet, steps = read_script(script)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    print("listening", flush=True)

    def accept():
        while True:
            session = Session(listener.accept()[0], greet, steps, requests)
            threading.Thread(target=session.run, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.buffer.read()


main()
