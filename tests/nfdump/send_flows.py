#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends the flows of the samples in this directory to a collector as IPFIX over UDP. README.md says what for.

usage: send_flows.py PORT [both]
"""

import ipaddress
import socket
import struct
import sys

START = 1700000000123  # milliseconds since 1970

# (number, length) of IPFIX elements: start and end in milliseconds, packets, bytes, input, output, ports, protocol, flags, TOS, direction
COMMON = [(152, 8), (153, 8), (2, 8), (1, 8), (10, 4), (14, 4), (7, 2), (11, 2), (4, 1), (6, 1), (5, 1), (61, 1)]
ADDRESSES = {4: [(8, 4), (12, 4)], 6: [(27, 16), (28, 16)]}


def flows():
    """Thirty flows of both families, with counters of more than 32 bits among them."""
    for i in range(30):
        version = 6 if i % 3 == 2 else 4
        net = ('10.1.2.', '192.0.2.') if version == 4 else ('2001:db8::', '2001:db8:ff::')
        protocol = (6, 17, 1, 58, 6)[i % 5]
        flags = (0x02, 0x12, 0x1b, 0x13, 0x04, 0x18, 0x3f)[i % 7] if protocol == 6 else 0
        ports = (40000 + i, (80, 443, 53, 22)[i % 4]) if protocol in (6, 17) else (0, 0x0800)
        packets, octets = (5_000_000_000, 6_000_000_000_000) if i == 7 else (1 + i * i, 60 + i * 777)
        yield (version, f'{net[0]}{i + 1}', f'{net[1]}{i % 4 + 1}', START + i * 1007, START + i * 1507, packets, octets, i % 5, 9, *ports,
               protocol, flags, i * 4, i % 2)


def both_directions():
    """Six flows; each of the first four is followed by its answer."""
    def flow(number, version, protocol, source_port, target_port, there, back):
        net = ('10.1.2.', '192.0.2.') if version == 4 else ('2001:db8::', '2001:db8:ff::')
        ends, ports = (f'{net[0]}{number}', f'{net[1]}{number}'), (source_port, target_port)
        times = START + number * 1000, START + number * 1000 + 500
        yield (version, *ends, *times, *there[:2], 1, 2, *ports, protocol, *there[2:], 0)
        if back is not None:
            yield (version, *ends[::-1], *times, *back[:2], 2, 1, *ports[::-1], protocol, *back[2:], 1)

    # of each direction: packets, bytes, TCP flags, TOS
    yield from flow(1, 4, 6, 40001, 80, (10, 1000, 0x1b, 8), (8, 9000, 0x13, 16))
    yield from flow(2, 6, 6, 40002, 443, (20, 2000, 0x02, 0), (5_000_000_000, 6_000_000_000_000, 0x12, 0))
    yield from flow(3, 4, 17, 40003, 53, (1, 70, 0, 0), (1, 200, 0, 0))
    yield from flow(4, 4, 1, 0, 0x0800, (4, 336, 0, 0), (4, 336, 0, 0))
    yield from flow(5, 4, 6, 40005, 22, (1, 40, 0x02, 0), None)
    yield from flow(6, 6, 17, 40006, 53, (2, 140, 0, 0), None)


def message(records, version, sequence):
    fields = COMMON + ADDRESSES[version]
    number = 256 + version
    template = struct.pack('>HHHH', 2, 8 + 4 * len(fields), number, len(fields)) + b''.join(struct.pack('>HH', *f) for f in fields)
    data = b''.join(struct.pack('>QQQQIIHHBBBB', *record[3:]) + ipaddress.ip_address(record[1]).packed + ipaddress.ip_address(record[2]).packed
                    for record in records)
    data = struct.pack('>HH', number, 4 + len(data)) + data
    return struct.pack('>HHIII', 10, 16 + len(template) + len(data), START // 1000, sequence, 1) + template + data


def main(port, *what):
    sent = list(both_directions() if what == ('both',) else flows())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        sequence = 0
        for version in (4, 6):
            records = [flow for flow in sent if flow[0] == version]
            s.sendto(message(records, version, sequence), ('127.0.0.1', port))
            sequence += len(records)


if __name__ == '__main__':
    main(int(sys.argv[1]), *sys.argv[2:])
