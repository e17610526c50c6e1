/* SPDX-License-Identifier: BSD-3-Clause */
/** flow_archive: writes flow records to files that are searched by time and address. */
#include "retention.h"
#include "writer.h"

#include <errno.h>
#include <inttypes.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

NM_FIELDS()

#define MAX_FORMATS \
   16 /* files that are open at a time; beyond that the one used least recently is completed */
#define FLUSH_US 1000000 /* a kill loses at most the records of so long */
#define SILENCE  30      /* seconds after its interval until a file is completed without a newer record */
#define LIVE     600     /* records are of the present when they are at most so many seconds old */

struct input {
   struct writer *writer; /* one of the archive's */
   nm_field_t first, last, ips[WRITER_IPS];
   unsigned n_ips;
   bool timed;
   uint64_t seq; /* of the last record, 0: none since the last acknowledgement */
   bool any;
};

struct archive {
   const char *retention;
   uint32_t interval;
   uint8_t min_free;
   struct store store;
   struct writer *writers[MAX_FORMATS];
   uint64_t used[MAX_FORMATS], uses; /* when each was used last */
   struct input *inputs;
   uint32_t n_inputs;
   uint32_t window;        /* begin of the interval, seconds since 1970 */
   ur_time_t newest, far;  /* stream time */
   ur_time_t timer_newest; /* what it was in timer() */
   uint64_t wall;          /* when it became so, seconds */
   uint64_t archived, no_room, failed, closed_early;
};

static const nm_option_t options[] = {
    NM_STRING('d', "directory", struct archive, store.path, ARCHIVE_DEFAULT_DIR,
              "Write the files to this directory, which is made (mode 0700) if it is not there."),
    NM_U32('t', "interval", struct archive, interval, 300, 1, 86400,
           "Begin a new file after so many seconds of stream time."),
    NM_STRING('r', "retention", struct archive, retention, "24h/10GB",
              "Age and size of what is kept, as 24h/10GB (h or d; MB, GB or TB). The first limit that is "
              "reached deletes the "
              "oldest files."),
    NM_U8('f', "min-free", struct archive, min_free, 5, 0, 100,
          "Write nothing while less than this percentage of the file system is free; what is not written is "
          "counted."),
    NM_END,
};

static void warn(void *m, const char *text)
{
   nm_warn(m, "%s", text);
}

static int check(nm_module_t *m)
{
   struct archive *self = nm_self(m);
   char why[RETENTION_ERROR];
   if (self->store.path[0] == 0) {
      return nm_fail(m, "--directory: expected the name of a directory");
   }
   if (!retention_parse(self->retention, &self->store.max_age, &self->store.max_bytes, why)) {
      return nm_fail(m, "--retention \"%.100s\": %s", self->retention, why);
   }
   self->store.min_free = self->min_free;
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct archive *self = nm_self(m);
   char error[STORE_ERROR];
   self->n_inputs = nm_inputs(m);
   self->inputs = calloc(self->n_inputs, sizeof(*self->inputs));
   if (self->inputs == NULL) {
      return nm_fail(m, "out of memory for %" PRIu32 " inputs", self->n_inputs);
   }
   nm_counter(m, "archived", &self->archived);
   nm_counter(m, "lost without room", &self->no_room);
   nm_counter(m, "lost in errors", &self->failed);
   nm_counter(m, "files", &self->store.files);
   nm_counter(m, "bytes", &self->store.bytes);
   nm_counter(m, "files deleted", &self->store.deleted);
   nm_counter(m, "files recovered", &self->store.recovered);
   nm_counter(m, "records recovered", &self->store.recovered_records);
   nm_counter(m, "files set aside", &self->store.set_aside);
   nm_counter(m, "files completed early", &self->closed_early);
   if (!store_open(&self->store, warn, m, error)) {
      return nm_fail(m, "%s", error);
   }
   nm_set_timer(m, FLUSH_US);
   return NM_OK;
}

/* --------------------------------------------------------------------- formats */

static void tell(nm_module_t *m, const struct writer *w, enum writer_result rc, uint64_t lost)
{
   struct archive *self = nm_self(m);
   char path[ARCHIVE_NAME];
   self->archived -= lost;
   *(rc == WRITER_NO_ROOM ? &self->no_room : &self->failed) += lost;
   archive_name_write(&w->name, path);
   if (rc == WRITER_NO_ROOM) {
      nm_warn(
          m,
          "less than %u %% of the file system of %s is free: flows are not archived until there is more room",
          self->store.min_free, self->store.path);
   } else if (rc == WRITER_FAILED) {
      nm_warn(m, "%s/%s: %s; %" PRIu64 " records were lost", self->store.path, path, strerror(errno), lost);
   }
}

