/* SPDX-License-Identifier: BSD-3-Clause */
#include "meter.h"
#include "counters.h"
#include "plugins/registry.h"
#include "telemetry.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STATUS_DAMAGED  3
#define PROGRESS_PERIOD 100000000 /* nanoseconds */
#define LOOK_PERIOD     50000000  /* nanoseconds between checks of the workers by the main thread */
#define FLUSH_EVERY     64        /* batches */
#define MAX_SINKS       2
#define UNREAD_LINKS    16 /* link types that are counted one by one; more are counted with the last */

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
                                                   "dropped by outputs",
                                                   "table bytes"};

struct unread {
   uint16_t link;
   uint64_t packets;
};

struct worker {
   struct meter *meter;
   const struct meter_input *input;
   pthread_t thread;
   struct source *source;
   struct packet_filter *filter;
   struct flow_cache *cache;
   struct flow_sink *sinks[MAX_SINKS];
   unsigned n_sinks;
   uint64_t packets, bytes, not_ip, malformed, truncated, filtered, damaged, batches;
   struct unread unread[UNREAD_LINKS]; /* packets of link types without a parser */
   unsigned n_unread;
   uint64_t next_flow;
   uint64_t by_packets[PACKET_CLASSES]; /* exported flows */
   uint64_t shown[COUNTERS];            /* for the main thread: atomic */
   int result;
   bool finished; /* atomic */
};

struct meter {
   struct meter_config *config;
   nm_module_t *module;
   struct worker workers[MAX_INPUTS];
   unsigned n_opened, n_threads;
   bool quit; /* atomic: a worker has failed */
   uint64_t sums[COUNTERS];
   uint64_t next_progress, next_show, next_telemetry;
};

static void sleep_ns(uint64_t ns)
{
   struct timespec ts = {.tv_sec = (time_t) (ns / NS), .tv_nsec = (long) (ns % NS)};
   nanosleep(&ts, NULL); /* a signal ends it */
}

/* -------------------------------------------------------------- configuration */

void meter_config_init(struct meter_config *c)
{
   c->cache.capacity = 1u << 17;
   c->cache.active_ms = 300000;
   c->cache.inactive_ms = 30000;
   c->cache.fragments = FRAGMENTS;
   c->cache.fragment_s = 3;
   c->sink.link_bit_field = 1;
   c->sink.host = "127.0.0.1";
   c->sink.port = "4739";
   c->sink.mtu = 1458;
   c->sink.template_refresh = 600;
   c->sink.reconnect = 60;
}

char *meter_keep(const char *text)
{
   static struct kept {
      struct kept *next;
      char text[];
   } * all;
   size_t size = strlen(text) + 1;
   struct kept *k = malloc(sizeof(*k) + size);
   if (k == NULL) {
      return NULL;
   }
   memcpy(k->text, text, size);
   k->next = all;
   all = k;
   return k->text;
}

static int add_path(struct meter_input *in, const char *path, char *error)
{
   if (in->n_files == MAX_FILES) {
      snprintf(error, METER_ERROR, "%s: more than %d files", path, MAX_FILES);
      return NM_ERROR;
   }
   in->files[in->n_files++] = path;
   return NM_OK;
}

static int visible(const struct dirent *e)
{
   return e->d_name[0] != '.';
}

static int add_directory(struct meter_input *in, const char *path, char *error)
{
   struct dirent **entries = NULL;
   int n = scandir(path, &entries, visible, alphasort), rc = NM_OK;
   unsigned before = in->n_files;
   if (n < 0) {
      snprintf(error, METER_ERROR, "cannot read %s: %s", path, strerror(errno));
      return NM_ERROR;
   }
   for (int i = 0; i < n; i++) {
      struct stat st;
      char name[PATH_MAX];
      int length = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
      free(entries[i]);
      if (rc == NM_OK && length < (int) sizeof(name) && stat(name, &st) == 0 && S_ISREG(st.st_mode)) {
         const char *kept = meter_keep(name);
         rc = add_path(in, kept != NULL ? kept : path, error);
      }
   }
   free(entries);
   if (rc == NM_OK && in->n_files == before) {
      snprintf(error, METER_ERROR, "%s: no file in this directory", path);
      return NM_ERROR;
   }
   return rc;
}

int meter_add_file(struct meter_input *in, const char *path, char error[METER_ERROR])
{
   struct stat st;
   if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
      return add_directory(in, path, error);
   }
   if (strcmp(path, "-") != 0 && access(path, R_OK) != 0) {
      snprintf(error, METER_ERROR, "cannot read %s: %s", path, strerror(errno));
      return NM_ERROR;
   }
   return add_path(in, path, error);
}

