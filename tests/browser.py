# SPDX-License-Identifier: BSD-3-Clause
"""Chromium, driven over the pipe of its DevTools protocol: JSON messages, each ended by a zero byte."""

import base64
import contextlib
import glob
import json
import os
import select
import shutil
import signal
import subprocess
import time

TIMEOUT = 120  # seconds until a browser that should have answered counts as hanging


def find():
    return shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')


class Gone(AssertionError):
    """The document went away while it was asked something."""


class Browser:
    """One page. What goes wrong in it (exceptions, refused content) is kept in `problems`."""

    def __init__(self, program, directory):
        read, chrome_writes = os.pipe()
        chrome_reads, write = os.pipe()
        options = ['--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-extensions',
                   '--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars',
                   '--ignore-certificate-errors',  # tests make certificates of their own
                   f'--user-data-dir={directory}']
        self.process = subprocess.Popen(['bash', '-c', f'exec "$0" "$@" 3<&{chrome_reads} 4>&{chrome_writes}', program, *options, 'about:blank'],
                                        pass_fds=(chrome_reads, chrome_writes), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        os.close(chrome_reads)
        os.close(chrome_writes)
        self.reading, self.writing, self.rest, self.number, self.session = read, write, b'', 0, None
        self.problems = []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log'):
            self.call(domain + '.enable')

    def close(self):
        self.process.kill()
        self.process.wait()
        while self.helpers():  # which write to its directory until they notice
            time.sleep(0.01)
        os.close(self.reading)
        os.close(self.writing)

    def helpers(self):
        """Processes of its session that have not ended; each is killed."""
        found = []
        for path in glob.glob('/proc/[0-9]*/stat'):
            with contextlib.suppress(OSError):
                with open(path, encoding='utf-8', errors='replace') as file:
                    fields = file.read().rpartition(')')[2].split()
                if int(fields[3]) == self.process.pid and fields[0] not in 'ZX':
                    found.append(path)
                    os.kill(int(path.split('/')[2]), signal.SIGKILL)
        return found

    def message(self):
        deadline = time.monotonic() + TIMEOUT
        while b'\0' not in self.rest:
            if not select.select([self.reading], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError('the browser hangs')
            data = os.read(self.reading, 1 << 16)
            if not data:
                raise AssertionError('the browser ended')
            self.rest += data
        text, self.rest = self.rest.split(b'\0', 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        request = {'id': self.number, 'method': method, 'params': parameters}
        if self.session:
            request['sessionId'] = self.session
        os.write(self.writing, json.dumps(request).encode() + b'\0')
        while True:
            answer = self.message()
            if answer.get('id') == self.number:
                if 'error' in answer:
                    gone = 'navigated' in answer['error']['message'] or 'context' in answer['error']['message']
                    raise (Gone if gone else AssertionError)(f'{method}: {answer["error"]}')
                return answer['result']
            if answer.get('method') == 'Runtime.exceptionThrown':
                details = answer['params']['exceptionDetails']
                self.problems.append(details.get('exception', {}).get('description') or details['text'])
            elif answer.get('method') == 'Log.entryAdded' and answer['params']['entry']['source'] in ('security', 'javascript', 'violation'):
                self.problems.append(answer['params']['entry']['text'])

    def go(self, url):
        self.call('Page.navigate', url=url)

    def reload(self):
        """Loads the page again; what is asked afterwards is asked of the new document."""
        self.eval('window.replaced = true')
        self.call('Page.reload')
        self.wait('!window.replaced && document.readyState === "complete"')

    def eval(self, expression):
        answer = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in answer:
            raise AssertionError(f'{expression}: {answer["exceptionDetails"]}')
        return answer['result'].get('value')

    def wait(self, expression):
        """Until an expression is true; its value."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                value = self.eval(f'(() => {{ try {{ const v = {expression}; return v instanceof Node || v; }} catch {{ return null; }} }})()')
            except Gone:
                value = None
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f'waited in vain for {expression}; the page shows: {self.eval("document.body.innerText")}; {self.problems}')
            time.sleep(0.02)

    def size(self, width, height, dark=False):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}])

    def picture(self, path):
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self.call('Page.captureScreenshot', captureBeyondViewport=False)['data']))
