/* SPDX-License-Identifier: BSD-3-Clause */
/** The configuration of clickhouse: a file in YAML. */
#ifndef CLICKHOUSE_CONFIG_H
#define CLICKHOUSE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unirec/unirec.h>

#define CONFIG_WHY     512
#define MOST_ENDPOINTS 32
#define MOST_COLUMNS   256
#define WORD_SIZE      256

struct column {
   char name[WORD_SIZE];
   ur_field_type_t type;
};

struct config {
   char *endpoints[MOST_ENDPOINTS + 1]; /* "http://HOST:PORT"; ends with NULL */
   unsigned n_endpoints;
   char username[WORD_SIZE], password[WORD_SIZE], database[WORD_SIZE], table[WORD_SIZE], spool[4096],
       ca[4096];
   bool tls;
   uint64_t inserter_threads, blocks, rows, delay, spool_mb;
   struct column columns[MOST_COLUMNS];
   unsigned n_columns;
};

/** Reads a configuration. \return NULL with a message that names the line */
struct config *config_read(const char *text, size_t size, char why[CONFIG_WHY]);
/** NULL is allowed. */
void config_free(struct config *c);

#endif