int meter_use_plugin(struct flow_sink_config *c, const char *name, char error[METER_ERROR])
{
   const struct flow_plugin *plugin = flow_plugin_find(name);
   unsigned i = 0;
   while (i < c->n_plugins && c->plugins[i] != plugin) {
      i++;
   }
   if (plugin == NULL || i == MAX_PLUGINS) {
      int n = snprintf(error, METER_ERROR,
                       plugin == NULL ? "\"%s\" (expected basic" : "\"%s\": more than %d plugins", name,
                       MAX_PLUGINS);
      for (size_t k = 0; plugin == NULL && flow_plugin_at(k) != NULL && n < METER_ERROR; k++) {
         n += snprintf(error + n, (size_t) (METER_ERROR - n), ", %s%s", flow_plugin_at(k)->name,
                       flow_plugin_at(k + 1) == NULL ? ")" : "");
      }
      return -1;
   }
   c->plugins[i] = plugin;
   c->n_plugins += i == c->n_plugins;
   return (int) i;
}

/* --------------------------------------------------------------------- workers */

static unsigned packet_class(uint64_t packets)
{
   static const uint64_t most[PACKET_CLASSES - 1] = {1, 5, 10, 20, 50};
   unsigned i = 0;
   while (i < PACKET_CLASSES - 1 && packets > most[i]) {
      i++;
   }
   return i;
}

static void export_flow(void *worker, const struct flow *flow, void *const ext[MAX_PLUGINS],
                        enum flow_end reason)
{
   struct worker *w = worker;
   uint64_t limit = w->meter->config->flow_limit;
   if (limit != 0) {
      uint64_t now = sink_clock(CLOCK_MONOTONIC), step = NS * w->meter->config->n_inputs / limit;
      while (now < w->next_flow && !nm_stopping(w->meter->module)) {
         sleep_ns(w->next_flow - now < LOOK_PERIOD ? w->next_flow - now : LOOK_PERIOD);
         now = sink_clock(CLOCK_MONOTONIC);
      }
      w->next_flow = (now > w->next_flow + step ? now : w->next_flow) + step;
   }
   if (reason != FLOW_GOES_ON) {
      w->by_packets[packet_class((uint64_t) flow->packets + flow->packets_rev)]++;
   }
   for (unsigned i = 0; i < w->n_sinks; i++) {
      w->sinks[i]->export(w->sinks[i], flow, ext, reason);
      if (w->sinks[i]->result != NM_OK) {
         w->result = w->sinks[i]->result;
      }
   }
}

static void flush_sinks(struct worker *w, uint64_t now)
{
   for (unsigned i = 0; i < w->n_sinks; i++) {
      w->sinks[i]->flush(w->sinks[i], now);
      if (w->sinks[i]->result != NM_OK) {
         w->result = w->sinks[i]->result;
      }
   }
}

static uint64_t unread_packets(const struct worker *w)
{
   uint64_t sum = 0;
   for (unsigned i = 0; i < w->n_unread; i++) {
      sum += w->unread[i].packets;
   }
   return sum;
}

/* Shows the main thread how far this worker is. */
static void publish(struct worker *w)
{
   const struct flow_cache_stats *s = flow_cache_stats(w->cache);
   const struct flow_sink *sink = w->sinks[0];
   uint64_t drops = 0;
   for (unsigned i = 0; i < w->n_sinks; i++) {
      drops += w->sinks[i]->dropped;
   }
   const uint64_t values[COUNTERS] = {
       [C_PACKETS] = w->packets,
       [C_BYTES] = w->bytes,
       [C_IN_FLOWS] = s->packets,
       [C_NOT_IP] = w->not_ip,
       [C_MALFORMED] = w->malformed,
       [C_TRUNCATED] = w->truncated,
       [C_UNKNOWN_LINK] = unread_packets(w),
       [C_FILTERED] = w->filtered,
       [C_KERNEL_DROPS] = w->source->dropped,
       [C_BEGUN] = s->flows,
       [C_CACHED] = s->cached,
       [C_INACTIVE] = s->exported[FLOW_END_INACTIVE],
       [C_ACTIVE] = s->exported[FLOW_END_ACTIVE],
       [C_DETECTED] = s->exported[FLOW_END_DETECTED],
       [C_FORCED] = s->exported[FLOW_END_FORCED],
       [C_EVICTED] = s->exported[FLOW_END_RESOURCES],
       [C_CROWDED] = s->crowded,
       [C_FRAGMENTS] = s->fragments_without_first,
       [C_PLUGIN_MEMORY] = *s->plugin_memory_exceeded,
       [C_GIVEN_UP] = s->streams->given_up,
       [C_STOLEN] = s->streams->stolen,
       [C_OUTPUT_DROPS] = drops,
       [C_TABLE_BYTES] = s->table_bytes,
       [C_OUTPUT_FLOWS] = sink->flows,
       [C_OUTPUT_PACKETS] = sink->packets,
       [C_OUTPUT_BYTES] = sink->bytes,
       [C_FRAGMENTS_ALL] = s->fragments->all,
       [C_FRAGMENTS_FIRST] = s->fragments->first,
       [C_FRAGMENTS_NOT_FOUND] = s->fragments->not_found,
       [C_FRAGMENTS_TIMEOUT] = s->fragments->timed_out,
   };
   for (unsigned i = 0; i < COUNTERS; i++) {
      uint64_t v = i < C_FLOWS_BY_PACKETS ? values[i] : w->by_packets[i - C_FLOWS_BY_PACKETS];
      __atomic_store_n(&w->shown[i], v, __ATOMIC_RELAXED);
   }
}

