/* SPDX-License-Identifier: BSD-3-Clause */
/** Events as texts that other systems read, one line each. README.md has what the keys mean. */
#ifndef ALERT_OUTPUT_FORMAT_H
#define ALERT_OUTPUT_FORMAT_H

#include <nemea/event.h>

#define FORMAT_MAX 65536 /* bytes of a message; longer ones are not sent */

enum format { FORMAT_EVE, FORMAT_OCSF, FORMAT_CEF, FORMAT_LEEF, FORMAT_IDEA, FORMAT_EVENT };

/** Names, NULL after the last one. */
extern const char *const format_names[];

struct format_options {
   const char *host;    /* that says so: "host" of EVE, HOSTNAME of syslog */
   const char *node;    /* Node.Name of IDEA */
   ur_time_t now;       /* when the message is made */
   const char *version; /* of NEMEA */
};

/** Writes an event without a line end. \return its length; 0: no memory, or longer than FORMAT_MAX */
size_t format_event(enum format f, const struct event *e, const struct format_options *o,
                    char to[FORMAT_MAX]);
/** Content-Type of a message, and of several in one request. */
const char *format_content_type(enum format f);
/** Are messages JSON objects? */
bool format_is_json(enum format f);

/** 1 (low) to 3 (high), by what an event of this kind can do to its targets. */
unsigned format_severity(const struct event *e);

/* Of text_formats.c. Each returns the length, at most size - 1. */
size_t format_cef(const struct event *e, const struct format_options *o, char *to, size_t size);
size_t format_leef(const struct event *e, const struct format_options *o, char *to, size_t size);
/** A message in the form of RFC 5424, without framing. \param facility 0 to 23 \return 0: it does not fit */
size_t format_syslog(const char *message, size_t length, unsigned facility, unsigned severity,
                     const char *host, ur_time_t t, const char *kind, char *to, size_t size);

/* Of json_formats.c. */
struct json_t *format_eve(const struct event *e, const struct format_options *o);
struct json_t *format_ocsf(const struct event *e, const struct format_options *o);

#endif
