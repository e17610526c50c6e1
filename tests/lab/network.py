# SPDX-License-Identifier: BSD-3-Clause
"""Hosts in network namespaces, joined by one bridge on which everything is captured.

        host ── host ── host ── gw ("the Internet": networks that answer, networks that are dark)
          │       │       │      │
       ───┴───────┴───────┴──────┴───  bridge in the namespace "sw", tcpdump listens here

Every namespace, process and temporary file lives in the private mount and PID namespaces that lab.py made, so
nothing is left when it ends, however it ends.
"""

import ipaddress
import os
import subprocess
import time

SNAPLEN = 288  # keeps DNS answers, HTTP request heads and TLS server names, drops most of the payload; scenarios may have their own


class Network:
    """The network of one scenario: its addresses are 10.10.INDEX.0/24 and 2001:db8:INDEX::/64."""

    def __init__(self, index, directory, snaplen=SNAPLEN):
        self.index = index
        self.snaplen = snaplen
        self.directory = directory  # private, for configuration and logs
        self.names = {}  # DNS name -> addresses
        self.mail = {}  # domain -> name of its mail server
        self.hosts = {}  # host name -> its first addresses, for the truth
        self.capture = None
        self.servers = []
        self.v4 = ipaddress.ip_network(f'10.10.{index}.0/24')
        self.v6 = ipaddress.ip_network(f'2001:db8:{index:x}::/64')
        os.makedirs('/run/netns', exist_ok=True)
        run('ip', 'netns', 'add', 'sw')
        run('ip', '-n', 'sw', 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0')
        sysctl('sw', 'net.ipv6.conf.all.disable_ipv6=1')
        run('ip', '-n', 'sw', 'link', 'set', 'br0', 'up')
        self.add_host('gw', 1, 'gateway to other networks')
        sysctl('gw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv4.conf.all.rp_filter=0',
               'net.ipv4.conf.all.send_redirects=0', 'net.ipv4.conf.eth0.send_redirects=0')

    def address(self, number, version=4):
        """The address of the host with this number."""
        return str((self.v4 if version == 4 else self.v6)[number])

    def add_host(self, name, number, role):
        """A host of the local network, with one address of each version."""
        run('ip', 'netns', 'add', name)
        sysctl(name, 'net.ipv6.conf.default.accept_ra=0', 'net.ipv6.conf.all.accept_ra=0',
               'net.ipv6.conf.default.router_solicitations=0', 'net.ipv4.icmp_ratelimit=0',
               'net.ipv6.icmp.ratelimit=0', 'net.ipv4.icmp_msgs_per_sec=100000')
        port = f'p-{name}'
        run('ip', 'link', 'add', 'eth0', 'netns', name, 'type', 'veth', 'peer', 'name', port, 'netns', 'sw')
        no_offloads(name, 'eth0')
        run('ip', '-n', 'sw', 'link', 'set', port, 'master', 'br0', 'up')
        run('ip', '-n', name, 'link', 'set', 'lo', 'up')
        run('ip', '-n', name, 'addr', 'add', f'{self.address(number)}/24', 'dev', 'eth0')
        run('ip', '-n', name, 'addr', 'add', f'{self.address(number, 6)}/64', 'dev', 'eth0', 'nodad')
        run('ip', '-n', name, 'link', 'set', 'eth0', 'up')
        if name != 'gw':
            run('ip', '-n', name, 'route', 'add', 'default', 'via', self.address(1))
            run('ip', '-n', name, '-6', 'route', 'add', 'default', 'via', self.address(1, 6))
        self.hosts[name] = {'role': role, 'ipv4': self.address(number), 'ipv6': self.address(number, 6)}

    def add_outsider(self, name, v4, v6):
        """A host elsewhere: its packets reach the local network through the gateway."""
        run('ip', 'netns', 'add', name)
        port = f'r-{name}'
        run('ip', 'link', 'add', 'eth0', 'netns', name, 'type', 'veth', 'peer', 'name', port, 'netns', 'gw')
        for host, interface in (name, 'eth0'), ('gw', port):
            no_offloads(host, interface)
            run('ip', '-n', host, 'link', 'set', interface, 'up')
        run('ip', '-n', name, 'link', 'set', 'lo', 'up')
        run('ip', '-n', name, 'addr', 'add', f'{v4}/32', 'dev', 'eth0')
        run('ip', '-n', name, 'addr', 'add', f'{v6}/128', 'dev', 'eth0', 'nodad')
        run('ip', '-n', 'gw', 'addr', 'add', '169.254.0.1/32', 'dev', port)
        run('ip', '-n', 'gw', 'addr', 'add', 'fe80::1/64', 'dev', port, 'nodad')
        run('ip', '-n', 'gw', 'route', 'add', f'{v4}/32', 'dev', port)
        run('ip', '-n', 'gw', '-6', 'route', 'add', f'{v6}/128', 'dev', port)
        run('ip', '-n', name, 'route', 'add', '169.254.0.1', 'dev', 'eth0')
        run('ip', '-n', name, 'route', 'add', 'default', 'via', '169.254.0.1')
        run('ip', '-n', name, '-6', 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'eth0')

    def add_answering(self, prefix):
        """Every address of the prefix, behind the gateway, is a host that answers (resets, where nothing listens)."""
        family = '-6' if ':' in prefix else '-4'
        run('ip', '-n', 'gw', family, 'route', 'add', 'local', prefix, 'dev', 'lo')

    def add_dark(self, prefix):
        """Nobody answers in this prefix behind the gateway."""
        family = '-6' if ':' in prefix else '-4'
        run('ip', '-n', 'gw', family, 'route', 'add', 'blackhole', prefix)

    def serve(self, host, *command):
        """Starts a server on a host; it runs until the network is closed."""
        log = open(os.path.join(self.directory, f'{host}-{os.path.basename(command[0])}.log'), 'wb')
        self.servers.append(subprocess.Popen(('ip', 'netns', 'exec', host) + command, stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=subprocess.STDOUT))
        log.close()

    def start_capture(self, path):
        """Captures all that crosses the bridge; returns when tcpdump listens."""
        log = open(os.path.join(self.directory, 'tcpdump.log'), 'w+', encoding='utf-8')
        self.capture = subprocess.Popen(
            ['ip', 'netns', 'exec', 'sw', 'tcpdump', '-i', 'br0', '-n', '-s', str(self.snaplen), '-B', '16384', '-Z', 'root',
             '-w', path], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(100):
            log.seek(0)
            if 'listening on' in log.read():
                return
            time.sleep(0.1)
        raise RuntimeError('tcpdump did not start')

    def stop_capture(self):
        """Ends the capture; an incomplete one is an error."""
        time.sleep(1)
        self.capture.send_signal(2)
        self.capture.wait()
        with open(os.path.join(self.directory, 'tcpdump.log'), encoding='utf-8') as log:
            text = log.read()
        if '\n0 packets dropped by kernel' not in text:
            raise RuntimeError(f'the capture is not complete: {text}')

    def close(self):
        """Ends the servers."""
        for server in self.servers:
            server.terminate()
        for server in self.servers:
            server.wait()


def run(*command):
    """Runs a command that must succeed; gives what it printed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          errors='replace', check=False)
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(command)}: exit status {done.returncode}\n{done.stdout}')
    return done.stdout


def inside(host, *command):
    """Runs a command on a host; it must succeed."""
    return run('ip', 'netns', 'exec', host, *command)


def attempt(host, *command, timeout=60):
    """Runs a command on a host; it may fail, as things do on a network. Gives its exit status."""
    try:
        return subprocess.run(('ip', 'netns', 'exec', host) + command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=timeout,
                              check=False).returncode
    except subprocess.TimeoutExpired:
        return -1


def no_offloads(host, interface):
    """Packets are as they would be on a wire: with checksums, and at most MTU bytes."""
    inside(host, 'ethtool', '-K', interface, 'tx', 'off', 'rx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off',
           'sg', 'off')


def sysctl(host, *settings):
    """Sets kernel parameters of a host."""
    inside(host, 'sysctl', '-q', '-w', *settings)
