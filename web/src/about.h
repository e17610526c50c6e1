/* SPDX-License-Identifier: BSD-3-Clause */
/** What the page says of itself and of the whole deployment: system, readiness, metrics. */
#ifndef WEB_ABOUT_H
#define WEB_ABOUT_H

#include "enrich.h"
#include "work.h"

#include <stdint.h>

struct server;

struct about {
   struct server *server;
   const struct sources *sources;
   struct enrich *enrich;
   int64_t started;
   uint64_t answers[6]; /* by the first digit of the status */
};

struct about_numbers {
   unsigned connections, sessions, browsers;
   uint64_t opened, evicted, slow;
};

/** Of server.c. */
void server_numbers(struct server *s, struct about_numbers *n);

void about_init(struct about *a, struct server *server, const struct sources *sources, struct enrich *enrich);
/** Counts a response. */
void about_count(struct about *a, unsigned status);
/** Takes both, one of which is NULL: the supervisor's information, or the error. */
json_t *about_system(struct about *a, json_t *info, json_t *error);
/** Takes the status of all modules, or the error that there is instead. \param trusted: names of modules may be told */
json_t *about_ready(const struct about *a, json_t *answer, unsigned *status, bool trusted);
/** The status of all modules, an array, in the form that nemea_status of NEMEA 2 gave at /_stats. \return text in JSON, to be freed */
char *about_stats(const json_t *modules);
/** \param supervisor its metrics, {"text": ...}, or NULL. \return text in OpenMetrics, to be freed */
char *about_metrics(struct about *a, const json_t *supervisor);

#endif
