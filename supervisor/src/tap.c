/* SPDX-License-Identifier: BSD-3-Clause */
/** The next records of an output, for a client. nemea_tap reads them, in a process of its own that is killed when it takes too long. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT  (4u << 20) /* bytes of its output */
#define GRACE 2000       /* ms after the time that the client gave */

struct tap {
   struct source source; /* its standard output */
   pid_t pid;            /* 0: has ended */
   struct client *client;
   json_t *id;
   uint64_t deadline;
   char *text;
   size_t n;
};

static void free_tap(struct daemon *d, struct tap *t)
{
   for (size_t i = 0; i < TAPS; i++) {
      d->taps[i] = d->taps[i] == t ? NULL : d->taps[i];
   }
   if (t->pid > 0) {
      (void) kill(t->pid, SIGKILL); /* modules_reap() takes its end */
   }
   loop_close(d, &t->source);
   json_decref(t->id);
   free(t->text);
   free(t);
}

void tap_cancel(struct daemon *d, struct tap *t)
{
   free_tap(d, t);
}

bool tap_ended(struct daemon *d, pid_t pid, int status)
{
   for (size_t i = 0; i < TAPS; i++) {
      if (d->taps[i] != NULL && d->taps[i]->pid == pid) {
         d->taps[i]->pid = 0; /* the answer is sent at the end of the pipe */
         return true;
      }
   }
   return false;
}

/* Numbers beyond the range of JSON libraries become floating-point numbers, what is no JSON (NaN) text. */
static json_t *record_of(const char *line, size_t length)
{
   json_t *o = json_loadb(line, length, JSON_DECODE_ANY, NULL);
   o = o != NULL ? o : json_loadb(line, length, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
   return o != NULL ? o : json_pack("{s:o}", "text", json_text(line, length));
}

static void answer(struct daemon *d, struct tap *t)
{
   json_t *records = json_array(), *error = NULL;
   for (size_t at = 0; at < t->n;) {
      const char *newline = memchr(t->text + at, '\n', t->n - at);
      if (newline == NULL) {
         break; /* it was killed within a line */
      }
      size_t length = (size_t) (newline - (t->text + at));
      json_t *o = record_of(t->text + at, length);
      if (json_object_size(o) == 1 && json_is_string(json_object_get(o, "error"))) {
         json_decref(error);
         error = json_incref(json_object_get(o, "error"));
         json_decref(o);
      } else {
         json_array_append_new(records, o);
      }
      at += length + 1;
   }
   struct client *c = t->client;
   bool ok = json_array_size(records) > 0 || error == NULL;
   json_t *all =
       command_answer(t->id, ok, ok ? records : NULL, error != NULL ? json_string_value(error) : "");
   if (!ok) {
      json_decref(records);
   }
   json_decref(error);
   c->tap = NULL;
   free_tap(d, t);
   control_answer(d, c, all);
}

static void tap_ready(struct daemon *d, struct source *source, uint32_t events)
{
   struct tap *t = (struct tap *) source;
   ssize_t n = t->n < TEXT ? read(source->fd, t->text + t->n, TEXT - t->n) : 0;
   if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
   }
   if (n <= 0) {
      answer(d, t);
   } else {
      t->n += (size_t) n;
   }
}

void tap_tick(struct daemon *d)
{
   for (size_t i = 0; i < TAPS; i++) {
      if (d->taps[i] != NULL && d->now >= d->taps[i]->deadline) {
         answer(d, d->taps[i]);
      }
   }
}

/* Beside this program, as in the build tree and where it is installed. */
static bool program_path(char path[PATH_MAX])
{
   static const char name[] = "nemea_tap";
   ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof(name) - 1);
   if (n <= 0) {
      return false;
   }
   path[n] = 0;
   char *slash = strrchr(path, '/');
   memcpy(slash + 1, name, sizeof(name));
   return true;
}

