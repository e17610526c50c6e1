# SPDX-License-Identifier: BSD-3-Clause
"""Events are checked against docs/event.schema.json with jsonschema, and their ids against the rule in docs/analyze.md."""

import hashlib
import json
import os
import sys

from programs import ROOT

try:
    import jsonschema
except ImportError:  # another Python than that of the system, for which the package is installed
    sys.path.append('/usr/lib/python3/dist-packages')
    import jsonschema

with open(os.path.join(ROOT, 'docs', 'event.schema.json'), encoding='utf-8') as file:
    SCHEMA = json.load(file)
jsonschema.Draft202012Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def check(event):
    """Raises jsonschema.ValidationError when an event is not as the schema describes it."""
    VALIDATOR.validate(event)


def event_id(detector, kind, begin, source='::', target='::', port=0, protocol=0):
    """The id of an event: '::' and 0 where the key of the detector's events does not have it."""
    return hashlib.sha256(f'{detector} {kind} {source} {target} {port} {protocol} {begin}'.encode()).hexdigest()[:32]


def hosts(entries):
    """(addresses that are known, number of all or None)"""
    counts = [entry['count'] for entry in entries]
    return [entry['ip'] for entry in entries if entry['ip'] is not None], None if None in counts else sum(counts)
