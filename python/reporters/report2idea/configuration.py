# SPDX-License-Identifier: BSD-3-Clause
"""The configuration of reporters (YAML): its sections, how it is checked, loaded again and printed, and what its rules do with an alert."""

import copy
import json
import os

import yaml

from report2idea import actions, idea, mail
from report2idea.actions import ActionError, wanted
from report2idea.conditions import Condition, ConditionError, Group
from report2idea.delivery import Delivery, Limits, alert_id
from report2idea.spool import default_directory
from report2idea.counters import RedisStatistics, Statistics

TYPES = ('mark', 'mongo', 'email', 'file', 'syslog', 'warden', 'trap', 'drop')
LINE = '----------------'
HINT = '; a condition that begins with a quote, "!", "?" or "[" must be in quotes as a whole: condition: \'! Ref\''
MAX_FILE = 16 << 20


class ConfigError(ValueError):
    """The configuration is wrong; the text names the place, the value and what was expected."""


class DropMsg(Exception):
    """The action drop: nothing more is done with the alert."""


class _Section(dict):
    """A mapping that knows its line."""
    line = 0


class _Loader(yaml.SafeLoader):
    def compose_scalar_node(self, anchor):
        event = self.peek_event()
        if event.tag == '!':  # YAML would drop it silently: "condition: ! Ref" would say the opposite
            raise yaml.MarkedYAMLError(problem='"!" before a value' + HINT, problem_mark=event.start_mark)
        return super().compose_scalar_node(anchor)


def _construct(loader, node):
    section = _Section()
    section.line = node.start_mark.line + 1
    yield section
    section.update(loader.construct_mapping(node))


_Loader.add_constructor('tag:yaml.org,2002:map', _construct)


def read_yaml(path):
    """The configuration as sections; ConfigError says where it is wrong."""
    try:
        with open(path, encoding='utf-8') as file:
            text = file.read(MAX_FILE)
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f'{path}: {e}') from None
    try:
        data = yaml.load(text, _Loader)  # a safe loader
    except yaml.YAMLError as e:
        mark = getattr(e, 'problem_mark', None)
        lines = text.splitlines()
        place = f'line {mark.line + 1}: ' if mark else ''
        hint = HINT if mark and mark.line < len(lines) and 'condition:' in lines[mark.line] and HINT not in str(e) else ''
        raise ConfigError(f'{path}: {place}{getattr(e, "problem", None) or e}{hint}') from None
    except (ValueError, RecursionError, TypeError) as e:
        raise ConfigError(f'{path}: {e}') from None
    if not isinstance(data, dict):
        raise ConfigError(f'{path}: ' + ('the file is empty' if data is None else 'expected keys and values') +
                          ': expected namespace, custom_actions and rules')
    return data


class Rule:
    """A rule: a condition and two lists of (id, action)."""

    def __init__(self, name, condition, then, otherwise):
        self.id, self.condition, self.actions, self.elseactions = name, condition, then, otherwise


