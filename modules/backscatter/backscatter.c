/* SPDX-License-Identifier: BSD-3-Clause */
/** backscatter: victims of attacks with forged addresses, from the answers that they send to these addresses. */
#include <inttypes.h>
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_text.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <string.h>

#include "victim.h"
#include "fields.h"
#include "history.h"
#include "networks_option.h"

NM_FIELDS(ipaddr DST_IP, ipaddr SRC_IP, uint64 BYTES, time TIME_FIRST, time TIME_LAST, uint32 PACKETS,
          uint16 DST_PORT, uint16 SRC_PORT, uint8 PROTOCOL, uint8 TCP_FLAGS, uint32 PACKETS_REV,
          uint32 POSIX_START, uint32 POSIX_END, uint64 FLOW_COUNT, uint64 PACKET_COUNT, float PPF_AVG,
          float PPF_STD, float BYTES_AVG, float BYTES_STD, uint64 RST, uint64 ACKSYN, uint64 MAX_FPM,
          uint64 UNIQUE_DST_IPS, uint64 UNIQUE_DST_PORTS, uint64 UNIQUE_SRC_PORTS,
          uint64 UNIQUE_DST_24_SUBNETS, uint16 SRC_PORT_1, uint64 SRC_PORT_1_COUNT, uint16 SRC_PORT_2,
          uint64 SRC_PORT_2_COUNT, uint16 SRC_PORT_3, uint64 SRC_PORT_3_COUNT, uint8 EXPORT)

#define OUTPUT                                                                                               \
   "ipaddr SRC_IP,uint8 PROTOCOL,uint32 POSIX_START,uint32 POSIX_END,uint64 FLOW_COUNT,uint64 PACKET_COUNT," \
   "float PPF_AVG,float PPF_STD,uint64 BYTES,float BYTES_AVG,float BYTES_STD,uint64 RST,uint64 ACKSYN,"      \
   "uint64 MAX_FPM,uint64 UNIQUE_DST_IPS,uint64 UNIQUE_DST_PORTS,uint64 UNIQUE_SRC_PORTS,"                   \
   "uint64 UNIQUE_DST_24_SUBNETS,uint16 SRC_PORT_1,uint64 SRC_PORT_1_COUNT,uint16 SRC_PORT_2,"               \
   "uint64 SRC_PORT_2_COUNT,uint16 SRC_PORT_3,uint64 SRC_PORT_3_COUNT,uint8 EXPORT"

#define PROTOCOL_TCP  6
#define FLAG_RST      0x04
#define FLAG_ACK      0x10
#define WHEEL_BUCKETS 8192 /* of a second: longer than the default active timeout */
#define QUEUE_FIRST   1024
#define AHEAD_ENOUGH  8 /* flows in a row after which a new time is believed */

/* Why a report was sent: EXPORT. */
enum export {
   EXPORT_CONTINUED = 1,
   EXPORT_PASSIVE = 2,
   EXPORT_ACTIVE = 4,
   EXPORT_END = 8,
   EXPORT_EVICTED = 16
};

/* Answers that wait for traffic in the other direction, the oldest first. */
struct queue {
   struct answer *ring;
   uint64_t first, n, room; /* room: a power of two */
};

struct backscatter {
   uint32_t active, passive, threshold;
   uint32_t window, future;
   uint64_t rate, answer_rate, out;
   uint32_t history_seconds, feature_seconds;
   double history_share, feature_share;
   bool print;
   networks_t *networks;
   nc_table_t *victims;
   nc_wheel_t *wheel;
   history_t *pairs, *features;
   struct queue queue;
   uint64_t queue_max;
   uint32_t now;           /* seconds of the newest flow that was taken */
   uint64_t behind, ahead; /* flows skipped in a row */
   uint64_t skipped, foreign, answers, answered, forged, lost, exported, too_few, numbers, since_out, jumps;
   uint64_t memory, overfull;
   nm_module_t *module;
   int failed;
};

static void victim_evicted(void *context, const void *key, void *value);

