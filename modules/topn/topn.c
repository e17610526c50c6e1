/* SPDX-License-Identifier: BSD-3-Clause */
/** topn: tables of the greatest flows, ports, addresses and networks of each interval. */
#include <errno.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "report.h"
#include "tables.h"

NM_FIELDS(uint32 PACKETS, uint64 BYTES, ipaddr SRC_IP, ipaddr DST_IP, uint16 DST_PORT, uint16 SRC_PORT,
          uint8 PROTOCOL)

#define MAX_TOP   PORTS
#define MAX_PORTS 64 /* of option -p */

struct topn {
   uint32_t top, capacity, interval; /* interval: seconds */
   bool wall_clock, by_wall;         /* by_wall: as asked for, or since records have no time */
   uint8_t prefix[ADDRESS_KINDS];    /* lengths; 0: no tables of networks */
   uint16_t ports[MAX_PORTS];
   uint32_t n_groups; /* of ports, and one of all records */
   struct group *groups;
   uint8_t group_of[PORTS]; /* 0: the port has no tables */
   struct report report;
   uint64_t in_interval; /* records */
   uint64_t end;         /* of the interval, in seconds of stream time */
   uint64_t intervals, evicted;
};

/* ----------------------------------------------------------------- options */

static int set_top(nm_module_t *m, const char *text)
{
   struct topn *self = nm_self(m);
   uint64_t value;
   if (!nm_number(text, 1, MAX_TOP, &value)) {
      return nm_fail(m, "Invalid argument for parameter -n: \"%s\" is not a number from 1 to %d", text,
                     MAX_TOP);
   }
   self->top = (uint32_t) value;
   return NM_OK;
}

static int set_interval(nm_module_t *m, const char *text)
{
   struct topn *self = nm_self(m);
   uint64_t value;
   if (!nm_number(text, 1, UINT32_MAX, &value)) {
      return nm_fail(m, "Invalid argument for parameter -l: \"%s\" is not a number of seconds from 1 to %u",
                     text, UINT32_MAX);
   }
   self->interval = (uint32_t) value;
   return NM_OK;
}

/* Reads the first number of a list. \return what follows it; NULL: it is no number from min to max */
static const char *take_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
   char number[8];
   size_t n = strcspn(text, ",");
   if (n >= sizeof(number)) {
      return NULL;
   }
   memcpy(number, text, n);
   number[n] = 0;
   return nm_number(number, min, max, value) ? text + n + (text[n] == ',' && text[n + 1] != 0) : NULL;
}

static int set_ports(nm_module_t *m, const char *text)
{
   struct topn *self = nm_self(m);
   const char *at = text;
   do {
      uint64_t port;
      const char *next = take_number(at, 0, PORTS - 1, &port);
      if (next == NULL || *next == ',') {
         return nm_fail(m, "Error during processing -p parameter: \"%s\" is not a list of ports (80,443)",
                        text);
      }
      if (self->group_of[port] == 0) {
         if (self->n_groups == MAX_PORTS) {
            return nm_fail(m, "Error during processing -p parameter: more than %d ports", MAX_PORTS);
         }
         self->ports[self->n_groups] = (uint16_t) port;
         self->group_of[port] = (uint8_t) ++self->n_groups;
      }
      at = next;
   } while (*at != 0);
   return NM_OK;
}

static int set_prefix(nm_module_t *m, const char *text)
{
   struct topn *self = nm_self(m);
   uint64_t length4, length6 = 0;
   const char *next = take_number(text, 1, 32, &length4);
   next = next != NULL && *next != 0 ? take_number(next, 1, 128, &length6) : next;
   if (next == NULL || *next != 0) {
      return nm_fail(
          m,
          "Error during processing -m parameter: \"%s\" is not the length of IPv4 networks (1 to 32), "
          "with that of IPv6 networks (1 to 128) or without (16,48)",
          text);
   }
   self->prefix[NETWORKS4] = (uint8_t) length4;
   self->prefix[NETWORKS6] = (uint8_t) length6;
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_CALL('n', "top_n", "uint32", set_top, "Rows of each table (1 to 65536). Required."),
    NM_CALL('l', "time", "uint32", set_interval,
            "Length of an interval, after which the tables are printed. Required."),
    NM_CALL('p', "ports", "string", set_ports,
            "Also print tables of the flows from or to each of these ports (at most 64): PORT[,PORT...]."),
    NM_CALL('m', "prefix", "string", set_prefix,
            "Also print tables of networks: length of the prefix of IPv4 networks[,of IPv6 networks]."),
    NM_U32(
        'c', "capacity", struct topn, capacity, 262144, 16, NC_TABLE_MAX_CAPACITY,
        "Number of addresses or networks that each table counts exactly; above it values are upper bounds."),
    NM_FLAG(0, "wall-clock", struct topn, wall_clock,
            "Intervals by the time of arrival, not by the times in the records."),
    NM_END,
};

