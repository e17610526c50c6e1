#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Installs the packages of build-package/ in new roots of Debian and uses them as people do (needs root and a network; not part of check).

usage: try_packages.py [SUITE...]        (default: bookworm)

The packages of this machine's own suite are those of build-package; for another suite they are built in a root of it, in build-try/SUITE-build,
from the last commit. In each root, build-try/SUITE-used: apt installs the packages from a directory; the pipeline of the README runs as nemead; an ordinary user analyses a
capture; the commands of the documentation's pages run; an /etc/nemea of NEMEA 2 starts as it is; an older version is upgraded while its
services run; after purge nothing is left but what the user made. systemd is PID 1 of the root (systemd-nspawn) where the machine can boot one; where
not, that is said and fails. Exit status 1 when anything failed; logs are beside the roots.
"""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(ROOT, 'build-try')
PACKAGES = os.path.join(ROOT, 'build-package')
MIRROR = os.environ.get('NEMEA_MIRROR', 'http://deb.debian.org/debian')
OLD_VERSION = '2.99.0-1'
TIMEOUT = 900

MOUNTS = '''set -e
mount --bind "$1" "$1"; cd "$1"
mount -t proc proc proc; mount --rbind /dev dev; mount -t sysfs sysfs sys
mount -t tmpfs -o mode=1777 tmpfs tmp; mount -t tmpfs -o mode=755 tmpfs run
cp /etc/resolv.conf etc/resolv.conf
root=$1; mkdir -p packages old-packages; mount --bind "$2" packages; mount --bind "$3" old-packages; shift 3
exec chroot "$root" "$@"'''
ENVIRONMENT = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C.UTF-8', 'HOME': '/root',
               'DEBIAN_FRONTEND': 'noninteractive'}
APT = 'apt-get -y -q --no-install-recommends -o Dpkg::Options::=--force-confold'


class Root:
    """A throw-away root: a copy of the base of a suite."""

    def __init__(self, suite):
        self.suite, self.path, self.base = suite, os.path.join(WORK, suite + '-used'), os.path.join(WORK, suite)
        self.log = open(os.path.join(WORK, suite + '.try.log'), 'w', encoding='utf-8')  # pylint: disable=consider-using-with
        self.old = os.path.join(WORK, suite + '-old-packages')
        self.packages = PACKAGES if suite == own_suite() else os.path.join(WORK, suite + '-build', 'source', 'build-package')
        self.failed, self.before = 0, []
        self.machine = None

    def build(self):
        """The packages of a suite that is not this machine's, from the last commit. False, with the reason in the log, where they cannot be built."""
        if packages(self.packages, True):
            return True
        path = os.path.join(WORK, self.suite + '-build')
        source = os.path.join(path, 'source')
        if not os.path.exists(path) and self.host('cp', '-a', '--reflink=auto', self.base, path)[0]:
            return False
        shutil.rmtree(source, ignore_errors=True)
        os.makedirs(os.path.join(source, 'build-package'))
        date = subprocess.run(['git', '-C', ROOT, 'log', '-1', '--format=%ct'], check=True, capture_output=True, text=True).stdout.strip()
        archive = f'git -C {ROOT} archive HEAD | tar -x -C {source}'
        if self.host('sh', '-c', archive)[0]:
            return False
        status = self.online(f'cd /source && apt-get -q update && SOURCE_DATE_EPOCH={date} ./bootstrap.sh package', path)[0]
        made = bool(packages(self.packages, True))
        print(f'{self.suite}: {"ok" if status == 0 else "FAILED"} the packages are built in a root of the suite, and lintian has nothing to say', flush=True)
        self.failed += made and status != 0
        return made

    def make(self):
        if not os.path.exists(os.path.join(self.base, 'usr/bin/apt-get')):
            shutil.rmtree(self.base, ignore_errors=True)
            if self.host('debootstrap', '--variant=minbase', '--include=systemd,systemd-sysv,dbus,ca-certificates', self.suite, self.base, MIRROR)[0]:
                return False
        if not self.build():
            return False
        shutil.rmtree(self.path, ignore_errors=True)
        return self.host('cp', '-a', '--reflink=auto', self.base, self.path)[0] == 0

    def host(self, *command, **options):
        self.log.write(f'\n# {" ".join(command)}\n')
        self.log.flush()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace',
                              timeout=TIMEOUT * 4, check=False, **options)
        self.log.write(done.stdout)
        self.log.flush()
        return done.returncode, done.stdout

    def boot(self):
        """Starts systemd as PID 1 of the root, without a network of others; False, with the reason in the log, where the machine cannot."""
        script = ('mount -t tmpfs tmpfs /run && mkdir -p /run/systemd && exec systemd-nspawn -q -D "$1" --boot --machine="$2" --private-network '
                  '--register=no --keep-unit --link-journal=no --bind-ro="$3:/packages" --bind-ro="$4:/old-packages" --bind-ro="$5:/source" '
                  'SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1')
        command = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', script, '_', self.path, 'nemea-' + self.suite, self.packages, self.old, ROOT]
        self.machine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)  # pylint: disable=consider-using-with
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline and self.machine.poll() is None:
            if self.leader() and self.sh('systemctl is-system-running | grep -E "running|degraded"')[0] == 0:
                return True
            time.sleep(1)
        self.halt()
        return False

    def leader(self):
        """The process of the machine that is PID 1 in it."""
        return subprocess.run(['pgrep', '-P', str(self.machine.pid)], capture_output=True, text=True, check=False).stdout.split('\n')[0]

    def halt(self):
        if self.machine is not None:
            if self.machine.poll() is None:
                leader = self.leader()
                if leader:
                    os.kill(int(leader), signal.SIGKILL)
                self.machine.wait()
            self.machine = None

    def sh(self, script, user=None):
        """(exit status, output) of a script in the root, as root or another user."""
        command = ['bash', '-euo', 'pipefail', '-c', PRELUDE + script]
        if user:
            command = ['setpriv', '--reuid', user, '--regid', user, '--init-groups', 'env', 'HOME=/tmp'] + command
        return self.host('nsenter', '-t', self.leader(), '-a', 'env', '-i', *(f'{k}={v}' for k, v in ENVIRONMENT.items()), *command)

    def online(self, script, path=None):
        """A script in the root, or in another one, with the network of the host, for apt."""
        return self.host('unshare', '-m', '-p', '-f', '--propagation', 'private', 'sh', '-c', MOUNTS, '_', path or self.path, self.packages, self.old, 'bash', '-euo', 'pipefail',
                         '-c', script, env=ENVIRONMENT)

    def step(self, title, script=None, user=None, expect=None):
        """Runs a script as a step of its own and says whether it went well."""
        status, out = self.sh(script, user)
        good = status == 0 and (expect is None or re.search(expect, out) is not None)
        print(f'{self.suite}: {"ok" if good else "FAILED"} {title}', flush=True)
        if not good:
            print('   ' + '\n   '.join(line[:200] for line in out.rstrip().splitlines()[-15:]))
        self.failed += not good
        return good


