# SPDX-License-Identifier: BSD-3-Clause
"""Programs of the build under test, started in a directory of their own with their own TRAP sockets."""

import array
import contextlib
import fcntl
import glob
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import unittest.util

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIMEOUT = 180  # seconds until a program that should have ended counts as hanging: with sanitizers on a busy machine some need a minute
RESERVED = []  # sockets whose names tell other tests which ports they must not take
unittest.util._MAX_LENGTH = 1 << 16  # characters of what an assertion shows: a sanitizer's report is longer than 80
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what it runs in the background ignore it, and so would all programs


def shared_data():
    """The directory of large data that is not part of the project, from NEMEA_SHARED (default: ../shared), or None."""
    path = os.environ.get('NEMEA_SHARED')
    if path and not os.path.isdir(path):
        sys.exit(f'NEMEA_SHARED={path}: no such folder')
    path = os.path.join(path or os.path.join(ROOT, '..', 'shared'), 'data')
    return path if os.path.isdir(path) else None


class Status(int):
    """An exit status which, where it is compared in vain, shows what the program said."""

    def __new__(cls, status, err):
        self = super().__new__(cls, status)
        self.err = err
        return self

    def __repr__(self):
        return f'{int(self)} (stderr: {self.err.strip()})' if self and self.err else int.__repr__(self)

    __str__ = int.__repr__


def without_waiting(err):
    """Standard error without the warning of a reader that has waited for its sender for a second, which depends on the machine."""
    return re.sub(r'^WARNING: Input .*; trying again\.\n', '', err, flags=re.M)


def line_with(stream, text):
    """The next line that has the text, however many come before it, or '' where the stream ends."""
    return next((line for line in stream if text in line), '')


def facts(pid):
    """/proc/PID/status"""
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return dict(re.findall(r'^(\w+):\s*(.*?)\s*$', file.read(), re.M))


