/* SPDX-License-Identifier: BSD-3-Clause */
#include "meter_state.h"
#include "telemetry.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_DAMAGED  3
#define PROGRESS_PERIOD 100000000 /* nanoseconds */

static const char *const counter_names[C_SHOWN] = {"packets",
                                                   "bytes",
                                                   "in flows",
                                                   "not IP",
                                                   "malformed",
                                                   "truncated below the headers",
                                                   "of unknown link types",
                                                   "filtered out",
                                                   "dropped by the kernel",
                                                   "flows begun",
                                                   "in the cache",
                                                   "ended inactive",
                                                   "active",
                                                   "by FIN or RST",
                                                   "forced",
                                                   "evicted",
                                                   "crowded",
                                                   "fragments without the first",
                                                   "plugin memory exceeded",
                                                   "messages given up",
                                                   "streams displaced",
                                                   "of crowds ended early",
                                                   "of crowds split",
                                                   "of crowds forgotten",
                                                   "dropped by outputs",
                                                   "table bytes"};
/* ------------------------------------------------------------------------ start */

static void sum_counters(struct meter *m)
{
   for (unsigned i = 0; i < COUNTERS; i++) {
      m->sums[i] = 0;
      for (unsigned w = 0; w < m->n_opened; w++) {
         m->sums[i] += __atomic_load_n(&m->workers[w].shown[i], __ATOMIC_RELAXED);
      }
   }
}

static int open_telemetry(struct meter *m)
{
   char error[TELEMETRY_ERROR];
   if (m->config->telemetry == NULL || telemetry_open(m->config->telemetry, m->n_opened, error)) {
      return NM_OK;
   }
   return nm_fail(m->module, "%s", error);
}

struct meter *meter_new(struct meter_config *config, nm_module_t *module)
{
   struct meter *m = calloc(1, sizeof(*m));
   if (m == NULL) {
      nm_fail(module, "out of memory");
      return NULL;
   }
   m->config = config;
   m->module = module;
   config->sink.module = module;
   config->sink.alone = config->n_inputs == 1;
   config->sink.whole = true;
   for (unsigned i = 0; i < config->n_inputs; i++) {
      config->sink.whole = config->sink.whole && config->inputs[i].n_files > 0;
   }
   int rc = config->to_unirec ? unirec_sink_formats(&config->sink) : NM_OK;
   rc = rc == NM_OK && config->to_text ? text_sink_open(&config->sink) : rc;
   for (unsigned i = 0; i < config->n_inputs && rc == NM_OK; i++) {
      rc = worker_open(m, i);
   }
   if (rc == NM_OK && config->to_unirec && !config->sink.whole) {
      trap_ctx_live_source(NULL);
   }
   rc = rc == NM_OK ? open_telemetry(m) : rc;
   if (rc != NM_OK) {
      meter_free(m);
      return NULL;
   }
   for (unsigned i = 0; i < C_SHOWN; i++) {
      nm_counter(module, counter_names[i], &m->sums[i]);
   }
   return m;
}

/* ------------------------------------------------------------------------- run */

static void write_progress(struct meter *m, uint64_t now)
{
   char line[192];
   const struct worker *w = &m->workers[0];
   int n = snprintf(line, sizeof(line),
                    "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                    " %" PRIu64 "\n",
                    w->source->bytes_done, w->source->bytes_total, w->packets, w->not_ip, w->malformed,
                    w->truncated, worker_unread_packets(w), w->source->dropped);
   if (write((int) m->config->progress_fd, line, (size_t) n) < 0) {
      m->config->progress_fd = 0; /* its reader has closed it */
   }
   m->next_progress = now + PROGRESS_PERIOD;
}

/* \return false with a message in error */
static bool write_telemetry(struct meter *m, char error[TELEMETRY_ERROR])
{
   static uint64_t values[MAX_INPUTS][COUNTERS];
   for (unsigned i = 0; i < m->n_opened; i++) {
      for (unsigned k = 0; k < COUNTERS; k++) {
         values[i][k] = __atomic_load_n(&m->workers[i].shown[k], __ATOMIC_RELAXED);
      }
   }
   m->next_telemetry = sink_clock(CLOCK_MONOTONIC) + NS;
   return telemetry_write(m->config->telemetry, (const uint64_t(*)[COUNTERS]) values, m->n_opened,
                          m->config->cache.capacity, error);
}

