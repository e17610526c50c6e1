#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the vectors that the model of backscatter_classifier is trained on, and those that it is judged on.

usage: backscatter.py --bin BIN [--seconds N] [--out FILE] [--only TOOL] training|held-out     (root)

Floods with forged sources, and what looks like the answers to them, between three namespaces:

    attacker ──────▶ servers ══════▶ telescope
                        ▲               │       ══ is captured: only what the servers send, as a network sees it
                        └───────────────┘          that hears the answers to others, or one direction of its own traffic

What is captured goes through flow_meter. The flows of each server are then taken several times: destinations are folded onto networks
of several sizes (random addresses stay random addresses), times are stretched, flows are left out. The module backscatter
makes a vector of each, which is written with its label: 1 for floods.

The training half is made with hping3 and nmap, the held-out half with masscan, nping and send.py (raw sockets) and other seeds.
"""

import argparse
import csv
import ipaddress
import itertools
import os
import random
import shlex
import signal
import subprocess
import sys
import time

LAB = os.path.dirname(os.path.abspath(__file__))
FOLDS = (8, 14, 18)  # lengths of the prefixes that destinations are folded onto
STRETCHES = (1, 6, 30)
SHARES = (1, 0.2, 0.04)
FLOWS_MAX = 3000  # of a variant
VARIANTS = 9  # of a server
INSIDE = ipaddress.ip_network('10.64.0.0/16')  # the telescope's own hosts


def run(*command, **options):
    """Runs a command that must succeed."""
    return subprocess.run(command, check=True, **options)


def inside(name, *command):
    """A command in a namespace."""
    return ('ip', 'netns', 'exec', name) + tuple(map(str, command))


def join(one, other, device, net):
    """A link between two namespaces: net.1 of one, net.2 of the other."""
    run('ip', 'link', 'add', device, 'netns', one, 'type', 'veth', 'peer', 'name', device, 'netns', other)
    for number, name in enumerate((one, other), 1):
        run('ip', '-n', name, 'addr', 'add', f'{net}.{number}/30', 'dev', device)
        run('ip', '-n', name, 'link', 'set', device, 'up')


def build():
    """The namespaces, their links and routes."""
    run('mount', '-t', 'tmpfs', 'tmpfs', '/run')
    os.makedirs('/run/netns')
    for name in 'attacker', 'servers', 'telescope':
        run('ip', 'netns', 'add', name)
        run('ip', '-n', name, 'link', 'set', 'lo', 'up')
        settings = ('net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0', 'net.ipv4.icmp_ratelimit=0',
                    'net.ipv4.icmp_msgs_per_sec=1000000', 'net.ipv4.icmp_msgs_burst=100000', 'net.ipv4.tcp_max_syn_backlog=65536',
                    'net.core.somaxconn=65535', 'net.ipv4.conf.all.send_redirects=0', 'net.ipv4.tcp_invalid_ratelimit=0')
        for setting in settings:
            subprocess.run(inside(name, 'sysctl', '-q', '-w', setting), check=False, stderr=subprocess.DEVNULL)
    join('attacker', 'servers', 'in', '192.0.2')
    join('servers', 'telescope', 'out', '169.254.1')
    join('telescope', 'servers', 'back', '169.254.2')
    for net in '203.0.113.0/24', '198.51.100.0/24':
        run('ip', '-n', 'servers', 'addr', 'add', net.replace('.0/', '.1/'), 'dev', 'lo')
        run('ip', '-n', 'attacker', 'route', 'add', net, 'via', '192.0.2.2')
        run('ip', '-n', 'telescope', 'route', 'add', net, 'via', '169.254.2.2')
    run('ip', '-n', 'servers', 'route', 'add', 'default', 'via', '169.254.1.2')
    run('ip', '-n', 'telescope', 'route', 'add', '100.64.0.0/16', 'via', '169.254.2.2')
    run('ip', '-n', 'telescope', 'route', 'add', 'local', str(INSIDE), 'dev', 'lo')
    run(*inside('servers', 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'))


LISTENER = """
import socket, time
sockets = []
for port, backlog in (80, 60000), (443, 4), (22, 60000), (25, 4):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('0.0.0.0', port))
    s.listen(backlog)
    sockets.append(s)
