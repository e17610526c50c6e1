# SPDX-License-Identifier: BSD-3-Clause
"""Records as columns: NumPy arrays of what TrapCtx.recvColumns() has received, and what TrapCtx.sendColumns() sends.

A field of fixed length is an array: numbers of their own type, char as int8, time as datetime64[ns], addresses as rows of 16 or 6 bytes
(ipaddr.h of NEMEA tells their form). A field of variable length is a Variable.
"""

import numpy

from pytrap.pytrap import UnirecIPAddr, UnirecMACAddr, UnirecTemplate, UnirecTime

_NUMBERS = {'char': 'i1', 'int8': 'i1', 'uint8': 'u1', 'int16': 'i2', 'uint16': 'u2', 'int32': 'i4', 'uint32': 'u4', 'int64': 'i8',
            'uint64': 'u8', 'float': 'f4', 'double': 'f8'}
_ADDRESSES = {'ipaddr': (16, UnirecIPAddr), 'macaddr': (6, UnirecMACAddr)}


def _array(kind, buffer, native=False):
    """A view of memory as values of a type. native: as in records, where times are 32.32 fixed point"""
    if kind in _ADDRESSES:
        return numpy.frombuffer(buffer, 'u1').reshape(-1, _ADDRESSES[kind][0])
    if kind == 'time':
        raw = numpy.frombuffer(buffer, 'u8' if native else 'i8')
        if native:
            nanoseconds = ((raw & numpy.uint64(0xffffffff)) * numpy.uint64(10**9) + numpy.uint64(2**31)) >> numpy.uint64(32)
            raw = (raw >> numpy.uint64(32)) * numpy.uint64(10**9) + numpy.minimum(nanoseconds, numpy.uint64(10**9 - 1))
        return raw.view('datetime64[ns]')
    return numpy.frombuffer(buffer, _NUMBERS[kind])


class Variable:
    """Values of a field of variable length: value i has the elements offsets[i] to offsets[i + 1] of data."""

    def __init__(self, kind, offsets, data):
        self.kind = kind
        self._bytes = (offsets, data)  # as they are sent
        offsets = numpy.frombuffer(offsets, 'i8')
        if kind in ('string', 'bytes'):
            self.data = numpy.frombuffer(data, 'u1')
            self.offsets = offsets
        else:
            element = kind.rstrip('*')
            self.data = _array(element, data, native=True)
            size = {'time': 8, **{k: v[0] for k, v in _ADDRESSES.items()}}.get(element) or numpy.dtype(_NUMBERS[element]).itemsize
            self.offsets = offsets // size

    def __len__(self):
        return len(self.offsets) - 1

    def __getitem__(self, i):
        """One value: str, bytes or an array."""
        i = range(len(self))[i]
        value = self.data[self.offsets[i]:self.offsets[i + 1]]
        if self.kind == 'string':
            return value.tobytes().decode('utf-8', 'replace')
        return value.tobytes() if self.kind == 'bytes' else value

    def tolist(self):
        """All values, each an object."""
        if self.kind not in ('string', 'bytes'):
            return [self[i] for i in range(len(self))]
        data, offsets = self.data.tobytes(), self.offsets.tolist()
        if self.kind == 'bytes':
            return [data[a:b] for a, b in zip(offsets, offsets[1:])]
        if data.isascii():
            text = data.decode('ascii')
            return [text[a:b] for a, b in zip(offsets, offsets[1:])]
        return [data[a:b].decode('utf-8', 'replace') for a, b in zip(offsets, offsets[1:])]


def _distinct(array):
    """The distinct rows of addresses, and for each row which of them it is."""
    rows = numpy.ascontiguousarray(array).view(f'V{array.shape[1]}').ravel()
    return numpy.unique(rows, return_inverse=True)


def texts(array):
    """Addresses (rows of 16 or 6 bytes) as an array of str; each distinct one is converted once."""
    kind = UnirecTemplate('ipaddr IP' if array.shape[1] == 16 else 'macaddr MAC')
    values, which = _distinct(array)
    names = []
    for value in values:
        kind.setData(value.tobytes())
        names.append(str(next(iter(kind))[1]))
    return numpy.array(names, dtype=object)[which] if names else numpy.array([], dtype=object)


class Columns:
    """Columns of records: columns['NAME'] is an array or a Variable.

    n: number of records; end: the stream has ended; skipped: malformed records that were left out; types: of the fields, by name
    """

    def __init__(self, columns, n, end, skipped):
        self.n = n
        self.end = end
        self.skipped = skipped
        self.types = {name: kind for name, (kind, _) in columns.items()}
        self._columns = {name: Variable(kind, *raw) if isinstance(raw, tuple) else _array(kind, raw)
                         for name, (kind, raw) in columns.items()}

    def __len__(self):
        return self.n

    def __iter__(self):
        return iter(self._columns)

    def __contains__(self, name):
        return name in self._columns

    def __getitem__(self, name):
        return self._columns[name]

    def keys(self):
        """Names of the fields."""
        return self._columns.keys()

    def to_pandas(self):
        """A pandas.DataFrame. Addresses are categories of their texts; strings, bytes and arrays are objects."""
        import pandas
        made = {}
        for name, column in self._columns.items():
            if isinstance(column, Variable):
                made[name] = pandas.Series(column.tolist(), dtype=object)
            elif column.ndim == 2:
                values, which = _distinct(column)
                rows = numpy.frombuffer(values.tobytes(), 'u1').reshape(-1, column.shape[1])
                made[name] = pandas.Categorical.from_codes(which, _in_order(rows))
            else:
                made[name] = column
        return pandas.DataFrame(made)

    def to_arrow(self):
        """A pyarrow.Table, without copies: strings are large_utf8 (binary where they are no UTF-8), addresses binary of 16 or 6 bytes."""
        import pyarrow
        return pyarrow.table({name: _to_arrow(pyarrow, column) for name, column in self._columns.items()})


