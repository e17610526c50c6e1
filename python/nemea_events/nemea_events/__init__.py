# SPDX-License-Identifier: BSD-3-Clause
"""Alerts of detectors as events and as IDEA messages, as NEMEA itself reads them.

event(detector, record) says what one alert means, Events joins alerts to events, and Reporter makes IDEA messages of alerts.
A record is a dict of its values, or an UnirecTemplate of pytrap with data.
"""

from nemea_events.events import *