print('ready', flush=True)
time.sleep(1e6)
"""


def floods_of_training(rng):
    """(command, server) of floods by hping3."""
    for number in range(1, 49):
        server = f'203.0.113.{number}'
        rate = rng.choice((20, 40, 80, 160))
        kind = ('-S', '-p', '80'), ('-S', '-p', '443'), ('-A', '-p', '80'), ('-2', '-p', rng.choice((53, 123, 27015))), ('-1',), \
               ('-A', '-p', '++1'), ('-2', '-p', '++1'), ('-S', '-p', '80', '-k', '-s', rng.choice((1234, 7777))), ('-S', '-p', '22'), \
               ('-F', '-p', '8080'), ('-1', '-d', '1000'), ('-A', '-p', '443', '-s', '50')
        yield ('hping3', '-q', '--rand-source', '-i', f'u{1000000 // rate}') + kind[number % len(kind)] + (server,), server


def ordinary_of_training(rng):
    """(command, server) of what is no flood; all from the telescope's own hosts, or scans of them."""
    servers = (f'198.51.100.{number}' for number in range(1, 250))
    hosts = list(INSIDE.hosts())
    host = lambda: str(rng.choice(hosts[:2000]))  # noqa: E731
    for _ in range(6):  # monitoring that opens and resets connections; a client that is told that its connections are gone
        for options in ('-S', '-p', '80'), ('-A', '-p', '80'), ('-2', '-p', '53'), ('-1',), ('-2', '-p', '++1'), ('-A', '-p', '++1'):
            yield ('telescope', ('hping3', '-q', '-a', host(), '-i', f'u{rng.choice((20000, 60000, 300000))}') + options), next(servers)
    for number in range(14):  # the same of several hosts
        server = next(servers)
        options = (('-S', '-p', '443'), ('-A', '-p', '80'), ('-2', '-p', '53'), ('-1',), ('-2', '-p', '123'), ('-1',))[number % 6]
        for _ in range(rng.choice((4, 12, 20)) if number < 6 else 36):
            yield ('telescope', ('hping3', '-q', '-a', host(), '-i', f'u{rng.choice((200000, 600000, 2000000))}') + options), server
    for flags in ('SYNACK', 'RST') * 8:  # scans of the watched network
        server, third = next(servers), rng.randrange(200)
        ports = rng.choice(('80', '443', '80,443', '22,23', '1-20', '8080'))
        yield ('servers', ('nmap', '-n', '-Pn', '--send-ip', '-sS', '-S', server, '-e', 'out', '--scanflags', flags, '-p', ports, '--max-retries', '0',
                           '--min-rate', rng.choice(('20', '60')), '--max-rate', '60', f'10.64.{third}.0/22')), None
    for kind in ('-sA', '-sU', '-sS') * 3:  # scans by a host of the watched network
        yield ('telescope', ('nmap', '-n', '-Pn', '-S', host(), '-e', 'back', '--max-rate', rng.choice(('20', '80')), '--top-ports', '1000', kind)), \
            next(servers)
    for number in range(12):  # routes that are looked for, and packets that run in a circle: a router's errors to few hosts
        yield ('telescope', ('hping3', '-q', '-a', host(), '-t', '1', '-i', 'u100000', rng.choice(('-1', '-2')), f'100.64.1.{number + 1}')), None


def floods_of_test(rng):
    """(command, server) of floods by masscan and send.py."""
    router = subprocess.run(inside('servers', 'cat', '/sys/class/net/in/address'), check=True, stdout=subprocess.PIPE, text=True).stdout
    for number in range(101, 141):
        server = f'203.0.113.{number}'
        rate = rng.choice((25, 50, 100, 200))
        if number % 4 == 0:
            base = rng.choice((16, 64, 128, 192))
            yield ('masscan', '--interface', 'in', '--router-mac', router.strip().replace(':', '-'), '--source-ip', f'{base}.0.0.0-{base + 7}.255.255.255',
                   '--rate', rate, '--wait', '0', '--retries', '1000', '--seed', number, '-p', rng.choice(('80', '443', '22,80,443')), server), server
        else:
            kind = ('syn', 80), ('syn', 443), ('ack', 80), ('udp', 11211), ('echo', 0), ('ack', 0), ('udp', 0), ('syn', 25), ('syn', 22)
            what, port = kind[number % len(kind)]
            yield (sys.executable, os.path.join(LAB, 'send.py'), what, '--to', server, '--port', port, '--from', '0.0.0.0/0', '--rate', rate,
                   '--seed', number), server


