# SPDX-License-Identifier: BSD-3-Clause
"""Configurations: loading, errors, actions that need no server, groups, reloading, the printed form."""

import json
import os
import re
import stat
import syslog
import unittest

from report2idea.actions import File, Syslog, escape_keys, file_id, mongo_document
from report2idea.delivery import Entry
from support import Case, alert, wait_for

FILE = '- {id: f, file: {path: %s}}\n'
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'config.yaml.example')


class Loading(Case):
    def test_errors_name_place_value_and_expectation(self):
        rule = '- {id: 1, condition: true, actions: []}\n'
        self.refused('expected at least one rule')
        self.refused("'nowhere': expected an id of custom_actions", rules='- {id: 1, condition: true, actions: [nowhere]}\n')
        self.refused('Undefined action', '- {id: a, fly: {}}\n', rule)
        self.refused('id is missing', '- {file: {path: x}}\n', rule)
        self.refused('line 4: 1: condition is missing, and conditions is not known', rules='- {id: 1, conditions: Source.IP4, actions: []}\n')
        self.refused('path is missing', '- {id: a, file: {}}\n', rule)
        self.refused('value is missing', '- {id: a, mark: {path: X}}\n', rule)
        self.refused('expected a path', '- {id: a, mark: {path: "X..Y", value: 1}}\n', rule)
        self.refused('at the end', rules='- {id: 1, condition: Source.IP4 in, actions: []}\n')
        self.refused("'LOG_FOO'", '- {id: a, syslog: {facility: LOG_FOO}}\n', rule)
        self.refused("'LOG_BAR'", '- {id: a, syslog: {priority: LOG_BAR}}\n', rule)
        self.refused("'LOG_BAZ'", '- {id: a, syslog: {logoption: LOG_PID|LOG_BAZ}}\n', rule)
        self.refused('needs smtp_connections', '- {id: a, email: {to: a@b, subject: s, smtp_connection: x}}\n', rule)
        self.refused('--warden argument was not provided', '- {id: a, warden: }\n', rule)
        self.refused("'Bad-Name'", rules=rule, namespace='Bad-Name')
        self.refused('expected file or list', rules=rule, addressgroups='[{id: x}]')
        self.refused('No such file', rules=rule, addressgroups='[{id: x, file: /nowhere/at/all}]')
        self.refused('delivery', rules=rule, delivery='{fast: 1}')
        self.refused('mark_scope', rules=rule, mark_scope='all')
        self.refused('line 6', rules='- {id: 1, condition: [\n')
        with open(self.path('config.yaml'), 'w', encoding='utf-8'):
            pass
        from report2idea.configuration import Config, ConfigError
        self.assertRaisesRegex(ConfigError, 'the file is empty', Config, self.path('config.yaml'))
        self.assertRaisesRegex(ConfigError, 'No such file', Config, self.path('none.yaml'))

    def test_a_rule_without_condition_is_for_every_alert(self):
        for rule in ('{id: 1, actions: [f], elseactions: [drop]}', '{id: 1, condition: , actions: [f], elseactions: [drop]}'):
            path = self.path('every.idea')
            config = self.config(FILE % path, f'- {rule}\n')
            self.assertTrue(config.match(alert()))
            self.assertTrue(config.match(alert(2)))
            config.close()
            with open(path, encoding='utf-8') as file:
                self.assertEqual(len(file.readlines()), 2)
            os.remove(path)

    def test_conditions_that_yaml_eats(self):
        for condition in ('! Ref', '? Note', '"Attempt" in Category', '[Source.IP4] == 1.2.3.4', '!Ref'):
            self.refused('must be in quotes as a whole', rules=f'- id: 1\n  condition: {condition}\n  actions: []\n')
        config = self.config(rules="- id: 1\n  condition: '! Ref'\n  actions: []\n")
        self.assertTrue(config.rules[0].condition.matches({}))

    def test_missing_namespace(self):
        config = self.config(rules='- {id: 1, condition: true, actions: []}\n', namespace='')
        self.assertEqual(config.namespace, 'com.example')
        self.assertIn('namespace is missing', self.logged.getvalue())

    def test_example(self):
        with open(EXAMPLE, encoding='utf-8') as file:
            self.write('config.yaml', file.read())
        from report2idea.configuration import Config
        config = Config(self.path('config.yaml'), dry=True)
        self.assertEqual(len(config.rules), 3)
        self.assertFalse(config.match(alert(Source=[{'IP4': ['172.31.0.1']}])))

    def test_printed_form(self):
        config = self.config(FILE % self.path('out') + '- {id: m, mark: {path: X, value: 1}}\n'
                             '- {id: e, email: {to: a@example.com, subject: s, smtp_connection: c}}\n'
                             '- {id: db, mongo: {user: u, password: secret1}}\n',
                             '- {id: 1, condition: Category, actions: [f, m], elseactions: [drop]}\n- {id: 2, condition: , actions: [f]}\n',
                             smtp_connections='[{id: c, user: me, pass: secret2}]', addressgroups='[{id: g, list: [10.0.0.0/8]}]', dry=True)
        config.match(alert())
        text = str(config)
        for part in ('Namespace: org.example.nemea', 'Smtp connections:', 'Address Groups:\ng:\n\t10.0.0.0/8', 'Custom Actions:', 'Rules:',
                     '1: Category\n\tActions: f (file) [1x], m (mark) [1x]\n\tElse Actions: drop (drop) [0x]', '*PASSWORD*', 'user: me'):
            self.assertIn(part, text)
        self.assertNotIn('secret', text)


