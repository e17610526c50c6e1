/* SPDX-License-Identifier: BSD-3-Clause */
/** agg: aggregates records that have the same key and fall into the same time window. */
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_table.h>
#include <nemea-common/nc_wheel.h>
#include <stdlib.h>

#include "fields.h"
#include "types.h"
#include "window.h"

NM_FIELDS(time TIME_FIRST, time TIME_LAST, uint32 COUNT)

#define MAX_COLUMNS   64
#define LONGEST_FLOW  300 /* seconds; exporters send a flow at most this long after it began */
#define WHEEL_BUCKETS 4096
#define FINGERPRINT   16 /* bytes that stand for a key of variable length */
#define CONFIRMING    8  /* records after the end of a global window that end it */

/* All that is known of one key. The values of the columns follow. */
struct entry {
   nc_timer_t timer;
   struct entry *newer, *older; /* list in the order of the first records */
   ur_time_t first, last;
   uint32_t count;
};
#define VALUES ((uint32_t) ((sizeof(struct entry) + 15) & ~15u))

/* Copy of a record that begins after the end of the global window. */
struct held {
   uint8_t *data;
   uint32_t second; /* of TIME_FIRST */
};

struct agg {
   struct window window;
   uint32_t capacity, memory;
   bool wall_clock, expire;

   nm_column_t columns[MAX_COLUMNS];
   uint32_t n_columns;
   /* Of the format at hand. */
   nm_field_t first, last;
   nc_table_t *table; /* key -> struct entry */
   nc_wheel_t *wheel; /* seconds of the clock; NULL: entries are not expired by it */
   uint32_t key_size;
   const nm_field_t *only_key; /* the one key, of fixed length; NULL: the key must be put together */
   bool variable;              /* a column has values of variable length */
   uint8_t *keys;              /* of a batch */
   struct entry *oldest, *newest;

   uint32_t now;        /* second of the stream */
   uint64_t global_end; /* second at which the global window ends; 0: none has begun */
   ur_time_t reference; /* of passive windows by the wall clock */
   struct held held[CONFIRMING];
   uint32_t n_held;
   int failed; /* result of what was sent from within a callback */
   uint64_t early, bytes, left_out;
};

/* ----------------------------------------------------------------- options */

static bool is_used(const struct agg *self, const char *name)
{
   for (uint32_t i = 0; i < self->n_columns; i++) {
      if (strcmp(self->columns[i].name, name) == 0) {
         return true;
      }
   }
   return strcmp(name, "TIME_FIRST") == 0 || strcmp(name, "TIME_LAST") == 0 || strcmp(name, "COUNT") == 0;
}

static int add_column(nm_module_t *m, const char *name, enum nm_aggregate function)
{
   struct agg *self = nm_self(m);
   if (is_used(self, name)) {
      nm_warn(m, "Field \"%s\" already used or cannot be assigned.", name);
      return NM_OK;
   }
   if (self->n_columns == MAX_COLUMNS) {
      return nm_fail(m, "field \"%s\": there can be at most %d fields", name, MAX_COLUMNS);
   }
   self->columns[self->n_columns++] = (nm_column_t){.name = name, .function = function};
   return NM_OK;
}

#define ADD(word, function)                                 \
   static int add_##word(nm_module_t *m, const char *value) \
   {                                                        \
      return add_column(m, value, function);                \
   }
ADD(key, NM_AGG_KEY)
ADD(sum, NM_AGG_SUM)
ADD(avg, NM_AGG_AVG)
ADD(min, NM_AGG_MIN)
ADD(max, NM_AGG_MAX)
ADD(first, NM_AGG_FIRST)
ADD(last, NM_AGG_LAST)
ADD(first_set, NM_AGG_FIRST_SET)
ADD(or, NM_AGG_OR)
ADD(and, NM_AGG_AND)