def ordinary_of_test(rng):
    """(command, server) of what is no flood."""
    servers = (f'198.51.100.{number}' for number in range(1, 250))
    send = (sys.executable, os.path.join(LAB, 'send.py'))
    for number in range(48):  # few or many clients, of which some ask much more than others
        what, port = rng.choice((('syn', 80), ('syn', 443), ('ack', 80), ('udp', 53), ('echo', 0), ('udp', 0), ('ack', 0)))
        yield ('telescope', send + (what, '--port', port, '--from', INSIDE, '--sources', rng.choice((1, 2, 5, 20, 60)), '--rate', rng.choice((3, 10, 40)),
                                    '--seed', 1000 + number, '--to')), next(servers)
    for number in range(14):  # scans of the watched network
        server, third = next(servers), rng.randrange(200)
        yield ('servers', ('nping', '--tcp', '--flags', rng.choice(('SA', 'R')), '-p', rng.choice(('80', '443', '23', '3389', '80,8080')), '-S', server, '-e',
                           'out', '--rate', rng.choice(('15', '40')), '-c', '1', '-N', '-q', '-g', rng.choice(('80', '50000')), f'10.64.{third}.0/22')), None
    router = subprocess.run(inside('servers', 'cat', '/sys/class/net/back/address'), check=True, stdout=subprocess.PIPE, text=True).stdout
    for number in range(6):  # a host of the watched network scans one server
        yield ('telescope', ('masscan', '--interface', 'back', '--router-mac', router.strip().replace(':', '-'), '--source-ip', f'10.64.9.{number + 1}',
                             '--rate', '30', '--wait', '0', '-p', rng.choice(('1-2000', 'U:1-2000', '80,443')), '--retries', '3')), next(servers)
    for number in range(10):  # a router's errors
        yield ('telescope', send + (rng.choice(('udp', 'echo')), '--port', 33434, '--ttl', 1, '--from', INSIDE, '--sources', rng.choice((1, 3, 10)), '--rate', 10,
                                    '--seed', 2000 + number, '--to', f'100.64.2.{number + 1}')), None


# Ends the programs that a shell has started when a line comes; prints the numbers of those that had failed before.
END = """
read -r _
for i in "${!pids[@]}"; do
   kill -KILL "${pids[i]}" 2>/dev/null || wait "${pids[i]}" || echo "$i"
done
"""


class Programs:
    """All programs of a namespace, started by one shell: entering a namespace for each of hundreds would take longer than they run."""

    def __init__(self, namespace, commands):
        self.commands = [tuple(map(str, command)) for command in commands]
        script = ''.join(f'{shlex.join(command)} </dev/null >/dev/null 2>&1 &\npids[{number}]=$!\n'
                         for number, command in enumerate(self.commands))
        self.shell = subprocess.Popen(inside(namespace, 'bash', '-c', script + END), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end(self):
        """Kills those that still run; prints those that had failed."""
        for number in self.shell.communicate('end\n')[0].split():
            print('failed:', *self.commands[int(number)], flush=True)


def perform(half, seconds, path, rng, only):
    """Captures the answers of the servers. Returns the addresses of those that were flooded."""
    build()
    with subprocess.Popen(inside('servers', sys.executable, '-c', LISTENER), stdout=subprocess.PIPE) as listener:
        listener.stdout.readline()
        with subprocess.Popen(inside('servers', 'tcpdump', '-i', 'out', '-Q', 'out', '-s', '96', '-U', '-w', path, 'ip'), stderr=subprocess.PIPE) as tcpdump:
            while b'listening' not in tcpdump.stderr.readline():
                pass
            floods = list((floods_of_training if half == 'training' else floods_of_test)(rng))
            others = list((ordinary_of_training if half == 'training' else ordinary_of_test)(rng))
            if only:  # nmap sends next to nothing beside hundreds of other programs
                floods, others = [], [one for one in others if one[0][1][0] == only]
            commands = {'attacker': [command for command, _ in floods]}
            for (where, command), server in others:
                commands.setdefault(where, []).append((*command, *([server] if server else [])))
            started = [Programs(where, some) for where, some in commands.items()]
            print(f'{len(floods) + len(others)} programs run for {seconds} s', flush=True)
            time.sleep(seconds)
            for programs in started:
                programs.end()
            tcpdump.send_signal(signal.SIGINT)
            tcpdump.wait()
        listener.kill()
    return {server for _, server in floods}


def variants(flows, flooded, rng):
    """The flows of each server with addresses of their own for each way of taking them, and their labels by address."""
    columns = [name.split()[1] for name in flows[0]]
    place = {name: columns.index(name) for name in columns}
    by_source = {}
    for row in flows[1:]:
        by_source.setdefault(row[place['SRC_IP']], []).append(row)
    labels, made, number = {}, [], 0
    for source, rows in sorted(by_source.items()):
        for fold, stretch, share in rng.sample(list(itertools.product(FOLDS, STRETCHES, SHARES)), VARIANTS):
            taken = [row for row in rows if rng.random() < min(share, FLOWS_MAX / len(rows))]
            if len(taken) < 30:
                continue
            number += 1
            address = str(ipaddress.ip_address('11.0.0.0') + number)
            labels[address] = (source, int(source in flooded))
            start = min(moment(row[place['TIME_FIRST']]) for row in taken)
            for row in taken:
                row = list(row)
                row[place['SRC_IP']] = address
                inner = int(ipaddress.ip_address(row[place['DST_IP']])) & (1 << (32 - fold)) - 1
                row[place['DST_IP']] = str(ipaddress.ip_address('64.0.0.0') + inner)
                first, last = moment(row[place['TIME_FIRST']]), moment(row[place['TIME_LAST']])
                begin = 1700000000 + (first - start) * stretch
                made.append((begin + last - first, begin, row))
    made.sort(key=lambda one: one[0])
    for last, first, row in made:
        row[place['TIME_FIRST']], row[place['TIME_LAST']] = text_of(first), text_of(last)
    return [flows[0]] + [row for _, _, row in made], labels


def moment(text):
    """A time of CSV in seconds."""
    whole, _, part = text.rstrip('Z').partition('.')
    return time.mktime(time.strptime(whole, '%Y-%m-%dT%H:%M:%S')) + float('0.' + (part or '0'))


def text_of(seconds):
    """The other way round."""
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.localtime(seconds)) + f'.{int(seconds % 1 * 1000):03}'