static int check(nm_module_t *m)
{
   const struct topn *self = nm_self(m);
   if (self->top == 0) {
      return nm_fail(m, "Parameter -n missing.");
   }
   return self->interval == 0 ? nm_fail(m, "Parameter -l missing.") : NM_OK;
}

/* --------------------------------------------------------------- intervals */

static int print_interval(nm_module_t *m, time_t at)
{
   struct topn *self = nm_self(m);
   for (uint32_t i = 0; i < self->n_groups; i++) {
      for (int kind = 0; kind < ADDRESS_KINDS; kind++) {
         if (self->groups[i].addresses[kind].estimated) {
            nm_warn(m,
                    "an interval has more than %u addresses or networks (--capacity): their values are upper "
                    "bounds",
                    self->capacity);
            i = self->n_groups - 1;
            break;
         }
      }
   }
   report_write(&self->report, at);
   for (uint32_t i = 0; i < self->n_groups; i++) {
      group_clear(&self->groups[i]);
   }
   self->in_interval = 0;
   self->intervals++;
   errno = 0;
   if (fflush(stdout) != 0 || ferror(stdout)) {
      return nm_fail(m, "cannot write to standard output: %s",
                     errno != 0 ? strerror(errno) : "a write failed");
   }
   return NM_OK;
}

/* Each second of stream time. An interval ends at a multiple of its length; one without records prints nothing. */
static int tick(nm_module_t *m, ur_time_t stream_time)
{
   struct topn *self = nm_self(m);
   bool over = !self->by_wall && self->in_interval > 0 && ur_time_get_sec(stream_time) >= self->end;
   return over ? print_interval(m, (time_t) self->end) : NM_OK;
}

static int timer(nm_module_t *m)
{
   struct topn *self = nm_self(m);
   return self->by_wall ? print_interval(m, time(NULL)) : NM_OK;
}

static int finish(nm_module_t *m)
{
   struct topn *self = nm_self(m);
   if (self->intervals > 0 && self->in_interval == 0) {
      return NM_OK;
   }
   ur_time_t now = nm_now(m);
   return print_interval(m, self->by_wall || now == 0 ? time(NULL) : (time_t) ur_time_get_sec(now));
}

/* ----------------------------------------------------------------- records */

/* What is counted of a record. */
struct sample {
   struct flow flow;
   uint64_t packets, bytes, order;
   uint64_t hash; /* of the source address, in tables of hosts */
};

static void read_sample(struct sample *s, const char *rec, const uint16_t *at)
{
   s->packets = *(const ur_u_uint32_t *) UR_AT_(rec, at[F_PACKETS]);
   s->bytes = *(const ur_u_uint64_t *) UR_AT_(rec, at[F_BYTES]);
   memcpy(&s->flow.source, rec + at[F_SRC_IP], sizeof(s->flow.source));
   memcpy(&s->flow.destination, rec + at[F_DST_IP], sizeof(s->flow.destination));
   s->flow.source_port = *(const ur_u_uint16_t *) UR_AT_(rec, at[F_SRC_PORT]);
   s->flow.destination_port = *(const ur_u_uint16_t *) UR_AT_(rec, at[F_DST_PORT]);
   s->flow.protocol = *(const uint8_t *) UR_AT_(rec, at[F_PROTOCOL]);
}

static void count(const struct topn *self, struct group *g, const struct sample *s)
{
   const ip_addr_t *source = &s->flow.source;
   flows_add(&g->flows[BY_PACKETS], s->packets, s->order, &s->flow);
   flows_add(&g->flows[BY_BYTES], s->bytes, s->order, &s->flow);
   addresses_add_hashed(&g->addresses[HOSTS], source, s->hash, s->packets, s->bytes);
   enum address_kind kind = ip_is4(source) ? NETWORKS4 : NETWORKS6;
   if (self->prefix[kind] > 0) {
      ip_addr_t network = address_network(source, self->prefix[kind]);
      addresses_add(&g->addresses[kind], &network, s->packets, s->bytes);
   }
}

/* Tables of single ports. Of a port that is both source and destination the flow counts once, the port twice, as in the table of all. */
static void count_by_port(struct topn *self, const struct sample *s)
{
   uint16_t source_port = s->flow.source_port, destination_port = s->flow.destination_port;
   uint8_t source = self->group_of[source_port], destination = self->group_of[destination_port];
   if (source != 0) {
      count(self, &self->groups[source], s);
      counts_add(&self->groups[source].ports[destination_port], s->packets, s->bytes);
   }
   if (destination != 0) {
      if (destination != source) {
         count(self, &self->groups[destination], s);
      }
      counts_add(&self->groups[destination].ports[source_port], s->packets, s->bytes);
   }
}