static int set_window(nm_module_t *m, const char *value)
{
   ((struct agg *) nm_self(m))->window = window_parse(value);
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_CALL('k', "key", "field", add_key,
            "Field of the key; may be given again. Without keys all records are one."),
    NM_CALL('t', "time_window", "window", set_window,
            "A:SECONDS (or just SECONDS): active window, a record that begins later than this after the "
            "first one of its key "
            "begins a new entry. P:SECONDS: passive, an entry ends this long after its last record. "
            "G:SECONDS: global, all entries end together at multiples of SECONDS, when 8 records that begin "
            "later have come; those count for the next window. M:ACTIVE,PASSIVE: both. Default: A:10."),
    NM_CALL('s', "sum", "field", add_sum, "Sum, in the field's own type, where it wraps."),
    NM_CALL('a', "avg", "field", add_avg, "Average."),
    NM_CALL('m', "min", "field", add_min, "Least value."),
    NM_CALL('M', "max", "field", add_max, "Greatest value."),
    NM_CALL('f', "first", "field", add_first, "Value of the first record."),
    NM_CALL('l', "last", "field", add_last, "Value of the last record."),
    NM_CALL('F', "firstne", "field", add_first_set, "First value that is not zero or empty."),
    NM_CALL('o', "or", "field", add_or, "All bits that are set in any record."),
    NM_CALL('n', "and", "field", add_and, "All bits that are set in every record."),
    NM_U32(0, "capacity", struct agg, capacity, 1u << 21, 1, NC_TABLE_MAX_CAPACITY,
           "Maximum number of entries; at the limit the oldest one is sent early (counter \"sent early\")."),
    NM_U32(0, "memory", struct agg, memory, 256, 1, 1u << 20,
           "Memory limit in MiB for strings and other values of variable length; at the limit the oldest "
           "entries "
           "are sent early."),
    NM_FLAG(0, "wall-clock", struct agg, wall_clock,
            "End passive and global windows by the time of day, as NEMEA 2 does, not by the times of the "
            "records."),
    NM_FLAG(0, "expire", struct agg, expire,
            "Send entries of active windows as soon as they end, not with the next record of their key."),
    NM_END,
};

/* ----------------------------------------------------------------- entries */

static void *value_of(struct entry *e, const nm_column_t *c)
{
   return (char *) e + VALUES + c->offset;
}

static bool in_key(const nm_column_t *c)
{
   return c->function == NM_AGG_KEY && c->store == NM_STORE_BYTES;
}

static void unlink_entry(struct agg *self, struct entry *e)
{
   *(e->older != NULL ? &e->older->newer : &self->oldest) = e->newer;
   *(e->newer != NULL ? &e->newer->older : &self->newest) = e->older;
}

static void link_entry(struct agg *self, struct entry *e)
{
   e->newer = NULL;
   e->older = self->newest;
   *(self->newest != NULL ? &self->newest->newer : &self->oldest) = e;
   self->newest = e;
}

static void free_values(struct agg *self, struct entry *e)
{
   for (uint32_t i = 0; self->variable && i < self->n_columns; i++) {
      if (self->columns[i].store == NM_STORE_VARIABLE) {
         nm_variable_free(value_of(e, &self->columns[i]), &self->bytes);
      }
   }
}

/* Sends what is known of a key. */
static int send_entry(nm_module_t *m, const void *key, struct entry *e)
{
   struct agg *self = nm_self(m);
   const ur_template_t *out = nm_out(m);
   void *record = nm_record(m, 0);
   for (uint32_t i = 0; i < self->n_columns; i++) {
      const nm_column_t *c = &self->columns[i];
      if (in_key(c)) {
         nm_field_set(&c->out, out, record, (const char *) key + c->offset, c->in.size);
      } else if (!nm_column_result(c, value_of(e, c), e->count, out, record)) {
         self->left_out++;
      }
   }
   nm_set(m, record, F_TIME_FIRST, e->first);
   nm_set(m, record, F_TIME_LAST, e->last);
   nm_set(m, record, F_COUNT, e->count);
   return nm_send(m, record);
}

/* Sends an entry and forgets it. */
static int end_entry(nm_module_t *m, struct entry *e)
{
   struct agg *self = nm_self(m);
   int rc = send_entry(m, nc_table_key(self->table, e), e);
   nc_wheel_cancel(&e->timer);
   unlink_entry(self, e);
   free_values(self, e);
   nc_table_remove_value(self->table, e);
   return rc;
}

/* The table takes a place by itself where a search found none within its bound. */
static void entry_evicted(void *context, const void *key, void *value)
{
   struct agg *self = nm_self(context);
   struct entry *e = value;
   int rc = send_entry(context, key, e);
   self->failed = self->failed != NM_OK ? self->failed : rc;
   self->early++;
   nc_wheel_cancel(&e->timer);
   unlink_entry(self, e);
   free_values(self, e);
}

