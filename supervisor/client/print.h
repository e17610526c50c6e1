/* SPDX-License-Identifier: BSD-3-Clause */
/** Answers of the supervisor as text. */
#ifndef SUPERVISOR_PRINT_H
#define SUPERVISOR_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/** Text that a terminal shows and does nothing else, padded to a width. */
void print_padded(FILE *to, const char *text, int width);
/** Each string of a list on a line. */
void print_lines(const json_t *list, const char *prefix, FILE *to);
void print_status(const json_t *list);
void print_reload(const json_t *result);
void print_diff(const json_t *list);
void print_check(const json_t *result);
void print_events(const json_t *result);
void print_logs(const json_t *result);
void print_top(const json_t *list);
void print_members(const json_t *result);
/** A rate or number of bytes in at most 6 characters, as "12.3k". */
void print_short(char to[16], double value);
const char *print_text_of(const json_t *o, const char *key);

/** \param format "text", "dot" or "mermaid" */
void print_graph(const json_t *result, const char *format);

#endif
