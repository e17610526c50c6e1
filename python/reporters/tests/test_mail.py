# SPDX-License-Identifier: BSD-3-Clause
"""E-mail through a real server (aiosmtpd) with STARTTLS: contents, hostile alerts, the limit and its summary, a server that is away."""

import email
import email.policy
import logging
import os
import ssl
import subprocess
import sys
import unittest

from report2idea.mail import Limit, addresses, header_text, recipients
from support import Case, alert, free_port, tell, wait_for

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult
except ImportError:
    Controller = None
try:
    import jinja2
except ImportError:
    jinja2 = None


logging.getLogger('mail.log').disabled = True
COUNT = int(os.environ.get('RECEIVERS_ALERTS', '100'))  # of a test in which the server is killed


class Mailbox:
    """What a server of mail got. refuse: a reply instead of taking mails."""

    def __init__(self):
        self.mails, self.envelopes, self.refuse, self.port = [], [], None, 0

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            return self.refuse
        self.envelopes.append(envelope)
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return '250 OK'

    def texts(self):
        return [mail.get_content() for mail in self.mails]

    def subjects(self):
        return [mail['Subject'] for mail in self.mails]


def certificate(path):
    """A certificate of localhost and its key."""
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-keyout',
                    path + '.key', '-out', path + '.pem', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
                   check=True, stderr=subprocess.DEVNULL, env={key: value for key, value in os.environ.items() if not key.startswith('LD_')})