static void not_ip(struct worker *w, const struct packet *packet)
{
   struct arp_message arp;
   w->not_ip++;
   if (w->meter->config->sink.arp_outputs == 0 || !arp_parse(packet, &arp)) {
      return;
   }
   for (unsigned i = 0; i < w->n_sinks; i++) {
      if (w->sinks[i]->arp != NULL) {
         w->sinks[i]->arp(w->sinks[i], packet, &arp);
      }
   }
}

static void unknown_link(struct worker *w, uint16_t link)
{
   unsigned i = 0;
   while (i < w->n_unread && w->unread[i].link != link) {
      i++;
   }
   if (i == UNREAD_LINKS) {
      i--;
   } else if (i == w->n_unread) {
      w->unread[w->n_unread++] = (struct unread){.link = link};
   }
   w->unread[i].packets++;
}

/* What is no packet of a flow, by its reason. */
static void refuse(struct worker *w, const struct raw_packet *raw, const struct packet *packet,
                   enum parse_result result)
{
   switch (result) {
   case PARSE_NOT_IP: not_ip(w, packet); break;
   case PARSE_TRUNCATED: w->truncated++; break;
   case PARSE_UNKNOWN_LINK: unknown_link(w, raw->link); break;
   default: w->malformed++; break;
   }
}

static void work_on(struct worker *w, const struct raw_packet *raw, unsigned n)
{
   struct packet packets[FLOW_BATCH];
   const struct meter_config *c = w->meter->config;
   const enum parse_depth depth = c->depth;
   const uint64_t since = c->since, until = c->until != 0 ? c->until : UINT64_MAX;
   unsigned good = 0;
   w->packets += n;
   for (unsigned i = 0; i < n; i++) {
      w->bytes += raw[i].wire;
      if (raw[i].time < since || raw[i].time >= until) {
         w->filtered++;
         continue;
      }
      if (w->filter != NULL && packet_link_known(raw[i].link) && !packet_filter_match(w->filter, &raw[i])) {
         w->filtered++;
         continue;
      }
      enum parse_result result = packet_parse(&raw[i], depth, &packets[good]);
      if (result == PARSE_OK) {
         good++;
      } else {
         refuse(w, &raw[i], &packets[good], result);
      }
   }
   flow_cache_packets(w->cache, packets, good);
   if (++w->batches % FLUSH_EVERY == 0) {
      flush_sinks(w, sink_clock(CLOCK_MONOTONIC));
   }
}

/* One batch. \return NM_OK, NM_STOP at the end, NM_ERROR */
static int step(struct worker *w)
{
   struct raw_packet raw[FLOW_BATCH];
   unsigned n = 0, max = FLOW_BATCH;
   uint64_t limit = w->meter->config->count_limit;
   int rc = NM_OK;
   if (limit != 0 && limit - w->packets < max) {
      max = (unsigned) (limit - w->packets);
   }
   switch (w->source->read(w->source, raw, max, &n)) {
   case SOURCE_PACKETS: work_on(w, raw, n); break;
   case SOURCE_INTERRUPTED: break;
   case SOURCE_IDLE:
      flow_cache_advance(w->cache, sink_clock(CLOCK_REALTIME));
      flush_sinks(w, sink_clock(CLOCK_MONOTONIC));
      break;
   case SOURCE_DAMAGED:
      w->damaged++;
      nm_warn(w->meter->module, "%s", w->source->error);
      rc = w->input->n_files > 1 ? NM_OK : NM_STOP; /* go on with the other files */
      break;
   case SOURCE_END: rc = NM_STOP; break;
   default: /* the flows of what came before are exported */
      w->result = nm_fail(w->meter->module, "%s", w->source->error);
      publish(w);
      return NM_STOP;
   }
   publish(w);
   if (rc == NM_OK && limit != 0 && w->packets >= limit) {
      rc = NM_STOP;
   }
   return rc == NM_OK ? w->result : rc;
}

