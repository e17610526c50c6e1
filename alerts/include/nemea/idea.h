/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/idea.h
 * Alerts and events as IDEA messages (format IDEA0, https://idea.cesnet.cz), which Warden and Mentat read.
 *
 * Two things become a message: an alert of a detector, by the reporter that NEMEA 2 has for it (amplification2idea.py, ...), with the
 * same keys in the same order and the same texts, so that rules which operators have written go on to match; and an event
 * of any detector, whose ID depends on that of the event, so that an event that is sent twice is recognized.
 *
 * Bounds: a message is a constant number of values, and those that the alert has: an alert is a record or a JSON object of at most 64 kB.
 * Strings that are not UTF-8 are made valid: what is wrong becomes U+FFFD.
 * Ownership: messages belong to the caller, who frees them with json_decref(). Reporters are constant.
 * Threads: all functions may be called from any thread.
 */
#ifndef NEMEA_IDEA_H
#define NEMEA_IDEA_H

#include <nemea/event.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IDEA_NODE_DEFAULT    "undefined"
#define IDEA_WINDOW_DEFAULT  "00:05:00"
#define IDEA_BLACKLIST_LISTS 64 /* of one type: bits of a list's number */

/** A blacklist, as the configuration of bl_downloader names it. */
struct idea_blacklist {
   bool names;       /* lists names and URLs; false: addresses */
   uint32_t id;      /* 1 to IDEA_BLACKLIST_LISTS: alerts have bit id - 1 */
   const char *name; /* UTF-8, as the two below */
   const char *category;
   const char *source; /* a URI */
};

/** What a reporter is told beside the alert. Begin with all zero, which means the defaults. */
struct idea_options {
   const char *node;                        /* Node.Name, UTF-8; NULL: IDEA_NODE_DEFAULT */
   const char *window;                      /* Node.AggrWin of scans, UTF-8; NULL: IDEA_WINDOW_DEFAULT */
   int64_t now;                             /* CreateTime, seconds since 1970; 0: the time of the clock */
   const struct idea_blacklist *blacklists; /* of the reporter blacklist */
   size_t n_blacklists;
   /** Is this address in a guarded prefix? Of the reporter smashedblacklist; NULL: none is. */
   bool (*guarded)(const void *context, const ip_addr_t *ip);
   const void *context;
};

/** Why there is a message or none. */
enum idea_result {
   IDEA_OK,
   IDEA_SKIPPED, /* the reporter does not report such an alert: its type is another one, or its blacklist is unknown */
   IDEA_INVALID, /* the alert is not what the reporter reads: a JSON value that is no object, a name where an object is expected */
   IDEA_MEMORY
};

struct idea_builder; /* of the reporters */

/** How the alerts of one detector become messages. */
struct idea_reporter {
   const char *name;     /* "amplification" of amplification2idea.py, "idea" of idea2idea.py */
   const char *module;   /* the last part of Node.Name: "amplificationdetector" */
   const char *detector; /* program of this system that sends such alerts; NULL: none */
   const char *fields;   /* of its alerts, as in a template; NULL: they are JSON */
   const char *json;     /* name of the format of an interface; NULL: they are records */
   /** For library functions only. \return IDEA_OK, IDEA_SKIPPED, IDEA_INVALID */
   enum idea_result (*build)(struct idea_builder *b);
};

/** All reporters, ordered by name, NULL after the last one. */
extern const struct idea_reporter *const idea_reporters[];
/** Finds a reporter by its name, that of its module, of its program ("amplification2idea", "amplification2idea.py"), or that of its
 *  detector. \return NULL: there is none */
const struct idea_reporter *idea_reporter_find(const char *name);

/** The message of an alert. \param result set; may be NULL \return NULL: there is none, see result */
struct json_t *idea_of_alert(const struct idea_reporter *r, const struct alert *a,
                             const struct idea_options *o, enum idea_result *result);
/** The message of an event. \return NULL without memory */
struct json_t *idea_of_event(const struct event *e, const struct idea_options *o);
/** The same of an event as event_json() gives it, or as it was read from a store. \return NULL and result: it is no event
 *  (IDEA_INVALID), or no memory */
struct json_t *idea_of_event_json(const struct json_t *event, const struct idea_options *o,
                                  enum idea_result *result);

#ifdef __cplusplus
}
#endif
#endif
