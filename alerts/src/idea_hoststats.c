/* SPDX-License-Identifier: BSD-3-Clause */
/** IDEA messages of alerts of hoststatsnemea. */
#include "idea_build.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define NOTE_SIZE 256

enum host_event { HOST_SCAN = 2, HOST_FLOOD = 10, HOST_DNS = 15, HOST_SSH = 30 };

static uint64_t scale(const struct idea_builder *b)
{
   return alert_number(b->alert, "EVENT_SCALE");
}

static json_t *put_end(struct idea_builder *b, const char *list, const ip_addr_t *ip)
{
   const char *protocol = idea_protocol(alert_number(b->alert, "PROTOCOL"));
   json_t *end = idea_end(b, list);
   idea_ip(b, end, ip);
   idea_words(b, end, "Proto", protocol != NULL ? protocol : "");
   return end;
}

static void build_scan(struct idea_builder *b, const ip_addr_t *source)
{
   idea_words(b, b->root, "Category", "Recon.Scanning");
   idea_text(b, b->root, "Description", "Horizontal port scan");
   put_end(b, "Source", source);
   idea_number(b, b->root, "FlowCount", scale(b));
   idea_number(b, b->root, "ConnCount", scale(b));
}

static void build_dns(struct idea_builder *b, const ip_addr_t *source, const ip_addr_t *target)
{
   static const char what[] = "Abnormally high number of large DNS replies";
   char text[INET6_ADDRSTRLEN];
   idea_words(b, b->root, "Category", "Availability.DoS");
   if (idea_ip_is_set(target)) {
      json_t *end = idea_end(b, "Target");
      idea_words(b, end, "Proto", "udp domain");
      idea_ip(b, end, target);
   }
   if (idea_ip_is_set(source)) {
      json_t *end = idea_end(b, "Source");
      idea_words(b, end, "Type", "Backscatter");
      idea_append(b, idea_put(b, end, "Port", json_array()), json_integer(53));
      idea_words(b, end, "Proto", "udp domain");
      idea_ip(b, end, source);
   }
   idea_text(b, b->root, "Description", what);
   if (idea_ip_is_set(source)) {
      idea_textf(b, b->root, "Note",
                 "%s sent abnormally high number of large DNS replies - it was probably misused for DNS "
                 "amplification "
                 "DoS attack",
                 idea_ip_text(source, text));
   } else if (idea_ip_is_set(target)) {
      idea_textf(b, b->root, "Note",
                 "%s received abnormally high number of large DNS replies - probably a victim of DNS "
                 "amplification DoS "
                 "attack",
                 idea_ip_text(target, text));
   }
   idea_number(b, b->root, "FlowCount", scale(b));
}

/* What the alert's note says: how much came in and went out, and from or to how many others. */
struct traffic {
   uint64_t flows[2], packets[2], others; /* of the direction named first, and of the other one */
};

#define COUNTS "%" SCNu64 " flows, %" SCNu64 " packets; "

static bool read_note(const char *note, bool in_first, struct traffic *t)
{
   int end = 0;
   if (in_first) {
      sscanf(note, "in: " COUNTS "out: " COUNTS "approx. %" SCNu64 " source addresses%n", &t->flows[0],
             &t->packets[0], &t->flows[1], &t->packets[1], &t->others, &end);
   } else {
      sscanf(note, "out: " COUNTS "in: " COUNTS "approx. %" SCNu64 " destination addresses%n", &t->flows[0],
             &t->packets[0], &t->flows[1], &t->packets[1], &t->others, &end);
   }
   return end > 0;
}

/* The end that the note is of, and how many there are at the other one. */
static void put_traffic(struct idea_builder *b, json_t *end, bool in_first, const struct traffic *t,
                        const char *others, const char *note)
{
   idea_number(b, end, in_first ? "InFlowCount" : "OutFlowCount", t->flows[0]);
   idea_number(b, end, in_first ? "InPacketCount" : "OutPacketCount", t->packets[0]);
   idea_number(b, end, in_first ? "OutFlowCount" : "InFlowCount", t->flows[1]);
   idea_number(b, end, in_first ? "OutPacketCount" : "InPacketCount", t->packets[1]);
   json_t *list = json_object_get(b->root, others);
   json_t *other = list != NULL ? json_array_get(list, 0) : idea_end(b, others);
   idea_number(b, other, "Count", t->others);
   idea_text(b, other, "Note", note);
}

