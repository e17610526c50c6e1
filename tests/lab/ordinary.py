# SPDX-License-Identifier: BSD-3-Clause
"""Ordinary work on a small network: name lookups, browsing, downloads, logins, file copies, monitoring."""

import os
import random
import threading

import network

PAGES = 12
IMAGES = 40


class Office:
    """Servers and users of a local network. Users act until stop() is called."""

    def __init__(self, net, users, favour=4):
        self.favour = favour  # how often users choose the local web server rather than a site elsewhere, in 24ths
        self.net = net
        self.seed = net.index
        self.users = []
        self.threads = []
        self.stopping = threading.Event()
        net.add_host('dns', 53, 'name server (dnsmasq)')
        net.add_host('web', 80, 'web server (nginx)')
        net.add_host('files', 22, 'file server (sshd)')
        for number in range(users):
            name = f'user{number + 1}'
            net.add_host(name, 101 + number, 'user')
            self.users.append(name)
        # Sites elsewhere: 24 names with addresses of their own, served behind the gateway.
        self.sites = []
        for number in range(24):
            v4, v6 = f'198.18.{net.index}.{10 + number}', f'2001:db8:{net.index:x}:80::{10 + number:x}'
            self.sites.append(f'www{number}.example')
            net.names[self.sites[-1]] = (v4, v6)
        net.add_answering(f'198.18.{net.index}.0/26')
        net.add_answering(f'2001:db8:{net.index:x}:80::/64')
        net.names['web.example'] = (net.address(80), net.address(80, 6))
        net.names['files.example'] = (net.address(22), net.address(22, 6))
        self._start_dns()
        self._start_web()
        self._start_ssh()

    # ---------------------------------------------------------------- servers

    def _write(self, name, text):
        path = os.path.join(self.net.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    def _start_dns(self):
        hosts = self._write('hosts', ''.join(f'{v4} {name}\n{v6} {name}\n' for name, (v4, v6) in self.net.names.items()))
        self.net.serve('dns', 'dnsmasq', '--keep-in-foreground', '--no-resolv', '--no-hosts', '--conf-file=/dev/null',
                       f'--addn-hosts={hosts}', *(f'--mx-host={domain},{host}' for domain, host in self.net.mail.items()), '--local=/example/', '--user=root', '--bind-interfaces', '--pid-file=')
        resolv = self._write('resolv.conf', f'nameserver {self.net.address(53)}\noptions timeout:1 attempts:2\n')
        network.run('mount', '--bind', resolv, '/etc/resolv.conf')

    def _start_web(self):
        rng = random.Random(self.seed)
        words = [''.join(rng.choices('abcdefghijklmnopqrstuvwxyz', k=rng.randint(3, 9))) for _ in range(400)]
        for number in range(PAGES):
            pictures = ''.join(f'<img src="/i{rng.randrange(IMAGES)}.svg">' for _ in range(5))
            text = ' '.join(rng.choices(words, k=rng.randint(300, 1500)))
            self._write(f'site/{number}.html', f'<html><body>{pictures}<p>{text}</p></body></html>\n')
        for number in range(IMAGES):
            self._write(f'site/i{number}.svg', '<svg>' + '<path d="M0 0 L9 9"/>' * rng.randint(20, 400) + '</svg>\n')
        self._write('site/update.bin', 'abcdefghijklmno\n' * 80000)
        key, certificate = os.path.join(self.net.directory, 'tls.key'), os.path.join(self.net.directory, 'tls.crt')
        network.run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-days', '365', '-subj', '/CN=example', '-keyout', key, '-out', certificate)
        for host in ('web', 'gw'):
            config = self._write(f'nginx-{host}.conf', f'''
daemon off; master_process off; user root; pid {self.net.directory}/nginx-{host}.pid; error_log stderr warn;
events {{ worker_connections 512; }}
http {{
   access_log off; client_body_temp_path /tmp; keepalive_timeout 15;
   server {{
      listen 80; listen [::]:80; listen 443 ssl http2; listen [::]:443 ssl http2;
      ssl_certificate {certificate}; ssl_certificate_key {key};
      root {self.net.directory}/site;
   }}
}}
''')
            self.net.serve(host, 'nginx', '-e', 'stderr', '-c', config)

    def _start_ssh(self):
        os.makedirs('/run/sshd', exist_ok=True)
        directory = self.net.directory
        for name in ('host_key', 'user_key'):
            network.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{directory}/{name}')
        config = self._write('sshd_config', f'''
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/user_key.pub
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
''')
        self.net.serve('files', '/usr/sbin/sshd', '-D', '-e', '-f', config)
        self._write('report.txt', 'quarterly figures of the office\n' * 1500)
        with open(f'{directory}/archive.tar', 'wb') as file:
            file.write(random.Random(self.seed).randbytes(120000))

    # ---------------------------------------------------------------- users

    def start(self):
        """All users start working."""
        for number, user in enumerate(self.users):
            thread = threading.Thread(target=self._work, args=(user, random.Random(f'{self.seed} {number}')))
            thread.start()
            self.threads.append(thread)

    def stop(self):
        """All users end what they are doing and stop."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _work(self, user, rng):
        actions = ((self._browse, 8), (self._lookup, 4), (self._copy, 1), (self._login, 1), (self._download, 0.4),
                   (self._ping, 1), (self._dead_server, 0.5))
        functions, weights = zip(*actions)
        while not self.stopping.wait(rng.expovariate(1 / 2.5)):
            rng.choices(functions, weights)[0](user, rng)

    def _browse(self, user, rng):
        """A page with its pictures, over one connection, often encrypted, of either IP version."""
        site = rng.choice(self.sites + ['web.example'] * self.favour)
        base = f'{rng.choice(("http", "https", "https"))}://{site}'
        urls = [f'{base}/{rng.randrange(PAGES)}.html'] + [f'{base}/i{rng.randrange(IMAGES)}.svg' for _ in range(3)]
        outputs = [word for _ in urls for word in ('-o', '/dev/null')]
        network.attempt(user, 'curl', '-sk', rng.choice(('-4', '-4', '-6')), '--max-time', '10', *outputs, *urls)

    def _lookup(self, user, rng):
        """Names as programs ask for them, one in six misspelt."""
        name = rng.choice(self.sites)
        if rng.random() < 1 / 6:
            name = 'w' + name
        for kind in ('A', 'AAAA'):
            network.attempt(user, 'dig', '+tries=1', '+time=2', '+nocookie', name, kind)

    def ssh_options(self):
        directory = self.net.directory
        return ('-q', '-i', f'{directory}/user_key', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null',
                '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=5')

    def _copy(self, user, rng):
        """A file fetched from the file server, or brought there."""
        there = f'root@files.example:{self.net.directory}/'
        if rng.random() < 0.5:
            network.attempt(user, 'scp', *self.ssh_options(), there + 'report.txt', '/dev/null')
        else:
            network.attempt(user, 'scp', *self.ssh_options(), f'{self.net.directory}/archive.tar', there + f'from-{user}')

    def _login(self, user, rng):
        """A short session on the file server."""
        network.attempt(user, 'ssh', *self.ssh_options(), rng.choice(('-4', '-6')), 'root@files.example',
                        'uptime; sleep 1; ls -l /usr/bin | head -100')

    def _download(self, user, rng):
        """A larger file, as an update of a program would be."""
        network.attempt(user, 'curl', '-s', '--max-time', '30', '--limit-rate', '2M', '-o', '/dev/null',
                        f'http://{rng.choice(self.sites)}/update.bin')

    def _ping(self, user, rng):
        """Is it there?"""
        network.attempt(user, 'ping', '-n', '-c', '3', '-i', '0.5', rng.choice(self.sites))

    def _dead_server(self, user, rng):
        """A mail program asks a server that refuses, as such programs do: a few times, at one port."""
        for _ in range(3):
            network.attempt(user, 'curl', '-s', '--max-time', '3', '-o', '/dev/null', f'imap://{rng.choice(self.sites[:3])}/')

    def monitor(self, host, targets, rounds, pause):
        """A monitoring host that knocks on the same ports of the same machines again and again: no attack."""
        for _ in range(rounds):
            for target, port in targets:
                if self.stopping.is_set():
                    return
                network.attempt(host, 'bash', '-c', f'exec 3<>/dev/tcp/{target}/{port}', timeout=3)
            self.stopping.wait(pause)
