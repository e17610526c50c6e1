/* SPDX-License-Identifier: BSD-3-Clause */
/** biflow_aggregator: aggregates records by key in a bounded cache, with timeouts, and joins both directions of flows. */
#include <ctype.h>
#include <inttypes.h>
#include <nemea-common/nc_wheel.h>
#include <stdlib.h>

#include "columns.h"
#include "fields.h"

NM_FIELDS(time TIME_FIRST, time TIME_LAST, uint32 COUNT)

#define WHEEL_BUCKETS 4096

/* All that is known of one key. The values of the columns follow. */
struct entry {
   nc_timer_t timer;
   ur_time_t first, last;
   uint32_t count;   /* COUNT of the output */
   uint32_t records; /* what averages are divided by */
   uint8_t direction;
};
#define VALUES ((uint32_t) ((sizeof(struct entry) + 15) & ~15u))

struct biflow_aggregator {
   const char *path, *section;
   bool ends; /* with the end of stream */
   uint32_t size, active, passive, memory;
   uint32_t global; /* seconds; 0: none */
   bool absolute;   /* global timeouts are at multiples */

   struct config config;
   struct columns columns;
   nm_field_t first, last, count;
   nc_table_t *table; /* key -> struct entry */
   nc_wheel_t *wheel; /* entries by the second of their passive deadlines; NULL with a global timeout */
   uint8_t *keys;     /* of a batch */
   ur_time_t now, far, flushed; /* now: the newest end of a flow */
   uint64_t expired;            /* second up to which entries were looked at */
   uint32_t hand;               /* place in the table of what is sent next when values take too much memory */
   int failed;                  /* result of what was sent from within a callback */
   uint64_t early, bytes, left_out, wrong;
};

/* ----------------------------------------------------------------- options */

static int set_global(nm_module_t *m, const char *text)
{
   struct biflow_aggregator *self = nm_self(m);
   static const char *const words[] = {"", "a", "absolute", "r", "relative"};
   char *end = NULL;
   unsigned long n = isdigit((unsigned char) text[0]) ? strtoul(text, &end, 10) : 0;
   for (size_t i = 0; n > 0 && n <= INT32_MAX && i < sizeof(words) / sizeof(words[0]); i++) {
      if (strcmp(end, words[i]) == 0) {
         self->global = (uint32_t) n;
         self->absolute = words[i][0] == 'a';
         return NM_OK;
      }
   }
   return nm_fail(
       m,
       "option -g, --global-timeout: \"%s\" is not a number of seconds from 1 to %d, with an optional "
       "suffix a, absolute, r or relative",
       text, INT32_MAX);
}

static const nm_option_t options[] = {
    NM_STRING('c', "config", struct biflow_aggregator, path, NULL,
              "XML file with the sections of fields. Required."),
    NM_STRING('n', "name", struct biflow_aggregator, section, NULL, "Name of the section. Required."),
    NM_FLAG('e', "eof", struct biflow_aggregator, ends,
            "End with the stream. Without, the module waits for the next one (files end in any case)."),
    NM_U32('s', "size", struct biflow_aggregator, size, 16, 2, 28,
           "The cache has 2 to this power of entries; when it is full, an entry is sent "
           "early "
           "(counter \"sent early\")."),
    NM_U32('a', "active-timeout", struct biflow_aggregator, active, 40, 1, INT32_MAX,
           "Maximum time between the first and the last record of an entry, in seconds."),
    NM_U32('p', "passive-timeout", struct biflow_aggregator, passive, 20, 1, INT32_MAX,
           "Time after its last record when an entry is sent, in seconds; at most the active timeout."),
    NM_CALL('g', "global-timeout", "seconds", set_global,
            "Send all entries at this interval, instead of the other timeouts. Suffix a or absolute: at "
            "multiples of the interval; r or relative (default): counted from the last time."),
    NM_U32(0, "memory", struct biflow_aggregator, memory, 256, 1, 1u << 20,
           "Memory limit in MiB for strings, lists and sets; at the limit entries are sent early."),
    NM_END,
};