static const nm_option_t options[] = {
    NM_U32('a', "active", struct backscatter, active, 7200, 1, UINT32_MAX / 2,
           "A report is sent of a victim whose first answer is older than this many seconds."),
    NM_U32('p', "passive", struct backscatter, passive, 150, 1, UINT32_MAX / 2,
           "A report is sent of a victim that sent no answer for this many seconds."),
    NM_U32('t', "threshold", struct backscatter, threshold, 30, 1, UINT32_MAX,
           "Least number of flows for a report."),
    NM_U64('r', "c_rate", struct backscatter, rate, 400000, 1, 100000000,
           "Greatest number of flows a second that the history of connections is made for; it takes memory "
           "for those that come."),
    NM_U32('s', "c_history_size", struct backscatter, history_seconds, 120, 1, 86400,
           "Seconds for which connections are remembered at least, and which an answer waits for."),
    NM_DOUBLE('f', "c_history_fp", struct backscatter, history_share, 0.05, 0.0001, 0.5,
              "Share of connections that are taken for seen though they were not."),
    NM_U64('R', "f_rate", struct backscatter, answer_rate, 10000, 1, 10000000,
           "Greatest number of answers a second; with -s the size of the queue in which they wait."),
    NM_U32('S', "f_history_size", struct backscatter, feature_seconds, 1800, 1, 86400,
           "Seconds for which addresses and ports are counted once each."),
    NM_DOUBLE('F', "f_history_fp", struct backscatter, feature_share, 0.01, 0.0001, 0.5,
              "Share of addresses and ports that are not counted though they are new."),
    NM_U32('w', "window", struct backscatter, window, 60, 0, 86400,
           "Skip flows that ended more than this many seconds before the newest one."),
    NM_U32('W', "Window", struct backscatter, future, 30, 0, 86400,
           "Skip flows that ended more than this many seconds after the newest one, unless eight follow each "
           "other."),
    NM_U64('o', "out", struct backscatter, out, 0, 0, UINT64_MAX,
           "For tests: after each so many flows, count the answers that wait without looking for traffic in "
           "the other direction. 0: never."),
    NM_FLAG('P', "print", struct backscatter, print,
            "Print parameters at the start and counters at the end on standard output."),
    NM_FILE('N', "networks", struct backscatter, networks, networks_load, networks_release,
            "Networks whose flows are looked at, a prefix a line. Without it: those of CESNET, as in NEMEA "
            "2. Read again on SIGHUP."),
    NM_TABLE(0, "victims", struct backscatter, victims, "victims", struct victim_key, struct victim, 65536,
             .evicted = victim_evicted),
    NM_END,
};

/* ----------------------------------------------------------------- reports */

/* Sends what is known of a victim, if it is enough. */
static int report(nm_module_t *m, const struct victim_key *key, const struct victim *v, enum export why)
{
   struct backscatter *self = nm_self(m);
   if (v->flows < self->threshold) {
      self->too_few += v->flows > 0;
      return NM_OK;
   }
   struct mean packets = victim_packets_per_flow(v), bytes = victim_bytes_per_packet(v);
   struct port_count ports[PORTS_SHOWN];
   victim_ports(v, ports);
   void *rec = nm_record(m, 0);
   nm_set(m, rec, F_SRC_IP, key->address);
   nm_set(m, rec, F_PROTOCOL, key->protocol);
   nm_set(m, rec, F_POSIX_START, v->first);
   nm_set(m, rec, F_POSIX_END, v->last);
   nm_set(m, rec, F_FLOW_COUNT, v->flows);
   nm_set(m, rec, F_PACKET_COUNT, v->packets);
   nm_set(m, rec, F_PPF_AVG, packets.average);
   nm_set(m, rec, F_PPF_STD, packets.deviation);
   nm_set(m, rec, F_BYTES, v->bytes);
   nm_set(m, rec, F_BYTES_AVG, bytes.average);
   nm_set(m, rec, F_BYTES_STD, bytes.deviation);
   nm_set(m, rec, F_RST, v->resets);
   nm_set(m, rec, F_ACKSYN, v->accepts);
   nm_set(m, rec, F_MAX_FPM, v->most_in_a_minute);
   nm_set(m, rec, F_UNIQUE_DST_IPS, v->destinations);
   nm_set(m, rec, F_UNIQUE_DST_PORTS, v->destination_ports);
   nm_set(m, rec, F_UNIQUE_SRC_PORTS, v->source_ports);
   nm_set(m, rec, F_UNIQUE_DST_24_SUBNETS, v->networks);
   nm_set(m, rec, F_SRC_PORT_1, ports[0].port);
   nm_set(m, rec, F_SRC_PORT_1_COUNT, ports[0].count);
   nm_set(m, rec, F_SRC_PORT_2, ports[1].port);
   nm_set(m, rec, F_SRC_PORT_2_COUNT, ports[1].count);
   nm_set(m, rec, F_SRC_PORT_3, ports[2].port);
   nm_set(m, rec, F_SRC_PORT_3_COUNT, ports[2].count);
   nm_set(m, rec, F_EXPORT, (uint8_t) (why | (v->continued ? EXPORT_CONTINUED : 0)));
   self->exported++;
   return nm_send(m, rec);
}

