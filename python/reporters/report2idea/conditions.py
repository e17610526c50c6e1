# SPDX-License-Identifier: BSD-3-Clause
"""The language of rule conditions: Condition('Source.IP4 in [192.0.2.0/24] and ConnCount > 10').

A condition is parsed once, into functions of the alert. Each operand gives a list of values; a comparison is true when it holds for any
pair of a left and a right value. The work per alert is at most proportional to the values that the alert has (sorting aside).
"""

import re
import time
from datetime import datetime, timedelta

from report2idea.values import EPOCH, RangeSet, parse_duration, parse_range, parse_time

MAX_LENGTH = 65536    # of a condition
MAX_DEPTH = 50        # of parentheses and operators
MAX_PRODUCTS = 10000  # values that arithmetic may give

WORDS = {'or': 'or', 'xor': 'xor', 'and': 'and', 'not': 'not', 'exists': 'exists', 'like': 'like', 'in': 'in', 'is': 'is',
         'eq': 'eq', 'ne': 'ne', 'gt': 'gt', 'ge': 'ge', 'lt': 'lt', 'le': 'le'}
SIGNS = {'||': '||', '^^': '^^', '&&': '&&', '!': 'not', '?': 'exists', '=~': 'like', '~~': 'in', '==': 'eq', '!=': 'ne', '<>': 'ne',
         '>=': 'ge', '<=': 'le', '>': 'gt', '<': 'lt'}
LOGIC = [('or',), ('xor',), ('and',), ('||',), ('^^',), ('&&',)]  # from the loosest
COMPARISONS = ('like', 'in', 'is', 'eq', 'ne', 'gt', 'ge', 'lt', 'le')
FUNCTIONS = ('size', 'strlen', 'time', 'utcnow')

_IP4 = r'\d{1,3}(?:\.\d{1,3}){3}'
_IP6 = r'(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*:)[0-9A-Fa-f:]+(?:' + _IP4 + r'|[0-9A-Fa-f:]*)'
_ADDRESS = '(?:' + _IP6 + '|' + _IP4 + ')'
_PART = r'[A-Za-z_][A-Za-z0-9_-]*(?:\[(?:\d{1,6}|\#)\])?'
_TOKENS = re.compile(r'''
    (?P<blank>\s+)
  | (?P<time>\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d))
  | (?P<duration>(?:\d+[Dd])?\d\d:\d\d:\d\d(?:\.\d+)?(?![\w:.]))
  | (?P<ip>''' + _ADDRESS + r'''(?:/\d{1,3}|(?:\s*-\s*|\.\.)''' + _ADDRESS + r''')?(?![\w:.]))
  | (?P<float>\d+\.\d+(?![\w.]))
  | (?P<int>\d+(?![\w.:]))
  | (?P<path>''' + _PART + r'(?:\.' + _PART + r''')*)
  | "(?P<double>[^"]*)" | '(?P<single>[^']*)'
  | (?P<sign>\|\||\^\^|&&|=~|~~|==|!=|<>|>=|<=|[><!?()\[\],;+\-*/%])
''', re.X | re.A)


class ConditionError(ValueError):
    """The condition is not one (when it is parsed), or cannot be answered for this alert (when it is evaluated)."""


class Group:
    """A named list of addresses; conditions hold the object, so that its members can change."""

    def __init__(self, name, texts=()):
        self.name = name
        self.set(texts)

    def set(self, texts):
        """Takes new members. Returns a list of messages, one for each that is none and is left out."""
        ranges, wrong = {}, []
        for text in texts:
            try:
                ranges[parse_range(text)] = text
            except ValueError as e:
                wrong.append(str(e))
        self.ranges = RangeSet(ranges)
        self.texts = tuple(ranges.values())
        return wrong


class _Value:
    """An operand: get(alert) gives a list. kind: what its values are ('ip', 'time'), None where nothing is known."""

    def __init__(self, get, kind=None, constants=None, group=None, raw=None, what=''):
        self.get, self.kind, self.constants, self.group, self.what = get, kind, constants, group, what
        self.raw = raw or get  # the values as the alert has them
        if constants is not None:
            self.get = self.raw = lambda alert: constants


class _Truth:
    """A part that is true or false: test(alert)."""

    def __init__(self, test):
        self.test = test


def parse_path(text):
    """Source[2].IP4 as a list of (key, index); index: None, a number from 1, or 0 for the last element."""
    steps = []
    for part in text.split('.'):
        key, bracket, index = part.partition('[')
        steps.append((key, None if not bracket else 0 if index == '#]' else int(index[:-1])))
        if bracket and index == '0]':
            raise ConditionError(f'{text}: elements are numbered from 1')
    return steps