class Loaded:
    """One state of the file, complete and checked."""

    def __init__(self, path, owner):
        self.path, self.owner, self.log = path, owner, owner.log
        self.data = read_yaml(path)
        self.namespace = self._namespace()
        self.scope = self.data.get('mark_scope', 'rule')
        if self.scope not in ('rule', 'alert'):
            raise ConfigError(f'{path}: mark_scope: {self.scope!r}: expected rule or alert')
        try:
            self.limits = Limits(self._mapping('delivery'), default_directory())
        except ValueError as e:
            raise ConfigError(f'{path}: {e}') from None
        self.connections, self.connection_texts = {}, {}
        self.group_files, self.groups, self.actions, self.rules = {}, {}, {}, []
        self._read_connections()
        self._each('addressgroups', self._group)
        self.actions['drop'] = actions.Drop()
        self._each('custom_actions', self._action)
        self._each('rules', self._rule)
        if not self.rules:
            raise ConfigError(f'{path}: rules: expected at least one rule, such as {{id: 1, actions: [drop]}}, which is for every alert')

    def _namespace(self):
        name = self.data.get('namespace')
        if name is None:
            self.log.error('%s: namespace is missing, com.example is used', self.path)
            return 'com.example'
        if not idea.check_name(name):
            raise ConfigError(f'{self.path}: namespace: {name!r}: expected words of a-z, 0-9 and "_", joined by dots')
        return name

    def _mapping(self, key):
        value = self.data.get(key)
        if value is not None and not isinstance(value, dict):
            raise ConfigError(f'{self.path}: {key}: expected keys and values')
        return value

    def _each(self, key, read):
        items = self.data.get(key)
        if items is None:
            return
        if not isinstance(items, list):
            raise ConfigError(f'{self.path}: {key}: expected a list')
        for item in items:
            where = f'{self.path}: {key}' + (f', line {item.line}' if isinstance(item, _Section) else '')
            if not isinstance(item, dict):
                raise ConfigError(f'{where}: {item!r}: expected keys and values')
            if item.get('id') is None or isinstance(item['id'], (dict, list)):
                raise ConfigError(f'{where}: id is missing')
            try:
                read(item, f'{where}: {item["id"]}')
            except (ActionError, ConditionError) as e:
                raise ConfigError(str(e) if str(e).startswith(self.path) else f'{where}: {item["id"]}: {e}') from None

    def _read_connections(self):
        def read(item, where):
            name, settings, text = mail.read_connection(item)
            self.connections[name], self.connection_texts[name] = settings, text
            if (item.get('pass') or '') and os.stat(self.path).st_mode & 0o004:
                self.log.warning('%s: the file has a password and everybody can read it: expected mode 0640, or pass_file', where)
        self._each('smtp_connections', read)

    def _group(self, item, where):
        path, members = item.get('file'), item.get('list')
        if path is None and not isinstance(members, list):
            raise ConfigError(f'{where}: expected file or list')
        group = Group(str(item['id']))
        self.groups[group.name] = group
        if path is not None:
            self.group_files[group.name] = (str(path), None)
            self._read_group(group, str(path), True)
        else:
            self._warn(where, group.set([str(member) for member in members]))

    def _warn(self, where, wrong):
        for message in wrong[:20]:
            self.log.warning('%s: left out: %s', where, message)
        if len(wrong) > 20:
            self.log.warning('%s: %d more entries are left out', where, len(wrong) - 20)

    def _read_group(self, group, path, first):
        try:
            with open(path, encoding='utf-8') as file:
                state = _state(os.fstat(file.fileno()))
                lines = [line.strip() for line in file.read(MAX_FILE).splitlines()]
        except (OSError, UnicodeDecodeError) as e:
            if first:
                raise ConfigError(f'{self.path}: addressgroups: {group.name}: {path}: {e}') from None
            self.log.error('address group %s: %s: %s; its members stay as they are', group.name, path, e)
            return
        self._warn(f'address group {group.name}: {path}', group.set([line for line in lines if line and not line.startswith('#')]))
        self.group_files[group.name] = (path, state)

    def refresh_groups(self):
        """Reads files of address groups again that have changed."""
        for name, (path, state) in list(self.group_files.items()):
            try:
                changed = _state(os.stat(path)) != state
            except OSError:
                continue  # it is being replaced; or is gone, and its members stay
            if changed:
                self._read_group(self.groups[name], path, False)

    def _action(self, item, where):
        kind = next((key for key in TYPES if key in item), None)
        if kind is None:
            raise ConfigError(f'{where}: Undefined action: expected one of {", ".join(TYPES)}')
        if kind == 'drop':
            self.log.warning('%s: the action drop exists without being defined; ignored', where)
            return
        parameters = item[kind]
        if kind in ('mark', 'file', 'email', 'mongo', 'syslog'):
            parameters = {} if parameters is None else parameters
            wanted(parameters, {}, where)
        if kind == 'email' and not self.connections:
            raise ConfigError(f'{where}: an email action needs smtp_connections')
        make = {'mark': lambda: actions.Mark(parameters, where), 'file': lambda: actions.File(parameters, where),
                'syslog': lambda: actions.Syslog(parameters, where), 'mongo': lambda: actions.Mongo(parameters, where, self.log),
                'email': lambda: mail.Email(parameters, where, self.connections, self.log),
                'trap': lambda: self._trap(where), 'warden': lambda: self._warden(where)}
        self.actions[item['id']] = make[kind]()

    def _trap(self, where):
        action = actions.Trap(self.owner.trap)
        if self.owner.trap is None:
            action.delivers = False
            self.log.warning('%s: without -T the action trap does nothing', where)
        return action

    def _warden(self, where):
        if self.owner.warden is None:
            raise ConfigError(f'{where}: Cannot use warden action if --warden argument was not provided.')
        return actions.Warden(self.owner.warden)

    def _rule(self, item, where):
        unknown = [str(key) for key in item if key not in ('id', 'condition', 'actions', 'elseactions')]
        if 'condition' not in item and unknown:  # a condition that was not spelled right must not become every alert
            raise ConfigError(f'{where}: condition is missing, and {", ".join(unknown)} is not known')
        lists = []
        for key in ('actions', 'elseactions'):
            names = item.get(key) or []
            if not isinstance(names, list):
                raise ConfigError(f'{where}: {key}: {names!r}: expected a list of ids')
            for name in names:
                if isinstance(name, (dict, list)) or name not in self.actions:
                    raise ConfigError(f'{where}: {key}: {name!r}: expected an id of custom_actions, or drop')
            lists.append([(name, self.actions[name]) for name in names])
        condition = item.get('condition', True)  # without one: every alert
        if isinstance(condition, (list, dict)):
            raise ConfigError(f'{where}: condition: expected text{HINT}')
        self.rules.append(Rule(item['id'], Condition(condition, self.groups), *lists))