static void keep_failure(struct backscatter *self, int rc)
{
   self->failed = self->failed != NM_OK ? self->failed : rc;
}

static void victim_evicted(void *context, const void *key, void *value)
{
   struct backscatter *self = nm_self(context);
   struct victim *v = value;
   nc_wheel_cancel(&v->timer);
   keep_failure(self, report(context, key, v, EXPORT_EVICTED));
}

/* The second at which a victim is looked at again. */
static uint64_t deadline(const struct backscatter *self, const struct victim *v)
{
   uint64_t passive = (uint64_t) v->last + self->passive, active = (uint64_t) v->first + self->active;
   return 1 + (v->flows > 0 && active < passive ? active : passive);
}

static void victim_due(void *context, nc_timer_t *timer)
{
   struct backscatter *self = context;
   struct victim *v = (struct victim *) (void *) ((char *) timer - offsetof(struct victim, timer));
   const struct victim_key *key = nc_table_key(self->victims, v);
   if ((uint64_t) v->last + self->passive < self->now) {
      keep_failure(self, report(self->module, key, v, EXPORT_PASSIVE));
      nc_table_remove_value(self->victims, v);
      return;
   }
   if (v->flows > 0 && (uint64_t) v->first + self->active < self->now) {
      keep_failure(self, report(self->module, key, v, EXPORT_ACTIVE));
      victim_restart(v);
   }
   nc_wheel_set(self->wheel, &v->timer, deadline(self, v));
}

static void add_answer(struct backscatter *self, const struct answer *a)
{
   struct victim_key key = {.address = a->source, .protocol = a->protocol};
   bool is_new;
   struct victim *v = nc_table_upsert(self->victims, &key, &is_new);
   self->forged++;
   if (is_new) {
      memset(v, 0, sizeof(*v));
      v->number = ++self->numbers;
   }
   victim_add(v, a, self->features);
   if (is_new) {
      nc_wheel_set(self->wheel, &v->timer, deadline(self, v));
   }
}

/* ------------------------------------------------------------------- queue */

static uint64_t pair_hash(const ip_addr_t *from, const ip_addr_t *to)
{
   ip_addr_t pair[2];
   memcpy(&pair[0], from, sizeof(*from));
   memcpy(&pair[1], to, sizeof(*to));
   return nc_hash(pair, sizeof(pair));
}

/* Room for one more. \return false: the queue is as large as it may be */
static bool queue_grow(struct queue *q, uint64_t max)
{
   if (q->n >= max) {
      return false;
   }
   if (q->n < q->room) {
      return true;
   }
   uint64_t room = q->room == 0 ? QUEUE_FIRST : q->room * 2;
   struct answer *ring = malloc(room * sizeof(*ring));
   if (ring == NULL) {
      return false;
   }
   for (uint64_t i = 0; i < q->n; i++) {
      ring[i] = q->ring[(q->first + i) & (q->room - 1)];
   }
   free(q->ring);
   *q = (struct queue){.ring = ring, .n = q->n, .room = room};
   return true;
}

static void queue_put(struct backscatter *self, const struct answer *a)
{
   struct queue *q = &self->queue;
   self->answers++;
   if (!queue_grow(q, self->queue_max)) {
      self->lost++;
      return;
   }
   q->ring[(q->first + q->n) & (q->room - 1)] = *a;
   q->n++;
}