/* Periodic work. */
static void housekeeping(struct meter *m)
{
   sum_counters(m);
   if (m->config->progress_fd == 0 && m->config->show_every == 0 && m->config->telemetry == NULL) {
      return;
   }
   uint64_t now = sink_clock(CLOCK_MONOTONIC);
   if (m->config->progress_fd != 0 && now >= m->next_progress && m->n_threads == 0) {
      write_progress(m, now);
   }
   if (m->config->telemetry != NULL && now >= m->next_telemetry) {
      char error[TELEMETRY_ERROR];
      if (!write_telemetry(m, error)) {
         nm_warn(m->module, "%s", error);
      }
   }
   if (m->config->show_every != 0 && now >= m->next_show) {
      if (m->next_show != 0) {
         raise(SIGUSR1); /* prints the counters as SIGUSR1 does */
      }
      m->next_show = now + m->config->show_every * NS;
   }
}

static int start_threads(struct meter *m)
{
   sigset_t all, before;
   sigfillset(&all);
   pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are the main thread's */
   for (; m->n_threads < m->n_opened; m->n_threads++) {
      struct worker *w = &m->workers[m->n_threads];
      int rc = pthread_create(&w->thread, NULL, worker_run, w);
      if (rc != 0) {
         __atomic_store_n(&m->quit, true, __ATOMIC_RELAXED);
         pthread_sigmask(SIG_SETMASK, &before, NULL);
         return nm_fail(m->module, "cannot start a worker: %s", strerror(rc));
      }
   }
   pthread_sigmask(SIG_SETMASK, &before, NULL);
   return NM_OK;
}

static int watch_threads(struct meter *m)
{
   if (m->n_threads == 0 && start_threads(m) != NM_OK) {
      return NM_ERROR;
   }
   unsigned finished = 0;
   for (unsigned i = 0; i < m->n_threads; i++) {
      finished += __atomic_load_n(&m->workers[i].finished, __ATOMIC_ACQUIRE);
   }
   if (finished < m->n_threads) {
      sleep_ns(LOOK_PERIOD);
   }
   housekeeping(m);
   return finished < m->n_threads ? NM_OK : NM_STOP;
}

int meter_step(struct meter *m)
{
   if (m->n_opened > 1) {
      return watch_threads(m);
   }
   if (m->workers[0].batches == 0) {
      worker_pin(&m->workers[0]);
   }
   int rc = worker_step(&m->workers[0]);
   housekeeping(m);
   return rc;
}

/* Tables as ipfixprobe prints them. */
static int report(const struct meter *m)
{
   uint64_t sum[5] = {0};
   printf("Input stats:\n%3s %12s %12s %14s %12s %12s %7s\n", "#", "packets", "parsed", "bytes", "dropped",
          "cached", "status");
   for (unsigned i = 0; i < m->n_opened; i++) {
      const struct worker *w = &m->workers[i];
      const uint64_t row[5] = {w->shown[C_PACKETS], w->shown[C_IN_FLOWS], w->shown[C_BYTES],
                               w->shown[C_KERNEL_DROPS], w->shown[C_BEGUN]};
      printf("%3u %12" PRIu64 " %12" PRIu64 " %14" PRIu64 " %12" PRIu64 " %12" PRIu64 " %7s\n", i, row[0],
             row[1], row[2], row[3], row[4],
             w->result == NM_ERROR ? "failed"
             : w->damaged > 0      ? "damaged"
                                   : "ok");
      for (unsigned k = 0; k < 5; k++) {
         sum[k] += row[k];
      }
   }
   printf("SUM %12" PRIu64 " %12" PRIu64 " %14" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", sum[0], sum[1],
          sum[2], sum[3], sum[4]);
   printf("Output stats:\n%3s %12s %12s %14s %12s %7s\n", "#", "biflows", "packets", "bytes (L4)", "dropped",
          "status");
   for (unsigned i = 0; i < m->n_opened; i++) {
      const struct flow_sink *s = m->workers[i].sinks[0];
      printf("%3u %12" PRIu64 " %12" PRIu64 " %14" PRIu64 " %12" PRIu64 " %7s\n", i, s->flows, s->packets,
             s->bytes, s->dropped, s->result == NM_ERROR ? "failed" : "ok");
   }
   printf("Flows ended: inactive %" PRIu64 ", active %" PRIu64 ", by FIN or RST %" PRIu64 ", forced %" PRIu64
          ", evicted %" PRIu64 "\n",
          m->sums[C_INACTIVE], m->sums[C_ACTIVE], m->sums[C_DETECTED], m->sums[C_FORCED], m->sums[C_EVICTED]);
   return fflush(stdout) == 0 && !ferror(stdout)
              ? NM_OK
              : nm_fail(m->module, "cannot write the report to standard output: %s", strerror(errno));
}

