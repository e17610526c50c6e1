/* SPDX-License-Identifier: BSD-3-Clause */
/** Where the flows that are listed come from: files of flows, captures, an archive of flow_archive. */
#include "flows.h"

#include "archive_file.h"
#include "process.h"
#include "run_directory.h"
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <libtrap/trap.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_US        50000
#define SILENT_WAITS   60 /* timeouts after the sender has ended: its stream will have no end mark */
#define STATUS_DAMAGED 3  /* of flow_meter */
#define SPEC           (2 * PATH_MAX + 8)

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
   (void) sig;
   interrupted = 1;
}

void flows_catch_signals(void)
{
   struct sigaction sa = {.sa_handler = on_signal};
   sigaction(SIGINT, &sa, NULL);
   sigaction(SIGTERM, &sa, NULL);
   signal(SIGPIPE, SIG_IGN);
}

bool flows_interrupted(void)
{
   return interrupted != 0;
}

/* ------------------------------------------------------------------- one stream */

struct stream {
   struct flows *flows;
   trap_ctx_t *ctx;
   ur_template_t *tmplt;
};

static bool open_stream(struct stream *s, struct flows *f, const char *spec)
{
   *s = (struct stream){.flows = f, .ctx = trap_ctx_init3("flows", "", 1, 0, spec, NULL)};
   if (s->ctx == NULL || trap_ctx_get_last_error(s->ctx) != TRAP_E_OK) {
      cli_error("%s: %s", f->what, s->ctx != NULL ? trap_ctx_get_last_error_msg(s->ctx) : "out of memory");
      trap_ctx_finalize(&s->ctx);
      return false;
   }
   trap_ctx_set_required_fmt(s->ctx, 0, TRAP_FMT_UNIREC, "");
   return true;
}

static void close_stream(struct stream *s)
{
   trap_ctx_finalize(&s->ctx);
   ur_free_template(s->tmplt);
}

enum next { NEXT_RECORD, NEXT_END, NEXT_TIMEOUT, NEXT_FAILED, NEXT_STOP };

/* Receives one record and shows it. */
static enum next next_record(struct stream *s)
{
   const void *rec;
   uint16_t size;
   int rc = trap_ctx_recv(s->ctx, 0, &rec, &size);
   if (rc == TRAP_E_FORMAT_CHANGED) {
      if (ur_ctx_follow_format(s->ctx, 0, &s->tmplt) != UR_OK) {
         cli_error("%s: a field has another type than in the flows before", s->flows->what);
         return NEXT_FAILED;
      }
      if (!flows_format(s->flows, s->tmplt)) {
         return NEXT_STOP;
      }
      rc = TRAP_E_OK;
   }
   if (rc == TRAP_E_TIMEOUT) {
      return flows_interrupted() ? NEXT_STOP : NEXT_TIMEOUT;
   }
   if (rc != TRAP_E_OK) {
      return NEXT_FAILED;
   }
   if (size <= 1) {
      return NEXT_END;
   }
   return !ur_rec_check(s->tmplt, rec, size) || flows_record(s->flows, rec) ? NEXT_RECORD : NEXT_STOP;
}

bool flows_read_file(struct flows *f, const char *path, bool partial)
{
   char spec[SPEC] = "f:";
   struct stream s;
   f->what = path;
   source_quote(path, spec + 2, sizeof(spec) - 2);
   if (!open_stream(&s, f, spec)) {
      return false;
   }
   enum next next;
   do {
      next = next_record(&s);
   } while (next == NEXT_RECORD);
   if (next == NEXT_FAILED && !partial && !f->stop) {
      cli_error("%s", trap_ctx_get_last_error_msg(s.ctx));
   }
   close_stream(&s);
   return next != NEXT_FAILED || partial;
}

/* --------------------------------------------------------------------- processes */

/* What the program warns of, as flow_meter of damage. */
static void show_warnings(struct process *p)
{
   char *save = NULL;
   for (char *line = p->words != NULL && p->n_words > 0 ? strtok_r(p->words, "\n", &save) : NULL;
        line != NULL; line = strtok_r(NULL, "\n", &save)) {
      const char *text = strstr(line, "warning: ");
      if (text != NULL) {
         cli_error("%s", text);
      }
   }
   p->n_words = 0;
}