/* Takes what has waited long enough, or everything. look: for traffic in the other direction */
static void queue_take(struct backscatter *self, bool everything, bool look)
{
   struct queue *q = &self->queue;
   while (q->n > 0) {
      const struct answer *a = &q->ring[q->first & (q->room - 1)];
      if (!everything && (uint64_t) a->last + self->history_seconds > self->now) {
         break;
      }
      if (look && history_has(self->pairs, pair_hash(&a->destination, &a->source))) {
         self->answered++;
      } else {
         add_answer(self, a);
      }
      q->first++;
      q->n--;
   }
}

/* ------------------------------------------------------------------- flows */

/* A new time: everything before it is of another stream. */
static void start_again(struct backscatter *self, uint32_t time)
{
   self->jumps++;
   self->queue.n = 0;
   history_clear(self->pairs);
   self->now = time;
}

/* Moves the time on. \return false: the flow is too old or too new, and skipped */
static bool take_time(struct backscatter *self, uint32_t time)
{
   if (self->now == 0) {
      self->now = time;
   }
   if ((uint64_t) time + self->window < self->now) {
      self->ahead = 0;
      if (++self->behind <= self->history_seconds * self->rate) {
         return false;
      }
      start_again(self, time);
   } else if (time > (uint64_t) self->now + self->future) {
      if (++self->ahead < AHEAD_ENOUGH) {
         return false;
      }
   }
   self->behind = self->ahead = 0;
   if (time > self->now) {
      self->now = time;
   }
   return true;
}

static struct answer read_flow(nm_module_t *m, const void *rec)
{
   struct answer a = {
       .source = nm_get(m, rec, F_SRC_IP),
       .destination = nm_get(m, rec, F_DST_IP),
       .bytes = nm_get(m, rec, F_BYTES),
       .first = ur_time_get_sec(nm_get(m, rec, F_TIME_FIRST)),
       .last = ur_time_get_sec(nm_get(m, rec, F_TIME_LAST)),
       .packets = nm_get(m, rec, F_PACKETS),
       .source_port = nm_get(m, rec, F_SRC_PORT),
       .destination_port = nm_get(m, rec, F_DST_PORT),
       .protocol = nm_get(m, rec, F_PROTOCOL),
       .kind = nm_get(m, rec, F_TCP_FLAGS),
   };
   if (answer_is_icmp(&a)) { /* type and code are in the port */
      a.kind = (uint8_t) (a.destination_port >> 8);
      a.source_port = a.destination_port;
      a.destination_port = a.kind;
   }
   return a;
}

static int record(nm_module_t *m, const void *rec)
{
   struct backscatter *self = nm_self(m);
   struct answer a = read_flow(m, rec);
   if (!networks_contain(self->networks, &a.source) && !networks_contain(self->networks, &a.destination)) {
      self->foreign++;
      return NM_OK;
   }
   uint32_t before = self->now;
   if (!take_time(self, a.last)) {
      self->skipped++;
      return NM_OK;
   }
   if (self->now != before) {
      history_advance(self->pairs, self->now);
      history_advance(self->features, self->now);
   }
   if (a.protocol != PROTOCOL_TCP || (a.kind != FLAG_RST && a.kind != (FLAG_RST | FLAG_ACK))) {
      history_add(self->pairs, pair_hash(&a.source, &a.destination));
   }
   if (self->now != before) {
      queue_take(self, false, true);
      nc_wheel_advance(self->wheel, self->now, victim_due, self);
   }
   if (self->out > 0 && ++self->since_out >= self->out) {
      self->since_out = 0;
      queue_take(self, true, false);
   }
   if (answer_is_backscatter(&a)) {
      queue_put(self, &a);
   }
   return self->failed;
}

/* -------------------------------------------------------------------- life */

static void print_parameters(const struct backscatter *self)
{
   printf("active timeout: %" PRIu32 " s\npassive timeout: %" PRIu32 " s\nthreshold: %" PRIu32 " flows\n",
          self->active, self->passive, self->threshold);
   printf("history of connections: %" PRIu32 " s, at most %" PRIu64 " flows/s, false positives %g\n",
          self->history_seconds, self->rate, self->history_share);
   printf("history of features: %" PRIu32 " s, at most %" PRIu64 " flows/s, false positives %g\n",
          self->feature_seconds, self->answer_rate, self->feature_share);
   printf("accepted flows: %" PRIu32 " s before to %" PRIu32 " s after the newest one\nnetworks: %" PRIu32
          "\n",
          self->window, self->future, networks_count(self->networks));
}