/* Sends all entries, the oldest first. */
static int end_all(nm_module_t *m)
{
   struct agg *self = nm_self(m);
   int rc = NM_OK;
   while (rc == NM_OK && self->oldest != NULL) {
      rc = end_entry(m, self->oldest);
   }
   return rc;
}

/* ----------------------------------------------------------------- windows */

static uint32_t sec(ur_time_t t)
{
   return ur_time_get_sec(t);
}

static bool active_over(const struct agg *self, const struct entry *e, uint32_t now)
{
   return self->window.active > 0 && now > (uint64_t) sec(e->first) + self->window.active;
}

static bool passive_over(const struct agg *self, const struct entry *e, ur_time_t now)
{
   return self->window.passive > 0 && now > e->last && now - e->last > (ur_time_t) self->window.passive << 32;
}

/* The second at which the wheel shall look at an entry. */
static uint64_t deadline(const struct agg *self, const struct entry *e)
{
   uint64_t passive = self->window.passive > 0 ? (uint64_t) sec(e->last) + self->window.passive : UINT64_MAX;
   uint64_t active =
       self->expire && self->window.active > 0 ? (uint64_t) sec(e->first) + self->window.active : UINT64_MAX;
   return 1 + (active < passive ? active : passive);
}

static void entry_expired(void *context, nc_timer_t *timer)
{
   struct agg *self = nm_self(context);
   struct entry *e = (struct entry *) (void *) ((char *) timer - offsetof(struct entry, timer));
   if (passive_over(self, e, (ur_time_t) self->now << 32) ||
       (self->expire && active_over(self, e, self->now))) {
      int rc = end_entry(context, e);
      self->failed = self->failed != NM_OK ? self->failed : rc;
   } else {
      nc_wheel_set(self->wheel, timer, deadline(self, e)); /* more records have arrived */
   }
}

/* The stream got to this second. */
static int advance(nm_module_t *m, uint32_t now)
{
   struct agg *self = nm_self(m);
   self->now = now;
   if (self->wheel != NULL) {
      nc_wheel_advance(self->wheel, now, entry_expired, m);
   }
   return self->failed;
}

/* Time of windows is the newest TIME_FIRST, as flows that began at the same time come at different ones, but never beyond the
 * clock of the stream, which one broken exporter cannot push. */
static int follow(nm_module_t *m, ur_time_t first)
{
   const struct agg *self = nm_self(m);
   uint32_t now = sec(first);
   if (__builtin_expect(now <= self->now, 1)) {
      return NM_OK;
   }
   uint32_t limit = sec(nm_now(m));
   return (now < limit ? now : limit) > self->now ? advance(m, now < limit ? now : limit) : NM_OK;
}

static int aggregate(nm_module_t *m, const nm_record_t *recs, uint32_t n);

/* The global window ends. The next one is that of the first held record, or of this second. */
static int next_global_window(nm_module_t *m, uint32_t second)
{
   struct agg *self = nm_self(m);
   for (uint32_t i = 0; i < self->n_held; i++) {
      second = self->held[i].second < second ? self->held[i].second : second;
   }
   int rc = end_all(m);
   self->global_end = (uint64_t) second - second % self->window.global + self->window.global;
   uint32_t n = self->n_held;
   self->n_held = 0;
   for (uint32_t i = 0; i < n; i++) {
      struct held h = self->held[i];
      if (rc == NM_OK && h.second < self->global_end) {
         rc = aggregate(m, &(nm_record_t){.data = h.data}, 1);
      } else {
         self->held[i] = self->held[self->n_held];
         self->held[self->n_held++] = h;
      }
   }
   return rc;
}

/* Keeps a record that begins after the end of the global window. A few of them may have wrong clocks; CONFIRMING of them
 * end the window. */
static int hold(nm_module_t *m, const nm_record_t *rec, uint32_t second)
{
   struct agg *self = nm_self(m);
   struct held *h = &self->held[self->n_held];
   uint8_t *fitting = realloc(h->data, rec->size);
   if (fitting == NULL) {
      return nm_fail(m, "out of memory for a record of %u bytes", rec->size);
   }
   h->data = fitting;
   h->second = second;
   memcpy(h->data, rec->data, rec->size);
   return ++self->n_held < CONFIRMING ? NM_OK : next_global_window(m, second);
}

/* The end of the data: what nobody confirmed belongs to the last window. */
static int take_held(nm_module_t *m)
{
   struct agg *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < self->n_held; i++) {
      rc = aggregate(m, &(nm_record_t){.data = self->held[i].data}, 1);
   }
   self->n_held = 0;
   return rc;
}