def lookup(alert, steps):
    """All values of a path, through all elements of lists."""
    values = [alert]
    for key, index in steps:
        found = []
        for value in values:
            if not isinstance(value, dict):
                continue
            value = value.get(key)
            if isinstance(value, list):
                if index is None:
                    found += [v for v in value if v is not None]
                elif index <= len(value) and value:
                    found.append(value[index - 1])
            elif value is not None and index in (None, 0, 1):
                found.append(value)
        values = found
    return values


def _range(value):
    try:
        return parse_range(value)
    except ValueError as e:
        raise ConditionError(str(e)) from None


def _time(value):
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return EPOCH + timedelta(seconds=value)
        except (OverflowError, ValueError):
            raise ConditionError(f'{value!r}: out of the range of times') from None
    try:
        return parse_time(value)
    except ValueError:
        raise ConditionError(f'{str(value)[:100]!r}: expected a time, YYYY-MM-DDTHH:MM:SSZ') from None


_CASTS = {'ip': _range, 'time': _time}


def _path(text):
    steps = parse_path(text)
    keys = [key for key, _ in steps]
    kind = None
    if len(keys) == 2 and keys[0] in ('Source', 'Target') and keys[1] in ('IP4', 'IP6'):
        kind = 'ip'
    elif len(keys) == 1 and keys[0].endswith('Time'):
        kind = 'time'

    def raw(alert):
        return lookup(alert, steps)
    if kind is None:
        return _Value(raw, what=text)
    cast = _CASTS[kind]
    return _Value(lambda alert: [cast(value) for value in lookup(alert, steps)], kind, raw=raw, what=text)


def _hashable(values):
    try:
        return set(values)
    except TypeError:  # objects of an alert are equal to nothing that a condition can say
        return {value for value in values if not isinstance(value, (dict, list))}


def _number(value):
    return isinstance(value, (int, float))


def _ordered(test):
    """A comparison of order: holds for any pair when it holds for the extremes."""
    def compare(left, right):
        if not left or not right:
            return False
        if any(isinstance(v, datetime) for v in left + right):
            left, right = ([_time(v) if _number(v) else v for v in side] for side in (left, right))
        try:
            return test(left, right)
        except TypeError:
            raise ConditionError(f'cannot compare {left[0]!r} with {right[0]!r}: values of different types') from None
    return compare


def _equal(left, right):
    return not _hashable(left).isdisjoint(_hashable(right))


def _different(left, right):
    return bool(left and right) and len(_hashable(left) | _hashable(right)) > 1


def _member(left, right):
    ranges = RangeSet(v for v in right if isinstance(v, tuple))
    others = _hashable(v for v in right if not isinstance(v, tuple))
    return _inside(left, ranges, others)


def _inside(left, ranges, others):
    for value in left:
        if isinstance(value, tuple):
            if value in ranges:
                return True
        elif not isinstance(value, (dict, list)) and value in others:
            return True
    return False


_TESTS = {
    'eq': _equal, 'ne': _different, 'in': _member, 'is': lambda left, right: bool(left) and left == right,
    'gt': _ordered(lambda left, right: max(left) > min(right)), 'ge': _ordered(lambda left, right: max(left) >= min(right)),
    'lt': _ordered(lambda left, right: min(left) < max(right)), 'le': _ordered(lambda left, right: min(left) <= max(right))}


def _calculate(sign, left, right):
    if isinstance(left, datetime):
        if sign == '-' and isinstance(right, datetime):
            return (left - right).total_seconds()
        if sign in '+-' and _number(right):
            return left + timedelta(seconds=right if sign == '+' else -right)
    elif sign == '+' and _number(left) and isinstance(right, datetime):
        return right + timedelta(seconds=left)
    elif _number(left) and _number(right):
        if sign in '/%' and right == 0:
            raise ConditionError(f'{left} {sign} {right}: division by zero')
        return (left + right if sign == '+' else left - right if sign == '-' else left * right if sign == '*' else
                left / right if sign == '/' else left % right)
    raise ConditionError(f'{str(left)[:100]!r} {sign} {str(right)[:100]!r}: expected numbers, or a time and a number')


def _arithmetic(sign, left, right):
    def get(alert):
        a, b = left.get(alert), right.get(alert)
        if len(a) * len(b) > MAX_PRODUCTS:
            raise ConditionError(f'{sign}: {len(a)} and {len(b)} values give more than {MAX_PRODUCTS}')
        return [_calculate(sign, x, y) for x in a for y in b]
    if left.constants is not None and right.constants is not None:
        return _Value(None, constants=get(None), what=f'{left.what} {sign} {right.what}')
    return _Value(get, what=f'{left.what} {sign} {right.what}')


