# SPDX-License-Identifier: BSD-3-Clause
"""The packages of debian/control as those of an RPM spec file."""

import re
import time

# Packages of others, which have other names there; None: RPM finds the dependency by itself, or it is not needed.
FOREIGN = {'libjansson-dev': 'jansson-devel', 'libssl-dev': 'openssl-devel', 'libxml2-dev': 'libxml2-devel', 'libzstd-dev': 'libzstd-devel',
           'python3-yaml': 'python3-pyyaml'}


def paragraphs(control):
    """Fields of each binary package."""
    for text in control.split('\n\n')[1:]:
        fields = {}
        for line in text.splitlines():
            if line.startswith(' '):
                fields[key] += '\n' + line.strip()
            elif ':' in line:
                key, _, value = line.partition(':')
                fields[key] = value.strip()
        if fields:
            yield fields


def relations(text, noarch):
    """Names with their conditions, as Requires: takes them."""
    for entry in (entry.strip() for entry in text.replace('\n', '').split(',')):
        found = re.match(r'([\w.+-]+)(?::any)?(?: \((\S+) ([^)]*)\))?$', entry)
        if not found:
            continue  # ${misc:Depends} and the like, which RPM finds by itself
        name, condition = found[1], ''
        if found[3] == '${binary:Version}':
            name, condition = name + '%{?_isa}', ' = %{version}-%{release}'
        elif found[3] == '${source:Version}':
            condition = ' = %{version}-%{release}'
        elif name in FOREIGN:
            name, condition = FOREIGN[name], f' {found[2]} {found[3]}' if found[2] else ''
        else:
            continue
        yield (name.replace('%{?_isa}', '') if noarch else name) + condition


def package(fields):
    name, summary, text = fields['Package'], *fields['Description'].split('\n', 1)
    noarch = fields['Architecture'] == 'all'
    lines = [f'%package -n {name}', f'Summary: {summary[0].upper()}{summary[1:]}'] + (['BuildArch: noarch'] if noarch else [])
    lines += [f'Requires: {entry}' for entry in relations(fields.get('Depends', ''), noarch)]
    lines += [f'Recommends: {entry}' for entry in relations(fields.get('Recommends', ''), noarch)]
    if name.endswith('-dev'):
        lines.append(f'Provides: {name}el = %{{version}}-%{{release}}')
    return '\n'.join(lines + [f'\n%description -n {name}', re.sub(r'^\.$', '', text, flags=re.M), '', f'%files -n {name} -f packages/{name}.files',
                              '%license LICENSE', ''])


def spec(template, control, version, seconds):
    packages = list(paragraphs(control))
    out = '\n'.join(package(fields) for fields in packages if fields['Package'] not in ('nemea', 'nemea-doc'))
    out += '\n%files -f packages/nemea.files\n%license LICENSE\n'
    for key, value in (('@PACKAGES@', out), ('@VERSION@', version), ('@DATE@', time.strftime('%a %b %d %Y', time.gmtime(seconds)))):
        template = template.replace(key, value)
    return template
