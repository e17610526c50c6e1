# SPDX-License-Identifier: BSD-3-Clause
"""Databases in MaxMind's form for tests."""

import struct


def database(fields):
    """A database of MaxMind's format (2.0) that says the same of every IPv4 address."""
    def encode(value):
        if isinstance(value, dict):
            return bytes([7 << 5 | len(value)]) + b''.join(encode(key) + encode(item) for key, item in value.items())
        if isinstance(value, str):
            text = value.encode()
            return (bytes([2 << 5 | len(text)]) if len(text) < 29 else bytes([2 << 5 | 29, len(text) - 29])) + text
        if isinstance(value, list):
            return bytes([len(value), 4]) + b''.join(map(encode, value))
        return bytes([6 << 5 | 4]) + struct.pack('!I', value)
    pointer = struct.pack('!I', 1 + 16)[1:]
    about = {'node_count': 1, 'record_size': 24, 'ip_version': 4, 'database_type': 'Test', 'languages': ['en'], 'binary_format_major_version': 2,
             'binary_format_minor_version': 0, 'build_epoch': 1, 'description': {'en': 'test'}}
    metadata = bytes([7 << 5 | len(about)])
    for key, value in about.items():
        sizes = {'record_size': 5, 'ip_version': 5, 'binary_format_major_version': 5, 'binary_format_minor_version': 5}
        if key in sizes:
            encoded = bytes([5 << 5 | 2]) + struct.pack('!H', value)
        elif key == 'build_epoch':
            encoded = bytes([8, 2]) + struct.pack('!Q', value)
        else:
            encoded = encode(value)
        metadata += encode(key) + encoded
    return pointer * 2 + bytes(16) + encode(fields) + b'\xab\xcd\xefMaxMind.com' + metadata