static int check(nm_module_t *m)
{
   struct biflow_aggregator *self = nm_self(m);
   char error[CONFIG_ERROR];
   if (self->path == NULL || self->section == NULL) {
      return nm_fail(m, "Config filename or config section missing. (options -c, -n)");
   }
   if (self->passive > self->active) {
      return nm_fail(m, "Passive timeout cannot be bigger than active timeout. (%u, %u)", self->passive,
                     self->active);
   }
   if (!config_read(&self->config, self->path, self->section, error)) {
      return nm_fail(m, "%s", error);
   }
   nm_set_flag(m, NM_KEEP_EOS, !self->ends);
   return columns_make(m, &self->columns, &self->config);
}

/* ----------------------------------------------------------------- entries */

static void *values_of(struct entry *e)
{
   return (char *) e + VALUES;
}

static ur_time_t later(ur_time_t t, uint32_t seconds)
{
   ur_time_t sum = t + ((ur_time_t) seconds << 32);
   return sum >= t ? sum : UINT64_MAX;
}

static ur_time_t active_deadline(const struct biflow_aggregator *self, const struct entry *e)
{
   return later(e->first, self->active);
}

static ur_time_t passive_deadline(const struct biflow_aggregator *self, const struct entry *e)
{
   ur_time_t active = active_deadline(self, e), passive = later(e->last, self->passive);
   return passive < active ? passive : active;
}

static int send_entry(nm_module_t *m, const void *key, struct entry *e)
{
   struct biflow_aggregator *self = nm_self(m);
   void *record = nm_record(m, 0);
   if (!columns_result(m, &self->columns, key, values_of(e), e->records, e->direction, record)) {
      self->left_out++;
   }
   nm_set(m, record, F_TIME_FIRST, e->first);
   nm_set(m, record, F_TIME_LAST, e->last);
   nm_set(m, record, F_COUNT, e->count);
   return nm_send(m, record);
}

static void forget(struct biflow_aggregator *self, struct entry *e)
{
   nc_wheel_cancel(&e->timer);
   columns_free_values(&self->columns, values_of(e), &self->bytes);
}

/* Sends an entry and removes it. */
static int end_entry(nm_module_t *m, struct entry *e)
{
   struct biflow_aggregator *self = nm_self(m);
   int rc = send_entry(m, nc_table_key(self->table, e), e);
   forget(self, e);
   nc_table_remove_value(self->table, e);
   return rc;
}

/* The cache is full. */
static void entry_evicted(void *context, const void *key, void *value)
{
   struct biflow_aggregator *self = nm_self(context);
   int rc = send_entry(context, key, value);
   self->failed = self->failed != NM_OK ? self->failed : rc;
   self->early++;
   forget(self, value);
}

static int end_all(nm_module_t *m)
{
   struct biflow_aggregator *self = nm_self(m);
   uint32_t cursor = 0;
   const void *key;
   void *value;
   int rc = NM_OK;
   while (rc == NM_OK && self->table != NULL && nc_table_next(self->table, &cursor, &key, &value)) {
      rc = end_entry(m, value);
   }
   return rc;
}

/* Values take too much memory: sends entries in the order of the table. */
static int make_room(nm_module_t *m)
{
   struct biflow_aggregator *self = nm_self(m);
   const uint64_t limit = (uint64_t) self->memory << 20;
   const void *key;
   void *value;
   int rc = NM_OK;
   while (rc == NM_OK && self->bytes > limit && nc_table_count(self->table) > 0) {
      if (nc_table_next(self->table, &self->hand, &key, &value)) {
         self->early++;
         rc = end_entry(m, value);
      } else {
         self->hand = 0;
      }
   }
   return rc;
}

/* ---------------------------------------------------------------- timeouts */

static void set_timer(struct biflow_aggregator *self, struct entry *e)
{
   nc_wheel_set(self->wheel, &e->timer, passive_deadline(self, e) >> 32);
}

