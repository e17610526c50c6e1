/* SPDX-License-Identifier: BSD-3-Clause */
/** The configuration of biflow_aggregator: XML with sections of fields. */
#ifndef BIFLOW_AGGREGATOR_CONFIG_H
#define BIFLOW_AGGREGATOR_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

enum function {
   FN_KEY,
   FN_SUM,
   FN_MIN,
   FN_MAX,
   FN_AVG,
   FN_FIRST,
   FN_FIRST_NON_EMPTY,
   FN_LAST,
   FN_LAST_NON_EMPTY,
   FN_BITAND,
   FN_BITOR,
   FN_APPEND,
   FN_UNIQUE_COUNT,
   FN_SORTED_MERGE,
   FN_SORTED_MERGE_DIR
};

/** What an element `field` says. */
struct field_config {
   char *name, *reverse, *sort_key; /* reverse, sort_key NULL: not given */
   enum function function;
   char delimiter; /* of APPEND */
   bool descending;
   uint32_t size; /* elements, or distinct values; 0: not given */
};

struct config {
   struct field_config *fields;
   uint32_t n;
};

#define CONFIG_MAX_FIELDS 256
#define CONFIG_MAX_SIZE   (1u << 24)
#define CONFIG_ERROR      512 /**< bytes of a message */

/** The word for a function in the configuration. */
const char *function_name(enum function function);

/** Reads the section of this name of a file. \return false with a message that names file, line and reason; config is empty then */
bool config_read(struct config *config, const char *path, const char *section, char error[CONFIG_ERROR]);
/** Frees what is in it. */
void config_free(struct config *config);

#endif
