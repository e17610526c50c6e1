/* SPDX-License-Identifier: BSD-3-Clause */
/** What --details adds to alerts. */
#include "detail.h"
#include "fields.h"

#include <math.h>
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_hll.h>
#include <netinet/in.h>

#include "../common/flow.h"
#include "../common/reflector.h"

#define SET_FIRST 64   /* slots of a new set */
#define BURST     1000 /* packets of a flow that is a reason for details */
#define SHARE     0.4 /* of the packets that a port or type must have; counts of ports are low by up to a ninth */
/* A bin with less than this share of the highest one is not of the flood: of all packets, among which there are ordinary ones, and of
 * those of no connection. */
#define PART_OF_ALL   0.05
#define PART_OF_STRAY 0.005
#define SURE          2 /* standard errors: 19 of 20 estimates are within */

/* --------------------------------------------------------------- distinct values */

static void distinct_add(struct distinct *d, uint64_t hash);

static void to_sketch(struct distinct *d)
{
   uint8_t *registers = calloc(1, NC_HLL_BYTES(SKETCH_P));
   if (registers == NULL) {
      return;
   }
   for (uint32_t i = 0; i < d->size; i++) {
      if (d->slots[i] != 0) {
         nc_hll_add(registers, SKETCH_P, d->slots[i]);
      }
   }
   free(d->slots);
   d->slots = (uint64_t *) (void *) registers;
   d->sketch = true;
}

static void grow_set(struct distinct *d)
{
   struct distinct larger = {.size = d->size > 0 ? 2 * d->size : SET_FIRST};
   if (larger.size > SET_SLOTS) {
      to_sketch(d);
      return;
   }
   larger.slots = calloc(larger.size, sizeof(*larger.slots));
   if (larger.slots == NULL) {
      return;
   }
   for (uint32_t i = 0; i < d->size; i++) {
      if (d->slots[i] != 0) {
         distinct_add(&larger, d->slots[i]);
      }
   }
   free(d->slots);
   *d = larger;
}

/* hash: keyed, so that nobody can choose values that count as one or lie in one place. */
static void distinct_add(struct distinct *d, uint64_t hash)
{
   hash += hash == 0;
   if (!d->sketch && 4 * (uint64_t) d->n >= 3 * (uint64_t) d->size) {
      grow_set(d);
   }
   if (d->sketch) {
      nc_hll_add((uint8_t *) d->slots, SKETCH_P, hash);
      return;
   }
   if (d->n + 1 >= d->size) {
      return; /* no memory */
   }
   uint32_t i = (uint32_t) hash & (d->size - 1);
   while (d->slots[i] != 0 && d->slots[i] != hash) {
      i = (i + 1) & (d->size - 1);
   }
   d->n += d->slots[i] == 0;
   d->slots[i] = hash;
}

static void distinct_clear(struct distinct *d)
{
   free(d->slots);
   *d = (struct distinct){.size = 0};
}

/* All of from goes to d; from is empty then. */
static void distinct_take(struct distinct *d, struct distinct *from)
{
   if (from->sketch && !d->sketch) {
      struct distinct other = *d;
      *d = *from;
      *from = other;
   }
   if (from->sketch) {
      nc_hll_merge((uint8_t *) d->slots, (const uint8_t *) from->slots, SKETCH_P);
   }
   for (uint32_t i = 0; i < from->size && !from->sketch; i++) {
      if (from->slots[i] != 0) {
         distinct_add(d, from->slots[i]);
      }
   }
   distinct_clear(from);
}

static uint64_t distinct_count(const struct distinct *d, uint64_t *error)
{
   *error = 0;
   if (!d->sketch) {
      return d->n;
   }
   double n = nc_hll_count((const uint8_t *) d->slots, SKETCH_P);
   *error = (uint64_t) ceil(SURE * n * 1.04 / sqrt(NC_HLL_BYTES(SKETCH_P)));
   return (uint64_t) (n + 0.5);
}

/* ------------------------------------------------------------------------- views */

