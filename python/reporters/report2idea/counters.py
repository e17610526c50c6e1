# SPDX-License-Identifier: BSD-3-Clause
"""How often each action of each rule was executed: counted in the process, and added to counters in Redis when the configuration says so.

Keys in Redis are those of NEMEA 2: nemea|MODULE|RULE|True or False|ACTION|TYPE. They are deleted when a configuration is loaded.
"""

import collections
import threading

from report2idea.actions import ActionError, read_secret, wanted


class Statistics:
    """count() is all that reporting calls; a thread talks to Redis."""

    def __init__(self, module):
        self.prefix = f'nemea|{module}|'
        self.counts = collections.Counter()

    def count(self, rule, result, action):
        self.counts[rule, result, action] += 1

    def clear(self):
        self.counts = collections.Counter()

    def close(self):
        """Writes what is not yet written, if the server is there."""


class RedisStatistics(Statistics):
    """Adds the differences once in an interval. While the server is away they add up."""

    def __init__(self, module, section, log):
        super().__init__(module)
        v = wanted(section, {'host': (str, 'localhost'), 'port': (int, 6379), 'db': (int, 0), 'password_file': (str, None),
                             'interval': ((int, float), 1)}, 'statistics: redis')
        try:
            import redis
        except ImportError:
            raise ActionError('statistics: redis needs the package redis (Debian: python3-redis)') from None
        password = read_secret(v['password_file'], 'statistics: redis') if v['password_file'] else None
        self.error = redis.RedisError
        self.server = redis.Redis(v['host'], v['port'], v['db'], password, socket_timeout=5, socket_connect_timeout=5)
        self.interval, self.log, self.types = max(0.05, v['interval']), log, {}
        self._written, self._delete, self._down = collections.Counter(), True, False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name='statistics', daemon=True)
        self._thread.start()

    def clear(self):
        super().clear()
        self._written, self._delete = collections.Counter(), True

    def _run(self):
        while not self._end.wait(self.interval):
            self._write()

    def _write(self):
        try:
            if self._delete:
                for key in self.server.scan_iter(match=self.prefix.replace('[', r'\[') + '*', count=1000):
                    self.server.delete(key)
                self._delete = False
            counts, written = self.counts, self._written
            pipeline = self.server.pipeline(transaction=True)
            new = dict(counts)
            for (rule, result, action), count in new.items():
                more = count - written[rule, result, action]
                if more:
                    pipeline.incrby(f'{self.prefix}{rule}|{result}|{action}|{self.types.get(action, "")}', more)
            pipeline.execute()
            written.update({key: count - written[key] for key, count in new.items()})
            self._down = False
        except (self.error, OSError) as e:
            if not self._down:
                self.log.warning('redis: Could not update statistics: %s; they add up until it answers', e)
            self._down = True

    def close(self):
        self._end.set()
        self._thread.join(10)
        if not self._thread.is_alive():
            self._write()
            self.server.close()
