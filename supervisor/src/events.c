/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What happened: the last EVENTS events, numbered, in memory and in the state directory, so that the next supervisor knows them too. The
 * file is one line of JSON for each event; when it is full it becomes events.jsonl.1, and that one is lost.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVENTS      1024
#define EVENTS_FILE (1u << 20) /* bytes */

static const char *const kinds[] = {
    [EVENT_START] = "start",       [EVENT_RESTART] = "restart",   [EVENT_ADOPTED] = "adopted",
    [EVENT_READY] = "ready",       [EVENT_STOPPING] = "stopping", [EVENT_EXIT] = "exit",
    [EVENT_FAILED] = "failed",     [EVENT_REMOVED] = "removed",   [EVENT_ENABLED] = "enabled",
    [EVENT_DISABLED] = "disabled", [EVENT_ERROR] = "error",       [EVENT_RELOAD] = "reload",
    [EVENT_REFUSED] = "refused",   [EVENT_ROLLBACK] = "rollback", [EVENT_SUPERVISOR] = "supervisor"};

struct event_ring {
   json_t *ring[EVENTS]; /* of number n: ring[n % EVENTS] */
   uint64_t last;        /* number of the newest; 0: none */
   int fd;               /* -1: none */
   uint64_t size;        /* of the file */
};

const char *event_kind_name(enum event_kind kind)
{
   return kinds[kind];
}

/* Takes the reference. */
static void keep(struct event_ring *r, json_t *event, uint64_t number)
{
   json_t **slot = &r->ring[number % EVENTS];
   json_decref(*slot);
   *slot = event;
   r->last = number;
}

static void load_file(struct event_ring *r, const char *dir, const char *name)
{
   char *path = NULL, *line = NULL;
   size_t size = 0;
   if (asprintf(&path, "%s/%s", dir, name) < 0) {
      return;
   }
   FILE *f = fopen(path, "re");
   free(path);
   for (ssize_t n; f != NULL && (n = getline(&line, &size, f)) > 0;) {
      json_t *o = json_loadb(line, (size_t) n, 0, NULL);
      json_int_t number = json_integer_value(json_object_get(o, "number"));
      if (number > 0 && (uint64_t) number > r->last) { /* otherwise damaged: skipped */
         keep(r, o, (uint64_t) number);
      } else {
         json_decref(o);
      }
   }
   free(line);
   if (f != NULL) {
      (void) fclose(f);
   }
}

static void open_file(struct event_ring *r, const char *dir)
{
   struct stat st;
   char *path = NULL;
   r->size = 0;
   r->fd = -1;
   if (asprintf(&path, "%s/events.jsonl", dir) >= 0) {
      r->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
      free(path);
   }
   if (r->fd >= 0 && fstat(r->fd, &st) == 0) {
      r->size = (uint64_t) st.st_size;
   }
}

bool events_open(struct daemon *d)
{
   struct event_ring *r = d->ring = calloc(1, sizeof(*r));
   if (r == NULL) {
      return false;
   }
   load_file(r, d->state_dir, "events.jsonl.1");
   load_file(r, d->state_dir, "events.jsonl");
   open_file(r, d->state_dir);
   return true;
}

void events_close(struct daemon *d)
{
   for (size_t i = 0; d->ring != NULL && i < EVENTS; i++) {
      json_decref(d->ring->ring[i]);
   }
   if (d->ring != NULL && d->ring->fd >= 0) {
      close(d->ring->fd);
   }
   free(d->ring);
   d->ring = NULL;
}

static void rotate(struct daemon *d)
{
   char *path = NULL, *old = NULL;
   bool ok = asprintf(&path, "%s/events.jsonl", d->state_dir) >= 0;
   path = ok ? path : NULL;
   if (ok && asprintf(&old, "%s.1", path) >= 0) {
      (void) rename(path, old);
      free(old);
   }
   free(path);
   close(d->ring->fd);
   open_file(d->ring, d->state_dir);
}

static void write_event(struct daemon *d, const json_t *event)
{
   struct event_ring *r = d->ring;
   if (r->fd >= 0 && r->size >= EVENTS_FILE) {
      rotate(d);
   }
   char *line = r->fd >= 0 ? json_dumps(event, JSON_COMPACT) : NULL;
   size_t length = line != NULL ? strlen(line) : 0;
   if (line != NULL) {
      line[length] = '\n'; /* one write, so that a line is whole or not there */
      ssize_t n = write(r->fd, line, length + 1);
      r->size += n > 0 ? (uint64_t) n : 0;
   }
   free(line);
}

static void set_exit(json_t *event, int status)
{
   if (status != -1) {
      bool killed = WIFSIGNALED(status);
      json_object_set_new(event, killed ? "signal" : "status",
                          json_integer(killed ? WTERMSIG(status) : WEXITSTATUS(status)));
   }
}

/* As of RFC 3339. */
static void now_text(char to[40])
{
   struct timespec now;
   struct tm tm;
   (void) clock_gettime(CLOCK_REALTIME, &now);
   size_t n = gmtime_r(&now.tv_sec, &tm) != NULL ? strftime(to, 40, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
   (void) snprintf(to + n, 40 - n, ".%03dZ", (int) (now.tv_nsec / 1000000));
}

void events_add(struct daemon *d, enum event_kind kind, const struct module *m, const char *text)
{
   char when[40];
   if (d->ring == NULL) {
      return;
   }
   now_text(when);
   uint64_t number = d->ring->last + 1;
   json_t *event = json_pack("{s:I,s:s,s:s,s:o}", "number", (json_int_t) number, "time", when, "event",
                             kinds[kind], "text", json_text(text, strlen(text)));
   if (event == NULL) {
      return;
   }
   if (m != NULL) {
      json_object_set_new(event, "module", json_text(m->name, strlen(m->name)));
      if (m->pid > 0) {
         json_object_set_new(event, "pid", json_integer(m->pid));
      }
      if (kind == EVENT_EXIT) {
         set_exit(event, m->last_status);
      }
   }
   write_event(d, event);
   keep(d->ring, event, number);
}

json_t *events_list(const struct daemon *d, uint64_t after, uint64_t limit,
                    bool (*wanted)(const void *context, const json_t *event), const void *context)
{
   json_t *list = json_array();
   const struct event_ring *r = d->ring;
   uint64_t last = r != NULL ? r->last : 0, first = last;
   /* From the newest back, until there are enough; then in their order. */
   uint64_t oldest = last > EVENTS ? last - EVENTS : 0, n = 0;
   oldest = after > oldest ? after : oldest;
   for (; first > oldest && n < limit; first--) {
      const json_t *event = r->ring[first % EVENTS];
      n += event != NULL && wanted(context, event);
   }
   for (uint64_t i = first + 1; i <= last; i++) {
      json_t *event = r->ring[i % EVENTS];
      if (event != NULL && wanted(context, event)) {
         json_array_append(list, event);
      }
   }
   return json_pack("{s:I,s:o}", "last", (json_int_t) last, "events", list);
}
