# SPDX-License-Identifier: BSD-3-Clause
"""Addresses, times and durations as alerts and rules write them.

An address, network or range is a tuple (version, first, last) of integers, so that equal ones are equal and sets of them work.
"""

import bisect
import functools
import re
import socket
from datetime import datetime, timedelta

_FAMILIES = {4: (socket.AF_INET, 32), 6: (socket.AF_INET6, 128)}
_TIME = re.compile(r'(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):?(\d\d))\Z', re.A)
_DURATION = re.compile(r'(?:(\d{1,6})[Dd])?(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?\Z', re.A)
EPOCH = datetime(1970, 1, 1)


def _address(text):
    version = 6 if ':' in text else 4
    try:
        return version, int.from_bytes(socket.inet_pton(_FAMILIES[version][0], text), 'big')
    except (OSError, UnicodeError, ValueError):  # a NUL is a ValueError
        raise ValueError(f'{text!r}: expected an address, a network (address/length) or a range (address-address)') from None


def parse_range(text):
    """An address, a network or a range ("a-b" or "a..b"). ValueError says what was expected."""
    if not isinstance(text, str) or len(text) > 100:
        raise ValueError(f'{str(text)[:100]!r}: expected an address, a network or a range, as text')
    return _parse_range(text)


@functools.lru_cache(8192)  # an alert's addresses are looked at by its check and by every rule
def _parse_range(text):
    text = text.strip()
    if '/' in text:
        address, length = text.split('/', 1)
        version, value = _address(address)
        bits = _FAMILIES[version][1]
        if not (length.isascii() and length.isdigit() and int(length) <= bits):
            raise ValueError(f'{text!r}: expected a length from 0 to {bits} after the slash')
        host = (1 << (bits - int(length))) - 1
        return version, value & ~host, value | host
    for separator in ('..', '-'):
        if separator in text:
            first, last = (_address(part.strip()) for part in text.split(separator, 1))
            if first[0] != last[0] or first[1] > last[1]:
                raise ValueError(f'{text!r}: expected a range from a lower to a higher address of the same family')
            return first[0], first[1], last[1]
    version, value = _address(text)
    return version, value, value


class RangeSet:
    """Is an address or network as a whole inside one of many? Answers in the logarithm of their number, for both families."""

    def __init__(self, ranges=()):
        self.members = frozenset(ranges)
        self._starts = {4: [], 6: []}
        self._ends = {4: [], 6: []}  # the highest end of all ranges up to this one
        for version, first, last in sorted(self.members):
            ends = self._ends[version]
            self._starts[version].append(first)
            ends.append(max(last, ends[-1]) if ends else last)

    def __len__(self):
        return len(self.members)

    def __contains__(self, value):
        version, first, last = value
        i = bisect.bisect_right(self._starts[version], first)
        return i > 0 and self._ends[version][i - 1] >= last


def parse_time(text):
    """A timestamp of RFC 3339 as a datetime in UTC without a zone."""
    if not isinstance(text, str) or len(text) > 100:
        raise ValueError('Wrong timestamp format')
    return _parse_time(text)


@functools.lru_cache(1024)
def _parse_time(text):
    found = _TIME.match(text)
    if not found:
        raise ValueError('Wrong timestamp format')
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = found.groups()
    try:
        when = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59),
                        int((fraction or '0').ljust(6, '0')[:6]))
        if sign:
            offset = timedelta(hours=int(off_hour), minutes=int(off_minute))
            when += offset if sign == '-' else -offset
    except (ValueError, OverflowError):
        raise ValueError('Wrong timestamp format') from None
    return when


def parse_duration(text):
    """[nD]HH:MM:SS as seconds."""
    found = _DURATION.match(text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f'{str(text)[:100]!r}: expected a duration, HH:MM:SS or nDHH:MM:SS')
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(days * 86400 + hours * 3600 + minutes * 60 + seconds)
