/* SPDX-License-Identifier: BSD-3-Clause */
/** Values in the requests of clients. Functions return false with a message that names the key, the value and what was expected. */
#ifndef MODULES_REQUEST_VALUES_H
#define MODULES_REQUEST_VALUES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define REQUEST_ERROR 256 /* bytes of a message */

/** Writes a message. \return false */
bool request_refuse(char why[REQUEST_ERROR], const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A time: a number of seconds since 1970, or text as "2026-01-31T08:00:00.5Z". \param[out] us microseconds since 1970 */
bool request_time(const char *key, const json_t *value, int64_t *us, char why[REQUEST_ERROR]);
bool request_number(const char *key, const json_t *value, int64_t min, int64_t max, int64_t *to,
                    char why[REQUEST_ERROR]);

/** Addresses from one to another, as bytes of the network. */
struct request_hosts {
   uint8_t from[16], to[16];
   int size; /* 4 or 16; 0: none were named */
};

/** An address or a network, as "192.0.2.0/24". */
bool request_hosts(const char *key, const char *text, struct request_hosts *hosts, char why[REQUEST_ERROR]);

#endif
