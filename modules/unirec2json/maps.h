/* SPDX-License-Identifier: BSD-3-Clause */
/** Option -M of unirec2json: members that are made of others. */
#ifndef UNIREC2JSON_MAPS_H
#define UNIREC2JSON_MAPS_H

#include <nemea-common/nc_json.h>
#include <stdbool.h>
#include <stddef.h>

#define MAPS_ERROR 512

/** What a value is, for those who map it. */
enum value_kind { VALUE_NUMBER, VALUE_STRING, VALUE_OTHER };

/** A member of the object that is sent. */
struct member {
   const char *name; /* of the field or of "dest" */
   enum value_kind kind;
   const char *json; /* the value as JSON */
   size_t json_length;
   const char *text; /* as Python's str() gives it */
   size_t text_length;
};

struct maps;

/** Reads the file. \return NULL, with the reason in error (MAPS_ERROR bytes) */
struct maps *maps_read(const char *path, char *error);
void maps_free(struct maps *maps);
/** Members that the maps add at most. */
size_t maps_members(const struct maps *maps);
/** Changes and adds members. \return NULL; otherwise the name of a source that is not among them, or no time */
const char *maps_apply(struct maps *maps, struct member *members, size_t *n);

#endif