static void end_worker(struct worker *w)
{
   flow_cache_flush(w->cache);
   flush_sinks(w, 0);
   publish(w);
}

static void pin(const struct worker *w)
{
   cpu_set_t set;
   if (w->input->cpu >= 0) {
      CPU_ZERO(&set);
      CPU_SET((unsigned) w->input->cpu, &set);
      if (sched_setaffinity(0, sizeof(set), &set) != 0) {
         nm_verbose(w->meter->module, "cannot run on CPU %d: %s", w->input->cpu, strerror(errno));
      }
   }
}

static void *run_worker(void *worker)
{
   struct worker *w = worker;
   int rc = NM_OK;
   pin(w);
   while (rc == NM_OK && !nm_stopping(w->meter->module) &&
          !__atomic_load_n(&w->meter->quit, __ATOMIC_RELAXED)) {
      rc = step(w);
   }
   end_worker(w);
   if (rc == NM_ERROR || w->result == NM_ERROR) {
      w->result = NM_ERROR;
      __atomic_store_n(&w->meter->quit, true, __ATOMIC_RELAXED);
   }
   __atomic_store_n(&w->finished, true, __ATOMIC_RELEASE);
   return NULL;
}

/* ------------------------------------------------------------------------ start */

static int open_source(struct worker *w)
{
   const struct meter_input *in = w->input;
   char error[SOURCE_ERROR_SIZE] = "";
   if (in->filter != NULL && (in->n_files > 0 || in->raw)) {
      w->filter = packet_filter_new(in->filter, in->snaplen, error);
      if (w->filter == NULL) {
         return nm_fail(w->meter->module, "%s", error);
      }
   }
   w->source = in->n_files > 0 ? source_open_files(in->files, in->n_files, error)
               : in->raw ? source_open_raw(in->interface, in->blocks, in->block_pages, in->fanout, error)
                         : source_open_live(in->interface, in->snaplen, in->filter, error);
   return w->source != NULL ? NM_OK : nm_fail(w->meter->module, "%s", error);
}

static int add_sink(struct worker *w, struct flow_sink *sink)
{
   if (sink == NULL) {
      return NM_ERROR;
   }
   w->sinks[w->n_sinks++] = sink;
   return NM_OK;
}

/* Without an option, each plugin has room for half of the flows: more than speak one protocol at a time, and half of what an attacker who makes
 * all of them do so could take. */
static int limit_plugins(struct meter *m, struct flow_cache_config *cache)
{
   uint64_t most, least;
   plugin_memory_sizes(cache->plugins, cache->n_plugins, cache->capacity, &most, &least);
   if (cache->plugin_memory == 0) {
      cache->plugin_memory = least + (most - least) / 2;
   }
   if (cache->plugin_memory < least) {
      return nm_fail(m->module,
                     "option --plugin-memory: %" PRIu64
                     " MiB are not enough for these plugins and a cache of %u flows "
                     "(at least %" PRIu64 " MiB)",
                     cache->plugin_memory >> 20, cache->capacity, (least >> 20) + 1);
   }
   return NM_OK;
}

static int open_worker(struct meter *m, unsigned index)
{
   struct worker *w = &m->workers[index];
   struct meter_config *c = m->config;
   struct flow_cache_config cache = c->cache;
   *w = (struct worker){.meter = m, .input = &c->inputs[index]};
   m->n_opened++;
   int rc = c->to_unirec ? add_sink(w, unirec_sink_new(&c->sink)) : NM_OK;
   rc = rc == NM_OK && c->to_text ? add_sink(w, text_sink_new(&c->sink)) : rc;
   rc = rc == NM_OK && c->to_ipfix ? add_sink(w, ipfix_sink_new(&c->sink)) : rc;
   if (rc != NM_OK) {
      return rc;
   }
   cache.n_plugins = c->sink.n_plugins;
   memcpy(cache.plugins, c->sink.plugins, sizeof(cache.plugins));
   cache.export = export_flow;
   cache.context = w;
   if (limit_plugins(m, &cache) != NM_OK) {
      return NM_ERROR;
   }
   w->cache = flow_cache_new(&cache);
   if (w->cache == NULL) {
      return nm_fail(m->module, "out of memory for a cache of %u flows", cache.capacity);
   }
   return open_source(w);
}

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
      rc = open_worker(m, i);
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
                    "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                    w->source->bytes_done, w->source->bytes_total, w->packets, w->not_ip, w->malformed,
                    w->truncated, unread_packets(w));
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
      int rc = pthread_create(&w->thread, NULL, run_worker, w);
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
      pin(&m->workers[0]);
   }
   int rc = step(&m->workers[0]);
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
      end_worker(&m->workers[0]);
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
