#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The mail servers of many domains on all addresses of a host, port 25: takes most mail, refuses unknown users and senders of ill repute.

usage: mail_sink.py SEED
"""

import asyncio
import random
import sys

from aiosmtpd.smtp import SMTP


class Handler:
    """Replies to the commands of a client."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.seen = set()

    async def handle_MAIL(self, _server, _session, envelope, address, _options):  # noqa: N802 (aiosmtpd's name)
        """Hosts of ill repute are refused three times of ten."""
        if address.endswith('@freemail.example') and self.rng.random() < 0.3:
            return '554 5.7.1 Service unavailable; client host blocked'
        envelope.mail_from = address
        return '250 2.1.0 Ok'

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 (aiosmtpd's name)
        """Spammers guess addresses: half of them are unknown. One of ten servers asks who is new to come again."""
        pair = envelope.mail_from, address
        if self.rng.random() < (0.5 if envelope.mail_from.endswith('@freemail.example') else 0.03):
            return '550 5.1.1 User unknown'
        if pair not in self.seen and self.rng.random() < 0.1:
            self.seen.add(pair)
            return '450 4.2.0 Greylisted, try again later'
        envelope.rcpt_tos.append(address)
        return '250 2.1.5 Ok'

    async def handle_DATA(self, _server, _session, _envelope):  # noqa: N802 (aiosmtpd's name)
        """Taken, and forgotten."""
        return '250 2.0.0 Ok: queued'


async def main(seed):
    handler = Handler(seed)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler, hostname='mx.example', enable_SMTPUTF8=False), '0.0.0.0', 25)
    await server.serve_forever()


if __name__ == '__main__':
    asyncio.run(main(sys.argv[1]))