/* A stream without new records goes on with its clock. */
static int tick(nm_module_t *m, ur_time_t stream_time)
{
   const struct agg *self = nm_self(m);
   uint32_t now = sec(stream_time);
   if (!nm_silent(m) || now <= LONGEST_FLOW) {
      return NM_OK;
   }
   now -= LONGEST_FLOW;
   if (self->global_end != 0 && now >= self->global_end) {
      return next_global_window(m, now);
   }
   return self->now != 0 && now > self->now ? advance(m, now) : NM_OK;
}

/* Windows by the time of day. */
static int timer(nm_module_t *m)
{
   struct agg *self = nm_self(m);
   if (self->window.global > 0) {
      return end_all(m);
   }
   self->reference += (ur_time_t) self->window.passive << 32;
   int rc = NM_OK;
   for (struct entry *e = self->oldest, *next; rc == NM_OK && e != NULL; e = next) {
      next = e->newer;
      if (passive_over(self, e, self->reference)) {
         rc = end_entry(m, e);
      }
   }
   return rc;
}

/* ----------------------------------------------------------------- records */

/* Two keyed hashes, with 128 bits of secret each, stand for a value of variable length: nobody can find two values that share them. */
static void fingerprint(const void *data, uint32_t length, uint8_t *to)
{
   uint64_t h[2] = {nc_hash_long(data, length, nc_hash_key_.sip),
                    nc_hash_long(data, length, nc_hash_key_.mix)};
   memcpy(to, h, FINGERPRINT);
}

/* \param room for a key that must be put together */
static const void *make_key(const struct agg *self, const void *rec, uint8_t *room)
{
   if (self->only_key != NULL) {
      return nm_field_data(self->only_key, rec, NULL);
   }
   uint8_t *to = room;
   for (uint32_t i = 0; i < self->n_columns; i++) {
      const nm_column_t *c = &self->columns[i];
      uint32_t length;
      if (c->function != NM_AGG_KEY) {
         continue;
      }
      const void *data = nm_field_data(&c->in, rec, &length);
      if (in_key(c)) {
         memcpy(to, data, length);
         to += length;
      } else {
         fingerprint(data, length, to);
         to += FINGERPRINT;
      }
   }
   return room;
}

static bool start_entry(struct agg *self, struct entry *e, const void *rec, ur_time_t first, ur_time_t last)
{
   bool good = true;
   e->first = first;
   e->last = last;
   e->count = 1;
   link_entry(self, e);
   for (uint32_t i = 0; i < self->n_columns; i++) {
      const nm_column_t *c = &self->columns[i];
      if (!in_key(c)) {
         good &= nm_column_start(c, value_of(e, c), rec, &self->bytes);
      }
   }
   if (self->wheel != NULL && !nc_timer_is_set(&e->timer)) {
      nc_wheel_set(self->wheel, &e->timer, deadline(self, e));
   }
   return good;
}

static bool add_record(struct agg *self, struct entry *e, const void *rec, ur_time_t first, ur_time_t last)
{
   bool good = true;
   e->first = first < e->first ? first : e->first;
   e->last = last > e->last ? last : e->last;
   e->count++;
   for (uint32_t i = 0; i < self->n_columns; i++) {
      const nm_column_t *c = &self->columns[i];
      if (c->action != 0) {
         good &= nm_column_add(c, value_of(e, c), rec, &self->bytes);
      }
   }
   return good;
}

static int out_of_memory(nm_module_t *m)
{
   return nm_fail(m, "out of memory for values of variable length");
}

/* The first record of a key. At the capacity the oldest entry goes. */
static int new_entry(nm_module_t *m, const void *key, uint64_t hash, const void *rec, ur_time_t first,
                     ur_time_t last)
{
   struct agg *self = nm_self(m);
   if (nc_table_count(self->table) >= self->capacity) {
      self->early++;
      int rc = end_entry(m, self->oldest);
      if (rc != NM_OK) {
         return rc;
      }
   }
   struct entry *e = nc_table_upsert_hashed(self->table, key, hash, NULL);
   return !start_entry(self, e, rec, first, last) ? out_of_memory(m) : self->failed;
}

