/* SPDX-License-Identifier: BSD-3-Clause */
/** The columns of biflow_aggregator: fields of the configuration, bound to the format of the input. */
#ifndef BIFLOW_AGGREGATOR_COLUMNS_H
#define BIFLOW_AGGREGATOR_COLUMNS_H

#include <nemea/aggregate.h>

#include "lists.h"

/** Direction of a record or of a result against that of the key. */
enum direction { SAME, EXCHANGED };

/** A field with its function. What a record of the exchanged direction brings is read from the reverse field; what is known
 * of an exchanged flow is written to it. */
struct column {
   const struct field_config *config;
   bool is_list, in_key; /* in_key: of fixed length, is in the key of the table */
   bool hidden;          /* the reverse of a field without a partner in the output */
   bool paired;          /* the reverse is a field of the output with the same function */
   nm_column_t value[2]; /* by direction; name, in, out */
   struct list_column list[2];
   uint32_t key_offset; /* of a KEY: in the key of the table */
   uint32_t offset;     /* among the values of an entry */
};

struct columns {
   struct column *columns;
   uint32_t n;
   uint16_t keys[CONFIG_MAX_FIELDS]; /* numbers of the columns that make the key */
   uint32_t n_keys;
   uint32_t key_size, value_size; /* bytes */
   bool biflow;                   /* both directions are one flow */
   bool growing;                  /* a value has a variable length */
   nm_field_t source, target;     /* addresses, in biflow mode */
};

/** Makes the columns of a configuration: biflow mode, pairs and hidden partners. \return NM_OK, nm_fail() */
int columns_make(nm_module_t *m, struct columns *c, const struct config *config);
/** Finds the fields in the format of the input and decides where values stand. \return NM_OK, nm_fail() */
int columns_bind(nm_module_t *m, struct columns *c);
/** Sets the format of the output and finds the fields in it. \return NM_OK, nm_fail() */
int columns_set_output(nm_module_t *m, struct columns *c);
/** Frees all. */
void columns_free(struct columns *c);

/** Direction of a record. */
enum direction columns_direction(const struct columns *c, const void *rec);
/** Puts the key of a record together: key_size bytes. */
void columns_key(const struct columns *c, const void *rec, enum direction direction, uint8_t *key);

/** Takes the values of the first record of an entry. \return false without memory */
bool columns_start(const struct columns *c, void *values, const void *rec, enum direction direction,
                   uint64_t *bytes);
/** Adds the values of another record. \return false without memory */
bool columns_add(const struct columns *c, void *values, const void *rec, enum direction direction,
                 uint64_t *bytes);
/** Writes the results of an entry into a record. \return false: the record has no room for all */
bool columns_result(nm_module_t *m, const struct columns *c, const void *key, const void *values,
                    uint32_t records, enum direction direction, void *record);
/** Frees what values of variable length take. */
void columns_free_values(const struct columns *c, void *values, uint64_t *bytes);

#endif
