/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of the HTML report share. */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include "analysis.h"

/** Writes a text of others: no markup, no quotes. */
void html_text(FILE *to, const char *text);
/** The style of the page, between <style> and </style>. */
extern const char html_style[];
/** All events, each with its reason and its flows. */
void html_events(const struct analysis *a, FILE *to);

#endif