static void complete(nm_module_t *m, struct writer *w)
{
   uint64_t lost = 0;
   enum writer_result rc = writer_complete(w, &lost);
   tell(m, w, rc, lost);
}

static void flush(nm_module_t *m, struct writer *w)
{
   uint64_t lost = 0;
   enum writer_result rc = writer_flush(w, &lost);
   tell(m, w, rc, lost);
}

/* The place of a new format: a free one, or that of the format used least recently. */
static unsigned make_place(nm_module_t *m)
{
   struct archive *self = nm_self(m);
   unsigned place = 0;
   for (unsigned i = 0; i < MAX_FORMATS; i++) {
      if (self->writers[i] == NULL) {
         return i;
      }
      place = self->used[i] < self->used[place] ? i : place;
   }
   complete(m, self->writers[place]);
   for (uint32_t i = 0; i < self->n_inputs; i++) {
      if (self->inputs[i].writer == self->writers[place]) {
         self->inputs[i].writer = NULL; /* made again with its next record */
      }
   }
   writer_free(self->writers[place]);
   self->writers[place] = NULL;
   self->closed_early++;
   return place;
}

static int find_writer(nm_module_t *m, uint32_t input)
{
   struct archive *self = nm_self(m);
   struct input *in = &self->inputs[input];
   char *format = ur_template_string(nm_in_n(m, input));
   unsigned i = 0;
   while (format != NULL && i < MAX_FORMATS &&
          (self->writers[i] == NULL || strcmp(self->writers[i]->format, format) != 0)) {
      i++;
   }
   if (format != NULL && i == MAX_FORMATS) {
      i = make_place(m);
      self->writers[i] = writer_new(&self->store, format, in->timed, in->n_ips <= WRITER_IPS);
   }
   free(format);
   in->writer = format != NULL ? self->writers[i] : NULL;
   if (in->writer == NULL) {
      return nm_fail(m, "out of memory for a file");
   }
   self->used[i] = ++self->uses;
   return NM_OK;
}

static void find_time(nm_field_t *field, const ur_template_t *tmplt, const char *name)
{
   if (!nm_field_find(field, tmplt, name) || field->type != UR_TYPE_TIME) {
      (void) nm_field_find(field, tmplt, "TIME");
   }
}

static int format(nm_module_t *m, uint32_t input)
{
   struct archive *self = nm_self(m);
   struct input *in = &self->inputs[input];
   const ur_template_t *tmplt = nm_in_n(m, input);
   find_time(&in->first, tmplt, "TIME_FIRST");
   find_time(&in->last, tmplt, "TIME_LAST");
   in->timed = nm_field_present(&in->first) && in->first.type == UR_TYPE_TIME &&
               nm_field_present(&in->last) && in->last.type == UR_TYPE_TIME;
   in->n_ips = 0;
   for (int id = ur_iter_fields(tmplt, UR_ITER_BEGIN); id != UR_ITER_END;
        id = ur_iter_fields(tmplt, (ur_iter_t) id)) {
      int type = ur_get_type(id);
      if (type == UR_TYPE_A_IP || (type == UR_TYPE_IP && in->n_ips >= WRITER_IPS)) {
         in->n_ips = WRITER_IPS + 1; /* without a filter */
         break;
      }
      if (type == UR_TYPE_IP && nm_field_find(&in->ips[in->n_ips], tmplt, ur_get_name(id))) {
         in->n_ips++;
      }
   }
   return find_writer(m, input);
}

/* --------------------------------------------------------------------- records */

static uint64_t wall_clock(void)
{
   return (uint64_t) time(NULL);
}

static uint64_t open_bytes(const struct archive *self)
{
   uint64_t n = 0;
   for (unsigned i = 0; i < MAX_FORMATS; i++) {
      n += self->writers[i] != NULL && self->writers[i]->fd >= 0 ? self->writers[i]->size : 0;
   }
   return n;
}

/* The present of the stream, by which files are too old: it goes on with the wall clock while a live stream is silent. */
static uint64_t present(const struct archive *self)
{
   uint64_t newest = ur_time_get_sec(self->newest), wall = wall_clock();
   bool live =
       self->wall != 0 && newest + LIVE > self->wall && newest < self->wall + LIVE && wall >= self->wall;
   return live ? newest + (wall - self->wall) : newest;
}

static void complete_all(nm_module_t *m)
{
   struct archive *self = nm_self(m);
   for (unsigned i = 0; i < MAX_FORMATS; i++) {
      if (self->writers[i] != NULL) {
         complete(m, self->writers[i]);
      }
   }
   store_limit(&self->store, 0, present(self), warn, m);
}

