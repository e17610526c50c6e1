/* SPDX-License-Identifier: BSD-3-Clause */
/** sni_dataset_saver: chooses flows of known services by their TLS server name, fewer of those that are frequent. */
#include <jansson.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "tags.h"

NM_FIELDS(string TLS_SNI, time TIME_FIRST, time TIME_LAST, string TLS_SNI_STATS)

#define FIRST_RATE 10
#define MOST_JSON  60000 /* bytes in a record of statistics */

struct counter {
   uint64_t total;
   ur_time_t last; /* of its newest flow */
   uint32_t rate;  /* one flow of so many is sent; 1: all */
};

struct saver {
   tags_t *tags;
   const char *earlier;
   uint32_t timeout;
   struct counter *counters; /* by tag */
   uint32_t *order;          /* tags by their totals */
   ur_time_t window;         /* begin of the statistics at hand; 0: no flow yet */
   uint64_t tagged, sent, reports;
};

static void *load(nm_module_t *m, const char *path)
{
   char error[TAGS_ERROR];
   FILE *file = fopen(path, "re");
   if (file == NULL) {
      nm_fail(m, "cannot open '%s': %m", path);
      return NULL;
   }
   tags_t *tags = tags_read(file, error);
   fclose(file);
   if (tags == NULL) {
      nm_fail(m, "%s: %s", path, error);
   }
   return tags;
}

static void release(void *tags)
{
   tags_free(tags);
}

/* The counters follow the numbers of the tags, so the file is not one that changes meanwhile. */
static int set_file(nm_module_t *m, const char *path)
{
   struct saver *self = nm_self(m);
   release(self->tags);
   self->tags = load(m, path);
   return self->tags != NULL ? NM_OK : NM_ERROR;
}

static const nm_option_t options[] = {
    NM_CALL('f', "filename", "file", set_file,
            "Domain names of services, as CSV: the header Id,Tag,Merged Domains, then lines "
            "ID,TAG,\"NAME,*.NAME,...\". Required."),
    NM_U32('t', "timeout", struct saver, timeout, 300, 0, UINT32_MAX,
           "A flow is sent in any case when its tag had none for this many seconds."),
    NM_STRING('s', "stats_file", struct saver, earlier, NULL,
              "Statistics of an earlier run, as CSV: the JSON in the third column gives the counters to "
              "begin with."),
    NM_END,
};

static int check(nm_module_t *m)
{
   const struct saver *self = nm_self(m);
   return self->tags == NULL ? nm_fail(m, "option -f, --filename is needed: the file of domain names")
                             : NM_OK;
}

/* --------------------------------------------------------- earlier counters */

static int restore_counters(nm_module_t *m, const char *text)
{
   struct saver *self = nm_self(m);
   json_error_t where;
   json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &where), *value;
   const char *name;
   if (!json_is_object(object)) {
      int rc =
          nm_fail(m, "%s: third column: %s", self->earlier, object == NULL ? where.text : "no JSON object");
      json_decref(object);
      return rc;
   }
   json_object_foreach(object, name, value)
   {
      uint32_t tag;
      if (!json_is_integer(value) || json_integer_value(value) < 0) {
         int rc = nm_fail(m, "%s: \"%s\" has no count, expected an integer", self->earlier, name);
         json_decref(object);
         return rc;
      }
      if (tags_by_name(self->tags, name, &tag)) {
         self->counters[tag].total = (uint64_t) json_integer_value(value);
      }
   }
   json_decref(object);
   return NM_OK;
}

/* Large statistics are several rows of the same times: the first and those that follow it. */
static int read_earlier(nm_module_t *m)
{
   struct saver *self = nm_self(m);
   FILE *file = fopen(self->earlier, "re");
   char *line = NULL, *columns[3], first[80] = "";
   size_t size = 0;
   unsigned number = 0, rows = 0;
   const char *wrong = NULL;
   int rc = NM_OK;
   if (file == NULL) {
      return nm_fail(m, "cannot open '%s': %m", self->earlier);
   }
   while (rc == NM_OK && tags_row(file, &line, &size, columns, 3, &number, &wrong)) {
      char times[80];
      snprintf(times, sizeof(times), "%.30s,%.30s", columns[0], columns[1]);
      if (rows == 0 && number == 1 && columns[2][0] != '{') {
         continue; /* the names of the columns */
      }
      if (rows > 0 && strcmp(times, first) != 0) {
         break;
      }
      snprintf(first, sizeof(first), "%s", times);
      rows++;
      rc = restore_counters(m, columns[2]);
   }
   if (rc == NM_OK && (wrong != NULL || rows == 0)) {
      rc = nm_fail(m, "%s: line %u: %s", self->earlier, number, wrong != NULL ? wrong : "no statistics");
   }
   free(line);
   fclose(file);
   return rc;
}

/* --------------------------------------------------------------- statistics */

static int by_total(const void *one, const void *other, void *context)
{
   const struct counter *counters = context;
   uint32_t a = *(const uint32_t *) one, b = *(const uint32_t *) other;
   uint64_t first = counters[a].total, second = counters[b].total;
   return first != second ? (first < second ? -1 : 1) : (a > b) - (a < b);
}

