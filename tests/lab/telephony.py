# SPDX-License-Identifier: BSD-3-Clause
"""A telephone exchange (kamailio) with its phones (sipp), and those who attack it (sipvicious, sipp)."""

import time

import network

DOMAIN = 'exchange.example'

EXCHANGE = '''
debug=1
log_stderror=yes
children=2
auto_aliases=no
listen=udp:{address}:5060
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("tm", "fr_timer", 5000)

request_route {{
   if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
   if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
   if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
   if (has_totag()) {{
      loose_route();
      t_relay(); exit;
   }}
   if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
   if (is_method("REGISTER")) {{
      if ({unknown_early} && !($tU =~ "{users}")) {{ sl_send_reply("404", "Not Found"); exit; }}
      if (!pv_www_authenticate("$td", "secret$tU", "0")) {{ www_challenge("$td", "0"); exit; }}
      save("location"); exit;
   }}
   if (!is_method("INVITE")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
   record_route();
   if (!($si =~ "{inside}")) {{ sl_send_reply("{refusal}", "Declined"); exit; }}
   if ($rU =~ "^0[1-9]") {{ $du = "sip:{trunk}:5060"; t_relay(); exit; }}
   if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
   t_relay();
}}
'''

HEAD = '''Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{caller}>;tag=[pid]x[call_number]
To: <sip:{callee}>{tag}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
User-Agent: {agent}
{more}Content-Length: {length}
'''

BODY = '''
v=0
o=phone 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
'''


def request(method, uri, agent, caller, callee, number=1, tag='', more='', body=''):
    """A request as sipp's scenario files have it."""
    length = '[len]' if body else '0'
    text = f'{method} {uri} SIP/2.0\n' + HEAD.format(method=method, agent=agent, caller=caller, callee=callee, number=number, tag=tag,
                                                       more=more, length=length) + body
    return f'<send{" retrans=" + chr(34) + "500" + chr(34) if method != "ACK" else ""}><![CDATA[\n\n{text}\n]]></send>\n'


def scenario(*steps):
    return '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="lab">\n' + ''.join(steps) + '</scenario>\n'


def register(agent):
    """field0: user, field1: [authentication ...]. A refusal is taken as it is."""
    user, uri = f'[field0]@{DOMAIN}', f'sip:{DOMAIN}'
    return scenario(request('REGISTER', uri, agent, user, user, more='Expires: 300\n'),
                    '<recv response="401" auth="true"></recv>\n',
                    request('REGISTER', uri, agent, user, user, 2, more='Expires: 300\n[field1]\n'),
                    '<recv response="200" optional="true" next="9"></recv>\n<recv response="401"></recv>\n<label id="9"/>\n')


def call(agent, answers, seconds):
    """field0: caller, field1: the number called. `answers`: final responses without a call, as '404'."""
    caller, callee, uri = f'[field0]@{DOMAIN}', f'[field1]@{DOMAIN}', f'sip:[field1]@{DOMAIN}'
    ended = ''.join(f'<recv response="{code}" optional="true" next="8"></recv>\n' for code in answers)
    invite = request('INVITE', uri, agent, caller, callee, more='Content-Type: application/sdp\n', body=BODY)
    if seconds is None:  # every call is refused
        return scenario(invite, '<recv response="100" optional="true"></recv>\n', ended.replace(' optional="true" next="8"', ''),
                        request('ACK', uri, agent, caller, callee, tag='[peer_tag_param]'))
    return scenario(invite, '<recv response="100" optional="true"></recv>\n<recv response="180" optional="true"></recv>\n', ended,
                    '<recv response="200" rrs="true"></recv>\n',
                    request('ACK', '[next_url]', agent, caller, callee, tag='[peer_tag_param]', more='[routes]\n'),
                    f'<pause milliseconds="{seconds * 1000}"/>\n',
                    request('BYE', '[next_url]', agent, caller, callee, 2, tag='[peer_tag_param]', more='[routes]\n'),
                    '<recv response="200" next="9"></recv>\n<label id="8"/>\n',
                    request('ACK', uri, agent, caller, callee, tag='[peer_tag_param]'), '<label id="9"/>\n')


