/* SPDX-License-Identifier: BSD-3-Clause */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC   "NEMEASPL"
#define VERSION 1
#define PAGE    4096

struct spool_header {
   char magic[8];
   uint32_t version, contents;
   uint64_t size;
   _Atomic uint64_t head, tail; /* positions that only grow: of the first message, and behind the last one */
   struct {
      _Atomic uint64_t tail; /* the put that moves the tail to here takes what follows; 0: not complete */
      _Atomic uint64_t input, instance, number;
   } put;
   struct {
      _Atomic uint64_t name; /* hash; 0: free */
      _Atomic uint64_t instance, number;
   } inputs[SPOOL_INPUTS];
};

/* Before each message. The position says that these bytes are not of an earlier turn of the ring. */
struct record {
   uint64_t position;
   uint32_t length, sum;
};

_Static_assert(sizeof(struct record) == 16 && sizeof(struct spool_header) <= PAGE, "the form of the file");

static uint32_t sum_of(const struct record *r, uint32_t sum, const char *data, size_t n)
{
   sum = sum != 0 ? sum : 2166136261u ^ (uint32_t) r->position ^ r->length; /* FNV-1a */
   for (size_t i = 0; i < n; i++) {
      sum = (sum ^ (uint8_t) data[i]) * 16777619u;
   }
   return sum;
}

static uint64_t padded(uint64_t n)
{
   return (n + 7) & ~(uint64_t) 7;
}

static void ring_write(struct spool *s, uint64_t position, const void *data, size_t n)
{
   uint64_t at = position % s->size, first = s->size - at < n ? s->size - at : n;
   memcpy(s->ring + at, data, first);
   memcpy(s->ring, (const char *) data + first, n - first);
}

static void ring_read(const struct spool *s, uint64_t position, void *data, size_t n)
{
   uint64_t at = position % s->size, first = s->size - at < n ? s->size - at : n;
   memcpy(data, s->ring + at, first);
   memcpy((char *) data + first, s->ring, n - first);
}

/* The record at a position. \return false: there is none, or it is not whole */
static bool valid(const struct spool *s, uint64_t position, uint64_t tail, struct record *r)
{
   if (tail - position < sizeof(*r)) {
      return false;
   }
   ring_read(s, position, r, sizeof(*r));
   if (r->position != position || r->length == 0 || padded(r->length) > tail - position - sizeof(*r)) {
      return false;
   }
   uint32_t sum = 0;
   for (uint64_t done = 0; done < r->length;) {
      char part[512];
      size_t n = r->length - done < sizeof(part) ? r->length - done : sizeof(part);
      ring_read(s, position + sizeof(*r) + done, part, n);
      sum = sum_of(r, sum, part, n);
      done += n;
   }
   return sum == r->sum;
}

/* --------------------------------------------------------------------- positions */

/* Safe against a kill between any two stores: a position is never ahead of what was taken. */
static void set_position(struct spool_header *h, uint64_t input, uint64_t instance, uint64_t number)
{
   if (input >= SPOOL_INPUTS) {
      return;
   }
   if (h->inputs[input].instance != instance) {
      h->inputs[input].number = 0;
      h->inputs[input].instance = instance;
   }
   h->inputs[input].number = number;
}

uint32_t spool_input(struct spool *s, const char *name)
{
   uint64_t hash = 14695981039346656037u; /* FNV-1a */
   uint32_t slot = SPOOL_INPUTS;
   for (const char *c = name; *c != 0; c++) {
      hash = (hash ^ (uint8_t) *c) * 1099511628211u;
   }
   hash += hash == 0;
   for (uint32_t i = 0; i < SPOOL_INPUTS; i++) {
      if (s->header->inputs[i].name == hash) {
         s->used[i] = true;
         return i;
      }
      if (slot == SPOOL_INPUTS && !s->used[i] && s->header->inputs[i].name == 0) {
         slot = i;
      }
   }
   for (uint32_t i = 0; slot == SPOOL_INPUTS && i < SPOOL_INPUTS; i++) {
      slot = s->used[i] ? slot : i;
   }
   if (slot < SPOOL_INPUTS) {
      s->header->inputs[slot].number = 0;
      s->header->inputs[slot].instance = 0;
      s->header->inputs[slot].name = hash;
      s->used[slot] = true;
   }
   return slot;
}

bool spool_has(const struct spool *s, const struct spool_position *p)
{
   return p->input < SPOOL_INPUTS && p->instance != 0 &&
          s->header->inputs[p->input].instance == p->instance &&
          p->number <= s->header->inputs[p->input].number;
}

void spool_pass(struct spool *s, const struct spool_position *p)
{
   set_position(s->header, p->input, p->instance, p->number);
}

/* ----------------------------------------------------------------------- opening */

/* Counts what is there, and drops what is not whole: after a power failure. */
static void recover(struct spool *s)
{
   struct record r;
   uint64_t tail = s->header->tail, at = s->header->head;
   if (tail < at || tail - at > s->size) {
      tail = at;
   }
   while (valid(s, at, tail, &r)) {
      at += sizeof(r) + padded(r.length);
      s->waiting++;
   }
   s->damaged = tail - at;
   if (s->damaged > 0) { /* what is lost may come again */
      memset(s->header->inputs, 0, sizeof(s->header->inputs));
   } else if (s->header->put.tail == tail &&
              tail != 0) { /* killed before it was written to the input's place */
      set_position(s->header, s->header->put.input, s->header->put.instance, s->header->put.number);
   }
   s->header->put.tail = 0;
   s->header->tail = at;
   s->next = s->header->head;
}

