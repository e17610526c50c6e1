# SPDX-License-Identifier: BSD-3-Clause
"""Amplification: servers that give long answers, asked in the name of a victim."""

import os
import time

import network

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'reflect.py')


def reflection(stage, path):
    """A server of the office answers questions that are sent in a victim's name (both directions are seen); servers elsewhere are asked
    in the name of a machine of the office (only their answers are seen). Beside that, ordinary questions with long answers, and a
    resolver that asks many servers."""
    net, pick = stage.net, stage.pick
    first, second = pick(('dns', 'ntp'), ('ntp', 'dns'))
    ports = {'dns': 53, 'ntp': 123}
    victim = pick('192.0.2.50', '203.0.113.150')
    net.add_host('open', 77, f'answers everyone ({first})')
    net.add_host('resolver', 53, 'resolver: asks many servers')
    net.add_host('client', 101, 'sets its clock, asks for long records')
    net.add_host('target', 180, 'victim: did not ask')
    net.add_outsider('victim', victim, '2001:db8:f00d::50')
    net.add_outsider('attacker', pick('203.0.113.9', '192.0.2.9'), '2001:db8:f000::9')
    servers = f'198.19.{net.index}.0/{pick(25, 26)}'
    net.add_answering(servers)
    for host in 'gw', 'attacker':
        network.sysctl(host, 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0', *(() if host == 'gw' else ('net.ipv4.conf.eth0.rp_filter=0',)))
    network.sysctl('gw', 'net.ipv4.conf.r-attacker.rp_filter=0')
    for kind, port in ports.items():
        net.serve('gw', '/usr/bin/python3', TOOL, 'answer', str(port), kind)
    net.serve('open', '/usr/bin/python3', TOOL, 'answer', str(ports[first]), first)
    others = [f'198.19.{net.index}.{number}' for number in range(1, 60)]
    stage.begin(path)

    def ask_honestly():
        for number in range(pick(60, 80)):
            for name in f'host{number}.example', f'host{number}.test':
                network.attempt('resolver', 'dig', '+tries=1', '+time=1', '+bufsize=4096', f'@{stage.rng.choice(others)}', name, 'TXT')
            network.attempt('client', 'dig', '+tries=1', '+time=1', '+bufsize=4096', f'@{others[number % 3]}', 'open.example', 'TXT')
            time.sleep(0.8)

    stage.beside(ask_honestly)
    time.sleep(10)
    reflector = net.address(77)
    stage.attack('attacker', ('/usr/bin/python3', TOOL, 'ask', first, victim, pick('25', '12'), '45', reflector), 'amplification',
                 f'{first}, both directions', 17, reflector, victim, source_ports=[ports[first]], tool='reflect.py')
    time.sleep(10)
    victim = net.address(180)
    stage.attack('attacker', ('/usr/bin/python3', TOOL, 'ask', second, victim, pick('15', '60'), '40', servers), 'amplification',
                 f'{second}, answers only', 17, servers, victim, source_ports=[ports[second]], tool='reflect.py')
