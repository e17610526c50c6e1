# SPDX-License-Identifier: BSD-3-Clause
"""Run(): a reporter as a whole program."""

import argparse
import json
import logging
import signal
import sys
import time
import zlib
from datetime import timedelta

import pytrap

import report2idea
from report2idea import backlog, idea, warden
from report2idea.configuration import Config, ConfigError
from report2idea.delivery import alert_id
from report2idea.spool import Place
from report2idea.values import parse_time

VERSION = '3.0.0'
PAST, FUTURE = timedelta(days=1), timedelta(minutes=1)  # of times before and after CreateTime; clocks differ a little
TICK = 0.5        # seconds
FLOOD = 30        # messages of one place in the source within
FLOOD_TIME = 10   # seconds
MAX_LOGGED = 2000


class Flood(logging.Filter):
    """At most FLOOD messages of one place in FLOOD_TIME: a storm of bad alerts must not fill the disk with logs."""

    def __init__(self):
        super().__init__()
        self.places = {}

    def filter(self, record):
        now = time.monotonic()
        place = record.pathname, record.lineno
        began, count = self.places.get(place, (now, 0))
        if now - began > FLOOD_TIME:
            if count > FLOOD:
                record.msg = f'{record.getMessage()} ({count - FLOOD} such messages were left out)'
                record.args = ()
            began, count = now, 0
        if len(self.places) > 1000:
            self.places.clear()
        self.places[place] = began, count + 1
        return count < FLOOD


