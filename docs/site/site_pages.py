#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the documentation site: the pages of docs/ and the READMEs with Sphinx, the interface of the libraries with Doxygen, and a
reference that the programs give themselves. Works without a network.

usage: site_pages.py --build BUILD [OUT]       the site in OUT (default: BUILD/site); BUILD has the man pages of the programs
       site_pages.py --check                   only: are all links between the pages good? (does not need a build or Sphinx)

A link to a page, heading or file that does not exist is an error, in the sources and in the pages that were made.
"""

import argparse
import glob
import html.parser
import os
import re
import shutil
import subprocess
import sys
import urllib.parse

import roff

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, 'docs', 'site')
IMAGE = re.compile(r'!\[[^\]]*\]\(([^():\s]+)\)')
LINK = re.compile(r'(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)')

# A link, or code, in which nothing is a link: whichever begins first.
LINK_OR_CODE = re.compile(r'^```(?s:.*?)^```\n|(?:(?<=\n\n)|\A) {4}.*\n(?:(?: {4}.*|[ ]*)\n)*|'
                          r'(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)|`[^`\n]+`', re.M)


def pages():
    """Paths of all pages, relative to the root of the tree; those of docs/site are at the root of the site."""
    found = [os.path.relpath(path, ROOT) for pattern in (
        'docs/*.md', 'modules/*/README.md', 'detectors/*/README.md', 'python/*/README.md', 'flow/README.md', 'use-cases/README.md',
        'examples/captures/README.md') for path in glob.glob(os.path.join(ROOT, pattern))]
    return sorted(found) + ['CHANGELOG.md', 'CONTRIBUTING.md']


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def without_code(text):
    """The text with code taken out, so that nothing in it looks like a link or heading."""
    text = re.sub(r'^```.*?^```', '', text, flags=re.M | re.S)
    text = re.sub(r'(?:(?<=\n\n)|\A)(?: {4}.*\n|[ ]*\n)+', '\n', text)
    return re.sub(r'``[^`\n]+``|`[^`\n]+`', '', text)


def slug(heading):
    """The anchor of a heading, as GitHub and MyST make it."""
    heading = re.sub(r'`([^`]*)`', r'\1', heading)
    heading = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading)
    return re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-')


def anchors(path):
    text = re.sub(r'^```.*?^```', '', read(path), flags=re.M | re.S)
    return {slug(heading) for heading in re.findall(r'^#+ (.*)$', text, re.M)}


def source_links():
    """Each link of the pages to a place in the tree: (page, target path, anchor)."""
    for page in pages() + ['README.md']:
        text = without_code(read(os.path.join(ROOT, page)))
        for target in [target for _, target in LINK.findall(text)] + IMAGE.findall(text):
            if not re.match(r'\w+:', target):
                path, _, anchor = urllib.parse.unquote(target).partition('#')
                yield page, os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page, anchor


def dead_source_links():
    for page, target, anchor in source_links():
        path = os.path.join(ROOT, target)
        if not os.path.exists(path):
            yield f'{page}: {target} does not exist'
        elif anchor and target.endswith('.md') and anchor not in anchors(path):
            yield f'{page}: {target} has no heading #{anchor}'


class Stage:
    """A copy of the pages whose links fit the site."""

    def __init__(self, folder):
        self.folder = folder
        self.pages = set(pages())

    def link(self, page, text, target):
        if re.match(r'\w+:', target) or target.startswith('#'):
            return f'[{text}]({target})'
        path, _, anchor = target.partition('#')
        place = os.path.normpath(os.path.join(os.path.dirname(page), path))
        if os.path.isdir(os.path.join(ROOT, place)) and place + '/README.md' in self.pages:
            place += '/README.md'
        if place == 'README.md':
            place = 'index.md'
        elif place not in self.pages:
            if os.path.isdir(os.path.join(ROOT, place)) or place.endswith('.md'):
                return text if text.startswith('`') else f'`{place}`' if text == path else text
            os.makedirs(os.path.dirname(os.path.join(self.folder, place)) or '.', exist_ok=True)
            shutil.copy2(os.path.join(ROOT, place), os.path.join(self.folder, place))  # a file that is offered as it is
            return f'{{download}}`{text.strip("`<>")} <{os.path.relpath(place, os.path.dirname(page) or ".")}>`'
        if text == path and path.endswith('.md'):  # readers of a site know pages by their titles
            text = re.search(r'^# (.*)$', read(os.path.join(ROOT, place)), re.M)[1]
        return f'[{text}]({os.path.relpath(place, os.path.dirname(page) or ".")}{"#" + anchor if anchor else ""})'

    def page(self, page):
        for image in IMAGE.findall(without_code(read(os.path.join(ROOT, page)))):
            place = os.path.join(os.path.dirname(page), image)
            os.makedirs(os.path.dirname(os.path.join(self.folder, place)), exist_ok=True)
            shutil.copy2(os.path.join(ROOT, place), os.path.join(self.folder, place))
        text = LINK_OR_CODE.sub(lambda m: self.link(page, m['text'], m['target']) if m['target'] else m[0], read(os.path.join(ROOT, page)))
        write(os.path.join(self.folder, page), text)

    def folder_page(self, name, title, text, paths):
        rows = ''.join(f'```{{toctree}}\n:maxdepth: 1\n\n{chr(10).join(path[:-3] for path in sorted(paths))}\n```\n')
        write(os.path.join(self.folder, name + '.md'), f'# {title}\n\n{text}\n\n{rows}')

    def all(self, build):
        for page in self.pages:
            self.page(page)
        listed = set(re.findall(r'^docs/[\w-]+$', read(os.path.join(HERE, 'index.md')), re.M))
        others = sorted(page[:-3] for page in self.pages if page.startswith('docs/') and page[:-3] not in listed)
        index = read(os.path.join(HERE, 'index.md')).replace('@PICTURE@', '<div class="picture">' + read(os.path.join(HERE, 'picture.svg')) +
                                                               read(os.path.join(HERE, 'picture-narrow.svg')) + '</div>')
        write(os.path.join(self.folder, 'index.md'), index.replace('@IN_USE@', '\n'.join(others)))
        self.folder_page('modules', 'Modules', 'Modules filter, aggregate, convert, store and show records. Each has a page with an example that is run by the tests.',
                         [page for page in self.pages if page.startswith(('modules/', 'flow/', 'use-cases/'))])
        self.folder_page('detectors', 'Detectors', 'What each detector sees, its options, an example, and its limits.',
                         [page for page in self.pages if page.startswith('detectors/')])
        self.folder_page('python', 'Python', 'Packages and reporters in Python.', [page for page in self.pages if page.startswith(('python/', 'examples/'))])
        self.reference(build)
        write(os.path.join(self.folder, 'api', 'index.md'), '# Interface of the libraries\n\n```{raw} html\n<p><a href="../doxygen/index.html">'
              'Headers, structures and functions of libtrap, libunirec, libnemea-common and libnemea-module</a></p>\n```\n\n'
              'The guides explain how they are used: [modules](../docs/module.md), [records](../docs/unirec.md), [streams](../docs/trap.md), '
              '[tables and sketches](../docs/common.md).\n')

    def reference(self, build):
        """A page of each program from its man page, which is made of what the program declares."""
        names = []
        for path in sorted(glob.glob(os.path.join(build, 'docs', 'man', '*.[17]'))):
            name = os.path.basename(path)
            names.append(name[:-2])
            write(os.path.join(self.folder, 'reference', name[:-2] + '.md'), roff.to_markdown(read(path)))
        if not names:
            sys.exit(f'site_pages.py: there is no man page in {build}/docs/man; is it built?')
        write(os.path.join(self.folder, 'reference', 'index.md'), '# Reference\n\nThe options of every program, made of what the program itself '
              'declares; `nemea help NAME` and `man nemea-NAME` show the same.\n\n```{toctree}\n:maxdepth: 1\n\n' + '\n'.join(names) + '\n```\n')


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attrs):
        for key, value in attrs:
            if key in ('href', 'src') and value:
                self.links.append(value)
            elif key in ('id', 'name') and value:
                self.ids.add(value)


def dead_links(site):
    """Links of the pages that were made to pages, files and anchors that are not there, and to other hosts' files that a page needs."""
    seen = {}

    def page(path):
        if path not in seen:
            parser = Page()
            parser.feed(read(path))
            seen[path] = parser
        return seen[path]

    for path in sorted(glob.glob(os.path.join(site, '**', '*.html'), recursive=True)):
        for link in page(path).links:
            link = urllib.parse.unquote(link)
            if re.match(r'(\w+:|//)', link):
                continue
            target, _, anchor = link.partition('#')
            target = os.path.normpath(os.path.join(os.path.dirname(path), target.partition('?')[0])) if target else path
            if not os.path.exists(target):
                yield f'{os.path.relpath(path, site)}: {link}'
            elif anchor and target.endswith('.html') and 'doxygen' not in path and anchor not in page(target).ids:
                yield f'{os.path.relpath(path, site)}: {link} (no such anchor)'


