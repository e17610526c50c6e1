/* SPDX-License-Identifier: BSD-3-Clause */
/** Requests of clients: a JSON object in a line. */
#ifndef TRAFFIC_STATS_REQUEST_H
#define TRAFFIC_STATS_REQUEST_H

#include "request_values.h"

#include <stddef.h>
#include <unirec/ipaddr.h>

#define TOP_DEFAULT 10
#define TOP_MAX     1000

enum query { QUERY_TRAFFIC, QUERY_TOP, QUERY_HOST };
enum measure { BY_BYTES, BY_PACKETS, BY_FLOWS };
enum direction { DIRECTION_IN, DIRECTION_OUT, DIRECTION_BOTH };

struct traffic_request {
   enum query query;
   bool has_since, has_until;
   int64_t since, until; /* seconds since 1970; until is not part of it */
   int64_t step;         /* seconds; 0: not given */
   enum measure by;
   enum direction direction;
   int64_t limit;
   ip_addr_t address;
};

/** \return false with a message that names the key, the value and what was expected */
bool traffic_request_parse(const char *line, size_t size, struct traffic_request *r, char why[REQUEST_ERROR]);

#endif
