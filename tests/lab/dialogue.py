#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Dialogues of programs that keep one connection open for a long time: miners with their pools, and others.

usage: dialogue.py serve KIND PORT SEED
       dialogue.py speak KIND ADDRESS PORT SEED SECONDS

Kinds: bitcoin, monero, ethereum (stratum and its relatives), irc, mqtt, database, jsonrpc, xmpp. The messages are those of the protocols; what is
mined is random. A client speaks for SECONDS, and connects again when it is cut off.
"""

import json
import random
import select
import socket
import struct
import sys
import threading
import time


def line(message):
    return json.dumps(message).encode() + b'\n'


def word(rng, length):
    return ''.join(rng.choices('0123456789abcdef', k=length))


class Bitcoin:
    """stratum, as bitcoin pools speak it"""
    period, share = (20, 40), (6, 25)

    def opening(self, rng):
        yield line({'id': 1, 'method': 'mining.subscribe', 'params': [rng.choice(('cpuminer/2.5.1', 'cgminer/4.10.0', 'bfgminer/5.5.0'))]})
        yield line({'id': 2, 'method': 'mining.authorize', 'params': [f'worker{rng.randrange(9)}.{rng.randrange(99)}', 'x']})

    def reply(self, rng, text):
        method = json.loads(text).get('method')
        if method == 'mining.subscribe':
            return line({'id': 1, 'result': [[['mining.set_difficulty', word(rng, 32)], ['mining.notify', word(rng, 32)]], word(rng, 8), 4],
                         'error': None})
        answer = line({'id': json.loads(text)['id'], 'result': True, 'error': None})
        if method == 'mining.authorize':
            answer += line({'id': None, 'method': 'mining.set_difficulty', 'params': [2048]}) + self.news(rng)
        return answer

    def news(self, rng):
        return line({'id': None, 'method': 'mining.notify', 'params': [word(rng, 6), word(rng, 64), word(rng, 120), word(rng, 140),
                                                                      [word(rng, 64) for _ in range(6)], '20000000', '1a0fd3a1', word(rng, 8), False]})

    def say(self, rng, number):
        return line({'id': number + 4, 'method': 'mining.submit', 'params': ['worker1', word(rng, 6), word(rng, 8), word(rng, 8), word(rng, 8)]})


class Monero(Bitcoin):
    """what pools of Monero and its kin speak"""
    period, share = (15, 60), (8, 30)

    def opening(self, rng):
        yield line({'id': 1, 'jsonrpc': '2.0', 'method': 'login', 'params': {
            'login': '4' + word(rng, 94), 'pass': 'x', 'agent': rng.choice(('XMRig/6.18.0 (Linux x86_64) libuv/1.44.2', 'xmr-stak/2.10.8')),
            'algo': ['rx/0', 'cn/2', 'cn/r']}})

    def job(self, rng):
        return {'blob': '1010' + word(rng, 148), 'job_id': word(rng, 15), 'target': 'b88d0600', 'height': 2700000, 'seed_hash': word(rng, 64)}

    def reply(self, rng, text):
        message = json.loads(text)
        result = {'id': word(rng, 36), 'job': self.job(rng), 'status': 'OK'} if message['method'] == 'login' else {'status': 'OK'}
        return line({'id': message['id'], 'jsonrpc': '2.0', 'error': None, 'result': result})

    def news(self, rng):
        return line({'jsonrpc': '2.0', 'method': 'job', 'params': self.job(rng)})

    def say(self, rng, number):
        return line({'id': number + 2, 'jsonrpc': '2.0', 'method': 'submit', 'params': {
            'id': word(rng, 36), 'job_id': word(rng, 15), 'nonce': word(rng, 8), 'result': word(rng, 64)}})


class Ethereum(Bitcoin):
    """eth-proxy: the miner asks for work, too"""
    period, share = (8, 20), (5, 15)

    def opening(self, rng):
        yield line({'worker': 'rig', 'jsonrpc': '2.0', 'params': ['0x' + word(rng, 40), 'x'], 'id': 2, 'method': 'eth_submitLogin'})
        yield line({'worker': '', 'jsonrpc': '2.0', 'params': [], 'id': 3, 'method': 'eth_getWork'})

    def work(self, rng):
        return ['0x' + word(rng, 64), '0x' + word(rng, 64), '0x00000000' + word(rng, 56)]

    def reply(self, rng, text):
        message = json.loads(text)
        return line({'id': message['id'], 'jsonrpc': '2.0', 'result': self.work(rng) if message['method'] == 'eth_getWork' else True})

    def news(self, rng):
        return line({'id': 0, 'jsonrpc': '2.0', 'result': self.work(rng)})

    def say(self, rng, number):
        if number % 3:
            return line({'id': 6, 'jsonrpc': '2.0', 'method': 'eth_submitHashrate', 'params': ['0x' + word(rng, 64), '0x' + word(rng, 64)]})
        return line({'id': 4, 'jsonrpc': '2.0', 'method': 'eth_submitWork', 'params': ['0x' + word(rng, 16), '0x' + word(rng, 64), '0x' + word(rng, 64)]})


class Chat:
    """IRC: people talk, the server asks now and then whether the client is there"""
    period, share = (10, 50), (15, 70)
    words = 'the a meeting at noon will we have lunch with coffee or tea yes no maybe later tomorrow release build server is down again'.split()

    def opening(self, rng):
        yield b'NICK user%d\r\nUSER user 0 * :A User\r\n' % rng.randrange(99)
        yield b'JOIN #office\r\n'

    def text(self, rng):
        return ' '.join(rng.choices(self.words, k=rng.randrange(2, 14))).encode()

    def reply(self, rng, text):
        if text.startswith(b'NICK'):
            return b':irc.example 001 user :Welcome to the network\r\n' + b':irc.example 372 user :- message of the day\r\n' * 12
        return b':irc.example PONG irc.example\r\n' if text.startswith(b'PING') else b''

    def news(self, rng):
        return b':user%d!u@host PRIVMSG #office :%s\r\n' % (rng.randrange(20), self.text(rng))

    def say(self, rng, number):
        return b'PRIVMSG #office :%s\r\n' % self.text(rng) if number % 2 else b'PING irc.example\r\n'


class Broker(Chat):
    """MQTT: a sensor publishes its values at the broker"""
    period, share = (20, 60), (9.5, 10.5)

    def opening(self, rng):
        yield b'\x10\x15\x00\x04MQTT\x04\x02\x00\x3c\x00\x09sensor-%02d' % rng.randrange(99)
        yield b'\x82\x0e\x00\x01\x00\x09plant/cmd\x00'

    def reply(self, rng, text):
        return {0x10: b'\x20\x02\x00\x00', 0x82: b'\x90\x03\x00\x01\x00', 0x32: b'\x40\x02\x00\x0a', 0xc0: b'\xd0\x00'}.get(text[0], b'')

    def news(self, rng):
        return b'\x30\x10\x00\x09plant/cmdstate'

    def say(self, rng, number):
        value = f'{{"temperature": {rng.uniform(18, 24):.2f}, "humidity": {rng.randrange(30, 60)}}}'.encode()
        return b'\x32' + bytes([15 + len(value)]) + b'\x00\x0bplant/value\x00\x0a' + value if number % 6 else b'\xc0\x00'


class Database(Chat):
    """PostgreSQL: a program looks for work in a table"""
    period, share = (10**6, 10**6), (4, 12)

    def opening(self, rng):
        text = b'\x00\x03\x00\x00user\x00app\x00database\x00shop\x00\x00'
        yield struct.pack('!I', len(text) + 4) + text

    def reply(self, rng, text):
        if text[:1] == b'\0':
            return b'R\x00\x00\x00\x08\x00\x00\x00\x00' + b'S\x00\x00\x00\x16server_version\x0015\x00' + b'Z\x00\x00\x00\x05I'
        return b'T\x00\x00\x00\x1b\x00\x01id\x00' + bytes(18) + b'D\x00\x00\x00\x0b\x00\x01\x00\x00\x00\x01' + b'7' * rng.randrange(0, 60) + b'Z\x00\x00\x00\x05I'

    def news(self, rng):
        return b''

    def say(self, rng, number):
        text = b"SELECT id, payload FROM jobs WHERE state = 'new' ORDER BY id LIMIT 10\0"
        return b'Q' + struct.pack('!I', len(text) + 4) + text


class JsonRpc(Chat):
    """a monitoring program asks a server by JSON, one line each; another tells of its blocks: a client of a node, not of a pool"""
    period, share = (10**6, 10**6), (9, 11)

    def opening(self, rng):
        yield line({'jsonrpc': '2.0', 'id': 1, 'method': 'session.login', 'params': {'user': 'monitor', 'agent': 'monitor/1.4'}})

    def reply(self, rng, text):
        return line({'jsonrpc': '2.0', 'id': json.loads(text)['id'], 'result': {'load': [rng.random(), rng.random()], 'disks': [rng.randrange(100)] * 4}})

    def news(self, rng):
        return b''

    def say(self, rng, number):
        return line({'jsonrpc': '2.0', 'id': number + 2, 'method': rng.choice(('system.load', 'system.disks')), 'params': {}})


class Xmpp(Chat):
    """XMPP: presence of colleagues, a space now and then to keep the connection"""
    period, share = (25, 80), (20, 60)

    def opening(self, rng):
        yield b"<?xml version='1.0'?><stream:stream to='example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        yield b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHVzZXIAc2VjcmV0</auth>"

    def reply(self, rng, text):
        if text.startswith(b'<?xml'):
            return b"<stream:stream from='example' id='1'><stream:features><mechanisms><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
        return b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>" if text.startswith(b'<auth') else b''

    def news(self, rng):
        return b"<presence from='user%d@example/desk'><show>%s</show></presence>" % (rng.randrange(30), rng.choice((b'away', b'chat', b'dnd')))

    def say(self, rng, number):
        return b"<message to='user%d@example'><body>%s</body></message>" % (rng.randrange(30), self.text(rng)) if number % 3 == 0 else b' '


KINDS = {'bitcoin': Bitcoin, 'monero': Monero, 'ethereum': Ethereum, 'irc': Chat, 'mqtt': Broker, 'database': Database, 'jsonrpc': JsonRpc,
         'xmpp': Xmpp}


def attend(connection, kind, rng):
    """The server's side: answers what is asked, and tells news of its own accord."""
    rest, next_news = b'', time.monotonic() + rng.uniform(*kind.period)
    by_line = isinstance(kind, Bitcoin)
    while True:
        ready, _, _ = select.select([connection], [], [], max(0, next_news - time.monotonic()))
        if not ready:
            connection.sendall(kind.news(rng) or b' ')
            next_news = time.monotonic() + rng.uniform(*kind.period)
            continue
        data = connection.recv(65536)
        if not data:
            return
        rest += data
        pieces = rest.split(b'\n')[:-1] if by_line else [rest]
        rest = rest.rsplit(b'\n', 1)[-1] if by_line else b''
        for piece in pieces:
            connection.sendall(kind.reply(rng, piece))


def serve(kind, port, seed):
    """A server for any number of clients."""
    listener = socket.create_server(('', port))
    number = 0
    while True:
        connection, _ = listener.accept()
        number += 1
        threading.Thread(target=attend, args=(connection, KINDS[kind](), random.Random(f'{kind} {seed} {number}')), daemon=True).start()


def speak(kind, address, port, seed, seconds):
    """A client."""
    rng, speaker = random.Random(f'{kind} {seed} client'), KINDS[kind]()
    end = time.monotonic() + seconds
    connection = socket.create_connection((address, port), 10)
    for opening in speaker.opening(rng):
        connection.sendall(opening)
        connection.recv(65536)
    number, next_words = 0, time.monotonic() + rng.uniform(*speaker.share)
    while time.monotonic() < end:
        ready, _, _ = select.select([connection], [], [], max(0, min(next_words, end) - time.monotonic()))
        if ready:
            if not connection.recv(65536):
                return
        elif time.monotonic() >= next_words:
            connection.sendall(speaker.say(rng, number))
            number += 1
            next_words = time.monotonic() + rng.uniform(*speaker.share)
    connection.close()


if __name__ == '__main__':
    if sys.argv[1] == 'serve':
        serve(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        speak(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], float(sys.argv[6]))
