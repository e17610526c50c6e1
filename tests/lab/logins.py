# SPDX-License-Identifier: BSD-3-Clause
"""Servers with passwords (ssh, FTP, Telnet, RDP), those who guess them (hydra, medusa, ncrack), and those who have a right to log in."""

import os
import time

import network

PASSWORD = 'correct horse 7'


class Servers:
    """One host for each service, and the ordinary users of all."""

    def __init__(self, stage):
        self.stage = stage
        net, pick = stage.net, stage.pick
        stage.open_office(0)
        self.port = pick(2222, 22022)  # of a second ssh server
        self.hosts = {}
        for number, name in enumerate(('ssh', 'ssh2', 'ftp', 'telnet', 'rdp', 'ssh3')):
            net.add_host(name, 31 + number, f'server: {name}')
            self.hosts[name] = net.address(31 + number)
        for number, name in enumerate(('admin', 'backup', 'user', 'monitor')):
            net.add_host(name, 110 + number, f'ordinary: {name}')
        self._accounts()
        ssh = self.config('sshd', f'''
HostKey {net.directory}/host_key
AuthorizedKeysFile {net.directory}/user_key.pub
PermitRootLogin yes
StrictModes no
UsePAM yes
PidFile none
''')
        for name, port in ('ssh', 22), ('ssh2', self.port), ('ssh3', 22):
            net.serve(name, '/usr/sbin/sshd', '-D', '-e', '-f', ssh, '-p', str(port))
        os.makedirs('/run/vsftpd/empty')
        net.serve('ftp', 'vsftpd', self.config('vsftpd', '''
listen=YES
background=NO
local_enable=YES
write_enable=YES
pam_service_name=vsftpd
secure_chroot_dir=/run/vsftpd/empty
'''))
        net.serve('telnet', 'inetutils-inetd', '-d', self.config('inetd', 'telnet stream tcp nowait root /usr/sbin/telnetd telnetd\n'))
        os.makedirs('/run/xrdp', exist_ok=True)
        net.serve('rdp', 'xrdp-sesman', '--nodaemon')
        net.serve('rdp', 'xrdp', '--nodaemon')

    def config(self, name, text):
        return self.stage.write(f'{name}.conf', text.lstrip())

    def _accounts(self):
        """Users with passwords, for this capture only."""
        net = self.stage.net
        secret = network.run('openssl', 'passwd', '-6', PASSWORD).strip()
        for path, lines in ('/etc/passwd', ('alice:x:2000:2000::/tmp:/bin/sh', 'bob:x:2001:2000::/tmp:/bin/sh')), (
                '/etc/shadow', (f'alice:{secret}:19000:0:99999:7:::', f'bob:{secret}:19000:0:99999:7:::')):
            with open(path, encoding='utf-8') as file:
                copy = self.stage.write(os.path.basename(path), file.read() + '\n'.join(lines) + '\n')
            os.chmod(copy, 0o644 if path == '/etc/passwd' else 0o640)
            network.run('mount', '--bind', copy, path)
        with open(f'{net.directory}/data.bin', 'wb') as file:
            file.write(self.stage.rng.randbytes(self.stage.pick(500_000, 800_000)))

    # ---------------------------------------------------------------- those who may

    def administer(self):
        """A script asks three machines for their state, one after the other, again and again, with a key."""
        for number in range(self.stage.pick(16, 12)):
            for name, port in ('ssh', 22), ('ssh2', self.port), ('ssh3', 22):
                network.attempt('admin', 'ssh', *self.stage.office.ssh_options(), '-p', str(port), f'root@{self.hosts[name]}',
                                'uptime; df -h /; cat /proc/loadavg')
            time.sleep(self.stage.pick(4, 7))

    def back_up(self):
        """Files copied by rsync over ssh, three times."""
        options = ' '.join(self.stage.office.ssh_options())
        for number in range(3):
            network.attempt('backup', 'rsync', '-e', f'ssh {options}', f'{self.stage.net.directory}/data.bin',
                            f'root@{self.hosts["ssh3"]}:{self.stage.net.directory}/copy{number}')
            time.sleep(20)

    def mistype(self):
        """Someone mistypes the password twice, then gets in and works; someone logs in over Telnet; a script fetches lists by FTP."""
        ssh = ('-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'NumberOfPasswordPrompts=1')
        for password in 'correct hose 7', 'Correct horse 7', PASSWORD:
            network.attempt('user', 'sshpass', '-p', password, 'ssh', *ssh, f'alice@{self.hosts["ssh"]}', 'ls -l /usr/bin | head -50; sleep 5')
            time.sleep(4)
        session = f'(sleep 2; echo alice; sleep 2; echo "{PASSWORD}"; sleep 3; echo ls /usr; sleep 4; echo w; sleep 3; echo exit; sleep 1)'
        network.attempt('user', 'sh', '-c', f'{session} | telnet {self.hosts["telnet"]}')
        for _ in range(self.stage.pick(12, 16)):
            network.attempt('user', 'curl', '-s', '-o', '/dev/null', '--user', f'bob:{PASSWORD}', f'ftp://{self.hosts["ftp"]}/')
            time.sleep(6)

    def monitor(self):
        """Monitoring connects, reads what the server says first, and leaves."""
        for _ in range(6):
            for name, port in ('ssh', 22), ('ssh2', self.port), ('ssh3', 22), ('ftp', 21), ('telnet', 23), ('rdp', 3389):
                network.attempt('monitor', 'timeout', '1', 'bash', '-c', f'exec 3<>/dev/tcp/{self.hosts[name]}/{port}; head -c 20 <&3')
            time.sleep(20)

    # ---------------------------------------------------------------- those who may not

    def guess(self, number, source, service, name, port, words, few=False):
        """One attacker guesses passwords of one server."""
        path = self.stage.write(f'words{number}', ''.join(f'{self.stage.rng.choice(("pass", "admin", "root", "summer"))}{n}\n' for n in range(words)))
        address, tasks = self.hosts[name], '1' if few else '4'
        hydra = ('hydra', '-I', '-t', tasks, '-l', 'alice', '-P', path, '-s', str(port), f'{service}://{address}')
        medusa = ('medusa', '-h', address, '-n', str(port), '-u', 'alice', '-P', path, '-M', service, '-t', tasks)
        ncrack = ('ncrack', '-g', f'CL={tasks}', '--user', 'alice', '-P', path, f'{service}://{address}:{port}')
        tool = {'ssh': (hydra, ncrack), 'ssh2': (hydra, medusa), 'ftp': (hydra, ncrack), 'telnet': (hydra, ncrack), 'rdp': (ncrack, ncrack),
                'ssh3': (hydra, medusa)}[name][self.stage.half]
        self.stage.attack(f'guesser{number}', ('timeout', '-s', 'INT', '150') + tool, 'password-guessing', service + (' by few' if few else ''), 6,
                          source, address, statuses=(0, 1, 124, 130, 255), ports=[port], tool=tool[0], **({'small': True} if few else {}))


def logins(stage, path):
    """Guessing of passwords: ssh, ssh on another port, few guesses, FTP, Telnet, RDP. Beside them an administrator's scripts, a backup
    over ssh, monitoring, a user who mistypes the password, scripts that fetch files by FTP."""
    servers = Servers(stage)
    attackers = stage.outsiders('guesser', 6, stage.pick('203.0.113.', '198.51.100.'))
    plan = (('ssh', 'ssh', 22, stage.pick(60, 70)), ('ssh', 'ssh2', servers.port, stage.pick(50, 44)), ('ftp', 'ftp', 21, stage.pick(60, 48)),
            ('telnet', 'telnet', 23, stage.pick(45, 48)), ('rdp', 'rdp', 3389, stage.pick(36, 44)), ('ssh', 'ssh3', 22, 12))
    stage.begin(path)
    for function in servers.administer, servers.back_up, servers.mistype, servers.monitor:
        stage.beside(function)
    for number, (service, name, port, words) in enumerate(plan):
        time.sleep(stage.pick(5, 9))
        stage.beside(servers.guess, number, attackers[number], service, name, port, words, words == 12)
