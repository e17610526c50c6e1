#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reporters: alerts a second to a file through ten rules, and a storm of alerts to a mailbox.

usage: run_reporters.py [--alerts N] [--storm N] [--rounds N]

The first row is haddrscan2idea.py over a file of alerts, in alerts a second of wall-clock time and of processor time, the median over the rounds.
The storm comes over a socket as fast as in one minute, to a reporter whose one action is e-mail (a real server, aiosmtpd): how long the
sender took, the reporter's largest memory, the mails, and what became of the alerts.
"""

import argparse
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('NEMEA_BUILD', '')
CONDITIONS = ['Source.IP4 in wl', 'Category like "^Malware" and FlowCount < 10', 'Category in ["Attempt.Login", "Intrusion.Botnet"]',
              'Target.Port in [22, 23] and Source.IP4 in [10.0.0.0/8]', 'not exists Target', 'DetectTime < 2020-01-01T00:00:00Z',
              'Node.SW in ["Kippo"]', 'ConnCount > 1', 'Target.IP4 == wl', 'true']
MINUTE = 60


def restart():
    """The Python that pytrap was built for runs the rest."""
    python = os.path.join(BUILD, 'python')
    with open(os.path.join(python, 'pytrap', 'pytrap', 'python.txt'), encoding='utf-8') as file:
        program = file.read().strip()
    paths = [os.path.join(python, name) for name in ('reporters', 'nemea_events', 'pytrap')]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(paths), REPORTERS_BENCH='1')
    return subprocess.run([program, *sys.argv], env=env, check=False).returncode


def fields():
    import nemea_events
    return nemea_events.Reporter('haddrscan').fields


def alert():
    """An alert of haddrscan_detector with 16 addresses."""
    import pytrap
    record = pytrap.UnirecTemplate(fields())
    record.createMessage(0)
    record.setFromDict({'SRC_IP': '203.0.113.9', 'DST_PORT': 23, 'PROTOCOL': 6, 'ADDR_CNT': 50, 'TIME_FIRST': '2026-03-01T10:00:00',
                        'TIME_LAST': '2026-03-01T10:00:05', **{f'DST_IP{i}': f'192.0.2.{i}' for i in range(16)}})
    return record


def output(spec):
    import pytrap
    ctx = pytrap.TrapCtx()
    ctx.init(['bench', '-i', spec], 0, 1, service_ifcname='')
    ctx.setDataFmt(0, pytrap.FMT_UNIREC, fields())
    return ctx


def reporter(folder, spec):
    program = os.path.join(BUILD, 'python', 'reporters', 'programs', 'haddrscan2idea.py')
    env = dict(os.environ, NEMEA_SPOOL_DIR=os.path.join(folder, 'spool'), TRAP_SOCKET_DIR=folder)
    return subprocess.Popen([sys.executable, program, '-i', spec, '-c', os.path.join(folder, 'config.yaml'), '-D', '-v', '2'], env=env,
                            stderr=subprocess.PIPE, text=True)


def to_file(folder, count, rounds):
    rules = ''.join(f"  - {{id: {i}, condition: '{text}', actions: [f]}}\n" for i, text in enumerate(CONDITIONS))
    with open(os.path.join(folder, 'config.yaml'), 'w', encoding='utf-8') as file:
        file.write('namespace: org.example\naddressgroups:\n  - {id: wl, list: [10.0.0.0/8, 172.16.0.0/12]}\ncustom_actions:\n'
                   f'  - {{id: f, file: {{path: {folder}/out}}}}\nrules:\n{rules}')
    ctx, record = output(f'f:{folder}/in'), alert()
    data = record.getData()
    for _ in range(count):
        ctx.send(data)
    ctx.finalize()
    walls, processors = [], []
    for _ in range(rounds):
        used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        process = reporter(folder, f'f:{folder}/in')
        process.communicate()
        walls.append(count / (time.monotonic() - began))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processors.append(count / (after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime))
        with open(f'{folder}/out', encoding='utf-8') as file:
            if sum(1 for _ in file) != count:
                sys.exit('run_reporters.py: alerts are missing in the file')
        os.unlink(f'{folder}/out')
    print(f'ten rules, one file: {statistics.median(walls):.0f} alerts/s, {statistics.median(processors):.0f} alerts a second of processor time')


class Mailbox:
    def __init__(self):
        self.subjects = []

    async def handle_DATA(self, server, session, envelope):
        self.subjects.append(re.search(rb'^Subject: ([^\r\n]*)', envelope.content, re.M).group(1).decode())
        return '250 OK'


def peak(pid):
    """The largest memory of a process so far, in MB."""
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return int(re.search(r'VmHWM:\s+(\d+)', file.read()).group(1)) / 1024


def storm(folder, count):
    from aiosmtpd.controller import Controller
    import socket
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    server = Controller(box, hostname='127.0.0.1', port=port)
    server.start()
    with open(os.path.join(folder, 'config.yaml'), 'w', encoding='utf-8') as file:
        file.write('namespace: org.example\ncustom_actions:\n  - id: m\n    email: {to: a@example.com, subject: "{{ category }}", smtp_connection: c}\n'
                   f'smtp_connections:\n  - {{id: c, server: 127.0.0.1, port: {port}}}\nrules:\n  - {{id: 1, condition: true, actions: [m]}}\n')
    os.environ['TRAP_SOCKET_DIR'] = folder
    ctx, record = output('u:storm:timeout=WAIT:min_clients=1'), alert()
    data = record.getData()
    process = reporter(folder, 'u:storm')
    ctx.send(data)
    began = time.monotonic()
    for i in range(1, count):
        ctx.send(data)
        ahead = i * MINUTE / 1e6 - (time.monotonic() - began)
        if i % 100 == 0 and ahead > 0:
            time.sleep(ahead)
    took = time.monotonic() - began
    memory = peak(process.pid)
    ctx.sendFlush(0)
    ctx.send(bytes(1))
    ctx.sendFlush(0)
    try:
        _, err = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
    ctx.finalize()
    server.stop()
    print(f'storm: {count} alerts sent in {took:.1f} s ({count * MINUTE / 1e6:.1f} s at a million a minute); the reporter had at most {memory:.0f} MB; '
          f'{len(box.subjects)} mails, the last: {box.subjects[-1] if box.subjects else "none"}')
    print('storm: ' + re.sub(r'.*end: ', '', err.strip().splitlines()[-1]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--alerts', type=int, default=50000)
    parser.add_argument('--storm', type=int, default=1000000, help='alerts of the storm; 0: none')
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='reporters-bench-') as folder:
        to_file(folder, args.alerts, args.rounds)
        if args.storm:
            storm(folder, args.storm)
    return 0


if __name__ == '__main__':
    sys.exit(main() if os.environ.get('REPORTERS_BENCH') else restart())
