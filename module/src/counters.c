/* SPDX-License-Identifier: BSD-3-Clause */
/** Counters: on standard error, and copied to the service interface and to files. */
#include "internal.h"

#include <inttypes.h>
#include <nemea-common/nc_telemetry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBLISH_US       US
#define TELEMETRY_FOLDER "module"
#define TELEMETRY_FILE   TELEMETRY_FOLDER "/stats"

struct builtin {
   const char *name;
   uint64_t value;
};
#define BUILTINS 7

static void builtins(const nm_module_t *m, struct builtin b[BUILTINS])
{
   uint64_t missed = 0;
   for (uint32_t i = 0; m->in != NULL && i < m->n_in; i++) {
      missed += m->in[i].missed;
   }
   b[0] = (struct builtin){"records", m->records};
   b[1] = (struct builtin){"missed", missed};
   b[2] = (struct builtin){"late", m->late};
   b[3] = (struct builtin){"bad", m->bad_records};
   b[4] = (struct builtin){"unread", m->unread};
   b[5] = (struct builtin){"sent", m->sent + __atomic_load_n(&m->sent_raw, __ATOMIC_RELAXED)};
   b[6] = (struct builtin){"dropped", m->dropped + __atomic_load_n(&m->dropped_raw, __ATOMIC_RELAXED)};
}

void counters_add(nm_module_t *m, const char *name, const char *suffix, const uint64_t *value)
{
   if (m->n_counters == MAX_COUNTERS) {
      nm_warn(m, "more than %d counters: \"%s%s\" is not shown", MAX_COUNTERS, name, suffix);
      return;
   }
   m->counters[m->n_counters].name = name;
   m->counters[m->n_counters].suffix = suffix;
   m->counters[m->n_counters++].value = value;
}

NM_PUBLIC void nm_counter(nm_module_t *m, const char *name, const uint64_t *value)
{
   counters_add(m, name, "", value);
}

void counters_show(const nm_module_t *m)
{
   struct builtin b[BUILTINS];
   builtins(m, b);
   fprintf(stderr, "%s:", m->def->name);
   for (size_t i = 0; i < BUILTINS; i++) {
      fprintf(stderr, "%s %s %" PRIu64, i > 0 ? "," : "", b[i].name, b[i].value);
   }
   for (uint32_t i = 0; i < m->n_counters; i++) {
      fprintf(stderr, ", %s%s %" PRIu64, m->counters[i].name, m->counters[i].suffix, *m->counters[i].value);
   }
   fputc('\n', stderr);
}

NM_PUBLIC uint64_t nm_counter_value(const nm_module_t *m, const char *name)
{
   struct builtin b[BUILTINS];
   builtins(m, b);
   for (size_t i = 0; i < BUILTINS; i++) {
      if (strcmp(b[i].name, name) == 0) {
         return b[i].value;
      }
   }
   for (uint32_t i = 0; i < m->n_counters; i++) {
      size_t n = strlen(m->counters[i].name);
      if (strncmp(m->counters[i].name, name, n) == 0 && strcmp(m->counters[i].suffix, name + n) == 0) {
         return *m->counters[i].value;
      }
   }
   return UINT64_MAX;
}

/* \return the text of what write() writes, to free(); NULL without memory */
static char *text_of(const nm_module_t *m, void (*write)(const nm_module_t *m, FILE *f), size_t *size)
{
   char *text = NULL;
   FILE *f = open_memstream(&text, size);
   if (f == NULL) {
      return NULL;
   }
   write(m, f);
   if (fclose(f) != 0) {
      free(text);
      return NULL;
   }
   return text;
}

static void write_json(const nm_module_t *m, FILE *f)
{
   struct builtin b[BUILTINS];
   builtins(m, b);
   fprintf(f, "{\"name\":\"%s\",\"counters\":{", m->def->name);
   for (size_t i = 0; i < BUILTINS; i++) {
      fprintf(f, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", b[i].name, b[i].value);
   }
   for (uint32_t i = 0; i < m->n_counters; i++) {
      fprintf(f, ",\"%s%s\":%" PRIu64, m->counters[i].name, m->counters[i].suffix, *m->counters[i].value);
   }
   fputs("}}", f);
}

static void write_lines(const nm_module_t *m, FILE *f)
{
   struct builtin b[BUILTINS];
   builtins(m, b);
   for (size_t i = 0; i < BUILTINS; i++) {
      fprintf(f, "%s: %" PRIu64 "\n", b[i].name, b[i].value);
   }
   for (uint32_t i = 0; i < m->n_counters; i++) {
      fprintf(f, "%s%s: %" PRIu64 "\n", m->counters[i].name, m->counters[i].suffix, *m->counters[i].value);
   }
}

/* \return false with a message in error */
static bool write_telemetry(const nm_module_t *m, char error[NC_TELEMETRY_ERROR])
{
   size_t size = 0;
   char *text = text_of(m, write_lines, &size);
   if (text == NULL) {
      snprintf(error, NC_TELEMETRY_ERROR, "telemetry: out of memory");
      return false;
   }
   bool good = nc_telemetry_write(m->telemetry, TELEMETRY_FILE, text, size, error);
   free(text);
   return good;
}

static void write_service(const nm_module_t *m)
{
   size_t size = 0;
   char *text = text_of(m, write_json, &size);
   if (text != NULL) {
      trap_ctx_set_service_info(m->ctx, text);
   }
   free(text);
}

int counters_open(nm_module_t *m)
{
   char error[NC_TELEMETRY_ERROR];
   write_service(m);
   if (m->telemetry == NULL ||
       (nc_telemetry_mkdir(m->telemetry, NULL, error) &&
        nc_telemetry_mkdir(m->telemetry, TELEMETRY_FOLDER, error) && write_telemetry(m, error))) {
      return NM_OK;
   }
   return nm_fail(m, "option --telemetry: %s", error);
}

void counters_publish(nm_module_t *m)
{
   char error[NC_TELEMETRY_ERROR];
   if (m->ctx == NULL || m->wall - m->published_at < PUBLISH_US) {
      return;
   }
   m->published_at = m->wall;
   write_service(m);
   if (m->telemetry != NULL && !write_telemetry(m, error)) {
      nm_warn(m, "%s", error);
   }
}

int counters_close(nm_module_t *m, int rc)
{
   char error[NC_TELEMETRY_ERROR];
   bool written = m->telemetry == NULL || write_telemetry(m, error);
   return written || rc == NM_ERROR ? rc : nm_fail(m, "%s", error);
}
