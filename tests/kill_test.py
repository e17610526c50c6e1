#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of modules and of the supervisor at random, with a live stream: everything comes back, once, and no alert is lost or doubled.

usage: kill_test.py BIN_DIR [SECONDS [SEED]]

Without SECONDS each victim is killed once, and all of them together once. SEED is printed and repeats the order of kills.
"""

import contextlib
import json
import os
import random
import signal
import sys
import threading
import time

from alert_store_test import HEADER, alert
from programs import Workspace
from supervised import DOCUMENT, interface, module

SLOWEST = 120 # s for which a module may be away: the longest delay is 60


class Deployment:
    def __init__(self, w):
        self.w = w
        for directory in ('modules', 'logs'):
            os.mkdir(w.file(directory))
        w.file('t.xml', DOCUMENT.format(w.path))
        program = lambda name: os.path.join(w.bin_dir, name)
        w.file('modules/all.sup', ''.join([
            module('store', program('alert_store'), f'-d {w.file("events.db")} --open-events 64',
                   interface('IN', 'vportscan_detector:resume=store')),
            module('repeater', program('traffic_repeater'), '', interface('IN', 'vportscan_detector') + interface('OUT', 'again')),
            module('log', program('logger'), f'-t -w {w.file("again.csv")}', interface('IN', 'again')),
            module('page', program('nemea_page'), f'--listen 127.0.0.1:{w.free_port()} -s {w.file("s.sock")} -t {w.file("token")}'),
        ]))
        self.started = self.supervisor = None

    def start(self):
        self.supervisor = self.w.start('supervisor', '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.w.file('s.sock'),
                                       '--state-dir', self.w.file('state'))
        self.w.connect(self.w.file('s.sock')).close()

    def status(self):
        code, out, err = self.w.run('supcli', '-s', self.w.file('s.sock'), 'status', '--json')
        assert code == 0, err
        return {m['name']: m for m in json.loads(out)}

    def processes(self):
        """PIDs of all processes of this deployment by name, whoever their parent is."""
        mark, found = f'TRAP_SOCKET_DIR={self.w.path}'.encode(), {}
        for pid in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError):
                with open(f'/proc/{pid}/environ', 'rb') as file:
                    ours = mark in file.read().split(b'\0')
                with open(f'/proc/{pid}/cmdline', 'rb') as file:
                    name = file.read().split(b'\0')[0].decode()
                if ours and name in ('store', 'repeater', 'log', 'page'):
                    found.setdefault(name, []).append(int(pid))
        return found

    def kill(self, victims):
        pids = {name: m['pid'] for name, m in self.status().items()}
        for name in victims:
            with contextlib.suppress(ProcessLookupError):
                if name == 'supervisor':
                    self.supervisor.kill()
                elif pids[name] > 0:
                    os.kill(pids[name], signal.SIGKILL)
        if 'supervisor' in victims:
            self.supervisor.communicate()
            self.start()
        killed = {name: pids[name] for name in victims if name != 'supervisor'}
        deadline = time.monotonic() + SLOWEST
        while True:
            now = self.status()
            if all(m['state'] in ('ready', 'running') and m['pid'] != killed.get(name) for name, m in now.items()):
                break
            if time.monotonic() > deadline:
                raise AssertionError(f'after the end of {victims}: {[(name, m["state"]) for name, m in now.items()]}')
            time.sleep(0.01)
        # One process of each; the program of one that was just started may not have begun.
        expected = {name: [m['pid']] for name, m in now.items()}
        self.w.wait_for(lambda: self.processes() == expected, f'the processes {expected} and no others')


class Stream(threading.Thread):
    """Alerts without end, each with a number of flows of its own."""

    def __init__(self, w):
        super().__init__(daemon=True)
        self.sender = w.start('logreplay', '-n', '-f', '-', '-i', 'u:vportscan_detector:timeout=WAIT', stdin=-1)
        self.sender.stdin.write(HEADER)
        self.sent, self.ended = 0, threading.Event()

    def run(self):
        while not self.ended.is_set():
            i = self.sent
            self.sender.stdin.write(alert(f'10.0.{i % 600 // 200}.{i % 200}', minute=i % 60, ports=50))
            self.sender.stdin.flush()
            self.sent += 1
            self.ended.wait(0.001)


def count(w):
    code, out, _ = w.run('nemea', 'alerts', '--json', '-n', '1000')
    return sum(json.loads(line)['alerts'] for line in out.splitlines()) if code == 0 else -1


def main(seconds, seed):
    chance = random.Random(seed)
    victims = ['supervisor', 'store', 'repeater', 'log', 'page']
    with Workspace(BIN) as w:
        deployment, slowest, kills = Deployment(w), 0, 0
        stream = Stream(w)
        deployment.start()
        stream.start()
        rounds = [[victim] for victim in chance.sample(victims, len(victims))] + [victims] if seconds == 0 else None
        end = time.monotonic() + seconds
        deployment.kill([])
        while rounds or (rounds is None and time.monotonic() < end):
            chosen = rounds.pop(0) if rounds is not None else chance.sample(victims, chance.choice([1, 1, 1, 2, 5]))
            if rounds is None:
                time.sleep(chance.uniform(0, 10))
            sent, begin = stream.sent, time.monotonic()
            deployment.kill(chosen)
            slowest, kills = max(slowest, time.monotonic() - begin), kills + len(chosen)
            w.wait_for(lambda before=sent: stream.sent > before, 'the stream to go on')
        stream.ended.set()
        stream.join()
        w.wait_for(lambda: count(w) >= stream.sent, f'{stream.sent} alerts in the store, there are {count(w)}')
        assert count(w) == stream.sent, f'{count(w)} alerts in the store, sent {stream.sent}'
        code, _, err = w.end(deployment.supervisor, signal.SIGTERM)
        assert (code, err) == (0, ''), (code, err)
        assert not deployment.processes(), deployment.processes()
        w.end(stream.sender)
        left = [name for name in os.listdir(w.path) if name.endswith('.sock') and 'service' not in name]
        print(f'seed {seed}: {kills} kills, the longest absence {slowest:.1f} s; {stream.sent} alerts, each in the store once; '
              f'sockets that are left: {left}')
        assert not left, left


if __name__ == '__main__':
    BIN = sys.argv[1]
    main(int(sys.argv[2]) if len(sys.argv) > 2 else 0, int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1000000))
