/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/event.h
 * Alerts joined to events that a person reads: one scan that gave ten alerts is one event.
 *
 * The meaning of a detector's alerts is described next to the detector, in detectors/NAME/event.c (event description).
 * The build collects all descriptions; users of this library find them by the name of the program and know no
 * detector themselves. A description reads alerts by the names of their fields only, so it does not depend on how they
 * are encoded.
 *
 * Not thread-safe; event lists are independent of each other.
 */
#ifndef NEMEA_EVENT_H
#define NEMEA_EVENT_H

#include <stdbool.h>
#include <unirec/unirec.h>

#define EVENT_SAMPLES 4
#define EVENT_DETAIL  96    /* bytes */
#define EVENTS_MAX    10000 /* in a list; alerts of further events are only counted */

/* ------------------------------------------------------------------ an alert */

/** An alert that is being read. A field that it does not have is zero. */
struct alert {
   const ur_template_t *tmplt;
   const void *rec;
};

uint64_t alert_number(const struct alert *a, const char *field); /* any unsigned integer type */
ip_addr_t alert_ip(const struct alert *a, const char *field);
ur_time_t alert_time(const struct alert *a, const char *field);
/** A string, made safe to show and cut off at size. \return to */
char *alert_text(const struct alert *a, const char *field, char *to, size_t size);

/* ------------------------------------------------------------------ an event */

enum event_confidence { EVENT_LOW, EVENT_MEDIUM, EVENT_HIGH };

struct event {
   const struct event_description *description;
   const char *kind, *title, *unit, *attack; /* the description's, unless its read() sets others */
   ur_time_t first, last;                    /* of the flows it was seen in */
   ip_addr_t source, target;                 /* all zero: many */
   ip_addr_t samples[EVENT_SAMPLES];         /* some of many targets */
   unsigned n_samples;
   uint16_t port;             /* of the targets; 0: many or none */
   uint8_t protocol;          /* of IP; 0: unknown */
   uint64_t amount;           /* in the description's unit */
   uint64_t bytes;            /* 0: unknown */
   uint64_t sources;          /* 0: unknown */
   char detail[EVENT_DETAIL]; /* of the first alert, what it is about: a name, a URL; "": nothing */
   uint64_t group;            /* number that a detector gives to alerts of one event; 0: none */
   uint64_t alerts;           /* joined */
   uint64_t shown;            /* for the user of the list: alerts joined when it was last shown */
   uint32_t older;            /* of the list: index + 1 of the event before it with the same hash */
};

/** What alerts of one event have in common. */
enum event_key {
   EVENT_BY_SOURCE = 1,
   EVENT_BY_TARGET = 2,
   EVENT_BY_PORT = 4,
   EVENT_BY_PROTOCOL = 8,
};

struct event_description {
   const char *program;   /* that sends the alerts */
   const char *options;   /* that the program is started with, separated by blanks; NULL: none */
   const char *plugins;   /* of flow_meter, joined by '+', whose fields the program reads; NULL: none */
   bool plugins_optional; /* it also reads records without these fields */
   bool blacklist;        /* the program needs a list, as its option --blacklist; it is not run without one */
   const char *kind;      /* for machines: "vertical-scan" */
   const char *title;     /* for people: "vertical port scan" */
   const char *unit;      /* of amount: "port probes" */
   const char *attack;    /* MITRE ATT&CK technique */
   /* A program that finds attacks of several kinds has those of the most usual one here. */
   const char *fields; /* of its alerts, as in a template: those that read() needs, and the times */
   const char *first,
       *last;    /* fields with the times of the first and the last flow; NULL: TIME_FIRST, TIME_LAST */
   unsigned key; /* enum event_key: alerts are of one event when they agree in these, ... */
   bool total;   /* the amount of an alert is that since its event began: it is not added up */
   uint32_t gap; /* ... and begin at most this many seconds after its end, or are of the same group */
   /** Fills in the event of one alert; times and alerts are set already. */
   void (*read)(const struct alert *a, struct event *e);
   enum event_confidence (*confidence)(const struct event *e);
   /** One sentence: who did what to whom, with the figures. */
   void (*reason)(const struct event *e, char *to, size_t size);
};

/** Defines the description of a program: EVENT_DESCRIPTION(syn_counter, .kind = ..., ...); in detectors/NAME/event.c */
#define EVENT_DESCRIPTION(name, ...)                      \
   extern const struct event_description event_of_##name; \
   const struct event_description event_of_##name = {.program = #name, __VA_ARGS__}

/** All descriptions, ordered by program, NULL after the last one. */
extern const struct event_description *const event_descriptions[];
/** \return NULL: no such program */
const struct event_description *event_description_find(const char *program);

/* ---------------------------------------------------------------- event lists */

/** Begin with all zero. */
struct events {
   struct event *list;
   uint32_t n, capacity;
   uint32_t *newest;           /* by hash: index + 1 of the newest event, 0: none */
   uint64_t received, dropped; /* alerts; those whose events found no room */
};

/**
 * Joins an alert to the event it belongs to, or begins one. The template has the description's fields.
 * \return the event, valid until the next call; NULL: EVENTS_MAX is reached, or no memory (counted in dropped)
 */
struct event *events_add(struct events *all, const struct event_description *d, const ur_template_t *tmplt,
                         const void *rec);
/**
 * Sorts by time, then by everything else: the same events always come in the same order. Before, it joins what several programs, or
 * one program from both ends, saw of one attack: events of one kind that overlap in time and agree in source or target, and in all else
 * that both know; the one that knows most stays. Add nothing afterwards.
 */
void events_sort(struct events *all);
void events_free(struct events *all);

/* ------------------------------------------------------------ texts for people */

extern const char *const event_confidence_names[]; /* "low", "medium", "high" */

/** Each writes a text, cut off at size, and returns to. */
char *event_source(const struct event *e, char *to, size_t size);
char *event_target(const struct event *e, char *to, size_t size);
char *event_amount(const struct event *e, char *to, size_t size);
char *event_title(const struct event *e, char *to, size_t size);
char *event_reason(const struct event *e, char *to, size_t size);
/** "TCP", or NULL for a protocol without a common name. */
const char *event_protocol(const struct event *e);
/** Whole seconds from the first flow to the end of the last. */
uint64_t event_seconds(const struct event *e);
/** An address that is not all zero. */
bool event_ip_is_set(const ip_addr_t *ip);

#endif