static bool start_program(const struct daemon *d, struct tap *t, char *const argv[], char *why, size_t size)
{
   char path[PATH_MAX];
   int out[2], null;
   if (!program_path(path) || pipe2(out, O_CLOEXEC) != 0) {
      (void) snprintf(why, size, "cannot start nemea_tap: %s", strerror(errno));
      return false;
   }
   null = open("/dev/null", O_RDWR | O_CLOEXEC);
   const struct launch l = {.path = path,
                            .argv = argv,
                            .sandbox = launch_sandbox(d->sandbox == SANDBOX_OFF, path, argv, NULL),
                            .dirs = &d->dirs,
                            .in = null,
                            .out = out[1],
                            .err = null,
                            .gate = -1};
   t->pid = null >= 0 ? fork() : -1;
   if (t->pid == 0) {
      launch_become(&l);
   }
   close(out[1]);
   if (null >= 0) {
      close(null);
   }
   if (t->pid < 0) {
      (void) snprintf(why, size, "cannot start nemea_tap: %s", strerror(errno));
      t->pid = 0;
      close(out[0]);
      return false;
   }
   (void) fcntl(out[0], F_SETFL, O_NONBLOCK);
   t->source.fd = out[0];
   return true;
}

/* Its IFC_SPEC. \return false: why */
static bool spec_of(const struct module *m, uint32_t output, char *spec, size_t room, char *why, size_t size)
{
   uint32_t k = 0;
   for (uint32_t i = 0; m->config != NULL && i < m->config->n_interfaces; i++) {
      const struct config_interface *ifc = &m->config->interfaces[i];
      const char *end;
      if (ifc->direction != DIRECTION_OUT || k++ != output) {
         continue;
      }
      int length = (int) config_end(ifc, &end);
      if (ifc->type == TYPE_UNIX) {
         (void) snprintf(spec, room, "u:%.*s", length, end);
      } else if (ifc->type == TYPE_TCP) {
         (void) snprintf(spec, room, "t:localhost:%.*s", length, end);
      } else {
         (void) snprintf(why, size, "output %u of \"%.100s\" is a %s, expected a UNIXSOCKET or TCP", output,
                         m->name, config_type_name(ifc->type) != NULL ? config_type_name(ifc->type) : "-");
         return false;
      }
      return true;
   }
   (void) snprintf(why, size, "\"%.100s\" has %u outputs, expected a number below that instead of %u",
                   m->name, k, output);
   return false;
}

bool tap_start(struct daemon *d, struct client *c, const struct module *m, uint32_t output, uint32_t records,
               uint32_t seconds, const json_t *id, char *why, size_t size)
{
   char spec[512], count[16], time[16], name[] = "nemea_tap";
   char *argv[] = {name, spec, count, time, NULL};
   size_t slot = 0;
   while (slot < TAPS && d->taps[slot] != NULL) {
      slot++;
   }
   if (slot == TAPS) {
      (void) snprintf(why, size, "%d others read records already, try again later", TAPS);
      return false;
   }
   if (!m->plan.alive) {
      (void) snprintf(why, size, "\"%.100s\" does not run", m->name);
      return false;
   }
   if (!spec_of(m, output, spec, sizeof(spec), why, size)) {
      return false;
   }
   (void) snprintf(count, sizeof(count), "%u", records);
   (void) snprintf(time, sizeof(time), "%u", seconds);
   struct tap *t = calloc(1, sizeof(*t));
   if (t == NULL || (t->text = malloc(TEXT)) == NULL) {
      (void) snprintf(why, size, "no memory");
      free(t);
      return false;
   }
   t->source = (struct source){.fd = -1, .ready = tap_ready};
   if (!start_program(d, t, argv, why, size) || !loop_add(d, &t->source, EPOLLIN)) {
      free_tap(d, t);
      return false;
   }
   t->client = c;
   t->id = json_incref((json_t *) id);
   t->deadline = d->now + (uint64_t) seconds * 1000 + GRACE;
   d->taps[slot] = c->tap = t;
   return true;
}
