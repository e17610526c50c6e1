#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each room of flow/src includes only its own headers and those of the rooms below it (flow/README.md).

usage: rooms_test.py FLOW/SRC
"""
import pathlib
import re
import sys

BELOW = {  # room -> rooms whose headers it may include
    "parse": [],
    "capture": ["parse"],
    "cache": ["parse"],
    "plugins": ["parse", "cache"],
    "export": ["parse", "cache"],
    "meter": ["parse", "capture", "cache", "plugins", "export"],
    "collector": ["parse", "capture", "export"],
    "program": ["parse", "capture", "cache", "plugins", "export", "meter", "collector"],
}
GENERATED = {"fields.h": "", "plugin_list.h": "plugins"}


def violations(source):
    found = []
    for path in sorted(source.rglob("*.[ch]")):
        room = path.relative_to(source).parts[0]
        if room not in BELOW:
            found.append(f"{path}: no room of this name is known (expected {', '.join(BELOW)})")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if match is None:
                continue
            name = match.group(1)
            if "/" in name:
                allowed = name.split("/")[0] in BELOW[room] and (source / name).is_file()
            else:
                allowed = (path.parent / name).is_file() or GENERATED.get(name) in ("", room)
            if not allowed:
                found.append(f'{path}:{number}: {room} may not include "{name}" (its own headers by their names, '
                             f'ROOM/NAME of {", ".join(BELOW[room]) or "no other room"})')
    return found


def main():
    source = pathlib.Path(sys.argv[1])
    found = violations(source)
    print("\n".join(found) or f"{len(list(source.rglob('*.[ch]')))} files: all includes go to rooms below")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
