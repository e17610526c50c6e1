/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_json.h
 * JSON (RFC 8259) as text: checks it and writes it again in one pass, in the form of Python's json.dumps(json.loads(text)).
 *
 * Members of objects keep their order; of members with the same name, the last value takes the position of the first. Strings are
 * ASCII with `\\uXXXX` for all else, integers keep all digits, other numbers are the shortest text that reads back as the same double.
 * NaN, Infinity and -Infinity are read and written as Python does. What is not UTF-8 is an error.
 *
 * Bounds: values are nested at most NC_JSON_DEPTH deep, the output is at most NC_JSON_LIMIT bytes long.
 * Threads: any number, each with a writer of its own.
 */
#ifndef NEMEA_COMMON_NC_JSON_H
#define NEMEA_COMMON_NC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NC_JSON_DEPTH 1000
#define NC_JSON_LIMIT ((size_t) 64 << 20)

/** A member of an object that is being read. Private. */
typedef struct nc_json_member nc_json_member_t;

/** The names of an object that was read before. Private. */
typedef struct nc_json_names nc_json_names_t;

/** A text that grows. All zero: empty. */
typedef struct nc_json {
   char *data; /**< not terminated */
   size_t length;
   size_t size;        /**< bytes that data has room for */
   const char *failed; /**< NULL; a reason: what was written since is not in it */
   /* of nc_json_normalize() */
   nc_json_member_t *members;
   uint32_t *hashes;
   size_t n_members, room_members;
   nc_json_names_t *names;
} nc_json_t;

/** Why a text is no JSON. */
typedef struct nc_json_error {
   const char *reason;
   size_t offset; /**< bytes */
} nc_json_error_t;

/** Frees the memory; the writer is empty then and may be used again. */
void nc_json_free(nc_json_t *json);
/** Makes the text empty; memory stays. */
static inline void nc_json_clear(nc_json_t *json)
{
   json->length = 0;
   json->failed = NULL;
}

/** Appends the text of one JSON value, normalized. \param indent blanks for each level, a line for each element; negative: one line
 * \return false: text is no JSON, or there is no room for the result; json is as before */
bool nc_json_normalize(nc_json_t *json, const char *text, size_t length, int indent, nc_json_error_t *error);

/** Appends bytes as they are. */
void nc_json_raw(nc_json_t *json, const char *text, size_t length);
/** Appends a string. Bytes that are not UTF-8 become U+FFFD. */
void nc_json_string(nc_json_t *json, const char *text, size_t length);
/** Appends an integer. */
void nc_json_u64(nc_json_t *json, uint64_t value);
/** Appends a signed integer. */
void nc_json_i64(nc_json_t *json, int64_t value);
/** Appends a number; NaN, Infinity and -Infinity as these words. */
void nc_json_double(nc_json_t *json, double value);

#ifdef __cplusplus
}
#endif
#endif
