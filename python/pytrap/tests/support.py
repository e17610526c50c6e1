# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of pytrap share."""

import os
import struct
import tempfile
import unittest

import pytrap

ALL_TYPES = ('ipaddr IP,double DB,int64 I64,time TIME,uint64 U64,macaddr MAC,float FL,int32 I32,uint32 U32,int16 I16,uint16 U16,'
             'char CHR,int8 I8,uint8 U8,int8* AI8,uint8* AU8,bytes SB,string TEXT,int16* AI16,uint16* AU16,float* AFL,int32* AI32,'
             'uint32* AU32,macaddr* AMAC,double* ADB,int64* AI64,time* AT,uint64* AU64,ipaddr* AIP')
# NUM 1, TEXT at offset 0 with one byte that is no UTF-8.
MALFORMED = bytes([1, 0, 0, 1, 0, 0xff])
MALFORMED_FORMAT = 'uint8 NUM,string TEXT'


def described(offset, length, rest=b''):
    """A record of MALFORMED_FORMAT with a descriptor of one's own."""
    return struct.pack('<BHH', 7, offset, length) + rest


class Case(unittest.TestCase):
    """A test with a directory of its own, for files and sockets."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='pytrap-')
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        before = os.environ.get('TRAP_SOCKET_DIR')
        os.environ['TRAP_SOCKET_DIR'] = self.dir
        self.addCleanup(lambda: os.environ.pop('TRAP_SOCKET_DIR') if before is None else os.environ.update(TRAP_SOCKET_DIR=before))

    def path(self, name='flows.trapcap'):
        return os.path.join(self.dir, name)

    def raises(self, exception, text, function, *arguments, **keywords):
        """The call raises exactly this exception with this text in it."""
        with self.assertRaises(exception) as raised:
            function(*arguments, **keywords)
        self.assertIs(type(raised.exception), exception)
        self.assertIn(text, str(raised.exception))
        return raised.exception

    def output(self, spec=None, fmt=pytrap.FMT_UNIREC, fields=''):
        ctx = pytrap.TrapCtx()
        ctx.init(['test', '-i', spec or f'f:{self.path()}'], 0, 1, service_ifcname='')
        ctx.setDataFmt(0, fmt, fields)
        return ctx

    def input(self, spec=None, fmt=pytrap.FMT_UNIREC, fields=''):
        ctx = pytrap.TrapCtx()
        ctx.init(['test', '-i', spec or f'f:{self.path()}'], 1, 0, service_ifcname='')
        ctx.setRequiredFmt(0, fmt, fields)
        return ctx

    def write(self, fields, messages, fmt=pytrap.FMT_UNIREC):
        """A file of messages."""
        with self.output(fmt=fmt, fields=fields) as ctx:
            for message in messages:
                ctx.send(message)

    def received(self, ctx):
        """All messages of an input, without the end of the stream."""
        messages = []
        while True:
            try:
                data = ctx.recv()
            except pytrap.FormatChanged as change:
                data = change.data
            if len(data) <= 1:
                return messages
            messages.append(data)
