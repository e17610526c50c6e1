# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx's configuration of the documentation site; site_pages.py runs it on a copy of the pages."""

import os

import furo

project = 'NEMEA'
copyright = '2026, the NEMEA developers'  # pylint: disable=redefined-builtin
release = version = os.environ.get('NEMEA_VERSION', '')
extensions = ['myst_parser']
source_suffix = {'.md': 'markdown'}
root_doc = 'index'
exclude_patterns = []
language = 'en'
highlight_language = 'none'
myst_heading_anchors = 4
myst_enable_extensions = ['deflist']
suppress_warnings = ['myst.header', 'misc.highlighting_failure']

html_theme = 'furo'
html_title = f'NEMEA {version}'
html_static_path = ['static']
html_css_files = ['nemea.css']
html_show_sphinx = False
html_copy_source = False
html_last_updated_fmt = None
# No button that leads to the source of a page. The option of Debian 12 is a warning in Debian 13, and its successor is unknown to Debian 12.
NO_BUTTONS = {'top_of_page_buttons': []} if furo.__version__ >= '2024.04' else {'top_of_page_button': None}
html_theme_options = {'sidebar_hide_name': False, **NO_BUTTONS}


def setup(app):
    """Blocks of commands are that, and not a session with its output."""
    from pygments.lexers.shell import BashLexer  # pylint: disable=import-outside-toplevel
    app.add_lexer('console', BashLexer)
