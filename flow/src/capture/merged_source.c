/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Several capture files as one: their packets in the order of time, whatever the order of the files and however much
 * they overlap. A file is looked into when the source is opened and kept open only while its packets are due, so that
 * the pieces of a ring of captures need one descriptor and one buffer between them.
 */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AHEAD 64 /* packets read at a time from each file */

struct input {
   const char *path;
   struct source *source;    /* NULL: closed, before or after its packets are due */
   struct raw_packet *ahead; /* packets [next, count) are not yet taken; allocated while the source is open */
   unsigned next, count;
   uint64_t first; /* time of the first packet; 0: not known, due at once */
};

struct merged_source {
   struct source source;
   struct input *inputs;  /* sorted by first */
   struct input **active; /* those whose packets are due: open */
   unsigned n, n_active;
   unsigned begun;  /* inputs [begun, n) are still to come */
   char **failures; /* why other files cannot be read: each is reported by one read */
   unsigned n_failures, told;
   uint64_t done, clamped; /* of the files that ended */
};

static void input_close(struct input *in)
{
   if (in->source != NULL) {
      in->source->close(in->source);
   }
   free(in->ahead);
   in->source = NULL;
   in->ahead = NULL;
}

static bool input_open(struct input *in, char error[SOURCE_ERROR_SIZE])
{
   in->source = source_open_file(in->path, error);
   if (in->source == NULL) {
      return false;
   }
   in->ahead = calloc(AHEAD, sizeof(in->ahead[0]));
   in->next = in->count = 0;
   if (in->ahead == NULL) {
      snprintf(error, SOURCE_ERROR_SIZE, "%s: out of memory", in->path);
      input_close(in);
      return false;
   }
   return true;
}

/* Time of the first packet, if it is known without waiting for long. What cannot be read a second time stays open, with the packets read so far. */
static bool input_peek(struct input *in, char error[SOURCE_ERROR_SIZE])
{
   struct stat st;
   if (!input_open(in, error)) {
      return false;
   }
   enum source_state state = in->source->read(in->source, in->ahead, AHEAD, &in->count);
   if (state == SOURCE_FAILED) {
      memcpy(error, in->source->error, SOURCE_ERROR_SIZE);
      input_close(in);
      return false;
   }
   in->first = in->count > 0 ? in->ahead[0].time : 0;
   if (stat(in->path, &st) == 0 && S_ISREG(st.st_mode)) {
      input_close(in);
   }
   return true;
}

/* The next file by time becomes active. DAMAGED: it cannot be read, and is passed over. */
static enum source_state begin_next(struct merged_source *m)
{
   struct input *in = &m->inputs[m->begun++];
   if (in->source == NULL && !input_open(in, m->source.error)) {
      return SOURCE_DAMAGED;
   }
   m->active[m->n_active++] = in;
   return SOURCE_PACKETS;
}

static void end_active(struct merged_source *m, unsigned i)
{
   m->done += m->active[i]->source->bytes_done;
   m->clamped += m->active[i]->source->clamped;
   input_close(m->active[i]);
   m->n_active--;
   memmove(&m->active[i], &m->active[i + 1], (m->n_active - i) * sizeof(m->active[0]));
}

/* Reads on in the files whose packets were all taken. PACKETS: every active file, at least one, has packets. */
static enum source_state refill(struct merged_source *m)
{
   unsigned i = 0;
   while (i < m->n_active) {
      struct input *in = m->active[i];
      if (in->next < in->count) {
         i++;
         continue;
      }
      in->next = 0;
      enum source_state state = in->source->read(in->source, in->ahead, AHEAD, &in->count);
      if (state == SOURCE_PACKETS) {
         i++;
         continue;
      }
      if (state != SOURCE_END) {
         memcpy(m->source.error, in->source->error, SOURCE_ERROR_SIZE);
      }
      if (state != SOURCE_INTERRUPTED) {
         end_active(m, i);
      }
      if (state != SOURCE_END) {
         return state == SOURCE_FAILED ? SOURCE_DAMAGED : state; /* of one file */
      }
   }
   if (m->n_active > 0) {
      return SOURCE_PACKETS;
   }
   if (m->begun == m->n) {
      return SOURCE_END;
   }
   enum source_state state = begin_next(m);
   return state == SOURCE_PACKETS ? refill(m) : state;
}

