# SPDX-License-Identifier: BSD-3-Clause
"""email_reporter.py and nemea_warden_filer."""

import email
import email.policy
import json
import os
import re
import unittest

import pytrap
from report2idea import email_reporter, warden
from report2idea.delivery import Entry
import test_mail
from support import Case
from test_mail import Controller, Mailbox

FIELDS = 'ipaddr SRC_IP,time TIME_FIRST,uint32 COUNT,string NOTE,string NOTE_LONG'
SETTINGS = '''unirec=ipaddr SRC_IP # a comment
server = 127.0.0.1
port=%d

From: nemea@example.com
To: a@example.com
Bcc: secret@example.com
Subject: $SRC_IP $NOTE $NOTE_LONG $UNKNOWN

Seen at $TIME_FIRST ($COUNT), mailed at $_DATETIME_.

$NOTE
'''
RECORD = {'SRC_IP': '192.0.2.1', 'TIME_FIRST': '2026-03-01T10:00:00.5', 'COUNT': 7, 'NOTE': 'short', 'NOTE_LONG': 'long'}


class EmailReporter(Case):
    def input(self, count=1, **changes):
        self.flows(count, fields=FIELDS, values=[{**RECORD, **changes}] * count)
        return f'f:{self.path("in")}'

    def test_dry_run(self):
        spec = self.input(NOTE='x\r\nBcc: victim@example.com\r\n\r\nbody')
        out, err = self.report('-i', spec, '-d', self.write('mail', SETTINGS % 25), program='email_reporter.py')
        mail = email.message_from_string(out, policy=email.policy.default)
        self.assertEqual(mail['Subject'], '192.0.2.1 x Bcc: victim@example.com body long $UNKNOWN')
        self.assertIsNone(mail['Bcc'])
        self.assertTrue(mail['Date'])
        self.assertRegex(mail.get_content(), r'Seen at 2026-03-01 10:00:00.500000 \(7\), mailed at .* [+-]0000\.')
        self.assertEqual(err, '')

    def test_command_line_and_settings(self):
        spec = self.input()
        for arguments in ((), ('-i', spec), ('-i', spec, 'a', 'b'), (self.write('mail', SETTINGS % 25),)):
            self.assertIn('usage', self.report(*arguments, status=1, program='email_reporter.py')[0])
        _, err = self.report('-i', spec, self.path('mail'), status=1, program='email_reporter.py')  # nobody listens on port 25
        self.assertIn('127.0.0.1:25', err)
        for text, expected in (('', 'blank lines'), ('x=1\n\nFrom: a@b\n\n', 'KEY=VALUE'), ('port=x\n\nFrom: a@b\n\n', 'port'),
                               ('server=a\n\nFrom: a@b\nTo: a@b\n\nx', 'unirec is missing'), ('unirec=\nserver=a\nunirec\n\nFrom: a\n\n', 'line 3'),
                               ('unirec=uint8 A\nserver=a\n\nTo: a@b\n\nx', 'From is missing'), ('unirec=uint8 A\nserver=a\n\nFrom: a@b\n\nx', 'at least'),
                               ('unirec=uint8 A\nserver=a\n\nnonsense\n\nx', 'a header'), ('unirec=uint8 A\nserver=a\nlogin=x\n\nFrom: a\n\n', 'USER:PASSWORD')):
            with self.assertRaises(email_reporter.SettingsError) as raised:
                email_reporter.Settings(self.write('mail', text))
            self.assertIn(expected, str(raised.exception))

    def test_recipients_are_constant(self):
        settings = email_reporter.Settings(self.write('mail', SETTINGS % 25))
        message = email_reporter.make_message(settings, {'NOTE': 'To: x@y', 'SRC_IP': '$NOTE', 'NOTE_LONG': '$NOTE', 'To': 'x@y'})
        self.assertEqual((settings.to, message['To']), (['a@example.com', 'secret@example.com'], 'a@example.com'))
        self.assertEqual(message['Subject'], '$NOTE To: x@y $NOTE $UNKNOWN')  # values are not looked into
        self.assertRaises(email_reporter.SettingsError, email_reporter.Settings, self.write('mail', 'unirec=x\nserver=x\n\nFrom: a@b\nTo: <>\n\n'))