class Rules(Case):
    def test_order_and_drop(self):
        config = self.config(FILE % self.path('out') + '- {id: g, file: {path: %s}}\n' % self.path('other'),
                             '- {id: 9, condition: Category, actions: [f]}\n'
                             '- {id: 1, condition: FlowCount > 1000, actions: [g], elseactions: [f]}\n'
                             '- {id: 1, condition: "Source.IP4 in [192.0.2.0/24]", actions: [g, drop, f]}\n'
                             '- {id: 3, condition: true, actions: [f]}\n')
        self.assertFalse(config.match(alert()))
        self.assertTrue(config.match(alert(2, Source=[])))
        self.assertEqual([a['ID'][-1] for a in self.lines()], ['1', '1', '2', '2', '2'])
        self.assertEqual([a['ID'][-1] for a in self.lines('other')], ['1'])

    def test_marks_are_of_one_rule(self):
        actions = FILE % self.path('out') + '- {id: m, mark: {path: "_CESNET.W", value: "yes"}}\n'
        rules = '- {id: 1, condition: true, actions: [m, f]}\n- {id: 2, condition: _CESNET.W, actions: [drop], elseactions: [f]}\n'
        original = alert()
        self.config(actions, rules).match(original)
        self.assertEqual([a.get('_CESNET') for a in self.lines()], [{'W': 'yes'}, None])
        self.assertNotIn('_CESNET', original)
        self.assertFalse(self.config(actions, rules, mark_scope='alert').match(alert()))

    def test_one_bad_rule_or_action_stops_nothing(self):
        config = self.config(FILE % self.path('out') + '- {id: m, mark: {path: Category.X, value: 1}}\n',
                             '- {id: 1, condition: Description > 5, actions: [drop], elseactions: [drop]}\n'
                             '- {id: 2, condition: true, actions: [m, f]}\n')
        self.assertTrue(config.match(alert(7)))
        self.assertEqual(config.errors, 2)
        self.assertRegex(self.logged.getvalue(), 'alert 00000000-0000-4000-8000-000000000007: rule 1 is left out: .*different types')
        self.assertEqual(len(self.lines()), 1)

    def test_groups_are_read_again(self):
        self.write('list', '\n# comment\n192.0.2.4\nnonsense\n2001:db8::/32\n')
        config = self.config(FILE % self.path('out'), '- {id: 1, condition: Source.IP4 in wl or Source.IP6 in wl, actions: [drop]}\n'
                             '- {id: 2, condition: true, actions: [f]}\n', addressgroups=f'[{{id: wl, file: {self.path("list")}}}]')
        self.assertIn("'nonsense'", self.logged.getvalue())
        self.assertFalse(config.match(alert()))
        self.assertFalse(config.match(alert(Source=[{'IP6': ['2001:db8::1']}])))
        self.write('new', '198.51.100.0/24\n')
        os.rename(self.path('new'), self.path('list'))
        config.tick()
        self.assertTrue(config.match(alert()))
        os.unlink(self.path('list'))
        config.tick()
        self.assertFalse(config.match(alert(Source=[{'IP4': ['198.51.100.9']}])))

    def test_reload(self):
        config = self.config(FILE % self.path('out'), '- {id: 1, condition: true, actions: [f]}\n')
        config.match(alert(1))
        self.assertFalse(config.reload())
        for text in ('rules: [', '', 'rules: [{id: 1, condition: "(", actions: []}]'):
            self.write('config.yaml', text)
            self.assertFalse(config.reload())
        os.unlink(self.path('config.yaml'))
        self.assertFalse(config.reload())
        self.assertEqual(self.logged.getvalue().count('the configuration before stays in use'), 4)
        config.match(alert(2))
        self.write('config.yaml', self.file_config('FlowCount > 1000000'))
        self.assertTrue(config.reload())
        self.assertIn('Success: New configuration loaded, applied and counters reset.', self.logged.getvalue())
        config.match(alert(3))
        self.assertEqual([a['ID'][-1] for a in self.lines()], ['1', '2'])
        self.assertIn('[0x]', str(config))


