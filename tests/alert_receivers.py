#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Receivers for tests of alert_output, in a process of their own so that they can be killed. Each writes what it received to a file, a
message a line, before it answers.

usage: alert_receivers.py http PORT FILE [CERT KEY]
       alert_receivers.py syslog PORT FILE [CERT KEY]      (octet counting)

The web server answers as its path says; under /hold-N it does not answer requests after the Nth.
"""

import http.server
import json
import os
import socketserver
import ssl
import sys
import threading


def write(path, messages):
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, b''.join(m + b'\n' for m in messages))
    os.close(descriptor)


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    path_of_file = None
    requests = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if self.path.startswith('/hold-'):
            Web.requests += 1
            if Web.requests > int(self.path[len('/hold-'):]):
                threading.Event().wait()
        status = {'/redirect': 302, '/refused': 400, '/busy': 503}.get(self.path, 200)
        if self.path == '/refuse-some' and b'203.0.113.13' in body:
            status = 422
        if status == 200:
            values = json.loads(body) if self.headers['Content-Type'] == 'application/json' else body.decode()
            lines = values if isinstance(values, list) else [values]
            write(self.path_of_file, [json.dumps(line).encode() for line in lines])
        if self.path == '/token':
            write(self.path_of_file + '.token', [str(self.headers['Authorization']).encode()])
        self.send_response(status)
        if status == 302:
            self.send_header('Location', '/followed')
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass


class Syslog(socketserver.BaseRequestHandler):
    path_of_file = None

    def handle(self):
        data = b''
        while True:
            more = self.request.recv(65536)
            if not more:
                return
            data += more
            messages = []
            while True:
                length, blank, rest = data.partition(b' ')
                if not blank or len(rest) < int(length):
                    break
                messages.append(rest[:int(length)])
                data = rest[int(length):]
            write(self.path_of_file, messages)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    allow_reuse_address = True
    daemon_threads = True


def main(kind, port, path, cert=None, key=None):
    handler = Web if kind == 'http' else Syslog
    handler.path_of_file = path
    server = Server(('127.0.0.1', int(port)), handler)
    if cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == '__main__':
    main(*sys.argv[1:])
