#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A storm of alerts into alert_store, alert_output whose receiver takes nothing, and a reporter that sends e-mail.

usage: run_alert_storm.py [--alerts N] [--pace N]

bench/flows/make_alerts.c sends --alerts alerts (1 million), --pace a second (16667: a million in a minute; 0: as fast as it can), to all three over
one output that waits for nobody (timeout=NO_WAIT), as detectors should have it. Shown is the time that the sender took, and of each reader what
became of the alerts and its largest memory. Exits non-zero when an alert is neither stored, sent, spooled nor counted, when memory is not bounded, or
when the mailbox gets more than the limit of mails and a summary.
"""

import argparse
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ.get('NEMEA_BUILD', '')
NAME = 'miner_detector'
LIMIT = 20        # mails an hour
MOST_MB = 400     # of memory of each program
LOG = 128         # buffers of the sender's log, of 64 kB


class Smtp(socketserver.StreamRequestHandler):
    """A mail server; subjects are kept in the server's list."""

    def handle(self):
        self.say('220 ready')
        for line in self.rfile:
            word = line[:4].upper()
            if word == b'DATA':
                self.say('354 go on')
                self.data()
            self.say('221 bye' if word == b'QUIT' else '250 ok')
            if word == b'QUIT':
                return

    def say(self, text):
        self.wfile.write(text.encode() + b'\r\n')

    def data(self):
        for line in self.rfile:
            if line.startswith(b'Subject: '):
                self.server.subjects.append(line[9:].strip().decode())
            if line == b'.\r\n':
                return


class Mailbox(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Smtp)
        self.subjects = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Program:
    """A process, what it said, and its largest memory."""

    def __init__(self, name, command, folder, env=None):
        self.name = name
        self.err = open(os.path.join(folder, name + '.err'), 'w+', encoding='utf-8')  # pylint: disable=consider-using-with
        self.popen = subprocess.Popen(command, cwd=folder, env=dict(os.environ, **env or {}), stdin=subprocess.DEVNULL,  # pylint: disable=consider-using-with
                                      stdout=subprocess.DEVNULL, stderr=self.err)
        self.counts, self.mb, self.text = {}, 0, ''

    def end(self, pattern):
        """Waits for its end. Returns the counters; pattern: a counter's number and name, in this order or the other."""
        _, status, usage = os.wait4(self.popen.pid, 0)
        self.popen.returncode = os.waitstatus_to_exitcode(status)
        self.mb = usage.ru_maxrss / 1024
        self.err.seek(0)
        self.text = self.err.read()
        self.err.close()
        if self.popen.returncode != 0:
            sys.exit(f'{self.name}: status {self.popen.returncode}: {self.text}')
        last = self.text.strip().splitlines()[-1]
        self.counts = {m['name'].strip(): int(m['n']) for m in re.finditer(pattern, last.rsplit(': ', 1)[-1])}
        return self.counts


KIT = r'(?P<name>[a-z][a-z, ]*?) (?P<n>\d+)(?:, |$)'
REPORTER = r'(?P<n>\d+) (?P<name>[a-z_]+)(?:, |$)'


def python_of_reporters():
    with open(os.path.join(BUILD, 'python', 'pytrap', 'pytrap', 'python.txt'), encoding='utf-8') as file:
        return file.read().strip()


def reporter(folder, port):
    """minerdetector2idea.py with an e-mail action."""
    with open(os.path.join(folder, 'config.yaml'), 'w', encoding='utf-8') as file:
        file.write('namespace: org.example\ndelivery: {finish: 3600}\ncustom_actions:\n  - id: m\n    email: {to: a@example.com, subject: "alert {{ category }}", '
                   f'smtp_connection: c, limit: {LIMIT}}}\nsmtp_connections:\n  - {{id: c, server: 127.0.0.1, port: {port}}}\n'
                   'rules:\n  - {id: 1, condition: true, actions: [m]}\n')
    python = os.path.join(BUILD, 'python')
    paths = [os.path.join(python, name) for name in ('reporters', 'nemea_events', 'pytrap')]
    return Program('reporter', [python_of_reporters(), os.path.join(python, 'reporters', 'programs', 'minerdetector2idea.py'), '-i', f'u:{NAME}', '-c',
                                'config.yaml', '-D', '-v', '2'], folder,
                   {'PYTHONPATH': os.pathsep.join(paths), 'NEMEA_SPOOL_DIR': os.path.join(folder, 'spool')})