class Files(Case):
    def send(self, action, *alerts):
        return action.send([Entry.new(json.dumps(a), a) for a in alerts])

    def test_foreign_ids_stay_in_the_directory(self):
        os.mkdir(self.path('in'))
        os.mkdir(self.path('in', 'tmp'))
        hostile = ['../../etc/passwd', '/etc/passwd', '..', '.', '', 'a/b', 'a\0b', 'x' * 5000, 'é', '-', 'A b', '\n', None, 5, ['x'], {'a': 1},
                   'a.b', 'ab', 'good-1']
        for temp in (None, self.path('in', 'tmp')):
            action = File({'path': self.path('in'), **({'temp_path': temp} if temp else {})}, 'test')
            for value in hostile:
                self.send(action, alert(ID=value))
        names = sorted(os.listdir(self.path('in')))
        names.remove('tmp')
        self.assertEqual(len(names), len(hostile))  # none replaces that of another
        for name in names:
            self.assertRegex(name, r'^[A-Za-z0-9-]{1,64}\.idea$')
            self.assertEqual(json.loads(self.read('in/' + name))['Format'], 'IDEA0')
            self.assertNotIn('\n', self.read('in/' + name))
        self.assertEqual(os.listdir(self.path('in', 'tmp')), [])
        self.assertEqual(file_id({'ID': 'good-1'}), 'good-1')

    def test_no_link_is_followed(self):
        os.mkdir(self.path('in'))
        os.symlink(self.write('victim', 'text'), self.path('in', '.x.idea.part'))
        self.assertRaises(OSError, self.send, File({'path': self.path('in')}, 'test'), alert(ID='x'))
        self.assertEqual(self.read('victim'), 'text')

    def test_lines(self):
        action = File({'path': self.path('out')}, 'test')
        self.send(action, alert(1, Note='two\nlines\u2028é'))
        os.rename(self.path('out'), self.path('old'))  # as logrotate does
        self.send(action, alert(2))
        self.assertEqual([len(self.lines('old')), len(self.lines())], [1, 1])
        self.assertEqual(self.read('old'), json.dumps(alert(1, Note='two\nlines\u2028é')) + '\n')

    def test_unwritable_file_goes_to_the_spool_and_comes_back(self):
        config = self.config(FILE % self.path('later', 'out'), '- {id: 1, condition: true, actions: [f]}\n', delivery='{retry: 0.01}')
        for i in range(1, 6):
            config.match(alert(i))
        self.assertRegex(self.logged.getvalue(), 'f: alert 00000000-0000-4000-8000-000000000001 could not be delivered')
        self.assertEqual(config.counters()['f']['waiting'], 5)
        os.mkdir(self.path('later'))
        wait_for(lambda: config.counters()['f']['sent'] == 5, 'the spooled alerts')
        config.match(alert(6))
        wait_for(lambda: config.counters()['f']['sent'] == 6, 'one more')
        self.assertEqual([a['ID'][-1] for a in self.lines('later/out')], ['1', '2', '3', '4', '5', '6'])

    def test_spool_outlives_the_process_and_is_bounded(self):
        actions, rules = FILE % self.path('later', 'out'), '- {id: 1, condition: true, actions: [f]}\n'
        config = self.config(actions, rules, delivery='{finish: 0, spool_limit: 0.01}')
        for i in range(1, 100):
            config.match(alert(i))
        counters = config.counters()['f']
        self.assertEqual(counters['waiting'] + counters['lost'], 99)
        self.assertGreater(counters['lost'], 0)
        self.assertIn('is lost', self.logged.getvalue())
        self.assertEqual(config.close(), counters['waiting'])
        os.mkdir(self.path('later'))
        config = self.config(actions, rules)
        wait_for(lambda: config.counters()['f']['waiting'] == 0, 'the spool of the run before')
        config.close()
        self.assertEqual([int(a['ID'][-4:]) for a in self.lines('later/out')], list(range(1, counters['waiting'] + 1)))

    def test_pipe_without_reader_does_not_wait(self):
        os.mkfifo(self.path('pipe'))
        config = self.config(FILE % self.path('pipe'), '- {id: 1, condition: true, actions: [f]}\n', delivery='{retry: 0.01, finish: 0}')
        config.match(alert())
        self.assertEqual(config.counters()['f']['waiting'], 1)