/* At most NC_TABLE_BATCH records: what they count is fetched for all of them at once. */
static void some_records(struct topn *self, const nm_record_t *recs, uint32_t n, const uint16_t *at)
{
   struct group *all = &self->groups[0];
   struct sample samples[NC_TABLE_BATCH];
   const void *sources[NC_TABLE_BATCH];
   uint64_t hashes[NC_TABLE_BATCH];
   for (uint32_t i = 0; i < n; i++) {
      read_sample(&samples[i], recs[i].data, at);
      sources[i] = &samples[i].flow.source;
      __builtin_prefetch(&all->ports[samples[i].flow.source_port], 1);
      __builtin_prefetch(&all->ports[samples[i].flow.destination_port], 1);
   }
   nc_table_prefetch(all->addresses[HOSTS].table, sources, n, hashes);
   for (uint32_t i = 0; i < n; i++) {
      addresses_prefetch(&all->addresses[HOSTS], hashes[i]);
   }
   for (uint32_t i = 0; i < n; i++) {
      struct sample *s = &samples[i];
      s->hash = hashes[i];
      s->order = self->in_interval++;
      count(self, all, s);
      counts_add(&all->ports[s->flow.source_port], s->packets, s->bytes);
      counts_add(&all->ports[s->flow.destination_port], s->packets, s->bytes);
      if (self->n_groups > 1) {
         count_by_port(self, s);
      }
   }
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct topn *self = nm_self(m);
   if (self->in_interval == 0) { /* a tick that is due ends a batch: all of it is in one interval */
      self->end = (ur_time_get_sec(nm_now(m)) / self->interval + 1) * self->interval;
   }
   for (uint32_t i = 0; i < n; i += NC_TABLE_BATCH) {
      some_records(self, recs + i, n - i < NC_TABLE_BATCH ? n - i : NC_TABLE_BATCH, nm_in(m)->offset);
   }
   return NM_OK;
}

/* -------------------------------------------------------------------- life */

static int init(nm_module_t *m)
{
   struct topn *self = nm_self(m);
   self->n_groups++;
   self->groups = calloc(self->n_groups, sizeof(*self->groups));
   self->report = (struct report){.to = stdout,
                                  .groups = self->groups,
                                  .ports = self->ports,
                                  .n_groups = self->n_groups,
                                  .top = self->top,
                                  .items = calloc(self->top, sizeof(ip_addr_t))};
   bool good =
       ranking_open(&self->report.ranking, self->top) && self->groups != NULL && self->report.items != NULL;
   for (uint32_t i = 0; good && i < self->n_groups; i++) {
      good = group_open(&self->groups[i], self->top, self->capacity, self->prefix, &self->evicted);
   }
   if (!good) {
      return nm_fail(m, "out of memory for the tables of %u kinds of flows with %u addresses (--capacity)",
                     self->n_groups, self->capacity);
   }
   nm_counter(m, "intervals", &self->intervals);
   nm_counter(m, "addresses evicted", &self->evicted);
   return NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct topn *self = nm_self(m);
   nm_field_t time;
   bool has_time = nm_field_find(&time, nm_in_n(m, input), "TIME_LAST") ||
                   nm_field_find(&time, nm_in_n(m, input), "TIME");
   bool by_wall = self->wall_clock || !has_time;
   if (!has_time && !self->wall_clock) {
      nm_warn(m, "records have no time (TIME_LAST, TIME): intervals are by the time of arrival");
   }
   if (by_wall != self->by_wall) {
      nm_set_timer(m, by_wall ? NM_SECONDS(self->interval) : 0);
      self->by_wall = by_wall;
   }
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct topn *self = nm_self(m);
   for (uint32_t i = 0; self->groups != NULL && i < self->n_groups; i++) {
      group_close(&self->groups[i]);
   }
   free(self->groups);
   free(self->report.items);
   ranking_close(&self->report.ranking);
}

NM_MODULE("topn",
          "Prints tables of the top flows, ports and source addresses of each time interval, by "
          "flows, packets and "
          "bytes; on demand also of networks, and of the flows of single ports.",
          .in = NM_INPUTS(
              {"flows",
               "uint32 PACKETS,uint64 BYTES,ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint16 SRC_PORT,"
               "uint8 PROTOCOL"}),
          .options = options, .state_size = sizeof(struct topn), .check = check, .init = init,
          .format = format, .records = records, .tick = tick, .tick_every = NM_SECONDS(1), .timer = timer,
          .finish = finish, .cleanup = cleanup)
