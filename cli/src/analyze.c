/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea analyze: its inputs, and the reports that were asked for. */
#include "analysis.h"

#include "detectors.h"
#include "request.h"
#include "source.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int print_detectors(const struct request *r)
{
   errno = 0;
   if (!detectors_list(r->json != 0, stdout)) {
      cli_error("cannot write to standard output: %s", strerror(errno != 0 ? errno : EIO));
      return CLI_OUTPUT;
   }
   return CLI_OK;
}

static void free_inputs(struct analysis *a)
{
   for (unsigned i = 0; i < a->n_files; i++) {
      free((char *) (uintptr_t) a->files[i]);
   }
   free(a->files);
   free(a->kinds);
}

/* Errors in the inputs are reported before anything is started. Of several files those that cannot be read are skipped. */
static int check_inputs(struct analysis *a)
{
   char why[PATH_MAX + 256];
   if (a->blacklist != NULL && access(a->blacklist, R_OK) != 0) {
      cli_error("cannot read the blacklist %s: %s", a->blacklist, strerror(errno));
      return CLI_INPUT;
   }
   if (!places_open(&a->places, a->geoip, a->n_geoip, why, sizeof(why))) {
      cli_error("%s", why);
      if (a->n_geoip > 0) { /* those of the usual directories were not asked for */
         return CLI_INPUT;
      }
   }
   if (a->follow) { /* its kind is known when it is written */
      if (access(a->files[0], R_OK) != 0) {
         cli_error("%s: %s", a->files[0], strerror(errno));
         return CLI_INPUT;
      }
      return -1;
   }
   unsigned n = 0, bad = 0;
   a->kinds = calloc(a->n_files + 1u, sizeof(*a->kinds));
   if (a->kinds == NULL) {
      cli_error("out of memory");
      return CLI_MODULE;
   }
   for (unsigned i = 0; i < a->n_files; i++) {
      a->kinds[n] = source_kind_of(a->files[i], why, sizeof(why));
      if (a->kinds[n] != SOURCE_BAD) {
         a->files[n++] = a->files[i];
         continue;
      }
      bad++;
      if (bad < a->n_files) {
         analysis_note(a, "%s; it was skipped", why);
      }
      free((char *) (uintptr_t) a->files[i]);
   }
   bool none = a->n_files > 0 && n == 0;
   a->n_files = n;
   if (!none && (a->filter != NULL || a->since != 0 || a->until != 0)) {
      for (unsigned i = 0; i < n; i++) {
         if (a->kinds[i] != SOURCE_CAPTURE) {
            cli_error("%s: --filter, --since and --until choose packets, and this file has flow records "
                      "(unirecfilter "
                      "chooses among those)",
                      a->files[i]);
            return CLI_USAGE;
         }
      }
   }
   for (unsigned i = 0; none && i < a->n_notes; i++) {
      cli_error("%s", a->notes[i]);
   }
   if (none) {
      cli_error("%s", why);
   }
   return none ? CLI_INPUT : -1;
}

static FILE *open_report(const char *path)
{
   FILE *file = fopen(path, "we");
   if (file == NULL) {
      cli_error("cannot write %s: %s", path, strerror(errno));
   }
   return file;
}

static FILE *open_in(const char *directory, const char *name)
{
   char path[PATH_MAX];
   if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
      cli_error("cannot make directory %s: %s", directory, strerror(errno));
      return NULL;
   }
   if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int) sizeof(path)) {
      cli_error("cannot write %s/%s: %s", directory, name, strerror(ENAMETOOLONG));
      return NULL;
   }
   return open_report(path);
}

/* The errno of a report that was written, or 0. */
static int error_of(bool written)
{
   return written ? 0 : errno != 0 ? errno : EIO;
}

/* error: of what was written into the file before, 0: none. */
static bool close_report(FILE *file, int error, const char *directory, const char *name)
{
   errno = 0;
   int last = error_of(fclose(file) == 0);
   error = error != 0 ? error : last;
   if (error != 0) {
      cli_error("cannot write %s%s%s: %s", directory, *directory != 0 ? "/" : "", name, strerror(error));
   }
   return error == 0;
}

