# SPDX-License-Identifier: BSD-3-Clause
"""Delivery of alerts by actions: reporting never waits for the other end.

What an action cannot deliver at once goes to its spool, from which a thread sends it when the other end answers. Entries of a spool are
"<24 hexadecimal digits> <JSON>"; the number names the entry, so that a receiver can recognize one that is sent twice.
"""

import json
import os
import re
import threading
import time

from report2idea.spool import open_spool

REJECTED_LIMIT = 16 << 20  # bytes of a file of entries that the receiver refused


class Unreachable(Exception):
    """The other end does not take anything now. done: so many entries of the batch were delivered before."""

    def __init__(self, reason, done=0):
        super().__init__(reason)
        self.done = done


class Entry:
    """An alert on its way."""
    __slots__ = ('uid', 'text', '_alert')

    def __init__(self, uid, text, alert=None):
        self.uid, self.text, self._alert = uid, text, alert

    @property
    def alert(self):
        if self._alert is None:
            self._alert = json.loads(self.text)
        return self._alert

    @property
    def id(self):
        return alert_id(self.alert)

    def line(self):
        return f'{self.uid} {self.text}'.encode('ascii')

    @staticmethod
    def new(text, alert=None):
        return Entry(os.urandom(12).hex(), text, alert)

    @staticmethod
    def parse(line):
        uid, _, text = line.decode('ascii', 'replace').partition(' ')
        return Entry(uid, text)


def alert_id(alert):
    """The ID of an alert as it may stand in a log, whatever the alert is."""
    value = alert.get('ID') if isinstance(alert, dict) else None
    return re.sub(r'[^ -~]', '?', str(value))[:64] if value is not None else 'without ID'


class Limits:
    """What the configuration's section "delivery" sets; numbers of seconds unless said otherwise."""
    DEFAULTS = {'retry': 1.0,        # first wait for an unreachable receiver; doubles up to
                'retry_max': 60.0,
                'attempts': 5,       # of an entry that fails although the receiver is there
                'finish': 10.0,      # for what is left when the reporter ends
                'spool_limit': 64,   # MiB for each action
                'backlog': 128}      # MiB of received alerts that wait for the rules

    def __init__(self, section=None, directory=None):
        self.directory = directory
        for key, default in self.DEFAULTS.items():
            setattr(self, key, default)
        for key, value in (section or {}).items():
            if key == 'directory' and isinstance(value, str):
                self.directory = value
            elif key in self.DEFAULTS and isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1e6:
                setattr(self, key, value)
            else:
                raise ValueError(f'delivery: {key}: {value!r}: expected directory (text) or one of '
                                 f'{", ".join(self.DEFAULTS)} (a number)')


