"""The worker of `make bench` under gunicorn: the same answer as rota-http."""
import os


def application(environ, start_response):
    body = (f"Handled by process {os.getpid()}.\n"
            "Cached value: none\n").encode()
    start_response("200 OK", [("Content-Type", "text/plain"),
                              ("Content-Length", str(len(body)))])
    return [body]
