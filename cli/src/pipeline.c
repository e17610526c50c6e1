/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Runs the real programs as a pipeline in a private directory:
 *
 *    source (flow_meter, logreplay or a relay of flow files) --> detectors --> nemea
 *                                                            \---------------> nemea
 *
 * Nothing is dropped: every output waits for its readers, and the source for all of them before its first record.
 */
#include "analysis.h"
#include "bar.h"
#include "detectors.h"
#include "live.h"
#include "process.h"
#include "programs.h"
#include "run_directory.h"
#include "source.h"
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <nemea-common/nc_text.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unirec/unirec2csv.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH        256
#define CHECK_PERIOD 50000000 /* nanoseconds between two checks of the children */
#define WAIT_US      50000
#define ONE_SIGNAL \
   500000000 /* nanoseconds: timeout(1) and sudo signal a process and its group, which is one request */
#define SILENT_WAITS   60   /* timeouts after the sender has ended: the stream will have no end mark */
#define ENDING_WAITS   1200 /* timeouts until detectors that were asked to end count as hanging */
#define STATUS_DAMAGED 3    /* of flow_meter */
#define MAX_WORDS      32   /* of a detector's command line */

struct pipeline {
   struct analysis *a;
   char dir[64];
   unsigned n_detectors;                              /* of event_descriptions[], all of them */
   bool *chosen;                                      /* those of them that run */
   struct source_plugins plugins[SOURCE_PLUGINS_MAX]; /* outputs of flow_meter for those that need them */
   unsigned n_plugins, n_idle;                        /* detectors whose input has no such outputs */
   struct process *children; /* 0: the source, then the detectors, last a source of what plugins found */
   unsigned next_source;     /* index of the input that comes next */
   struct streams streams;   /* of the inputs that the source reads now: those that are copied for it */
   trap_ctx_t *ctx;
   ur_template_t *flows;  /* template of input 0 */
   ur_layout_t **layouts; /* of the alerts of each detector; fields of the same name may differ in type */
   uint8_t *active;
   unsigned n_active;
   urcsv_t *csv;
   bool csv_titled;
   struct live live;
   uint64_t next_check, started;
   unsigned waits; /* timeouts since the last record */
   bool bar_shown, stopping, unended, any_read;
};

static volatile sig_atomic_t interrupted;

