# SPDX-License-Identifier: BSD-3-Clause
"""The actions of a configuration: what is done with an alert. E-mail is in mail.py, Warden's protocol in warden.py."""

import copy
import errno
import fcntl
import hashlib
import os
import re
import socket
import stat
import struct
import sys
import syslog
import termios
import time

from report2idea.delivery import Unreachable
from report2idea.idea import parse_mark, set_value
from report2idea.values import parse_time

TIMES = ('CreateTime', 'DetectTime', 'EventTime', 'CeaseTime', 'WinStartTime', 'WinEndTime')
LOCK_WAIT = 0.1   # seconds for the lock of a file
TIMEOUT = 30      # seconds for an answer of a server


class ActionError(ValueError):
    """The configuration of an action is wrong."""


class Action:
    """What an action is. A subclass gives send(), or apply() when it only changes the alert."""
    type = ''
    delivers = True   # has a Delivery
    direct = False    # send() is quick: the reporting thread calls it
    batch = 1         # entries that send() takes

    def admit(self, alert):
        """False: the action has taken care of the alert in another way."""
        return True

    def send(self, entries):
        """Delivers entries. Returns a list of (index, reason) of those that are refused for good; raises Unreachable or OSError when the
        others cannot be delivered now."""
        raise NotImplementedError

    def due(self, ending=False):
        """Text that is to be delivered now beside the alerts, or None."""
        return None

    def take_over(self, old):
        """What of the state of an action of the configuration before still counts."""

    def close(self):
        """Frees what it holds."""

    def describe(self):
        """One line for people, without secrets."""
        return self.type


def wanted(parameters, known, where):
    """Checks the keys and types of a section: known has key: (type, default); the default ... means mandatory."""
    if parameters is None:
        parameters = {}
    if not isinstance(parameters, dict):
        raise ActionError(f'{where}: {parameters!r}: expected keys and values')
    result = {}
    for key, (kind, default) in known.items():
        value = parameters.get(key, default)
        if value is ... or value is None and default is ...:
            raise ActionError(f'{where}: {key} is missing')
        if value is not None and value is not default and (not isinstance(value, kind) or isinstance(value, bool) and kind is not bool):
            names = [k.__name__ for k in kind] if isinstance(kind, tuple) else [kind.__name__]
            raise ActionError(f'{where}: {key}: {value!r}: expected {" or ".join(names)}')
        result[key] = value
    return result


def read_secret(path, where):
    """The first line of a file that only its owner can read."""
    try:
        with open(path, encoding='utf-8') as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise ActionError(f'{where}: {path} has mode {stat.S_IMODE(mode):04o}: expected 0600, a secret that others can read is none')
            return file.readline().rstrip('\r\n')
    except (OSError, UnicodeDecodeError) as e:
        raise ActionError(f'{where}: {path}: {e}') from None


class Drop(Action):
    type = 'drop'
    delivers = False


class Mark(Action):
    type = 'mark'
    delivers = False

    def __init__(self, parameters, where):
        values = wanted(parameters, {'path': (str, ...)}, where)
        if 'value' not in parameters:
            raise ActionError(f'{where}: value is missing')
        self.path, self.value = values['path'], parameters['value']
        try:
            self.steps = parse_mark(self.path)
        except ValueError as e:
            raise ActionError(f'{where}: path: {e}') from None

    def apply(self, alert):
        set_value(alert, self.steps, copy.deepcopy(self.value))

    def describe(self):
        return f'Mark, path: {self.path}, value: {self.value}'


def file_id(alert):
    """The ID of an alert as the name of a file: foreign IDs must not leave the directory, nor name the file of another alert."""
    value = str(alert.get('ID', ''))
    if re.fullmatch(r'[A-Za-z0-9-]{1,64}', value):
        return value
    return (re.sub(r'[^A-Za-z0-9-]', '', value)[:47] + '-' + hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:16]).lstrip('-')


