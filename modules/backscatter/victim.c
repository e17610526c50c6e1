/* SPDX-License-Identifier: BSD-3-Clause */
#include "victim.h"

#include <math.h>
#include <string.h>
#include <nemea-common/nc_hash.h>

#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_ACK 0x10

enum icmp4 {
   ECHO_REPLY = 0,
   UNREACHABLE = 3,
   SOURCE_QUENCH = 4,
   REDIRECT = 5,
   TIME_EXCEEDED = 11,
   PARAMETER_PROBLEM = 12,
   TIMESTAMP_REPLY = 14,
   INFORMATION_REPLY = 16,
   MASK_REPLY = 18
};
enum icmp6 {
   UNREACHABLE_6 = 1,
   TOO_BIG_6 = 2,
   TIME_EXCEEDED_6 = 3,
   PARAMETER_PROBLEM_6 = 4,
   ECHO_REPLY_6 = 129
};

static bool is_icmp4_answer(uint8_t type)
{
   switch (type) {
   case ECHO_REPLY:
   case UNREACHABLE:
   case SOURCE_QUENCH:
   case REDIRECT:
   case TIME_EXCEEDED:
   case PARAMETER_PROBLEM:
   case TIMESTAMP_REPLY:
   case INFORMATION_REPLY:
   case MASK_REPLY: return true;
   default: return false;
   }
}

bool answer_is_backscatter(const struct answer *a)
{
   switch (a->protocol) {
   case 6: return a->kind == (FLAG_SYN | FLAG_ACK) || a->kind == FLAG_RST;
   case 1: return is_icmp4_answer(a->kind);
   case 58: return (a->kind >= UNREACHABLE_6 && a->kind <= PARAMETER_PROBLEM_6) || a->kind == ECHO_REPLY_6;
   default: return false;
   }
}

/* What is counted once each. */
enum feature { DESTINATION, DESTINATION_PORT, SOURCE_PORT, NETWORK };

static bool is_new(const struct victim *v, history_t *seen, enum feature feature, const void *value,
                   size_t size)
{
   struct {
      uint64_t number, feature;
      uint8_t value[16];
   } key = {.number = v->number, .feature = feature};
   memcpy(key.value, value, size);
   return history_add(seen, nc_hash(&key, sizeof(key)));
}

/* The /24 or /64 of an address. */
static ip_addr_t network_of(const ip_addr_t *ip)
{
   ip_addr_t network;
   memcpy(&network, ip, sizeof(network));
   if (ip_is4(&network)) {
      return ip_from_int(ip_get_v4_as_int(&network) & 0xffffff00);
   }
   memset((char *) &network + 8, 0, 8);
   return network;
}

/* Frequent items in bounded memory (J. Misra, D. Gries, "Finding repeated elements", 1982). */
static void count_port(struct port_count *ports, uint16_t port)
{
   struct port_count *empty = NULL;
   for (int i = 0; i < TOP_PORTS; i++) {
      if (ports[i].count > 0 && ports[i].port == port) {
         ports[i].count++;
         return;
      }
      empty = ports[i].count == 0 && empty == NULL ? &ports[i] : empty;
   }
   if (empty != NULL) {
      *empty = (struct port_count){.port = port, .count = 1};
      return;
   }
   for (int i = 0; i < TOP_PORTS; i++) {
      ports[i].count--;
   }
}

static void count_minute(struct victim *v, uint32_t time)
{
   uint64_t bin = time / BIN_SECONDS, sum = 0;
   if (bin > v->last_bin) {
      for (uint64_t b = v->last_bin + 1; b <= bin && b <= v->last_bin + BINS; b++) {
         v->bins[b % BINS] = 0;
      }
      v->last_bin = bin;
   } else if (bin + BINS <= v->last_bin) {
      return;
   }
   v->bins[bin % BINS]++;
   for (int i = 0; i < BINS; i++) {
      sum += v->bins[i];
   }
   v->most_in_a_minute = sum > v->most_in_a_minute ? sum : v->most_in_a_minute;
}

void victim_add(struct victim *v, const struct answer *a, history_t *seen)
{
   ip_addr_t network = network_of(&a->destination);
   double packets = a->packets > 0 ? a->packets : 1;
   v->first = v->flows == 0 || a->first < v->first ? a->first : v->first;
   v->last = v->flows == 0 || a->last > v->last ? a->last : v->last;
   v->flows++;
   v->packets += a->packets;
   v->bytes += a->bytes;
   v->packets_squared += packets * packets;
   v->flow_rates += (double) a->bytes * (double) a->bytes / packets;
   if (answer_is_icmp(a)) {
      v->resets += a->kind == (a->protocol == 1 ? (int) ECHO_REPLY : (int) ECHO_REPLY_6);
      v->accepts += a->kind == (a->protocol == 1 ? (int) UNREACHABLE : (int) UNREACHABLE_6);
   } else {
      v->resets += a->kind == FLAG_RST;
      v->accepts += a->kind == (FLAG_SYN | FLAG_ACK);
   }
   v->destinations += is_new(v, seen, DESTINATION, &a->destination, sizeof(a->destination));
   v->networks += is_new(v, seen, NETWORK, &network, sizeof(network));
   v->destination_ports +=
       is_new(v, seen, DESTINATION_PORT, &a->destination_port, sizeof(a->destination_port));
   v->source_ports += is_new(v, seen, SOURCE_PORT, &a->source_port, sizeof(a->source_port));
   count_port(v->ports, a->source_port);
   count_minute(v, a->last);
}

void victim_restart(struct victim *v)
{
   struct victim next = {
       .timer = v->timer, .number = v->number, .first = v->first, .last = v->last, .continued = true};
   *v = next;
}

void victim_ports(const struct victim *v, struct port_count ports[PORTS_SHOWN])
{
   bool taken[TOP_PORTS] = {false};
   for (int place = 0; place < PORTS_SHOWN; place++) {
      int best = -1;
      for (int i = 0; i < TOP_PORTS; i++) {
         best = !taken[i] && v->ports[i].count > 0 && (best < 0 || v->ports[i].count > v->ports[best].count)
                    ? i
                    : best;
      }
      if (best >= 0) {
         taken[best] = true;
         ports[place] = v->ports[best];
      } else {
         ports[place] = (struct port_count){.port = place > 0 ? ports[place - 1].port : 0};
      }
   }
}

static struct mean mean_of(double sum, double squares, double n)
{
   double average = n > 0 ? sum / n : 0;
   double variance = n > 0 ? squares / n - average * average : 0;
   return (struct mean){(float) average, (float) sqrt(fabs(variance))};
}

struct mean victim_packets_per_flow(const struct victim *v)
{
   return mean_of((double) v->packets, v->packets_squared, (double) v->flows);
}

struct mean victim_bytes_per_packet(const struct victim *v)
{
   return mean_of((double) v->bytes, v->flow_rates, (double) v->packets);
}
