# SPDX-License-Identifier: BSD-3-Clause
"""Receiving in a thread of its own: a reporter that is slow, or waits, does not hold up the detectors before it."""

import collections
import threading

import pytrap

TIMEOUT = 250000  # microseconds; how soon the end is noticed
BATCH = 1000      # messages that are taken at once
OVERHEAD = 128    # bytes of memory for a message beside its own


class End:
    """The last item. error: why, or None."""

    def __init__(self, error=None):
        self.error = error


class Format:
    """From here on, messages have this format."""

    def __init__(self, spec):
        self.spec = spec


class Placed:
    """A message and its place in its sender's stream, of an input with resume=."""
    __slots__ = 'data', 'instance', 'number'

    def __init__(self, data, instance, number):
        self.data, self.instance, self.number = data, instance, number

    def __len__(self):
        return len(self.data)


class Done:
    """A point that the receiver waits for, to acknowledge what it received before."""

    def __init__(self):
        self.event = threading.Event()


class Backlog(threading.Thread):
    """Messages between receiving and the rules. When it is full, a file waits, and messages of a live input are dropped and counted."""

    def __init__(self, trap, spec, limit):
        super().__init__(name='receiver', daemon=True)
        self.trap, self.limit = trap, limit
        self.live = not spec.startswith('f:')
        self.resume = 'resume=' in spec
        self.received = self.dropped = 0
        self.highest = 0  # bytes
        self._items, self._bytes = collections.deque(), 0
        self._changed = threading.Condition()
        self._ending = False

    def _put(self, item, size=0):
        with self._changed:
            while size and self._bytes + size > self.limit and self._bytes:
                if self.live and not self.resume:
                    self.dropped += 1
                    return
                if self._ending:
                    return
                self._changed.wait(0.5)
            self._items.append(item)
            self._bytes += size
            self.highest = max(self.highest, self._bytes)
            self._changed.notify()

    def take(self, timeout):
        """Up to BATCH items, [] when none comes within the seconds."""
        with self._changed:
            if not self._items:
                self._changed.wait(timeout)
            items = [self._items.popleft() for _ in range(min(BATCH, len(self._items)))]
            self._bytes -= sum(len(item) + OVERHEAD for item in items if isinstance(item, (bytearray, bytes, Placed)))
            self._changed.notify()
        return items

    def stop(self):
        """Ends receiving; what was received is still there to be taken, then the End."""
        self._ending = True

    def waiting(self):
        return len(self._items)

    def run(self):
        error = None
        try:
            self._receive()
        except pytrap.Terminated:
            pass
        except pytrap.FormatMismatch:
            error = 'the format of the input does not have the fields that are required'
        except Exception as e:  # pylint: disable=broad-except
            error = f'{type(e).__name__}: {e}'
        self._put(End(error))

    def _receive(self):
        unacknowledged = 0
        while not self._ending:
            try:
                data = self.trap.recv(0)
            except pytrap.TimeoutError:
                continue
            except pytrap.FormatChanged as change:
                self._put(Format(self.trap.getDataFmt(0)[1]))
                data = change.data
            if len(data) <= 1:
                return
            self.received += 1
            self._put(Placed(data, *self.trap.position(0)) if self.resume else data, len(data) + OVERHEAD)
            if self.resume:
                unacknowledged += 1
                if unacknowledged >= BATCH or not self._items:
                    self._acknowledge()
                    unacknowledged = 0

    def _acknowledge(self):
        done = Done()
        self._put(done)
        while not done.event.wait(0.5):
            if self._ending:
                return
        self.trap.ack(0)
