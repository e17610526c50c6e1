/* SPDX-License-Identifier: BSD-3-Clause */
/** Statistics of hosts, and the rules that judge them. README.md has the rules in words. */
#include "hoststats.h"

#include <inttypes.h>
#include <stdio.h>

/* ---------------------------------------------------------------- statistics */

struct side side_of(const struct tally *t, const struct counts *unknown)
{
   return (struct side){.peers = t->peers,
                        .request_peers = t->request_peers,
                        .big_dns = t->big_dns,
                        .syn_packets = t->syn_packets,
                        .by = {[CLASS_REQUEST] = t->by[CLASS_REQUEST],
                               [CLASS_RESPONSE] = t->by[CLASS_RESPONSE],
                               [CLASS_UNKNOWN] = unknown != NULL ? *unknown : (struct counts){.bytes = 0}}};
}

void side_add(struct tally *s, struct counts *c, const struct flow_facts *f)
{
   c->flows = add32(c->flows, 1);
   c->packets = add32(c->packets, f->packets);
   c->bytes = add64(c->bytes, f->bytes);
   if (f->flags & TCP_SYN) {
      c->syn = add32(c->syn, 1);
      s->syn_packets = add32(s->syn_packets, f->packets);
   }
   if (f->flags & TCP_ACK) {
      c->ack = add32(c->ack, 1);
   }
   bool dns = (f->protocol == 6 || f->protocol == 17) && (f->src_port == 53 || f->dst_port == 53);
   if (dns && f->class == CLASS_RESPONSE && f->bytes / (f->packets > 0 ? f->packets : 1) >= 1000) {
      s->big_dns = add32(s->big_dns, 1);
   }
}

void ssh_side_add(struct ssh_side *s, const struct flow_facts *f)
{
   uint32_t syn = (f->flags & TCP_SYN) != 0;
   if (f->class == CLASS_REQUEST) {
      s->request_packets = add32(s->request_packets, f->packets);
      s->request_syns = add32(s->request_syns, syn);
   } else if (f->class == CLASS_RESPONSE) {
      s->response_packets = add32(s->response_packets, f->packets);
      s->response_syns = add32(s->response_syns, syn);
   }
}

/* Sums and estimates are made of 64-bit numbers: nothing wraps. */
#define ALL(side, what) \
   ((uint64_t) (side)->by[0].what + (uint64_t) (side)->by[1].what + (uint64_t) (side)->by[2].what)
#define ESTIMATE(c, side, what, class)                    \
   ((side)->by[class].what +                              \
    (uint64_t) ((double) (side)->by[CLASS_UNKNOWN].what * \
                ((class) == CLASS_REQUEST ? (c)->request_share : (c)->response_share)))

static uint64_t per(uint64_t amount, uint64_t number)
{
   return amount / (number > 0 ? number : 1);
}

/* ---------------------------------------------------------------------- rules */

static bool scans(const struct config *c, const struct sides *h, struct finding *f)
{
   uint64_t syns = ESTIMATE(c, &h->out, syn, CLASS_REQUEST);
   uint64_t all_syns = ALL(&h->out, syn), all_acks = ALL(&h->out, ack);
   if ((double) syns <= c->scan_syns ||
       (double) syns <= c->scan_syn_to_ack * (double) ESTIMATE(c, &h->out, ack, CLASS_REQUEST) ||
       (double) syns <= c->scan_request_to_response * (double) ESTIMATE(c, &h->in, syn, CLASS_RESPONSE) ||
       h->out.request_peers < c->scan_hosts || h->out.by[CLASS_REQUEST].syn <= ALL(&h->out, flows) / 3 ||
       all_syns < all_acks) {
      return false;
   }
   *f = (struct finding){
       .type = FOUND_SCAN, .is_source = true, .protocol = 6, .scale = (uint32_t) (all_syns - all_acks)};
   snprintf(f->note, sizeof(f->note), "horizontal SYN scan");
   return true;
}

/* Few answers to small requests. */
static bool unanswered(const struct config *c, const struct side *requests, const struct side *responses,
                       double bytes)
{
   return (double) ESTIMATE(c, responses, flows, CLASS_RESPONSE) <
              (double) ESTIMATE(c, requests, flows, CLASS_REQUEST) * c->responsibility &&
          (double) per(ESTIMATE(c, requests, bytes, CLASS_REQUEST),
                       ESTIMATE(c, requests, packets, CLASS_REQUEST)) < bytes;
}

static bool victim(const struct config *c, const struct sides *h, struct finding *f)
{
   const struct side *in = &h->in, *out = &h->out;
   uint64_t flows = ALL(in, flows), packets = ALL(in, packets), syns = ALL(in, syn);
   uint64_t requests = ESTIMATE(c, in, flows, CLASS_REQUEST);
   bool syn_flood = c->dos_type == 1 ? in->syn_packets > c->victim_syns
                                     : (double) syns > c->victim_syns &&
                                           (double) packets < c->victim_packet_ratio * (double) flows;
   syn_flood = syn_flood && syns > 2 * ALL(in, ack);
   bool other = c->dos_type == 1 ? in->by[CLASS_REQUEST].packets > c->victim_others
                                 : (double) requests > c->victim_others &&
                                       (double) ESTIMATE(c, in, packets, CLASS_REQUEST) <
                                           c->victim_packet_ratio * (double) requests;
   if ((!syn_flood && !other) || !unanswered(c, in, out, c->victim_bytes)) {
      return false;
   }
   *f = (struct finding){.type = FOUND_DOS,
                         .protocol = syn_flood ? 6 : 0,
                         .scale = (uint32_t) (flows < UINT32_MAX ? flows : UINT32_MAX)};
   snprintf(f->note, sizeof(f->note),
            "in: %" PRIu64 " flows, %" PRIu64 " packets; out: %" PRIu64 " flows, %" PRIu64
            " packets; approx. %" PRIu32 " source addresses%s%s",
            flows, packets, ALL(out, flows), ALL(out, packets), in->peers, syn_flood ? "; SYN flood" : "",
            syn_flood && flows < 2 * (uint64_t) in->peers ? " (probably spoofed)" : "");
   return true;
}