static enum packet_class class_of(const struct flow *f)
{
   bool ports = f->protocol == PROTOCOL_TCP || f->protocol == PROTOCOL_UDP;
   if (ports && f->src_port == 0 && f->dst_port == 0) {
      return CLASS_FRAGMENTS; /* only the first one has the ports */
   }
   switch (f->protocol) {
   case PROTOCOL_TCP: break;
   case PROTOCOL_UDP: return CLASS_UDP;
   case IPPROTO_ICMP:
   case IPPROTO_ICMPV6: return CLASS_ICMP;
   case IPPROTO_FRAGMENT: return CLASS_FRAGMENTS;
   default: return CLASS_OTHER;
   }
   switch (f->flags & (TCP_SYN | TCP_ACK | TCP_PSH | TCP_FIN | TCP_RST)) {
   case TCP_SYN: return CLASS_SYN;
   case TCP_SYN | TCP_ACK:
   case TCP_SYN | TCP_ACK | TCP_RST: return CLASS_SYN_ACK;
   case TCP_ACK: return CLASS_ACK;
   case TCP_RST:
   case TCP_RST | TCP_ACK: return CLASS_RST;
   default: return CLASS_TCP;
   }
}

/* Misra and Gries: a port with more than a ninth of the packets is among the candidates. */
static void count_port(struct port_count *ports, uint16_t port, uint64_t packets)
{
   unsigned least = 0;
   for (unsigned i = 0; i < DETAIL_PORTS; i++) {
      if (ports[i].packets > 0 && ports[i].port == port) {
         ports[i].packets += packets;
         return;
      }
      least = ports[i].packets < ports[least].packets ? i : least;
   }
   uint64_t less = ports[least].packets < packets ? ports[least].packets : packets;
   for (unsigned i = 0; i < DETAIL_PORTS; i++) {
      ports[i].packets -= less;
   }
   if (packets > less) {
      ports[least] = (struct port_count){.port = port, .packets = packets - less};
   }
}

/* \return 0: none has most of the packets */
static uint16_t main_port(const struct port_count *ports, uint64_t packets)
{
   unsigned most = 0;
   for (unsigned i = 1; i < DETAIL_PORTS; i++) {
      most = ports[i].packets > ports[most].packets ? i : most;
   }
   return (double) ports[most].packets >= SHARE * (double) packets ? ports[most].port : 0;
}

/* The bin of this number; NULL: it is too old. */
static struct bin *bin_at(struct view *v, uint64_t number)
{
   if (number > v->newest) {
      uint64_t first = number - v->newest < BINS ? v->newest + 1 : number - BINS + 1;
      for (uint64_t i = first; i <= number; i++) {
         v->bins[i % BINS] = (struct bin){.flows = 0};
      }
      v->newest = number;
   }
   return number + BINS > v->newest ? &v->bins[number % BINS] : NULL;
}

static uint64_t bin_of(ur_time_t t)
{
   return ur_time_get_sec(t) / BIN_SECONDS;
}

static void spread(struct view *v, const struct flow *f, uint64_t bytes, uint64_t reported)
{
   uint64_t from = bin_of(f->first), until = bin_of(f->last);
   double begin = (double) f->first / 4294967296.0, end = (double) f->last / 4294967296.0;
   struct bin *bin = bin_at(v, until);
   uint64_t oldest = v->newest >= BINS ? v->newest - BINS + 1 : 0;
   if (bin == NULL) {
      return;
   }
   bin->flows++;
   bin->last = f->last > bin->last ? f->last : bin->last;
   bin = bin_at(v, from);
   if (bin != NULL) {
      bin->first = bin->first == 0 || f->first < bin->first ? f->first : bin->first;
   }
   for (uint64_t n = from > oldest ? from : oldest; n <= until; n++) {
      double low = (double) (n * BIN_SECONDS), high = low + BIN_SECONDS;
      double part =
          end > begin ? ((end < high ? end : high) - (begin > low ? begin : low)) / (end - begin) : 1;
      if (n <= reported) {
         v->late_bytes += part * (double) bytes;
         v->late_packets += part * f->packets;
      } else {
         v->bins[n % BINS].bytes += part * (double) bytes;
         v->bins[n % BINS].packets += part * f->packets;
      }
   }
}

