# SPDX-License-Identifier: BSD-3-Clause
"""What a scenario acts on: the network, its users, and the record of what the attackers did."""

import os
import random
import subprocess
import threading
import time

import network
from ordinary import Office


class Stage:
    """The network of a scenario. `half` tells which half of the captures it belongs to: scenarios choose other tools,
    options and numbers by it with pick(), and addresses and random numbers differ as well."""

    def __init__(self, index, directory, half=0, snaplen=network.SNAPLEN):
        self.net = network.Network(index, directory, snaplen)
        self.half = half
        self.rng = random.Random(f'{index} {half}')
        self.office = None
        self.attacks = []
        self.background = []

    def pick(self, first, second):
        """What is meant for this half."""
        return second if self.half else first

    def open_office(self, users, favour=4):
        """Ordinary servers and users."""
        self.office = Office(self.net, users, favour)

    def write(self, name, text):
        """A file for the tools and servers of the scenario; gives its path."""
        path = os.path.join(self.net.directory, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    def outsiders(self, name, count, v4, v6='2001:db8:f000::'):
        """Hosts elsewhere: NAME0, NAME1, ... with the first addresses of a prefix like '203.0.113.' from .11 on; gives their IPv4 addresses."""
        for number in range(count):
            self.net.add_outsider(f'{name}{number}', f'{v4}{11 + number}', f'{v6}{11 + number:x}')
        return [f'{v4}{11 + number}' for number in range(count)]

    def begin(self, path):
        """Everything is set up: capture, and let the users work."""
        time.sleep(1)
        self.net.start_capture(path)
        if self.office:
            self.office.start()

    def attack(self, host, command, kind, method, protocol, source, target, statuses=(0, 1, 124), **more):
        """Runs an attacker's tool to its end. source and target: address or prefix; what was really sent is read from
        the capture afterwards, by these two, the protocol and (when given) the target port."""
        entry = {'kind': kind, 'method': method, 'tool': os.path.basename(command[0]), 'command': ' '.join(command),
                 'protocol': protocol, 'source': source, 'target': target, **more}
        # A busy machine must not slow the attack down below what the truth is about.
        done = subprocess.run(('nice', '-n', '-15', 'ip', 'netns', 'exec', host) + command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace', check=False,
                              cwd=self.net.directory)
        with open(os.path.join(self.net.directory, 'attacks.log'), 'a', encoding='utf-8') as log:
            log.write(f'$ {entry["command"]}\n{done.stdout}\n')
        if done.returncode not in statuses:  # hping3 ends with 1 when nobody answers, timeout with 124
            raise RuntimeError(f'{entry["command"]}: exit status {done.returncode}\n{done.stdout}')
        self.attacks.append(entry)

    def beside(self, function, *arguments, **more):
        """Runs something beside the rest; finish() waits for it."""
        thread = threading.Thread(target=function, args=arguments, kwargs=more)
        thread.start()
        self.background.append(thread)

    def finish(self):
        """Ends users, capture and servers."""
        for thread in self.background:
            thread.join()
        if self.office:
            self.office.stop()
        self.net.stop_capture()
        self.net.close()