class File(Action):
    """Appends lines to a file, or makes a file for each alert in a directory."""
    type = 'file'
    direct = True
    STREAMS = {'-': 'stdout', '/dev/stdout': 'stdout', '/dev/stderr': 'stderr'}

    def __init__(self, parameters, where):
        values = wanted(parameters, {'path': (str, ...), 'temp_path': (str, None)}, where)
        self.path, self.temp = values['path'], values['temp_path']
        if not self.path or '\0' in self.path:
            raise ActionError(f'{where}: path: {self.path!r}: expected a file or a directory')
        self.stream = self.STREAMS.get(self.path)
        self.directory = not self.stream and os.path.isdir(self.path)

    def send(self, entries):
        for entry in entries:
            if self.stream:
                self._print(entry.text)
            elif self.directory:
                self._store(entry)
            else:
                self._append(entry.text.encode('ascii') + b'\n')
        return []

    def _print(self, text):
        stream = getattr(sys, self.stream)
        stream.write(text + '\n')
        stream.flush()

    def _store(self, entry):
        name = file_id(entry.alert) + '.idea'
        part = os.path.join(self.temp or self.path, name if self.temp else f'.{name}.part')
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644), 'wb') as file:
            file.write(entry.text.encode('ascii'))
        os.rename(part, os.path.join(self.path, name))

    def _append(self, line):
        # Opened for each alert, so that a file that was renamed is not written to; a pipe without a reader must not stop the reporter.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        try:
            self._lock(descriptor)
            written = os.write(descriptor, line)
            if written < len(line):
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        finally:
            os.close(descriptor)

    def _lock(self, descriptor):
        end = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Unreachable(f'{self.path} is locked by another process') from None
                time.sleep(0.001)

    def describe(self):
        return f'File, path: {self.path}' + (f', temp_path: {self.temp}' if self.temp else '')


def _constant(name, example, where):
    """The value of one of the names in the module syslog; 0 is one, too."""
    value = getattr(syslog, name, None) if name.startswith('LOG_') else None
    if not isinstance(value, int):  # LOG_UPTO is a function
        raise ActionError(f'{where}: {name!r}: expected a constant of syslog, for example {example}')
    return value


class Syslog(Action):
    """Sends to the syslog socket of this machine. libc's syslog() would lose messages silently, and has one name for the whole process."""
    type = 'syslog'
    batch = 8

    def __init__(self, parameters, where):
        values = wanted(parameters, {'identifier': (str, 'nemea'), 'logoption': (str, 'LOG_PID'), 'facility': (str, 'LOG_DAEMON'),
                                     'priority': (str, 'LOG_ALERT'), 'socket': (str, '/dev/log')}, where)
        options = 0
        for name in values['logoption'].split('|'):
            options |= _constant(name.strip(), 'LOG_PID', f'{where}: logoption')
        facility = _constant(values['facility'], 'LOG_DAEMON', f'{where}: facility')
        priority = _constant(values['priority'], 'LOG_ALERT', f'{where}: priority')
        if facility & 7 or priority > 7:
            raise ActionError(f'{where}: {values["facility"]}, {values["priority"]}: expected a facility and a priority')
        self.text = '{identifier}, {logoption}, {facility}, {priority}'.format(**values)
        name = re.sub(r'[^!-9;-~]', '_', values['identifier'])[:48] or 'nemea'
        self.tag = f'{name}[{os.getpid()}]' if options & syslog.LOG_PID else name
        self.pri = facility | priority
        self.path = values['socket']
        self._socket = None

    def send(self, entries):
        refused = []
        if self._socket is None:
            self._connect()
        try:
            for i, entry in enumerate(entries):
                stamp = time.strftime('%b %e %H:%M:%S')
                line = f'<{self.pri}>{stamp} {self.tag}: {entry.text}'
                try:
                    self._socket.send(re.sub(r'[\x00-\x1f\x7f]', ' ', line).encode('ascii', 'replace'))
                except OSError as e:
                    if e.errno != errno.EMSGSIZE:
                        raise
                    refused.append((i, f'{len(line)} bytes are more than the syslog socket takes'))
            self._confirm()
        except OSError:
            self.close()
            raise
        return refused

    def _connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(TIMEOUT)
            connection.connect(self.path)
            self._node = os.stat(self.path).st_ino
        except OSError:
            connection.close()
            raise
        self._socket = connection

    def _confirm(self):
        """A datagram counts when the daemon has read it: the socket has nothing left, and the daemon, the same one, is still there."""
        end = time.monotonic() + TIMEOUT
        while struct.unpack('i', fcntl.ioctl(self._socket, termios.TIOCOUTQ, b'\0' * 4))[0]:
            if time.monotonic() > end:
                raise Unreachable(f'{self.path}: the daemon does not read')
            time.sleep(0.0005)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            probe.connect(self.path)
        if os.stat(self.path).st_ino != self._node:
            raise Unreachable(f'{self.path}: the daemon was restarted')

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def describe(self):
        return f'Syslog, {self.text}'


