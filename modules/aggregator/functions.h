/* SPDX-License-Identifier: BSD-3-Clause */
/** The aggregation functions: what each does with the type of its field, and with the values of records. */
#ifndef AGGREGATOR_FUNCTIONS_H
#define AGGREGATOR_FUNCTIONS_H

#include <nemea/module.h>

enum function {
   AGG_KEY,
   AGG_SUM,
   AGG_AVG,
   AGG_MIN,
   AGG_MAX,
   AGG_FIRST,
   AGG_LAST,
   AGG_FIRST_SET,
   AGG_OR,
   AGG_AND
};

/** What is done with a value: a function for a group of types. */
enum action {
   ACT_NONE, /* the first value stays; keys too */
   ACT_SUM_INTEGER,
   ACT_SUM_FLOAT,
   ACT_AVG_UNSIGNED,
   ACT_AVG_SIGNED,
   ACT_MIN_UNSIGNED,
   ACT_MAX_UNSIGNED,
   ACT_MIN_SIGNED,
   ACT_MAX_SIGNED,
   ACT_MIN_FLOAT,
   ACT_MAX_FLOAT,
   ACT_MIN_BYTES,
   ACT_MAX_BYTES,
   ACT_OR,
   ACT_AND,
   ACT_LAST,
   ACT_FIRST_SET
};

/** How the value of an entry is kept. */
enum store {
   STORE_INTEGER, /* 8 bytes */
   STORE_WIDE,    /* 16 bytes: sum of 64-bit numbers */
   STORE_FLOAT,   /* 8 bytes, a double */
   STORE_BYTES,   /* as in the record */
   STORE_VARIABLE /* struct variable */
};

struct variable {
   char *data; /* NULL: empty */
   uint32_t length;
};

/** A field with its function. */
struct column {
   const char *name;
   enum function function;
   /* Of the format at hand. */
   nm_field_t in, out;
   enum action action;
   enum store store;
   uint32_t offset; /* of the value in an entry; of a key of fixed length: in the key */
};

__extension__ typedef __int128 wide_t;
__extension__ typedef unsigned __int128 unsigned_wide_t;

/** Chooses action and store for the type of column->in; where the function cannot work with it, says so on standard error and takes the first value. */
void column_set_type(struct column *column);
/** Bytes of a value of this column in an entry. */
uint32_t column_size(const struct column *column);

/** Makes *v hold these bytes, and counts the difference in *bytes. \return false without memory; *v stays */
bool variable_set(struct variable *v, const void *data, uint32_t length, uint64_t *bytes);
/** Frees and empties it. */
void variable_free(struct variable *v, uint64_t *bytes);

/** Takes the value of the first record. \return false without memory */
bool column_start(const struct column *column, void *value, const void *rec, uint64_t *bytes);
/** Adds the value of another record. \return false without memory */
bool column_add(const struct column *column, void *value, const void *rec, uint64_t *bytes);
/** Writes the result into a record. \return false: the record has no room for it */
bool column_result(const struct column *column, const void *value, uint32_t count, const ur_template_t *tmplt,
                   void *record);

#endif