static void view_add(struct view *v, const struct flow *f, uint64_t bytes, const uint64_t hash[2],
                     uint64_t reported)
{
   v->classes[class_of(f)] += f->packets;
   v->protocols[f->protocol] += f->packets;
   v->packets += f->packets;
   count_port(v->targets, f->dst_port, f->packets);
   count_port(v->servers, f->src_port, f->packets);
   distinct_add(&v->sources, hash[0]);
   distinct_add(&v->networks, hash[1]);
   spread(v, f, bytes, reported);
}

/* ----------------------------------------------------------------------- details */

void detail_free(struct ddos *self, struct host *h)
{
   free(h->lead);
   h->lead = NULL;
   if (h->detail == NULL) {
      return;
   }
   for (unsigned k = 0; k < VIEWS; k++) {
      distinct_clear(&h->detail->views[k].sources);
      distinct_clear(&h->detail->views[k].networks);
      distinct_clear(&h->detail->views[k].sources_before);
      distinct_clear(&h->detail->views[k].networks_before);
   }
   for (unsigned i = 0; i < DETAILS_MAX; i++) {
      self->details[i] = self->details[i] == h->detail ? NULL : self->details[i];
   }
   free(h->detail);
   h->detail = NULL;
}

/* A place for details: a free one, or that of the destination that is no flood and got the fewest packets. */
static unsigned find_place(struct ddos *self)
{
   unsigned place = DETAILS_MAX;
   uint64_t fewest = UINT64_MAX;
   for (unsigned i = 0; i < DETAILS_MAX; i++) {
      const struct detail *d = self->details[i];
      if (d == NULL) {
         return i;
      }
      uint64_t packets = d->interval < self->interval ? 0 : d->views[VIEW_ALL].packets;
      if (d->host->flood == NULL && packets < fewest) {
         fewest = packets;
         place = i;
      }
   }
   if (place < DETAILS_MAX) {
      detail_free(self, self->details[place]->host);
   }
   return place;
}

static void start(struct ddos *self, struct host *h)
{
   unsigned place = find_place(self);
   struct detail *d = place < DETAILS_MAX ? calloc(1, sizeof(*d)) : NULL;
   if (d == NULL) {
      return;
   }
   d->host = h;
   d->interval = h->interval;
   for (unsigned k = 0; k < VIEWS && h->lead != NULL && h->lead->interval == h->interval; k++) {
      if (h->lead->sums[k].flows > 0) {
         *bin_at(&d->views[k], bin_of(h->lead->sums[k].last)) = h->lead->sums[k];
      }
   }
   for (uint32_t i = 0; h->lead != NULL && h->lead->interval == h->interval && i < h->lead->n && i < LEAD;
        i++) {
      uint64_t hash = h->lead->hashes[i];
      for (unsigned k = hash & 1 ? VIEW_STRAY : VIEW_ALL; k < VIEWS; k++) {
         distinct_add(&d->views[k].sources, hash | 1);
         distinct_add(&d->views[k].networks, h->lead->networks[i]);
      }
   }
   h->detail = self->details[place] = d;
}

/* A minute without a flood is over. */
static void next_minute(struct detail *d, uint64_t interval)
{
   for (unsigned k = 0; k < VIEWS && d->host->flood == NULL; k++) {
      struct view *v = &d->views[k];
      distinct_clear(&v->sources_before);
      distinct_clear(&v->networks_before);
      v->sources_before = v->sources;
      v->networks_before = v->networks;
      v->sources = v->networks = (struct distinct){.size = 0};
      if (interval > d->interval + 1) {
         distinct_clear(&v->sources_before);
         distinct_clear(&v->networks_before);
      }
      memset(v->classes, 0, sizeof(v->classes));
      memset(v->protocols, 0, sizeof(v->protocols));
      memset(v->targets, 0, sizeof(v->targets));
      memset(v->servers, 0, sizeof(v->servers));
      v->packets = 0;
   }
   d->interval = interval;
}

