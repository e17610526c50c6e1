/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/aggregate.h
 * Aggregation of the values of a field: sums, averages, extremes and the like of any type, in one value of an entry.
 *
 * A column is a field with a function. The value of a column takes nm_column_size() bytes at a multiple of 8, zeroed at first:
 * nm_column_start() with the first record, nm_column_add() with each further one, nm_column_result() for the output. Values of
 * variable length are allocated; what they take is added up in *bytes, and nm_variable_free() gives it back.
 *
 * Integers are added in 64 bits and wrap in the type of the field; averages are exact, in 128 bits.
 * Threads: a column does not change once its type is set; a value belongs to one thread.
 */
#ifndef NEMEA_AGGREGATE_H
#define NEMEA_AGGREGATE_H

#include <nemea/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Functions. */
enum nm_aggregate {
   NM_AGG_KEY, /**< the value is the same in all records */
   NM_AGG_SUM,
   NM_AGG_AVG,
   NM_AGG_MIN, /**< addresses are compared byte by byte */
   NM_AGG_MAX,
   NM_AGG_FIRST,
   NM_AGG_LAST,
   NM_AGG_FIRST_SET, /**< first value that is not zero or empty */
   NM_AGG_LAST_SET,
   NM_AGG_OR,
   NM_AGG_AND
};

/** How a value is kept. */
enum nm_store {
   NM_STORE_INTEGER, /**< 8 bytes */
   NM_STORE_WIDE,    /**< 16 bytes: sum of 64-bit numbers */
   NM_STORE_FLOAT,   /**< 8 bytes, a double */
   NM_STORE_BYTES,   /**< as in the record */
   NM_STORE_VARIABLE /**< nm_variable_t */
};

/** A value of variable length. */
typedef struct nm_variable {
   char *data; /**< NULL: empty */
   uint32_t length;
} nm_variable_t;

/** A field with its function. */
typedef struct nm_column {
   const char *name;
   enum nm_aggregate function;
   nm_field_t in, out; /**< of the formats at hand; out may be absent */
   uint8_t action;     /**< set by nm_column_set_type(); 0: the first value stays */
   enum nm_store store;
   uint32_t offset; /**< for the module: where the value stands in its entries */
} nm_column_t;

/** Sets what to do with values of the type of column->in. \param known false: the module does not want this function of this type
 * \return false: the function cannot work with the type (or known is false), and the first value is taken instead */
bool nm_column_set_type(nm_column_t *column, bool known);
/** Bytes of a value of this column in an entry. */
uint32_t nm_column_size(const nm_column_t *column);
/** Takes the value of the first record. \return false without memory */
bool nm_column_start(const nm_column_t *column, void *value, const void *rec, uint64_t *bytes);
/** Adds the value of another record. \return false without memory */
bool nm_column_add(const nm_column_t *column, void *value, const void *rec, uint64_t *bytes);
/** Writes the result into a record, unless column->out is absent. \param count records that were added
 * \return false: the record has no room for it */
bool nm_column_result(const nm_column_t *column, const void *value, uint32_t count,
                      const ur_template_t *tmplt, void *record);

/** Makes *v hold these bytes, and adds the difference to *bytes. \return false without memory; *v stays */
bool nm_variable_set(nm_variable_t *v, const void *data, uint32_t length, uint64_t *bytes);
/** Frees and empties it. */
void nm_variable_free(nm_variable_t *v, uint64_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
