# SPDX-License-Identifier: BSD-3-Clause
"""The action that writes e-mails, and what email_reporter.py shares with it: connections to a mail server, safe headers, the limit."""

import collections
import email.utils
import json
import os
import re
import smtplib
import socket
import ssl
import time
from email.message import EmailMessage
from email.policy import SMTP as POLICY

from report2idea.actions import TIMEOUT, Action, ActionError, read_secret, wanted
from report2idea.delivery import Unreachable
from report2idea.values import parse_time

TEMPLATES = ('/etc/nemea/email-templates/default.html', os.path.join(os.path.dirname(__file__), 'default.txt'))
MAX_SUBJECT = 500
MAX_SOURCES = 1000  # addresses that a summary counts
SUMMARY = '_summary_of_reporter'


def header_text(text):
    """Text for a header: no line ends, no control characters."""
    return re.sub(r'[\x00-\x1f\x7f\x85\u2028\u2029]+', ' ', str(text)).encode('utf-8', 'replace').decode().strip()


def clean(value, depth=0):
    """A copy of an alert whose texts have no line ends and no NUL, so that they cannot look like other lines of the mail."""
    if isinstance(value, dict) and depth < 50:
        return {clean(key, depth + 1): clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list) and depth < 50:
        return [clean(item, depth + 1) for item in value]
    return header_text(value) if isinstance(value, str) else value


def recipients(texts):
    """The addresses in headers such as To; ValueError when there is none, or one is none."""
    found = [address for _, address in email.utils.getaddresses(texts)]
    for address in found:
        if not re.fullmatch(r'[^\s@<>,;:\x00-\x1f]+(@[^\s@<>,;:\x00-\x1f]+)?', address):
            raise ValueError(f'{address!r}: expected an e-mail address')
    if not found:
        raise ValueError(f'{", ".join(texts)!r}: expected at least one e-mail address')
    return found


class Server:
    """A mail server; the connection is opened when it is needed and used for many mails."""

    def __init__(self, host, port, login=None, start_tls=False, force_ssl=False, context=None):
        self.host, self.port, self.login, self.start_tls, self.force_ssl = host, port, login, start_tls, force_ssl
        self.context = context or ssl.create_default_context()
        self._smtp = None

    def connect(self):
        try:
            if self.force_ssl:
                smtp = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=self.context)
            else:
                smtp = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
            try:
                if self.start_tls:
                    smtp.starttls(context=self.context)
                if self.login:
                    smtp.login(*self.login)
            except BaseException:
                smtp.close()
                raise
        except (OSError, smtplib.SMTPException, ValueError) as e:
            raise Unreachable(f'mail server {self.host}:{self.port}: {e or type(e).__name__}') from None
        self._smtp = smtp

    def send(self, message, sender, to):
        """Sends a message. Returns None, or why the server refuses it for good; Unreachable when it cannot take any now."""
        used = self._smtp is not None
        if not used:
            self.connect()
        try:
            self._smtp.send_message(message, sender, to)
            return None
        except smtplib.SMTPRecipientsRefused as e:
            self._reset()
            if all(code >= 500 for code, _ in e.recipients.values()):
                return f'no recipient is accepted: {str(e.recipients)[:200]}'
            raise Unreachable(f'{self.host}: {str(e.recipients)[:200]}') from None
        except smtplib.SMTPServerDisconnected as e:
            self.close()
            raise Unreachable(f'{self.host}: {e}') from None
        except smtplib.SMTPResponseException as e:
            self._reset()
            if e.smtp_code >= 500:
                return f'{e.smtp_code} {str(e.smtp_error)[:200]}'
            raise Unreachable(f'{self.host}: {e.smtp_code} {str(e.smtp_error)[:200]}') from None
        except (OSError, smtplib.SMTPException) as e:
            self.close()
            raise Unreachable(f'{self.host}: {e or type(e).__name__}') from None

    def _reset(self):
        try:
            self._smtp.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    def close(self):
        if self._smtp is not None:
            smtp, self._smtp = self._smtp, None
            try:
                smtp.quit()
            except (OSError, smtplib.SMTPException):
                smtp.close()


def read_connection(parameters):
    """An item of smtp_connections, as what Server() takes; and its printed form."""
    where = f'smtp_connections: {parameters.get("id") if isinstance(parameters, dict) else parameters!r}'
    v = wanted(parameters, {'id': ((str, int), ...), 'server': (str, 'localhost'), 'port': (int, 25), 'user': (str, None), 'pass': (str, None),
                            'pass_file': (str, None), 'key': (str, None), 'chain': (str, None), 'ca': (str, None), 'verify': (bool, True),
                            'force_ssl': (bool, False), 'start_tls': (bool, False)}, where)
    if v['pass_file']:
        v['pass'] = read_secret(v['pass_file'], where)
    try:
        context = ssl.create_default_context(cafile=v['ca'] or None)
        if not v['verify']:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if v['chain'] or v['key']:
            context.load_cert_chain(v['chain'] or v['key'], v['key'] or None)
    except (OSError, ssl.SSLError) as e:
        raise ActionError(f'{where}: ca, chain or key: {e}') from None
    text = ', '.join(f'{key}: {"*PASSWORD*" if key == "pass" else v[key]}' for key in ('server', 'port', 'user', 'pass', 'key', 'chain',
                                                                                   'force_ssl', 'start_tls') if v[key] not in (None, ''))
    settings = {'host': v['server'], 'port': v['port'], 'login': (v['user'], v['pass']) if v['user'] and v['pass'] else None,
                'start_tls': v['start_tls'], 'force_ssl': v['force_ssl'], 'context': context}
    return v['id'], settings, text