static bool failed(struct spool *s, char *why, size_t size, const char *what)
{
   snprintf(why, size, "%s: %s", what, strerror(errno));
   spool_close(s);
   return false;
}

static bool check_header(struct spool *s, uint32_t contents, char *why, size_t size)
{
   const struct spool_header *h = s->header;
   const char *what = memcmp(h->magic, MAGIC, sizeof(h->magic)) != 0 || h->version != VERSION
                          ? "it is no spool of alert_output"
                      : h->size != s->size ? "it has another size"
                      : h->contents != contents && h->head != h->tail
                          ? "it has messages of another format or destination"
                          : NULL;
   if (what != NULL) {
      snprintf(why, size, "%s", what);
      spool_close(s);
   }
   return what == NULL;
}

/* Makes the file, or checks the one that is there. */
static bool prepare(struct spool *s, const char *path, char *why, size_t size)
{
   struct stat st;
   s->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
   if (s->fd < 0) {
      return failed(s, why, size, "open");
   }
   if (flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
      return failed(s, why, size, "another process has it");
   }
   if (fstat(s->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
      errno = EINVAL;
      return failed(s, why, size, "expected a regular file");
   }
   if (st.st_size != 0 && (uint64_t) st.st_size != s->size + PAGE) {
      snprintf(why, size, "it has another size, or is no spool of alert_output");
      spool_close(s);
      return false;
   }
   int rc = posix_fallocate(
       s->fd, 0, (off_t) (s->size + PAGE)); /* a page that has no room on the disk would kill the process */
   if (rc != 0) {
      errno = rc;
      if (st.st_size == 0) {
         (void) !ftruncate(s->fd, 0);
      }
      return failed(s, why, size, "reserving its room");
   }
   return true;
}

bool spool_open(struct spool *s, const char *path, uint64_t size, uint32_t contents, char *why,
                size_t why_size)
{
   memset(s, 0, sizeof(*s));
   s->fd = -1;
   s->size = padded(size);
   if (path != NULL && !prepare(s, path, why, why_size)) {
      return false;
   }
   void *map = mmap(NULL, s->size + PAGE, PROT_READ | PROT_WRITE,
                    path != NULL ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, s->fd, 0);
   if (map == MAP_FAILED) {
      return failed(s, why, why_size, "mapping it");
   }
   s->header = map;
   s->ring = (char *) map + PAGE;
   if (s->header->size == 0) { /* new */
      memcpy(s->header->magic, MAGIC, sizeof(s->header->magic));
      s->header->version = VERSION;
      s->header->size = s->size;
      s->header->contents = contents;
   }
   if (!check_header(s, contents, why, why_size)) {
      return false;
   }
   s->header->contents = contents;
   recover(s);
   return true;
}

void spool_close(struct spool *s)
{
   if (s->header != NULL) {
      munmap(s->header, s->size + PAGE);
      s->header = NULL;
   }
   if (s->fd >= 0) {
      close(s->fd);
      s->fd = -1;
   }
}

bool spool_sync(const struct spool *s)
{
   return s->fd < 0 || msync(s->header, s->size + PAGE, MS_SYNC) == 0;
}

bool spool_put(struct spool *s, const char *message, uint32_t length, const struct spool_position *p)
{
   struct spool_header *h = s->header;
   uint64_t tail = h->tail, end = tail + sizeof(struct record) + padded(length);
   struct record r = {.position = tail, .length = length};
   if (length == 0 || end - tail > s->size - (tail - h->head)) {
      return false;
   }
   r.sum = sum_of(&r, 0, message, length);
   ring_write(s, tail, &r, sizeof(r));
   ring_write(s, tail + sizeof(r), message, length);
   h->put.tail = 0;
   h->put.input = p->input;
   h->put.instance = p->instance;
   h->put.number = p->number;
   h->put.tail = end;
   h->tail = end;
   set_position(h, p->input, p->instance, p->number);
   s->waiting++;
   return true;
}

uint32_t spool_peek(const struct spool *s)
{
   struct record r;
   if (s->next == s->header->tail) {
      return 0;
   }
   ring_read(s, s->next, &r, sizeof(r));
   return r.length;
}

void spool_take(struct spool *s, char *to)
{
   uint32_t length = spool_peek(s);
   ring_read(s, s->next + sizeof(struct record), to, length);
   s->next += sizeof(struct record) + padded(length);
   s->sent++;
}

void spool_confirm(struct spool *s, uint64_t position)
{
   struct record r;
   for (uint64_t at = s->header->head; at < position; at += sizeof(r) + padded(r.length)) {
      ring_read(s, at, &r, sizeof(r));
      s->waiting--;
      s->sent--;
   }
   if (position > s->header->head) {
      s->header->head = position;
   }
}

void spool_rewind(struct spool *s)
{
   s->next = s->header->head;
   s->sent = 0;
}