static int add(nm_module_t *m, const void *rec, const void *key, uint64_t hash)
{
   struct agg *self = nm_self(m);
   ur_time_t first = nm_field_u64(&self->first, rec), last = nm_field_u64(&self->last, rec);
   int rc = follow(m, first);
   if (rc != NM_OK) {
      return rc;
   }
   if (__builtin_expect(self->reference == 0, 0)) {
      self->reference = last;
   }
   struct entry *e = nc_table_find_hashed(self->table, key, hash);
   if (e == NULL) {
      rc = new_entry(m, key, hash, rec, first, last);
   } else if (active_over(self, e, sec(first)) || (!self->wall_clock && passive_over(self, e, first))) {
      rc = send_entry(m, key, e);
      unlink_entry(self, e);
      if (rc == NM_OK && !start_entry(self, e, rec, first, last)) {
         return out_of_memory(m);
      }
   } else if (!add_record(self, e, rec, first, last)) {
      return out_of_memory(m);
   }
   while (rc == NM_OK && self->variable && self->bytes > (uint64_t) self->memory << 20 &&
          self->oldest != NULL) {
      self->early++;
      rc = end_entry(m, self->oldest);
   }
   return rc;
}

/* Of the entries that new ones will push out, the places in the table are fetched ahead, too. */
static void prefetch_oldest(const struct agg *self, uint32_t n)
{
   const void *keys[NC_TABLE_BATCH];
   uint64_t hashes[NC_TABLE_BATCH];
   uint32_t count = 0;
   for (const struct entry *e = self->oldest; e != NULL && count < n; e = e->newer) {
      keys[count++] = nc_table_key(self->table, e);
   }
   nc_table_prefetch(self->table, keys, count, hashes);
}

static int aggregate(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct agg *self = nm_self(m);
   const void *keys[NC_TABLE_BATCH];
   uint64_t hashes[NC_TABLE_BATCH];
   int rc = NM_OK;
   for (uint32_t done = 0, count; rc == NM_OK && done < n; done += count) {
      count = n - done < NC_TABLE_BATCH ? n - done : NC_TABLE_BATCH;
      for (uint32_t i = 0; i < count; i++) {
         keys[i] = make_key(self, recs[done + i].data, self->keys + (size_t) i * self->key_size);
      }
      nc_table_prefetch(self->table, keys, count, hashes);
      if (nc_table_count(self->table) + count > self->capacity) {
         prefetch_oldest(self, count);
      }
      for (uint32_t i = 0; rc == NM_OK && i < count; i++) {
         rc = add(m, recs[done + i].data, keys[i], hashes[i]);
      }
   }
   return rc;
}

/* Records that begin after the end of the window are held back, those before it are processed in batches. */
static int global_records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct agg *self = nm_self(m);
   uint32_t begin = 0;
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      uint32_t second = sec(nm_field_u64(&self->first, recs[i].data));
      if (self->global_end == 0) {
         self->global_end = (uint64_t) second - second % self->window.global + self->window.global;
      }
      if (second >= self->global_end) {
         rc = aggregate(m, recs + begin, i - begin);
         rc = rc == NM_OK ? hold(m, &recs[i], second) : rc;
         begin = i + 1;
      }
   }
   return rc == NM_OK ? aggregate(m, recs + begin, n - begin) : rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   const struct agg *self = nm_self(m);
   return self->window.global > 0 && !self->wall_clock ? global_records(m, recs, n) : aggregate(m, recs, n);
}

static int finish(nm_module_t *m)
{
   int rc = take_held(m);
   return rc == NM_OK ? end_all(m) : rc;
}

/* ------------------------------------------------------------------ format */

static void free_table(struct agg *self)
{
   for (struct entry *e = self->oldest; e != NULL; e = e->newer) {
      free_values(self, e);
   }
   self->oldest = self->newest = NULL;
   nc_table_free(self->table);
   nc_wheel_free(self->wheel);
   free(self->keys);
   self->table = NULL;
   self->wheel = NULL;
   self->keys = NULL;
}

