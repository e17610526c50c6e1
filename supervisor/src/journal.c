/* SPDX-License-Identifier: BSD-3-Clause */
/** The log files: events, the supervisor's own log, statistics of interfaces. Names and lines are those of NEMEA 2. */
#include "daemon.h"

#include <nemea-common/nc_text.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char *now_text(char text[32])
{
   struct tm tm;
   time_t now = time(NULL);
   if (localtime_r(&now, &tm) == NULL || strftime(text, 32, "%a %b %e %H:%M:%S %Y", &tm) == 0) {
      strcpy(text, "?");
   }
   return text;
}

static FILE *open_log(const struct daemon *d, const char *name)
{
   char *path = NULL, text[32];
   if (asprintf(&path, "%s/%s", d->logs, name) < 0) {
      return NULL;
   }
   FILE *f = fopen(path, "ae");
   free(path);
   if (f != NULL) {
      (void) setvbuf(f, NULL, _IOLBF, 0);
      (void) fprintf(f, "-------------------- %s --------------------\n", now_text(text));
   }
   return f;
}

bool journal_open(struct daemon *d)
{
   char *path = NULL;
   journal_close(d);
   if (asprintf(&path, "%s/modules_logs", d->logs) < 0) {
      return false;
   }
   (void) mkdir(path, 0770);
   free(path);
   d->events = open_log(d, "modules_events");
   d->log = open_log(d, "supervisor_log");
   d->statistics = open_log(d, "modules_statistics");
   return d->events != NULL && d->log != NULL && d->statistics != NULL;
}

void journal_close(struct daemon *d)
{
   FILE **files[] = {&d->events, &d->log, &d->statistics};
   for (size_t i = 0; i < 3; i++) {
      if (*files[i] != NULL) {
         (void) fclose(*files[i]);
         *files[i] = NULL;
      }
   }
}

static void write_line(FILE *to, const char *tag, const char *text)
{
   char line[4096], when[32];
   if (to != NULL) {
      nc_text_terminal(line, sizeof(line), text, strlen(text));
      (void) fprintf(to, "%s [%s] %s\n", now_text(when), tag, line);
   }
}

/* The tags of NEMEA 2; NULL: not in modules_events. */
static const char *const tags[] = {
    [EVENT_START] = "START",      [EVENT_RESTART] = "RESTART", [EVENT_ADOPTED] = "START",
    [EVENT_READY] = "SERVICE",    [EVENT_STOPPING] = "STOP",   [EVENT_EXIT] = "STOP",
    [EVENT_FAILED] = "RESTART",   [EVENT_REMOVED] = "STOP",    [EVENT_ENABLED] = "ENABLED",
    [EVENT_DISABLED] = "ENABLED", [EVENT_ERROR] = "ERROR",     [EVENT_ROLLBACK] = "ERROR",
    [EVENT_SUPERVISOR] = NULL};

void journal_event(struct daemon *d, enum event_kind kind, const struct module *m, const char *format, ...)
{
   char text[2048];
   va_list ap;
   va_start(ap, format);
   (void) vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   if (tags[kind] != NULL) {
      write_line(d->events, tags[kind], text);
   }
   events_add(d, kind, m, text);
}

void journal_log(struct daemon *d, const char *level, const char *format, ...)
{
   char text[2048];
   va_list ap;
   va_start(ap, format);
   (void) vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   write_line(d->log, level, text);
}

void journal_statistics(struct daemon *d)
{
   char text[32];
   if (modules_alive(d) == 0) {
      return;
   }
   (void) fprintf(d->statistics, "------> %s\n", now_text(text));
   for (uint32_t k = 0; k < d->n_modules; k++) {
      const struct module *m = d->modules[k];
      for (uint32_t i = 0; m->plan.alive && i < m->n_ifcs; i++) {
         const struct ifc_stats *s = &m->ifcs[i];
         (void) fprintf(d->statistics, "%s,%s,%c,%s,%llu", m->name, s->out ? "out" : "in", s->type, s->id,
                        (unsigned long long) s->messages);
         if (s->out) {
            (void) fprintf(d->statistics, ",%llu", (unsigned long long) s->dropped);
         }
         (void) fprintf(d->statistics, ",%llu", (unsigned long long) s->buffers);
         if (s->out) {
            (void) fprintf(d->statistics, ",%llu", (unsigned long long) s->autoflushes);
         }
         (void) fputc('\n', d->statistics);
      }
   }
}

char *journal_module_path(const struct daemon *d, const char *name, const char *stream)
{
   char *path = NULL;
   if (asprintf(&path, "%s/modules_logs/%s_%s", d->logs, name, stream) < 0) {
      return NULL;
   }
   for (char *p = path + strlen(d->logs) + strlen("/modules_logs/"); *p != 0; p++) {
      if (*p == '/') {
         *p = '_';
      }
   }
   return path;
}
