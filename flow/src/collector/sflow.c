/* SPDX-License-Identifier: BSD-3-Clause */
#include "sflow.h"

#include "parse/bytes.h"
#include "parse/packet.h"
#include "sflow_sequences.h"

#include <stdlib.h>
#include <string.h>

#define VERSION   5
#define NTP_EPOCH UINT64_C(2208988800) /* seconds from 1900 to 1970 */

/* Formats of samples and of the records in them; those of vendors have an enterprise in the upper bits. */
enum { FLOW_SAMPLE = 1, COUNTER_SAMPLE = 2, FLOW_SAMPLE_EXPANDED = 3, COUNTER_SAMPLE_EXPANDED = 4 };
enum { SAMPLED_HEADER = 1, SAMPLED_IPV4 = 3, SAMPLED_IPV6 = 4, EXTENDED_SWITCH = 1001 };

struct fc_sflow {
   struct fc_sflow_counters counters;
   struct fc_sequences *sequences;
};

/* A cursor over XDR: numbers of 4 bytes, opaque data padded to 4. */
struct xdr {
   const uint8_t *p, *end;
   bool ok;
};

/* What a flow sample says of its packet. */
struct sampled {
   struct fc_sflow_sample sample;
   uint64_t time;
   bool have_packet; /* the rest is set */
   uint8_t src_ip[16], dst_ip[16];
   uint8_t src_mac[6], dst_mac[6];
   uint16_t src_port, dst_port, vlan, switch_vlan, icmp;
   uint8_t protocol, tcp_flags, tos, ttl;
   uint32_t octets;
};

/* ----------------------------------------------------------------------- bytes */

static const uint8_t *take(struct xdr *x, size_t n)
{
   if (!x->ok || (size_t) (x->end - x->p) < n) {
      x->ok = false;
      return NULL;
   }
   x->p += n;
   return x->p - n;
}

static uint32_t take32(struct xdr *x)
{
   const uint8_t *p = take(x, 4);
   return p != NULL ? load_be32(p) : 0;
}

/* A part of n bytes, padded. */
static struct xdr take_part(struct xdr *x, uint32_t n)
{
   const uint8_t *p = take(x, ((size_t) n + 3) & ~(size_t) 3);
   return (struct xdr){p, p != NULL ? p + n : NULL, p != NULL};
}

static uint8_t *put(uint8_t *p, uint64_t value, unsigned n)
{
   for (unsigned i = 0; i < n; i++) {
      p[i] = (uint8_t) (value >> 8 * (n - 1 - i));
   }
   return p + n;
}

static uint8_t *put_bytes(uint8_t *p, const uint8_t *bytes, unsigned n)
{
   memcpy(p, bytes, n);
   return p + n;
}

/* ---------------------------------------------------------------------- record */

#define FIELDS(src, dst, size)                                                                               \
   {                                                                                                         \
      {src, size}, {dst, size}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {5, 1}, {192, 1}, {1, 8}, {2, 8}, {154, 8}, \
          {155, 8}, {56, 6}, {80, 6}, {58, 2}, {10, 4}, {14, 4}, {34, 4},                                    \
      {                                                                                                      \
         size == 4 ? 32 : 139, 2                                                                             \
      }                                                                                                      \
   }

const struct fc_sflow_field *fc_sflow_fields(bool ipv6, unsigned *n)
{
   static const struct fc_sflow_field v4[FC_SFLOW_FIELDS] = FIELDS(8, 12, 4);
   static const struct fc_sflow_field v6[FC_SFLOW_FIELDS] = FIELDS(27, 28, 16);
   *n = FC_SFLOW_FIELDS;
   return ipv6 ? v6 : v4;
}

static uint64_t ntp_time(uint64_t ns)
{
   uint64_t seconds = ns / 1000000000, rest = ns % 1000000000;
   return (seconds + NTP_EPOCH) << 32 | (rest << 32) / 1000000000;
}

