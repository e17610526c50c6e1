/* SPDX-License-Identifier: BSD-3-Clause */
/** What the parts of nemea alerts share: the connection to alert_store, and the forms in which events are shown. */
#ifndef CLI_ALERTS_H
#define CLI_ALERTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct store_client {
   FILE *stream;
   char *line;
   size_t size;
};

/** Connects to the socket of this name. \return false after an error was printed */
bool store_connect(struct store_client *c, const char *name);
/** Sends a request. \return false after an error was printed */
bool store_ask(struct store_client *c, const json_t *request);
/** The next line of the answer. \return NULL: the connection ended, or the line is no JSON object, after an error was printed */
json_t *store_next(struct store_client *c);
void store_close(struct store_client *c);

enum alerts_form { FORM_TEXT, FORM_JSON, FORM_CSV, FORM_IDEA };

/** The heading of a form, where it has one. */
void alerts_heading(enum alerts_form form, FILE *to);
/** One line (FORM_TEXT: of a table). \param row as the store sends it \return false: it cannot be shown */
bool alerts_line(enum alerts_form form, const json_t *row, FILE *to);
/** All of an event, for people. */
void alerts_details(const json_t *row, FILE *to);

/** Shows the flows of an event that are in an archive, at most so many. \return enum cli_status */
int alerts_flows(const json_t *event, const char *directory, long limit);
/** Adds them to the event, as "flow_records". \return enum cli_status */
int alerts_add_flows(json_t *event, const char *directory, long limit);

/** A time of the command line: RFC 3339, a part of it, or how long ago ("2h"). \return false: it is none */
bool alerts_time(const char *text, double *seconds);

#endif
