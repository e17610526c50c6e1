/* SPDX-License-Identifier: BSD-3-Clause */
/** clickhouse: records into a table of ClickHouse, in blocks, over HTTP. */
#include "config.h"
#include "rows.h"
#include "uploads.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

NM_FIELDS()

#define MOST_CONFIG (1u << 20)
#define MOST_SCHEMA (1u << 18) /* bytes of an answer */
#define BLOCK_BYTES ((size_t) 64 << 20)
#define STATEMENT   65536
#define TIMEOUT_MS  30000
#define END_SECONDS 10
#define MEGABYTE    ((uint64_t) 1 << 20)

struct clickhouse {
   const char *path;
   bool print;
   struct config *config;
   nm_field_t fields[MOST_COLUMNS];
   struct block block;
   time_t since; /* monotonic, of the first row of the block */
   struct uploads *uploads;
   char *url; /* of an INSERT */
   uint64_t rows, blocks, lost, waits, sent, failed, rejected, waiting;
};

static const nm_option_t options[] = {
    NM_STRING('c', "config", struct clickhouse, path, NULL, "Configuration, a file in YAML; required."),
    NM_QUERY('p', "print-table", struct clickhouse, print,
             "Print the statement that makes the table, and end."),
    NM_END};

/* ---------------------------------------------------------------- configuration */

static struct config *load(const char *path, char why[CONFIG_WHY])
{
   FILE *file = fopen(path, "re");
   char *text = file != NULL ? malloc(MOST_CONFIG) : NULL;
   size_t size = text != NULL ? fread(text, 1, MOST_CONFIG, file) : 0;
   struct config *c = NULL;
   if (text == NULL || ferror(file) || size == MOST_CONFIG) {
      snprintf(why, CONFIG_WHY, "%s", size == MOST_CONFIG ? "the file is larger than 1 MB" : strerror(errno));
   } else {
      c = config_read(text, size, why);
   }
   free(text);
   if (file != NULL) {
      fclose(file);
   }
   return c;
}

static void print_table(const struct config *c, FILE *to)
{
   const char *time = NULL;
   fprintf(to, "CREATE TABLE %s.%s\n(\n", c->database, c->table);
   for (unsigned i = 0; i < c->n_columns; i++) {
      const struct column *column = &c->columns[i];
      time = time == NULL && column->type == UR_TYPE_TIME ? column->name : time;
      fprintf(to, "    %s %s%s\n", column->name, rows_type(column->type), i + 1 < c->n_columns ? "," : "");
   }
   if (time != NULL) {
      fprintf(to, ")\nENGINE = MergeTree\nPARTITION BY toDate(%s)\nORDER BY %s\n", time, time);
   } else {
      fprintf(to, ")\nENGINE = MergeTree\nORDER BY tuple()\n");
   }
}

/* ----------------------------------------------------------------------- schema */

struct answer {
   char text[MOST_SCHEMA];
   size_t size;
};

static size_t take_answer(char *data, size_t size, size_t n, void *context)
{
   struct answer *a = context;
   if (size * n >= sizeof(a->text) - a->size) {
      return 0;
   }
   memcpy(a->text + a->size, data, size * n);
   a->size += size * n;
   a->text[a->size] = 0;
   return size * n;
}

/* Asks one server. \return 0: it did not answer; else its status */
static long ask(const struct config *c, const char *server, const char *statement, struct answer *a)
{
   long status = 0;
   CURL *curl = curl_easy_init();
   a->size = 0;
   a->text[0] = 0;
   bool set = curl != NULL && curl_easy_setopt(curl, CURLOPT_URL, server) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_POSTFIELDS, statement) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) TIMEOUT_MS) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_WRITEDATA, a) == CURLE_OK &&
              (c->ca[0] == 0 || curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca) == CURLE_OK) &&
              (c->username[0] == 0 || (curl_easy_setopt(curl, CURLOPT_USERNAME, c->username) == CURLE_OK &&
                                       curl_easy_setopt(curl, CURLOPT_PASSWORD, c->password) == CURLE_OK));
   if (set && curl_easy_perform(curl) == CURLE_OK) {
      curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
   }
   curl_easy_cleanup(curl);
   return status;
}

/* Finds the type of a column in lines "name<TAB>type". \return false: there is no such column */
static bool find_type(const char *lines, const char *name, char type[WORD_SIZE])
{
   size_t n = strlen(name);
   for (const char *at = lines; *at != 0; at += strcspn(at, "\n"), at += *at == '\n') {
      if (strncmp(at, name, n) == 0 && at[n] == '\t') {
         snprintf(type, WORD_SIZE, "%.*s", (int) strcspn(at + n + 1, "\n"), at + n + 1);
         return true;
      }
   }
   return false;
}

