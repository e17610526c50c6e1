#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The command line of ipfixprobe: the flows of recorded outputs, plugins by interface, text, errors, help.

usage: probe_test.py BIN_DIR GOLDEN_DIR [TEST...]
"""

import os
import re
import select
import signal
import subprocess
import sys
import time
import unittest

import flow_golden
from programs import TIMEOUT, Workspace

BIN, GOLDEN = None, None


def capture(name):
    return os.path.join(GOLDEN, 'pcap', f'{name}.pcap')


def as_text(lines, fields):
    """Lines of the text output for the rows of a recording."""
    names, result = flow_golden.names(lines[0]), []
    for line in lines[1:]:
        row = dict(zip(names, re.findall(r'(?:^|,)("(?:[^"\\]|\\.|"")*"|[^,]*)', line)))
        ends = [f'[{row[end + "_IP"]}]:{row[end + "_PORT"]}' if ':' in row[end + '_IP'] else f'{row[end + "_IP"]}:{row[end + "_PORT"]}'
                for end in ('SRC', 'DST')]
        text = (f'{row["SRC_MAC"]}->{row["DST_MAC"]} {row["PROTOCOL"]:>2}@{ends[0]}->{ends[1]} {row["PACKETS"]}->{row["PACKETS_REV"]} '
                f'{row["BYTES"]}->{row["BYTES_REV"]} {int(row["TCP_FLAGS"]):02x}->{int(row["TCP_FLAGS_REV"]):02x} '
                f'{row["TIME_FIRST"]}->{row["TIME_LAST"]}')
        result.append(text + (' ' + ','.join(f'{name}={row[name]}' for name in fields) if fields else ''))
    return result


class Probe(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def ok(self, result):
        self.assertEqual(result[0], 0, result[2])
        return result[1]

    def probe(self, *options):
        return self.w.run('ipfixprobe', *options)

    def lines(self, file):
        return self.ok(self.w.run('logger', '-t', '-i', f'f:{file}')).splitlines()

    def test_recorded_outputs(self):
        for name, plugins, file, *options in flow_golden.CASES:
            if name.startswith('old/'):
                continue
            plugin, _, parameters = plugins.partition(':')
            process = [] if plugin == 'basic' else ['-p', plugin + (';' + parameters if parameters else '')]
            process += ['-s', f'cache;size={options[1]};line=2'] if options else []
            self.ok(self.probe('-i', f'pcap;file={capture(file)}', *process, '-o',
                               'unirec;ifc=f:o.trapcap:buffer=off:timeout=WAIT;id=0;eof'))
            got = self.lines('o.trapcap')
            self.assertEqual(got[:1] + sorted(got[1:]), flow_golden.recorded(GOLDEN, name), name)

    def test_recorded_outputs_as_text(self):
        """The text output has the same flows as the recording, in its own format."""
        fields = self.fields_of_plugins()
        for name, plugins, file, *options in flow_golden.CASES:
            plugin, _, parameters = plugins.partition(':')
            if name.startswith('old/') or (plugin != 'basic' and plugin not in fields):
                continue
            process = [] if plugin == 'basic' else ['-p', plugin + (';' + parameters if parameters else '')]
            process += ['-s', f'cache;size={options[1]};line=2'] if options else []
            lines = self.ok(self.probe('-i', f'pcap;file={capture(file)}', *process, '-o', 'text')).splitlines()
            lines = [line for line in lines[1:lines.index('Input stats:')]]
            expected = as_text(flow_golden.recorded(GOLDEN, name), fields.get(plugin, []))
            got = [line for line in lines if not fields.get(plugin)]
            for line in lines if fields.get(plugin) else []:
                conversation, *extensions = re.split(f' (?={fields[plugin][0]}=)', line)
                got += [f'{conversation} {extension}' for extension in extensions]
            self.assertEqual(sorted(got), sorted(expected), name)

    def fields_of_plugins(self):
        """{plugin: its fields in their order}"""
        plugins = {}
        for line in self.ok(self.w.run('flow_meter', '--plugin-list')).splitlines():
            if not line.startswith(' '):
                plugin = plugins.setdefault(line.split()[0], [])
            elif re.match(r' +(u?int|time|string|bytes|ipaddr|float|double|macaddr)', line):
                plugin += re.findall(r'(?:u?int\d+|time|string|bytes|ipaddr|float|double|macaddr)\*? ([A-Z0-9_]+)', line)
        del plugins['basic'], plugins['arp']
        return plugins

    def test_plugins_have_interfaces_of_their_own_and_only_what_they_found_is_sent(self):
        self.ok(self.probe('-i', f'pcap;file={capture("dns")}', '-p', 'dns', '-p', 'http', '-p', 'basic', '-p', 'pstats', '-o',
                           'unirec;i=f:a:buffer=off,f:b:buffer=off,f:c:buffer=off;plugins=basic,(dns,pstats),http;e'))
        self.assertEqual(len(self.lines('a')), 17)
        both = self.lines('b')
        self.assertEqual(len(both), 17)
        self.assertIn('DNS_NAME', both[0])
        self.assertIn('PPI_PKT_LENGTHS', both[0])
        self.assertEqual(len(self.lines('c')), 1) # no all-zero records where nothing was found

    def test_more_than_32_interfaces(self):
        self.ok(self.w.run('flow_meter', '-r', capture('dns'), '-p', ','.join(['basic'] * 40), '-i',
                           ','.join(f'f:o{i}:buffer=off' for i in range(40))))
        self.assertEqual(len(self.lines('o39')), 9)

    def test_all_plugins_on_one_interface(self):
        self.ok(self.probe('-i', f'pcap;file={capture("dns")}', '-p', 'dns', '-p', 'http', '-o',
                           'unirec;i=f:a:buffer=off;p=dns,http;e'))
        lines = self.lines('a')
        self.assertEqual(len(lines), 17)
        self.assertIn('HTTP_REQUEST_URL', lines[0])

    def test_storage_options(self):
        flows = {}
        for storage in ('cache', 'cache;split', 'cache;size=4;line=2', 'cache;a=1;i=1', 'c', 'cache;frag-enable=false'):
            code, out, _ = self.probe('-i', f'pcap;file={capture("mixed")}', '-s', storage, '-o', 'text;m')
            flows[storage] = sum('->' in line for line in out.splitlines()) if code == 0 else None
        self.assertIsNone(flows.pop('c'))
        self.assertGreater(flows['cache;split'], flows['cache'])
        self.assertGreater(flows['cache;a=1;i=1'], flows['cache'])
        self.assertEqual(flows['cache;frag-enable=false'], flows['cache'])

    def test_text_output(self):
        out = self.ok(self.probe('-i', f'pcap;file={capture("dns")}', '-p', 'dns', '-o', 'text'))
        lines = out.splitlines()
        self.assertEqual(lines[0], 'mac conversation packets bytes tcp-flags time extensions')
        self.assertTrue(lines[1].startswith(
            'dc:53:60:2b:6a:4c->78:44:76:36:98:19 17@192.168.0.30:45418->8.8.4.4:53 1->0 67->0 00->00 '
            '2016-04-07T17:11:32.478747->2016-04-07T17:11:32.478747 DNS_ID=18755,'), lines[1])
        self.ok(self.probe('-i', f'pcap;file={capture("mixed")}', '-o', 'text;mac;file=flows.txt'))
        with open(os.path.join(self.w.path, 'flows.txt'), encoding='utf-8') as file:
            lines = file.read().splitlines()
        self.assertEqual(lines[0], 'conversation packets bytes tcp-flags time extensions')
        self.assertEqual(len(lines), 49)
        self.assertTrue(lines[1].startswith('58@[::]:0->[ff02::16]:0 2->0 152->0 '), lines[1])

    def test_report_counts_packets_that_are_no_flows(self):
        out = self.ok(self.probe('-i', f'pcap;file={capture("mixed")}', '-o', 'text;file=/dev/null'))
        row = next(line.split() for line in out.splitlines() if line.startswith('SUM'))
        self.assertEqual(row[1:4], ['205', '157', '26018'])
        self.assertIn('Flows ended: inactive 46, active 0, by FIN or RST 0, forced 2, evicted 0', out)

    def test_several_inputs_have_workers_of_their_own(self):
        names = ('dns', 'mixed', 'http', 'tls')
        alone = 0
        for name in names:
            alone += self.ok(self.probe('-i', f'pcap;file={capture(name)}', '-o', 'text;m')).count('@')
        inputs = [word for name in names for word in ('-i', f'pcap;file={capture(name)}')]
        out = self.ok(self.probe(*inputs, '-p', 'pstats', '-o', 'text;m;file=-'))
        self.assertEqual(out.count('@'), alone)
        self.ok(self.probe(*inputs, '-p', 'pstats', '-o', 'unirec;ifc=f:all:buffer=off;p=basic;e'))
        self.assertEqual(len(self.lines('all')) - 1, alone)

    def test_a_directory_of_files_is_one_capture(self):
        folder = os.path.join(self.w.path, 'captures')
        os.mkdir(folder)
        for name in ('dns', 'http'):
            os.symlink(capture(name), os.path.join(folder, f'{name}.pcap'))
        two = self.ok(self.w.run('flow_meter', '-r', capture('dns'), '-r', capture('http'), '-i', 'f:two:buffer=off'))
        self.assertEqual(two, '')
        self.ok(self.w.run('flow_meter', '-r', folder, '-i', 'f:folder:buffer=off'))
        self.assertEqual(self.lines('two'), self.lines('folder'))
        os.mkdir(os.path.join(self.w.path, 'empty'))
        code, _, err = self.w.run('flow_meter', '-r', 'empty', '-i', 'b:')
        self.assertEqual((code, 'empty: no file in this directory' in err), (1, True), err)

    def test_standard_input(self):
        with open(capture('dns'), 'rb') as file:
            out = self.ok(self.w.run('ipfixprobe', '-i', 'pcap;file=-', '-o', 'text;m', stdin=file))
        self.assertEqual(out.count('@'), 8)

    def test_forms_of_options(self):
        for options in (['-i', f'pcap;f={capture("dns")}', '-o', 'text', '-c', '3'],
                        [f'-i=pcap;file={capture("dns")}', '-o=text', '-c=3'],
                        ['--input', f'pcap;file={capture("dns")}', '--output', 'text', '--count', '0x3'],
                        [f'--input=pcap@0;file={capture("dns")}', '--output=text', '--count=03', '-q', '64', '-Q', '100']):
            self.assertEqual(self.ok(self.probe(*options)).count('@'), 2, options)
        self.assertEqual(self.ok(self.w.run('flow_meter', *options)).count('@'), 2) # the line tells, not only the name

    def test_errors_name_what_is_wrong(self):
        file = f'pcap;file={capture("dns")}'
        for options, message in (
                ([], 'no input: expected -i PLUGIN'),
                (['-i', 'pcapp;file=x'], 'invalid input plugin pcapp (expected pcap, raw)'),
                (['-i', 'pcap'], 'pcap: specify either a file or an interface'),
                (['-i', 'pcap;file=/nowhere'], 'cannot read /nowhere: No such file or directory'),
                (['-i', 'pcap;fle=x'], 'pcap: invalid option fle (expected file, ifc, filter, snaplen, list, capture-memory)'),
                (['-i', 'pcap;file=x;snaplen=abc'], 'pcap: invalid argument for option snaplen: "abc"'),
                (['-i', 'pcap;ifc=nosuchif0', '-o', 'text'], 'nosuchif0'),
                (['-i', 'raw;ifc=nosuchif0', '-o', 'text'], 'nosuchif0'),
                (['-i', file, '-z'], 'invalid option -z'),
                (['-i', file, '-c', '-1'], 'invalid argument for option -c: "-1"'),
                (['-i', file, '-q', '0'], 'input queue size must be at least 1 record'),
                (['-i', file, '-p', 'nosuch'], 'invalid process plugin "nosuch" (expected basic, '),
                (['-i', file, '-p', 'dns', '-p', 'dns'], 'process plugin dns is given twice'),
                (['-i', file, '-p', 'pstats;nosuch'], 'plugin pstats: unknown option "nosuch"'),
                (['-i', file, '-s', 'cache', '-s', 'cache'], 'only one storage and one output plugin can be specified'),
                (['-i', file, '-o', 'text', '-o', 'text'], 'only one storage and one output plugin can be specified'),
                (['-i', file, '-s', 'cache@1'], 'a storage plugin cannot be pinned to a CPU'),
                (['-i', file, '-s', 'cache;size=40'], 'cache: invalid argument for option size: "40" (expected a number from 4 to 30)'),
                (['-i', file, '-s', 'cache;size=4;line=5'], 'cache: the line (2^5) is larger than the cache (2^4)'),
                (['-i', file, '-o', 'unirec'], 'unirec: ifc is missing'),
                (['-i', file, '-o', 'unirec;ifc=b:,b:'], 'unirec: plugins is missing'),
                (['-i', file, '-p', 'dns', '-o', 'unirec;ifc=b:,b:;p=dns'], 'unirec: 2 interfaces, but 1 plugin groups'),
                (['-i', file, '-p', 'dns', '-o', 'unirec;ifc=b:,b:;p=dns,http'], 'process plugin http is not activated'),
                (['-i', file, '-p', 'dns', '-o', 'unirec;ifc=b:,b:;p=dns,dns'], 'dns is on more than one interface'),
                (['-i', file, '-p', 'dns', '-o', 'unirec;ifc=b:;p=(dns'], ') is missing'),
                (['-i', file, '-o', 'text;file=/nowhere/x'], 'cannot write /nowhere/x'),
                (['-i', file, '-o', 'ipfix;reconnect=0'], 'ipfix: invalid argument for option reconnect: "0"'),
                (['-i', file, '-o', 'ipfix;c;s=4000'],
                 'ipfix: the LZ4 buffer of 4000 bytes is too small (expected at least three messages, 4374)'),
                (['-i', file, '-o', 'ipfix;c;udp'], 'ipfix: LZ4 compression needs TCP'),
                (['-i', file, '-o', 'text', '-t', '/nowhere/t'], 'telemetry: cannot create directory /nowhere/t: No such file')):
            code, _, err = self.probe(*options)
            self.assertEqual(code, 1, options)
            self.assertIn(message, err, options)

    def test_damaged_captures_are_counted_and_give_status_3(self):
        with open(capture('mixed'), 'rb') as file:
            self.w.file('cut.pcap', file.read()[:-7])
        for files, message in ((['cut.pcap'], '1 of 1 captures are damaged'), (['cut.pcap', capture('dns')], '1 of 2 captures are damaged')):
            code, _, err = self.w.run('flow_meter', '-i', 'f:flows.trapcap:w', *(word for name in files for word in ('-r', name)))
            self.assertEqual(code, 3, err)
            self.assertIn('cut.pcap: damaged after packet 204, at byte ', err)
            self.assertIn(message, err)
            self.assertGreater(len(self.lines('flows.trapcap')), 40)

    def test_what_cannot_be_written_is_said_and_gives_status_1(self):
        file, no_space = f'pcap;file={capture("mixed")}', 'No space left on device'
        os.makedirs(os.path.join(self.w.path, 'numbers/output/stats.new'))  # where the counters are written first
        with open('/dev/full', 'w', encoding='utf-8') as full:
            for command, out, message in (
                    (['ipfixprobe', '-i', file, '-o', 'text;file=/dev/full'], None, f'cannot write /dev/full: {no_space}'),
                    (['ipfixprobe', '-i', file, '-o', 'text'], full, f'cannot write standard output: {no_space}'),
                    (['ipfixprobe', '-i', file, '-o', 'text;file=flows.txt'], full, f'cannot write the report to standard output: {no_space}'),
                    (['ipfixprobe', '-i', file, '-o', 'text;file=flows.txt', '-t', 'numbers'], None, 'cannot write numbers/output/stats'),
                    (['ipfixprobe', '-h'], full, 'ipfixprobe: cannot write to standard output: '),
                    (['ipfixprobe', '-h', 'dns'], full, 'ipfixprobe: cannot write to standard output: '),
                    (['ipfixprobe', '-V'], full, 'ipfixprobe: cannot write to standard output: '),
                    (['ipfixprobe', '-i', file, '-o', 'text', '-P', '/dev/full'], None, f'cannot write /dev/full: {no_space}'),
                    (['ipfixprobed', '--help'], full, 'ipfixprobed: cannot write to standard output: '),
                    (['flow_meter', '--plugin-list'], full, 'flow_meter: cannot write to standard output: ')):
                process = subprocess.run(command, cwd=self.w.path, env=self.w.env, stdin=subprocess.DEVNULL, stdout=out or subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True, check=False)
                self.assertEqual(process.returncode, 1, command)
                self.assertIn(message, process.stderr, command)

    def test_help_shows_plugins_and_their_fields(self):
        out = self.ok(self.probe('--help'))
        for text in ('pcap', 'frag-timeout', 'non-blocking-tcp', 'string DNS_NAME', '--daemon'):
            self.assertIn(text, out)
        self.assertIn('string TLS_SNI', self.ok(self.probe('-h', 'tls')))
        self.assertIn('snaplen', self.ok(self.probe('-h', 'input')))

    def telemetry(self, folder, name):
        """{key: number} of a file; keys within others are joined by a dot."""
        values, outer = {}, ''
        with open(os.path.join(self.w.path, folder, name), encoding='utf-8') as file:
            for line in file:
                key, value = line.rstrip('\n').split(':')
                if not line.startswith(' '):
                    outer = ''
                if value:
                    values[outer + key.strip()] = float(value)
                else:
                    outer = key + '.'
        return values

    def test_telemetry_is_files_with_the_counters_of_the_report(self):
        out = self.ok(self.probe('-i', f'pcap;file={capture("mixed")}', '-i', f'pcap;file={capture("dns")}', '-o',
                                 'text;file=flows.txt', '-t', 'numbers'))
        flows = self.w.read('flows.txt').count('@')
        summary, output = self.telemetry('numbers', 'pipeline/summary'), self.telemetry('numbers', 'output/stats')
        first, fragments = (self.telemetry('numbers', f'pipeline/queues/0/{n}-stats') for n in ('cache', 'fragmentation-cache'))
        self.assertEqual(self.telemetry('numbers', 'input/0/stats')['packets'], 205)
        row = next(line.split() for line in out.splitlines() if line.startswith('SUM'))
        self.assertEqual([str(int(summary[k])) for k in ('packets', 'parsed', 'bytes')], row[1:4])
        self.assertEqual((summary['TotalExportedFlows'], output['biflows'], output['dropped']), (flows, flows, 0))
        self.assertEqual(first['FlowEndReason.InactiveTimeout'], 46)
        self.assertEqual(first['FlowEndReason.Forced'], 2)
        self.assertEqual(first['FlowsInCache'], 0)
        for values in (first, summary):
            self.assertEqual(sum(v for k, v in values.items() if k.startswith('FlowRecordStats.')), values['TotalExportedFlows'])
        self.assertEqual(fragments['totalPackets'], 157)
        self.assertEqual(fragments['fragmentedPackets'], 0)
        self.assertEqual([name for _, _, names in os.walk(os.path.join(self.w.path, 'numbers')) for name in names
                          if name.endswith('.new')], [])

    def test_telemetry_is_written_while_packets_come(self):
        process = self.w.start('flow_meter', '-r', '-', '-i', 'b:', '--telemetry', 'numbers', stdin=subprocess.PIPE)
        with open(capture('mixed'), 'rb') as file:
            data = file.read()
        process.stdin.buffer.write(data[:24])
        stats = os.path.join(self.w.path, 'numbers', 'input', '0', 'stats')
        packets, end = 0, time.monotonic() + 60
        while packets < 1000: # it is at most a second late
            self.assertLess(time.monotonic(), end, 'the file does not change')
            process.stdin.buffer.write(data[24:] * 5)
            self.w.wait_until_read(process)
            packets = self.telemetry('numbers', 'input/0/stats')['packets'] if os.path.exists(stats) else 0
        self.assertEqual(self.w.end(process)[0], 0)

    def test_progress_is_written_while_packets_come(self):
        reader, writer = os.pipe()
        process = self.w.start('flow_meter', '-r', '-', '-i', 'b:', '--progress', str(writer), stdin=subprocess.PIPE, pass_fds=[writer])
        os.close(writer)
        with open(capture('mixed'), 'rb') as file:
            process.stdin.buffer.write(file.read())
        process.stdin.buffer.flush()
        with open(reader, encoding='utf-8') as progress:
            self.assertTrue(select.select([reader], [], [], TIMEOUT)[0], 'no progress while the file is read')
            self.assertRegex(progress.readline(), r'^\d+ 0 \d+( \d+){5}\n$')  # the size of a pipe is not known
            self.assertEqual(self.w.end(process)[0], 0)
            self.assertEqual(progress.read().splitlines()[-1].split()[2], '205')

    def test_a_configuration_file_becomes_the_command_line(self):
        text = (f'input_plugin:\n  pcap_file:\n    file: {capture("dns")}\n    bpf_filter: port 53 and udp\n'
                'storage:\n  timeouts: {active: 60}\n  split_biflow: true\nprocess_plugins: [dns]\noutput_plugin:\n  text: {file: out.txt}\n')
        conf = self.w.file('a.conf', text)
        code, line, err = self.w.run('ipfixprobed', '--print', conf)
        if 'built without YAML' in err:
            self.skipTest('built without libyaml')
        self.assertEqual(code, 0, err)
        self.assertEqual(line, f"ipfixprobe -i 'pcap;file={capture('dns')};filter=port 53 and udp' -s 'cache;active=60;split' -p dns "
                               "-o 'text;file=out.txt'\n")
        report = self.ok(self.w.run('ipfixprobed', conf))
        self.assertIn('Output stats:', report)
        flows = self.w.read('out.txt')
        os.remove(self.w.file('out.txt'))
        self.assertEqual(self.ok(self.w.run('sh', '-c', line)), report) # what a shell makes of it
        self.assertEqual(self.w.read('out.txt'), flows)
        self.assertGreater(flows.count('@'), 3)

    def test_wrong_configuration_files(self):
        conf = self.w.file('a.conf', 'input_plugin:\n  dpdk: {}\noutput_plugin: {text: }\n')
        if 'built without YAML' in self.w.run('ipfixprobed', conf)[2]:
            self.skipTest('built without libyaml')
        for arguments, message in (
                ([conf], f'Error: {conf}:2: input_plugin.dpdk: is not available here'),
                (['--print', self.w.file('b.conf', 'x: 1\n')], 'b.conf:1: unknown key "x" (expected input_plugin, '),
                (['no-such-probe'], 'cannot read /etc/ipfixprobe/no-such-probe.conf: No such file or directory'),
                (['.'], '"." is not a configuration name'),
                (['a b'], '"a b" is not a configuration name'),
                (['/'], 'cannot read /: Is a directory'),
                ([], 'NAME is missing (expected ipfixprobed [--print] NAME'),
                (['--nosuch'], '--nosuch (expected ipfixprobed [--print] NAME'),
                (['a', 'b'], 'NAME is missing')):
            code, _, err = self.w.run('ipfixprobed', *arguments)
            self.assertEqual(code, 1, arguments)
            self.assertIn(message, err, arguments)

    def test_a_stop_signal_ends_it_though_an_output_blocks(self):
        for output in ('unirec;ifc=u:flows:timeout=WAIT', 'text'):
            process = self.w.start('ipfixprobe', '-i', f'pcap;file={self.big()}', '-s', 'cache;size=4', '-o', output)
            self.w.wait_until_blocked(process)
            process.send_signal(signal.SIGTERM)
            process.wait(TIMEOUT)

    def big(self):
        """The mixed capture two hundred times: more flows than a pipe holds."""
        path = os.path.join(self.w.path, 'big.pcap')
        with open(capture('mixed'), 'rb') as file:
            data = file.read()
        with open(path, 'wb') as file:
            file.write(data[:24] + data[24:] * 200)
        return path

    def test_flows_a_second_are_limited(self):
        began = time.monotonic()
        out = self.ok(self.probe('-i', f'pcap;file={capture("mixed")}', '-o', 'text', '-f', '40'))
        flows = sum('->' in line for line in out.splitlines()) - 1
        self.assertGreater(flows, 40)
        self.assertGreaterEqual(time.monotonic() - began, (flows - 1) / 40)

    def test_in_the_background_it_goes_on_by_itself(self):
        pid, pipe = os.path.join(self.w.path, 'pid'), os.path.join(self.w.path, 'pipe')
        os.mkfifo(pipe)
        keep = os.open(pipe, os.O_RDWR)  # the capture never ends
        self.addCleanup(os.close, keep)
        self.ok(self.probe('-d', '-P', pid, '-i', f'pcap;file={pipe}', '-o', 'unirec;ifc=b:'))
        self.w.wait_for(lambda: os.path.exists(pid) and os.path.getsize(pid) > 0, 'the file with the pid')
        with open(pid, encoding='ascii') as file:
            number = int(file.read())
        os.kill(number, 0)
        os.kill(number, signal.SIGTERM)
        self.w.wait_for(lambda: not os.path.exists(pid), 'the end, which takes the file with the pid away')

    def test_cpus_that_may_be_used(self):
        cpu = max(os.sched_getaffinity(0))
        process = self.w.start('ipfixprobe', '-i', 'pcap;file=-', '-o', 'text', '-C', str(cpu), stdin=subprocess.PIPE)
        self.w.wait_for(lambda: os.sched_getaffinity(process.pid) == {cpu}, 'the set of CPUs')
        self.w.end(process, signal.SIGTERM)

    def test_pid_file_is_there_while_it_runs(self):
        pid = os.path.join(self.w.path, 'pid')
        process = self.w.start('ipfixprobe', '-i', 'pcap;file=-', '-o', 'text', '-P', pid, stdin=subprocess.PIPE)
        self.w.wait_for(lambda: os.path.exists(pid) and os.path.getsize(pid) > 0, 'the file with the pid')
        with open(pid, encoding='ascii') as file:
            self.assertEqual(int(file.read()), process.pid)
        self.w.end(process, signal.SIGTERM)
        self.assertFalse(os.path.exists(pid))


def main():
    global BIN, GOLDEN
    BIN, GOLDEN = sys.argv[1], os.path.abspath(sys.argv[2])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])


if __name__ == '__main__':
    main()