class Limit:
    """At most so many mails an hour; 0: any number."""

    def __init__(self, limit, clock=time.monotonic):
        self.limit, self.clock = limit, clock
        self._began, self._count = clock(), 0

    def continue_from(self, old):
        self._began, self._count = old._began, old._count

    def take(self):
        now = self.clock()
        if now - self._began >= 3600:
            self._began, self._count = now, 0
        self._count += 1
        return not self.limit or self._count <= self.limit


class Summary:
    """Counts the alerts that get no mail of their own. Its size is bounded."""

    def __init__(self):
        self.count, self.first, self.last = 0, None, None
        self.categories, self.sources = collections.Counter(), collections.Counter()
        self.other_sources = 0
        self.ids = []

    def add(self, alert):
        self.count += 1
        self.last = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
        self.first = self.first or self.last
        category = header_text(addresses.category(alert))[:100]
        self.categories[category if category in self.categories or len(self.categories) < 100 else 'other'] += 1
        source = header_text(addresses.first(alert, 'Source'))[:100]
        if source in self.sources or len(self.sources) < MAX_SOURCES:
            self.sources[source] += 1
        else:
            self.other_sources += 1
        if len(self.ids) < 20:
            self.ids.append(header_text(alert.get('ID', ''))[:64])

    def text(self):
        return json.dumps({SUMMARY: {'count': self.count, 'first': self.first, 'last': self.last, 'ids': self.ids,
                                     'categories': self.categories.most_common(20), 'sources': self.sources.most_common(20),
                                     'other_sources': self.other_sources}})

    @staticmethod
    def subject(summary):
        return f'{summary["count"]} more alerts, {summary["first"]} to {summary["last"]}'

    @staticmethod
    def body(summary):
        lines = [f'{summary["count"]} alerts from {summary["first"]} to {summary["last"]} got no mail of their own, because the limit of',
                 'mails an hour was reached.', '', 'Categories:']
        lines += [f'{count:10} {name}' for name, count in summary['categories']] + ['', 'Sources:']
        lines += [f'{count:10} {name}' for name, count in summary['sources']]
        if summary['other_sources']:
            lines.append(f'{summary["other_sources"]:10} others')
        return '\n'.join(lines + ['', 'IDs of the first ones:'] + ['   ' + name for name in summary['ids']]) + '\n'


class addresses:  # pylint: disable=invalid-name
    """What templates know of an alert beside the alert."""

    @staticmethod
    def objects(alert, key):
        found = alert.get(key) or []
        return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]

    @staticmethod
    def category(alert):
        found = alert.get('Category')
        return ','.join(str(item) for item in (found if isinstance(found, list) else [found])) if found else 'N/A'

    @staticmethod
    def node(alert):
        nodes = addresses.objects(alert, 'Node')
        return nodes[-1].get('Name', 'N/A') if nodes else 'N/A'

    @staticmethod
    def first(alert, key):
        found = [ip for item in addresses.objects(alert, key) for family in ('IP4', 'IP6')
                 for ip in (item.get(family) if isinstance(item.get(family), list) else [])]
        return f'{found[0]} (...)' if len(found) > 1 else str(found[0]) if found else 'N/A'

    @staticmethod
    def rates(alert):
        try:
            begin = parse_time(alert.get('EventTime', alert.get('WinStartTime')))
            seconds = (parse_time(alert.get('CeaseTime', alert.get('WinEndTime'))) - begin).total_seconds()
            if seconds <= 0:
                return '', ''
            byte_rate = '%.2f Mb/s' % (alert['ByteCount'] * 8 / (seconds * 2**20)) if 'ByteCount' in alert else ''
            flow_rate = '%.2f flow/s' % (alert['FlowCount'] / seconds) if 'FlowCount' in alert else ''
        except (ValueError, TypeError, OverflowError):
            return '', ''
        return byte_rate, flow_rate

    @staticmethod
    def variables(alert):
        byte_rate, flow_rate = addresses.rates(alert)
        return {'idea': alert, 'category': addresses.category(alert), 'node': addresses.node(alert), 'src_ip': addresses.first(alert, 'Source'),
                'tgt_ip': addresses.first(alert, 'Target'), 'byte_rate': byte_rate, 'flow_rate': flow_rate}