/* Writes all reports but the one on standard output. \return false when one of them could not be written */
static bool write_files(struct analysis *a, const struct request *r, FILE *alerts_csv, FILE *html)
{
   bool written = true;
   if (a->flows_csv != NULL) {
      errno = 0;
      int error = error_of(report_csv(a, alerts_csv));
      written = close_report(a->flows_csv, a->flows_error, r->csv, "flows.csv");
      written = close_report(alerts_csv, error, r->csv, "alerts.csv") && written;
   }
   if (html != NULL) {
      errno = 0;
      int error = error_of(report_html(a, html));
      written = close_report(html, error, "", r->html) && written;
   }
   return written;
}

/* Closes and removes the files of reports that nothing was written to. */
static void discard_files(const struct analysis *a, const struct request *r, FILE *alerts_csv, FILE *html)
{
   static const char *const names[] = {"flows.csv", "alerts.csv"};
   FILE *const files[] = {a->flows_csv, alerts_csv};
   char path[PATH_MAX];
   struct stat st;
   for (unsigned i = 0; i < 2; i++) {
      if (files[i] != NULL) {
         fclose(files[i]);
         if (snprintf(path, sizeof(path), "%s/%s", r->csv, names[i]) < (int) sizeof(path)) {
            unlink(path);
         }
      }
   }
   if (html != NULL) {
      fclose(html);
      if (stat(r->html, &st) == 0 && S_ISREG(st.st_mode)) {
         unlink(r->html);
      }
   }
}

int cli_analyze(int argc, char **argv)
{
   static struct analysis a;
   struct request r = {0};
   FILE *alerts_csv = NULL, *html = NULL;
   pipeline_catch_signals();
   int status = request_parse(argc, argv, &a, &r);
   if (status < 0) {
      status = r.list_detectors ? print_detectors(&r) : check_inputs(&a);
   }
   if (status >= 0) {
      free_inputs(&a);
      return status;
   }
   a.live = (a.interface != NULL || a.collect != NULL || a.follow) && r.json == 0;
   /* Files that cannot be opened are reported before the work, not after it. */
   if ((r.csv != NULL && ((a.flows_csv = open_in(r.csv, "flows.csv")) == NULL ||
                          (alerts_csv = open_in(r.csv, "alerts.csv")) == NULL)) ||
       (r.html != NULL && (html = open_report(r.html)) == NULL)) {
      return CLI_OUTPUT;
   }
   if (html != NULL && (a.flow_log = flow_log_new()) == NULL) {
      analysis_note(&a, "the page has no flows of events, which need a file in $TMPDIR: %s", strerror(errno));
   }
   pipeline_run(&a);
   /* An interface that was not even captured, or a port that was not opened, has no reports: the message says all. */
   bool nothing = (a.interface != NULL || a.collect != NULL) && a.status == CLI_INPUT && a.traffic.flows == 0;
   bool written = nothing || write_files(&a, &r, alerts_csv, html);
   errno = 0;
   int error = error_of(nothing || (r.json ? report_json(&a, r.json, stdout) : report_text(&a, stdout)));
   if (error != 0) {
      cli_error("cannot write the report to standard output: %s", strerror(error));
      written = false;
   }
   for (unsigned i = 0; i < a.n_notes; i++) {
      if (r.json || a.status != CLI_OK) {
         cli_error("%s", a.notes[i]);
      }
      free(a.notes[i]);
   }
   if (nothing) {
      discard_files(&a, &r, alerts_csv, html);
   }
   free(a.skipped);
   traffic_free(&a.traffic);
   events_free(&a.events);
   flow_log_free(a.flow_log);
   places_close(a.places);
   free_inputs(&a);
   return a.status != CLI_OK ? a.status : written ? CLI_OK : CLI_OUTPUT;
}
