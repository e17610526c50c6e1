/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Records as columns: one array a field, filled without a Python object for each value. Nothing here knows of Python.
 *
 * Column of fixed-length fields: the values, one after another; times as int64 nanoseconds since 1970-01-01. Columns of variable-length
 * fields: their bytes, one after another, and n + 1 offsets (in bytes, int64), of which value i has those from i to i + 1.
 */
#ifndef PYTRAP_COLUMNS_H
#define PYTRAP_COLUMNS_H

#include "layout.h"

struct column {
   char *data;
   size_t used, room; /* bytes */
   int64_t *offsets;  /* NULL for a field of fixed length */
};

struct columns {
   const struct layout *l;
   size_t n, room; /* records */
   struct column *columns;
};

/** \return whether there was memory; free it in both cases */
bool columns_init(struct columns *c, const struct layout *l);
void columns_free(struct columns *c);
/** Appends valid records (layout_record_size()). \return whether there was memory; otherwise nothing is appended */
bool columns_append(struct columns *c, const trap_message_t *messages, size_t n);

/** Columns of a program, to make records of: as above, with times as nanoseconds. */
struct column_source {
   const char *data; /* NULL: the field is zero or empty */
   size_t size;      /* bytes */
   const int64_t *offsets;
};

/** Checks that n values of each column are there, and that offsets rise within their column.
 * \return the number of a field whose column is wrong, -1: none */
int columns_check(const struct layout *l, const struct column_source *sources, size_t n);
/** Makes record i in memory of UR_MAX_SIZE bytes, of columns that were checked. \return its size; -1: it would be longer */
int columns_record(const struct layout *l, const struct column_source *sources, size_t i, char *rec);

#endif
