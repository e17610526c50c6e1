# SPDX-License-Identifier: BSD-3-Clause
"""A bounded queue of lines in files, which outlives the process.

NAME.00000001, NAME.00000002, ... hold the lines, NAME.position says which of them are done; files whose lines are all done are deleted.
What was put is there after a kill of the process, and after sync() also after a crash of the machine.
A process has the lock of NAME.position; another one that wants the same name gets NAME-2, NAME-3, ...
"""

import fcntl
import os
import re
import tempfile
import threading

MAX_NAMES = 16  # processes with the same name


class SpoolError(OSError):
    """There is no place for the spool."""


class Spool:
    """put() appends a line, peek() shows the first ones, done() takes them away. Any thread may call them."""

    def __init__(self, directory, name, limit=64 << 20, segment=1 << 20):
        self.limit, self.segment = limit, max(1, min(segment, limit // 4))
        self.waiting = self.damaged = 0  # lines; those that were cut off by a crash
        self._lock = threading.Lock()
        self._reader, self._buffer, self._out = None, [], -1
        self._unsynced = self._new = False
        name = re.sub(r'[^A-Za-z0-9._-]', '_', name)[:100]
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._lock_name(directory, name)
        self._recover()

    def _lock_name(self, directory, name):
        for number in range(1, MAX_NAMES + 1):
            self.base = os.path.join(directory, name if number == 1 else f'{name}-{number}')
            self._position = os.open(self.base + '.position', os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(self._position, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                os.close(self._position)
        raise SpoolError(f'{directory}: {MAX_NAMES} processes use the spool {name}')

    def _path(self, number):
        return f'{self.base}.{number:08}'

    def _recover(self):
        pattern = re.compile(re.escape(os.path.basename(self.base)) + r'\.(\d{8})\Z')
        found = sorted(int(m.group(1)) for m in map(pattern.match, os.listdir(os.path.dirname(self.base))) if m)
        try:
            self.first, self.offset = (int(word) for word in os.pread(self._position, 64, 0).split())
        except ValueError:
            self.first, self.offset = found[0] if found else 1, 0
        if found and not found[0] <= self.first <= found[-1] + 1:
            self.first, self.offset = found[0], 0
        for number in [n for n in found if n < self.first]:
            os.unlink(self._path(number))
        self.sizes = {}
        for number in [n for n in found if n >= self.first]:
            self._recover_segment(number)
        self.last = max(self.sizes, default=self.first)
        self.sizes.setdefault(self.last, 0)
        self.first = min(self.sizes)
        self.offset = min(self.offset, self.sizes[self.first])

    def _recover_segment(self, number):
        with open(self._path(number), 'r+b') as file:
            data = file.read()
            whole = data.rfind(b'\n') + 1
            if whole < len(data):
                self.damaged += 1
                file.truncate(whole)
        self.sizes[number] = whole
        self.waiting += data.count(b'\n', min(self.offset, whole) if number == self.first else 0)

    def size(self):
        """Bytes of all files."""
        return sum(self.sizes.values())

    def put(self, line):
        """Appends a line (bytes, without its end). False: the spool is full, or the disk is, and the line was not taken."""
        line += b'\n'
        with self._lock:
            if self.size() - self.offset + len(line) > self.limit:
                return False
            try:
                self._open_out()
                written = os.write(self._out, line)
                if written < len(line):
                    os.ftruncate(self._out, self.sizes[self.last])
                    return False
            except OSError:
                return False
            self.sizes[self.last] += len(line)
            self.waiting += 1
            self._unsynced = True
            return True

    def sync(self):
        """What was put is on the disk when this returns. OSError when it cannot be."""
        with self._lock:
            if self._unsynced and self._out >= 0:
                os.fdatasync(self._out)
                if self._new:
                    self._sync_directory()
            self._unsynced = self._new = False

    def _sync_directory(self):
        descriptor = os.open(os.path.dirname(self.base), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _open_out(self):
        if self._out >= 0 and self.sizes[self.last] >= self.segment:
            if self._unsynced:
                os.fdatasync(self._out)
            os.close(self._out)
            self._out = -1
            self.last += 1
            self.sizes[self.last] = 0
        if self._out < 0:
            self._new = True
            self._out = os.open(self._path(self.last), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def peek(self, count):
        """Up to count lines that are not done, from the first on."""
        with self._lock:
            while len(self._buffer) < count:
                line = self._next_line()
                if line is None:
                    break
                self._buffer.append(line)
            return [line[:-1] for line in self._buffer[:count]]

    def _next_line(self):
        if self._reader is None:
            if not self.waiting:
                return None
            self._reading = self.first
            self._reader = open(self._path(self.first), 'rb')
            self._reader.seek(self.offset)
        while True:
            if self._reader.tell() < self.sizes.get(self._reading, 0):  # 0: it is done and deleted
                return self._reader.readline()
            if self._reading == self.last:
                return None
            self._reader.close()
            self._reading += 1
            self._reader = open(self._path(self._reading), 'rb')

    def done(self, count):
        """The first lines, which peek() gave, are no longer wanted."""
        with self._lock:
            for line in self._buffer[:count]:
                if self.offset >= self.sizes[self.first] and self.first < self.last:
                    self._remove_first()
                self.offset += len(line)
                self.waiting -= 1
            del self._buffer[:count]
            while self.offset >= self.sizes[self.first] and self.first < self.last:
                self._remove_first()
            if not self.waiting and self.sizes[self.last] >= self.segment:
                self._restart()
            self._store_position()

    def _remove_first(self):
        os.unlink(self._path(self.first))
        del self.sizes[self.first]
        self.first += 1
        self.offset = 0

    def _restart(self):
        """All is done: the next line begins a new file."""
        if self._out >= 0:
            os.close(self._out)
            self._out = -1
        if self._reader:
            self._reader.close()
            self._reader = None
        self.last += 1
        self.sizes[self.last] = 0
        self._remove_first()

    def _store_position(self):
        os.pwrite(self._position, b'%08d %020d\n' % (self.first, self.offset), 0)

    def close(self):
        """Frees the name; without lines the files are deleted."""
        with self._lock:
            if not self.waiting:
                for number in self.sizes:
                    try:
                        os.unlink(self._path(number))
                    except FileNotFoundError:
                        pass
                try:
                    os.unlink(self.base + '.position')
                except FileNotFoundError:
                    pass
            for descriptor in (self._out, self._position):
                if descriptor >= 0:
                    os.close(descriptor)
            self._out = self._position = -1
            if self._reader:
                self._reader.close()
                self._reader = None


class Place:
    """How far an input was reported, in a file: messages that come again after a kill are known. One process writes it at a time."""

    def __init__(self, directory, name):
        os.makedirs(directory, mode=0o700, exist_ok=True)
        path = os.path.join(directory, re.sub(r'[^A-Za-z0-9._-]', '_', name)[:100] + '.place')
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise SpoolError(f'{path}: another process reports this input') from None
        try:
            self.instance, self.number = (int(word) for word in os.pread(self._file, 64, 0).split())
        except ValueError:
            self.instance = self.number = 0

    def passed(self, instance, number):
        """Was this message reported before?"""
        return instance != 0 and instance == self.instance and number <= self.number

    def set(self, instance, number):
        """This message is reported."""
        self.instance, self.number = instance, number
        os.pwrite(self._file, b'%020d %020d\n' % (instance, number), 0)

    def close(self):
        os.close(self._file)


def open_spool(directory, name, limit, log):
    """The spool in the directory, or in one that is gone after the process, when that cannot be."""
    try:
        return Spool(directory, name, limit)
    except OSError as e:
        log.warning('spool %s in %s: %s; what cannot be delivered is kept only as long as this process lives', name, directory, e)
    return Spool(tempfile.mkdtemp(prefix='nemea-spool-'), name, limit)


def default_directory():
    """Where spools are when the configuration does not say."""
    if os.environ.get('NEMEA_SPOOL_DIR'):
        return os.environ['NEMEA_SPOOL_DIR']
    if os.geteuid() == 0:
        return '/var/spool/nemea'
    return os.path.join(os.environ.get('XDG_STATE_HOME') or os.path.expanduser('~/.local/state'), 'nemea', 'spool')
