#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""nemea_page under thousands of connections that are silent, slow or oversized: how long a browser waits beside them.

usage: run_page_attack.py [CONNECTIONS]        default 10000
"""

import http.client
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('NEMEA_BUILD', 'build')
KINDS = {
    'none': None,
    'silent': b'',
    'slow head': b'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ',
    'oversized head': b'GET / HTTP/1.1\r\nX-Long: ' + b'x' * 60000,
}


def opened(port, data):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(('127.0.0.1', port))
    try:
        s.send(data)
    except OSError:
        pass # not connected yet, or refused already
    return s


def request(port, cookie):
    begin = time.monotonic()
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    connection.request('GET', '/api/v1/system', headers={'Cookie': cookie})
    status = connection.getresponse().status
    connection.close()
    if status != 200:
        sys.exit(f'the page answered {status}')
    return time.monotonic() - begin


def measure(port, cookie, data, n):
    """Latencies of a browser, one request for each 100 connections of the attacker, who keeps the newest 2000 open."""
    times, kept = [], []
    for i in range(n):
        if data is not None:
            kept.append(opened(port, data))
            if len(kept) > 2000:
                kept.pop(0).close()
        if i % 100 == 0:
            times.append(request(port, cookie))
    for s in kept:
        s.close()
    return times


def resident(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return int(re.search(r'VmRSS:\s+(\d+)', file.read()).group(1)) / 1024


def main(n=10000):
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory() as directory:
        page = subprocess.Popen([os.path.join(BUILD, 'bin/nemea_page'), '-l', '127.0.0.1:0', '-s', os.path.join(directory, 'none')], stdout=subprocess.PIPE, text=True)
        port, token = re.search(r':(\d+)/\?token=(\w+)', page.stdout.readline()).groups()
        connection = http.client.HTTPConnection('127.0.0.1', int(port))
        connection.request('GET', '/?token=' + token)
        cookie = connection.getresponse().getheader('Set-Cookie').split(';')[0]
        print(f'{n} connections, a request with a session for each 100 of them\n\n| attack | median ms | slowest ms | memory MB |\n|---|---|---|---|')
        for name, data in KINDS.items():
            times = measure(int(port), cookie, data, n)
            print(f'| {name} | {statistics.median(times) * 1000:.1f} | {max(times) * 1000:.1f} | {resident(page.pid):.1f} |', flush=True)
        page.send_signal(signal.SIGTERM)
        sys.exit(page.wait() != 0)


main(*map(int, sys.argv[1:]))