/* \return true: the destination had its share of flows before details are kept */
static bool note_lead(struct host *h, const struct flow *f, uint64_t bytes, const uint64_t hash[2],
                      bool stray)
{
   h->lead = h->lead != NULL ? h->lead : calloc(1, sizeof(*h->lead));
   if (h->lead == NULL) {
      return false;
   }
   if (h->lead->interval != h->interval) {
      *h->lead = (struct lead){.interval = h->interval};
   }
   if (h->lead->n < LEAD) {
      h->lead->hashes[h->lead->n] = stray ? hash[0] : hash[0] & ~UINT64_C(1);
      h->lead->networks[h->lead->n] = hash[1];
      for (unsigned k = stray ? VIEW_STRAY : VIEW_ALL; k < VIEWS; k++) {
         struct bin *sums = &h->lead->sums[k];
         sums->bytes += (double) bytes;
         sums->packets += f->packets;
         sums->flows++;
         sums->first = sums->first == 0 || f->first < sums->first ? f->first : sums->first;
         sums->last = f->last > sums->last ? f->last : sums->last;
      }
   }
   return ++h->lead->n == LEAD + 1; /* once a minute */
}

void detail_add(struct ddos *self, struct host *h, const struct flow *f, const ip_addr_t *network,
                uint64_t bytes, bool stray)
{
   ip_addr_t source;
   memcpy(&source, f->src, sizeof(source));
   const uint64_t hash[2] = {nc_hash(&source, sizeof(source)) | 1, nc_hash(network, sizeof(*network)) | 1};
   if (h->detail == NULL && (f->packets >= BURST || note_lead(h, f, bytes, hash, stray))) {
      start(self, h);
   }
   struct detail *d = h->detail;
   if (d == NULL) {
      return;
   }
   if (d->interval < h->interval) {
      next_minute(d, h->interval);
   }
   for (unsigned k = stray ? VIEW_STRAY : VIEW_ALL; k < VIEWS; k++) {
      view_add(&d->views[k], f, bytes, hash, d->reported);
   }
}

/* Packets of the highest bin. */
static double highest_bin(const struct view *v)
{
   double most = 0;
   for (unsigned i = 0; i < BINS; i++) {
      most = v->bins[i].packets > most ? v->bins[i].packets : most;
   }
   return most;
}

/* Did the flood begin in the minute before? */
static bool began_before(const struct view *v, uint64_t interval, double part)
{
   uint64_t end = interval * INTERVAL / BIN_SECONDS;
   double least = part * highest_bin(v);
   bool before = false;
   for (uint64_t n = end - INTERVAL / BIN_SECONDS; n < end; n++) {
      before = before || (n + BINS > v->newest && n <= v->newest && v->bins[n % BINS].packets >= least);
   }
   return before;
}

void detail_begin(struct host *h)
{
   for (unsigned k = 0; h->detail != NULL && k < VIEWS; k++) {
      struct view *v = &h->detail->views[k];
      if (began_before(v, h->interval, k == VIEW_STRAY ? PART_OF_STRAY : PART_OF_ALL)) {
         distinct_take(&v->sources, &v->sources_before);
         distinct_take(&v->networks, &v->networks_before);
      }
      distinct_clear(&v->sources_before);
      distinct_clear(&v->networks_before);
   }
}

static const char *type_of(const struct view *v, uint16_t server_port)
{
   static const char *const names[CLASSES] = {"syn",  "syn-ack-reflection", "ack",  "rst", "tcp", "udp",
                                              "icmp", "fragments",          "other"};
   unsigned most = 0;
   for (unsigned i = 1; i < CLASSES; i++) {
      most = v->classes[i] > v->classes[most] ? i : most;
   }
   if ((double) v->classes[most] < SHARE * (double) v->packets) {
      return "mixed";
   }
   return most == CLASS_UDP && is_reflector(server_port) ? "amplification" : names[most];
}