/* What sinks still have is sent. \return NM_OK or NM_ERROR, the module has the message of the first that failed */
static int finish_sinks(struct meter *m)
{
   int rc = NM_OK;
   for (unsigned i = 0; i < m->n_opened; i++) {
      for (unsigned k = 0; k < m->workers[i].n_sinks; k++) {
         struct flow_sink *s = m->workers[i].sinks[k];
         rc = rc == NM_OK && s->finish != NULL ? s->finish(s) : rc;
      }
   }
   return rc;
}

/* Says what was not read, and why. \return whether there is any */
static bool warn_of_unread(const struct meter *m)
{
   bool any = false;
   for (unsigned i = 0; i < m->n_opened; i++) {
      const struct worker *w = &m->workers[i];
      for (unsigned k = 0; k < w->n_unread; k++) {
         any = true;
         nm_warn(m->module,
                 "%" PRIu64 " of %" PRIu64 " packets were not read: link type %u (%s) is not supported",
                 w->unread[k].packets, w->packets, w->unread[k].link, packet_link_name(w->unread[k].link));
      }
      if (w->source != NULL && w->source->clamped > 0) {
         nm_warn(m->module,
                 "%" PRIu64
                 " packets have times before 1970 or after 2106; the nearest time that flow records can "
                 "hold is used",
                 w->source->clamped);
      }
   }
   return any;
}

int meter_finish(struct meter *m)
{
   uint64_t damaged = 0, files = 0;
   int rc = NM_OK;
   if (m->n_opened > 1) {
      for (unsigned i = 0; i < m->n_threads; i++) {
         pthread_join(m->workers[i].thread, NULL);
      }
      m->n_threads = 0;
   } else {
      worker_end(&m->workers[0]);
   }
   for (unsigned i = 0; i < m->n_opened; i++) {
      damaged += m->workers[i].damaged;
      files += m->workers[i].input->n_files;
      rc = m->workers[i].result == NM_ERROR ? NM_ERROR : rc;
   }
   rc = rc == NM_OK ? finish_sinks(m) : rc;
   sum_counters(m);
   bool unread = warn_of_unread(m);
   char error[TELEMETRY_ERROR];
   if (m->config->telemetry != NULL && !write_telemetry(m, error) && rc == NM_OK) {
      rc = nm_fail(m->module, "%s", error);
   }
   if (m->config->progress_fd != 0) {
      write_progress(m, 0);
   }
   if (m->config->reports) {
      int written = report(m);
      rc = rc == NM_OK ? written : rc;
   }
   if (rc == NM_OK && damaged > 0) {
      rc = nm_fail_status(m->module, STATUS_DAMAGED,
                          "%" PRIu64 " of %" PRIu64
                          " captures are damaged or cannot be read; the flows of the rest were exported",
                          damaged, files);
   }
   if (rc == NM_OK && unread) {
      rc = m->sums[C_UNKNOWN_LINK] == m->sums[C_PACKETS]
               ? nm_fail(m->module, "no packet could be read: none has a link type that is supported")
               : nm_fail_status(
                     m->module, STATUS_DAMAGED,
                     "packets of unsupported link types were not read; the flows of the others were "
                     "exported");
   }
   return rc;
}

void meter_free(struct meter *m)
{
   __atomic_store_n(&m->quit, true, __ATOMIC_RELAXED);
   for (unsigned i = 0; i < m->n_threads; i++) {
      pthread_join(m->workers[i].thread, NULL);
   }
   for (unsigned i = 0; i < m->n_opened; i++) {
      struct worker *w = &m->workers[i];
      if (w->source != NULL) {
         w->source->close(w->source);
      }
      if (w->filter != NULL) {
         packet_filter_free(w->filter);
      }
      if (w->cache != NULL) {
         flow_cache_free(w->cache);
      }
      for (unsigned k = 0; k < w->n_sinks; k++) {
         w->sinks[k]->close(w->sinks[k]);
      }
   }
   free(m);
}
