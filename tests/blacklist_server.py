# SPDX-License-Identifier: BSD-3-Clause
"""Web servers for tests of downloads: nginx, and one that does what no proper server does."""

import os
import shutil
import socket
import threading

NGINX = shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin:/usr/local/sbin')
CONFIG = """
daemon off; master_process off; pid {path}/nginx.pid; error_log {path}/error.log; {user}
events {{ worker_connections 64; }}
http {{
   access_log {path}/access.log; client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;
   fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
   types {{ text/plain txt; }} default_type text/plain; gzip on; gzip_min_length 0; gzip_types text/plain;
   server {{
      listen 127.0.0.1:{port}; root {path}/www;
      location /loop {{ return 302 /loop; }}
      location ~ ^/redirect/1$ {{ return 302 /list.txt; }}
      location ~ ^/redirect/(2)$ {{ return 302 /redirect/1; }}
      location ~ ^/redirect/(3)$ {{ return 302 /redirect/2; }}
      location ~ ^/redirect/(4)$ {{ return 302 /redirect/3; }}
      location ~ ^/redirect/(5)$ {{ return 302 /redirect/4; }}
      location ~ ^/redirect/(6)$ {{ return 302 /redirect/5; }}
      location /to-file {{ return 302 file:///etc/passwd; }}
      location /sorry {{ default_type text/html; return 200 "<!DOCTYPE html><title>Sorry</title><a href=http://x.example>"; }}
      location /sorry-text {{ return 200 "We are sorry.\\nPlease come back later.\\nhttp://x.example has more.\\n"; }}
      location /nothing {{ return 200 ""; }}
      location /slow {{ limit_rate 8; alias {path}/www/big.txt; }}
   }}
}}
"""


class Nginx:
    """Serves DIR/www of a workspace."""

    def __init__(self, workspace):
        self.workspace, self.path = workspace, workspace.path
        self.port = workspace.free_port()
        os.mkdir(workspace.file('www'))
        user = 'user root;' if os.geteuid() == 0 else ''
        config = workspace.file('nginx.conf', CONFIG.format(path=self.path, port=self.port, user=user))
        self.process = workspace.start(NGINX, '-p', self.path, '-e', workspace.file('error.log'), '-c', config)
        workspace.wait_for(self.answers, 'nginx')

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(('127.0.0.1', self.port)) == 0

    def url(self, name):
        return f'http://127.0.0.1:{self.port}/{name}'

    def put(self, name, content):
        """Replaces a file; its time and size differ from those before."""
        path = os.path.join(self.path, 'www', name)
        before = os.stat(path).st_mtime if os.path.exists(path) else 1000000000
        with open(path + '.new', 'w', encoding='utf-8') as file:
            file.write(content)
        os.utime(path + '.new', (before + 10, before + 10))
        os.rename(path + '.new', path)

    def requests(self, name, n):
        """Status of each request for a file, of which there are n: nginx logs one after it has answered."""
        found = []

        def logged():
            with open(os.path.join(self.path, 'access.log'), encoding='utf-8') as file:
                found[:] = [int(line.split('"')[2].split()[0]) for line in file if f' /{name} ' in line and line.endswith('\n')]
            return len(found) >= n
        self.workspace.wait_for(logged, f'{n} requests for {name}')
        return found


class Broken:
    """Sends the same bytes to every client and closes."""

    def __init__(self, answer):
        self.answer = answer
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                client.recv(65536)
                client.sendall(self.answer)

    def url(self):
        return f'http://127.0.0.1:{self.port}/list'

    def close(self):
        self.socket.close()