class Delivery:
    """Delivers the alerts of one action. direct: the reporting thread tries first; the spool has only what failed."""

    def __init__(self, name, action, limits, log):
        self.name, self.action, self.limits, self.log = name, action, limits, log
        self.sent = self.spooled = self.lost = self.rejected = self.failures = 0
        self.spool = open_spool(limits.directory, name, int(limits.spool_limit * 2**20), log)
        self._wake = threading.Condition()
        self._stopping = self._down = False
        self._retired = []
        self._thread = None
        if self.spool.damaged:
            log.warning('%s: %d entries of the spool were cut off and are lost', name, self.spool.damaged)
        if self.spool.waiting:
            log.warning('%s: %d alerts in the spool of an earlier run, which are sent first', name, self.spool.waiting)
            self._start()

    def _start(self):
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()

    def replace(self, action):
        """Another configuration of the same action, for all that is not sent yet."""
        with self._wake:
            action.take_over(self.action)
            self._retired.append(self.action)
            self.action = action
            if self._thread is None:
                self._close_retired()

    def _close_retired(self):
        while self._retired:
            self._retired.pop().close()

    def submit(self, text, alert):
        """Takes an alert. Never waits for the other end of an action that is not direct."""
        if not self.action.admit(alert):
            return
        entry = Entry.new(text, alert)
        if self.action.direct and not self.spool.waiting:
            try:
                refused = self.action.send([entry])
                if refused:
                    self._reject(entry, refused[0][1])
                else:
                    self.sent += 1
                return
            except Exception as e:  # pylint: disable=broad-except
                self.failures += 1
                self.log.error('%s: alert %s could not be delivered, it goes to the spool: %s', self.name, entry.id, e)
        self._put(entry)

    def sync(self):
        """What waits is on the disk when this returns."""
        try:
            self.spool.sync()
        except OSError as e:
            self.log.error('%s: the spool cannot be synchronized to the disk: %s', self.name, e)

    def put_extra(self, text):
        """Queues what is no alert, such as a summary."""
        self._put(Entry.new(text))

    def _put(self, entry):
        if self.spool.put(entry.line()):
            self.spooled += 1
        else:
            self.lost += 1
            if self.lost & (self.lost - 1) == 0:  # 1, 2, 4, 8, ...
                self.log.error('%s: the spool is full, alert %s is lost (%d so far)', self.name, entry.id, self.lost)
        if not self._down:
            with self._wake:
                self._start()
                self._wake.notify()

    def _reject(self, entry, reason):
        self.rejected += 1
        self.log.error('%s: alert %s is refused for good: %s', self.name, entry.id, reason)
        path = self.spool.base + '.rejected'
        try:
            with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), 'ab') as file:
                if file.tell() < REJECTED_LIMIT:
                    file.write(entry.text.encode('ascii') + b'\n')
        except OSError as e:
            self.log.error('%s: %s', path, e)

    def _run(self):
        wait = self.limits.retry
        attempts = 0
        while True:
            with self._wake:
                while not self.spool.waiting and not self._stopping:
                    self._wake.wait()
                self._close_retired()
                if not self.spool.waiting:
                    return
            try:
                self._send_batch(1 if attempts else self.action.batch)
                wait, attempts = self.limits.retry, 0
                if self._down:
                    self._down = False
                    self.log.warning('%s: delivers again, %d alerts in the spool', self.name, self.spool.waiting)
                continue
            except Unreachable as e:
                self._commit(e.done)
                reason, attempts = e, 0
            except OSError as e:
                reason, attempts = e, 0
            except Exception as e:  # pylint: disable=broad-except
                reason = f'{type(e).__name__}: {e}'
                attempts += 1
                if attempts > self.limits.attempts:
                    self._reject(Entry.parse(self.spool.peek(1)[0]), reason)
                    self.spool.done(1)
                    attempts = 0
                    continue
            self.failures += 1
            self._down = True
            self.log.error('%s: alert %s: %s; %d alerts wait in the spool, next attempt in %g s', self.name, self._head(), reason,
                           self.spool.waiting, wait)
            if self._pause(wait):
                return
            wait = min(wait * 2, self.limits.retry_max)

    def _head(self):
        try:
            return Entry.parse(self.spool.peek(1)[0]).id
        except (ValueError, IndexError, OSError):
            return 'unknown'

    def _pause(self, seconds):
        """Waits; true when the reporter ends."""
        end = time.monotonic() + seconds
        with self._wake:
            while not self._stopping and time.monotonic() < end:
                self._wake.wait(end - time.monotonic())
            return self._stopping

    def _commit(self, count):
        if count:
            self.spool.done(count)
            self.sent += count

    def _send_batch(self, count):
        lines = self.spool.peek(count)
        entries = []
        for line in lines:
            try:
                entry = Entry.parse(line)
                entry.alert  # pylint: disable=pointless-statement
            except (ValueError, RecursionError):
                break  # damaged
            entries.append(entry)
        if not entries and lines:
            self.spool.done(1)
            self.rejected += 1
            self.log.error('%s: an entry of the spool is damaged and left out', self.name)
            return
        refused = dict(self.action.send(entries))
        for index, reason in refused.items():
            self._reject(entries[index], reason)
        self.sent -= len(refused)
        self._commit(len(entries))

    def begin_stop(self):
        """No more alerts come; what waits is sent unless the receiver is away."""
        with self._wake:
            self._stopping = True
            self._wake.notify()

    def stop(self, seconds):
        """After begin_stop(): waits for the thread, logs what is left, frees all."""
        if self._thread:
            self._thread.join(max(0.5, seconds))  # it ends at once unless it waits for an answer
        left = self.spool.waiting
        if left:
            self.log.warning('%s: %d alerts stay in the spool %s', self.name, left, self.spool.base)
        if not self._thread or not self._thread.is_alive():
            self._close_retired()
            self.action.close()
            self.spool.close()
        return left

    def counters(self):
        return {'sent': self.sent, 'waiting': self.spool.waiting, 'rejected': self.rejected, 'lost': self.lost, 'failures': self.failures}