static void entry_expired(void *context, nc_timer_t *timer)
{
   struct biflow_aggregator *self = nm_self(context);
   struct entry *e = (struct entry *) (void *) ((char *) timer - offsetof(struct entry, timer));
   if (passive_deadline(self, e) <= self->now) {
      int rc = end_entry(context, e);
      self->failed = self->failed != NM_OK ? self->failed : rc;
   } else {
      set_timer(self, e); /* more records have arrived */
   }
}

/* Sends what is over, or with a global timeout all when it is time. */
static int expire(nm_module_t *m)
{
   struct biflow_aggregator *self = nm_self(m);
   if (self->global == 0) {
      self->expired = self->now >> 32;
      nc_wheel_advance(self->wheel, self->expired, entry_expired, m);
      return self->failed;
   }
   if (self->now - self->flushed < (ur_time_t) self->global << 32) {
      return NM_OK;
   }
   uint64_t second = self->now >> 32;
   self->flushed = self->absolute ? (second - second % self->global) << 32 : self->now;
   return end_all(m);
}

/* A live stream that fell silent goes on with its clock. */
static int tick(nm_module_t *m, ur_time_t now)
{
   struct biflow_aggregator *self = nm_self(m);
   if (!nm_silent(m) || self->table == NULL || now <= self->now) {
      return NM_OK;
   }
   self->now = now;
   return expire(m);
}

/* ----------------------------------------------------------------- records */

/* The direction of the record that began first is that of the entry. */
static void take_times(struct entry *e, ur_time_t first, ur_time_t last, enum direction direction)
{
   if (first < e->first) {
      e->first = first;
      e->direction = (uint8_t) direction;
   }
   e->last = last > e->last ? last : e->last;
}

static bool start_entry(struct biflow_aggregator *self, struct entry *e, const void *rec, ur_time_t first,
                        ur_time_t last, enum direction direction)
{
   e->first = first;
   e->last = last;
   e->direction = (uint8_t) direction;
   e->count = e->records = 0;
   bool good = columns_start(&self->columns, values_of(e), rec, direction, &self->bytes);
   if (self->wheel != NULL && !nc_timer_is_set(&e->timer)) {
      set_timer(self, e);
   }
   return good;
}

/* Is an entry over when this record comes? now: before the record, and with it. */
static bool is_over(const struct biflow_aggregator *self, const struct entry *e, ur_time_t first,
                    ur_time_t before)
{
   ur_time_t passive = passive_deadline(self, e);
   return self->global == 0 &&
          (before >= passive || first >= passive || self->now >= active_deadline(self, e));
}

static int add(nm_module_t *m, const void *rec, enum direction direction, const void *key, uint64_t hash)
{
   struct biflow_aggregator *self = nm_self(m);
   const ur_time_t first = nm_field_u64(&self->first, rec), last = nm_field_u64(&self->last, rec);
   const ur_time_t before = self->now;
   int rc = NM_OK;
   if (self->global == 0 && before >> 32 > self->expired) {
      rc = expire(m);
   }
   if (last > before) {
      bool confirmed = nm_time_is_confirmed(before, &self->far, last);
      self->now = confirmed ? last : before;
      self->wrong += !confirmed;
   }
   if (rc == NM_OK && self->global > 0) {
      rc = expire(m);
   }
   bool is_new, good;
   struct entry *e = rc == NM_OK ? nc_table_upsert_hashed(self->table, key, hash, &is_new) : NULL;
   rc = rc == NM_OK ? self->failed : rc;
   if (rc != NM_OK) {
      return rc;
   }
   if (!is_new && is_over(self, e, first, before)) {
      rc = send_entry(m, key, e);
      is_new = true;
   }
   if (is_new) {
      good = start_entry(self, e, rec, first, last, direction);
   } else {
      take_times(e, first, last, direction);
      good = columns_add(&self->columns, values_of(e), rec, direction, &self->bytes);
   }
   e->records++;
   e->count += nm_field_present(&self->count) ? (uint32_t) nm_field_u64(&self->count, rec) : 1;
   if (!good) {
      return nm_fail(m, "out of memory for values of variable length");
   }
   return rc == NM_OK && self->bytes > (uint64_t) self->memory << 20 ? make_room(m) : rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct biflow_aggregator *self = nm_self(m);
   const void *keys[NC_TABLE_BATCH];
   enum direction directions[NC_TABLE_BATCH];
   uint64_t hashes[NC_TABLE_BATCH];
   int rc = NM_OK;
   for (uint32_t done = 0, count; rc == NM_OK && done < n; done += count) {
      count = n - done < NC_TABLE_BATCH ? n - done : NC_TABLE_BATCH;
      for (uint32_t i = 0; i < count; i++) {
         uint8_t *key = self->keys + (size_t) i * self->columns.key_size;
         directions[i] = columns_direction(&self->columns, recs[done + i].data);
         columns_key(&self->columns, recs[done + i].data, directions[i], key);
         keys[i] = key;
      }
      nc_table_prefetch(self->table, keys, count, hashes);
      for (uint32_t i = 0; rc == NM_OK && i < count; i++) {
         rc = add(m, recs[done + i].data, directions[i], keys[i], hashes[i]);
      }
   }
   return rc;
}

