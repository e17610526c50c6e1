# SPDX-License-Identifier: BSD-3-Clause
"""The program email_reporter.py: a mail for each record of any kind, after a template with $FIELD.

The file has three parts, separated by the first two blank lines: settings (KEY=VALUE), headers, and text of the mail.
"""

import argparse
import email.utils
import logging
import os
import re
import signal
import sys
import time
from email.message import EmailMessage
from email.policy import SMTP as POLICY

import pytrap

from report2idea.delivery import Delivery, Limits
from report2idea.actions import Action
from report2idea.mail import Limit, Server, header_text, recipients
from report2idea.run import set_up_logging
from report2idea.spool import default_directory

TIMEOUT = 500000  # microseconds
SUMMARY_AFTER = 600  # seconds


class SettingsError(ValueError):
    """The file is wrong; names the line and what was expected."""


def _port(text):
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ValueError('expected a port from 1 to 65535')
    return int(text)


def _login(text):
    user, colon, password = text.partition(':')
    if not user or not colon:
        raise ValueError('expected USER:PASSWORD')
    return user, password


KEYS = {'unirec': str, 'server': str, 'port': _port, 'starttls': lambda text: text.lower() in ('1', 'true'), 'login': _login}


class Settings:
    """What the file says."""

    def __init__(self, path):
        try:
            with open(path, encoding='utf-8') as file:
                text = file.read().replace('\r\n', '\n')
        except (OSError, UnicodeDecodeError) as e:
            raise SettingsError(f'{path}: {e}') from None
        parts = re.split(r'\n[ \t]*\n', text, maxsplit=2)
        if len(parts) < 2:
            raise SettingsError(f'{path}: expected settings, headers and text of the mail, separated by blank lines')
        self.values = {'port': 25, 'starttls': False, 'login': None}
        self._read(path, parts[0])
        self.headers = self._headers(path, parts[1])
        self.body = parts[2] if len(parts) > 2 else ''

    def _read(self, path, text):
        for number, line in enumerate(text.splitlines(), 1):
            line = line.split('#', 1)[0].strip()
            if not line:
                continue
            key, sign, value = (word.strip() for word in line.partition('='))
            if not sign or key not in KEYS:
                raise SettingsError(f'{path}: line {number}: {line!r}: expected KEY=VALUE, with one of the keys {", ".join(KEYS)}')
            try:
                self.values[key] = KEYS[key](value)
            except ValueError as e:
                raise SettingsError(f'{path}: line {number}: {key}: {e}') from None
        for key in ('unirec', 'server'):
            if not self.values.get(key):
                raise SettingsError(f'{path}: {key} is missing')

    def _headers(self, path, text):
        headers = []
        for line in re.sub(r'\n[ \t]+', ' ', text).splitlines():
            name, colon, value = line.partition(':')
            if not colon or not re.fullmatch(r'[A-Za-z0-9-]+', name.strip()):
                raise SettingsError(f'{path}: {line!r}: expected a header, NAME: VALUE')
            headers.append((name.strip(), value.strip()))
        named = {name.lower(): value for name, value in headers}
        try:
            self.sender = recipients([named['from']])[0]
            # Never taken from a record: a detector does not say who gets the mail.
            self.to = recipients([value for name, value in headers if name.lower() in ('to', 'cc', 'bcc')])
        except KeyError:
            raise SettingsError(f'{path}: the header From is missing') from None
        except ValueError as e:
            raise SettingsError(f'{path}: From, To, Cc, Bcc: {e}') from None
        return [(name, value) for name, value in headers if name.lower() not in ('bcc', 'date')]


def shown(value):
    """A value as text; a time as YYYY-MM-DD HH:MM:SS[.ffffff]."""
    return str(value.toDatetime()) if isinstance(value, pytrap.UnirecTime) else str(value)


def substitute(text, values):
    """Replaces $FIELD, longest names first; what is no field stays."""
    names = sorted(values, key=len, reverse=True)
    pattern = re.compile('|'.join(re.escape('$' + name) for name in names))
    return pattern.sub(lambda found: values[found.group(0)[1:]], text)


def make_message(settings, values, uid='0'):
    """The mail for a record, whose values are texts."""
    values = {**values, '_DATETIME_': email.utils.formatdate()}
    safe = {name: header_text(value) for name, value in values.items()}
    message = EmailMessage(policy=POLICY)
    for name, value in settings.headers:
        fixed = name.lower() in ('from', 'to', 'cc', 'reply-to', 'sender')
        value = header_text(value if fixed else substitute(value, safe))[:5000]
        if name.lower() == 'content-type':
            continue  # the text is plain text in UTF-8, whatever a record has
        del message[name]
        message[name] = value
    message['Date'] = email.utils.localtime()
    if 'Message-ID' not in message:
        message['Message-ID'] = email.utils.make_msgid(uid)
    message.set_content(substitute(settings.body, {name: value.replace('\0', '').replace('\r', ' ').replace('\n', ' ')
                                                   for name, value in values.items()}).encode('utf-8', 'replace').decode())
    return message


