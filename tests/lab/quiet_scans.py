# SPDX-License-Identifier: BSD-3-Clause
"""Scans that take their time, and sweeps by UDP; beside them monitoring and programs that talk to many peers."""

import time

import network

PEER = '''
import random, socket, sys, time
rng, sock = random.Random(sys.argv[1]), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setblocking(False)
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    peer = (f'{sys.argv[2]}.{rng.randrange(1, 120)}', rng.choice((6881, 6881, 51413)) if rng.random() < 0.3 else rng.randrange(1024, 65535))
    sock.sendto(b'd1:ad2:id20:' + rng.randbytes(20) + b'6:target20:' + rng.randbytes(20) + b'e1:q9:find_node1:t2:aa1:y1:qe', peer)
    time.sleep(rng.uniform(0, 0.6))
'''

AGENT = '''
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IP, 8, 1)
sock.bind(('0.0.0.0', 161))
while True:
    text, control, _, peer = sock.recvmsg(2048, 256)
    local = next(data[8:12] for level, number, data in control if number == 8)
    sock.sendmsg([text + b'Linux router 5.10' + bytes(40)], [(0, 8, bytes(4) + local + bytes(4))], 0, peer)
'''

ASK = '''
import socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(1)
for number in range(int(sys.argv[2])):
    for host in range(10, 50):
        sock.sendto(bytes.fromhex('302602010104067075626c6963a019020401020304020100020100300b300906052b060102010500'), (f'{sys.argv[1]}.{host}', 161))
        try:
            sock.recv(2048)
        except OSError:
            pass
    time.sleep(20)
'''


def quiet_scans(stage, path):
    """Slow scans of ports and of hosts, and sweeps of one UDP port over a thousand hosts. Beside them monitoring by SNMP and TCP, and a
    program that talks to many peers by UDP."""
    net, pick = stage.net, stage.pick
    stage.open_office(0)
    index = net.index
    dark, peers = f'100.{pick(64, 100)}.{index * 4 % 256}.0/22', f'198.18.{100 + index}'
    net.add_dark(dark)
    net.add_answering(f'198.18.{index}.0/25')
    net.add_answering(f'{peers}.0/25')
    for number, name in enumerate(('bot0', 'bot1', 'bot2', 'monitor', 'peer')):
        net.add_host(name, 201 + number, {'monitor': 'monitoring: SNMP and TCP', 'peer': 'talks to many peers'}.get(name, 'infected: scans other networks'))
    slow, = stage.outsiders('slow', 1, pick('203.0.113.', '192.0.2.'))
    net.serve('gw', '/usr/bin/python3', stage.write('agent.py', AGENT))
    stage.begin(path)
    seconds = 290
    stage.beside(network.attempt, 'peer', '/usr/bin/python3', stage.write('peer.py', PEER), str(stage.half), peers, str(seconds), timeout=seconds + 60)
    stage.beside(network.attempt, 'monitor', '/usr/bin/python3', stage.write('ask.py', ASK), f'198.18.{index}', '12', timeout=seconds + 120)

    def knock():
        for _ in range(8):
            for number in range(10, 40):
                network.attempt('monitor', 'timeout', '1', 'bash', '-c', f'exec 3<>/dev/tcp/198.18.{index}.{number}/443')
            time.sleep(25)

    stage.beside(knock)
    nmap = ('nmap', '-n', '-Pn', '--send-ip', '--max-retries', '0')
    # One probe every few seconds: a scan of ports from one source port, one of hosts as nmap does it.
    stage.beside(stage.attack, 'slow0', nmap + ('-sS', '--top-ports', pick('60', '70'), '--scan-delay', pick('4s', '3500ms'), net.address(80)),
                 'vertical-scan', 'slow SYN', 6, slow, net.address(80))
    hosts = f'100.{pick(64, 100)}.{index * 4 % 256}.1-70'
    stage.beside(stage.attack, 'bot0', nmap + ('-sS', '-p', pick('445', '3389'), '--scan-delay', '3s', '--max-hostgroup', '1', hosts), 'horizontal-scan', 'slow SYN', 6, net.address(201),
                 dark, ports=[pick(445, 3389)])
    time.sleep(20)
    router = network.inside('gw', 'cat', '/sys/class/net/eth0/address').strip().replace(':', '-')
    port = pick(53413, 5060)
    # masscan does not end by itself when nobody answers.
    stage.attack('bot1', ('timeout', '-k', '2', pick('26', '50'), 'masscan', '--interface', 'eth0', '--router-mac', router, '--wait', '1', '--seed', '7', '--source-ip', net.address(202),
                          '--rate', pick('50', '25'), '-p', f'U:{port}', dark), 'horizontal-scan', 'UDP', 17, net.address(202), dark,
                 statuses=(0, 1, 124, 137), ports=[port], tool='masscan')
    time.sleep(10)
    port = pick(1434, 11211)
    stage.attack('bot2', nmap + ('-sU', '-p', str(port), '--max-rate', pick('30', '60'), dark), 'horizontal-scan', 'UDP', 17, net.address(203), dark,
                 ports=[port])
