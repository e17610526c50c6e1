#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Floods an IPv6 address from random sources of a prefix, as hping3 does for IPv4: TCP SYN or UDP.

usage: flood6.py syn|udp TARGET PORT SOURCE_PREFIX SOURCES RATE SECONDS PAYLOAD

SOURCES addresses are drawn from the prefix, each in a /64 of its own. RATE is in packets a second, PAYLOAD in bytes. Needs CAP_NET_RAW; sends through the interface eth0 to the gateway or
the neighbour with the MAC address found by pinging TARGET first.
"""

import ipaddress
import random
import re
import socket
import struct
import subprocess
import sys
import time


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packet(kind, source, target, port, payload, rng):
    """An IPv6 packet with a random source port (RFC 8200, 9293, 768)."""
    source_port = rng.randint(1024, 65535)
    if kind == 'syn':
        protocol, position = 6, 16
        upper = struct.pack('!HHIIBBHHH', source_port, port, rng.getrandbits(32), 0, 5 << 4, 2, 64240, 0, 0) + payload
    else:
        protocol, position = 17, 6
        upper = struct.pack('!HHHH', source_port, port, 8 + len(payload), 0) + payload
    pseudo = source + target + struct.pack('!II', len(upper), protocol)
    upper = upper[:position] + struct.pack('!H', checksum(pseudo + upper)) + upper[position + 2:]
    return struct.pack('!IHBB', 6 << 28, len(upper), protocol, 64) + source + target + upper


def neighbour(target):
    """The MAC address of the next hop, and our own."""
    subprocess.run(['ping', '-6', '-c', '1', '-W', '2', target], stdout=subprocess.DEVNULL, check=False)
    route = subprocess.run(['ip', '-6', 'route', 'get', target], stdout=subprocess.PIPE, text=True, check=True).stdout
    hop = re.search(r'via (\S+)', route)
    table = subprocess.run(['ip', '-6', 'neigh', 'show', hop.group(1) if hop else target, 'dev', 'eth0'],
                           stdout=subprocess.PIPE, text=True, check=True).stdout
    with open('/sys/class/net/eth0/address', encoding='ascii') as own:
        return [bytes.fromhex(mac.replace(':', '')) for mac in (re.search(r'lladdr (\S+)', table).group(1), own.read())]


def main(kind, target, port, prefix, count, rate, seconds, size):
    rng = random.Random(f'{kind} {target}')
    network = ipaddress.ip_network(prefix)
    sources = [network[rng.randrange(1, network.num_addresses)].packed for _ in range(int(count))]
    there, here = neighbour(target)
    target = ipaddress.ip_address(target).packed
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind(('eth0', 0))
    payload = b'X' * int(size)
    begin = time.monotonic()
    for number in range(int(float(rate) * float(seconds))):
        out.send(there + here + b'\x86\xdd' + packet(kind, rng.choice(sources), target, int(port), payload, rng))
        ahead = begin + number / float(rate) - time.monotonic()
        if ahead > 0.002:
            time.sleep(ahead)


if __name__ == '__main__':
    main(*sys.argv[1:])