static uint64_t now(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

static void on_signal(int sig)
{
   static uint64_t first;
   (void) sig;
   if (interrupted == 0) {
      interrupted = 1;
      first = now();
   } else if (now() - first > ONE_SIGNAL) {
      interrupted = 2;
   }
}

void analysis_note(struct analysis *a, const char *format, ...)
{
   char text[2048], safe[2 * sizeof(text)]; /* may quote files and modules */
   va_list ap;
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   nc_text_terminal(safe, sizeof(safe), text, strlen(text));
   char *note = a->n_notes < MAX_NOTES ? strdup(safe) : NULL;
   if (note != NULL) {
      a->notes[a->n_notes++] = note;
   }
}

/* ------------------------------------------------------------------- starting */

static bool fail(struct pipeline *p, int status, const char *what, const char *why)
{
   analysis_note(p->a, "%s: %s", what, why);
   p->a->status = status;
   return false;
}

static struct process *plugin_source(const struct pipeline *p)
{
   return &p->children[1 + p->n_detectors];
}

/* The inputs that one source reads. */
static bool take_files(struct pipeline *p, struct source_job *job)
{
   if (p->a->follow) {
      job->kind = SOURCE_CAPTURE;
      job->files = p->a->files;
      job->n_files = p->next_source = 1;
   } else {
      p->next_source = source_take(p->a->files, p->a->kinds, p->a->n_files, p->next_source, job);
   }
   job->last = p->next_source == p->a->n_files;
   if (job->kind != SOURCE_CAPTURE) {
      return true;
   }
   streams_stop(&p->streams);
   if (!streams_start(&p->streams, p->dir, job->files, job->n_files, p->n_plugins > 0 ? 2 : 1,
                      p->a->follow)) {
      return fail(p, CLI_MODULE, "cannot start the analysis", strerror(errno));
   }
   job->files = p->streams.paths[0];
   return true;
}

/* Starts what sends the next of the input, if there is more. */
static bool start_source(struct pipeline *p)
{
   struct source_job job = {.readers = p->n_detectors + 1 - p->n_idle,
                            .interface = p->a->interface,
                            .collect = p->a->collect,
                            .filter = p->a->filter,
                            .since = p->a->since,
                            .until = p->a->until,
                            .follow = p->a->follow};
   for (unsigned i = 0; i < p->n_plugins; i++) {
      job.readers -= p->plugins[i].readers; /* they read that output only */
   }
   char why[512];
   if (p->a->interface == NULL && p->a->collect == NULL && !take_files(p, &job)) {
      return false;
   }
   process_free(&p->children[0]);
   bool one = source_is_one(&job);
   if (one) {
      job.plugins = p->plugins;
      job.n_plugins = p->n_plugins;
   }
   bool started = source_start(&job, &p->children[0], why, sizeof(why));
   if (started && p->n_plugins > 0 && !one) {
      /* A flow_meter of its own: plugins end flows earlier, which changes what the other detectors see. */
      job.plugins = p->plugins;
      job.n_plugins = p->n_plugins;
      job.files = job.kind == SOURCE_CAPTURE && job.interface == NULL ? p->streams.paths[1] : job.files;
      process_free(plugin_source(p));
      started = source_start(&job, plugin_source(p), why, sizeof(why));
   }
   if (!started) {
      return fail(p, job.unreadable ? CLI_INPUT : CLI_MODULE, "cannot start the analysis", why);
   }
   return true;
}

/* All input can have what the plugins of flow_meter find? */
static bool has_plugins(const struct analysis *a)
{
   for (unsigned i = 0; i < a->n_files && !a->follow; i++) {
      if (a->kinds[i] != SOURCE_CAPTURE && a->kinds[i] != SOURCE_EXPORT) {
         return false;
      }
   }
   return true;
}

/* The socket that a detector reads. \return NULL: there are more outputs than flow_meter has */
static const char *input_of(struct pipeline *p, const struct event_description *d)
{
   if (d->plugins == NULL || !has_plugins(p->a)) {
      return "flows";
   }
   unsigned i = 0;
   while (i < p->n_plugins && strcmp(p->plugins[i].names, d->plugins) != 0) {
      i++;
   }
   if (i == SOURCE_PLUGINS_MAX) {
      return NULL;
   }
   if (i == p->n_plugins) {
      p->n_plugins++;
      p->plugins[i].names = d->plugins;
      snprintf(p->plugins[i].socket, sizeof(p->plugins[i].socket), "flows-%u", i);
   }
   p->plugins[i].readers++;
   source_need(&p->plugins[i], d->needs, d->plugins_optional);
   return p->plugins[i].socket;
}

static bool start_detector(struct pipeline *p, const struct event_description *d, const char *input,
                           struct process *process)
{
   char path[4096], interfaces[256], options[256], *save = NULL;
   char *argv[MAX_WORDS] = {(char *) (uintptr_t) d->program, "-i", interfaces};
   unsigned n = 3;
   bool live = p->a->interface != NULL ||
               p->a->collect != NULL; /* a capture that grows has the alerts of the whole one */
   snprintf(interfaces, sizeof(interfaces), "u:%s,u:%s:timeout=WAIT%s", input, d->program,
            live || p->a->follow ? ":" SOURCE_SOON : "");
   snprintf(options, sizeof(options), "%s %s", d->options != NULL ? d->options : "",
            live && d->live != NULL ? d->live : "");
   if (d->blacklist) {
      argv[n++] = "--blacklist";
      argv[n++] = (char *) (uintptr_t) p->a->blacklist;
   }
   for (char *word = strtok_r(options, " ", &save); word != NULL && n < MAX_WORDS - 1;
        word = strtok_r(NULL, " ", &save)) {
      argv[n++] = word;
   }
   if (!program_find(d->program, path, sizeof(path))) {
      return fail(p, CLI_MODULE, d->program, "module not found beside nemea (or in $NEMEA_BIN)");
   }
   return process_start(process, path, argv, false) || fail(p, CLI_MODULE, d->program, strerror(errno));
}

static bool start_detectors(struct pipeline *p)
{
   for (unsigned i = 0; i < p->n_detectors; i++) {
      const char *input = p->chosen[i] ? input_of(p, event_descriptions[i]) : NULL;
      if (input == NULL) {
         p->n_idle++;
         continue;
      }
      if (!start_detector(p, event_descriptions[i], input, &p->children[1 + i])) {
         return false;
      }
   }
   return true;
}

/* Sets the format that the input of flow records requires. */
static bool require_flows(struct pipeline *p)
{
   if (ur_define_set_of_fields(TRAFFIC_FIELDS) == UR_OK) {
      p->flows = ur_create_template_from_ifc_spec(TRAFFIC_FIELDS);
   }
   return (p->flows != NULL && ur_ctx_set_input_template(p->ctx, 0, p->flows) == UR_OK) ||
          fail(p, CLI_MODULE, "cannot open TRAP interfaces", "no memory");
}

/* The same of the input of alerts. The layout is right for a sender whose format is exactly this: no change is reported then. */
static bool require_alerts(struct pipeline *p, unsigned i)
{
   const char *fields = event_descriptions[i - 1]->fields;
   trap_ctx_set_required_fmt(p->ctx, i, TRAP_FMT_UNIREC, fields);
   p->layouts[i - 1] = ur_layout_create(fields);
   return p->layouts[i - 1] != NULL || fail(p, CLI_MODULE, "invalid list of fields", fields);
}

static bool open_inputs(struct pipeline *p)
{
   char *spec = NULL;
   size_t size;
   FILE *text = open_memstream(&spec, &size);
   if (text == NULL) {
      return fail(p, CLI_MODULE, "cannot open TRAP interfaces", strerror(errno));
   }
   fputs("u:flows", text);
   for (unsigned i = 0; i < p->n_detectors; i++) {
      fprintf(text, ",u:%s", event_descriptions[i]->program);
   }
   if (!p->a->verbose) { /* that a detector is not ready yet is of no interest to others */
      trap_set_verbose_level(-3);
   }
   unsigned n = p->n_detectors + 1;
   bool written = fclose(text) == 0;
   p->ctx = written ? trap_ctx_init3("nemea", "", (int8_t) n, 0, spec, NULL) : NULL;
   free(spec);
   if (p->ctx == NULL || trap_ctx_get_last_error(p->ctx) != TRAP_E_OK) {
      return fail(p, CLI_MODULE, "cannot open TRAP interfaces",
                  p->ctx != NULL ? trap_ctx_get_last_error_msg(p->ctx) : "no memory");
   }
   for (unsigned i = 0; i < n; i++) {
      if (i == 0 ? !require_flows(p) : !require_alerts(p, i)) {
         return false;
      }
      p->active[i] = i == 0 || p->children[i].started; /* of those that do not run, no records are expected */
      p->n_active += p->active[i];
   }
   return true;
}

/* -------------------------------------------------------------------- records */

static void write_flow(struct pipeline *p, const void *rec)
{
   size_t length;
   if (p->csv == NULL) {
      p->csv = urcsv_init(p->flows, ',');
      char *title = p->csv_titled || p->csv == NULL ? NULL : urcsv_header(p->csv);
      if (title != NULL) {
         fprintf(p->a->flows_csv, "%s\n", title);
         p->csv_titled = true;
      }
      free(title);
   }
   const char *line = p->csv != NULL ? urcsv_line(p->csv, rec, &length) : NULL;
   if (line == NULL) {
      errno = ENOMEM;
   }
   if (line == NULL || fwrite(line, 1, length, p->a->flows_csv) != length ||
       fputc('\n', p->a->flows_csv) == EOF) {
      p->a->flows_error = errno; /* nothing more is written: a gap would not be seen */
   }
}

static void end_of_input(struct pipeline *p, unsigned i)
{
   if (p->active[i]) {
      p->active[i] = 0;
      p->n_active--;
   }
}

/* \return false when the new format cannot be read */
static bool follow_format(struct pipeline *p, unsigned i)
{
   if (i == 0) {
      urcsv_free(&p->csv);
      return ur_ctx_follow_format(p->ctx, 0, &p->flows) == UR_OK;
   }
   uint8_t type = TRAP_FMT_UNKNOWN;
   const char *format = NULL;
   trap_ctx_get_data_fmt(p->ctx, TRAPIFC_INPUT, i, &type, &format);
   ur_layout_free(p->layouts[i - 1]);
   p->layouts[i - 1] = ur_layout_create(format);
   return p->layouts[i - 1] != NULL;
}

static void take_alert(struct pipeline *p, unsigned detector, const trap_message_t *m)
{
   const struct alert alert = {.layout = p->layouts[detector], .rec = m->data};
   if (!ur_layout_check(alert.layout, m->data, m->size)) {
      return; /* not counted here: the module that sends such records reports it */
   }
   struct event *event = events_add(&p->a->events, event_descriptions[detector], &alert);
   if (p->a->live && event != NULL) {
      live_show(&p->live, &p->a->events, event);
   }
}

static void take_records(struct pipeline *p, unsigned i, const trap_message_t *m, uint32_t n)
{
   for (uint32_t k = 0; k < n; k++) {
      if (m[k].size <= 1) {
         end_of_input(p, i);
         return;
      }
      if (i > 0) {
         take_alert(p, i - 1, &m[k]);
         continue;
      }
      if (!ur_rec_check(p->flows, m[k].data, m[k].size)) {
         continue;
      }
      traffic_add(&p->a->traffic, p->flows, m[k].data);
      if (p->a->flow_log != NULL) {
         flow_log_add(p->a->flow_log, p->flows, m[k].data);
      }
      if (p->a->flows_csv != NULL && p->a->flows_error == 0) {
         write_flow(p, m[k].data);
      }
   }
}

/* -------------------------------------------------------------------- watching */

/* flow_collector's warning that exporters do not send what an output's detectors need. \return false: another one */
static bool note_output(struct pipeline *p, const char *text)
{
   unsigned output = 0;
   char field[64];
   if (sscanf(text, "output %u was sent no records: none has its mandatory field %63s", &output, field) !=
           2 ||
       output == 0 || output > p->n_plugins) {
      return false;
   }
   for (unsigned i = 0; i < p->n_detectors; i++) {
      const struct event_description *d = event_descriptions[i];
      if (p->chosen[i] && d->plugins != NULL && strcmp(d->plugins, p->plugins[output - 1].names) == 0) {
         struct skipped *s = &p->a->skipped[p->a->n_skipped++];
         s->detector = d->program;
         snprintf(s->reason, sizeof(s->reason), "no exporter sends the field %s", field);
         p->chosen[i] = false;
      }
   }
   return true;
}

/* What a process warns of: damage, files and packets that it could not read. */
static void note_warnings(struct pipeline *p, struct process *from)
{
   char name[PATH_MAX + 512];
   char *words = from->words, *save = NULL;
   for (char *line = words != NULL && from->n_words > 0 ? strtok_r(words, "\n", &save) : NULL; line != NULL;
        line = strtok_r(NULL, "\n", &save)) {
      const char *text = strstr(line, "warning: ");
      if (text != NULL && !note_output(p, text + strlen("warning: "))) {
         text = streams_named(&p->streams, text + strlen("warning: "), name, sizeof(name));
         analysis_note(p->a, "%s%s", text,
                       strstr(text, ": damaged after packet ") != NULL ? "; what comes before it was analysed"
                                                                       : "");
      }
   }
   from->n_words = 0;
}

/* Adds what flow_meter has counted of its input, which is over. */
static void add_packets(struct pipeline *p)
{
   uint64_t n[6] = {0};
   if (sscanf(p->children[0].line,
              "%*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &n[0], &n[1],
              &n[2], &n[3], &n[4], &n[5]) == 6) {
      struct packet_counts *c = &p->a->packets;
      c->all += n[0];
      c->not_ip += n[1];
      c->malformed += n[2];
      c->truncated += n[3];
      c->unknown_link += n[4];
      c->dropped += n[5];
   }
}

/* Notes what of the packets was not understood, where that is a part of the input: link types are named by flow_meter itself. */
static void note_packets(struct analysis *a)
{
   const struct packet_counts *c = &a->packets;
   char n[32], all[32];
   format_counted(c->all, "packet", all, sizeof(all));
   if (c->truncated > 0) {
      analysis_note(
          a, "%s of %s are cut by the snapshot length before their addresses or ports and were not analysed",
          format_count(c->truncated, n, sizeof(n)), all);
   }
   if (c->dropped > 0) {
      analysis_note(a, "%s more than these %s were dropped by the kernel: the machine was too slow",
                    format_count(c->dropped, n, sizeof(n)), all);
   }
   if (c->malformed > 0 && c->malformed >= c->all / 100) {
      analysis_note(a, "%s of %s are malformed and were not analysed",
                    format_count(c->malformed, n, sizeof(n)), all);
   }
   if (c->not_ip > 0 && c->not_ip >= c->all / 10) {
      analysis_note(a, "%s of %s are not IP and were not analysed", format_count(c->not_ip, n, sizeof(n)),
                    all);
   }
}

/* Per cent of the packets that are in no flow record; 0: less than one. */
static unsigned unseen(const struct analysis *a)
{
   const struct packet_counts *c = &a->packets;
   double all = (double) c->all + (double) c->dropped, missing = (double) c->truncated + (double) c->dropped;
   double seen = all > 0 ? 1 - missing / all : 1;
   if (a->traffic.packets > 0) {
      seen *= a->traffic.seen / (double) a->traffic.packets;
   }
   return seen < 0 ? 100 : (unsigned) (100 * (1 - seen));
}

/* Notes what the processes warned of that copied the input. \return false: one of them could not read it */
static bool note_streams(struct pipeline *p)
{
   char text[2048];
   for (unsigned i = 0; i < p->streams.n; i++) {
      struct process *s = &p->streams.list[i].process;
      process_look(s, false);
      note_warnings(p, s);
      if (s->ended && process_failed(s, 0) && !p->stopping) {
         process_describe(s, text, sizeof(text));
         analysis_note(p->a, "%s", text);
         p->a->status = CLI_INPUT;
         return false;
      }
   }
   return true;
}

/* The source ended: on to the next one, or the readers get the end of stream. \return false: give up */
static bool source_ended(struct pipeline *p)
{
   struct process *s = &p->children[0];
   char text[2048];
   bool failed = process_failed(s, STATUS_DAMAGED);
   p->any_read |= !failed;
   if (failed) {
      char described[2048], name[PATH_MAX + 2048];
      process_describe(s, described, sizeof(described));
      snprintf(text, sizeof(text), "%s", streams_named(&p->streams, described, name, sizeof(name)));
      bool unreadable = WIFEXITED(s->status) && !p->stopping;
      bool more = p->next_source < p->a->n_files || p->any_read || p->a->traffic.flows > 0;
      if (unreadable && WEXITSTATUS(s->status) == EXIT_FAILURE && p->a->n_files > 1 && more) {
         analysis_note(p->a, "%s; the rest of this input was skipped", text);
      } else {
         return fail(p, unreadable ? CLI_INPUT : CLI_MODULE, s->name, text);
      }
   }
   note_warnings(p, s);
   if (!note_streams(p)) {
      return false;
   }
   add_packets(p);
   if (p->a->interface == NULL && p->next_source < p->a->n_files && !p->stopping) {
      return start_source(p);
   }
   note_packets(p->a);
   s->started = false; /* nothing more to watch */
   return true;
}

/* \return false when the analysis cannot go on */
static bool watch(struct pipeline *p)
{
   char text[2048];
   process_look(plugin_source(p), p->a->verbose);
   if (process_failed(plugin_source(p), STATUS_DAMAGED)) {
      char name[PATH_MAX + sizeof(text)];
      process_describe(plugin_source(p), text, sizeof(text));
      return fail(p, WIFEXITED(plugin_source(p)->status) && !p->stopping ? CLI_INPUT : CLI_MODULE,
                  "flow_meter", streams_named(&p->streams, text, name, sizeof(name)));
   }
   for (unsigned i = 0; i <= p->n_detectors; i++) {
      struct process *child = &p->children[i];
      if (!child->started) {
         continue;
      }
      process_look(child, p->a->verbose);
      if (!child->ended) {
         continue;
      }
      if (i == 0) {
         if (plugin_source(p)->started && !plugin_source(p)->ended && WIFEXITED(child->status)) {
            continue; /* both have the same input; one that was killed ends all */
         }
         if (!source_ended(p)) {
            return false;
         }
      } else if (process_failed(child, 0)) {
         process_describe(child, text, sizeof(text));
         return fail(p, CLI_MODULE, child->name, text);
      }
   }
   if (interrupted > 0 && !p->stopping) {
      p->stopping = true;
      if (p->a->follow && p->streams.n > 0) { /* what is written is read, and is all of the input */
         process_ask_to_end(&p->streams.list[0].process);
         return true;
      }
      process_ask_to_end(&p->children[0]); /* it sends what it has, and the end of stream */
      process_ask_to_end(plugin_source(p));
      if (p->a->interface == NULL && p->a->collect == NULL) {
         analysis_note(p->a, "interrupted: the rest of the input was not analysed");
      }
   }
   if (p->a->interface == NULL && p->a->collect == NULL) {
      p->bar_shown |= bar_show(p->children[0].line, (now() - p->started) / 1000000);
   }
   return interrupted < 2;
}

static bool receive_failed(struct pipeline *p, unsigned i, int rc)
{
   const char *who = i == 0 ? "flow records" : event_descriptions[i - 1]->program;
   if (rc == TRAP_E_FORMAT_MISMATCH && i == 0) {
      return fail(p, CLI_INPUT, who, "a field is missing or has another type (needed: " TRAFFIC_FIELDS ")");
   }
   return fail(p, CLI_MODULE, who, trap_ctx_get_last_error_msg(p->ctx));
}

static void ask_detectors(struct pipeline *p)
{
   for (unsigned i = 1; i <= p->n_detectors; i++) {
      process_ask_to_end(&p->children[i]);
   }
}

static bool detectors_ended(const struct pipeline *p)
{
   for (unsigned i = 1; i <= p->n_detectors; i++) {
      if (p->children[i].started && !p->children[i].ended) {
         return false;
      }
   }
   return true;
}

/* The source ended without an end of stream (it was stopped while it waited for a reader): the detectors are asked to finish.
 * \return false when they do not answer either */
static bool close_unended(struct pipeline *p)
{
   if (p->children[0].started || p->waits < SILENT_WAITS) {
      return true;
   }
   if (!p->active[0]) {
      if (!p->unended && process_cut_short(plugin_source(p))) { /* its streams have no end, or never began */
         p->unended = true;
         p->waits = 0;
         ask_detectors(p);
      }
      for (unsigned i = 0; p->unended && detectors_ended(p) && i <= p->n_detectors; i++) {
         end_of_input(p, i); /* a detector that ended before it was connected to */
      }
      return !p->unended || p->waits < ENDING_WAITS ||
             fail(p, CLI_MODULE, "detectors", "did not end with the stream of flow records");
   }
   p->unended = true;
   p->waits = 0;
   end_of_input(p, 0);
   ask_detectors(p);
   if (!process_cut_short(&p->children[0])) { /* it was: it had no flows yet */
      analysis_note(p->a, "the stream of flow records broke off: its last flows may be missing");
   }
   return true;
}

static bool consume(struct pipeline *p)
{
   trap_message_t m[BATCH];
   while (p->n_active > 0) {
      uint32_t i = 0, n = 0;
      int rc = trap_ctx_recv_any(p->ctx, p->active, WAIT_US, &i, m, BATCH, &n);
      if (rc == TRAP_E_FORMAT_CHANGED) {
         if (!follow_format(p, i)) {
            return receive_failed(p, i, TRAP_E_FORMAT_MISMATCH);
         }
         rc = TRAP_E_OK;
      }
      p->waits = rc == TRAP_E_TIMEOUT ? p->waits + 1 : 0;
      if (rc == TRAP_E_OK) {
         take_records(p, i, m, n);
      } else if (rc != TRAP_E_TIMEOUT) {
         return receive_failed(p, i, rc);
      } else if (!close_unended(p)) {
         return false;
      }
      uint64_t t = now();
      if (t >= p->next_check || interrupted) {
         p->next_check = t + CHECK_PERIOD;
         if (!watch(p)) {
            return false;
         }
      }
   }
   return true;
}

/* -------------------------------------------------------------------------- run */

void pipeline_catch_signals(void)
{
   struct sigaction sa = {.sa_handler = on_signal};
   sigaction(SIGINT, &sa, NULL);
   sigaction(SIGTERM, &sa, NULL);
   signal(SIGPIPE, SIG_IGN);
}

static bool make_directory(struct pipeline *p)
{
   if (!run_directory_make(p->dir, sizeof(p->dir))) {
      return fail(p, CLI_MODULE, "cannot make a private directory", strerror(errno));
   }
   if (p->a->interface == NULL && p->a->collect == NULL) {
      setenv("NEMEA_RECORDING", "1", 1); /* windows follow the times in the capture only */
   }
   return true;
}

/* Lets the children end by themselves after the end of stream, for a while. */
static void wait_for_children(struct pipeline *p)
{
   for (int i = 0; i < 500; i++) {
      bool runs = false;
      for (unsigned k = 0; k <= p->n_detectors; k++) {
         process_look(&p->children[k], p->a->verbose);
         runs |= p->children[k].started && !p->children[k].ended;
      }
      if (!runs) {
         return;
      }
      nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
   }
}

static void pipeline_free(struct pipeline *p)
{
   if (p == NULL) {
      return;
   }
   for (unsigned i = 0; p->children != NULL && i <= p->n_detectors + 1; i++) {
      process_free(&p->children[i]);
   }
   for (unsigned i = 0; p->layouts != NULL && i < p->n_detectors; i++) {
      ur_layout_free(p->layouts[i]);
   }
   ur_free_template(p->flows);
   urcsv_free(&p->csv);
   live_free(&p->live);
   free(p->children);
   free(p->layouts);
   free(p->active);
   free(p->chosen);
   free(p);
}

/* \return NULL without memory */
static struct pipeline *pipeline_new(struct analysis *a)
{
   struct pipeline *p = calloc(1, sizeof(*p));
   if (p == NULL) {
      return NULL;
   }
   p->a = a;
   p->started = now();
   while (event_descriptions[p->n_detectors] != NULL) {
      p->n_detectors++;
   }
   size_t n = p->n_detectors + 1;
   p->chosen = detectors_choose(a);
   p->children = calloc(n + 1, sizeof(*p->children));
   p->layouts = calloc(n, sizeof(*p->layouts));
   p->active = calloc(n, sizeof(*p->active));
   if (p->chosen == NULL || p->children == NULL || p->layouts == NULL || p->active == NULL) {
      pipeline_free(p);
      return NULL;
   }
   for (size_t i = 0; i <= n; i++) {
      p->children[i].errors = p->children[i].report = -1;
   }
   return p;
}

void pipeline_run(struct analysis *a)
{
   struct pipeline *p = pipeline_new(a);
   if (p == NULL || !traffic_init(&a->traffic)) {
      a->status = CLI_MODULE;
      analysis_note(a, "out of memory");
      pipeline_free(p);
      return;
   }
   if (interrupted > 0) {
      analysis_note(a, "interrupted: the input was not analysed");
   } else if (make_directory(p)) {
      if (start_detectors(p) && start_source(p) && open_inputs(p) && consume(p)) {
         wait_for_children(p);
         watch(p);
      }
      process_stop_all(p->children, p->n_detectors + 2);
      streams_stop(&p->streams);
      if (p->bar_shown) {
         bar_clear();
      }
      trap_ctx_finalize(&p->ctx);
      run_directory_remove(p->dir);
   }
   pipeline_free(p);
   events_set_unseen(&a->events, unseen(a));
   events_sort(&a->events);
}