static int compare(nm_module_t *m, const char *server, const char *lines)
{
   const struct clickhouse *self = nm_self(m);
   const struct config *c = self->config;
   char type[WORD_SIZE];
   if (*lines == 0) {
      return nm_fail(m, "%s: there is no table %s.%s; --print-table prints the statement that makes it",
                     server, c->database, c->table);
   }
   for (unsigned i = 0; i < c->n_columns; i++) {
      const struct column *column = &c->columns[i];
      bool found = find_type(lines, column->name, type);
      if (!found || !rows_type_fits(column->type, type)) {
         return nm_fail(m,
                        "%s: table %s.%s: column %s: expected %s, %s%s; --print-table prints the statement "
                        "that makes the table",
                        server, c->database, c->table, column->name, rows_type(column->type),
                        found ? "it is " : "it is missing", found ? type : "");
      }
   }
   return NM_OK;
}

/* The first server that answers tells whether the table is as it should be. If none does, rows wait in the spool. */
static int check_schema(nm_module_t *m)
{
   const struct clickhouse *self = nm_self(m);
   const struct config *c = self->config;
   char statement[2 * WORD_SIZE + 128];
   struct answer *a = malloc(sizeof(*a));
   int rc = NM_OK;
   bool known = false;
   snprintf(
       statement, sizeof(statement),
       "SELECT name, type FROM system.columns WHERE database = '%s' AND table = '%s' FORMAT TabSeparatedRaw",
       c->database, c->table);
   for (unsigned i = 0; a != NULL && rc == NM_OK && !known && i < c->n_endpoints && !nm_stopping(m); i++) {
      long status = ask(c, c->endpoints[i], statement, a);
      known = status == 200;
      if (known) {
         rc = compare(m, c->endpoints[i], a->text);
      } else if (status != 0) {
         a->text[strcspn(a->text, "\r\n")] = 0;
         nm_warn(m, "%s: the server answered with status %ld: %.200s", c->endpoints[i], status, a->text);
      }
   }
   if (!known && rc == NM_OK) {
      nm_warn(m, "no server can be asked for the columns of %s.%s now; rows wait for it", c->database,
              c->table);
   }
   free(a);
   return rc;
}

/* ------------------------------------------------------------------------ start */

/* "/?query=INSERT INTO d.t (a,b) FORMAT RowBinary"; the names need no escapes. */
static bool make_url(struct clickhouse *self)
{
   const struct config *c = self->config;
   char text[STATEMENT] = "";
   size_t n =
       (size_t) snprintf(text, sizeof(text), "/?query=INSERT%%20INTO%%20%s.%s%%20(", c->database, c->table);
   for (unsigned i = 0; i < c->n_columns && n < sizeof(text); i++) {
      n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%s", i > 0 ? "," : "", c->columns[i].name);
   }
   if (n < sizeof(text)) {
      n += (size_t) snprintf(text + n, sizeof(text) - n, ")%%20FORMAT%%20RowBinary");
   }
   self->url = n < 4000 ? strdup(text) : NULL;
   return self->url != NULL;
}

static void report(void *context, const char *text)
{
   nm_warn(context, "inserting a block: %s", text);
}

static int check(nm_module_t *m)
{
   struct clickhouse *self = nm_self(m);
   char why[CONFIG_WHY];
   if (self->path == NULL) {
      return nm_fail(m, "option --config: missing, expected a file in YAML");
   }
   self->config = load(self->path, why);
   if (self->config == NULL) {
      return nm_fail(m, "%s: %s", self->path, why);
   }
   if (self->print) {
      print_table(self->config, stdout);
      fflush(stdout);
      return NM_STOP;
   }
   return make_url(self) ? NM_OK : nm_fail(m, "%s: the names of the columns are too long", self->path);
}

static int start_uploads(nm_module_t *m)
{
   struct clickhouse *self = nm_self(m);
   const struct config *c = self->config;
   char why[UPLOADS_WHY];
   const struct uploads_options o = {.servers = (const char *const *) c->endpoints,
                                     .spool = c->spool[0] != 0 ? c->spool : NULL,
                                     .max_bytes = c->spool_mb * MEGABYTE,
                                     .full_waits = true,
                                     .agent = "nemea-clickhouse",
                                     .content_type = "application/octet-stream",
                                     .user = c->username[0] != 0 ? c->username : NULL,
                                     .password = c->username[0] != 0 ? c->password : NULL,
                                     .ca = c->ca[0] != 0 ? c->ca : NULL,
                                     .threads = (unsigned) c->inserter_threads,
                                     .timeout = TIMEOUT_MS,
                                     .first_pause = 500,
                                     .last_pause = 10000,
                                     .report = report,
                                     .context = m};
   self->uploads = uploads_start(&o, why);
   return self->uploads != NULL ? NM_OK : nm_fail(m, "spool: %s", why);
}