static bool attacker(const struct config *c, const struct sides *h, struct finding *f)
{
   const struct side *in = &h->in, *out = &h->out;
   uint64_t flows = ALL(out, flows), packets = ALL(out, packets), peers = out->peers;
   uint64_t requests = ESTIMATE(c, out, flows, CLASS_REQUEST);
   bool syn_flood = c->dos_type == 1 ? (double) per(packets, peers) >= c->attacker_syns
                                     : (double) per(flows, peers) >= c->attacker_syns &&
                                           (double) packets < c->attacker_packet_ratio * (double) flows;
   syn_flood = syn_flood && ALL(out, syn) > 2 * ALL(out, ack);
   bool other = c->dos_type == 1 ? (double) per(out->by[CLASS_REQUEST].packets, peers) >= c->attacker_others
                                 : (double) per(requests, peers) >= c->attacker_others &&
                                       (double) ESTIMATE(c, out, packets, CLASS_REQUEST) <
                                           c->attacker_packet_ratio * (double) requests;
   if ((!syn_flood && !other) || !unanswered(c, out, in, c->attacker_bytes)) {
      return false;
   }
   *f = (struct finding){.type = FOUND_DOS,
                         .is_source = true,
                         .protocol = syn_flood ? 6 : 0,
                         .scale = (uint32_t) (flows < UINT32_MAX ? flows : UINT32_MAX)};
   snprintf(f->note, sizeof(f->note),
            "out: %" PRIu64 " flows, %" PRIu64 " packets; in: %" PRIu64 " flows, %" PRIu64
            " packets; approx. %" PRIu64 " destination addresses%s",
            flows, packets, ALL(in, flows), ALL(in, packets), peers, syn_flood ? "; SYN flood" : "");
   return true;
}

/* min and max: packets of a log-in. */
static bool within(double packets, double connections, double min, double max, bool strict)
{
   return strict ? packets > min * connections && packets < max * connections
                 : packets >= min * connections && packets <= max * connections;
}

static void brute_force(struct finding *f, bool is_source, uint32_t connections)
{
   *f = (struct finding){.type = FOUND_BRUTE_FORCE,
                         .is_source = is_source,
                         .protocol = 6,
                         .dst_port = 22,
                         .scale = connections};
   snprintf(f->note, sizeof(f->note), "%s", is_source ? "attacker" : "victim");
}

static bool ssh_victim(const struct config *c, const struct ssh *s, struct finding *f)
{
   double asked = s->in.request_syns, answered = s->out.response_syns;
   if (!within(s->out.response_packets, answered, c->ssh_response_min, c->ssh_response_max, false) ||
       answered <= c->ssh_responses ||
       !within(s->in.request_packets, asked, c->ssh_request_min, c->ssh_request_max, false) ||
       asked <= c->ssh_requests || asked <= c->ssh_server_ratio * s->out.request_syns ||
       answered <= c->ssh_hosts_ratio * s->out.peers) {
      return false;
   }
   brute_force(f, false, s->in.request_syns);
   return true;
}

static bool ssh_attacker(const struct config *c, const struct ssh *s, struct finding *f)
{
   double asked = s->out.request_syns, answered = s->in.response_syns, hosts = s->out.peers;
   double for_each = hosts < c->ssh_hosts ? c->ssh_hosts_ratio : 0.5 * c->ssh_hosts_ratio;
   if (!within(s->in.response_packets, answered, c->ssh_response_min, c->ssh_response_max, true) ||
       answered <= c->ssh_responses ||
       !within(s->out.request_packets, asked, c->ssh_request_min, c->ssh_request_max, true) ||
       asked <= c->ssh_requests || s->in.request_syns >= c->ssh_server_ratio * asked ||
       asked <= for_each * hosts) {
      return false;
   }
   brute_force(f, true, s->out.request_syns);
   return true;
}

static void dns(struct finding *f, bool is_source, uint32_t responses)
{
   *f = (struct finding){.type = FOUND_DNS, .is_source = is_source, .scale = responses};
   *(is_source ? &f->src_port : &f->dst_port) = 53;
   snprintf(f->note, sizeof(f->note), "DNS amplification - %s", is_source ? "misused server" : "victim");
}

unsigned rules_judge(const struct config *c, const struct sides *h, const struct ssh *ssh,
                     struct finding found[FINDINGS_MAX])
{
   unsigned n = 0;
   if (c->generic) {
      n += scans(c, h, &found[n]);
      n += victim(c, h, &found[n]);
      n += attacker(c, h, &found[n]);
   }
   if (c->ssh && ssh != NULL) {
      n += ssh_victim(c, ssh, &found[n]);
      n += ssh_attacker(c, ssh, &found[n]);
   }
   if (c->dns && h->out.big_dns > c->dns_responses) {
      dns(&found[n++], true, h->out.big_dns);
   }
   if (c->dns && h->in.big_dns > c->dns_responses) {
      dns(&found[n++], false, h->in.big_dns);
   }
   return n;
}