static void build_flood(struct idea_builder *b, const ip_addr_t *source, const ip_addr_t *target)
{
   bool syn = alert_number(b->alert, "PROTOCOL") == IPPROTO_TCP;
   const char *what = syn ? "Abnormally high number of TCP SYN packets" : "Abnormally high number of packets";
   const char *attack = syn ? "probably SYN flood attack" : "probably flooding DoS attack";
   char note[NOTE_SIZE], text[INET6_ADDRSTRLEN];
   struct traffic t;
   json_t *to = NULL, *from = NULL;
   idea_words(b, b->root, "Category", "Availability.DoS");
   if (idea_ip_is_set(target)) {
      to = put_end(b, "Target", target);
   }
   if (idea_ip_is_set(source)) {
      from = put_end(b, "Source", source);
   }
   idea_number(b, b->root, "FlowCount", scale(b));
   idea_text(b, b->root, "Description", what);
   if (idea_ip_is_set(target)) {
      idea_textf(b, b->root, "Note", "%s received by %s (%s)", what, idea_ip_text(target, text), attack);
   } else if (idea_ip_is_set(source)) {
      /* "emmited": so the others have always read it. */
      idea_textf(b, b->root, "Note", "%s %s by %s (%s)", what, syn ? "emitted" : "emmited",
                 idea_ip_text(source, text), attack);
   }
   alert_text(b->alert, "NOTE", note, sizeof(note));
   if (to != NULL && read_note(note, true, &t)) {
      put_traffic(b, to, true, &t, "Source", "Number of sources is approximate");
   } else if (from != NULL && read_note(note, false, &t)) {
      put_traffic(b, from, false, &t, "Target", "Number of destinations is approximate");
   }
}

static void build_ssh(struct idea_builder *b, const ip_addr_t *source, const ip_addr_t *target)
{
   idea_words(b, b->root, "Category", "Attempt.Login");
   idea_text(b, b->root, "Description", "SSH dictionary/bruteforce attack");
   json_t *end = idea_end(b, "Target");
   idea_append(b, idea_put(b, end, "Port", json_array()), json_integer(22));
   idea_words(b, end, "Proto", "tcp ssh");
   if (idea_ip_is_set(target)) {
      idea_ip(b, end, target);
   }
   idea_ip(b, idea_end(b, "Source"), source);
   idea_number(b, b->root, "FlowCount", scale(b) <= UINT64_MAX / 2 ? 2 * scale(b) : UINT64_MAX);
   idea_number(b, b->root, "ConnCount", scale(b));
}

static enum idea_result build_hoststats(struct idea_builder *b)
{
   uint64_t type = alert_number(b->alert, "EVENT_TYPE");
   ip_addr_t source = alert_ip(b->alert, "SRC_IP"), target = alert_ip(b->alert, "DST_IP");
   if (type != HOST_SCAN && type != HOST_FLOOD && type != HOST_DNS && type != HOST_SSH) {
      return IDEA_SKIPPED;
   }
   idea_format(b);
   idea_seconds(b, "DetectTime", b->now);
   idea_seconds(b, "CreateTime", b->now);
   idea_times(b, "EC", "TIME_FIRST", "TIME_LAST");
   idea_node(b, "HostStatsNemea", "Flow Statistical");
   switch (type) {
   case HOST_SCAN: build_scan(b, &source); break;
   case HOST_DNS: build_dns(b, &source, &target); break;
   case HOST_FLOOD: build_flood(b, &source, &target); break;
   default: build_ssh(b, &source, &target);
   }
   return IDEA_OK;
}

const struct idea_reporter idea_of_hoststats = {
    .name = "hoststats",
    .module = "hoststats",
    .detector = "hoststatsnemea",
    .fields =
        "uint8 EVENT_TYPE,time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,ipaddr DST_IP,uint8 PROTOCOL,uint32 "
        "EVENT_SCALE,string NOTE",
    .build = build_hoststats};
