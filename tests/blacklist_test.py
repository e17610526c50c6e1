#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of the blacklist suite: real processes, files that change while they are used.

usage: blacklist_test.py BIN_DIR
"""

import hashlib
import json
import os
import re
import signal
import sys
import unittest

import demo
from blacklist_server import NGINX, Broken, Nginx
from programs import Workspace

BIN = None
OFFICE = os.path.join(demo.CAPTURES, 'ordinary-office.pcapng.zst')
FLOWS = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT,'
         'uint16 SRC_PORT,uint8 PROTOCOL\n')
FLOW = '10.99.0.1,{},100,2020-01-01T00:00:00.000,2020-01-01T00:00:00.500,3,80,4444,6\n'


class Case(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env['TMPDIR'] = self.w.path

    def replace(self, name, content):
        """As downloaders do it: readers see the old file or the new one."""
        self.w.file(name + '.new', content)
        os.rename(self.w.file(name + '.new'), self.w.file(name))

    def counter(self, name):
        """A counter of a module with --telemetry t; None: not known yet."""
        try:
            found = re.search(rf'^{name}: (\d+)$', self.w.read('t/module/stats'), re.MULTILINE)
        except OSError:
            return None
        return int(found.group(1)) if found else None


class Analyze(Case):
    """nemea analyze --blacklist"""

    def events(self, *arguments):
        status, out, err = self.w.run('nemea', 'analyze', '--json', *arguments, OFFICE)
        self.assertEqual(status, 0, err)
        return json.loads(out)['events']

    def test_contacts_with_what_a_list_has_are_events(self):
        path = self.w.file('list', '# bad\n198.18.1.10\nwww9.example\nhttp://www14.example/0.html\n')
        self.assertEqual(self.events(), [])
        events = self.events('--blacklist', path)
        self.assertEqual({event['kind'] for event in events},
                         {'blacklisted-address', 'blacklisted-name', 'blacklisted-url'})
        self.assertEqual({event['sources'][0]['ip'] for event in events if event['kind'] == 'blacklisted-address'}, {'198.18.1.10'})
        reasons = '\n'.join(event['reason'] for event in events)
        self.assertRegex(reasons, r'looked up blacklisted names \d+ times in .*, first "www9.example"')
        self.assertRegex(reasons, r'requested blacklisted URLs \d+ times in .*, first "www14.example/0.html"')
        self.assertRegex(reasons, r'198.18.1.10, which is on a blacklist, and 10\.\S+ exchanged \d+ flows with')

    def test_a_list_that_cannot_be_read_is_an_error_in_the_input(self):
        status, _, err = self.w.run('nemea', 'analyze', '--blacklist', self.w.file('none'), OFFICE)
        self.assertEqual(status, 3)
        self.assertIn('cannot read the blacklist', err)


class Watch(Case):
    """Lists that change while a filter runs."""

    def send(self, address, *options):
        path = self.w.file('flows.csv', FLOWS + FLOW.format(address))
        self.assertEqual(self.w.run('logreplay', '-f', path, '-i', 'u:flows:min_clients=1:timeout=WAIT', *options)[0], 0)

    def test_a_list_that_is_replaced_is_used_without_a_signal(self):
        self.w.file('list', '192.0.2.1\n')
        module = self.w.start('ipblacklistfilter', '-i', 'u:flows,f:alerts.trapcap:w', '--blacklist', 'list',
                              '--telemetry', 't')
        self.send('192.0.2.1', '-n')
        self.w.wait_for(lambda: self.counter('hits') == 1, 'the filter')
        self.replace('list', '192.0.2.2\n192.0.2.3\n')
        self.w.wait_for(lambda: self.counter('entries') == 2, 'the filter')
        os.unlink(self.w.file('list'))  # nothing to read: what there is stays
        self.send('192.0.2.1', '-n')
        self.send('192.0.2.2')
        self.assertEqual(self.w.end(module)[0], 0)
        rows = self.w.run('logger', '-i', 'f:alerts.trapcap')[1].splitlines()
        self.assertEqual([row.split(',')[1] for row in rows], ['192.0.2.1', '192.0.2.2'])


class Download(Case):
    """bl_downloader and nginx"""

    def setUp(self):
        super().setUp()
        if not os.path.exists(os.path.join(BIN, 'bl_downloader')):
            self.skipTest('built without libcurl')
        self.assertIsNotNone(NGINX, 'nginx is missing (./bootstrap.sh deps check)')
        self.nginx = Nginx(self.w)

    def configure(self, *lists, **general):
        """lists: (type, id, url, elements); a configuration whose files are in the workspace."""
        def elements(values):
            return ''.join(f'<element name="{name}">{value}</element>' for name, value in values.items())

        arrays = ''
        for kind in 'IP', 'URL/DNS':
            structs = ''
            for list_kind, number, url, more in lists:
                if list_kind == kind:
                    values = {'id': number, 'category': 'Test', 'method': 'http', 'name': f'List {number}', 'file_format': 'text',
                              'source': url, 'download_interval': 10}
                    values.update({'ip_version': 4} if kind == 'IP' else {'detectors': 'URL,DNS'})
                    values.update(more)
                    structs += f'<struct>{elements(values)}</struct>'
            arrays += f'<array type="{kind}">{structs}</array>'
        files = elements({name: self.w.file(f'out/{name.lower()}.blist') for name in ('IP4', 'IP6', 'URL', 'DNS')})
        values = {'download_interval': 10, 'socket_timeout': 20}
        values.update(general)
        self.w.file('config.xml', '<?xml version="1.0"?><configuration><struct name="general">' + elements(values) +
                    f'</struct><struct name="detector_files">{files}</struct><struct name="blacklist_array">{arrays}</struct></configuration>')

    def download(self, *options, status=0):
        result = self.w.run('bl_downloader', '-c', 'config.xml', '-s', self.w.file('state'), '--once', *options)
        self.assertEqual(result[0], status, result)
        return result[2]

    def test_lists_become_files_of_the_filters(self):
        self.nginx.put('ip.txt', '# comment\n198.51.100.7\n192.0.2.0/24 ; SBL\n9.0.0.1\n')
        self.nginx.put('more.csv', 'first,ip\nx,"198.51.100.7"\ny,203.0.113.1\n')
        self.nginx.put('ports.json', json.dumps([
            {'ip_address': '9.0.0.1', 'port': 443, 'status': 'online'}, {'ip_address': '9.0.0.1', 'port': '80', 'status': 'online'},
            {'ip_address': '9.0.0.2', 'port': 1, 'status': 'offline'}]))
        self.nginx.put('ip6.txt', '2001:db8:bad::/48\n2001:db8::1\n')
        self.nginx.put('urls.txt', 'http://www.Evil.example/Path/\nhttp://evil.example/b\n*.bad.example\nhttp://192.0.2.1/x\n')
        self.nginx.put('phish.csv', 'id,url\n1,"https://evil.example"\n')
        url = self.nginx.url
        self.configure(('IP', 1, url('ip.txt'), {}), ('IP', 2, url('more.csv'), {'file_format': 'csv', 'csv_col': 2}),
                       ('IP', 3, url('ports.json'), {'file_format': 'JSON', 'json_address_key': 'ip_address', 'json_port_key': 'port',
                                                     'filter_key': 'status', 'filter_value': 'online'}),
                       ('IP', 4, url('ip6.txt'), {'ip_version': 6}), ('URL/DNS', 1, url('urls.txt'), {}),
                       ('URL/DNS', 7, url('phish.csv'), {'file_format': 'csv', 'csv_col': 2}))
        self.download('-r', self.w.file('repo'))
        self.assertEqual(self.w.read('out/ip4.blist'),
                         '9.0.0.1,5;3:80,443\n192.0.2.0/24,1\n198.51.100.7,3\n203.0.113.1,2\n')
        self.assertEqual(self.w.read('out/ip6.blist'), '2001:0db8:0000:0000:0000:0000:0000:0001,8\n'
                         '2001:0db8:0bad:0000:0000:0000:0000:0000/48,8\n')
        self.assertEqual(self.w.read('out/url.blist'),
                         '*.bad.example\\1\n192.0.2.1/x\\1\nevil.example\\64\nevil.example/b\\1\nevil.example/path\\1\n')
        self.assertEqual(self.w.read('out/dns.blist'), '*.bad.example\\1\nevil.example\\65\n')
        self.assertEqual(self.w.read('repo/ip-3-List_3'), '9.0.0.1:80,443\n')
        log = self.w.run('git', '-C', 'repo', 'log', '--format=%s')[1]
        self.assertEqual(log, 'URL/DNS blacklists updated\nIP blacklists updated\n')

    def test_a_list_is_fetched_again_only_when_it_has_changed(self):
        self.nginx.put('list.txt', '192.0.2.1\n')
        self.configure(('IP', 1, self.nginx.url('list.txt'), {}))
        self.download()
        before = os.stat(self.w.file('out/ip4.blist')).st_ino
        self.download()
        self.assertEqual(self.nginx.requests('list.txt', 2), [200, 304])
        self.assertEqual(os.stat(self.w.file('out/ip4.blist')).st_ino, before)
        self.nginx.put('list.txt', '192.0.2.2\n')
        self.download()
        self.assertEqual(self.nginx.requests('list.txt', 3), [200, 304, 200])
        self.assertEqual(self.w.read('out/ip4.blist'), '192.0.2.2,1\n')

    def check_refused(self, url, reason, *options, more=None):
        """A list that was good before stays; the other lists are not disturbed."""
        self.nginx.put('list.txt', '192.0.2.1\n')
        self.nginx.put('other.txt', '198.51.100.1\n')
        self.configure(('IP', 1, self.nginx.url('list.txt'), {}), ('IP', 2, self.nginx.url('other.txt'), {}))
        self.download()
        self.nginx.put('other.txt', '198.51.100.2\n')
        self.configure(('IP', 1, url, more or {}), ('IP', 2, self.nginx.url('other.txt'), {}))
        self.assertRegex(self.download(*options, status=1), reason)
        self.assertEqual(self.w.read('out/ip4.blist'), '192.0.2.1,1\n198.51.100.2,2\n')

    def test_pages_that_are_no_lists_are_refused(self):
        self.check_refused(self.nginx.url('sorry'), 'HTML')
        self.check_refused(self.nginx.url('sorry-text'), 'only 0 of 3 lines')
        self.check_refused(self.nginx.url('nothing'), 'empty')
        self.check_refused(self.nginx.url('none.txt'), '404')

    def test_at_most_five_redirects_and_to_http_only(self):
        self.nginx.put('list.txt', '192.0.2.77\n')
        self.configure(('IP', 1, self.nginx.url('redirect/5'), {}))
        self.download()
        self.assertEqual(self.w.read('out/ip4.blist'), '192.0.2.77,1\n')
        self.check_refused(self.nginx.url('redirect/6'), 'redirects')
        self.check_refused(self.nginx.url('loop'), 'redirects')
        self.check_refused(self.nginx.url('to-file'), '[Pp]rotocol')

    def test_downloads_are_bounded_in_size_also_decompressed(self):
        self.nginx.put('big.txt', '192.0.2.1\n' * 200000)  # 2 MB, a few kB compressed
        self.check_refused(self.nginx.url('big.txt'), 'larger than 1048576 bytes', '--max-size', '1')

    def test_a_slow_server_is_given_up(self):
        self.nginx.put('list.txt', '192.0.2.1\n')
        self.nginx.put('big.txt', '192.0.2.1\n' * 1000)
        self.configure(('IP', 1, self.nginx.url('list.txt'), {}))
        self.download()
        self.configure(('IP', 1, self.nginx.url('slow'), {}), socket_timeout=1)  # alone: a busy machine may take as long for another one
        self.assertRegex(self.download(status=1), 'too slow|timed out')
        self.assertEqual(self.w.read('out/ip4.blist'), '192.0.2.1,1\n')

    def test_what_was_cut_off_is_refused(self):
        for answer in (b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n192.0.2.9\n',
                       b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n192.0.2.9\n', b'HTTP/1.1 200 OK\r\n', b'', b'junk'):
            server = Broken(answer)
            self.addCleanup(server.close)
            self.check_refused(server.url(), r'List 1 \(')

    def test_checksums(self):
        text = '192.0.2.1\n192.0.2.3\n'
        self.nginx.put('list.txt', text)
        self.nginx.put('sum', hashlib.sha256(text.encode()).hexdigest() + '  list.txt\n')
        self.configure(('IP', 1, self.nginx.url('list.txt'), {'sha256_source': self.nginx.url('sum')}))
        self.download()
        self.assertEqual(self.w.read('out/ip4.blist'), '192.0.2.1,1\n192.0.2.3,1\n')
        self.nginx.put('other-list.txt', '192.0.2.4\n')
        self.check_refused(self.nginx.url('other-list.txt'), 'SHA-256', more={'sha256_source': self.nginx.url('sum')})
        self.check_refused(self.nginx.url('other-list.txt'), 'checksum', more={'sha256_source': self.nginx.url('none')})

    def test_names_of_lists_are_no_options_and_no_paths(self):
        self.nginx.put('list.txt', '192.0.2.1\n')
        self.configure(('IP', 1, self.nginx.url('list.txt'), {'name': '--upload-pack=x ../../y'}))
        self.download('-r', self.w.file('repo'))
        self.assertEqual(self.w.run('git', '-C', 'repo', 'ls-files')[1], 'ip-1---upload-pack_x_.._.._y\n')

    def test_a_service_ends_on_request(self):
        self.nginx.put('list.txt', '192.0.2.1\n')
        self.configure(('IP', 1, self.nginx.url('list.txt'), {}))
        service = self.w.start('bl_downloader.py', '-c', 'config.xml', '-s', self.w.file('state'), '-l', '10')
        self.w.wait_for(lambda: os.path.exists(self.w.file('out/ip4.blist')) and self.w.read('out/ip4.blist'), 'the list')
        service.send_signal(signal.SIGTERM)
        self.assertEqual(self.w.end(service)[0], 0)

    def test_mistakes_in_the_configuration(self):
        url = self.nginx.url('list.txt')
        for lists, reason in (([], 'no list'), ([('IP', 0, url, {})], '"id" is "0"'), ([('IP', 65, url, {})], '"id" is "65"'),
                              ([('IP', 1, 'ftp://x/y', {})], 'expected http'), ([('IP', 1, 'file:///etc/passwd', {})], 'expected http'),
                              ([('IP', 1, url, {'ip_version': 5})], 'expected 4 or 6'), ([('IP', 1, url, {'method': 'git'})], 'expected http'),
                              ([('IP', 1, url, {'file_format': 'csv'})], 'csv_col'), ([('IP', 1, url, {'file_format': 'JSON'})], 'json_address_key'),
                              ([('URL/DNS', 1, url, {'detectors': 'x'})], 'expected URL, DNS'), ([('IP', 1, url, {}), ('IP', 1, url, {})], 'same id')):
            self.configure(*lists)
            self.assertIn(reason, self.download(status=1))
        self.w.file('config.xml', '<configuration><struct>')
        self.assertIn('line 1', self.download(status=1))
        status, _, err = self.w.run('bl_downloader', '--max-size', '0')
        self.assertEqual((status, err), (1, 'bl_downloader: option -m, --max-size: "0" is not a number from 1 to 4096\n'))


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
