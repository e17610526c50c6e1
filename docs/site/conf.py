# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx's configuration of the documentation site; site_pages.py runs it on a copy of the pages."""

import os

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
html_theme_options = {'sidebar_hide_name': False, 'top_of_page_button': None}


def setup(app):
    """Blocks of commands are that, and not a session with its output."""
    from pygments.lexers.shell import BashLexer  # pylint: disable=import-outside-toplevel
    app.add_lexer('console', BashLexer)