/* Writes the record in the order of fc_sflow_fields(). */
static void write_record(const struct sampled *s, uint8_t *record, struct fc_sflow_sample *sample)
{
   unsigned size = sample->ipv6 ? 16 : 4,
            from = sample->ipv6 ? 0 : 8; /* where ip_addr_t has an address of IPv4 */
   uint8_t *p = put_bytes(record, s->src_ip + from, size);
   p = put_bytes(p, s->dst_ip + from, size);
   p = put(p, s->src_port, 2);
   p = put(p, s->dst_port, 2);
   p = put(p, s->protocol, 1);
   p = put(p, s->tcp_flags, 1);
   p = put(p, s->tos, 1);
   p = put(p, s->ttl, 1);
   p = put(p, s->octets, 8);
   p = put(p, 1, 8);
   p = put(p, ntp_time(s->time), 8);
   p = put(p, ntp_time(s->time), 8);
   p = put_bytes(p, s->src_mac, 6);
   p = put_bytes(p, s->dst_mac, 6);
   p = put(p, s->vlan != 0 ? s->vlan : s->switch_vlan, 2);
   p = put(p, sample->input, 4);
   p = put(p, sample->output, 4);
   p = put(p, sample->rate, 4);
   p = put(p, s->icmp, 2);
   sample->record = record;
   sample->length = (uint16_t) (p - record);
}

/* --------------------------------------------------------------------- packets */

/* The link type of a header_protocol. \return false: none that the parser knows */
static bool link_of(uint32_t protocol, uint16_t *link)
{
   switch (protocol) {
   case 1: return *link = LINK_ETHERNET, true;
   case 4: return *link = LINK_FRELAY, true;
   case 7: return *link = LINK_PPP, true;
   case 11: return *link = LINK_IPV4, true;
   case 12: return *link = LINK_IPV6, true;
   case 13: return *link = LINK_MPLS, true;
   case 14: return *link = LINK_PPP_HDLC, true; /* packets over SONET */
   case 16: return *link = LINK_80211, true;
   default: return false;
   }
}

static void use_packet(struct sampled *s, const struct packet *packet)
{
   s->have_packet = true;
   s->sample.ipv6 = packet->ip_version == 6;
   memcpy(s->src_ip, packet->src_ip, 16);
   memcpy(s->dst_ip, packet->dst_ip, 16);
   memcpy(s->src_mac, packet->src_mac, 6);
   memcpy(s->dst_mac, packet->dst_mac, 6);
   s->src_port = packet->src_port;
   s->dst_port = packet->dst_port;
   s->protocol = packet->protocol;
   s->tcp_flags = packet->tcp_flags;
   s->vlan = packet->vlan;
   s->octets = packet->ip_bytes;
   s->tos = s->sample.ipv6 ? (uint8_t) (packet->l3[0] << 4 | packet->l3[1] >> 4) : packet->l3[1];
   s->ttl = packet->l3[s->sample.ipv6 ? 7 : 8];
   if ((packet->protocol == 1 || packet->protocol == 58) && packet->fragment_offset == 0 &&
       packet->payload_captured >= 2) {
      s->icmp = load_be16(packet->payload);
   }
}

/* sampled_header: the first bytes of the packet. \return what the parser said */
static enum parse_result read_header(struct xdr x, struct sampled *s)
{
   uint32_t protocol = take32(&x), frame = take32(&x), stripped = take32(&x), n = take32(&x);
   struct xdr header = take_part(&x, n);
   struct raw_packet raw = {.time = s->time};
   if (!x.ok) {
      return PARSE_MALFORMED;
   }
   if (!link_of(protocol, &raw.link)) {
      return PARSE_UNKNOWN_LINK;
   }
   raw.data = header.p;
   raw.captured = n;
   uint32_t left = frame > stripped ? frame - stripped : 0;
   raw.wire = left > n ? left : n;
   struct packet packet;
   enum parse_result result = packet_parse(&raw, PARSE_OUTER, &packet);
   if (result == PARSE_OK) {
      use_packet(s, &packet);
   }
   return result;
}

static uint16_t low16(uint32_t v)
{
   return (uint16_t) v;
}