class Phones:
    """The ordinary side: phones register, call each other and numbers elsewhere; one has a wrong password."""

    def __init__(self, stage):
        self.stage = stage
        net, pick = stage.net, stage.pick
        self.users = [str(number) for number in pick(range(1000, 1012), range(310, 330))]
        self.agent = pick('Grandstream GXP1625 1.0.4.128', 'PolycomVVX-VVX_411-UA/5.9.3')
        self.trunk = pick('198.51.100.20', '198.51.100.77')
        net.add_host('exchange', 5, 'telephone exchange (kamailio)')
        net.add_host('phones', 150, 'phones of the office (sipp)')
        net.add_outsider('trunk', self.trunk, '2001:db8:f00d::20')
        self.address = net.address(5)
        config = stage.write('kamailio.cfg', EXCHANGE.format(
            address=self.address, trunk=self.trunk, inside='^' + net.address(0)[:-1].replace('.', '[.]'),
            users=pick('^10[01][0-9]$', '^3[123][0-9]$'), unknown_early=pick('1==1', '1==2'), refusal=pick('404', '403')))
        net.serve('exchange', 'kamailio', '-DD', '-E', '-m', '32', '-M', '4', '-f', config, '-Y', net.directory,
                  '-P', f'{net.directory}/kamailio.pid')
        self.serve('trunk', 5060)
        for number in range(len(self.users)):
            self.serve('phones', 6000 + number)

    def serve(self, host, port):
        """A phone that answers every call."""
        self.stage.net.serve(host, 'sipp', '-sn', 'uas', '-p', str(port), '-nostdin', '-i',
                             self.trunk if host == 'trunk' else self.stage.net.address(150), '-mp', str(20000 + port % 100 * 40))

    def sipp(self, name, text, lines, rate, port, *options):
        """Plays a scenario once for each line of fields."""
        xml = self.stage.write(f'{name}.xml', text)
        fields = self.stage.write(f'{name}.csv', 'SEQUENTIAL\n' + ''.join(f'{line};\n' for line in lines))
        network.attempt('phones', 'sipp', self.address, '-sf', xml, '-inf', fields, '-m', str(len(lines)), '-r', str(rate), '-rp', '1000',
                        '-i', self.stage.net.address(150), '-p', str(port), '-nostdin', '-timeout', '200', *options, timeout=300)

    def login(self, user, password):
        return f'{user};[authentication username={user} password={password}]'

    def register(self):
        """Every phone registers from its own port, as they do when they start."""
        for number, user in enumerate(self.users):
            text = register(self.agent).replace(':[local_port]>', f':{6000 + number}>')
            self.sipp(f'register{number}', text, [self.login(user, 'secret' + user)], 1, 7000 + number)

    def forgotten(self):
        """A phone whose password was changed: it registers in vain, again and again."""
        lines = [self.login(self.users[3], 'old')] * self.stage.pick(9, 14)
        self.sipp('forgotten', register(self.agent), lines, 0.2, 7100)

    def work(self):
        """Calls inside and outside; some numbers do not exist, and are dialled again."""
        rng, lines = self.stage.rng, []
        area = self.stage.pick(('0222555', '0541141'), ('0305551', '0896020', '0405559'))
        for _ in range(self.stage.pick(34, 46)):
            callee = rng.choice(self.users) if rng.random() < 0.5 else rng.choice(area) + f'{rng.randrange(1000):03}'
            lines.append(f'{rng.choice(self.users)};{callee}')
        lines += [f'{self.users[0]};{wrong}' for wrong in ('1999', '1999', '2000')]
        self.sipp('calls', call(self.agent, ('404', '486', '408', '480'), 4), lines, 0.3, 7200, '-mp', '26000')