static uint8_t protocol_of(const struct view *v)
{
   unsigned most = 0;
   for (unsigned i = 1; i < 256; i++) {
      most = v->protocols[i] > v->protocols[most] ? i : most;
   }
   return (double) v->protocols[most] >= SHARE * (double) v->packets ? (uint8_t) most : 0;
}

/* The first bin that was not reported. */
static uint64_t first_new(const struct view *v, uint64_t reported)
{
   uint64_t oldest = v->newest >= BINS ? v->newest - BINS + 1 : 0;
   return oldest > reported ? oldest : reported + 1;
}

/* Of a sum that is not negative; the greatest integer if it is beyond it, as sums of forged counters may be. */
static uint64_t rounded(double sum)
{
   return sum < 18446744073709549568.0 ? (uint64_t) (sum + 0.5) : UINT64_MAX;
}

/* Adds up the bins of the flood: those that are not much lower than the highest one, as far as they were not reported. */
static void sum_bins(const struct view *v, uint64_t reported, double part, struct detail_sums *sums)
{
   double least = part * highest_bin(v), most = 0;
   double bytes = v->late_bytes, packets = v->late_packets, top = 0;
   for (uint64_t n = first_new(v, reported); n <= v->newest; n++) {
      const struct bin *b = &v->bins[n % BINS];
      if (b->packets < least || b->packets <= 0) {
         continue;
      }
      ur_time_t first = b->first != 0 ? b->first : ur_time_from_sec_usec(n * BIN_SECONDS, 0);
      ur_time_t last = b->last != 0 ? b->last : ur_time_from_sec_usec((n + 1) * BIN_SECONDS, 0);
      sums->first = sums->first == 0 || first < sums->first ? first : sums->first;
      sums->last = last > sums->last ? last : sums->last;
      sums->flows += b->flows;
      bytes += b->bytes;
      packets += b->packets;
      top = b->bytes > top ? b->bytes : top;
      most = b->packets > most ? b->packets : most;
   }
   sums->bytes = rounded(bytes);
   sums->packets = rounded(packets);
   sums->peak_bytes = rounded(top / BIN_SECONDS);
   sums->peak_packets = rounded(most / BIN_SECONDS);
}

bool detail_has_rest(const struct host *h)
{
   const struct view *v = h->detail != NULL ? &h->detail->views[VIEW_STRAY] : NULL;
   double least = v != NULL ? PART_OF_STRAY * highest_bin(v) : 0;
   bool rest = false;
   for (uint64_t n = v != NULL ? first_new(v, h->detail->reported) : 1; v != NULL && n <= v->newest; n++) {
      rest = rest || (v->bins[n % BINS].packets >= least && v->bins[n % BINS].packets > 0);
   }
   return rest;
}

bool detail_report(const struct ddos *self, struct host *h, struct detail_sums *sums)
{
   struct detail *d = h->detail;
   (void) self;
   *sums = (struct detail_sums){.type = "mixed"};
   if (d == NULL || h->flood == NULL) {
      return false;
   }
   bool stray = h->flood->kind == FLOOD_PACKETS;
   struct view *v = &d->views[stray ? VIEW_STRAY : VIEW_ALL];
   if (v->packets == 0) {
      return false;
   }
   uint8_t protocol = protocol_of(v);
   sums->protocol = protocol;
   sums->port = protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP ? main_port(v->targets, v->packets) : 0;
   sums->server_port =
       protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP ? main_port(v->servers, v->packets) : 0;
   sums->type = type_of(v, sums->server_port);
   sums->sources = distinct_count(&v->sources, &sums->sources_error);
   uint64_t error;
   sums->networks = distinct_count(&v->networks, &error);
   sum_bins(v, d->reported, stray ? PART_OF_STRAY : PART_OF_ALL, sums);
   for (unsigned k = 0; k < VIEWS; k++) {
      d->views[k].late_bytes = d->views[k].late_packets = 0;
   }
   d->reported = v->newest;
   return sums->first != 0;
}