/* The file with the earliest packet. NULL: one of them must be read on first. */
static struct input *earliest(const struct merged_source *m)
{
   struct input *best = NULL;
   for (unsigned i = 0; i < m->n_active; i++) {
      struct input *in = m->active[i];
      if (in->next == in->count) {
         return NULL;
      }
      if (best == NULL || in->ahead[in->next].time < best->ahead[best->next].time) {
         best = in;
      }
   }
   return best;
}

/* Packets handed out stay where they are until the next call: files are read on only at its beginning. */
static enum source_state merged_read(struct source *s, struct raw_packet *packets, unsigned max,
                                     unsigned *count)
{
   struct merged_source *m = (struct merged_source *) s;
   *count = 0;
   if (m->told < m->n_failures) {
      snprintf(s->error, SOURCE_ERROR_SIZE, "%s", m->failures[m->told++]);
      return SOURCE_DAMAGED;
   }
   enum source_state state = refill(m);
   while (state == SOURCE_PACKETS && *count < max) {
      struct input *in = earliest(m);
      if (in == NULL && *count > 0) {
         break;
      }
      if (in == NULL) {
         state = refill(m);
      } else if (m->begun < m->n && in->ahead[in->next].time >= m->inputs[m->begun].first) {
         state = begin_next(m);
      } else {
         packets[(*count)++] = in->ahead[in->next++];
      }
   }
   s->bytes_done = m->done;
   s->clamped = m->clamped;
   for (unsigned i = 0; i < m->n_active; i++) {
      s->bytes_done += m->active[i]->source->bytes_done;
      s->clamped += m->active[i]->source->clamped;
   }
   return state;
}

static void merged_close(struct source *s)
{
   struct merged_source *m = (struct merged_source *) s;
   for (unsigned i = 0; i < m->n; i++) {
      input_close(&m->inputs[i]);
   }
   for (unsigned i = 0; i < m->n_failures; i++) {
      free(m->failures[i]);
   }
   free(m->failures);
   free(m->inputs);
   free(m->active);
   free(m);
}

static int by_first(const void *a, const void *b)
{
   const struct input *x = a, *y = b;
   if (x->first != y->first) {
      return x->first < y->first ? -1 : 1;
   }
   return strcmp(x->path, y->path); /* so that the order of the arguments never matters */
}

/* Looks into a file, which becomes one of the inputs or of the failures. */
static bool add(struct merged_source *m, const char *path, char error[SOURCE_ERROR_SIZE])
{
   struct stat st;
   struct input in = {.path = path};
   if (input_peek(&in, error)) {
      m->source.bytes_total += stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t) st.st_size : 0;
      m->inputs[m->n++] = in;
      return true;
   }
   char *failure = strdup(error);
   if (failure != NULL) {
      m->failures[m->n_failures++] = failure;
   }
   return failure != NULL;
}

struct source *source_open_files(const char *const *paths, unsigned n, char error[SOURCE_ERROR_SIZE])
{
   if (n == 1) {
      return source_open_file(paths[0], error);
   }
   struct merged_source *m = calloc(1, sizeof(*m));
   if (m == NULL) {
      snprintf(error, SOURCE_ERROR_SIZE, "%s: out of memory", paths[0]);
      return NULL;
   }
   m->source = (struct source){.read = merged_read, .close = merged_close};
   m->inputs = calloc(n, sizeof(*m->inputs));
   m->active = calloc(n, sizeof(*m->active));
   m->failures = calloc(n, sizeof(*m->failures));
   bool good = m->inputs != NULL && m->active != NULL && m->failures != NULL;
   if (!good) {
      snprintf(error, SOURCE_ERROR_SIZE, "%s: out of memory", paths[0]);
   }
   for (unsigned i = 0; i < n && good; i++) {
      good = add(m, paths[i], error);
   }
   if (!good || m->n == 0) { /* none can be read: error is about the last */
      merged_close(&m->source);
      return NULL;
   }
   qsort(m->inputs, m->n, sizeof(m->inputs[0]), by_first);
   return &m->source;
}
