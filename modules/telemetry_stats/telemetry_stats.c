/* SPDX-License-Identifier: BSD-3-Clause */
/** telemetry_stats: sends records on and shows how many there are. */
#include <errno.h>
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../appfs/statistics.h"

NM_FIELDS()

#define MAX_INTERVAL 86400

struct counts {
   uint64_t records, bytes, missed;
};

struct telemetry {
   bool screen, given;
   uint64_t interval; /* seconds */
   char *directory;   /* of appfs; NULL: none */
   struct statistics files;
   struct counts now, shown;
   struct timespec shown_at;
};

/* ----------------------------------------------------------------- options */

/* "name=value". \return the value; NULL: it is another parameter */
static const char *value_of(const char *parameter, const char *name)
{
   size_t n = strlen(name);
   return strncmp(parameter, name, n) == 0 && parameter[n] == '=' ? parameter + n + 1 : NULL;
}

static int set_parameter(nm_module_t *m, const char *text, const char *parameter)
{
   struct telemetry *self = nm_self(m);
   const char *value = value_of(parameter, self->screen ? "interval" : "mountPoint");
   if (value == NULL) {
      return nm_fail(m, "option -o, --output: \"%s\": parameter \"%s\" is not %s", text, parameter,
                     self->screen ? "interval=SECONDS" : "mountPoint=DIRECTORY");
   }
   if (self->screen) {
      return nm_number(value, 1, MAX_INTERVAL, &self->interval)
                 ? NM_OK
                 : nm_fail(
                       m,
                       "option -o, --output: \"%s\": interval \"%s\" is not a number of seconds from 1 to %d",
                       text, value, MAX_INTERVAL);
   }
   free(self->directory);
   self->directory = strdup(value);
   return self->directory != NULL ? NM_OK : nm_fail(m, "out of memory");
}

/* PLUGIN[:name=value,...] */
static int set_output(nm_module_t *m, const char *text)
{
   struct telemetry *self = nm_self(m);
   char *copy = strdup(text), *save = NULL;
   if (copy == NULL) {
      return nm_fail(m, "out of memory");
   }
   char *parameters = strchr(copy, ':');
   if (parameters != NULL) {
      *parameters++ = 0;
   }
   int rc = NM_OK;
   bool known = strcmp(copy, "stdout") == 0 || strcmp(copy, "appfs") == 0;
   if (self->given) {
      rc = nm_fail(m, "option -o, --output is given twice");
   } else if (!known) {
      rc = nm_fail(m, "option -o, --output: \"%s\": \"%s\" is not one of stdout, appfs", text, copy);
   }
   self->given = true;
   self->screen = strcmp(copy, "stdout") == 0;
   for (char *p = parameters != NULL ? strtok_r(parameters, ",", &save) : NULL; rc == NM_OK && p != NULL;
        p = strtok_r(NULL, ",", &save)) {
      rc = set_parameter(m, text, p);
   }
   free(copy);
   return rc;
}

static const nm_option_t options[] = {
    NM_CALL(
        'o', "output", "string", set_output,
        "Where the statistics go. stdout[:interval=SECONDS]: a screen of text, updated every second or as "
        "said; "
        "appfs:mountPoint=DIRECTORY: a file input/stats in a file system that is mounted there (FUSE). "
        "Required."),
    NM_END,
};

static int check(nm_module_t *m)
{
   struct telemetry *self = nm_self(m);
   if (!self->given) {
      return nm_fail(m, "option -o, --output is needed");
   }
   if (!self->screen && (self->directory == NULL || *self->directory == 0)) {
      return nm_fail(m, "option -o, --output: appfs needs a directory: appfs:mountPoint=DIRECTORY");
   }
   self->interval = self->interval != 0 ? self->interval : 1;
   return NM_OK;
}

/* -------------------------------------------------------------- statistics */

static double missed_percent(const struct counts *c)
{
   uint64_t all = c->records + c->missed;
   return all > 0 ? 100.0 * (double) c->missed / (double) all : 0;
}

static double since(const struct timespec *before)
{
   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);
   return (double) (now.tv_sec - before->tv_sec) + (double) (now.tv_nsec - before->tv_nsec) / 1e9;
}

static void put_row(const char *name, uint64_t now, uint64_t before, double seconds)
{
   printf("%-10s %20" PRIu64 " %16.0f\n", name, now, seconds > 0 ? (double) (now - before) / seconds : 0);
}

/* A terminal is cleared first; elsewhere the screens follow each other. */
static int show(nm_module_t *m)
{
   struct telemetry *self = nm_self(m);
   double seconds = since(&self->shown_at);
   fputs(isatty(STDOUT_FILENO) ? "\033[H\033[2J" : "", stdout);
   printf("%-10s %20s %16s\n", "", "total", "each second");
   put_row("records", self->now.records, self->shown.records, seconds);
   put_row("bytes", self->now.bytes, self->shown.bytes, seconds);
   put_row("missed", self->now.missed, self->shown.missed, seconds);
   printf("%-10s %19.2f%%\n\n", "", missed_percent(&self->now));
   self->shown = self->now;
   clock_gettime(CLOCK_MONOTONIC, &self->shown_at);
   errno = 0;
   if (fflush(stdout) != 0 || ferror(stdout)) {
      return nm_fail(m, "cannot write to standard output: %s",
                     errno != 0 ? strerror(errno) : "a write failed");
   }
   return NM_OK;
}

static int update(nm_module_t *m)
{
   struct telemetry *self = nm_self(m);
   self->now.missed = nm_counter_value(m, "missed");
   if (self->screen) {
      return show(m);
   }
   self->files.bytes = self->now.bytes;
   statistics_input(m, &self->files);
   return NM_OK;
}

/* -------------------------------------------------------------------- life */

static int init(nm_module_t *m)
{
   struct telemetry *self = nm_self(m);
   clock_gettime(CLOCK_MONOTONIC, &self->shown_at);
   nm_counter(m, "receivedBytes", &self->now.bytes);
   nm_counter(m, "receivedRecords", &self->now.records);
   nm_counter(m, "missedRecords", &self->now.missed);
   nm_set_timer(m, NM_SECONDS(self->interval));
   self->files.directory = self->directory;
   int rc = statistics_open(m, &self->files);
   return rc == NM_OK && !self->screen ? update(m) : rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct telemetry *self = nm_self(m);
   for (uint32_t i = 0; i < n; i++) {
      self->now.bytes += recs[i].size;
   }
   self->now.records += n;
   return nm_forward_batch(m, 0, recs, n);
}

/* Readers of files need not wait for the timer when nothing else is to do; a screen would only flicker. */
static int idle(nm_module_t *m)
{
   const struct telemetry *self = nm_self(m);
   return self->screen ? NM_OK : update(m);
}

static void cleanup(nm_module_t *m)
{
   struct telemetry *self = nm_self(m);
   statistics_close(&self->files);
   free(self->directory);
}

NM_MODULE("telemetry_stats",
          "Sends every record on, unchanged, and counts records, bytes, and records that were missed. The "
          "counters are shown on a screen "
          "of text or in a file.",
          .in = NM_INPUTS({"records"}), .out = NM_OUTPUTS({"records", .format = NM_FOLLOW}),
          .options = options, .state_size = sizeof(struct telemetry), .no_eos_option = "no-eof",
          .check = check, .init = init, .records = records, .timer = update, .idle = idle, .finish = update,
          .cleanup = cleanup)
