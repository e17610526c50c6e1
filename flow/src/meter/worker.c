/* SPDX-License-Identifier: BSD-3-Clause */
/** What is done for one input: its packets become flows, which are exported. */
#include "meter_state.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FLUSH_EVERY 64 /* batches */

void sleep_ns(uint64_t ns)
{
   struct timespec ts = {.tv_sec = (time_t) (ns / NS), .tv_nsec = (long) (ns % NS)};
   nanosleep(&ts, NULL); /* a signal ends it */
}
static unsigned packet_class(uint64_t packets)
{
   static const uint64_t most[PACKET_CLASSES - 1] = {1, 5, 10, 20, 50};
   unsigned i = 0;
   while (i < PACKET_CLASSES - 1 && packets > most[i]) {
      i++;
   }
   return i;
}

/* Nothing waits in sinks for flows of later packets. */
static void pass_on(struct worker *w)
{
   for (unsigned i = 0; i < w->n_sinks; i++) {
      if (w->sinks[i]->pass != NULL) {
         w->sinks[i]->pass(w->sinks[i]);
         w->result = w->sinks[i]->result != NM_OK ? w->sinks[i]->result : w->result;
      }
   }
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
   if (limit != 0) {
      pass_on(w);
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

uint64_t worker_unread_packets(const struct worker *w)
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
   const struct crowd_stats crowds = flow_cache_crowds(w->cache);
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
       [C_UNKNOWN_LINK] = worker_unread_packets(w),
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
       [C_CROWDS_ENDED] = crowds.ended,
       [C_CROWDS_SPLIT] = crowds.split,
       [C_CROWDS_EVICTED] = crowds.evicted,
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
   pass_on(w);
   if (++w->batches % FLUSH_EVERY == 0) {
      flush_sinks(w, sink_clock(CLOCK_MONOTONIC));
   }
}

/* One batch. \return NM_OK, NM_STOP at the end, NM_ERROR */
int worker_step(struct worker *w)
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
      flow_cache_advance(w->cache, w->source->now != 0 ? w->source->now : sink_clock(CLOCK_REALTIME));
      pass_on(w);
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

void worker_end(struct worker *w)
{
   flow_cache_flush(w->cache);
   pass_on(w);
   flush_sinks(w, 0);
   publish(w);
}

void worker_pin(const struct worker *w)
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

void *worker_run(void *worker)
{
   struct worker *w = worker;
   int rc = NM_OK;
   worker_pin(w);
   while (rc == NM_OK && !nm_stopping(w->meter->module) &&
          !__atomic_load_n(&w->meter->quit, __ATOMIC_RELAXED)) {
      rc = worker_step(w);
   }
   worker_end(w);
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
   if (w->source != NULL && in->speed > 0) {
      snprintf(error, sizeof(error), "out of memory");
      w->source = source_paced(w->source, in->speed);
   }
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

int worker_open(struct meter *m, unsigned index)
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