def check(what, holds):
    if not holds:
        sys.exit(f'run_alert_storm.py: {what}')


def judge(args, sender, store, output, report, subjects):
    print(f'sender: {args.alerts} alerts in {sender:.1f} s')
    for program in (store, output, report):
        print(f'{program.name}: at most {program.mb:.0f} MB; ' + ', '.join(f'{n} {name}' for name, n in program.counts.items() if n))
        check(f'{program.name} had {program.mb:.0f} MB', program.mb < MOST_MB)
    print(f'mailbox: {len(subjects)} mails, the last: {subjects[-1] if subjects else "none"}')
    for program in (store, output):
        c = program.counts
        check(f'{program.name}: {c["records"]} alerts and {c["missed"]} missed are not {args.alerts}', c['records'] + c['missed'] == args.alerts)
    check('alert_store has not stored what it received', store.counts['events created'] == store.counts['records'])
    c = output.counts
    check('alert_output has lost alerts', c['records'] == c['delivered'] + c['rejected by the receiver'] + c['waiting'] + c['dropped, spool full'])
    c = report.counts
    check('the reporter has lost alerts', 0 < c['received'] == c['overload'] + c['reported'] <= args.alerts)
    summarized = sum(int(re.search(r'\d+', text).group()) for text in subjects if not text.startswith('alert '))
    single = sum(text.startswith('alert ') for text in subjects)
    check(f'{single} mails and a summary of {summarized} are not {c["reported"]} alerts', single + summarized == c['reported'])
    check(f'{len(subjects)} mails', len(subjects) <= LIMIT + 3)


def storm(folder, args):
    os.environ['TRAP_SOCKET_DIR'] = folder
    mailbox, deaf = Mailbox(), socket.create_server(('127.0.0.1', 0))  # deaf: takes connections, reads nothing
    binary = os.path.join(BUILD, 'bin')
    store = Program('alert_store', [os.path.join(binary, 'alert_store'), '-v', '-e', '-d', 'events.db', '-i', f'u:{NAME}'], folder)
    output = Program('alert_output', [os.path.join(binary, 'alert_output'), '-v', '-e', '-s', 'alerts.spool', '--spool-size', '16', '--drain', '0', '-t',
                                      f'http://127.0.0.1:{deaf.getsockname()[1]}/', '-i', f'u:{NAME}'], folder)
    report = reporter(folder, mailbox.server_address[1])
    pace = ['--pace', str(args.pace)] if args.pace else []
    sender = Program('make_alerts', [os.path.join(BUILD, 'bench', 'flows', 'make_alerts'), '-v', '-r', str(args.alerts), *pace, '-i',
                                     f'u:{NAME}:timeout=NO_WAIT:min_clients=3:buffer_count={LOG}'], folder)
    began = time.monotonic()
    try:
        sender.end(KIT)
        took = time.monotonic() - began
        for program, pattern in ((store, KIT), (output, KIT), (report, REPORTER)):
            program.end(pattern)
    finally:
        for program in (store, output, report, sender):
            if program.popen.returncode is None:
                program.popen.send_signal(signal.SIGKILL)
        deaf.close()
        mailbox.shutdown()
        mailbox.server_close()
    judge(args, took, store, output, report, mailbox.subjects)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--alerts', type=int, default=1000000)
    parser.add_argument('--pace', type=int, default=16667)
    args = parser.parse_args()
    if subprocess.run([python_of_reporters(), '-c', 'import yaml, jinja2'], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        print('run_alert_storm.py: mails need the Python packages yaml and jinja2 (Debian: python3-yaml, python3-jinja2)')
        return 77  # skipped
    with tempfile.TemporaryDirectory(prefix='alert-storm-') as folder:
        storm(folder, args)
    return 0


if __name__ == '__main__':
    sys.exit(main())
