# SPDX-License-Identifier: BSD-3-Clause
"""Miners and their pools (stratum), beside connections that live as long and say as little."""

import os
import sys
import time

import network

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'dialogue.py')


def mining(stage, path):
    """Miners of several currencies work for pools. Others keep long, quiet connections: chat, a broker of messages, a terminal, a
    database, monitoring by JSON."""
    net, pick = stage.net, stage.pick
    stage.open_office(0)
    net.add_host('person', 101, 'works at a terminal')
    pools = (('bitcoin', pick(3333, 3334), 'a pool'), ('monero', pick(14444, 5555), 'a pool of Monero'), ('ethereum', pick(4444, 9999), ''))
    servers = stage.outsiders('pool', len(pools), pick('198.51.100.', '203.0.113.'))
    others = (('irc', 6667), ('mqtt', 1883), ('database', 5432), ('jsonrpc', pick(8332, 8080)), ('xmpp', 5222))
    peers = stage.outsiders('peer', len(others), pick('192.0.2.', '198.18.200.'), '2001:db8:f00b::')
    seconds = pick(380, 420)
    for number, (kind, port, _) in enumerate(pools):
        net.add_host(f'miner{number}', 120 + number, 'mines')
        net.serve(f'pool{number}', sys.executable, TOOL, 'serve', kind, str(port), str(stage.half))
    for number, (kind, port) in enumerate(others):
        net.add_host(f'client{number}', 140 + number, f'keeps a connection open ({kind})')
        net.serve(f'peer{number}', sys.executable, TOOL, 'serve', kind, str(port), str(stage.half))
    stage.begin(path)
    for number, (kind, port) in enumerate(others):
        stage.beside(network.attempt, f'client{number}', sys.executable, TOOL, 'speak', kind, peers[number], str(port), str(stage.half),
                     str(seconds), timeout=seconds + 60)
    for number, (kind, port, _) in enumerate(pools):
        time.sleep(stage.rng.uniform(1, 6))
        stage.beside(stage.attack, f'miner{number}', (sys.executable, TOOL, 'speak', kind, servers[number], str(port), str(stage.half),
                                                      str(seconds)),
                     'mining', kind, 6, net.address(120 + number), servers[number], ports=[port])
    # A person at a terminal: keystrokes over ssh.
    stage.beside(network.attempt, 'person', 'ssh', *stage.office.ssh_options(), '-tt', 'root@files.example',
                 f'for i in $(seq {seconds // 6}); do echo line $i; sleep 5; done', timeout=seconds + 60)