/* Finds the fields in the input, decides where the values of an entry stand, and writes the template of the output. */
static int place_columns(nm_module_t *m, char *format, size_t size, uint32_t *value_size)
{
   struct agg *self = nm_self(m);
   size_t used = 0;
   uint32_t keys = 0;
   self->key_size = 0;
   self->only_key = NULL;
   self->variable = false;
   *value_size = VALUES;
   for (uint32_t i = 0; i < self->n_columns; i++) {
      nm_column_t *c = &self->columns[i];
      if (!nm_field_find(&c->in, nm_in(m), c->name)) {
         return nm_fail(m, "Requested field %s not in input records, cannot continue.", c->name);
      }
      set_type(c);
      self->variable |= c->store == NM_STORE_VARIABLE;
      if (c->function == NM_AGG_KEY) {
         keys++;
         self->only_key = in_key(c) ? &c->in : NULL;
      }
      if (in_key(c)) {
         c->offset = self->key_size;
         self->key_size += c->in.size;
      } else {
         self->key_size += c->function == NM_AGG_KEY ? FINGERPRINT : 0;
         c->offset = *value_size - VALUES;
         *value_size += (nm_column_size(c) + 7) & ~7u;
      }
      used += (size_t) snprintf(format + used, size - used, "%s %s,", ur_field_type_str[c->in.type], c->name);
   }
   snprintf(format + used, size - used, "time TIME_FIRST,time TIME_LAST,uint32 COUNT");
   self->only_key = keys == 1 ? self->only_key : NULL;
   return NM_OK;
}

static int make_table(nm_module_t *m, uint32_t value_size)
{
   struct agg *self = nm_self(m);
   bool expires =
       (self->window.passive > 0 && !self->wall_clock) || (self->window.active > 0 && self->expire);
   uint32_t key_size = self->key_size > 0 ? self->key_size : 1; /* no key: all records have the same */
   self->table = nc_table_new(&(nc_table_config_t){.capacity = self->capacity,
                                                   .key_size = key_size,
                                                   .value_size = value_size,
                                                   .evicted = entry_evicted,
                                                   .context = m});
   self->key_size = key_size;
   self->keys = calloc(NC_TABLE_BATCH, key_size);
   self->wheel = expires ? nc_wheel_new(WHEEL_BUCKETS, 1) : NULL;
   if (self->table == NULL || self->keys == NULL || (expires && self->wheel == NULL)) {
      return nm_fail(m, "out of memory for %u entries (--capacity)", self->capacity);
   }
   return NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct agg *self = nm_self(m);
   (void) input;
   int rc = self->table != NULL ? finish(m) : NM_OK;
   free_table(self);
   size_t size = 64;
   for (uint32_t i = 0; i < self->n_columns; i++) {
      size += strlen(self->columns[i].name) + 16;
   }
   char *typed = malloc(size);
   uint32_t value_size = 0;
   if (typed == NULL) {
      return nm_fail(m, "out of memory");
   }
   rc = rc == NM_OK ? place_columns(m, typed, size, &value_size) : rc;
   rc = rc == NM_OK ? nm_set_output(m, 0, typed) : rc;
   free(typed);
   for (uint32_t i = 0; rc == NM_OK && i < self->n_columns; i++) {
      nm_field_find(&self->columns[i].out, nm_out(m), self->columns[i].name);
   }
   nm_field_find(&self->first, nm_in(m), "TIME_FIRST");
   nm_field_find(&self->last, nm_in(m), "TIME_LAST");
   return rc == NM_OK ? make_table(m, value_size) : rc;
}

/* -------------------------------------------------------------------- life */

static int init(nm_module_t *m)
{
   struct agg *self = nm_self(m);
   if (self->window.active + self->window.passive + self->window.global == 0) {
      self->window = WINDOW_DEFAULT;
   }
   if (self->wall_clock && self->window.global + self->window.passive > 0) {
      nm_set_timer(m, NM_SECONDS(self->window.global > 0 ? self->window.global : self->window.passive));
   }
   nm_counter(m, "sent early", &self->early);
   nm_counter(m, "bytes of variable length", &self->bytes);
   nm_counter(m, "values left out", &self->left_out);
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct agg *self = nm_self(m);
   free_table(self);
   for (uint32_t i = 0; i < CONFIRMING; i++) {
      free(self->held[i].data);
   }
}

NM_MODULE("agg",
          "Aggregates the records of each key within time windows. A record of the output has the keys, the "
          "results of the "
          "functions, the time of the first and the last record, and their number (COUNT).",
          .in = NM_INPUTS({"records", "time TIME_FIRST,time TIME_LAST"}), .out = NM_OUTPUTS({"aggregates"}),
          .options = options, .state_size = sizeof(struct agg), .init = init, .format = format,
          .records = records, .tick = tick, .tick_every = NM_SECONDS(1), .flags = NM_IGNORE_UNKNOWN,
          .timer = timer, .finish = finish, .cleanup = cleanup)