class Mails(Action):
    """Mails of records; entries are objects of fields and texts."""
    type = 'email'

    def __init__(self, settings, limit):
        self.settings, self.limit, self.summary, self.summary_at = settings, Limit(limit), None, 0.0
        v = settings.values
        self.server = Server(v['server'], v['port'], v['login'], v['starttls'])

    def admit(self, alert):
        if self.limit.take():
            return True
        if self.summary is None:
            self.summary, self.summary_at = 0, time.monotonic() + SUMMARY_AFTER
            logging.warning('%d mails in this hour: further records come as a summary', self.limit.limit)
        self.summary += 1
        return False

    def due(self, ending=False):
        if not self.summary or not ending and time.monotonic() < self.summary_at:
            return None
        count, self.summary = self.summary, None
        return f'{{"_summary_": "{count}"}}'

    def message(self, entry):
        count = entry.alert.get('_summary_')
        if count is None:
            return make_message(self.settings, entry.alert, entry.uid)
        message = make_message(self.settings, {}, entry.uid)
        del message['Subject']
        message['Subject'] = f'{count} more records: the limit of mails an hour was reached'
        message.set_content(f'{count} records got no mail of their own, because --limit was reached.\n')
        return message

    def send(self, entries):
        reason = self.server.send(self.message(entries[0]), self.settings.sender, self.settings.to)
        return [(0, reason)] if reason else []

    def close(self):
        self.server.close()


def make_parser():
    """The command line."""
    parser = argparse.ArgumentParser(prog='email_reporter.py', description='Sends a mail for each record that comes in, after a template.')
    parser.add_argument('-i', metavar='IFC_SPEC', help='the input, of any UniRec format')
    parser.add_argument('-d', '--dry-run', action='store_true', help='print mails instead of sending them')
    parser.add_argument('--skip-smtp-test', action='store_true', help='do not connect to the mail server at the start')
    parser.add_argument('--limit', metavar='N', type=int, default=20, help='mails an hour, further records come as a summary; 0: no limit; default: 20')
    parser.add_argument('-v', '--verbose', action='store_true', help='say more')
    parser.add_argument('config', metavar='CONFIG_FILE', nargs='*', help='settings, headers and text of the mail')
    return parser


def records(trap, fields, state):
    """The records of the input as dictionaries of texts."""
    template = pytrap.UnirecTemplate(fields)
    while not state['stop']:
        try:
            data = trap.recv(0)
        except pytrap.TimeoutError:
            yield None
            continue
        except pytrap.FormatChanged as change:
            template = pytrap.UnirecTemplate(trap.getDataFmt(0)[1])
            data = change.data
        if len(data) <= 1:
            return
        try:
            template.setData(data)
            yield {name: shown(value) for name, value in template.getDict().items()}
        except (pytrap.TrapError, ValueError, OverflowError) as e:
            state['bad'] += 1
            logging.error('a record is left out: %s', e)


def report(trap, settings, args, state):
    """Until the input ends."""
    import json
    delivery = None
    if not args.dry_run:
        limits = Limits(None, default_directory())
        delivery = Delivery('email_reporter.' + os.path.basename(args.config[0]), Mails(settings, args.limit), limits, logging.getLogger())
    for values in records(trap, settings.values['unirec'], state):
        if values is not None and delivery is None:
            print(make_message(settings, values).as_string(), flush=True)
        elif values is not None:
            delivery.submit(json.dumps(values), values)
        text = delivery.action.due() if delivery else None
        if text:
            delivery.put_extra(text)
    if delivery:
        text = delivery.action.due(ending=True)
        if text:
            delivery.put_extra(text)
        delivery.begin_stop()
        delivery.stop(delivery.limits.finish)


def main():
    parser = make_parser()
    args = parser.parse_args()
    if args.i is None or len(args.config) != 1 or args.limit < 0:
        parser.print_usage()
        return 1
    set_up_logging(2 if args.verbose else 3)
    state = {'stop': False, 'bad': 0}
    try:
        settings = Settings(args.config[0])
        if not args.dry_run and not args.skip_smtp_test:
            server = Mails(settings, 0).server
            server.connect()
            server.close()
        trap = pytrap.TrapCtx()
        trap.init(['-i', args.i], 1, 0)
        trap.setRequiredFmt(0, pytrap.FMT_UNIREC, settings.values['unirec'])
        trap.ifcctl(0, True, pytrap.CTL_TIMEOUT, TIMEOUT)
    except Exception as e:  # pylint: disable=broad-except  # whatever it is, it ends here with its reason
        print(f'email_reporter.py: {e}', file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: state.update(stop=True))
    try:
        report(trap, settings, args, state)
    except pytrap.FormatMismatch:
        logging.error('the input does not have the fields %s', settings.values['unirec'])
    trap.terminate()
    trap.finalize()
    return 0