@unittest.skipUnless(Controller and jinja2, 'needs python3-aiosmtpd and python3-jinja2')
class Mail(Case):
    def serve(self, mailbox, **options):
        """A server for the mailbox; the port stays the same when it is started again."""
        controller = Controller(mailbox, hostname='127.0.0.1', port=mailbox.port, ready_timeout=60, **options)
        if not mailbox.port:
            mailbox.port = controller.port = free_port()
        controller.start()
        self.addCleanup(lambda: controller.loop.is_running() and controller.stop())
        return controller

    def mail_config(self, mailbox, connection='', mail='', rules='- {id: 1, condition: true, actions: [e]}\n', **sections):
        return self.config('- id: e\n  email: {to: "csirt@example.com, b@example.com", from: nemea@example.com, smtp_connection: c, '
                           'subject: "{{ category }} {{ src_ip }} {{ idea.Note }}"' + mail + '}\n', rules,
                           smtp_connections=f'[{{id: c, server: localhost, port: {mailbox.port}{connection}}}]',
                           delivery=sections.pop('delivery', '{retry: 0.01, retry_max: 0.05}'), **sections)

    def sent(self, config, count, name='e'):
        wait_for(lambda: config.counters()[name]['sent'] >= count, f'{count} mails: {self.logged.getvalue()[-500:]}')

    def test_starttls_login_and_contents(self):
        certificate(self.path('cert'))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path('cert.pem'), self.path('cert.key'))
        logins = []

        def authenticate(server, session, envelope, mechanism, data):
            logins.append((data.login, data.password))
            return AuthResult(success=True)
        box = Mailbox()
        self.serve(box, tls_context=context, require_starttls=True, authenticator=authenticate, auth_required=True)
        secret = self.write('secret', 'word\n')
        os.chmod(secret, 0o600)
        connection = f', start_tls: true, ca: {self.path("cert.pem")}, user: me, pass_file: {secret}'
        config = self.mail_config(box, connection)
        config.match(alert(1, Note='čau'))
        self.sent(config, 1)
        mail = box.mails[0]
        self.assertEqual(logins, [(b'me', b'word')])
        self.assertEqual(mail['Subject'], 'Recon.Scanning 192.0.2.4 (...) čau')
        self.assertIn(b'=?utf-8?', box.envelopes[0].content)
        self.assertTrue(mail['Date'] and mail['Message-ID'])
        self.assertEqual((mail['From'], mail['To'], mail.get_content_type()), ('nemea@example.com', 'csirt@example.com, b@example.com', 'text/plain'))
        self.assertEqual(box.envelopes[0].rcpt_tos, ['csirt@example.com', 'b@example.com'])
        for line in ('Description: Horizontal scan', 'Victims: 198.51.100.0/25', 'EventTime: 2026-03-01T10:00:00Z', '"ID": "00000000'):
            self.assertIn(line, box.texts()[0])
        config.close()
        # A certificate that is not trusted: no password is sent, the alert stays in the spool.
        config = self.mail_config(box, ', start_tls: true, user: me, pass: x', delivery='{retry: 0.01, finish: 0}')
        config.match(alert(2))
        wait_for(lambda: 'certificate verify failed' in self.logged.getvalue(), 'the refusal')
        self.assertEqual((len(logins), config.counters()['e']['waiting']), (1, 1))

    def test_hostile_alerts(self):
        box = Mailbox()
        self.serve(box)
        config = self.mail_config(box)
        evil = 'x\r\nBcc: victim@example.com\r\n\r\nbody\0\n.\nMAIL FROM:<a@b>\u2028{{ 7*7 }}{% for i in range(10**9) %}{% endfor %}'
        config.match(alert(1, Note=evil, Category=['A' * 9000], Description='one\nDetectTime: never',
                           Node=[{'Name': evil, 'To': 'victim@example.com'}]))
        config.match(alert(2, Note='\ud800 lone', Source='no list', Target=[5]))
        self.sent(config, 2)
        for envelope, mail in zip(box.envelopes, box.mails):
            self.assertEqual(envelope.rcpt_tos, ['csirt@example.com', 'b@example.com'])
            self.assertIsNone(mail['Bcc'])
            self.assertEqual(len(mail.get_all('Subject')), 1)
            self.assertNotIn(b'\0', envelope.content)
            self.assertNotIn('49', mail['Subject'])
            self.assertLess(len(mail['Subject']), 600)
        self.assertIn('Description: one DetectTime: never', box.texts()[0])

    def test_templates(self):
        box = Mailbox()
        self.serve(box)
        path = self.write('template', "<{{ node }}> {{ byte_rate }} {{ flow_rate }} {{ idea.Category[0] }}")
        config = self.mail_config(box, mail=f', template: {path}')
        config.match(alert())
        self.sent(config, 1)
        self.assertEqual(box.texts()[0].strip(), '<org.example.nemea.test> 0.08 Mb/s 1.00 flow/s Recon.Scanning')
        self.write('template', "{{ ''.__class__.__mro__[1].__subclasses__() }}")  # outside the sandbox it would list classes
        os.utime(path, (1, 1))
        config.match(alert(2))
        self.sent(config, 2)
        self.assertIn('the template fails', self.logged.getvalue())
        self.assertIn('"ID": "00000000-0000-4000-8000-000000000002"', box.texts()[1])
        self.refused('nowhere.txt', '- {id: e, email: {to: a@b, subject: s, smtp_connection: c, template: /nowhere.txt}}\n',
                     '- {id: 1, condition: true, actions: [e]}\n', smtp_connections='[{id: c}]')
        self.refused('e-mail address', '- {id: e, email: {to: "<>", subject: s, smtp_connection: c}}\n',
                     '- {id: 1, condition: true, actions: [e]}\n', smtp_connections='[{id: c}]')

    def test_storm_gets_a_summary(self):
        box = Mailbox()
        self.serve(box)
        config = self.mail_config(box, mail=', limit: 5')
        for i in range(1, 3001):
            config.match(alert(i, Source=[{'IP4': [f'192.0.{i % 7}.1']}]))
        config.close()
        self.assertEqual(len(box.mails), 6)
        self.assertRegex(box.subjects()[5], '^2995 more alerts, ')
        self.assertIn('2995 Recon.Scanning', box.texts()[5])
        self.assertIn('192.0.1.1', box.texts()[5])

    def start_program(self, box):
        """aiosmtpd as a program of its own, with a Maildir."""
        process = subprocess.Popen([sys.executable, '-m', 'aiosmtpd', '-n', '-l', f'127.0.0.1:{box.port}', '-c', 'aiosmtpd.handlers.Mailbox',
                                    self.path('maildir')], stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        return process

    def test_server_is_killed_and_comes_back(self):
        box = Mailbox()
        box.port = free_port()
        server = self.start_program(box)
        config = self.mail_config(box, mail=', limit: 0')
        for i in range(1, COUNT + 1):
            config.match(alert(i, Note=str(i)))
            if i == COUNT // 3:
                self.sent(config, 1)
                server.kill()
                server.wait()
            if i == COUNT * 2 // 3:
                wait_for(lambda: config.counters()['e']['failures'], 'a failure')
                self.start_program(box)
        self.sent(config, COUNT)
        mails = []
        for name in os.listdir(self.path('maildir', 'new')):
            with open(self.path('maildir', 'new', name), 'rb') as file:
                mails.append(email.message_from_binary_file(file, policy=email.policy.default))
        self.assertEqual({int(mail['Subject'].split()[-1]) for mail in mails}, set(range(1, COUNT + 1)))
        # A mail that was accepted while its answer was lost comes again, and has the same Message-ID.
        self.assertEqual(len({mail['Message-ID'] for mail in mails}), COUNT)
        self.assertLessEqual(len(mails), COUNT + 1)
        tell(self, COUNT, len(mails) - COUNT)
        self.assertEqual({key: config.counters()['e'][key] for key in ('waiting', 'lost', 'rejected')}, {'waiting': 0, 'lost': 0, 'rejected': 0})
        self.assertRegex(self.logged.getvalue(), r'e: alert [0-9-]+: .*localhost')

    def test_refused_for_good(self):
        box = Mailbox()
        self.serve(box)
        config = self.mail_config(box)
        box.refuse = '554 no'
        config.match(alert(1))
        wait_for(lambda: config.counters()['e']['rejected'] == 1, 'the refusal')
        box.refuse = '451 later'
        config.match(alert(2))
        wait_for(lambda: config.counters()['e']['failures'] > 1, 'attempts')
        box.refuse = None
        self.sent(config, 1)
        self.assertIn('alert 00000000-0000-4000-8000-000000000001 is refused for good', self.logged.getvalue())
        self.assertIn('000000000001', self.read('spool/test.e.rejected'))


class Parts(unittest.TestCase):
    def test_limit(self):
        now = [0]
        limit = Limit(2, lambda: now[0])
        self.assertEqual([limit.take() for _ in range(4)], [True, True, False, False])
        now[0] = 3600
        self.assertTrue(limit.take())
        self.assertTrue(all(Limit(0).take() for _ in range(1000)))

    def test_texts(self):
        self.assertEqual(header_text('a\r\n\tb\0\u2028c\ud800'), 'a b c?')
        self.assertEqual(recipients(['A <a@b>, c']), ['a@b', 'c'])
        for text in ('', '<>', 'a@b@c', 'a@b\nc@d'):
            self.assertRaises(ValueError, recipients, [text])
        for message in ({}, {'Source': 5, 'Node': 'x', 'Category': 7}, {'Source': [{'IP4': 5}], 'EventTime': 5, 'ByteCount': 'x'}):
            addresses.variables(message)


if __name__ == '__main__':
    unittest.main()
