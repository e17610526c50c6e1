/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/alert.h
 * Alerts that are being read: records of UniRec, or JSON objects.
 *
 * Values are read by name. The name of a value in JSON is the path to it, keys with '.' between them ("Source.IP4"); a path
 * leads through all elements of the arrays on its way. A value that an alert does not have, or has as another type, is zero.
 * A JSON object as unirec2json makes it of a record is read as the record is.
 *
 * Ownership: an alert points to what its maker keeps. Threads: all functions may be called from any thread.
 */
#ifndef NEMEA_ALERT_H
#define NEMEA_ALERT_H

#include <stdbool.h>
#include <unirec/ur_layout.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_t; /* of jansson */

/** Begin with all zero, and set layout and rec, or json. */
struct alert {
   const ur_layout_t *layout;
   const void *rec; /* checked by ur_layout_check() */
   const struct json_t *json;
};

/** A number of any integer type that is not negative, also in decimal digits. */
uint64_t alert_number(const struct alert *a, const char *name);
/** A number of any type. */
double alert_real(const struct alert *a, const char *name);
/** An address, or the first one of an array. */
ip_addr_t alert_ip(const struct alert *a, const char *name);
/** A time; in JSON as RFC 3339, or in seconds since 1970, also as text. */
ur_time_t alert_time(const struct alert *a, const char *name);
/** A string, made safe to show and cut off at size. \return to */
char *alert_text(const struct alert *a, const char *name, char *to, size_t size);
/** A string as it is, bytes that may be anything. \return not terminated, valid as long as the alert; NULL: there is none */
const char *alert_string(const struct alert *a, const char *name, size_t *length);
/** Is there such a field, or is there a value other than null? */
bool alert_has(const struct alert *a, const char *name);
/** Addresses of an array, or the only one. \return how many were put into to, at most room. \param all set to how many
 * values there are, those that are no single addresses included */
unsigned alert_ips(const struct alert *a, const char *name, ip_addr_t *to, unsigned room, uint64_t *all);
/** The same of numbers. */
unsigned alert_numbers(const struct alert *a, const char *name, uint64_t *to, unsigned room, uint64_t *all);

#ifdef __cplusplus
}
#endif
#endif