def guess_registrations(stage, phones, attackers):
    """One client tries passwords of one user; six try another's; one looks for users."""
    pick, address, more = stage.pick, phones.address, {'ports': [5060]}
    words = stage.write('words', ''.join(f'{stage.rng.choice(("pass", "letmein", "sip", "phone"))}{number}\n' for number in range(pick(110, 75))))
    stage.attack('attacker0', ('svcrack', '-u', phones.users[1], '-d', words, '-t', pick('0.1', '0.3'), address), 'password-guessing',
                 'passwords of one user', 17, attackers[0], address, **more)
    time.sleep(5)
    names = stage.write('names', ''.join(f'{name}\n' for name in pick(range(980, 1050), range(300, 350))))
    command = pick(('svwar', '-m', 'REGISTER', '-d', names, address),
                   ('timeout', '60', 'hydra', '-I', '-t', '2', '-L', names, '-p', '1234', '-s', '5060', f'sip://{address}/{DOMAIN}'))
    stage.attack('attacker1', command, 'user-scan', 'users', 17, attackers[1], address,
                 statuses=(0, 1, 124, 255), tool=pick('svwar', 'hydra'), **more)


def guess_together(stage, phones, bots):
    """Several clients share the passwords of one user."""
    def guess(number):
        first = 100 * number
        network.attempt(f'bot{number}', 'svcrack', '-u', phones.users[5], '-r', f'{first}-{first + stage.pick(14, 9)}', '-z', '4', '-t', '0.4', phones.address)

    for number in range(1, len(bots)):
        stage.beside(guess, number)
    stage.attack('bot0', ('svcrack', '-u', phones.users[5], '-r', f'9000-90{stage.pick(14, 10)}', '-z', '4', '-t', '0.4', phones.address),
                 'password-guessing', f'passwords of one user by {len(bots)} clients', 17, bots[0].rsplit('.', 1)[0] + '.96/27', phones.address, ports=[5060])


def guess_dial_plan(stage, phones, attackers):
    """Which prefix reaches the public network? The same number abroad with many prefixes."""
    pick, address = stage.pick, phones.address
    number = pick('442079460123', '12025550147')
    prefixes = [f'{a}{b}' for a in ('', '0', '9', '8', '7', '*', '99', '1') for b in ('', '0', '00', '000', '011', '+')]
    targets = [prefix + number for prefix in prefixes[:pick(48, 30)]]
    if stage.half == 0:
        names = stage.write('dialled', ''.join(f'{target}\n' for target in targets))
        command = ('svwar', '-m', 'INVITE', '-d', names, '--force', address)
    else:
        xml = stage.write('dial.xml', call('sipcli/v1.8', ('403',), None))
        fields = stage.write('dial.csv', 'SEQUENTIAL\n' + ''.join(f'100;{target};\n' for target in targets))
        command = ('sipp', address, '-sf', xml, '-inf', fields, '-m', str(len(targets)), '-r', '1', '-rp', '1500', '-i', attackers[2],
                   '-p', '5071', '-nostdin', '-timeout', '120')
    stage.attack('attacker2', command, 'dial-plan-guessing', 'prefixes of one number', 17, attackers[2], address, ports=[5060], number=number)


def telephony(stage, path):
    """Phones register at an exchange and call each other and numbers elsewhere; a phone has a wrong password. Attackers guess
    passwords, users and the prefix for calls abroad."""
    attackers = stage.outsiders('attacker', 3, stage.pick('203.0.113.', '192.0.2.'))
    bots = stage.outsiders('bot', stage.pick(6, 8), stage.pick('198.51.100.1', '203.0.113.1'), '2001:db8:f00b::')
    names = stage.write('hosts', f'127.0.0.1 localhost\n{stage.net.address(5)} {DOMAIN}\n')
    network.run('mount', '--bind', names, '/etc/hosts')
    phones = Phones(stage)
    stage.begin(path)
    phones.register()
    stage.beside(phones.forgotten)
    stage.beside(phones.work)
    time.sleep(10)
    guess_registrations(stage, phones, attackers)
    time.sleep(stage.pick(10, 20))
    guess_dial_plan(stage, phones, attackers)
    time.sleep(10)
    guess_together(stage, phones, bots)
