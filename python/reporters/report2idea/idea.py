# SPDX-License-Identifier: BSD-3-Clause
"""What an IDEA0 message must look like before it is reported, the helpers that reporters use to make one, and paths that set values."""

import re
import uuid
from datetime import timedelta

import pytrap

from report2idea.values import parse_duration, parse_range, parse_time

DEFAULT_NODE_NAME = 'undefined'
MAX_INDEX = 1000  # elements of a list that a path may add to

_NAME = re.compile(r'(?:[a-z_][a-z0-9_]*\.)*[a-z_][a-z0-9_]*\Z')
_ID = re.compile(r'[A-Za-z0-9._-]+\Z')
_CATEGORY = re.compile(r'[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?\Z')
_TYPE = re.compile(r'[A-Za-z0-9_-]+\Z')
_URI = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f]*\Z')
_STEP = re.compile(r'([A-Za-z0-9_]+)(?:\[(\d{1,6}|#|\*)\])?\Z', re.A)


class IdeaError(ValueError):
    """The alert is no IDEA0 message: names the value and what was expected."""


def getRandomId():
    """A new ID of an alert."""
    return str(uuid.uuid4())


def getIDEAtime(t=None):
    """A time as IDEA writes it, YYYY-MM-DDTHH:MM:SSZ; without an argument now. Fractions of a second are cut."""
    return (t if t is not None else pytrap.UnirecTime.now()).format('%Y-%m-%dT%H:%M:%SZ')


def setAddr(d, ip):
    """Appends an address (UnirecIPAddr) to the list d['IP4'] or d['IP6']."""
    d.setdefault('IP4' if ip.isIPv4() else 'IP6', []).append(str(ip))


def parseRFCtime(s):
    """A timestamp of RFC 3339 as datetime in UTC without a zone; ValueError when it is none."""
    return parse_time(s)


def check_valid_timestamps(idea, dpast=1, dfuture=0):
    """True when EventTime, CeaseTime and DetectTime, those that are there, lie between dpast days before and dfuture days after CreateTime."""
    if 'CreateTime' not in idea:
        return True
    created = parse_time(idea['CreateTime'])
    return all(created - timedelta(days=dpast) <= parse_time(idea[key]) <= created + timedelta(days=dfuture)
               for key in ('EventTime', 'CeaseTime', 'DetectTime') if key in idea)


def _matches(pattern, expected):
    def check(value):
        if not isinstance(value, str) or not pattern.match(value):
            raise ValueError(f'expected {expected}')
    return check


def _integer(value):
    if isinstance(value, int) or isinstance(value, float) and value.is_integer():
        return
    if not (isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdigit()):
        raise ValueError('expected an integer')


def _float(value):
    try:
        float(value)
    except (TypeError, OverflowError):
        raise ValueError('expected a number') from None


def _text(value):
    if not isinstance(value, str):
        raise ValueError('expected text')


def _list(check):
    def check_list(value):
        for item in value if isinstance(value, list) else [value]:
            check(item)
    return check_list


def _object(checks):
    def check_object(value):
        if not isinstance(value, dict):
            raise ValueError('expected an object')
        _check(value, checks)
    return check_object


def _check(message, checks):
    for key, value in message.items():
        check = checks.get(key)
        if check:
            try:
                check(value)
            except IdeaError as e:
                raise IdeaError(f'{key}.{e}') from None
            except ValueError as e:
                raise IdeaError(f'{key} is {str(value)[:100]!r}: {e}') from None


_COUNTS = {key: _integer for key in ('ConnCount', 'FlowCount', 'PacketCount', 'ByteCount')}
_TIMES = {key: parse_time for key in ('CreateTime', 'DetectTime', 'EventTime', 'CeaseTime', 'WinStartTime', 'WinEndTime')}
_SIDE = {'Type': _list(_matches(_TYPE, 'letters, digits, "_" and "-"')), 'IP4': _list(parse_range), 'IP6': _list(parse_range),
         'Port': _list(_integer), 'Proto': _list(_text), 'Ref': _list(_matches(_URI, 'a URI')), 'Count': _integer,
         **{way + key: _integer for way in ('In', 'Out') for key in ('FlowCount', 'PacketCount', 'ByteCount')}}
_NODE = {'Name': _matches(_NAME, 'words of a-z, 0-9 and "_", joined by dots'), 'Type': _SIDE['Type'], 'SW': _list(_text),
         'AggrWin': parse_duration}
_MESSAGE = {'Format': _matches(re.compile(r'IDEA0\Z'), 'IDEA0'), 'ID': _matches(_ID, 'letters, digits, ".", "_" and "-"'),
            'Category': _list(_matches(_CATEGORY, 'a word, or two joined by a dot')), 'Ref': _SIDE['Ref'], 'Confidence': _float,
            'Source': _list(_object(_SIDE)), 'Target': _list(_object(_SIDE)), 'Node': _list(_object(_NODE)), **_COUNTS, **_TIMES}


def check(alert):
    """IdeaError when a value of the message is not what IDEA0 wants; keys that IDEA0 does not know may be there."""
    if not isinstance(alert, dict):
        raise IdeaError(f'the alert is a {type(alert).__name__}: expected an object')
    _check(alert, _MESSAGE)


def check_name(name):
    """Is it good as the name of a node?"""
    return isinstance(name, str) and bool(_NAME.match(name))


def parse_mark(path):
    """A path of mark, Key[1].Key as a list of (key, index): a number from 1, '#' the last, '*' one more, None. ValueError when it is none."""
    steps = []
    for part in path.split('.') if isinstance(path, str) else []:
        found = _STEP.match(part)
        if not found or found.group(2) == '0':
            break
        index = found.group(2)
        steps.append((found.group(1), int(index) if index and index.isdigit() else index))
    else:
        if steps:
            return steps
    raise ValueError(f'{path!r}: expected a path, Key.Key with [n] (from 1), [#] (last) or [*] (one more) after a key')


def _element(values, index):
    """The place in a list, which is made if it is not there."""
    if index == '#':
        index = len(values)
    if index == '*' or index is not None and index > len(values) or not values:
        if len(values) >= MAX_INDEX:
            raise ValueError(f'the list has {len(values)} elements: expected less than {MAX_INDEX}')
        values.append(None)
        return len(values) - 1
    return (index or 1) - 1


def set_value(alert, steps, value):
    """Sets the value at a path; objects and lists that are not there are made. Without an index a list's first element is meant, at
    the end of the path the whole list. ValueError when something on the way is neither."""
    for i, (key, index) in enumerate(steps):
        last = i == len(steps) - 1
        if not isinstance(alert, dict):
            raise ValueError(f'{key}: what it should be in is no object')
        if index is None and (last or not isinstance(alert.get(key), list)):
            if last:
                alert[key] = value
            else:
                alert = alert.setdefault(key, {})
            continue
        values = alert.setdefault(key, [])
        if not isinstance(values, list):
            raise ValueError(f'{key}: expected a list')
        place = _element(values, index)
        if last:
            values[place] = value
        else:
            if values[place] is None:
                values[place] = {}
            alert = values[place]

