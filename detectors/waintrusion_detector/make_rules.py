#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the rules of waintrusion_detector of the OWASP ModSecurity Core Rule Set, as in Debian's package modsecurity-crs.

usage: make_rules.py CRS_RULES_DIR TARGET_DIR          (CRS_RULES_DIR: /usr/share/modsecurity-crs/rules)

Writes TARGET_DIR/rules/RULE.data (lines "regex ** FIELD[,FIELD...]") and TARGET_DIR/data/LIST.data. Taken are rules of requests that are
not chained, with the operator @rx or !@rx, of paranoia level 1, as far as they look at what flow records have.
"""

import os
import re
import sys

GROUPS = {'913-SCANNER-DETECTION': 'request-scanner-detection', '920-PROTOCOL-ENFORCEMENT': 'request-protocol-enforcement',
          '921-PROTOCOL-ATTACK': 'request-protocol-attack', '930-APPLICATION-ATTACK-LFI': 'request-application-attack-lfi',
          '931-APPLICATION-ATTACK-RFI': 'request-application-attack-rfi', '932-APPLICATION-ATTACK-RCE': 'request-application-attack-rce',
          '933-APPLICATION-ATTACK-PHP': 'request-application-attack-php', '941-APPLICATION-ATTACK-XSS': 'request-application-attack-xss',
          '942-APPLICATION-ATTACK-SQLI': 'request-application-attack-sqli',
          '943-APPLICATION-ATTACK-SESSION-FIXATION': 'request-application-attack-session-fixation'}
FIELDS = {'REQUEST_URI_RAW': 'HTTP_URL_RAW', 'REQUEST_URI': 'HTTP_URL', 'REQUEST_FILENAME': 'HTTP_URL_FILENAME', 'REQUEST_METHOD': 'HTTP_METHOD',
          'QUERY_STRING': 'HTTP_URL_QUERY_STRING', 'ARGS': 'HTTP_URL_ARGS', 'ARGS_GET': 'HTTP_URL_ARGS', 'ARGS_NAMES': 'HTTP_URL_ARGS_NAMES',
          'ARGS_GET_NAMES': 'HTTP_URL_ARGS_NAMES', 'REQUEST_HEADERS:Host': 'HTTP_HOST', 'REQUEST_HEADERS:User-Agent': 'HTTP_USER_AGENT',
          'REQUEST_HEADERS:Referer': 'HTTP_REFERER', 'REQUEST_LINE': 'HTTP_METHOD_AND_URL'}
LISTS = ['scanners-user-agents', 'scanners-urls', 'scanners-headers', 'restricted-files', 'lfi-os-files', 'windows-powershell-commands', 'unix-shell',
         'php-config-directives', 'php-variables', 'php-function-names-933150']
LEFT_OUT = {'920290', '920350',  # a Host header that is empty, or a number: flow records show requests without one the same; usual inside networks
            '933210'}  # PHP functions as variables: also what Google Analytics sends from each page
METHODS = ['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'PATCH', 'DELETE', 'CONNECT']  # those of crs-setup.conf, and those that programs use with servers
SECRULE = re.compile(r'^SecRule\s+(\S+)\s+"((?:[^"\\]|\\.)*)"\s*(?:\\\n)?\s*"((?:[^"\\]|\\.)*)"', re.MULTILINE)


def pattern(operator, actions):
    """The regular expression of a rule, or None."""
    negated = operator.startswith('!')
    kind, _, text = operator.lstrip('!').partition(' ')
    if kind != '@rx' or '%{' in text:
        return None
    text = text.replace('\\"', '"')
    if 't:lowercase' in actions:
        text = f'(?i){text}'
    if negated:
        text = f'^(?!{text[1:]})' if text.startswith('^') else f'^(?!.*(?:{text}))'
    return text


def signatures(path):
    with open(path, encoding='utf-8') as file:
        source = re.sub(r'^\s*#.*\n', '', file.read(), flags=re.MULTILINE)
    for variables, operator, actions in SECRULE.findall(source.replace('\\\n', ' ')):
        level = re.search(r'paranoia-level/(\d)', actions)
        number = re.search(r'id:(\d+)', actions)
        if number is None or re.search(r'(^|[ ,])chain([ ,]|$)', actions) or level is None or int(level.group(1)) > 1:
            continue
        names = [name for name in variables.split('|') if name in FIELDS]
        text = pattern(operator, actions)
        if text is None or not names or number.group(1) in LEFT_OUT:
            continue
        yield number.group(1), text, list(dict.fromkeys(FIELDS[name] for name in names))


def main(source, target):
    for folder in ('rules', 'data'):
        os.makedirs(os.path.join(target, folder), exist_ok=True)
    head = '# Of the OWASP ModSecurity Core Rule Set 3.3.4, Apache License 2.0 (LICENSE); changed by make_rules.py.\n'
    for group, name in GROUPS.items():
        lines = []
        for number, text, fields in signatures(os.path.join(source, f'REQUEST-{group}.conf')):
            if number == '920100':  # the request line: flow records have no version of HTTP
                text = r'^(?!(?i:[a-z]{3,10}\s+(?:\w{3,7}?://[\w\-./]*(?::\d+)?)?/[^?#\s]*(?:\?[^#\s]*)?(?:#\S*)?|connect (?:[\w\-.]+|\[[0-9a-f:]+\])(?::\d+)?|options \*)$)'
                fields = ['HTTP_METHOD_AND_URL']
            try:
                re.compile(text)
            except re.error as error:
                print(f'{number}: {error}', file=sys.stderr)
            lines.append(f'# {number}\n{text} ** {",".join(fields)}\n')
        with open(os.path.join(target, 'rules', f'{name}.data'), 'w', encoding='utf-8') as file:
            file.write(head + ''.join(lines))
        print(f'{name}: {len(lines)}', file=sys.stderr)
    with open(os.path.join(target, 'data', 'allowed-http-methods.data'), 'w', encoding='ascii') as file:
        file.write(head + '\n'.join(METHODS) + '\n')
    for name in LISTS:
        with open(os.path.join(source, f'{name}.data'), encoding='utf-8') as file:
            entries = [line.strip('\r\n') for line in file if line.strip() and not line.startswith('#')]
        with open(os.path.join(target, 'data', f'{name}.data'), 'w', encoding='utf-8') as file:
            file.write(head + '\n'.join(entries) + '\n')


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