class Workspace:
    """with Workspace(BIN_DIR) as w: w.start('logger', '-i', 'u:flows') ..."""

    def __init__(self, bin_dir):
        self.bin_dir = os.path.abspath(bin_dir)
        self.folder = tempfile.TemporaryDirectory(prefix='nemea-test-', ignore_cleanup_errors=True)  # children of killed programs may still write
        self.path = self.folder.name
        self.env = dict(os.environ, PATH=self.bin_dir + os.pathsep + os.environ['PATH'], TRAP_SOCKET_DIR=self.path,
                        LC_ALL='C', TZ='UTC')
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    with contextlib.suppress(BrokenPipeError): # input that it had not read when it ended
                        stream.close()
        self.folder.cleanup()

    def file(self, name, content=None):
        """Path of a file in the workspace, written when content is given."""
        path = os.path.join(self.path, name)
        if content is not None:
            with open(path, 'wb') as file:
                file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, name):
        return self.read_bytes(name).decode()

    def read_bytes(self, name):
        with open(self.file(name), 'rb') as file:
            return file.read()

    def start(self, *command, **options):
        options.setdefault('stdin', subprocess.DEVNULL)
        options.setdefault('env', self.env)
        process = subprocess.Popen(command, cwd=self.path, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, **options)
        self.started.append(process)
        return process

    def run(self, *command, **options):
        """Runs a program to its end: (exit status, standard output, standard error)."""
        return self.end(self.start(*command, **options))

    @staticmethod
    def end(process, stop=None):
        """Waits for the end, after a signal when stop is one."""
        if stop is not None:
            process.send_signal(stop)
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            out, err = process.communicate()
            raise AssertionError(f'{process.args} hangs; stdout: {out} stderr: {err}') from None
        return Status(process.returncode, err if isinstance(err, str) else ''), out, err

    @staticmethod
    def switches(process):
        """How often the first thread of a process has gone to sleep."""
        with open(f'/proc/{process.pid}/task/{process.pid}/status', encoding='ascii') as file:
            return int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', file.read(), re.M).group(1))

    @staticmethod
    def child(process, program):
        """The number of a process's child that runs this program, or None."""
        with open(f'/proc/{process.pid}/task/{process.pid}/children', encoding='ascii') as file:
            children = file.read().split()
        for pid in children:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                with open(f'/proc/{pid}/cmdline', encoding='utf-8') as file:
                    if file.read().startswith(program):
                        return int(pid)
        return None

    def wait_for(self, condition, what):
        """Returns what the condition gives as soon as that is true."""
        deadline = time.monotonic() + TIMEOUT
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f'waited in vain for {what}')
            time.sleep(0.01)
        return found

    @staticmethod
    def free_port():
        """A port of 127.0.0.1 that is free for TCP and UDP, and that nobody gets before it is used: no client, since it is below their range, and no
        other test, since its number is the name of a socket of this process."""
        with open('/proc/sys/net/ipv4/ip_local_port_range', encoding='ascii') as file:
            first = int(file.read().split()[0])
        for port in random.sample(range(1024, max(first, 2048)), 1000):
            reserved = socket.socket(socket.AF_UNIX)
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    reserved.bind(f'\0nemea-test-port-{port}')
                    tcp.bind(('127.0.0.1', port))
                    udp.bind(('127.0.0.1', port))
                    RESERVED.append(reserved)
                    return port
                except OSError:
                    reserved.close()
        raise AssertionError('no port is free')

    def connect(self, address):
        """A connection to a server that is about to listen, on a port of this machine or a UNIX socket's path."""
        found = []
        local = isinstance(address, str)

        def connected():
            s = socket.socket(socket.AF_UNIX if local else socket.AF_INET)
            if s.connect_ex(address if local else ('127.0.0.1', address)) == 0:
                found.append(s)
                return True
            s.close()
            return False

        self.wait_for(connected, f'a server on {address}')
        return found[0]

    def wait_until_read(self, process):
        """Until a program has taken all that was written to its standard input, a pipe."""
        def empty():
            unread = array.array('i', [0])
            fcntl.ioctl(process.stdin.fileno(), termios.FIONREAD, unread)
            return unread[0] == 0

        process.stdin.flush()
        self.wait_for(empty, f'{process.args[0]} to read its input')

    @staticmethod
    def wait_until_blocked(*processes):
        """Until programs that should wait do so: all threads of them and their children sleep and use no time, look after look."""
        def used(pid):
            total = 0
            for task in glob.glob(f'/proc/{pid}/task/*'):
                try:
                    with open(task + '/stat', encoding='utf-8') as file:
                        fields = file.read().rsplit(')', 1)[1].split()
                    with open(task + '/children', encoding='ascii') as file:
                        children = [used(child) for child in file.read().split()]
                except (FileNotFoundError, ProcessLookupError):
                    return None  # the thread has just ended
                if fields[0] != 'S' or None in children:
                    return None
                total += int(fields[11]) + int(fields[12]) + sum(children)
            return total

        before, quiet, deadline = None, 0, time.monotonic() + TIMEOUT
        while quiet < 20:
            for process in processes:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f'{process.args} does not wait: status {process.returncode}')
            now = [used(process.pid) for process in processes]
            quiet = quiet + 1 if None not in now and now == before else 0
            before = now
            time.sleep(0.02)

    def wait_for_socket(self, name):
        self.wait_for(lambda: os.path.exists(os.path.join(self.path, f'trap-{name}.sock')), f'socket {name}')

    def wait_until_connected(self, name):
        """Until the socket of an output has a reader: until then it sleeps between its attempts, for up to a second."""
        path = os.path.join(self.path, f'trap-{name}.sock')

        def connected():
            with open('/proc/net/unix', encoding='utf-8') as file:
                return any(line.split()[5] == '03' for line in file if line.rstrip().endswith(path))  # 03: connected
        self.wait_for(connected, f'a reader of {name}')