def _converted(side, kind):
    """The constants of one side as what the path on the other side gives."""
    if side.group:
        group = side.group
        return _Value(lambda alert: list(group.ranges.members) if kind == 'ip' else list(group.texts), kind, group=group, what=side.what)
    if side.constants is None or kind is None or side.kind == kind:
        return side
    cast = _CASTS[kind]
    wanted = (str,) if kind == 'ip' else (str, int, float)
    return _Value(None, kind, [cast(value) if isinstance(value, wanted) else value for value in side.constants], what=side.what)


def _like(left, right):
    if right.constants is None or not all(isinstance(pattern, str) for pattern in right.constants):
        raise ConditionError(f'like {right.what}: expected a regular expression in quotes')
    patterns = []
    for pattern in right.constants:
        try:
            patterns.append(re.compile(pattern))
        except (re.error, OverflowError, RecursionError) as e:
            raise ConditionError(f'like {pattern!r}: the regular expression is wrong: {e}') from None

    def test(alert):
        return any(pattern.search(str(value)) for value in left.raw(alert) if not isinstance(value, (dict, list))
                   for pattern in patterns)
    return _Truth(test)


def _comparison(name, left, right):
    if name == 'like':
        return _like(left, right)
    kind = left.kind or right.kind
    left, right = _converted(left, kind), _converted(right, kind)
    if name == 'in' and right.group and kind == 'ip':
        group = right.group
        return _Truth(lambda alert: _inside(left.get(alert), group.ranges, ()))
    if right.constants is not None and name == 'in':
        ranges = RangeSet(v for v in right.constants if isinstance(v, tuple))
        others = _hashable(v for v in right.constants if not isinstance(v, tuple))
        return _Truth(lambda alert: _inside(left.get(alert), ranges, others))
    test = _TESTS[name]
    if name in ('gt', 'ge', 'lt', 'le') and left.constants and right.constants:
        test(left.constants, right.constants)  # a mistake shows at once
    return _Truth(lambda alert: test(left.get(alert), right.get(alert)))