static int init(nm_module_t *m)
{
   struct backscatter *self = nm_self(m);
   self->module = m;
   if (self->networks == NULL && (self->networks = networks_cesnet()) == NULL) {
      return nm_fail(m, "no memory");
   }
   struct history_config pairs = {self->history_share, self->history_seconds,
                                  self->history_seconds * self->rate};
   struct history_config features = {self->feature_share, self->feature_seconds,
                                     self->feature_seconds * self->answer_rate};
   self->pairs = history_new(&pairs);
   self->features = history_new(&features);
   self->wheel = nc_wheel_new(WHEEL_BUCKETS, 1);
   if (self->pairs == NULL || self->features == NULL || self->wheel == NULL) {
      return nm_fail(m, "no memory");
   }
   self->queue_max = self->answer_rate * self->history_seconds;
   nm_counter(m, "outside the networks", &self->foreign);
   nm_counter(m, "skipped by their time", &self->skipped);
   nm_counter(m, "changes of the time", &self->jumps);
   nm_counter(m, "answers", &self->answers);
   nm_counter(m, "answers to traffic", &self->answered);
   nm_counter(m, "answers to forged packets", &self->forged);
   nm_counter(m, "answers without room", &self->lost);
   nm_counter(m, "reports", &self->exported);
   nm_counter(m, "victims with few flows", &self->too_few);
   nm_counter(m, "bytes of histories", &self->memory);
   nm_counter(m, "items beyond the histories", &self->overfull);
   if (self->print) {
      print_parameters(self);
      return nc_flush_stdout("backscatter") ? NM_OK : nm_fail(m, "standard output failed");
   }
   return NM_OK;
}

static int idle(nm_module_t *m)
{
   struct backscatter *self = nm_self(m);
   self->memory = history_memory(self->pairs) + history_memory(self->features);
   self->overfull = history_overfull(self->pairs) + history_overfull(self->features);
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct backscatter *self = nm_self(m);
   uint32_t cursor = 0;
   const void *key;
   void *value;
   idle(m);
   queue_take(self, true, true);
   while (self->failed == NM_OK && nc_table_next(self->victims, &cursor, &key, &value)) {
      self->failed = report(m, key, value, EXPORT_END);
   }
   if (self->print) {
      printf("flows outside the networks: %" PRIu64 "\nflows skipped by their time: %" PRIu64
             "\nanswers: %" PRIu64 "\nanswers to traffic: %" PRIu64 "\nanswers to forged packets: %" PRIu64
             "\nanswers without room: %" PRIu64 "\nreports: %" PRIu64 "\n",
             self->foreign, self->skipped, self->answers, self->answered, self->forged, self->lost,
             self->exported);
      return nc_flush_stdout("backscatter") ? self->failed : nm_fail(m, "standard output failed");
   }
   return self->failed;
}

static void cleanup(nm_module_t *m)
{
   struct backscatter *self = nm_self(m);
   history_free(self->pairs);
   history_free(self->features);
   nc_wheel_free(self->wheel);
   free(self->queue.ring);
}

NM_MODULE("backscatter",
          "Finds victims of attacks with forged source addresses, by the answers that they send to these "
          "addresses: SYN+ACK, RST and "
          "ICMP messages to hosts that sent them nothing. Sends numbers of each victim, from which "
          "backscatter_classifier tells attacks.",
          .in = NM_INPUTS({"flows",
                           "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 "
                           "PACKETS,uint16 DST_PORT,"
                           "uint16 SRC_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS",
                           .optional = "uint32 PACKETS_REV", .split_biflows = true}),
          .out = NM_OUTPUTS({"victims", OUTPUT}), .options = options,
          .state_size = sizeof(struct backscatter), .init = init, .record = record, .idle = idle,
          .finish = finish, .cleanup = cleanup)
