# SPDX-License-Identifier: BSD-3-Clause
"""Reads and writes capture files (pcap, pcapng; zstd-compressed or not), as needed by the tests and the lab.

pcap: draft-ietf-opsawg-pcap, pcapng: draft-ietf-opsawg-pcapng. Ethernet only.
"""

import collections
import ipaddress
import struct
import subprocess

Packet = collections.namedtuple('Packet', 'time length data')  # time in nanoseconds since 1970, length on the wire
Header = collections.namedtuple('Header', 'source target protocol source_port target_port flags')


def load(path):
    """The contents of a file, decompressed if its name ends with .zst."""
    if path.endswith('.zst'):
        return subprocess.run(['zstd', '-dcq', path], stdout=subprocess.PIPE, check=True).stdout
    with open(path, 'rb') as file:
        return file.read()


def packets(data):
    """The packets of a capture file's bytes, which must be complete."""
    magic = data[:4]
    if magic == b'\x0a\x0d\x0d\x0a':
        return _pcapng_packets(data)
    if magic not in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1'):
        raise ValueError(f'no little-endian pcap or pcapng file: it starts with {magic.hex()}')
    return _pcap_packets(data, 1000 if magic[0] == 0xd4 else 1)


def _pcap_packets(data, unit):
    position = 24
    while position < len(data):
        seconds, fraction, captured, length = struct.unpack_from('<IIII', data, position)
        position += 16
        yield Packet(seconds * 10**9 + fraction * unit, length, data[position:position + captured])
        position += captured


def _pcapng_packets(data):
    position = 0
    while position < len(data):
        kind, size = struct.unpack_from('<II', data, position)
        if kind == 6:
            high, low, captured, length = struct.unpack_from('<IIII', data, position + 12)
            yield Packet((high << 32 | low), length, data[position + 28:position + 28 + captured])
        position += size


def write_pcap(path, chosen):
    """Writes packets as pcap with microseconds."""
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for packet in chosen:
            file.write(struct.pack('<IIII', packet.time // 10**9, packet.time % 10**9 // 1000, len(packet.data),
                                   packet.length))
            file.write(packet.data)


def write_pcapng(path, chosen):
    """Writes packets as pcapng: one section, one Ethernet interface with nanoseconds."""
    with open(path, 'wb') as file:
        file.write(struct.pack('<IIIHHqI', 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, -1, 28))
        file.write(struct.pack('<IIHHIHHB3xHHI', 1, 32, 1, 0, 65535, 9, 1, 9, 0, 0, 32))
        for packet in chosen:
            padding = -len(packet.data) % 4
            size = 32 + len(packet.data) + padding
            file.write(struct.pack('<IIIIIII', 6, size, 0, packet.time >> 32, packet.time & 0xffffffff,
                                   len(packet.data), packet.length))
            file.write(packet.data + bytes(padding) + struct.pack('<I', size))


def ipv4_packet(time, source, target, protocol, payload):
    """An Ethernet frame with an IPv4 packet; checksums are zero. time in seconds."""
    data = (bytes(12) + b'\x08\x00' + struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0)
            + ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed + payload)
    return Packet(int(time * 10**9), len(data), data)


def udp_packet(time, source, target, source_port, target_port, payload):
    return ipv4_packet(time, source, target, 17, struct.pack('>HHHH', source_port, target_port, 8 + len(payload), 0) + payload)


def tcp_dialogue(time, client, server, client_port, server_port, said):
    """A whole TCP connection. said: (is it the client's, bytes), a packet each; a packet each millisecond."""
    sequence = {True: 1000, False: 5000}
    packets = []

    def add(is_client, flags, payload=b''):
        ports = (client_port, server_port) if is_client else (server_port, client_port)
        segment = struct.pack('>HHIIBBHHH', *ports, sequence[is_client], sequence[not is_client], 0x50, flags, 65535, 0, 0) + payload
        ends = (client, server) if is_client else (server, client)
        packets.append(ipv4_packet(time + len(packets) / 1000, *ends, 6, segment))
        sequence[is_client] += len(payload) + (1 if flags & 3 else 0)

    add(True, 2)
    add(False, 0x12)
    add(True, 0x10)
    for is_client, payload in said:
        add(is_client, 0x18, payload)
    add(True, 0x11)
    add(False, 0x11)
    add(True, 0x10)
    return packets


def header(packet):
    """Addresses and ports of an IP packet without options, extension headers and fragments; None for others."""
    data = packet.data
    if data[12:14] == b'\x08\x00' and data[14] == 0x45:
        protocol, start = data[23], 34
        source, target = data[26:30], data[30:34]
    elif data[12:14] == b'\x86\xdd':
        protocol, start = data[20], 54
        source, target = data[22:38], data[38:54]
    else:
        return None
    ports, flags = (0, 0), 0
    if protocol in (6, 17):
        ports = struct.unpack_from('!HH', data, start)
    if protocol == 6:
        flags = data[start + 13]
    return Header(ipaddress.ip_address(source), ipaddress.ip_address(target), protocol, *ports, flags)