def fail(title, found):
    if found:
        sys.exit('\n'.join([f'site_pages.py: {title}:'] + ['   ' + line for line in found]))


def version():
    return re.search(r"^  version: '([\d.]+)'", read(os.path.join(ROOT, 'meson.build')), re.M)[1]


def make(build, out):
    stage = os.path.join(build, 'site-source')
    for folder in (stage, out):
        shutil.rmtree(folder, ignore_errors=True)
    Stage(stage).all(build)
    env = dict(os.environ, NEMEA_VERSION=version(), LC_ALL='C.UTF-8')
    subprocess.run(['/usr/bin/python3', '-m', 'sphinx', '-q', '-W', '--keep-going', '-b', 'html', '-d', os.path.join(build, 'site-doctrees'), '-c', HERE, stage, out],
                   check=True, env=env)
    configuration = read(os.path.join(ROOT, 'docs', 'Doxyfile')) + f'\nOUTPUT_DIRECTORY = {out}\nHTML_OUTPUT = doxygen\nGENERATE_XML = NO\nSEARCHENGINE = NO\n'
    configuration += re.sub(r'docs/\S+\.md', '', re.search(r'^INPUT(?:.*\\\n)*.*\n', configuration, re.M)[0]) + 'USE_MDFILE_AS_MAINPAGE =\n'
    subprocess.run(['doxygen', '-'], input=configuration, text=True, cwd=ROOT, check=True)
    fail('dead links in the site', list(dead_links(out)))
    count = sum(1 for _ in glob.iglob(os.path.join(out, '**', '*.html'), recursive=True))
    print(f'site_pages.py: {count} pages, no dead link: {os.path.join(out, "index.html")}')


def main():
    parser = argparse.ArgumentParser(prog='site_pages.py', description='Makes the documentation site.')
    parser.add_argument('--check', action='store_true', help='check the links of the pages only')
    parser.add_argument('--build', metavar='DIR', help='build directory with the man pages')
    parser.add_argument('out', nargs='?', help='where the site is made (default: DIR/site)')
    options = parser.parse_args()
    fail('dead links', list(dead_source_links()))
    if options.check:
        print(f'{sum(1 for _ in source_links())} links between pages are good')
    elif options.build:
        make(os.path.abspath(options.build), os.path.abspath(options.out or os.path.join(options.build, 'site')))
    else:
        parser.error('--build DIR or --check')


if __name__ == '__main__':
    main()