def own_suite():
    with open('/etc/os-release', encoding='utf-8') as file:
        found = re.search(r'^VERSION_CODENAME=(\w+)', file.read(), re.M)
    return found[1] if found else ''


def packages(folder, with_development):
    """Files of the packages that are tried."""
    found = [os.path.basename(path) for path in sorted(glob.glob(os.path.join(folder, '*.deb')))]
    return [name for name in found if '-dbgsym_' not in name and (with_development or '-dev_' not in name and 'nemea-doc_' not in name)]


def older_packages(new, folder):
    """The packages once more, as if they were of an older version."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name in packages(new, False):
        tree = os.path.join(folder, 'tree')
        subprocess.run(['dpkg-deb', '-R', os.path.join(new, name), tree], check=True)
        path = os.path.join(tree, 'DEBIAN', 'control')
        with open(path, encoding='utf-8') as file:
            text = file.read()
        version = re.search(r'^Version: (.*)$', text, re.M)[1]
        text = text.replace(version, OLD_VERSION).replace('(>= ' + version.split('-')[0] + ')', '(>= ' + OLD_VERSION.split('-')[0] + ')')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        subprocess.run(['dpkg-deb', '-b', '-Znone', tree, os.path.join(folder, name.replace(version, OLD_VERSION))], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)


def page_commands():
    """(page, commands) of the blocks that need packages and root, as the pages have them; what is done by other steps left out."""
    for page in ('docs/start.md', 'docs/routers.md', 'docs/tuning.md', 'docs/faq.md'):
        with open(os.path.join(ROOT, page), encoding='utf-8') as file:
            for commands in re.findall(r'^ *```console\n(.*?)^ *```$', file.read(), re.M | re.S):
                commands = re.sub(r'\bens3\b', 'lo', commands).replace('sudo ', '')
                yield page, re.sub(r'^(.*?) +# until Ctrl-C\b.*$', r'timeout -s INT 5 \1 || [ $? = 124 ]', commands, flags=re.M)


# "! COMMAND" does not end a script of "set -e".
PRELUDE = 'no() { if "$@"; then return 1; fi; }\n'
WAIT = 'for i in $(seq 100); do {condition} && break; sleep 0.5; done; {condition}'
READY = ('supcli status --json | python3 -c "import json, sys; m = [m for m in json.load(sys.stdin) if m[\'enabled\']]; '
         'bad = [x for x in m if x[\'state\'] not in (\'ready\', \'running\')]; print(len(m), \'modules\', *bad, sep=chr(10)); sys.exit(not m or len(bad) > 0)"')
# Of the supervisor and all that it has started, root has nemea_spawner alone.
OWNERS = ('all=$(for p in $(grep -l /nemea-supervisor.service /proc/[0-9]*/cgroup 2> /dev/null); do awk -v name="$(cat ${p%/cgroup}/comm)" \'/^Uid:/ { print $3, name }\' ${p%/cgroup}/status; '
          'done); echo "$all" | sort | uniq -c; test "$(grep -c "^0 nemea_spawner$" <<< "$all")" = 1; test "$(grep -c "^$(id -u nemead) " <<< "$all")" -gt 20; '
          'no grep -v -e "^0 nemea_spawner$" -e "^$(id -u nemead) " <<< "$all"')
# Of all that "nemea run" starts, root has nothing.
RUN = ('owners() { for p in /proc/[0-9]*; do case $(readlink $p/exe) in /usr/bin/nemea/*) awk -v name="$(cat $p/comm)" \'/^Uid:/ { print $3, name }\' $p/status || true;; esac; done; }; '
       'systemctl stop "nemea-*"; nemeactl run -i lo & run=$!; trap "kill $run; wait $run || true" EXIT; ' + WAIT.format(condition='[ $(owners | wc -l) -gt 10 ]') + '; owners | sort | uniq -c; '
       'no grep -v "^$(id -u nemead) " <(owners); [ "$(stat -c %U /var/lib/nemea-run)" = nemead ]')
PIPELINE = ('cd /tmp; export TRAP_SOCKET_DIR=$(mktemp -d); nemeactl vportscan_detector -i u:flows,u:alerts:timeout=WAIT & nemeactl logger -t -i u:alerts -w /tmp/alerts.csv & '
            'nemeactl flow_meter -r /source/examples/captures/vertical-scans-ipv4.pcap.zst -i u:flows:timeout=WAIT; wait; head -n 3 /tmp/alerts.csv')
FILES = "find / -xdev -path /proc -prune -o -path /sys -prune -o -path /dev -prune -o -path /tmp -prune -o -path /packages -prune -o -path /old-packages -prune -o -path /source -prune -o -print | sort"
# What apt, dpkg and systemd keep for themselves, and what the tests have made.
NOT_OURS = re.compile(r'^/(var/(cache|lib/(apt|dpkg|systemd|python)|log)|root|data|run/(?!nemea|libtrap)|etc/(group|passwd|g?shadow|subgid|subuid)-?$|'
                      r'etc/(ld\.so\.cache|machine-id|python3|ssl|fuse|systemd/system$)|var/lib/(pam|ucf)|var/tmp)')


def installation(root):
    everything = ' '.join('/packages/' + name for name in packages(root.packages, True))
    old = ' '.join('/old-packages/' + name for name in packages(root.old, False))
    root.step('apt installs an older version from a directory', f'{APT} install {old}')
    root.step('no service is enabled or runs', 'for u in nemea-supervisor nemea-alert-store nemea-page nemea-flow-collector; do [ "$(systemctl is-enabled $u)" = disabled ]; '
              'no systemctl is-active -q $u; done; no grep running <(systemctl list-units --plain "nemea-*")')
    root.step('nemead has its directories', 'stat -c "%U %G %a" /run/nemea /var/lib/nemea | tr "\\n" ,', expect='root nemead 2775,nemead nemead 750')
    root.step('the pipeline of the README runs as nemead', PIPELINE, user='nemead', expect='PORT_CNT')
    root.step('an ordinary user analyses a capture', 'nemeactl analyze /source/examples/captures/vertical-scans-ipv4.pcap.zst', user='analyst',
              expect='vertical port scan')
    root.step('login shells find the modules last', 'bash -lc "command -v logger; command -v vportscan_detector; nemea --version"', expect='/usr/bin/logger|/bin/logger')
    return everything


def services(root, everything):
    root.step('the store of alerts and the page are started', 'systemctl start nemea-alert-store nemea-page && systemctl is-active nemea-alert-store nemea-page')
    root.step('the page opens at the address that its journal has', 'address=$(journalctl -u nemea-page -o cat | grep -o "http://[^ ]*token=[0-9a-f]*" | tail -n 1) && '
              'python3 -c "import sys, urllib.request as u; print(u.build_opener(u.HTTPCookieProcessor()).open(sys.argv[1]).read().decode())" "$address"', expect='<html')
    root.sh('systemctl stop nemea-alert-store')  # the supervisor's configuration has a store of its own
    root.step('the configuration of the modules is copied and started', "cp -rn /usr/share/nemea-supervisor/*/ /etc/nemea && sed -i 's/-I eth0/-I lo/; "
              "s/<enabled>false/<enabled>true/' /etc/nemea/data-sources/flow_meter.sup && systemctl start nemea-supervisor && " + WAIT.format(condition=READY))
    root.step('the supervisor and its modules are those of nemead, and only nemea_spawner is root', OWNERS)
    root.step('the collector is started', 'echo OUTPUT=u:metered:timeout=NO_WAIT > /etc/default/nemea-flow-meter; systemctl start nemea-flow-meter@lo && systemctl stop nemea-flow-meter@lo && rm /etc/default/nemea-flow-meter && sed -i s/u:flow_data_source/u:collected/ '
              '/lib/systemd/system/nemea-flow-collector.service && systemctl daemon-reload && systemctl start nemea-flow-collector && systemctl is-active nemea-flow-collector')
    root.sh('systemctl show -P MainPID nemea-supervisor nemea-page nemea-flow-collector > /root/before')
    root.step('an upgrade while the services run', f'{APT} install {everything}')
    root.step('the services run the new programs', WAIT.format(condition='[ "$(pgrep -x supervisor)" ]') + '; systemctl show -P MainPID nemea-supervisor nemea-page '
              'nemea-flow-collector > /root/after; no grep -Fx -f <(grep . /root/before) /root/after; no grep "nemea.*deleted" <(ls -l /proc/[0-9]*/exe 2>/dev/null); ' + WAIT.format(condition=READY))
    root.step('and as the same users', OWNERS)
    root.sh('systemctl stop nemea-page nemea-supervisor nemea-flow-collector')


def package_tests(root):
    """debian/tests, as autopkgtest runs them: from the source tree, as an ordinary user."""
    for path in sorted(glob.glob(os.path.join(ROOT, 'debian', 'tests', '*'))):
        if os.access(path, os.X_OK):
            root.step(f'debian/tests/{os.path.basename(path)}', f'cd /source && debian/tests/{os.path.basename(path)}', user='analyst')


def old_configuration(root):
    """An /etc/nemea of NEMEA 2, unchanged, which belongs to nemead there. Its records come from a FIFO and arrive in a file."""
    root.step('an /etc/nemea of NEMEA 2 is there', 'systemctl stop nemea-supervisor; mv /etc/nemea /etc/nemea-of-the-packages && cp -r /source/tests/golden/supervisor/config /etc/nemea && '
              'rm -f /etc/nemea/edge_cases.xml && mkdir -p /data && mkfifo /data/flows.fifo && chown -R nemead /data && chown -R nemead:nemead /etc/nemea && chmod -R g+w /etc/nemea')
    root.step('root alone can change it after an installation', f'{APT} install --reinstall /packages/nemea-supervisor_*.deb && no grep . <(find /etc/nemea ! -type l \\( -user nemead -o -perm /022 \\))')
    root.step('and starts as it is', 'systemctl start nemea-supervisor && '
              r'''(printf '%s\n' 'ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES' 192.0.2.1,198.51.100.7,840 | timeout 60 tee /data/flows.fifo > /dev/null) && '''
              + WAIT.format(condition='grep -q 198.51.100.7 "/data/flow log.csv"'))
    root.sh('supcli status; cat /var/log/nemea-supervisor/modules_events /var/log/nemea-supervisor/modules_logs/*_stderr')
    root.sh('systemctl stop nemea-supervisor; rm -rf /etc/nemea /data; mv /etc/nemea-of-the-packages /etc/nemea')


def documentation(root):
    root.sh('rm -rf /root/pages; mkdir /root/pages; cp /source/examples/captures/vertical-scans-ipv4.pcap.zst /root/pages/capture.pcap; systemctl daemon-reload')
    for number, (page, commands) in enumerate(page_commands(), 1):
        root.step(f'{page}, block {number}', 'cd /root/pages\n' + commands)
        if '-I lo' in commands:  # who has a meter on the stream needs no collector on it
            root.sh("sed -i 's/<enabled>true/<enabled>false/' /etc/nemea/data-sources/flow_meter.sup; supcli reload")
    root.sh('systemctl disable --now nemea-supervisor nemea-flow-collector')


def units(root):
    """What systemd says of the units: no mistake, and how much they may do."""
    root.step('systemd-analyze verify has nothing to say', 'cd $(dirname $(find /lib/systemd/system /usr/lib/systemd/system -name nemea-supervisor.service | head -n 1)); '
              'out=$(systemd-analyze verify --man=no nemea-supervisor.service nemea-alert-store.service nemea-page.service nemea-flow-collector.service nemea-flow-meter@lo.service 2>&1 | grep nemea || true); '
              'echo "$out"; test -z "$out"')
    # The supervisor's unit has the capabilities of nemea_spawner.
    for unit, most in (('nemea-supervisor', 35), ('nemea-alert-store', 30), ('nemea-page', 30), ('nemea-flow-collector', 30), ('nemea-flow-meter@lo', 30)):
        root.step(f'{unit}: exposure at most {most / 10}', f'systemd-analyze security --threshold={most} {unit}.service | tail -n 1')


def run_of_root(root):
    root.step('nemea run of root is nemead', RUN)


def removal(root):
    names = ' '.join(name.split('_')[0] for name in packages(root.packages, True))
    root.sh('systemctl start nemea-flow-collector')
    root.step('packages are removed, and services stopped', f'{APT} remove {names} && no grep /usr/bin/nemea/ <(ls -l /proc/[0-9]*/exe 2>/dev/null)')
    root.step('packages are purged', f'echo mine > /etc/nemea/mine.sup; dpkg --purge {names}')
    _, after = root.sh(FILES)
    before = set(root.before)
    left = [path for path in after.splitlines() if path not in before and not NOT_OURS.match(path) and not re.match('/etc/nemea(/|$)', path)]
    ours = [path for path in left if 'nemea' in path or 'trap' in path]
    root.step('nothing is left but what the user made', f'test -e /etc/nemea/mine.sup; no getent passwd nemead; left="{" ".join(ours)}"; echo "$left"; test -z "$left"')


def check(suite):
    root = Root(suite)
    os.makedirs(root.old, exist_ok=True)
    if not root.make():
        print(f'{suite}: FAILED to make the root or its packages (see {root.log.name})')
        return 1
    older_packages(root.packages, root.old)
    everything = ' '.join('/packages/' + name for name in packages(root.packages, True))
    status, out = root.online(f'useradd -m analyst; apt-get -q update; {APT} install gcc libc6-dev meson ninja-build pkgconf make python3 procps iproute2; echo 127.0.0.1 localhost > /etc/hosts; '
                              f'{APT} --download-only install {everything}')
    if status != 0:
        print(f'{suite}: FAILED to get what the packages depend on:\n{out[-1500:]}')
        return 1
    try:
        if not root.boot():
            print(f'{suite}: FAILED to boot: this machine cannot run systemd in a container (see {root.log.name})')
            return 1
        print(f'{suite}: ok systemd is PID 1 of a container', flush=True)
        root.before = root.sh(FILES)[1].splitlines()
        everything = installation(root)
        units(root)
        services(root, everything)
        package_tests(root)
        old_configuration(root)
        documentation(root)
        run_of_root(root)
        removal(root)
    finally:
        root.halt()
    return root.failed


def main(arguments):
    if os.getuid() != 0:
        print('try_packages.py: only root can make other roots', file=sys.stderr)
        return 2
    if own_suite() in (arguments or ['bookworm']) and not packages(PACKAGES, True):
        print('try_packages.py: no packages in build-package: ./bootstrap.sh package', file=sys.stderr)
        return 2
    os.makedirs(WORK, exist_ok=True)
    failed = sum(check(suite) for suite in arguments or ['bookworm'])
    print(f'{failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