static int init(nm_module_t *m)
{
   struct clickhouse *self = nm_self(m);
   const struct config *c = self->config;
   int rc = NM_OK;
   if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
      return nm_fail(m, "out of memory, or not supported by this libcurl");
   }
   for (unsigned i = 0; rc == NM_OK && i < c->n_columns; i++) {
      rc = nm_field_bind(m, &self->fields[i], 0, c->columns[i].name, true);
   }
   rc = rc == NM_OK ? check_schema(m) : rc;
   rc = rc == NM_OK ? start_uploads(m) : rc;
   nm_counter(m, "rows", &self->rows);
   nm_counter(m, "blocks", &self->blocks);
   nm_counter(m, "blocks inserted", &self->sent);
   nm_counter(m, "attempts failed", &self->failed);
   nm_counter(m, "blocks rejected", &self->rejected);
   nm_counter(m, "blocks waiting", &self->waiting);
   nm_counter(m, "blocks lost", &self->lost);
   nm_counter(m, "waits for room", &self->waits);
   nm_set_timer(m, NM_SECONDS(1));
   return rc;
}

static int format(nm_module_t *m, uint32_t input)
{
   const struct clickhouse *self = nm_self(m);
   const struct config *c = self->config;
   (void) input;
   for (unsigned i = 0; i < c->n_columns; i++) {
      if (self->fields[i].type != c->columns[i].type) {
         return nm_fail(m, "field %s: expected type %s, as in %s", c->columns[i].name,
                        ur_field_type_str[c->columns[i].type], self->path);
      }
   }
   return NM_OK;
}

/* ----------------------------------------------------------------------- blocks */

static time_t now_seconds(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return ts.tv_sec;
}

static void count(struct clickhouse *self)
{
   struct uploads_counts c;
   uploads_counts(self->uploads, &c);
   self->sent = c.sent;
   self->failed = c.failed;
   self->rejected = c.rejected;
   self->waiting = c.waiting;
}

static bool is_full(struct clickhouse *self)
{
   struct uploads_counts c;
   uploads_counts(self->uploads, &c);
   return self->config->spool[0] == 0 && c.waiting >= self->config->blocks;
}

/* Hands the block over. Where there is no room it waits, which holds up the sender of the records, until the module is to end. */
static int end_block(nm_module_t *m)
{
   struct clickhouse *self = nm_self(m);
   char why[UPLOADS_WHY] = "no server takes it, and the module ends";
   enum uploads_put result = UPLOADS_FULL;
   if (self->block.rows == 0) {
      return NM_OK;
   }
   for (;;) {
      result = is_full(self) ? UPLOADS_FULL
                             : uploads_put(self->uploads, self->url, self->block.data, self->block.size, why);
      if (result != UPLOADS_FULL || nm_stopping(m)) {
         break;
      }
      self->waits++;
      uploads_wait(self->uploads, 100);
   }
   if (result != UPLOADS_TAKEN) {
      nm_warn(m, "a block of %" PRIu64 " rows is lost: %s", self->block.rows, why);
      self->lost++;
      free(self->block.data);
   }
   self->blocks++;
   self->block = (struct block){.data = NULL};
   count(self);
   return NM_OK;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct clickhouse *self = nm_self(m);
   const struct config *c = self->config;
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      if (self->block.rows == 0) {
         self->since = now_seconds();
      }
      for (unsigned k = 0; k < c->n_columns; k++) {
         if (!rows_add(&self->block, &self->fields[k], recs[i].data)) {
            return nm_fail(m, "out of memory for a block of rows");
         }
      }
      self->rows++;
      if (++self->block.rows >= c->rows || self->block.size >= BLOCK_BYTES) {
         rc = end_block(m);
      }
   }
   return rc;
}

static int timer(nm_module_t *m)
{
   struct clickhouse *self = nm_self(m);
   count(self);
   return self->block.rows > 0 && now_seconds() - self->since >= (time_t) self->config->delay ? end_block(m)
                                                                                              : NM_OK;
}

static int finish(nm_module_t *m)
{
   struct clickhouse *self = nm_self(m);
   if (self->uploads == NULL) {
      return NM_OK;
   }
   int rc = end_block(m);
   for (unsigned waited = 0; waited < END_SECONDS * 10 && (count(self), self->waiting > 0); waited++) {
      uploads_wait(self->uploads, 100);
   }
   count(self);
   uint64_t lost = uploads_stop(self->uploads, 0);
   self->uploads = NULL;
   self->lost += lost;
   return lost == 0
              ? rc
              : nm_fail(m, "%" PRIu64 " blocks that no server has taken are lost (key spool keeps them)",
                        lost);
}

static void cleanup(nm_module_t *m)
{
   struct clickhouse *self = nm_self(m);
   uploads_stop(self->uploads, 0);
   config_free(self->config);
   free(self->block.data);
   free(self->url);
}

NM_MODULE("clickhouse",
          "Inserts records into a table of ClickHouse, in blocks of many rows, over HTTP (RowBinary). "
          "Servers are tried in turn; blocks wait while "
          "none is there, in memory or in a spool on disk.",
          .in = NM_INPUTS({"records", NM_ANY_FORMAT}), .options = options,
          .state_size = sizeof(struct clickhouse), .check = check, .init = init, .format = format,
          .records = records, .timer = timer, .finish = finish, .cleanup = cleanup)
