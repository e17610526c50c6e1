#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The recorded cases of modules in $NEMEA_SHARED/golden/modules pass with the runner that comes with them.

usage: golden_runner_test.py BIN_DIR LIB_DIR...

Skipped where there are no such cases. The modules are run side by side, as many as there are processors.
"""

import concurrent.futures
import os
import subprocess
import sys

from programs import shared_data


def main(bin_dir, lib_dirs):
    data = shared_data()
    folder = os.path.join(os.path.dirname(data), 'golden', 'modules') if data else ''
    runner = os.path.join(folder, 'run.sh')
    if not os.path.exists(runner):
        print('skipped: there is no golden/modules/run.sh in NEMEA_SHARED (default: ../shared)')
        return 77
    modules = sorted(name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name)))

    def run(name):
        return subprocess.run(['bash', runner, '-b', os.path.abspath(bin_dir), '-l', ':'.join(map(os.path.abspath, lib_dirs)),
                               os.path.join(folder, name)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, done in zip(modules, pool.map(run, modules)):
            print(f'{name}: {done.stdout.strip()}')
            failed += done.returncode != 0
    return 1 if failed or not modules else 0


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