/* sampled_ipv4, sampled_ipv6: what the agent has read itself. */
static bool read_fields(struct xdr x, struct sampled *s, bool ipv6)
{
   unsigned size = ipv6 ? 16 : 4;
   uint32_t length = take32(&x), protocol = take32(&x);
   const uint8_t *src = take(&x, size), *dst = take(&x, size);
   uint32_t src_port = take32(&x), dst_port = take32(&x), flags = take32(&x), tos = take32(&x);
   if (!x.ok) {
      return false;
   }
   if (s->have_packet) {
      return true; /* the header says more */
   }
   s->have_packet = true;
   s->sample.ipv6 = ipv6;
   if (ipv6) {
      memcpy(s->src_ip, src, 16);
      memcpy(s->dst_ip, dst, 16);
   } else {
      memcpy(s->src_ip + 8, src, 4);
      memcpy(s->dst_ip + 8, dst, 4);
   }
   s->octets = length;
   s->protocol = (uint8_t) protocol;
   bool ports = protocol == 6 || protocol == 17;
   s->src_port = ports ? low16(src_port) : 0;
   s->dst_port = ports ? low16(dst_port) : 0;
   s->icmp = protocol == 1 || protocol == 58 ? low16(src_port << 8 | (dst_port & 0xff)) : 0;
   s->tcp_flags = protocol == 6 ? (uint8_t) flags : 0;
   s->tos = (uint8_t) tos;
   return true;
}

/* ------------------------------------------------------------------ flow sample */

/* The records of a flow sample. \return false: malformed */
static bool read_records(struct fc_sflow *f, struct xdr *x, struct sampled *s)
{
   enum parse_result header = PARSE_OK;
   for (uint32_t left = take32(x); left > 0 && x->ok; left--) {
      uint32_t format = take32(x);
      struct xdr part = take_part(x, take32(x));
      if (!x->ok) {
         return false;
      }
      if (format == SAMPLED_HEADER && !s->have_packet) {
         header = read_header(part, s);
      } else if (format == SAMPLED_IPV4 || format == SAMPLED_IPV6) {
         x->ok = read_fields(part, s, format == SAMPLED_IPV6);
      } else if (format == EXTENDED_SWITCH) {
         s->switch_vlan = low16(take32(&part));
      }
   }
   if (x->ok && !s->have_packet) {
      *(header == PARSE_OK       ? &f->counters.no_packet
        : header == PARSE_NOT_IP ? &f->counters.not_ip
                                 : &f->counters.not_parsed) += 1;
   }
   return x->ok;
}

static void sequence_key(uint8_t key[FC_SEQUENCE_KEY], const uint8_t sender[16],
                         const struct fc_sflow_sample *sample, uint32_t class)
{
   memcpy(key, sender, 16);
   memcpy(key + 16, sample->agent, 16);
   put(put(put(key + 32, sample->sub_agent, 4), class, 4), sample->source_index, 4);
}

/* flow_sample, flow_sample_expanded. \return false: malformed */
static bool read_flow_sample(struct fc_sflow *f, const uint8_t sender[16], struct xdr x, bool expanded,
                             struct sampled *s, fc_sflow_fn callback, void *context)
{
   struct fc_sflow_sample *sample = &s->sample;
   uint32_t number = take32(&x), source = take32(&x);
   sample->source_class = expanded ? source : source >> 24;
   sample->source_index = expanded ? take32(&x) : source & 0xffffff;
   sample->rate = take32(&x);
   (void) take(&x, 8); /* pool and drops */
   uint32_t input = take32(&x), output = take32(&x);
   if (expanded) {
      sample->input = input == 0 ? output : 0; /* format, value */
      uint32_t format = take32(&x), value = take32(&x);
      sample->output = format == 0 ? value : 0;
   } else { /* the format is in the two upper bits */
      sample->input = input >> 30 == 0 ? input : 0;
      sample->output = output >> 30 == 0 ? output : 0;
   }
   if (!x.ok) {
      return false;
   }
   uint8_t key[FC_SEQUENCE_KEY];
   sequence_key(key, sender, sample, sample->source_class & 0x7fffffff);
   struct fc_sequence_result r = fc_sequences_see(f->sequences, key, number, 1);
   f->counters.samples_lost += r.event == FC_SEQUENCE_LOST ? r.lost : 0;
   f->counters.samples_lost -= r.event == FC_SEQUENCE_OLD ? r.lost : 0;
   if (!read_records(f, &x, s)) {
      return false;
   }
   if (s->have_packet) {
      uint8_t record[FC_SFLOW_RECORD];
      write_record(s, record, sample);
      f->counters.records++;
      callback(context, sample);
   }
   return true;
}

/* -------------------------------------------------------------------- datagram */

struct fc_sflow *fc_sflow_new(size_t capacity)
{
   struct fc_sflow *s = calloc(1, sizeof(*s));
   if (s != NULL && (s->sequences = fc_sequences_new(capacity)) == NULL) {
      free(s);
      return NULL;
   }
   return s;
}

