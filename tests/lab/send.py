#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends packets with any source addresses: a flood, or clients that ask again and again (backscatter.py)."""

import argparse
import ipaddress
import os
import random
import socket
import struct
import time


def checksum(data):
    """Of IP, TCP, UDP and ICMP."""
    total = sum(struct.unpack(f'!{len(data) // 2}H', data if len(data) % 2 == 0 else data + b'\0'))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def tcp(source, target, sport, dport, flags, rng):
    """A TCP header."""
    head = struct.pack('!HHIIBBHHH', sport, dport, rng.getrandbits(32), rng.getrandbits(32) if flags & 16 else 0, 5 << 4, flags, 65535, 0, 0)
    total = checksum(source + target + struct.pack('!BBH', 0, 6, len(head)) + head)
    return head[:16] + struct.pack('!H', total) + head[18:]


def main():
    parser = argparse.ArgumentParser(prog='send.py', description='Sends packets with any source addresses.')
    parser.add_argument('what', choices=('syn', 'ack', 'udp', 'echo'))
    parser.add_argument('--to', required=True)
    parser.add_argument('--port', type=int, default=0, help='0: another each time')
    parser.add_argument('--from', dest='net', required=True, help='network of the sources')
    parser.add_argument('--sources', type=int, default=0, help='so many addresses of it, of which the first ask most; 0: all alike')
    parser.add_argument('--rate', type=int, default=100, help='packets a second')
    parser.add_argument('--ttl', type=int, default=64)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    net = ipaddress.ip_network(options.net)
    chosen = [net[rng.randrange(1, net.num_addresses - 1)] for _ in range(options.sources)]
    weights = [1 / (number + 1) for number in range(options.sources)]
    target = socket.inet_aton(options.to)
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    begin, sent = time.monotonic(), 0
    while True:
        source = (rng.choices(chosen, weights)[0] if chosen else net[rng.randrange(net.num_addresses)]).packed
        sport, dport = rng.randrange(1024, 65536), options.port or rng.randrange(1, 65536)
        if options.what in ('syn', 'ack'):
            protocol, body = 6, tcp(source, target, sport, dport, 2 if options.what == 'syn' else 16, rng)
        elif options.what == 'udp':
            data = os.urandom(rng.randrange(8, 64))
            protocol, body = 17, struct.pack('!HHHH', sport, dport, 8 + len(data), 0) + data
        else:
            protocol, body = 1, struct.pack('!BBHHH', 8, 0, 0, sport, sent & 0xffff) + bytes(48)
            body = body[:2] + struct.pack('!H', checksum(body)) + body[4:]
        head = struct.pack('!BBHHHBBH', 69, 0, 20 + len(body), rng.getrandbits(16), 0, options.ttl, protocol, 0) + source + target
        try:
            raw.sendto(head + body, (options.to, 0))
        except OSError:
            pass  # an address that no route leads to, as 0.0.0.0
        sent += 1
        ahead = begin + sent / options.rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)


if __name__ == '__main__':
    main()
