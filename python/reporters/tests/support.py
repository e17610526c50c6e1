# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of reporters share."""

import contextlib
import io
import json
import logging
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import pytrap
import report2idea
from report2idea.configuration import Config

TIMEOUT = 300  # seconds, for what takes one; a machine may be slow
RESERVED = []  # sockets whose names tell other tests which ports they must not take
SCAN = 'ipaddr SRC_IP,time TIME_LAST'
ALERT = {'Format': 'IDEA0', 'ID': '00000000-0000-4000-8000-000000000001', 'DetectTime': '2026-03-01T10:05:00Z',
         'CreateTime': '2026-03-01T10:05:01Z', 'EventTime': '2026-03-01T10:00:00Z', 'CeaseTime': '2026-03-01T10:05:00Z',
         'Category': ['Recon.Scanning'], 'Description': 'Horizontal scan', 'FlowCount': 300, 'ByteCount': 3000000,
         'Source': [{'IP4': ['192.0.2.4', '192.0.2.5']}], 'Target': [{'IP4': ['198.51.100.0/25'], 'Port': [22]}],
         'Node': [{'Name': 'org.example.nemea.test', 'SW': ['Nemea', 'test']}]}
OWN = '''from report2idea import *
def convert_to_idea(rec, opts):
    idea = {"Format": "IDEA0", "ID": getRandomId(), "CreateTime": getIDEAtime(rec.TIME_LAST), "DetectTime": getIDEAtime(rec.TIME_LAST),
            "Category": ["Recon.Scanning"], "Source": [{}], "Node": [{"Name": "undefined"}]}
    setAddr(idea["Source"][0], rec.SRC_IP)
    return idea
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--extra", default="x")
    Run(module_name="own", module_desc="Alerts.", req_type=pytrap.FMT_UNIREC, req_format="''' + SCAN + '''",
        conv_func=convert_to_idea, arg_parser=parser)
'''


def alert(number=1, **changes):
    """An alert with an ID of its own."""
    return {**json.loads(json.dumps(ALERT)), 'ID': f'00000000-0000-4000-8000-{number:012}', **changes}


def wait_for(condition, what):
    """Waits for something that will be; fails when it is not after a long time."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f'waited in vain for {what}')
        time.sleep(0.005)


def tell(test, count, more):
    """Figures, for ./bootstrap.sh receivers."""
    if 'RECEIVERS_ALERTS' in os.environ:
        print(f'{test.id()}: {count} alerts arrived, {more} of them twice')


def free_port():
    """A TCP port of 127.0.0.1 that is free, and that nobody gets before it is used: no client, since it is below their range, and no other test,
    since its number is the name of a socket of this process (the same one as in tests/programs.py)."""
    with open('/proc/sys/net/ipv4/ip_local_port_range', encoding='ascii') as file:
        first = int(file.read().split()[0])
    for port in random.sample(range(1024, max(first, 2048)), 1000):
        reserved = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe:
            try:
                reserved.bind(f'\0nemea-test-port-{port}')
                probe.bind(('127.0.0.1', port))
                RESERVED.append(reserved)
                return port
            except OSError:
                reserved.close()
    raise AssertionError('no port is free')


class Case(unittest.TestCase):
    """A test with a directory of its own, a log that it reads, and configurations."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='reporters-', ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        saved = {key: os.environ.get(key) for key in ('TRAP_SOCKET_DIR', 'NEMEA_SPOOL_DIR')}
        os.environ.update(TRAP_SOCKET_DIR=self.dir, NEMEA_SPOOL_DIR=self.path('spool'))
        self.addCleanup(lambda: [os.environ.pop(key) if value is None else os.environ.update({key: value})
                                 for key, value in saved.items()])
        self.logged = io.StringIO()
        self.log = logging.getLogger(self.id())
        self.log.propagate = False
        self.log.addHandler(logging.StreamHandler(self.logged))

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding='utf-8') as file:
            return file.read()

    def lines(self, name='out'):
        """Alerts in a file."""
        return [json.loads(line) for line in self.read(name).splitlines()] if os.path.exists(self.path(name)) else []

    def config_text(self, actions='', rules='', **sections):
        """A configuration: items of custom_actions and rules, other sections as text."""
        parts = ['namespace: org.example.nemea'] if 'namespace' not in sections else []
        parts += [f'{key}: {value}' if value else '' for key, value in sections.items()]
        parts += ['custom_actions:\n' + actions if actions else '', 'rules:\n' + rules if rules else '']
        return '\n'.join(parts) + '\n'

    def config(self, actions='', rules='', trap=None, warden=None, dry=False, **sections):
        path = self.write('config.yaml', self.config_text(actions, rules, **sections))
        config = Config(path, trap, warden, 'test', self.log, dry)
        self.addCleanup(config.close)
        return config

    def file_config(self, condition='true', **sections):
        """A configuration with one rule, to the file "out"."""
        return self.config_text(f'- {{id: f, file: {{path: {self.path("out")}}}}}\n', f'- id: 1\n  condition: {condition}\n  actions: [f]\n',
                                **sections)

    def refused(self, expected, *arguments, **sections):
        """The configuration is refused with this text in the reason."""
        with self.assertRaises(report2idea.ConfigError) as raised:
            self.config(*arguments, **sections)
        self.assertIn(expected, str(raised.exception))

    # ---------------------------------------------------------------- whole reporters

    def flows(self, count, name='in', fields=SCAN, values=None):
        """A file of alerts, each with another source; or of these values."""
        ctx = pytrap.TrapCtx()
        ctx.init(['test', '-i', f'f:{self.path(name)}'], 0, 1, service_ifcname='')
        ctx.setDataFmt(0, pytrap.FMT_UNIREC, fields)
        record = pytrap.UnirecTemplate(fields)
        record.createMessage(1000)
        for i in range(count):
            record.setFromDict(values[i] if values else {'SRC_IP': f'10.{i >> 16}.{i >> 8 & 255}.{i & 255}', 'TIME_LAST': '2026-03-01T10:00:00'})
            ctx.send(record.getData())
        ctx.finalize()

    def messages(self, messages, name='in', fmt='IDEA'):
        """A file of JSON messages, texts as they are."""
        ctx = pytrap.TrapCtx()
        ctx.init(['test', '-i', f'f:{self.path(name)}'], 0, 1, service_ifcname='')
        ctx.setDataFmt(0, pytrap.FMT_JSON, fmt)
        for message in messages:
            ctx.send(message if isinstance(message, (str, bytes)) else json.dumps(message))
        ctx.finalize()

    def start(self, *arguments, program=None, source=OWN):
        """A reporter as a process."""
        command = [sys.executable, os.path.join(PROGRAMS, program)] if program else [sys.executable, self.write('own.py', source)]
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.dir)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()

    def report(self, *arguments, status=0, **keywords):
        """Runs a reporter to its end. Returns (standard output, standard error)."""
        process = self.start(*arguments, **keywords)
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, status, out + err)
        return out, err


PROGRAMS = os.environ.get('REPORTER_PROGRAMS', '')


@contextlib.contextmanager
def server(process, ready, what):
    """A server that is a process: waits until it is ready, and ends it."""
    try:
        wait_for(ready, what)
        yield process
    finally:
        process.kill()
        process.wait()