def _in_order(rows):
    """Texts of distinct rows, one each, in their order."""
    return list(texts(rows)) if len(rows) else []


def _to_arrow(pyarrow, column):
    if not isinstance(column, Variable):
        if column.ndim == 1:
            return pyarrow.array(column)
        return pyarrow.Array.from_buffers(pyarrow.binary(column.shape[1]), len(column), [None, pyarrow.py_buffer(column)])
    if column.kind in ('string', 'bytes'):
        offsets, data = pyarrow.py_buffer(column.offsets), pyarrow.py_buffer(column.data)
        text = column.kind == 'string' and _is_utf8(column)
        kind = pyarrow.large_utf8() if text else pyarrow.large_binary()
        return pyarrow.Array.from_buffers(kind, len(column), [None, offsets, data])
    return pyarrow.LargeListArray.from_arrays(column.offsets, _to_arrow(pyarrow, column.data))


def _is_utf8(column):
    """Is each value of its own? A character must not go across the end of one."""
    try:
        column.data.tobytes().decode('utf-8')
    except UnicodeDecodeError:
        return False
    starts = column.offsets[1:-1]
    starts = starts[starts < len(column.data)]
    return not bool(numpy.any((column.data[starts] & 0xc0) == 0x80))


# ---------------------------------------------------------------------------------------- sending


def _bytes_of(kind, values):
    """Values of a type as the bytes of records; times as 32.32 fixed point."""
    t = UnirecTemplate(f'{kind} V')
    data = t.createMessage(0)
    out = bytearray()
    for value in values:
        t.V = value
        out += data
    return bytes(out)


def _fixed(name, kind, values, n):
    if kind == 'time':
        if not isinstance(values, numpy.ndarray) or values.dtype.kind != 'M':
            values = numpy.array([_nanoseconds(v) for v in values], 'i8') if not hasattr(values, 'to_numpy') else values.to_numpy()
        return numpy.ascontiguousarray(values.astype('datetime64[ns]')).view('i8')
    if kind in _ADDRESSES:
        size = _ADDRESSES[kind][0]
        if isinstance(values, numpy.ndarray) and values.dtype == numpy.uint8 and values.shape == (n, size):
            return numpy.ascontiguousarray(values)
        return _bytes_of(kind, values)
    array = numpy.asarray(values)
    if array.size == 0:
        return b''
    if array.ndim != 1 or array.dtype.kind not in 'biuf' or (array.dtype.kind == 'f' and _NUMBERS[kind][0] != 'f'):
        raise TypeError(f'Field {name}: numbers for {kind} expected, not {array.dtype}.')
    return numpy.ascontiguousarray(array.astype(_NUMBERS[kind]))


def _nanoseconds(value):
    if isinstance(value, UnirecTime):
        return value.getSeconds() * 10**9 + value.getNanoSeconds()
    return numpy.datetime64(value, 'ns').astype('i8')


def _variable(name, kind, values):
    if isinstance(values, Variable):
        if values.kind != kind:
            raise TypeError(f'Field {name}: a column of {kind} expected, not {values.kind}.')
        return values._bytes
    if kind == 'string':
        parts = [v.encode() for v in values]
    elif kind == 'bytes':
        parts = [bytes(memoryview(v)) for v in values]
    elif kind.rstrip('*') in _NUMBERS:
        parts = [numpy.asarray(v).astype(_NUMBERS[kind.rstrip('*')]).tobytes() for v in values]
    else:
        parts = [v.tobytes() if isinstance(v, numpy.ndarray) and v.dtype == numpy.uint8 else _bytes_of(kind.rstrip('*'), v)
                 for v in values]
    offsets = numpy.zeros(len(parts) + 1, 'i8')
    numpy.cumsum([len(p) for p in parts], out=offsets[1:])
    return offsets, b''.join(parts)


def prepare(template, columns):
    """What sendColumns() needs: the number of records, and for each field of the template its memory or None."""
    kinds = dict(reversed(field.split(' ')) for field in str(template)[1:-1].split(',') if field)
    names = {name for name in columns.keys() if name in kinds}
    lengths = {name: len(columns[name]) for name in names}
    if len(set(lengths.values())) > 1:
        raise ValueError(f'Columns of different lengths: {lengths}')
    n = next(iter(lengths.values()), 0)
    made = []
    for name, kind in kinds.items():
        if name not in names:
            made.append(None)
        elif kind in ('string', 'bytes') or kind.endswith('*'):
            made.append(_variable(name, kind, columns[name]))
        else:
            made.append(_fixed(name, kind, columns[name], n))
    return n, made
