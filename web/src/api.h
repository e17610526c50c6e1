/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The HTTP API: which path means what, and how its arguments become a request to the program that knows the answer. Everything in
 * arguments and paths is foreign text and checked here. docs/page.md describes the API.
 */
#ifndef WEB_API_H
#define WEB_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define API_WHY       256
#define API_ARGUMENTS 16
#define API_BODY      4096 /* bytes */
#define API_ADDRESSES 200  /* in one request */

/** Who answers. Each has its own threads and queue, so that one that hangs holds up nobody else's answers. */
enum lane { LANE_ALERTS, LANE_TRAFFIC, LANE_SUPERVISOR, LANE_FLOWS, LANE_LOCAL, LANES };

/** What becomes of the answer. */
enum answer_form {
   ANSWER_RESULT,    /* of the supervisor: its "result" */
   ANSWER_MODULES,   /* its graph; from a supervisor without that, its status */
   ANSWER_SYSTEM,    /* its information, and what the page itself knows */
   ANSWER_READY,     /* which module is not ready */
   ANSWER_METRICS,   /* its metrics, and those of the page */
   ANSWER_STATS,     /* its status, as nemea_status of NEMEA 2 gave it at /_stats */
   ANSWER_ROWS,      /* lines, as {"rows": [...], ...what the last line says} */
   ANSWER_ONE,       /* the first line */
   ANSWER_FLOWS,     /* objects in lines, of nemea flows */
   ANSWER_ADDRESSES, /* what is known of addresses */
   ANSWER_LIVE,      /* server-sent events */
   ANSWER_LOGOUT
};

struct argument {
   const char *key, *value; /* value NULL: without "=" */
};

struct call {
   enum lane lane;
   enum answer_form form;
   json_t *request; /* of LANE_FLOWS: an array of words */
   bool changes;
   bool open; /* may be asked without a session */
};

/**
 * \param body "" unless the method is POST; JSON
 * \return 200, or the status of an error with its reason. The request is to be released by the caller, also then
 */
unsigned api_parse(const char *method, const char *path, const struct argument *arguments, unsigned n,
                   const char *body, size_t body_size, struct call *call, char why[API_WHY]);

#endif
