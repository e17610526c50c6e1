/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/alert_input.h
 * Inputs of a program that takes alerts of any detectors: whose alerts an input carries, and the event of each message.
 *
 * Threads: an input is used by one thread at a time.
 */
#ifndef NEMEA_ALERT_INPUT_H
#define NEMEA_ALERT_INPUT_H

#include <nemea/event.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ALERT_INPUT_WHY 1024 /* bytes of a message */

/** Begin with all zero. */
struct alert_input {
   const struct event_description *named; /* by the user; NULL: it is found by the interface or the format */
   const struct event_description *description; /* NULL before the first format */
   ur_layout_t *layout;                         /* NULL: the alerts are JSON */
};

enum alert_result {
   ALERT_EVENT,
   ALERT_IGNORED, /* this alert is no event, as the description says */
   ALERT_INVALID, /* a record that does not fit its format, or no JSON object */
};

/** Takes the names of the detectors whose alerts n inputs carry, separated by commas; NULL: none are named.
 * \return false with a message */
bool alert_inputs_name(struct alert_input *inputs, unsigned n, const char *names, char why[ALERT_INPUT_WHY]);
/** The alerts that come now have this format. \param spec of the interface, without its type
 * \param json they are JSON, and format is its name; else format is a template \return false with a message */
bool alert_input_format(struct alert_input *in, const char *spec, bool json, const char *format,
                        char why[ALERT_INPUT_WHY]);
/** Reads one message. \param e set for ALERT_EVENT */
enum alert_result alert_input_read(const struct alert_input *in, const void *data, size_t size,
                                   struct event *e);
/** Frees what n inputs hold; inputs may be NULL. */
void alert_inputs_free(struct alert_input *inputs, unsigned n);

#ifdef __cplusplus
}
#endif
#endif