def _state(info):
    return info.st_mtime_ns, info.st_ino, info.st_size


class Config:
    """The configuration in use.

    :param path: its file
    :param trap: context with an output, for the action trap
    :param warden: client, for the action warden
    :param module_name: names counters and spools
    """

    def __init__(self, path, trap=None, warden=None, module_name='reporter', log=None, dry=False):
        if log is None:
            import logging
            log = logging.getLogger('report2idea')
        self.path, self.trap, self.warden, self.module, self.log, self.dry = path, trap, warden, module_name, log, dry
        self.deliveries = {}
        self.statistics = Statistics(module_name)
        self.errors = 0  # conditions and marks that failed
        self._state = None
        self._use(self._load())

    def _load(self):
        try:
            self._state = _state(os.stat(self.path))
        except OSError as e:
            raise ConfigError(f'{self.path}: {e}') from None
        return Loaded(self.path, self)

    def _use(self, loaded):
        self._use_statistics(loaded)
        self.loaded = loaded
        self.namespace, self.rules, self.limits = loaded.namespace, loaded.rules, loaded.limits
        if self.dry:
            return
        wanted_now = {name: action for name, action in loaded.actions.items() if action.delivers}
        for name in [name for name in self.deliveries if name not in wanted_now]:
            delivery = self.deliveries.pop(name)
            delivery.begin_stop()
            delivery.stop(2)
        for name, action in wanted_now.items():
            if name in self.deliveries:
                self.deliveries[name].replace(action)
            else:
                self.deliveries[name] = Delivery(f'{self.module}.{name}', action, loaded.limits, self.log)

    def _use_statistics(self, loaded):
        section = loaded._mapping('statistics') or {}
        new = None
        try:
            if 'redis' in section and not self.dry:
                new = RedisStatistics(self.module, section['redis'], self.log)
                new.types.update({name: action.type for name, action in loaded.actions.items()})
            elif set(section) - {'redis'}:
                raise ActionError(f'statistics: {", ".join(map(str, section))}: expected redis')
        except ActionError as e:
            raise ConfigError(f'{self.path}: {e}') from None
        self.statistics.close()
        self.statistics = new or Statistics(self.module)

    def reload(self, force=False):
        """Loads the file again if it has changed. A wrong one is logged, and the configuration stays as it is."""
        try:
            if not force and _state(os.stat(self.path)) == self._state:
                return False
            self._use(self._load())
        except (ConfigError, OSError) as e:
            self.log.error('Error: Loading configuration file failed: %s; the configuration before stays in use', e)
            return False
        self.log.warning('Success: New configuration loaded, applied and counters reset.')
        return True

    def tick(self):
        """What is due with time: changed address groups, summaries."""
        self.loaded.refresh_groups()
        for delivery in self.deliveries.values():
            text = delivery.action.due()
            if text:
                delivery.put_extra(text)

    def match(self, alert):
        """Lets the rules do what they say with an alert. False: it was dropped by one. No failure of a rule or an action goes further."""
        text = None
        for rule in self.rules:
            try:
                result = rule.condition.matches(alert)
            except ConditionError as e:
                self.errors += 1
                self.log.error('alert %s: rule %s is left out: %s', alert_id(alert), rule.id, e)
                continue
            todo = rule.actions if result else rule.elseactions
            if not todo:
                continue
            if text is None:
                text = json.dumps(alert)
            try:
                marked = self._execute(rule, result, todo, alert, text)
            except DropMsg:
                return False
            if marked is not alert and self.loaded.scope == 'alert':
                alert, text = marked, None
        return True

    def _execute(self, rule, result, todo, alert, text):
        current = alert  # copied when a mark is to be set: what other rules see is not changed
        for name, action in todo:
            self.statistics.count(rule.id, result, name)
            if action.type == 'drop':
                raise DropMsg
            if action.type == 'mark':
                if current is alert:
                    current = copy.deepcopy(alert)
                try:
                    action.apply(current)
                except ValueError as e:
                    self.errors += 1
                    self.log.error('alert %s: rule %s: action %s: %s', alert_id(alert), rule.id, name, e)
                text = json.dumps(current)
            elif name in self.deliveries:
                self.deliveries[name].submit(text, current)
        return current

    def sync(self):
        """All alerts that wait in spools are on the disk when this returns."""
        for delivery in self.deliveries.values():
            delivery.sync()

    def close(self):
        """Ends all deliveries, within the time that the configuration gives. Returns how many alerts stay in spools."""
        import time
        end = time.monotonic() + self.limits.finish
        for delivery in self.deliveries.values():
            text = delivery.action.due(ending=True)
            if text:
                delivery.put_extra(text)
            delivery.begin_stop()
        left = sum(delivery.stop(end - time.monotonic()) for delivery in self.deliveries.values())
        self.statistics.close()
        return left

    def counters(self):
        """Of each action: sent, waiting, rejected, lost, failures."""
        return {name: delivery.counters() for name, delivery in self.deliveries.items()}

    def __str__(self):
        counts = self.statistics.counts

        def listed(rule, result, todo):
            return ', '.join(f'{name} ({action.type}) [{counts[rule.id, result, name]}x]' for name, action in todo)
        parts = [LINE, f'Namespace: {self.namespace}', LINE, 'Smtp connections:']
        parts += [f'{name}:\n\t{text}' for name, text in self.loaded.connection_texts.items()]
        parts += [LINE, 'Address Groups:']
        parts += [f'{group.name}:\n\t{", ".join(group.texts[:100])}' + (', ...' if len(group.texts) > 100 else '')
                  for group in self.loaded.groups.values()]
        parts += [LINE, 'Custom Actions:']
        for name, action in self.loaded.actions.items():
            state = ', '.join(f'{count} {key}' for key, count in self.deliveries[name].counters().items()) if name in self.deliveries else ''
            parts.append(f'{name}:\n\t{action.describe()}' + (f'\n\t{state}' if state else ''))
        parts += [LINE, 'Rules:']
        for rule in self.rules:
            parts.append(f'{rule.id}: {rule.condition.text}\n\tActions: {listed(rule, True, rule.actions)}')
            if rule.elseactions:
                parts.append(f'\tElse Actions: {listed(rule, False, rule.elseactions)}')
        return '\n'.join(parts + [LINE])
