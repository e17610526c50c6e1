# SPDX-License-Identifier: BSD-3-Clause
"""A client of Warden 3 that sends events: HTTPS, POST URL/sendEvents?client=NAME, the body is a JSON array.

Written here because warden_client is in no distribution and does not run with Python 3.12; it reads the same configuration files.
"""

import http.client
import json
import os
import re
import ssl
import urllib.parse

from report2idea.delivery import Unreachable

MAX_ANSWER = 1 << 20
CONNECTION_ERRORS = (OSError, http.client.HTTPException)


class WardenError(ValueError):
    """The configuration of the client is wrong."""


def read_config(path):
    """A configuration of warden_client: JSON, where lines that begin with "#" or "//" are comments."""
    try:
        with open(path, encoding='utf-8') as file:
            text = re.sub(r'^\s*(#|//).*$', '', file.read(), flags=re.M)
            exposed = os.fstat(file.fileno()).st_mode & 0o077
        values = json.loads(text)
    except (OSError, ValueError) as e:
        raise WardenError(f'{path}: {e}') from None
    if not isinstance(values, dict):
        raise WardenError(f'{path}: expected an object')
    if values.get('secret') and exposed:
        raise WardenError(f'{path}: has a secret, and others can read it: expected mode 0600')
    return values


class Client:
    """Sends events. One connection, which is opened when it is needed."""

    def __init__(self, path):
        values = read_config(path)
        self.url = urllib.parse.urlsplit(str(values.get('url', '')))
        if self.url.scheme != 'https' or not self.url.hostname:
            raise WardenError(f'{path}: url: {values.get("url")!r}: expected https://HOST[:PORT]/PATH')
        self.name = values.get('name')
        query = {key: values[source] for key, source in (('client', 'name'), ('secret', 'secret')) if values.get(source)}
        self.target = self.url.path.rstrip('/') + '/sendEvents' + ('?' + urllib.parse.urlencode(query) if query else '')
        self.timeout = values.get('timeout', 60)
        if not isinstance(self.timeout, (int, float)) or not 0 < self.timeout <= 3600:
            raise WardenError(f'{path}: timeout: {self.timeout!r}: expected seconds, up to 3600')
        try:
            self.context = ssl.create_default_context(cafile=values.get('cafile'))
            if values.get('certfile'):
                self.context.load_cert_chain(values['certfile'], values.get('keyfile'))
        except (OSError, ssl.SSLError, TypeError) as e:
            raise WardenError(f'{path}: cafile, certfile or keyfile: {e}') from None
        self._connection = None

    def _post(self, body):
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self.url.hostname, self.url.port or 443, timeout=self.timeout,
                                                           context=self.context)
        self._connection.request('POST', self.target, body, {'Content-Type': 'application/json', 'Accept': 'application/json'})
        answer = self._connection.getresponse()
        data = answer.read(MAX_ANSWER)
        return answer.status, data

    def send(self, events):
        """Returns (index, reason) of the events that the server refuses; Unreachable when it cannot take any."""
        try:
            status, data = self._post(json.dumps(events).encode('ascii'))
        except CONNECTION_ERRORS as e:
            self.close()
            raise Unreachable(f'{self.url.hostname}: {e or type(e).__name__}') from None
        if status == 200:
            return []
        try:
            errors = json.loads(data)['errors']
            return self._refused(errors, len(events))
        except (ValueError, KeyError, TypeError):
            self.close()
            raise Unreachable(f'{self.url.hostname} answers {status}: {data[:200]!r}') from None

    def _refused(self, errors, count):
        refused = {}
        for error in errors:
            reason = f'{error.get("error")}: {str(error.get("message"))[:200]}'
            places = [place for place in error.get('events', ()) if isinstance(place, int) and 0 <= place < count]
            if not places:  # of the whole request: no event is at fault
                self.close()
                raise Unreachable(f'{self.url.hostname}: {reason}')
            refused.update((place, reason) for place in places)
        return sorted(refused.items())

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