class _Parser:
    def __init__(self, text, groups):
        self.text, self.groups = text, groups
        self.tokens = []  # (kind, text, place)
        self.at = 0
        self.depth = 0
        self.scan()

    def scan(self):
        place = 0
        while place < len(self.text):
            found = _TOKENS.match(self.text, place)
            if not found:
                raise ConditionError(f'{self.text[place:place + 20]!r} at character {place + 1}: expected a path, a constant or an operator')
            kind = found.lastgroup
            text = found.group(kind)
            if kind == 'path' and (text in WORDS or text.isupper() and text.lower() in WORDS):
                kind, text = 'operator', WORDS[text.lower()]
            elif kind == 'sign' and text in SIGNS:
                kind, text = 'operator', SIGNS[text]
            if kind != 'blank':
                self.tokens.append((kind, text, place))
            place = found.end()
        self.tokens.append(('end', '', place))

    def fail(self, expected):
        kind, text, place = self.tokens[self.at]
        raise ConditionError(f'{self.text!r}: expected {expected} ' + ('at the end' if kind == 'end' else
                                                                       f'at character {place + 1}, found {text!r}'))

    def take(self, kind, *texts):
        token = self.tokens[self.at]
        if token[0] == kind and (not texts or token[1] in texts):
            self.at += 1
            return token[1]
        return None

    def need(self, kind, text):
        if not self.take(kind, text):
            self.fail(repr(text))

    def deeper(self, parse, *arguments):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ConditionError(f'{self.text[:100]!r}: more than {MAX_DEPTH} levels of operators')
        result = parse(*arguments)
        self.depth -= 1
        return result

    def truth(self, part):
        if isinstance(part, _Truth):
            return part
        if part.constants is not None or part.group:
            raise ConditionError(f'{self.text!r}: {part.what} alone is no condition, expected a comparison or a path')
        return _Truth(lambda alert: bool(part.raw(alert)))

    def value(self, part):
        if isinstance(part, _Value):
            return part
        return _Value(lambda alert: [part.test(alert)], what='a condition')

    def logic(self, level=0):
        if level == len(LOGIC):
            return self.negation()
        parts = [self.logic(level + 1)]
        while self.take('operator', *LOGIC[level]):
            parts.append(self.logic(level + 1))
        if len(parts) == 1:
            return parts[0]
        tests = [self.truth(part).test for part in parts]
        if level in (0, 3):
            return _Truth(lambda alert: any(test(alert) for test in tests))
        if level in (2, 5):
            return _Truth(lambda alert: all(test(alert) for test in tests))
        return _Truth(lambda alert: sum(bool(test(alert)) for test in tests) % 2 == 1)

    def negation(self):
        if self.take('operator', 'not'):
            test = self.truth(self.deeper(self.negation)).test
            return _Truth(lambda alert: not test(alert))
        if self.take('operator', 'exists'):
            return self.truth(self.deeper(self.negation))
        return self.comparison()

    def comparison(self):
        left = self.arithmetic()
        name = self.take('operator', *COMPARISONS)
        while name:
            left = _comparison(name, self.value(left), self.value(self.arithmetic()))
            name = self.take('operator', *COMPARISONS)
        return left

    def arithmetic(self):
        left = self.operand()
        sign = self.take('sign', '+', '-', '*', '/', '%')
        if not sign:
            return left
        return _arithmetic(sign, self.value(left), self.value(self.deeper(self.arithmetic)))

    def constant(self, kind, text):
        if kind == 'ip':
            return _Value(None, 'ip', [_range(re.sub(r'\s', '', text))], what=text)
        if kind == 'time':
            return _Value(None, 'time', [_time(text)], what=text)
        value = (parse_duration(text) if kind == 'duration' else float(text) if kind == 'float' else
                 int(text[:1000]) if kind == 'int' else text)
        return _Value(None, None, [value], what=repr(value) if isinstance(value, str) else text)

    def operand(self):
        kind, text, _ = self.tokens[self.at]
        self.at += 1
        if kind in ('ip', 'time', 'duration', 'float', 'int', 'double', 'single'):
            return self.constant(kind, text)
        if kind == 'path':
            if text in FUNCTIONS and self.take('sign', '('):
                return self.function(text)
            if text in self.groups:
                group = self.groups[text]
                return _Value(lambda alert: list(group.texts), group=group, what=text)
            if text in ('true', 'false', 'TRUE', 'FALSE'):
                return _Value(None, None, [text.lower() == 'true'], what=text)
            return _path(text)
        if kind == 'sign' and text == '(':
            part = self.deeper(self.logic)
            self.need('sign', ')')
            return part
        if kind == 'sign' and text == '[':
            return self.list()
        if kind == 'sign' and text == '-' and self.tokens[self.at][0] in ('int', 'float'):
            value = self.constant(*self.tokens[self.at][:2]).constants[0]
            self.at += 1
            return _Value(None, None, [-value], what=str(-value))
        self.at -= 1
        self.fail('a path, a constant, a list or a function')
        return None

    def list(self):
        parts = []
        while not self.take('sign', ']'):
            if parts and not self.take('sign', ',', ';'):
                self.fail("',' or ']'")
            part = self.operand()
            if not isinstance(part, _Value):
                self.fail('constants or paths in the list')
            parts.append(part)
        kinds = {part.kind for part in parts if part.kind}
        kind = kinds.pop() if len(kinds) == 1 else None
        parts = [_converted(part, kind) for part in parts]
        if all(part.constants is not None for part in parts):
            return _Value(None, kind, [value for part in parts for value in part.constants], what='the list')
        return _Value(lambda alert: [value for part in parts for value in part.get(alert)], kind, what='the list')

    def function(self, name):
        if name in ('time', 'utcnow'):
            self.need('sign', ')')
            if name == 'time':
                return _Value(lambda alert: [time.time()], what='time()')
            return _Value(lambda alert: [EPOCH + timedelta(seconds=time.time())], 'time', what='utcnow()')
        part = self.value(self.deeper(self.arithmetic))
        self.need('sign', ')')
        get = part.raw
        if name == 'size':
            return _Value(lambda alert: [len(get(alert))], what='size()')
        return _Value(lambda alert: [len(value) for value in get(alert) if isinstance(value, str)], what='strlen()')


class Condition:
    """A condition; ConditionError when it is none. groups: names of address groups to Group objects."""

    def __init__(self, text, groups=None):
        self.text = 'True' if text is None else str(text)
        plain = self.text.strip().strip('"\'').lower()
        if text is True or plain in ('', '~', 'none', 'null', 'true'):
            self._test = lambda alert: True
        elif text is False or plain == 'false':
            self._test = lambda alert: False
        else:
            self._test = self._parse(text, groups or {})

    def _parse(self, text, groups):
        if not isinstance(text, str):
            raise ConditionError(f'{text!r}: expected a condition as text; put the whole condition in quotes')
        if len(text) > MAX_LENGTH:
            raise ConditionError(f'a condition of {len(text)} characters: expected at most {MAX_LENGTH}')
        parser = _Parser(text, groups)
        part = parser.truth(parser.logic())
        if parser.tokens[parser.at][0] != 'end':
            parser.fail('an operator')
        return part.test

    def matches(self, alert):
        """True or false; ConditionError when it cannot be answered, for example because values have different types."""
        try:
            return bool(self._test(alert))
        except ConditionError:
            raise
        except (ArithmeticError, TypeError, ValueError, RecursionError) as e:
            raise ConditionError(f'{self.text!r} cannot be evaluated: {e}') from None