/* \return whether a file is open; if not, the record was counted */
static bool open_file(nm_module_t *m, struct writer *w)
{
   struct archive *self = nm_self(m);
   enum writer_result rc = writer_open(w, self->window, self->interval);
   if (rc != WRITER_OK) {
      self->archived++; /* tell() takes it back */
      tell(m, w, rc, 1);
   }
   return rc == WRITER_OK;
}

static void make_room(nm_module_t *m, struct writer *w)
{
   struct archive *self = nm_self(m);
   flush(m, w);
   if (w->size > self->store.max_bytes / 8) {
      complete(m, w); /* what is being written cannot be deleted: it must stay a small part of the whole */
   }
   if (self->store.bytes + open_bytes(self) > self->store.max_bytes) {
      store_limit(&self->store, open_bytes(self), present(self), warn, m);
   }
}

static void advance(nm_module_t *m, ur_time_t t)
{
   struct archive *self = nm_self(m);
   self->newest = t;
   uint32_t seconds = ur_time_get_sec(t), window = seconds - seconds % self->interval;
   if (window > self->window) {
      complete_all(m);
      self->window = window;
   }
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct archive *self = nm_self(m);
   struct input *in = &self->inputs[nm_input(m)];
   unsigned n_ips = in->n_ips <= WRITER_IPS ? in->n_ips : 0;
   if (in->writer == NULL && find_writer(m, nm_input(m)) != NM_OK) {
      return NM_ERROR;
   }
   struct writer *w = in->writer;
   ur_time_t received = in->timed ? 0 : ur_time_from_sec_msec(wall_clock(), 0);
   for (uint32_t i = 0; i < n; i++) {
      const void *rec = recs[i].data, *ips[WRITER_IPS];
      ur_time_t first = in->timed ? nm_field_u64(&in->first, rec) : received;
      ur_time_t last = in->timed ? nm_field_u64(&in->last, rec) : received;
      if (last > self->newest && nm_time_is_confirmed(self->newest, &self->far, last)) {
         advance(m, last);
      }
      if (w->fd >= 0 && !writer_fits(w, recs[i].size)) {
         make_room(m, w);
      }
      if (w->fd < 0 && !open_file(m, w)) {
         continue;
      }
      for (unsigned k = 0; k < n_ips; k++) {
         ips[k] = nm_field_data(&in->ips[k], rec, NULL);
      }
      writer_add(w, rec, recs[i].size, first, last, ips, n_ips);
      self->archived++;
   }
   in->seq = n > 0 ? recs[n - 1].seq : in->seq;
   in->any |= n > 0;
   return NM_OK;
}

/* ------------------------------------------------------------------------ time */

static void acknowledge(nm_module_t *m)
{
   struct archive *self = nm_self(m);
   for (uint32_t i = 0; i < self->n_inputs; i++) {
      if (self->inputs[i].any) {
         nm_ack(m, i, self->inputs[i].seq);
         self->inputs[i].any = false;
      }
   }
}

static int timer(nm_module_t *m)
{
   struct archive *self = nm_self(m);
   if (self->newest != self->timer_newest) {
      self->timer_newest = self->newest;
      self->wall = wall_clock();
   }
   for (unsigned i = 0; i < MAX_FORMATS; i++) {
      if (self->writers[i] != NULL && self->writers[i]->fd >= 0) {
         flush(m, self->writers[i]);
      }
   }
   acknowledge(m);
   if (present(self) >= (uint64_t) self->window + self->interval + SILENCE && open_bytes(self) > 0) {
      complete_all(m);
   } else {
      store_limit(&self->store, open_bytes(self), present(self), warn, m);
   }
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   complete_all(m);
   acknowledge(m);
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct archive *self = nm_self(m);
   for (unsigned i = 0; i < MAX_FORMATS; i++) {
      writer_free(self->writers[i]);
   }
   free(self->inputs);
   store_close(&self->store);
}

NM_MODULE("flow_archive",
          "Writes flow records, or records of any other format, to files by time: compressed .trapcap files "
          "of five minutes "
          "in a directory for each day, each with a filter of its addresses, so that `nemea flows --archive` "
          "opens few of "
          "them. The oldest are deleted by age and size.",
          .input = NM_ANY_FORMAT, .inputs = NM_VARIABLE, .options = options,
          .state_size = sizeof(struct archive), .check = check, .init = init, .format = format,
          .records = records, .timer = timer, .finish = finish, .cleanup = cleanup)
