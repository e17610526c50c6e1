# SPDX-License-Identifier: BSD-3-Clause
"""Reading and writing records in a few lines."""

from pytrap.pytrap import (FMT_UNIREC, FormatChanged, TrapCtx, UnirecTemplate)

__all__ = ['read_nemea', 'PytrapHelperStore', 'PytrapHelperLoad']


def _open_input(ifc_spec):
    trap = TrapCtx()
    trap.init(['pytrap', '-i', ifc_spec], 1, 0, service_ifcname='')
    trap.setRequiredFmt(0, FMT_UNIREC, '')
    return trap


def read_nemea(ifc_spec, nrows=-1, array=False):
    """Reads the records of an input, up to nrows of them (below 0: all).

    :param ifc_spec: one input, for example "f:flows.trapcap" or "u:flows"
    :returns: a pandas.DataFrame; with array=True a list of dictionaries, which needs no pandas
    """
    if not array:
        import pandas  # before anything is read
    with _open_input(ifc_spec) as trap:
        records = []
        template = UnirecTemplate('')
        while nrows < 0 or len(records) < nrows:
            left = nrows - len(records) if nrows >= 0 else -1
            got = trap.recvBulk(template, time=3600, count=left)
            records += got
            if not got or len(got) != left:
                break
    return records if array else pandas.DataFrame(records)


class PytrapHelperStore:
    """Stores records to an output: with PytrapHelperStore("f:out.trapcap", "uint8 A") as rec, store ...

    :param ifcspec: one output
    :param fmtspec: fields of the records
    """

    def __init__(self, ifcspec, fmtspec):
        self.ifcspec = ifcspec
        self.fmtspec = fmtspec
        self.rec = None
        self.trap = None

    def __enter__(self):
        self.data_start()
        return self

    def __exit__(self, *exception):
        self.data_stop()

    def data_start(self):
        """Opens the output. Returns the template, whose fields are to be set before store_record()."""
        self.data_stop()
        trap = TrapCtx()
        trap.init(['pytrap', '-i', self.ifcspec], 0, 1, service_ifcname='')
        self.rec = UnirecTemplate(self.fmtspec)
        trap.setDataFmt(0, FMT_UNIREC, self.fmtspec)
        self.rec.createMessage(0)
        self.trap = trap
        return self.rec

    def store_record(self):
        """Sends the record."""
        self.trap.send(self.rec.getData())

    def data_stop(self):
        """Closes the output; nothing when it is closed."""
        if self.trap is not None:
            self.trap.sendFlush()
            self.trap.finalize()
            self.trap = None


class PytrapHelperLoad:
    """Loads records from an input: with PytrapHelperLoad("f:in.trapcap") as load: rec = load.load_record() ...

    :param ifcspec: one input
    """

    def __init__(self, ifcspec):
        self.ifcspec = ifcspec
        self.rec = None
        self.trap = None

    def __enter__(self):
        self.data_start()
        return self

    def __exit__(self, *exception):
        self.data_stop()

    def data_start(self):
        """Opens the input."""
        self.data_stop()
        self.trap = _open_input(self.ifcspec)

    def load_record(self):
        """Returns a template with the data of the next record, None at the end of the stream."""
        try:
            data = self.trap.recv()
        except FormatChanged as change:
            data = change.data
            self.rec = None
        if len(data) <= 1:
            return None
        if self.rec is None:  # also when no change came first
            self.rec = UnirecTemplate(self.trap.getDataFmt(0)[1])
        self.rec.setData(data)
        return self.rec

    def data_stop(self):
        """Closes the input; nothing when it is closed."""
        if self.trap is not None:
            self.trap.finalize()
            self.trap = None