/* -------------------------------------------------------------------- life */

static void free_table(struct biflow_aggregator *self)
{
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (self->table != NULL && nc_table_next(self->table, &cursor, &key, &value)) {
      forget(self, value);
   }
   nc_table_free(self->table);
   nc_wheel_free(self->wheel);
   free(self->keys);
   self->table = NULL;
   self->wheel = NULL;
   self->keys = NULL;
}

static int make_table(nm_module_t *m)
{
   struct biflow_aggregator *self = nm_self(m);
   self->table = nc_table_new(&(nc_table_config_t){.capacity = UINT32_C(1) << self->size,
                                                   .key_size = self->columns.key_size,
                                                   .value_size = VALUES + self->columns.value_size,
                                                   .evicted = entry_evicted,
                                                   .context = m});
   self->keys = calloc(NC_TABLE_BATCH, self->columns.key_size);
   self->wheel = self->global == 0 ? nc_wheel_new(WHEEL_BUCKETS, 1) : NULL;
   self->hand = 0;
   self->expired = 0;
   if (self->table == NULL || self->keys == NULL || (self->global == 0 && self->wheel == NULL)) {
      return nm_fail(m, "out of memory for %u entries (-s %u)", 1u << self->size, self->size);
   }
   return NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct biflow_aggregator *self = nm_self(m);
   (void) input;
   int rc = end_all(m);
   free_table(self);
   nm_field_find(&self->first, nm_in(m), "TIME_FIRST");
   nm_field_find(&self->last, nm_in(m), "TIME_LAST");
   nm_field_find(&self->count, nm_in(m), "COUNT");
   rc = rc == NM_OK ? columns_bind(m, &self->columns) : rc;
   rc = rc == NM_OK ? columns_set_output(m, &self->columns) : rc;
   return rc == NM_OK ? make_table(m) : rc;
}

static int init(nm_module_t *m)
{
   struct biflow_aggregator *self = nm_self(m);
   nm_counter(m, "sent early", &self->early);
   nm_counter(m, "bytes of variable length", &self->bytes);
   nm_counter(m, "values left out", &self->left_out);
   nm_counter(m, "impossible times", &self->wrong);
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct biflow_aggregator *self = nm_self(m);
   free_table(self);
   columns_free(&self->columns);
   config_free(&self->config);
}

NM_MODULE("biflow_aggregator",
          "Aggregates flow records that have the same key, in a cache of fixed size, until they time out. "
          "Keys and functions "
          "are in a section of a configuration. When addresses, ports and protocol are all keys, both "
          "directions are one flow.",
          .in = NM_INPUTS({"flows", "time TIME_FIRST,time TIME_LAST"}), .out = NM_OUTPUTS({"aggregates"}),
          .options = options, .state_size = sizeof(struct biflow_aggregator), .check = check, .init = init,
          .format = format, .records = records, .tick = tick, .tick_every = NM_SECONDS(1), .finish = end_all,
          .cleanup = cleanup)