class Parameters(Case):
    def test_syslog(self):
        action = Syslog({'facility': 'LOG_KERN', 'priority': 'LOG_EMERG', 'identifier': 'a: b\n', 'logoption': 'LOG_NDELAY'}, 'test')
        self.assertEqual((action.pri, action.tag), (0, 'a__b_'))  # constants of value 0
        action = Syslog({}, 'test')
        self.assertEqual(action.pri, syslog.LOG_DAEMON | syslog.LOG_ALERT)
        self.assertRegex(action.tag, r'^nemea\[\d+\]$')

    def test_keys_of_mongodb(self):
        found = mongo_document({'$where': {'a.b': [{'$x': 2**70}]}, 'DetectTime': '2026-03-01T10:00:00.5Z', 'EventTime': 'never', 'n\0': '\ud800'})
        self.assertEqual(set(found), {'\uff04where', 'DetectTime', 'EventTime', 'n\ufffd'})
        self.assertEqual(found['\uff04where'], {'a\uff0eb': [{'\uff04x': str(2**70)}]})
        self.assertEqual((found['DetectTime'].year, found['EventTime']), (2026, 'never'))
        deep = []
        for _ in range(200):
            deep = [deep]
        self.assertRaises(ValueError, escape_keys, deep)

    def test_secrets_only_from_files_of_the_owner(self):
        path = self.write('secret', 'hush\n')
        actions = f'- {{id: m, mongo: {{user: u, password_file: {path}}}}}\n'
        rules = '- {id: 1, condition: true, actions: [m]}\n'
        os.chmod(path, 0o640)
        self.refused('expected 0600', actions, rules)
        os.chmod(path, 0o600)
        config = self.config(actions, rules, dry=True)
        self.assertEqual(config.loaded.actions['m'].values['password'], 'hush')
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertFalse(re.search('hush', str(config)))


if __name__ == '__main__':
    unittest.main()
