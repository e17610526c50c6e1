/* SPDX-License-Identifier: BSD-3-Clause */
/** Bounded tables that options declare; files are in reload.c. */
#include "internal.h"

#include <errno.h>
#include <string.h>

static void **member(const nm_module_t *m, const nm_option_t *o)
{
   return (void **) (void *) ((char *) m->state + o->offset);
}

static int open_table(nm_module_t *m, const nm_option_t *o, uint64_t capacity)
{
   const nm_table_t *t = o->table;
   if (t->entries != NULL) {
      capacity = t->entries(m);
      capacity = capacity < 1 ? 1 : capacity > NC_TABLE_MAX_CAPACITY ? NC_TABLE_MAX_CAPACITY : capacity;
   }
   nc_table_config_t config = {.capacity = (uint32_t) capacity,
                               .key_size = t->key_size,
                               .value_size = t->value_size,
                               .cleared = t->cleared,
                               .apart = t->apart_bytes != NULL ? t->apart_bytes(m) : t->apart,
                               .full = t->full,
                               .evicted = t->evicted,
                               .context = m};
   nc_table_t *table = nc_table_new(&config);
   if (table == NULL) {
      uint32_t size = config.key_size + config.value_size + config.apart;
      uint64_t bytes = capacity * size;
      return nm_fail(m, "%s%s: no memory for %llu %s of %u bytes (at least %llu MB): %s",
                     o->name != NULL ? "option " : "", o->name != NULL ? option_name(o) : "table",
                     (unsigned long long) capacity, t->name, size, (unsigned long long) (bytes >> 20),
                     strerror(errno));
   }
   *member(m, o) = table;
   const nc_table_stats_t *stats = nc_table_stats(table);
   counters_add(m, t->name, "", &stats->inserted);
   counters_add(m, t->name, " crowded", &stats->crowded);
   if (t->full == NC_TABLE_EVICT) {
      counters_add(m, t->name, " evicted", &stats->evicted);
   } else {
      counters_add(m, t->name, " refused", &stats->refused);
   }
   return NM_OK;
}

/* ------------------------------------------------------------------ both */

int resources_open(nm_module_t *m)
{
   int rc = NM_OK;
   for (size_t i = 0; rc == NM_OK && m->def->options != NULL && m->def->options[i].type != NM_TYPE_END; i++) {
      const nm_option_t *o = &m->def->options[i];
      if (o->type == NM_TYPE_TABLE) {
         rc = open_table(m, o, m->values[i].capacity);
      }
   }
   return rc == NM_OK ? files_open(m) : rc;
}

void resources_close(nm_module_t *m)
{
   files_close(m);
   for (size_t i = 0; m->def->options != NULL && m->def->options[i].type != NM_TYPE_END; i++) {
      const nm_option_t *o = &m->def->options[i];
      if (o->type == NM_TYPE_TABLE) {
         nc_table_free(*member(m, o));
         *member(m, o) = NULL;
      }
   }
}