void fc_sflow_free(struct fc_sflow *s)
{
   if (s != NULL) {
      fc_sequences_free(s->sequences);
      free(s);
   }
}

const struct fc_sflow_counters *fc_sflow_counters(const struct fc_sflow *s)
{
   return &s->counters;
}

static void see_datagram(struct fc_sflow *f, const uint8_t sender[16], const struct fc_sflow_sample *sample,
                         uint32_t number)
{
   uint8_t key[FC_SEQUENCE_KEY];
   sequence_key(key, sender, sample, UINT32_MAX); /* no class of sources */
   struct fc_sequence_result r = fc_sequences_see(f->sequences, key, number, 1);
   f->counters.lost += r.event == FC_SEQUENCE_LOST ? r.lost : 0;
   f->counters.lost -= r.event == FC_SEQUENCE_OLD ? r.lost : 0;
   f->counters.out_of_order += r.event == FC_SEQUENCE_OLD;
   f->counters.restarts += r.event == FC_SEQUENCE_RESTART;
}

/* The agent's address, in the form of ip_addr_t. \return false: of no known kind */
static bool read_agent(struct xdr *x, uint8_t agent[16])
{
   uint32_t kind = take32(x);
   memset(agent, 0, 16);
   const uint8_t *address = kind == 1 ? take(x, 4) : kind == 2 ? take(x, 16) : NULL;
   if (address == NULL) {
      return false;
   }
   if (kind == 1) {
      memcpy(agent + 8, address, 4);
      memset(agent + 12, 0xff, 4);
   } else {
      memcpy(agent, address, 16);
   }
   return true;
}

/* \return false: malformed */
static bool read_samples(struct fc_sflow *f, const uint8_t sender[16], uint64_t time, struct xdr *x,
                         fc_sflow_fn callback, void *context)
{
   uint8_t agent[16];
   struct fc_sflow_sample base = {.agent = agent};
   bool ok = read_agent(x, agent);
   base.sub_agent = take32(x);
   uint32_t number = take32(x);
   (void) take32(x); /* uptime */
   uint32_t left = take32(x);
   if (!ok || !x->ok) {
      return false;
   }
   see_datagram(f, sender, &base, number);
   for (; left > 0; left--) {
      uint32_t format = take32(x);
      struct xdr part = take_part(x, take32(x));
      if (!x->ok) {
         return false;
      }
      if (format == FLOW_SAMPLE || format == FLOW_SAMPLE_EXPANDED) {
         struct sampled s = {.sample = base, .time = time};
         f->counters.flow_samples++;
         if (!read_flow_sample(f, sender, part, format == FLOW_SAMPLE_EXPANDED, &s, callback, context)) {
            return false;
         }
      } else if (format == COUNTER_SAMPLE || format == COUNTER_SAMPLE_EXPANDED) {
         f->counters.counter_samples++;
      } else {
         f->counters.other_samples++;
      }
   }
   return true;
}

enum fc_sflow_result fc_sflow_decode(struct fc_sflow *s, const uint8_t sender[16], uint64_t time,
                                     const uint8_t *data, size_t size, fc_sflow_fn callback, void *context)
{
   struct xdr x = {data, data + size, true};
   if (take32(&x) != VERSION) {
      return FC_SFLOW_VERSION;
   }
   s->counters.datagrams++;
   bool ok = read_samples(s, sender, time, &x, callback, context);
   s->counters.malformed += !ok;
   fc_sequences_count(s->sequences, &s->counters.sources, &s->counters.evicted);
   return ok ? FC_SFLOW_OK : FC_SFLOW_MALFORMED;
}

bool fc_sflow_is(const uint8_t *data, size_t size)
{
   return size >= 4 && load_be32(data) == VERSION;
}

bool fc_sflow_is_whole(const uint8_t *data, size_t size)
{
   struct xdr x = {data, data + size, true};
   uint8_t agent[16];
   if (take32(&x) != VERSION || !read_agent(&x, agent)) {
      return false;
   }
   (void) take(&x, 12); /* sub-agent, sequence number, uptime */
   for (uint32_t left = take32(&x); left > 0 && x.ok; left--) {
      (void) take32(&x);
      (void) take_part(&x, take32(&x));
   }
   return x.ok && x.p == x.end;
}