@unittest.skipUnless(Controller, 'needs python3-aiosmtpd')
class Sending(test_mail.Mail):
    def test_limit(self):
        box = Mailbox()
        self.serve(box)
        self.flows(30, fields=FIELDS, values=[RECORD] * 30)
        path = self.write('mail', SETTINGS % box.port)
        _, err = self.report('-i', f'f:{self.path("in")}', '--limit', '5', path, program='email_reporter.py')
        self.assertEqual(len(box.mails), 6)
        self.assertEqual(box.mails[5]['Subject'], '25 more records: the limit of mails an hour was reached')
        self.assertEqual(box.envelopes[0].rcpt_tos, ['a@example.com', 'secret@example.com'])
        self.assertNotIn(b'secret@', box.envelopes[0].content)
        self.assertIn('5 mails in this hour', err)


for inherited in [name for name in dir(test_mail.Mail) if name.startswith('test_')]:
    setattr(Sending, inherited, None)  # they run in test_mail.py


class Filer(Case):
    def setUp(self):
        super().setUp()
        self.write('warden.cfg', '{\n  "url": "https://x",\n  "name": "old",\n  "sender": {"name": "kept"},\n  "Name": "o\\"ld"\n}\n')
        self.write('reporters.yml', 'x:\n  namespace: no\nnamespace: org.example # text\n')
        filer = self.write('warden_filer.py', '#!/bin/sh\necho "$@"\n')
        os.chmod(filer, 0o755)
        os.chmod(self.path('warden.cfg'), 0o640)
        path = os.environ['PATH']
        os.environ['PATH'] = self.dir + os.pathsep + path
        self.addCleanup(os.environ.update, PATH=path)

    def filer(self, *arguments, status=0):
        return self.report(*arguments, status=status, program='nemea_warden_filer')

    def test_names_and_start(self):
        before = self.read('warden.cfg')
        out, _ = self.filer('-w', self.path('warden.cfg'), '-c', self.path('reporters.yml'), '-d')
        self.assertIn('"name": "org.example.filer"', out)
        self.assertEqual(self.read('warden.cfg'), before)
        out, _ = self.filer('-w', self.path('warden.cfg'), '-c', self.path('reporters.yml'), '-n', 'node')
        self.assertEqual(out, f'-c {self.path("warden.cfg")} sender\n')
        values = json.loads(self.read('warden.cfg'))
        self.assertEqual((values['name'], values['Name'], values['sender']['name']), ('org.example.node', 'org.example.node', 'kept'))
        self.assertEqual(os.stat(self.path('warden.cfg')).st_mode & 0o777, 0o640)

    def test_examples_of_configurations(self):
        """Both are read as Warden's programs read them; the filer takes what the action "file" of the README writes."""
        folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        client = warden.read_config(os.path.join(folder, 'warden.cfg.example'))
        with open(os.path.join(folder, 'warden_filer.cfg.example'), encoding='utf-8') as file:
            path = self.write('filer.cfg', file.read())
        self.filer('-w', path, '-c', self.path('reporters.yml'))
        values = warden.read_config(path)
        self.assertEqual((values['warden']['name'], values['sender']['node']['Name']), ('org.example.filer', 'org.example.filer'))
        self.assertEqual(set(client), set(values['warden']) - {'filelog'})
        with open(os.path.join(folder, 'README.md'), encoding='utf-8') as file:
            action = re.search(r'file: \{path: (\S+)/incoming, temp_path: (\S+)/temp\}', file.read())
        self.assertEqual(set(action.groups()), {values['sender']['dir']})

    def test_errors(self):
        w, c = self.path('warden.cfg'), self.path('reporters.yml')
        for arguments in ((), ('-h',), ('-w', w), ('-w', w, '-c', '/nowhere'), ('-w', '/nowhere', '-c', c), ('-w', w, '-c', c, '-n', 'x"y'),
                          ('-w', w, '-c', self.write('empty', 'x: y\n'))):
            out, err = self.filer(*arguments, status=1)
            self.assertTrue(out + err)
            self.assertNotIn('Traceback', err)


if __name__ == '__main__':
    unittest.main()
