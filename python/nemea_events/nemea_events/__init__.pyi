# SPDX-License-Identifier: BSD-3-Clause
from nemea_events.events import (DETECTORS as DETECTORS, EVENTS_MAX as EVENTS_MAX, KINDS as KINDS, REPORTERS as REPORTERS, Events as Events,
                                 Reporter as Reporter, event as event, idea as idea, idea_of_event as idea_of_event)
