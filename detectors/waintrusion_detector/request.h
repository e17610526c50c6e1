/* SPDX-License-Identifier: BSD-3-Clause */
/** A request as texts, which the rules look at. */
#ifndef WAINTRUSION_REQUEST_H
#define WAINTRUSION_REQUEST_H

#include "rules.h"

#define REQUEST_TEXT 8192 /* bytes of a field that are looked at */
#define REQUEST_ARGS 64   /* arguments that are looked at */
#define METHOD_MAX   64
#define TEXTS        (9 + 2 * REQUEST_ARGS)

struct text {
   const char *data;
   uint32_t n;
};

struct request {
   struct text method, host, url, agent, referer; /* set by the caller */
   struct text texts[TEXTS];
   uint16_t first[FIELDS + 1]; /* texts of field f: first[f] to first[f + 1] - 1 */
   bool cut;                   /* something was left out */
   char line[METHOD_MAX + 1 + REQUEST_TEXT];
   char decoded[2 * REQUEST_TEXT];
};

/** Fills in the texts. They point into the request and into what the caller has set. */
void request_split(struct request *r);

#endif
