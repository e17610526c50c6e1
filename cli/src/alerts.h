/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Alerts of the detectors, joined to events that a person reads: one scan that gave ten alerts is one event.
 * The table in alerts.c says which detectors there are and how their alerts are worded; a new one is a row there.
 */
#ifndef CLI_ALERTS_H
#define CLI_ALERTS_H

#include <stdbool.h>
#include <unirec/unirec.h>

#define MAX_EVENTS  10000 /* further ones are counted only */
#define MAX_SAMPLES 4
#define EVENT_GAP   14400 /* seconds: an alert further behind the last one of its event begins another */

enum confidence { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };

extern const char *const confidence_names[];

struct event {
   unsigned detector; /* index */
   ur_time_t first, last;
   ip_addr_t source, victim;       /* all zero: many */
   ip_addr_t samples[MAX_SAMPLES]; /* some of many victims */
   unsigned n_samples;
   uint16_t port;    /* 0: many or none */
   uint8_t protocol; /* 0: unknown */
   uint64_t amount;  /* in the detector's unit */
   uint64_t bytes;   /* 0: unknown */
   uint64_t sources; /* 0: unknown */
   uint64_t alerts;  /* joined */
   uint64_t id;      /* that alerts of the same event share */
   uint64_t shown;   /* alerts joined when it was last shown live */
};

struct detector {
   const char *program;
   const char *title;    /* of its events: "vertical port scan" */
   const char *unit;     /* of amount */
   const char *required; /* fields of its alerts */
   /** Reads an alert into a cleared event. */
   void (*read)(const ur_template_t *t, const void *rec, struct event *e);
   /** Do both belong together? Times are looked at elsewhere. */
   bool (*same)(const struct event *a, const struct event *b);
   enum confidence (*judge)(const struct event *e);
};

/** All detectors; ends with one whose program is NULL. */
extern const struct detector detectors[];

struct alerts {
   struct event *events;
   uint32_t n, capacity;
   uint64_t received, dropped; /* alerts; those for which there was no room */
};

/** \return the event it began or belongs to, until the next call; NULL: there is no room for another event */
struct event *alerts_add(struct alerts *a, unsigned detector, const ur_template_t *t, const void *rec);
/** Sorts the events by time, then by everything else: the same events always come in the same order. */
void alerts_sort(struct alerts *a);
void alerts_free(struct alerts *a);

/** Texts for people; each returns to. */
char *event_source(const struct event *e, char *to, size_t size);
char *event_victim(const struct event *e, char *to, size_t size);
char *event_amount(const struct event *e, char *to, size_t size);
char *event_title(const struct event *e, char *to, size_t size);

/* Numbers and times for people. */
char *format_bytes(double bytes, char *to, size_t size);
char *format_count(uint64_t n, char *to, size_t size);
char *format_duration(uint64_t seconds, char *to, size_t size);
/** "2026-01-02 03:04:05" (UTC) */
char *format_time(ur_time_t t, char *to, size_t size);

#endif