class Email(Action):
    """One mail per alert, up to a limit; a summary of the others."""
    type = 'email'
    batch = 1

    def __init__(self, parameters, where, connections, log):
        v = wanted(parameters, {'to': (str, ...), 'subject': (str, ...), 'from': (str, 'nemea@localhost'), 'template': (str, None),
                                'smtp_connection': ((str, int), ...), 'limit': (int, 300), 'summary': (int, 600)}, where)
        if v['smtp_connection'] not in connections:
            raise ActionError(f'{where}: smtp_connection: {v["smtp_connection"]!r} is not in smtp_connections')
        if v['limit'] < 0 or v['summary'] < 1:
            raise ActionError(f'{where}: expected a limit of mails an hour (0: none) and a summary after seconds (from 1)')
        self.values, self.log = v, log
        self.settings = connections[v['smtp_connection']]
        try:
            self.to, self.sender = recipients([v['to']]), recipients([v['from']])[0]
        except ValueError as e:
            raise ActionError(f'{where}: {e}') from None
        self._load_templates(where)
        self.server = Server(**self.settings)
        self.limit, self.summary, self.summary_at = Limit(v['limit']), None, 0.0
        self.domain = re.sub(r'[^A-Za-z0-9.-]', '', socket.gethostname()) or 'localhost'

    def _load_templates(self, where):
        try:
            import jinja2
            import jinja2.sandbox
        except ImportError:
            raise ActionError(f'{where}: e-mails need the package jinja2 (Debian: python3-jinja2)') from None
        path = self.values['template'] or next((p for p in TEMPLATES if os.path.exists(p)), TEMPLATES[0])
        # Texts of alerts are data of the template, never a part of it.
        self.environment = jinja2.sandbox.ImmutableSandboxedEnvironment(loader=jinja2.FileSystemLoader(os.path.dirname(path) or '.'),
                                                                        autoescape=False)
        self.environment.filters['tojson'] = self.environment.filters['json'] = json.dumps
        self.template = os.path.basename(path)
        try:
            self.subject = self.environment.from_string(self.values['subject'])
            self.environment.get_template(self.template)
        except (jinja2.TemplateError, OSError, UnicodeDecodeError) as e:
            raise ActionError(f'{where}: template {path} or subject: {e or type(e).__name__}') from None

    def admit(self, alert):
        if self.limit.take():
            return True
        if self.summary is None:
            self.summary, self.summary_at = Summary(), time.monotonic() + self.values['summary']
            self.log.warning('%s mails in this hour: further alerts come as a summary', self.values['limit'])
        self.summary.add(alert)
        return False

    def due(self, ending=False):
        if self.summary is None or not ending and time.monotonic() < self.summary_at:
            return None
        text, self.summary = self.summary.text(), None
        return text

    def take_over(self, old):
        if isinstance(old, Email):  # a reload is no way around the limit
            self.limit.continue_from(old.limit)
            self.summary, self.summary_at = old.summary, old.summary_at

    def render(self, alert):
        """Subject and text of the mail for an alert."""
        variables = addresses.variables(clean(alert))
        try:
            subject = self.subject.render(variables)
            body = self.environment.get_template(self.template).render(variables)  # it is read again when it has changed
        except Exception as e:  # pylint: disable=broad-except
            # A template may fail in any way; the alert is worth more than its layout.
            self.log.error('alert %s: the template fails, the mail has only the alert: %s: %s', header_text(alert.get('ID')),
                           type(e).__name__, e)
            subject, body = f'Alert {variables["category"]} {variables["src_ip"]}', json.dumps(variables['idea'], indent=1)
        return subject, body

    def message(self, entry):
        summary = entry.alert.get(SUMMARY)
        subject, body = (Summary.subject(summary), Summary.body(summary)) if summary else self.render(entry.alert)
        message = EmailMessage(policy=POLICY)
        message['Subject'] = header_text(subject)[:MAX_SUBJECT]
        message['From'] = header_text(self.values['from'])
        message['To'] = header_text(self.values['to'])
        message['Date'] = email.utils.localtime()
        message['Message-ID'] = f'<{entry.uid}.nemea@{self.domain}>'
        message['Auto-Submitted'] = 'auto-generated'
        message.set_content(body.replace('\0', '').replace('\r\n', '\n').replace('\r', '\n').encode('utf-8', 'replace').decode())
        return message

    def send(self, entries):
        reason = self.server.send(self.message(entries[0]), self.sender, self.to)
        return [(0, reason)] if reason else []

    def close(self):
        self.server.close()

    def describe(self):
        v = self.values
        limit = f'{v["limit"]} mails an hour' if v['limit'] else 'no limit'
        return f'Email, to: {v["to"]}, subject: {v["subject"]}, smtp_connection: {v["smtp_connection"]}, {limit}'