def set_up_logging(verbose):
    """Logs to stderr from a level on: 1 debug to 5 critical, 0 nothing."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter('%(asctime)s %(module)s:%(filename)s:%(lineno)d:%(message)s'))
    handler.addFilter(Flood())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(verbose * 10 if verbose > 0 else 100)


def make_parser(module_name, module_desc, req_type, req_format, parser=None):
    """The command line of a reporter, added to its own options."""
    if parser is None:
        parser = argparse.ArgumentParser()
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    kind = {pytrap.FMT_UNIREC: 'UniRec', pytrap.FMT_JSON: 'JSON', pytrap.FMT_RAW: 'RAW'}.get(req_type, str(req_type))
    parser.description = (f'TRAP module, libtrap version: {pytrap.getTrapVersion()[0]}\n===========================================\n'
                          f'Name: {module_name}2idea\nInputs: 1\nOutputs: 0 or 1\nDescription:\n  {module_desc.strip()}\n'
                          f'Required input format: {kind}: "{req_format}"')
    add = parser.add_argument
    add('-i', metavar='IFC_SPEC', help='TRAP interfaces: the input, and with -T the output')
    add('-c', '--config', metavar='FILE', default='./config.yaml', help='configuration (YAML); default: ./config.yaml')
    add('-T', '--trap', action='store_true', help='open an output for the action trap')
    add('-a', '--autoreload', metavar='SECONDS', type=int, default=0, help='look so often whether the configuration has changed; 0: never')
    add('-d', '--dry', action='store_true', help='print the configuration and end')
    add('-W', '--warden', metavar='FILE', help='configuration of the Warden client, for the action warden')
    add('-n', '--name', metavar='NAME', help='Node.Name of the alerts, instead of the namespace and the name of the module')
    add('-v', '--verbose', metavar='N', type=int, default=3, choices=range(0, 6),
        help='log from this level on: 1 debug, 2 info, 3 warnings, 4 errors, 5 critical, 0 nothing; default: 3')
    add('-D', '--dontvalidate', action='store_true', help='do not check the times of alerts')
    add('--version', action='version', version=f'%(prog)s {VERSION}')
    return parser


class Reporter:
    """A running reporter: what it was started with, and its counters."""

    def __init__(self, module_name, req_type, req_format, conv_func, args):
        self.module, self.req_type, self.req_format, self.convert, self.args = module_name, req_type, req_format, conv_func, args
        self.log = logging.getLogger('report2idea')
        self.trap = report2idea.trap
        self.config = self.input = self.template = None
        self.bad = self.invalid_times = self.skipped = self.reported = self.dropped = self.repeated = 0
        self.place = None
        self.want_reload = self.want_print = False
        self.name = None
        self.deadline = None

    def load(self):
        """The configuration. ConfigError."""
        client = None
        if self.args.warden:
            try:
                client = warden.Client(self.args.warden)
            except warden.WardenError as e:
                raise ConfigError(str(e)) from None
        output = self.trap if self.args.trap and not self.args.dry else None
        self.config = Config(self.args.config, output, client, self.module, self.log, self.args.dry)
        report2idea.config = self.config
        self.set_name()

    def set_name(self):
        self.name = self.args.name or f'{self.config.namespace}.{self.module}'
        if not idea.check_name(self.name):
            raise ConfigError(f'{self.name!r}: expected a name of words of a-z, 0-9 and "_", joined by dots')

    def open_trap(self):
        self.trap.init(['-i', self.args.i], 1, 1 if self.args.trap else 0)
        self.trap.setRequiredFmt(0, self.req_type, self.req_format)
        self.trap.ifcctl(0, True, pytrap.CTL_TIMEOUT, backlog.TIMEOUT)
        if self.args.trap:
            self.trap.setDataFmt(0, pytrap.FMT_JSON, 'IDEA')
        if self.req_type == pytrap.FMT_UNIREC:
            self.template = pytrap.UnirecTemplate(self.req_format)

    def stop(self, *_):
        """A handler of signals."""
        self.input.stop()
        if self.deadline is None:
            self.deadline = time.monotonic() + self.config.limits.finish

    def catch_signals(self):
        signal.signal(signal.SIGINT, self.stop)
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGUSR1, lambda *_: setattr(self, 'want_reload', True))
        signal.signal(signal.SIGUSR2, lambda *_: setattr(self, 'want_print', True))

    def run(self):
        """Reports until the input ends. Returns the exit status."""
        self.input = backlog.Backlog(self.trap, self.args.i, int(self.config.limits.backlog * 2**20))
        if self.input.resume:
            # zlib.crc32: a short name that is the same in each run.
            name = f'{self.module}.{zlib.crc32(self.args.i.encode("utf-8", "replace")):08x}'
            try:
                self.place = Place(self.config.limits.directory, name)
            except OSError as e:
                self.log.warning('%s; alerts that come again after a kill will be reported again', e)
        self.catch_signals()
        self.input.start()
        next_tick, next_look = 0.0, time.monotonic() + self.args.autoreload
        while True:
            items = self.input.take(TICK)
            now = time.monotonic()
            if now >= next_tick:
                next_tick = now + TICK
                self.config.tick()
            if self.want_reload or self.args.autoreload > 0 and now >= next_look:
                self.want_reload, next_look = False, now + self.args.autoreload
                self.reload()
            if self.want_print:
                self.want_print = False
                print(self.config, flush=True)
                print(', '.join(f'{count} {key}' for key, count in self.counters().items()), flush=True)
            for item in items:
                if isinstance(item, backlog.End):
                    return self.end(item.error)
                self.item(item)
            if self.deadline is not None and now > self.deadline and self.input.waiting():
                return self.end(None)

    def reload(self):
        if self.config.reload():
            try:
                self.set_name()
            except ConfigError as e:
                self.log.error('%s', e)

    def item(self, item):
        if isinstance(item, backlog.Placed):
            self.placed(item)
        elif isinstance(item, backlog.Done):
            self.config.sync()  # the sender forgets what is acknowledged
            item.event.set()
        elif isinstance(item, backlog.Format):
            if self.req_type == pytrap.FMT_UNIREC:
                self.template = pytrap.UnirecTemplate(item.spec)
        else:
            self.message(item)

    def placed(self, item):
        """A message of a sender that sends it again when this process is killed before it has acknowledged it."""
        if self.place and self.place.passed(item.instance, item.number):
            self.repeated += 1
            return
        self.message(item.data)
        if self.place:
            self.place.set(item.instance, item.number)

    def message(self, data):
        """One message of a detector. Whatever is wrong with it, the next one is reported."""
        try:
            alert = self.convert(self.decode(data), self.args)
            if alert is None:
                self.skipped += 1
                return
            self.give_name(alert)
            idea.check(alert)
            if not self.args.dontvalidate and not self.times_valid(alert):
                return
        except Exception as e:  # pylint: disable=broad-except
            self.bad += 1
            self.log.error('an alert is left out, it could not be converted: %s: %s: %s', type(e).__name__, e, self.shown(data))
            return
        try:
            if self.config.match(alert):
                self.reported += 1
            else:
                self.dropped += 1
        except Exception as e:  # pylint: disable=broad-except
            self.bad += 1
            self.log.error('alert %s is left out: %s: %s', alert_id(alert), type(e).__name__, e)

    def decode(self, data):
        if self.req_type == pytrap.FMT_UNIREC:
            self.template.setData(data)
            return self.template
        if self.req_type == pytrap.FMT_JSON:
            return json.loads(data.decode('utf-8'))
        return data

    def shown(self, data):
        """A message for the log."""
        try:
            text = self.template.strRecord() if self.req_type == pytrap.FMT_UNIREC else data.decode('utf-8', 'replace')
        except Exception as e:  # pylint: disable=broad-except
            text = f'{len(data)} bytes ({e})'
        return repr(text[:MAX_LOGGED])

    def give_name(self, alert):
        nodes = alert.setdefault('Node', [{}])
        if not isinstance(nodes, list) or not nodes or not isinstance(nodes[0], dict):
            raise idea.IdeaError('Node: expected a list of objects')
        nodes[0]['Name'] = self.name
        if 'ID' not in alert:  # what happens to an alert is logged under its ID
            alert['ID'] = idea.getRandomId()

    def times_valid(self, alert):
        if 'CreateTime' not in alert:
            return True
        created = parse_time(alert['CreateTime'])
        for key in ('EventTime', 'CeaseTime', 'DetectTime'):
            if key in alert and not created - PAST <= parse_time(alert[key]) <= created + FUTURE:
                self.invalid_times += 1
                self.log.warning('Invalid timestamps in skipped message: %s is not within a day before CreateTime (-D: no such check): %s',
                                 key, json.dumps(alert)[:MAX_LOGGED])
                return False
        return True

    def end(self, error):
        left = self.input.waiting()
        if self.args.trap:
            # After the alerts, which threads send: the end of the stream.
            self.config.close()
            try:
                self.trap.ifcctl(0, False, pytrap.CTL_TIMEOUT, 1000000)
                self.trap.send(bytes(1), 0)
                self.trap.sendFlush(0)
            except pytrap.TrapError as e:
                self.log.warning('the end of the stream was not sent: %s', e)
        else:
            self.config.close()
        if self.place:
            self.place.close()
        counters = self.counters()
        lost = left or any(counters[key] for key in ('bad', 'invalid_times', 'overload', 'rule_errors', 'lost', 'rejected', 'waiting'))
        self.log.log(logging.WARNING if lost else logging.INFO, 'end: %s%s',
                     ', '.join(f'{count} {key}' for key, count in counters.items()), f', {left} not looked at' if left else '')
        self.trap.terminate()
        self.trap.finalize()
        if error:
            print(f'error: {error}', file=sys.stderr)
        return 1 if error else 0

    def counters(self):
        """What became of the messages."""
        totals = {key: sum(c[key] for c in self.config.counters().values()) for key in ('sent', 'waiting', 'rejected', 'lost')}
        return {'received': self.input.received, 'overload': self.input.dropped, 'bad': self.bad, 'invalid_times': self.invalid_times,
                'repeated': self.repeated, 'skipped': self.skipped, 'dropped': self.dropped, 'reported': self.reported, 'rule_errors': self.config.errors, **totals}


def Run(module_name, module_desc, req_type, req_format, conv_func, arg_parser=None, prepare=None):
    """The program of a reporter, from its command line to its end. Exits with 1 on an error.

    :param module_name: last part of Node.Name; the program is named MODULE_NAME2idea
    :param module_desc: description for the help
    :param req_type: pytrap.FMT_UNIREC, FMT_JSON or FMT_RAW
    :param req_format: fields or name of the format
    :param conv_func: conv_func(rec, args) returns the alert as a dict, or None; rec is an UnirecTemplate with data, a JSON value, or a bytearray
    :param arg_parser: argparse.ArgumentParser with options of one's own
    :param prepare: prepare(args) is called before anything is received; a ValueError or OSError ends the program
    """
    parser = make_parser(module_name, module_desc, req_type, req_format, arg_parser)
    args = parser.parse_args()
    set_up_logging(args.verbose)
    log = logging.getLogger('report2idea')
    if args.i is None and not args.dry:
        parser.print_usage()
        print('error: the following arguments are required: -i')
        sys.exit(1)
    if args.name:
        log.warning('Node.Name is %s; the namespace of the configuration is not used', args.name)
    reporter = Reporter(module_name, req_type, req_format, conv_func, args)
    try:
        if not args.dry:
            reporter.open_trap()
        reporter.load()
        if args.dry:
            print(reporter.config)
            return
        if prepare:
            prepare(args)
    except ConfigError as e:
        log.error('Error: Loading configuration file failed: %s', e)
        print('error: Loading configuration file failed.' + (f' {e}' if args.verbose in (0, 5) else ''), file=sys.stderr)
        sys.exit(1)
    except (pytrap.TrapError, ValueError, OSError) as e:
        print(f'error: {e}', file=sys.stderr)
        sys.exit(1)
    status = reporter.run()
    if status:
        sys.exit(status)
