/* SPDX-License-Identifier: BSD-3-Clause */
/** Functions of biflow_aggregator whose values grow: lists, texts, sets. */
#ifndef BIFLOW_AGGREGATOR_LISTS_H
#define BIFLOW_AGGREGATOR_LISTS_H

#include <nemea/module.h>

#include "config.h"

/** A field of a function with a growing value. */
struct list_column {
   enum function function;
   nm_field_t in, key; /* key: of SORTED_MERGE* */
   uint32_t size;      /* greatest number of elements; bytes of a text; expected distinct values */
   char delimiter;
   bool descending;
   bool negate; /* values of this record are negated (SORTED_MERGE_DIR) */
};

/** The value in an entry, zeroed at first. */
struct list {
   char *data;      /* array or text; bits of a Bloom filter; keys and, behind them, values */
   uint32_t length; /* bytes */
   uint32_t count;  /* of distinct values, or of pairs */
};

/** Adds the value of a record. \param bytes what all lists take, kept up to date. \return false without memory */
bool list_add(const struct list_column *c, struct list *list, const void *rec, uint64_t *bytes);
/** Writes the result into a field. \param negate all values (SORTED_MERGE_DIR). \return false: the record has no room for it */
bool list_result(const struct list_column *c, const struct list *list, bool negate, const nm_field_t *out,
                 const ur_template_t *tmplt, void *record);
/** Frees and empties it. */
void list_free(struct list *list, uint64_t *bytes);

#endif
