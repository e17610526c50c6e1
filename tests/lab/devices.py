# SPDX-License-Identifier: BSD-3-Clause
"""Servers of each kind that device_classifier has a label for, some with many clients and some with few, and the clients of all of them.
The role of a host is its labels."""

import os
import random
import threading
import time

import network

CLOCK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'clock.py')
SINK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'mail_sink.py')
EACH = 4  # servers of a kind
POPULARITY = 8, 4, 2, 1
SECONDS = 240
WORDS = 'report figures meeting minutes draft proposal attached please comments before friday thanks regards schedule budget team'.split()


class Site:
    """The servers and their clients."""

    def __init__(self, stage):
        self.stage, self.net = stage, stage.net
        stage.open_office(0)
        self.servers = {}
        kinds = {'HTTP': self.serve_http, 'FTP': self.serve_ftp, 'MAIL': self.serve_mail, 'NTP': self.serve_ntp, 'SIP': self.serve_sip,
                 'DNS': self.serve_dns, 'RDP': self.serve_rdp, 'SSH': self.serve_ssh}
        for place, (kind, serve) in enumerate(kinds.items()):
            self.servers[kind] = []
            for number in range(EACH):
                name, host = f'{kind.lower()}{number}', 120 + 10 * place + number
                self.net.add_host(name, host, f'SERVER,{kind}')
                self.servers[kind].append((name, self.net.address(host)))
                serve(name)
        self.clients = [f'client{number}' for number in range(stage.pick(12, 9))]
        for number, name in enumerate(self.clients):
            self.net.add_host(name, 11 + number, 'CLIENT')
        self.stopping = threading.Event()

    # ---------------------------------------------------------------- servers

    def serve_http(self, name):
        self.net.serve(name, 'nginx', '-e', 'stderr', '-c', f'{self.net.directory}/nginx-web.conf')

    def serve_ftp(self, name):
        os.makedirs('/run/vsftpd/empty', exist_ok=True)
        os.makedirs(f'{self.net.directory}/ftp', exist_ok=True)
        self.stage.write('ftp/list.txt', 'name size date\n' * self.stage.pick(3000, 5000))
        self.net.serve(name, 'vsftpd', self.stage.write('vsftpd.conf', f'''listen=YES
background=NO
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root={self.net.directory}/ftp
secure_chroot_dir=/run/vsftpd/empty
'''))

    def serve_mail(self, name):
        self.net.serve(name, '/usr/bin/python3', SINK, str(self.stage.half))

    def serve_ntp(self, name):
        self.net.serve(name, '/usr/bin/python3', CLOCK, 'serve')

    def serve_sip(self, name):
        self.net.serve(name, 'sipp', '-sn', 'uas', '-i', self.net.address(120 + 40 + int(name[-1])), '-p', '5060', '-nostdin', '-bg')

    def serve_dns(self, name):
        self.net.serve(name, 'dnsmasq', '--keep-in-foreground', '--no-resolv', '--no-hosts', '--conf-file=/dev/null',
                       f'--addn-hosts={self.net.directory}/hosts', '--local=/example/', '--user=root', '--bind-interfaces', '--pid-file=')

    def serve_rdp(self, name):
        os.makedirs('/run/xrdp', exist_ok=True)
        self.net.serve(name, 'xrdp', '--nodaemon', '--port', '3389')

    def serve_ssh(self, name):
        self.net.serve(name, '/usr/sbin/sshd', '-D', '-e', '-f', f'{self.net.directory}/sshd_config')

    # ---------------------------------------------------------------- what clients do

    def http(self, client, address, rng):
        pages = [f'http://{address}/{rng.randrange(12)}.html'] + [f'http://{address}/i{rng.randrange(40)}.svg' for _ in range(rng.randrange(5))]
        network.attempt(client, 'curl', '-s', '--max-time', '10', *(word for page in pages for word in ('-o', '/dev/null', page)))

    def ftp(self, client, address, rng):
        network.attempt(client, 'curl', '-s', '--max-time', '10', '-o', '/dev/null', f'ftp://{address}/{rng.choice(("", "list.txt"))}')

    def mail(self, client, address, rng):
        network.attempt(client, 'swaks', '--server', address, '--from', 'someone@office.example', '--to', f'friend{rng.randrange(99)}@d.example',
                        '--body', ' '.join(rng.choices(WORDS, k=rng.randrange(10, 900))), timeout=30)

    def ntp(self, client, address, _rng):
        network.attempt(client, '/usr/bin/python3', CLOCK, 'ask', address)

    def sip(self, client, address, rng):
        own = str(self.net.hosts[client]['ipv4'])
        network.attempt(client, 'sipp', '-sn', 'uac', '-i', own, '-p', str(rng.randrange(20000, 30000)), '-m', str(rng.randrange(1, 4)), '-r', '2',
                        '-d', str(rng.randrange(200, 4000)), '-nostdin', f'{address}:5060', timeout=30)

    def dns(self, client, address, rng):
        for kind in 'A', 'AAAA':
            network.attempt(client, 'dig', f'@{address}', '+tries=1', '+time=2', '+nocookie', rng.choice(list(self.net.names)), kind)

    def rdp(self, client, address, _rng):
        network.attempt(client, 'timeout', '8', 'ncrack', '--user', 'alice', '--pass', 'secret', '-g', 'at=1,CL=1', f'rdp://{address}:3389', timeout=12)

    def ssh(self, client, address, rng):
        network.attempt(client, 'ssh', *self.stage.office.ssh_options(), f'root@{address}', f'ls -l /usr/bin | head -{rng.randrange(10, 400)}; sleep {rng.randrange(4)}')

    def work(self, client, rng, weights):
        """One host asks servers, those that are popular more often."""
        while not self.stopping.wait(rng.expovariate(1 / 1.5)):
            kind = rng.choices(list(weights), list(weights.values()))[0]
            name, address = rng.choices(self.servers[kind], POPULARITY)[0]
            if name != client:
                getattr(self, kind.lower())(client, address, rng)

    def begin(self):
        """Clients use everything; servers look up names, set their clocks, and are administered from one of the servers."""
        for client in self.clients:
            self.start(client, {'HTTP': 5, 'FTP': 2, 'MAIL': 2, 'NTP': 2, 'SIP': 2, 'DNS': 4, 'RDP': 2, 'SSH': 2})
        for kind in 'MAIL', 'HTTP', 'SIP':
            for name, _address in self.servers[kind][:2]:
                self.start(name, {'DNS': 3, 'NTP': 1})

    def start(self, host, weights):
        self.stage.beside(self.work, host, random.Random(f'{self.stage.half} {host}'), weights)


def devices(stage, path):
    """Servers of each kind, with many or few clients, and their clients; some servers ask other servers. No attack."""
    site = Site(stage)
    stage.begin(path)
    site.begin()
    time.sleep(SECONDS)
    site.stopping.set()