/* \return false: it failed (printed) */
static bool child_ended(struct flows *f, struct process *p)
{
   char why[2048];
   process_look(p, false);
   if (!process_failed(p, STATUS_DAMAGED)) {
      show_warnings(p);
      return true;
   }
   process_describe(p, why, sizeof(why));
   cli_error("%s", why);
   f->status = WIFEXITED(p->status) ? CLI_INPUT : CLI_MODULE;
   return false;
}

static void read_child(struct flows *f, struct process *p)
{
   struct stream s;
   unsigned waits = 0;
   if (!open_stream(&s, f, "u:flows")) {
      f->status = CLI_MODULE;
      return;
   }
   trap_ctx_ifcctl(s.ctx, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, WAIT_US);
   enum next next;
   do {
      next = next_record(&s);
      if (next == NEXT_TIMEOUT) {
         process_look(p, false);
         waits = p->ended ? waits + 1 : 0;
      }
   } while (next == NEXT_RECORD ||
            (next == NEXT_TIMEOUT && waits < SILENT_WAITS && !process_failed(p, STATUS_DAMAGED)));
   if (next == NEXT_FAILED && !f->stop) {
      cli_error("%s: %s", f->what, trap_ctx_get_last_error_msg(s.ctx));
      f->status = CLI_MODULE;
   }
   close_stream(&s);
}

static void run_source(struct flows *f, struct source_job *job)
{
   struct process p = {.errors = -1, .report = -1};
   char why[512];
   if (!source_start(job, &p, why, sizeof(why))) {
      cli_error("%s", why);
      f->status = job->unreadable ? CLI_INPUT : CLI_MODULE;
      process_free(&p);
      return;
   }
   read_child(f, &p);
   if (f->stop || f->status != CLI_OK) {
      process_stop_all(&p, 1);
   } else {
      while (!p.ended && !flows_interrupted()) {
         process_look(&p, false);
         usleep(p.ended ? 0 : 1000);
      }
      process_stop_all(&p, 1);
      if (!flows_interrupted()) {
         child_ended(f, &p);
      }
   }
   process_free(&p);
}

/* "dns,http" to "basic+dns+http": a record for each flow, with the fields of all. mark: before a name, "+" or ",?plugin:" */
static void join_plugins(const char *plugins, const char *mark, char *to, size_t size)
{
   size_t used = (size_t) snprintf(to, size, "basic");
   for (const char *p = plugins; p != NULL && *p != 0 && used < size; p += *p == ',') {
      size_t n = strcspn(p, ",");
      used += (size_t) snprintf(to + used, size - used, "%s%.*s", mark, (int) n, p);
      p += n;
   }
}

void flows_read_inputs(struct flows *f, const char *const *files, unsigned n, const char *plugins,
                       uint64_t since, uint64_t until)
{
   char directory[64], names[1024], format[2048], why[PATH_MAX + 256];
   enum source_kind *kinds = calloc(n + 1u, sizeof(*kinds));
   join_plugins(plugins, "+", names, sizeof(names));
   join_plugins(plugins, ",?plugin:", format, sizeof(format));
   struct source_plugins all = {.names = names, .socket = "flows", .readers = 1};
   if (kinds == NULL || !run_directory_make(directory, sizeof(directory))) {
      cli_error("cannot make a private directory: %s", strerror(errno));
      free(kinds);
      f->status = CLI_MODULE;
      return;
   }
   for (unsigned i = 0; i < n; i++) {
      kinds[i] = source_kind_of(files[i], why, sizeof(why));
   }
   unsigned next = 0, bad = 0;
   while (next < n && !f->stop && f->status == CLI_OK && !flows_interrupted()) {
      f->what = files[next];
      enum source_kind kind = kinds[next];
      if (kind == SOURCE_BAD) {
         (void) source_kind_of(files[next], why, sizeof(why));
         cli_error("%s", why);
         bad++;
         next++;
      } else if (kind == SOURCE_FLOWS) {
         bad += !flows_read_file(f, files[next++], false);
      } else {
         struct source_job job = {
             .readers = 1, .last = true, .since = since, .until = until, .format = format};
         next = source_take(files, kinds, n, next, &job);
         if (plugins != NULL && kind != SOURCE_EXPORT) {
            job.plugins = &all;
            job.n_plugins = 1;
         }
         run_source(f, &job);
      }
   }
   run_directory_remove(directory);
   free(kinds);
   if (bad > 0 && f->status == CLI_OK) {
      f->status = CLI_INPUT;
   }
}
