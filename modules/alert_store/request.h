/* SPDX-License-Identifier: BSD-3-Clause */
/** Requests of clients: a JSON object in a line. README.md describes them. */
#ifndef ALERT_STORE_REQUEST_H
#define ALERT_STORE_REQUEST_H

#include "request_values.h"

#include <nemea/event.h>

#define LIMIT_MAX     1000 /* events in an answer */
#define LIMIT_DEFAULT 100
#define NOTE_MAX      1024     /* bytes */
#define STEP_MAX      31536000 /* seconds of a step of counting */

enum operation { OP_LIST, OP_SHOW, OP_MARK, OP_FOLLOW, OP_STATS, OP_COUNT };
/* What events are counted by. */
enum count_by { BY_KIND, BY_DETECTOR, BY_CONFIDENCE, BY_STATE };
/* What a list is in the order of. */
enum sort_by {
   SORT_ARRIVAL,
   SORT_BEGIN,
   SORT_KIND,
   SORT_SOURCE,
   SORT_TARGET,
   SORT_FLOWS,
   SORT_CONFIDENCE,
   SORT_STATE
};

struct request {
   enum operation op;
   int64_t since, until;        /* microseconds; INT64_MIN, INT64_MAX: any */
   struct request_hosts hosts;  /* none: any */
   char kind[32], detector[64]; /* "": any */
   int confidence;              /* at least */
   int state;                   /* -1: any */
   int64_t before;              /* numbers of events below this one; sorted: what comes behind this one */
   unsigned limit;
   enum sort_by sort;
   bool ascending;
   int64_t step; /* microseconds */
   enum count_by by;
   uint8_t id_from[16], id_to[16]; /* ids that begin as asked for */
   bool has_id;
   enum event_state mark;
   char note[NOTE_MAX + 1];
};

/** \return false with a message that names the key, the value and what was expected */
bool request_parse(const char *line, size_t size, struct request *r, char why[REQUEST_ERROR]);

#endif