class Trap(Action):
    """Sends to the output of the reporter."""
    type = 'trap'

    def __init__(self, trap):
        self.trap = trap

    def send(self, entries):
        for entry in entries:
            self.trap.send(entry.text, 0)
        return []

    def describe(self):
        return 'TRAP'


def escape_keys(value, depth=0):
    """A copy whose keys MongoDB takes: "$" and "." become their full-width forms, NUL the replacement character."""
    if depth > 100:
        raise ValueError('more than 100 levels of objects')
    if isinstance(value, dict):
        return {key.replace('$', '\uff04').replace('.', '\uff0e').replace('\0', '\ufffd'): escape_keys(item, depth + 1)
                for key, item in value.items()}
    if isinstance(value, list):
        return [escape_keys(item, depth + 1) for item in value]
    if isinstance(value, int) and not -2**63 <= value < 2**63:
        return str(value)
    return value.encode('utf-8', 'replace').decode() if isinstance(value, str) else value


def mongo_document(alert):
    """An alert as it is stored: times are dates where they are times."""
    document = escape_keys(alert)
    for key in TIMES:
        try:
            document[key] = parse_time(document[key])
        except (KeyError, ValueError):
            pass
    return document


class Mongo(Action):
    """Inserts into a collection. The number of an entry is its _id, so an entry that is sent again after a lost answer is no second one."""
    type = 'mongo'
    batch = 500

    def __init__(self, parameters, where, log):
        values = wanted(parameters, {'host': (str, 'localhost'), 'port': (int, 27017), 'db': (str, 'nemeadb'),
                                     'collection': (str, 'alerts_new'), 'user': (str, None), 'password': (str, None),
                                     'password_file': (str, None)}, where)
        if values['password_file']:
            values['password'] = read_secret(values['password_file'], where)
        self.values, self._client = values, None
        try:
            import pymongo
            import bson
            self._pymongo, self._bson = pymongo, bson
        except ImportError:
            self._pymongo = None
            self.delivers = False
            log.warning('Skipping mongo action, pymongo is not initialized. (%s: Debian: python3-pymongo)', where)

    def _collection(self):
        if self._client is None:
            v = self.values
            login = {'username': v['user'], 'password': v['password']} if v['user'] else {}
            self._client = self._pymongo.MongoClient(v['host'], v['port'], serverSelectionTimeoutMS=5000, connectTimeoutMS=5000,
                                                     socketTimeoutMS=TIMEOUT * 1000, retryWrites=False, **login)
        return self._client[self.values['db']][self.values['collection']]

    def send(self, entries):
        refused, documents, places = [], [], []
        for i, entry in enumerate(entries):
            try:
                document = {'_id': self._bson.ObjectId(entry.uid), **mongo_document(entry.alert)}
                if len(self._bson.BSON.encode(document)) > 16 << 20:
                    raise ValueError('a document of more than 16 MiB')
            except (self._bson.errors.BSONError, ValueError, OverflowError, TypeError, RecursionError) as e:
                refused.append((i, f'cannot be stored: {e}'))
                continue
            documents.append(document)
            places.append(i)
        if documents:
            refused += [(places[i], reason) for i, reason in self._insert(documents)]
        return refused

    def _insert(self, documents):
        try:
            self._collection().insert_many(documents, ordered=False)
        except self._pymongo.errors.BulkWriteError as e:
            if e.details.get('writeConcernErrors'):
                raise Unreachable(str(e.details['writeConcernErrors'])[:200]) from None
            return [(error['index'], error.get('errmsg', 'no reason given')) for error in e.details.get('writeErrors', ())
                    if error.get('code') != 11000]  # it is there from before
        except self._pymongo.errors.PyMongoError as e:
            raise Unreachable(f'{self.values["host"]}:{self.values["port"]}: {str(e)[:200]}') from None
        return []

    def close(self):
        if self._client is not None:
            self._client.close()
            self._client = None

    def describe(self):
        v = self.values
        login = f', user: {v["user"]}, password: *PASSWORD*' if v['user'] else ''
        return f'MongoDB, {v["host"]}:{v["port"]}, {v["db"]}.{v["collection"]}{login}'


class Warden(Action):
    """Sends events to a Warden server."""
    type = 'warden'
    batch = 100

    def __init__(self, client):
        self.client = client

    def send(self, entries):
        return self.client.send([entry.alert for entry in entries])

    def close(self):
        self.client.close()

    def describe(self):
        return 'Warden'