def measure(options, capture, flooded, rng, directory):
    """Vectors of what was captured."""
    def tool(name, *arguments):
        run(os.path.join(options.bin, name), *arguments, stdout=subprocess.DEVNULL, cwd=directory)
    tool('flow_meter', '-r', capture, '-t', '10:10', '-i', 'f:flows:w')
    tool('unirecfilter', '-i', 'f:flows,f:basic:w', '-O', 'ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,'
         'uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS')
    tool('logger', '-t', '-i', 'f:basic', '-w', 'flows.csv')
    with open(os.path.join(directory, 'flows.csv'), encoding='ascii', newline='') as file:
        flows = list(csv.reader(file))
    taken, labels = variants(flows, flooded, rng)
    with open(os.path.join(directory, 'taken.csv'), 'w', encoding='ascii', newline='') as file:
        csv.writer(file, lineterminator='\n').writerows(taken)
    print(f'{len(flows)} flows, {len(taken)} taken', flush=True)
    with open(os.path.join(directory, 'networks'), 'w', encoding='ascii') as file:
        file.write('64.0.0.0/8\n')
    tool('logreplay', '-d', '-f', 'taken.csv', '-i', 'f:taken:w')
    tool('backscatter', '-N', 'networks', '-p', '600', '-w', '86400', '-W', '86400', '-i', 'f:taken,f:vectors:w')
    tool('logger', '-t', '-i', 'f:vectors', '-w', 'vectors.csv')
    with open(os.path.join(directory, 'vectors.csv'), encoding='ascii', newline='') as file:
        rows = list(csv.reader(file))
    names = [name.split()[1] for name in rows[0]]
    address = names.index('SRC_IP')
    with open(options.out, 'a' if options.only else 'w', encoding='ascii', newline='') as file:
        out = csv.writer(file, lineterminator='\n')
        if not options.only:
            out.writerow(['LABEL', 'SERVER'] + names[:address] + names[address + 1:])
        for row in sorted(rows[1:], key=lambda row: int(ipaddress.ip_address(row[address]))):
            server, label = labels[row[address]]
            out.writerow([label, server] + row[:address] + row[address + 1:])
    print(f'{len(rows) - 1} vectors, {sum(labels[row[address]][1] for row in rows[1:])} of floods')


def main():
    parser = argparse.ArgumentParser(prog='backscatter.py', description='Makes the vectors that backscatter_classifier is trained and judged on.')
    parser.add_argument('--bin', required=True, help='directory of the programs')
    parser.add_argument('--seconds', type=int, default=90, help='of traffic (default: %(default)s)')
    parser.add_argument('--out', default='vectors.csv', help='where to write (default: %(default)s)')
    parser.add_argument('--only', metavar='TOOL', help='no floods, and of the rest what this tool does; its vectors are appended to FILE')
    parser.add_argument('--inside', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('half', choices=('training', 'held-out'))
    options = parser.parse_args()
    if os.geteuid() != 0:
        print('backscatter.py: network namespaces and raw sockets need root', file=sys.stderr)
        return 1
    if not options.inside:
        return subprocess.run(['unshare', '--mount', '--pid', '--net', '--fork', '--kill-child', '--mount-proc', sys.executable, os.path.abspath(__file__),
                               '--inside'] + sys.argv[1:], check=False).returncode
    options.bin, options.out = os.path.abspath(options.bin), os.path.abspath(options.out)
    os.environ['TZ'] = 'UTC'
    run('mount', '-t', 'tmpfs', '-o', 'size=4g,mode=1777', 'tmpfs', '/mnt')
    rng = random.Random(1 if options.half == 'training' else 2)
    flooded = perform(options.half, options.seconds, '/mnt/capture.pcap', rng, options.only)
    measure(options, '/mnt/capture.pcap', flooded, rng, '/mnt')
    return 0


if __name__ == '__main__':
    sys.exit(main())
