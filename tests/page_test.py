#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The live page: all of its views in Chromium on a small deployment.

usage: page_test.py BIN_DIR [PICTURES]        with a directory, a picture of each view is written there
"""

import http.client
import json
import os
import signal
import socket
import ssl
import sys
import unittest

import browser
from geo_database import database
from page_requests_test import Page
from programs import ROOT
from supervised import DOCUMENT, interface, kill_modules, module

PICTURES = None


@unittest.skipUnless(browser.find(), 'no Chromium')
class Views(Page):
    def program(self, name):
        return os.path.join(self.bin, name)

    def deployment(self):
        """flows -> repeater -> detectors -> store, and the archive of flows."""
        for name in ('modules', 'logs', 'archive', 'traffic'):
            os.mkdir(self.w.file(name))
        self.w.file('t.xml', DOCUMENT.format(self.w.path))
        detectors = ('vportscan_detector', 'haddrscan_detector')
        text = module('repeater', self.program('traffic_repeater'), '', interface('IN', 'flows') + interface('OUT', 'repeated:timeout=WAIT'))
        text += module('traffic_stats', self.program('traffic_stats'), f'-d {self.w.file("traffic")}', interface('IN', 'repeated'))
        for name in detectors:
            text += module(name, self.program(name), '', interface('IN', 'repeated') + interface('OUT', name))
        text += module('alert_store', self.program('alert_store'), f'-d {self.w.file("events.db")}', ''.join(interface('IN', f'{name}:resume=store') for name in detectors))
        text += module('flow_archive', self.program('flow_archive'), f'-d {self.w.file("archive")}', interface('IN', 'repeated'))
        self.w.file('modules/all.sup', text)
        self.addCleanup(kill_modules, self.w)
        self.w.start(self.program('supervisor'), '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.w.file('s.sock'), '--state-dir', self.w.file('state'))
        self.w.connect(self.w.file('s.sock')).close()

    def modules(self):
        code, out, _ = self.w.run(self.program('supcli'), '-s', self.w.file('s.sock'), 'status', '--json')
        return {m['name']: m for m in json.loads(out)} if code == 0 else {}

    def all_connected(self):
        modules = self.modules()
        return len(modules) == 6 and all(m['state'] == 'ready' for m in modules.values()) and modules['repeater']['outputs'][0]['clients'] == 4 and \
            all(i['connected'] for i in modules['alert_store']['inputs'])

    def connect_all(self):
        """The repeater offers its output when it knows a format: with the first of the flows, which then are sent when all read."""
        for i, capture in enumerate(('horizontal-sweeps.pcap.zst', 'vertical-scans-ipv4.pcap.zst')):
            path = os.path.join(ROOT, 'examples/captures', capture)
            code, _, err = self.w.run(self.program('flow_meter'), '-r', path, '-i', f'f:flows{i}.trapcap')
            self.assertEqual(code, 0, err)
        lines = [self.w.run(self.program('logger'), '-t', '-i', f'f:flows{i}.trapcap')[1].splitlines(True) for i in range(2)]
        self.assertEqual(lines[0][0], lines[1][0])
        self.flows = lines[0][2:] + lines[1][1:]
        self.sender = self.w.start(self.program('logreplay'), '-n', '-f', '-', '-i', 'u:flows:timeout=WAIT', stdin=-1)
        self.sender.stdin.write(''.join(lines[0][:2]))
        self.sender.stdin.flush()
        self.w.wait_for(self.all_connected, 'the modules')

    def events(self, *options):
        return [json.loads(line) for line in self.w.run('nemea', 'alerts', '--json', '-n', '1000', *options)[1].splitlines()]

    def archived(self):
        scans = [e for e in self.events('--kind', 'vertical-scan') if len(e['sources']) == 1]
        return scans and self.w.run('nemea', 'flows', '--archive=archive', '--json', '-n', '1', '--host', scans[0]['sources'][0]['ip'],
                                    '--host', scans[0]['targets'][0]['ip'])[1]

    def send(self):
        self.sender.stdin.write(''.join(self.flows))
        self.sender.stdin.flush()

    def view(self, hash_, expression):
        self.browser.eval(f'location.hash = {json.dumps(hash_)}')
        return self.browser.wait(f'document.getElementById("view").dataset.view === {json.dumps(hash_.split("/")[1].split("?")[0])} && ({expression})')

    def pictures(self, name):
        if not PICTURES:
            return
        for dark in (False, True):
            for kind, width, height in (('wide', 1280, 860), ('narrow', 390, 844)):
                self.browser.size(width, height, dark)
                self.browser.eval('new Promise((done) => setTimeout(done, 300))')
                self.browser.picture(os.path.join(PICTURES, f'{name}-{"dark" if dark else "light"}-{kind}.png'))
        self.browser.size(1280, 860)

    def test_all_views_show_what_the_programs_say(self):
        self.deployment()
        self.connect_all()
        networks = self.w.file('networks', '10.0.0.0/8 lab\n192.168.0.0/16 office\n172.16.0.0/12 servers\n')
        geoip = self.w.file('geo.mmdb', database({'country': {'iso_code': 'ZZ'}, 'autonomous_system_number': 64500, 'autonomous_system_organization': 'Example Net'}))
        code, _, err = self.w.run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=127.0.0.1', '-keyout', 'key.pem',
                                  '-out', 'cert.pem')
        self.assertEqual(code, 0, err)
        tls = ('--tls-cert', self.w.file('cert.pem'), '--tls-key', self.w.file('key.pem'))
        self.start('--networks', networks, '--geoip', geoip, '--resolver', *tls, port=self.w.free_port())
        self.check_tls()
        self.browser = b = browser.Browser(browser.find(), self.w.file('chromium'))
        self.addCleanup(b.close)
        b.size(1280, 860)
        b.go(self.address)
        b.wait('document.getElementById("connection").textContent === "live"')
        b.wait('document.getElementById("open").textContent.includes("Nothing is open")')
        self.send()
        b.wait('document.querySelectorAll("#open .row").length > 3')  # as it happens, without asking
        self.w.wait_for(lambda: len(self.events()) > 3, 'events')
        b.reload()
        b.wait('document.querySelectorAll("#open .row").length > 3 && document.querySelector("#alerts-over-time canvas")')
        self.w.wait_for(lambda: b.eval('document.querySelector(".tile b")?.textContent') == str(len(self.events('--state', 'new'))), 'the number of open events')
        self.pictures('overview')

        # What is asked for from here on is there: an event of each kind, and its flows.
        self.w.wait_for(self.archived, 'flows of a scan in the archive')

        # The list has what nemea alerts has.
        self.view('#/alerts', 'document.querySelectorAll("#alerts tbody tr").length > 3')
        self.w.wait_for(lambda: {e['id'] for e in self.events()} == set(self.ids_shown()), 'the same events')
        self.pictures('alerts')
        kind = self.events()[0]['kind']
        self.view(f'#/alerts?kind={kind}', f'document.querySelector("select[name=kind]").value === "{kind}"')
        self.w.wait_for(lambda: {e['id'] for e in self.events('--kind', kind)} == set(self.ids_shown()), 'the same events of a kind')

        self.check_sorting()

        # One event, its flows, and a mark.
        event = next(e for e in self.events('--kind', 'vertical-scan') if len(e['sources']) == 1)
        self.view('#/alerts/' + event['id'], 'document.querySelector(".reason") && document.querySelector("#flows tbody tr")')
        shown = b.eval('document.getElementById("view").innerText')
        self.assertIn(event['reason'], shown)
        self.assertIn(event['sources'][0]['ip'], shown)
        self.pictures('alert')
        b.eval('document.querySelector("input[aria-label=Note]").value = "<img src=x onerror=alert(1)>"')
        b.eval('document.querySelector("button[data-mark=false]").click()')
        b.wait('document.getElementById("state").textContent === "false alarm"')
        self.assertEqual([e['id'] for e in self.events('--state', 'false')], [event['id']])
        self.assertIn('<img src=x onerror=alert(1)>', b.eval('document.getElementById("view").innerText'))
        self.assertEqual(b.eval('document.querySelectorAll("#view img").length'), 0)

        # A host.
        host = event['sources'][0]['ip']
        self.view('#/hosts/' + host, 'document.querySelector("#attacker .row") && document.querySelector("#flows tbody tr")')
        shown = {row for row in b.eval('[...document.querySelectorAll("#attacker .row")].map((r) => r.dataset.id)')}
        self.assertTrue(shown and shown <= {e['id'] for e in self.events('--host', host)})
        self.check_addresses(host)
        self.view('#/hosts/' + host, 'document.querySelector("#attacker .row")')
        self.pictures('host')
        self.view('#/hosts', 'document.querySelectorAll("td .address").length > 1')
        self.pictures('hosts')

        # The pipeline and a module; the system.
        names = set(self.view('#/pipeline', '[...document.querySelectorAll(".node")].map((n) => n.dataset.module)'))
        self.assertEqual(names, set(self.modules()))
        self.pictures('pipeline')
        b.eval('document.querySelector(".node[data-module=repeater]").click()')
        b.wait('document.querySelectorAll("#counters tbody tr").length === 2 && document.getElementById("log").textContent')
        if PICTURES:
            b.eval('scrollTo(0, 400)')
        self.check_records()
        self.pictures('module')
        self.view('#/system', 'document.querySelectorAll("#system-modules tbody tr").length === 6 && document.querySelector("#system-data dd")')
        self.pictures('system')

        # The connection is lost, and comes back.
        self.assertEqual(self.w.end(self.page, signal.SIGTERM), (0, '', ''))
        b.wait('!document.getElementById("lost").hidden')
        self.pictures('lost')
        self.page = self.w.start(self.program('nemea_page'), '-l', f'127.0.0.1:{self.port}', '-t', 'token', '-s', self.w.file('s.sock'), *tls)
        b.wait('document.getElementById("lost").hidden && document.getElementById("connection").textContent === "live"')
        self.assertEqual(b.problems, [])

    def check_tls(self):
        self.assertTrue(self.address.startswith('https://'))
        context = ssl.create_default_context(cafile=self.w.file('cert.pem'))
        context.check_hostname = False
        connection = http.client.HTTPSConnection('127.0.0.1', self.port, context=context)
        connection.request('GET', '/?token=' + '0' * 32)
        self.assertEqual(connection.getresponse().status, 401)
        connection.close()
        with socket.create_connection(('127.0.0.1', self.port)) as s: # who speaks no TLS gets nothing
            s.sendall(b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
            self.assertNotIn(b'HTTP/1.1 200', s.recv(1000))

    def test_many_events_are_shown_page_by_page(self):
        """The document holds one page of rows, however many there are; who looks at an event and comes back finds the page again."""
        self.w.start(self.program('alert_store'), '-d', self.w.file('events.db'), '-i', 'u:miner_detector:resume=store', '--max-age', '36500')
        lines = ['ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,time TIME_FIRST,time TIME_LAST,uint32 EVENT_SCALE\n']
        lines += [f'10.0.{i // 250}.{i % 250 + 1},203.0.113.{i % 200 + 1},3333,2026-11-20T{i // 60 + 10:02}:{i % 60:02}:00,2026-11-20T{i // 60 + 10:02}:{i % 60:02}:30,5\n'
                  for i in range(120)]
        code, _, err = self.w.run(self.program('logreplay'), '-f', self.w.file('alerts.csv', ''.join(lines)), '-i', 'u:miner_detector:timeout=WAIT')
        self.assertEqual(code, 0, err)
        self.w.wait_for(lambda: len(self.events()) == 120, 'events')
        self.start()
        self.browser = b = browser.Browser(browser.find(), self.w.file('chromium'))
        self.addCleanup(b.close)
        b.size(1280, 860)
        b.go(self.address)
        b.wait('document.getElementById("connection").textContent === "live"')
        self.view('#/alerts', 'document.querySelectorAll("#alerts tbody tr").length === 50')
        pages = [self.ids_shown()]
        for summary, rows in (('51 to 100, the newest first', 50), ('101 to 120, the newest first', 20)):
            b.eval('document.getElementById("next").click()')
            b.wait(f'document.getElementById("summary").textContent === "{summary}"')
            pages.append(self.ids_shown())
            self.assertEqual(len(pages[-1]), rows)
        self.assertEqual([id_ for page in pages for id_ in page], [e['id'] for e in reversed(self.events())])
        self.assertTrue(b.eval('document.getElementById("next").disabled'))
        b.eval('document.getElementById("previous").click()')
        b.wait('document.getElementById("summary").textContent.startsWith("51 to 100")')
        self.pictures('alerts-page')
        self.view('#/alerts/' + pages[1][7], 'document.querySelector(".reason")')
        b.eval('history.back()')
        b.wait('document.getElementById("summary")?.textContent.startsWith("51 to 100")')
        self.assertEqual(self.ids_shown(), pages[1])
        b.eval('document.querySelectorAll("#alerts th button")[2].click()')  # another order begins with its first page
        b.wait('document.getElementById("summary").textContent === "1 to 50"')
        self.assertTrue(b.eval('document.getElementById("previous").disabled'))
        self.assertEqual(b.problems, [])

    def check_sorting(self):
        """A click on the head of a column asks the store for that order, and another one for its reverse."""
        self.view('#/alerts', 'document.querySelectorAll("#alerts tbody tr").length > 3')
        for column, key, orders in ((1, 'kind', ('ascending', 'descending')), (3, 'target', ('descending', 'ascending'))):
            for order in orders:
                self.browser.eval(f'document.querySelectorAll("#alerts th button")[{column}].click()')
                wanted = f'(await (await fetch("/api/v1/alerts?limit=50&sort={key}&order={order}")).json()).rows.map((row) => row.event.id)'
                wanted = self.browser.eval(f'(async () => {wanted})()')
                self.browser.wait(f'[...document.querySelectorAll("#alerts tbody tr")].map((r) => r.dataset.id).join() === "{",".join(wanted)}"')
                self.assertEqual(self.browser.eval(f'document.querySelectorAll("#alerts th")[{column}].getAttribute("aria-sort")'), order)

    def check_addresses(self, host):
        """Country and AS from the database of --geoip, names from --resolver."""
        self.view('#/hosts/' + host, 'document.getElementById("view").innerText.includes("Example Net") && document.getElementById("view").innerText.includes("ZZ")')
        self.view('#/hosts/127.0.0.1', 'document.getElementById("view").innerText.includes("localhost")')

    def check_records(self):
        """The next records of an output are shown while they flow; the button is pressed again if none came in its 3 seconds."""
        press = 'document.querySelector("#records").previousElementSibling.querySelector("button").click()'

        def shown():
            self.sender.stdin.write(''.join(self.flows[:20]))
            self.sender.stdin.flush()
            text = self.browser.eval('document.querySelector("#records").innerText')
            if 'Waiting' not in text and not self.browser.eval('document.querySelectorAll("#records tbody tr").length'):
                self.assertNotIn('cannot', text)
                self.browser.eval(press)
            return self.browser.eval('document.querySelectorAll("#records tbody tr").length')
        self.w.wait_for(shown, 'records of an output')
        self.assertIn('SRC_IP', self.browser.eval('document.querySelector("#records thead").innerText'))

    def ids_shown(self):
        self.browser.eval('document.querySelectorAll(".title button.primary:not([hidden])").forEach((button) => button.click())')
        return self.browser.eval('[...document.querySelectorAll("#alerts tbody tr")].map((r) => r.dataset.id)')


if __name__ == '__main__':
    Page.bin = os.path.abspath(sys.argv[1])
    PICTURES = sys.argv[2] if len(sys.argv) > 2 else None
    unittest.main(argv=sys.argv[:1], verbosity=1)