/* The rarest tags are sent whole; the more frequent a tag, the fewer of its flows. */
static void choose_rates(struct saver *self)
{
   static const struct {
      uint32_t percent, rate;
   } steps[] = {{25, 1}, {30, 2}, {40, 3}, {50, 4}, {70, 6}, {95, 9}, {100, 15}};
   uint32_t n = tags_count(self->tags);
   qsort_r(self->order, n, sizeof(*self->order), by_total, self->counters);
   for (uint32_t i = 0; i < n; i++) {
      unsigned step = 0;
      while ((uint64_t) i * 100 > (uint64_t) steps[step].percent * n) {
         step++;
      }
      self->counters[self->order[i]].rate = steps[step].rate;
   }
}

static int send_json(nm_module_t *m, json_t *object, ur_time_t begin, ur_time_t end)
{
   struct saver *self = nm_self(m);
   char *text = json_dumps(object, JSON_COMPACT);
   void *rec = nm_record(m, 1);
   if (text == NULL) {
      return nm_fail(m, "no memory");
   }
   nm_set_n(m, 1, rec, F_TIME_FIRST, begin);
   nm_set_n(m, 1, rec, F_TIME_LAST, end);
   int rc = nm_set_string(m, 1, rec, F_TLS_SNI_STATS, text);
   free(text);
   self->reports++;
   return rc == NM_OK ? nm_send_n(m, 1, rec) : rc;
}

/* Totals of all tags from begin to end; in several records where one has no room. */
static int send_statistics(nm_module_t *m, ur_time_t begin, ur_time_t end)
{
   const struct saver *self = nm_self(m);
   uint32_t n = tags_count(self->tags);
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n;) {
      json_t *object = json_object();
      size_t size = 0;
      do {
         const char *name = tags_name(self->tags, i);
         json_object_set_new(object, name, json_integer((json_int_t) self->counters[i].total));
         i++;
         /* A byte of a name is at most six in JSON. */
         size += i < n ? 6 * strlen(tags_name(self->tags, i)) + 24 : 0;
      } while (i < n && size < MOST_JSON);
      rc = send_json(m, object, begin, end);
      json_decref(object);
   }
   return rc;
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   struct saver *self = nm_self(m);
   if (self->window == 0) {
      return NM_OK;
   }
   ur_time_t begin = self->window;
   self->window = stream_time;
   choose_rates(self);
   return send_statistics(m, begin, stream_time);
}

static int finish(nm_module_t *m)
{
   struct saver *self = nm_self(m);
   ur_time_t now = nm_now(m);
   return self->window != 0 && now > self->window ? send_statistics(m, self->window, now) : NM_OK;
}

/* -------------------------------------------------------------------- flows */

/* Is a flow of this tag to be sent? */
static bool is_chosen(const struct saver *self, const struct counter *c, ur_time_t first)
{
   return c->rate == 1 || c->total % c->rate == 0 || first > c->last + ((ur_time_t) self->timeout << 32);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct saver *self = nm_self(m);
   nm_record_t chosen[256];
   uint32_t count = 0;
   if (self->window == 0) {
      self->window = nm_get(m, recs[0].data, F_TIME_FIRST);
   }
   for (uint32_t i = 0; i < n; i++) {
      const void *rec = recs[i].data;
      uint32_t tag;
      if (!tags_find(self->tags, nm_get_ptr(m, rec, F_TLS_SNI), nm_get_len(m, rec, F_TLS_SNI), &tag)) {
         continue;
      }
      struct counter *c = &self->counters[tag];
      ur_time_t last = nm_get(m, rec, F_TIME_LAST);
      self->tagged++;
      c->total++;
      if (is_chosen(self, c, nm_get(m, rec, F_TIME_FIRST))) {
         chosen[count++] = recs[i];
      }
      c->last = last > c->last ? last : c->last;
   }
   self->sent += count;
   return nm_forward_batch(m, 0, chosen, count);
}

static int init(nm_module_t *m)
{
   struct saver *self = nm_self(m);
   uint32_t n = tags_count(self->tags);
   self->counters = calloc(n, sizeof(*self->counters));
   self->order = calloc(n, sizeof(*self->order));
   if (self->counters == NULL || self->order == NULL) {
      return nm_fail(m, "no memory");
   }
   for (uint32_t i = 0; i < n; i++) {
      self->counters[i].rate = FIRST_RATE;
      self->order[i] = i;
   }
   nm_counter(m, "flows with a tag", &self->tagged);
   nm_counter(m, "flows chosen", &self->sent);
   nm_counter(m, "records of statistics", &self->reports);
   return self->earlier != NULL ? read_earlier(m) : NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct saver *self = nm_self(m);
   tags_free(self->tags);
   free(self->counters);
   free(self->order);
}

NM_MODULE("sni_dataset_saver",
          "Sends flows whose TLS server name belongs to a known service, with fewer flows of services that "
          "are frequent, and every five "
          "minutes how many flows each service had.",
          .in = NM_INPUTS({"flows", "string TLS_SNI,time TIME_FIRST,time TIME_LAST"}),
          .out = NM_OUTPUTS({"chosen flows", .format = NM_FOLLOW},
                            {"statistics", "time TIME_FIRST,time TIME_LAST,string TLS_SNI_STATS"}),
          .options = options, .state_size = sizeof(struct saver), .no_eos_option = "no-eof", .check = check,
          .init = init, .records = records, .tick = tick, .tick_every = NM_SECONDS(300), .finish = finish,
          .cleanup = cleanup)
