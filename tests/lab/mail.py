# SPDX-License-Identifier: BSD-3-Clause
"""A mail server (postfix) with a mailing list, mail servers elsewhere (aiosmtpd), and a machine that sends spam (swaks, smtp-source)."""

import os
import random
import time

import network

SINK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'mail_sink.py')

MAIN_CF = '''
compatibility_level = 3.6
queue_directory = {directory}/spool
data_directory = {directory}/postfix-data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
maillog_file = /dev/stdout
myhostname = mail.office.example
mydestination = office.example
mynetworks = {network} 127.0.0.0/8
inet_protocols = ipv4
local_transport = discard:
local_recipient_maps =
alias_maps =
virtual_alias_maps = texthash:{directory}/virtual
smtp_tls_security_level = none
minimal_backoff_time = 20s
maximal_backoff_time = 20s
queue_run_delay = 20s
smtputf8_enable = no
'''

MASTER_CF = '''
smtp      inet  n - n - -  smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0  cleanup
qmgr      unix  n - n 60 1 qmgr
rewrite   unix  - - n - -  trivial-rewrite
bounce    unix  - - n - 0  bounce
defer     unix  - - n - 0  bounce
trace     unix  - - n - 0  bounce
verify    unix  - - n - 1  verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - -  proxymap
smtp      unix  - - n - 8  smtp
relay     unix  - - n - -  smtp
error     unix  - - n - -  error
retry     unix  - - n - -  error
discard   unix  - - n - -  discard
scache    unix  - - n - 1  scache
anvil     unix  - - n - 1  anvil
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
'''

WORDS = 'report figures meeting minutes draft proposal attached please comments before friday thanks regards schedule budget team'.split()


class Post:
    """The ordinary side."""

    def __init__(self, stage):
        self.stage = stage
        net = stage.net
        count = stage.pick(36, 52)
        self.domains = [f'd{number}.example' for number in range(count)]
        self.servers = [f'198.19.{net.index}.{10 + number}' for number in range(count)]
        for domain, address in zip(self.domains, self.servers):
            net.names[f'mx.{domain}'] = (address, f'2001:db8:{net.index:x}:25::{address.rsplit(".", maxsplit=1)[1]}')
            net.mail[domain] = f'mx.{domain}'
        net.names['mail.office.example'] = (net.address(25), net.address(25, 6))
        net.add_answering(f'198.19.{net.index}.0/25')
        stage.open_office(0)
        for number in range(3):
            net.add_host(f'clerk{number}', 101 + number, 'writes mail')
        net.add_host('mail', 25, 'mail server and mailing lists (postfix)')
        net.serve('gw', '/usr/bin/python3', SINK, str(stage.half))
        self.senders = stage.pick(4, 6)
        stage.outsiders('sender', self.senders, stage.pick('198.51.100.', '192.0.2.'))
        self._start_postfix()

    def _start_postfix(self):
        stage, directory = self.stage, self.stage.net.directory
        os.makedirs(f'{directory}/postfix')
        for name in 'spool', 'postfix-data':
            os.makedirs(f'{directory}/{name}')
        network.run('chown', 'postfix', f'{directory}/postfix-data')
        stage.write('postfix/main.cf', MAIN_CF.format(directory=directory, network=str(stage.net.v4)))
        stage.write('postfix/master.cf', MASTER_CF)
        members = ', '.join(f'member{number}@{stage.rng.choice(self.domains[:20])}' for number in range(stage.pick(60, 90)))
        stage.write('virtual', f'list@office.example {members}\n')
        network.inside('mail', 'postfix', '-c', f'{directory}/postfix', 'check')
        stage.net.serve('mail', 'postfix', '-c', f'{directory}/postfix', 'start-fg')

    def send(self, host, server, sender, recipient, rng):
        """One message."""
        body = ' '.join(rng.choices(WORDS, k=rng.randrange(10, 90)))
        network.attempt(host, 'swaks', '--server', server, '--from', sender, '--to', recipient, '--ehlo', host + '.example', '--body', body,
                        '--header', f'Subject: {rng.choice(WORDS)}', timeout=30)

    def work(self):
        """People of the office write to others, and to the list; others write to them."""
        stage, rng = self.stage, random.Random(f'{self.stage.half} work')
        for number in range(stage.pick(26, 34)):
            recipient = f'friend{number}@{rng.choice(self.domains)}'
            if number in (5, 18):
                recipient = 'list@office.example'
            self.send(f'clerk{rng.randrange(3)}', 'mail.office.example', 'someone@office.example', recipient, rng)
            time.sleep(rng.uniform(1, 7))

    def receive(self):
        """Mail from elsewhere."""
        rng = random.Random(f'{self.stage.half} receive')
        for number in range(self.stage.pick(30, 40)):
            self.send(f'sender{rng.randrange(self.senders)}', self.stage.net.address(25), f'friend{number}@{rng.choice(self.domains)}',
                      f'someone{number % 5}@office.example', rng)
            time.sleep(rng.uniform(1, 6))


def mail(stage, path):
    """A mail server sends and receives the office's mail and that of a mailing list; an infected machine sends spam to many mail
    servers itself, which refuse much of it."""
    net, pick = stage.net, stage.pick
    post = Post(stage)
    net.add_host('bot', pick(66, 167), 'infected: sends spam')
    stage.begin(path)
    stage.beside(post.work)
    stage.beside(post.receive)
    time.sleep(20)
    targets = ' '.join(post.servers)
    if stage.half == 0:
        script = (f'n=0; for round in 1 2 3; do for server in {targets}; do n=$((n+1)); swaks --server $server --from win$n@freemail.example '
                  '--to user$n@d$n.example --ehlo pc$n --body "you have won a prize, click here" --header "Subject: prize $n" --timeout 8 & '
                  '[ $((n % 3)) -ne 0 ] || wait; done; done; wait')
    else:
        script = (f'for server in {targets}; do smtp-source -s 1 -m 3 -l 700 -f offer@freemail.example -t a$RANDOM@d.example -M pc.local '
                  '-S "cheap watches" $server:25; sleep 1.3; done')
    stage.attack('bot', ('bash', '-c', script), 'spam', 'from an infected machine', 6, net.address(pick(66, 167)), f'198.19.{net.index}.0/25',
                 ports=[25], tool=pick('swaks', 'smtp-source'))
