/* SPDX-License-Identifier: BSD-3-Clause */
/** IDEA messages of alerts that are records. The order of the members is that of NEMEA 2, and so are the texts. */
#include "idea_build.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define WARDEN_ATTEMPTS 2 /* WARDEN_TYPE of alerts that are reported */
#define DIAL_PLAN       40
#define MAGIC           255
#define VENOM_PORT      1221
#define TARGETS         16 /* DST_IP0 to DST_IP15 */
#define STATISTICAL     "Flow Statistical"
#define TIMES           "time TIME_FIRST,time TIME_LAST"
#define ENDS            "ipaddr DST_IP,ipaddr SRC_IP,"

static uint64_t number(const struct idea_builder *b, const char *field)
{
   return alert_number(b->alert, field);
}

static bool has_ip(const struct idea_builder *b, const char *field)
{
   ip_addr_t ip = alert_ip(b->alert, field);
   return idea_ip_is_set(&ip);
}

static const char *ip_text(const struct idea_builder *b, const char *field, char text[INET6_ADDRSTRLEN])
{
   ip_addr_t ip = alert_ip(b->alert, field);
   return idea_ip_text(&ip, text);
}

/* Proto of one or two names. NULL as the first: the protocol is unknown, and none is set. */
static void put_protocol(struct idea_builder *b, json_t *end, const char *protocol, const char *service)
{
   char words[64] = "";
   if (protocol != NULL) {
      snprintf(words, sizeof(words), "%s%s%s", protocol, service != NULL ? " " : "",
               service != NULL ? service : "");
   }
   idea_words(b, end, "Proto", words);
}

static void put_port(struct idea_builder *b, json_t *end, const char *field)
{
   json_t *ports = idea_put(b, end, "Port", json_array());
   idea_append(b, ports, json_integer((json_int_t) (uint16_t) number(b, field)));
}

static void put_text_list(struct idea_builder *b, json_t *end, const char *key, const char *field)
{
   json_t *list = idea_put(b, end, key, json_array());
   idea_append(b, list, idea_field_text(b, field));
}

/* ----------------------------------------------------------------- amplification */

/* UDP services that reflect. Port 1900 has no name here: messages without one are what rules of today expect of it. */
static bool reflector(uint64_t port, const char **title, const char **service)
{
   static const struct {
      uint16_t port;
      const char *title, *service;
   } reflectors[] = {{19, "CharGEN", "chargen"},
                     {53, "DNS", "domain"},
                     {69, "TFTP", "tftp"},
                     {111, "RPC portmap", "sunrpc"},
                     {123, "NTP", "ntp"},
                     {137, "NetBIOS", "netbios-ns"},
                     {161, "SNMP", "snmp"},
                     {389, "CLDAP", "ldap"},
                     {520, "RIP", "route"},
                     {3702, "WS-Discovery", "ws-discovery"},
                     {5353, "mDNS", "mdns"},
                     {5683, "CoAP", "coap"},
                     {11211, "Memcached", "memcached"}};
   for (size_t i = 0; i < sizeof(reflectors) / sizeof(reflectors[0]); i++) {
      if (reflectors[i].port == port) {
         *title = reflectors[i].title;
         *service = reflectors[i].service;
         return true;
      }
   }
   return false;
}

static enum idea_result build_amplification(struct idea_builder *b)
{
   const char *title = NULL, *service = NULL;
   bool known = reflector(number(b, "SRC_PORT"), &title, &service);
   idea_begin(b);
   idea_times(b, "ECD", "TIME_FIRST", "TIME_LAST");
   idea_words(b, b->root, "Category", "Availability.DDoS");
   json_t *source = idea_end(b, "Source");
   idea_words(b, source, "Type", "Backscatter");
   idea_count(b, source, "InFlowCount", "REQ_FLOWS");
   idea_count(b, source, "InPacketCount", "REQ_PACKETS");
   idea_count(b, source, "InByteCount", "REQ_BYTES");
   idea_count(b, source, "OutFlowCount", "RSP_FLOWS");
   idea_count(b, source, "OutPacketCount", "RSP_PACKETS");
   idea_count(b, source, "OutByteCount", "RSP_BYTES");
   idea_ip_of(b, source, "SRC_IP");
   json_t *target = idea_end(b, "Target");
   idea_count(b, target, "InFlowCount", "RSP_FLOWS");
   idea_count(b, target, "InPacketCount", "RSP_PACKETS");
   idea_count(b, target, "InByteCount", "RSP_BYTES");
   idea_ip_of(b, target, "DST_IP");
   if (known) {
      put_protocol(b, source, "udp", service);
      put_protocol(b, target, "udp", service);
   }
   idea_count(b, b->root, "FlowCount", "RSP_FLOWS");
   idea_count(b, b->root, "ByteCount", "RSP_BYTES");
   idea_count(b, b->root, "PacketCount", "RSP_PACKETS");
   idea_node(b, "amplification_detection", STATISTICAL);
   if (known) {
      idea_textf(b, b->root, "Description", "%s amplification", title);
   }
   return IDEA_OK;
}

const struct idea_reporter idea_of_amplification = {
    .name = "amplification",
    .module = "amplificationdetector",
    .detector = "amplification_detection",
    .fields = ENDS "uint64 REQ_BYTES,uint64 RSP_BYTES," TIMES ",uint32 EVENT_ID,uint32 REQ_FLOWS,uint32 "
                   "REQ_PACKETS,uint32 RSP_FLOWS,uint32 RSP_PACKETS,uint16 SRC_PORT",
    .build = build_amplification};

/* -------------------------------------------------------------------- bruteforce */

static enum idea_result build_bruteforce(struct idea_builder *b)
{
   if (number(b, "WARDEN_TYPE") != WARDEN_ATTEMPTS) {
      return IDEA_SKIPPED;
   }
   const char *protocol = idea_protocol(number(b, "PROTOCOL"));
   const char *service = idea_service(number(b, "DST_PORT"));
   char upper[32] = "";
   for (size_t i = 0; service != NULL && service[i] != 0 && i + 1 < sizeof(upper); i++) {
      upper[i] = (char) toupper((unsigned char) service[i]);
   }
   idea_format(b);
   idea_time(b, "DetectTime", "DETECTION_TIME");
   idea_seconds(b, "CreateTime", b->now);
   idea_words(b, b->root, "Category", "Attempt.Login");
   idea_textf(b, b->root, "Description", "Multiple unsuccessful login attempts%s%s",
              service != NULL ? " on " : "", upper);
   idea_count(b, b->root, "FlowCount", "EVENT_SCALE");
   json_t *source = idea_end(b, "Source");
   put_protocol(b, source, protocol, service);
   idea_ip_of(b, source, "SRC_IP");
   json_t *target = idea_end(b, "Target");
   put_port(b, target, "DST_PORT");
   put_protocol(b, target, protocol, service);
   idea_node(b, "brute_force_detector", STATISTICAL);
   return IDEA_OK;
}

const struct idea_reporter idea_of_bruteforce = {
    .name = "bruteforce",
    .module = "bruteforce",
    .detector = "brute_force_detector",
    .fields = "ipaddr SRC_IP,time DETECTION_TIME,uint32 EVENT_SCALE,uint16 DST_PORT,uint8 PROTOCOL,uint8 "
              "WARDEN_TYPE",
    .build = build_bruteforce};

/* ------------------------------------------------------------------------- floods */

static enum idea_result build_ddos(struct idea_builder *b)
{
   idea_format(b);
   json_t *names = idea_put(b, b->root, "AltNames", json_array());
   idea_append(b, names, json_sprintf("%llu", (unsigned long long) number(b, "EVENT_ID")));
   idea_seconds(b, "CreateTime", b->now);
   idea_times(b, "EDC", "TIME_FIRST", "TIME_LAST");
   idea_words(b, b->root, "Category", "Availability.DoS");
   idea_count(b, b->root, "ByteCount", "BYTES");
   idea_ip_of(b, idea_end(b, "Target"), "DST_IP");
   idea_node(b, "ddos_detector", STATISTICAL);
   idea_text(b, b->root, "Description", "Volume of traffic and number of its sources increased.");
   return IDEA_OK;
}

const struct idea_reporter idea_of_ddos_detector = {.name = "ddos_detector",
                                                    .module = "ddos_detector",
                                                    .detector = "ddos_detector",
                                                    .fields = "ipaddr DST_IP,uint64 BYTES," TIMES
                                                              ",uint64 EVENT_ID",
                                                    .build = build_ddos};

/* --------------------------------------------------------------------------- names */

static enum idea_result build_dga(struct idea_builder *b)
{
   idea_format(b);
   idea_time(b, "DetectTime", "TIME_LAST");
   idea_seconds(b, "CreateTime", b->now);
   idea_words(b, b->root, "Category", "Intrusion.Botnet");
   idea_text(b, b->root, "Description", "Botnet trying to comunicate with control server using DGA");
   json_t *source = idea_end(b, "Source");
   idea_words(b, source, "Type", "Botnet");
   idea_ip_of(b, source, "SRC_IP");
   source = idea_end(b, "Source");
   idea_words(b, source, "Type", "Botnet CC");
   put_text_list(b, source, "Hostname", "DNS_Q_NAME");
   json_t *node = idea_node(b, "DGA_detector", "");
   /* Its members are in another order than those of the others. */
   json_t *name = json_incref(json_object_get(node, "Name"));
   json_object_del(node, "Name");
   idea_put(b, node, "Name", name);
   return IDEA_OK;
}

const struct idea_reporter idea_of_dgadetection = {.name = "dgadetection",
                                                   .module = "dgadetection",
                                                   .fields = "ipaddr SRC_IP,ipaddr DST_IP," TIMES
                                                             ",string DNS_Q_NAME",
                                                   .build = build_dga};

/* A name with '?' for each character that is not ASCII. */
static json_t *note_of_name(const struct idea_builder *b)
{
   size_t length, n;
   const char *name = alert_string(b->alert, "TUNNEL_DOMAIN", &length);
   char text[IDEA_TEXT];
   n = (size_t) snprintf(text, sizeof(text), "Example of used domain name: ");
   for (size_t i = 0; name != NULL && i < length && n + 1 < sizeof(text); i++) {
      unsigned char c = (unsigned char) name[i];
      if ((c & 0xc0) != 0x80) { /* no continuation of a character */
         text[n++] = (char) (c < 0x80 ? c : '?');
      }
   }
   return json_stringn(text, n);
}

static enum idea_result build_dnstunnel(struct idea_builder *b)
{
   uint64_t type = number(b, "TUNNEL_TYPE");
   if (type != 1 && (type < 4 || type > 8)) {
      return IDEA_SKIPPED;
   }
   idea_begin(b);
   idea_times(b, "ECD", "TIME_FIRST", "TIME_LAST");
   idea_words(b, b->root, "Category", "Anomaly.Connection");
   idea_count(b, b->root, "FlowCount", "TUNNEL_CNT_PACKET");
   json_t *source = idea_end(b, "Source");
   idea_words(b, source, "Proto", "udp domain");
   idea_ip_of(b, source, "SRC_IP");
   idea_node(b, "dnstunnel_detection", "Flow Statistical Content");
   idea_textf(b, b->root, "Description", "Communication tunnel over DNS observed in %s",
              type == 1 ? "requests" : "responses");
   idea_put(b, b->root, "Note", note_of_name(b));
   return IDEA_OK;
}

const struct idea_reporter idea_of_dnstunnel = {
    .name = "dnstunnel",
    .module = "dnstunnel",
    .detector = "dnstunnel_detection",
    .fields =
        "ipaddr SRC_IP," TIMES ",uint32 EVENT_ID,uint32 TUNNEL_CNT_PACKET,float TUNNEL_PER_NEW_DOMAIN,float "
        "TUNNEL_PER_SUBDOMAIN,uint8 TUNNEL_TYPE,string TUNNEL_DOMAIN",
    .build = build_dnstunnel};

/* --------------------------------------------------------------------------- scans */

static enum idea_result build_haddrscan(struct idea_builder *b)
{
   idea_begin(b);
   idea_times(b, "ECD", "TIME_FIRST", "TIME_LAST");
   idea_words(b, b->root, "Category", "Recon.Scanning");
   idea_count(b, b->root, "FlowCount", "ADDR_CNT");
   idea_text(b, b->root, "Description", "Horizontal scan using TCP SYN");
   json_t *source = idea_end(b, "Source");
   idea_words(b, source, "Proto", "tcp");
   idea_ip_of(b, source, "SRC_IP");
   json_t *target = idea_end(b, "Target");
   idea_words(b, target, "Proto", "tcp");
   put_port(b, target, "DST_PORT");
   idea_put(b, target, "Imprecise", json_true());
   for (unsigned i = 0; i < TARGETS; i++) {
      char field[16];
      snprintf(field, sizeof(field), "DST_IP%u", i);
      if (has_ip(b, field)) {
         idea_ip_of(b, target, field);
      }
   }
   json_t *node = idea_node(b, "haddrscan_detector", STATISTICAL);
   idea_text(b, node, "AggrWin", b->options->window != NULL ? b->options->window : IDEA_WINDOW_DEFAULT);
   return IDEA_OK;
}

const struct idea_reporter idea_of_haddrscan = {
    .name = "haddrscan",
    .module = "haddrscan",
    .detector = "haddrscan_detector",
    .fields = "ipaddr SRC_IP,uint32 ADDR_CNT," TIMES
              ",uint16 DST_PORT,uint8 EVENT_TYPE,uint8 PROTOCOL,ipaddr DST_IP0,"
              "ipaddr DST_IP1,ipaddr DST_IP2,ipaddr DST_IP3,ipaddr DST_IP4,ipaddr DST_IP5,ipaddr "
              "DST_IP6,ipaddr DST_IP7,"
              "ipaddr DST_IP8,ipaddr DST_IP9,ipaddr DST_IP10,ipaddr DST_IP11,ipaddr DST_IP12,ipaddr "
              "DST_IP13,ipaddr "
              "DST_IP14,ipaddr DST_IP15",
    .build = build_haddrscan};

/* -------------------------------------------------------------------------- mining */

static enum idea_result build_miner(struct idea_builder *b)
{
   char source_text[INET6_ADDRSTRLEN], target_text[INET6_ADDRSTRLEN];
   ip_text(b, "SRC_IP", source_text);
   ip_text(b, "DST_IP", target_text);
   idea_begin(b);
   idea_times(b, "EDC", "TIME_FIRST", "TIME_LAST");
   idea_words(b, b->root, "Category", "Suspicious.Miner");
   json_t *source = idea_end(b, "Source");
   idea_words(b, source, "Proto", "tcp");
   idea_ip_of(b, source, "SRC_IP");
   json_t *target = idea_end(b, "Target");
   idea_words(b, target, "Proto", "tcp");
   idea_ip_of(b, target, "DST_IP");
   idea_node(b, "minerdetector", "Flow Blacklist");
   idea_count(b, b->root, "FlowCount", "EVENT_SCALE");
   idea_count(b, b->root, "ConnCount", "EVENT_SCALE");
   idea_textf(b, b->root, "Note", "Source IP %s might be a miner.", source_text);
   idea_textf(b, b->root, "Description",
              "%s might be a miner, because it connected to %s:%u which is flagged as a mining pool server.",
              source_text, target_text, (unsigned) number(b, "DST_PORT"));
   return IDEA_OK;
}

const struct idea_reporter idea_of_minerdetector = {.name = "minerdetector",
                                                    .module = "minerdetector",
                                                    .detector = "miner_detector",
                                                    .fields =
                                                        ENDS TIMES ",uint32 EVENT_SCALE,uint16 DST_PORT",
                                                    .build = build_miner};

/* ------------------------------------------------------------------------------ SIP */

enum sip_type { SIP_GUESSING, SIP_DISTRIBUTED, SIP_SCAN };

static void put_sip_end(struct idea_builder *b, const char *list, const char *port, const char *ip)
{
   json_t *end = idea_end(b, list);
   put_protocol(b, end, number(b, "SBFD_PROTOCOL") == IPPROTO_TCP ? "tcp" : "udp", "sip");
   put_port(b, end, port);
   idea_ip_of(b, end, ip);
}

static void put_account(struct idea_builder *b)
{
   static const char text[] = "Event is related to user account: ";
   size_t length;
   const char *user = alert_string(b->alert, "SBFD_USER", &length);
   char note[IDEA_TEXT];
   memcpy(note, text, sizeof(text));
   size_t room = sizeof(note) - sizeof(text);
   length = user == NULL ? 0 : length < room ? length : room;
   if (length > 0) {
      memcpy(note + sizeof(text) - 1, user, length);
   }
   idea_put(b, b->root, "Note", idea_string(note, sizeof(text) - 1 + length));
}

static enum idea_result build_sip(struct idea_builder *b)
{
   uint64_t type = number(b, "SBFD_EVENT_TYPE");
   bool breach = type != SIP_SCAN && alert_time(b->alert, "SBFD_BREACH_TIME") != 0;
   if (type > SIP_SCAN) {
      return IDEA_SKIPPED;
   }
   idea_format(b);
   idea_seconds(b, "DetectTime", b->now);
   idea_seconds(b, "CreateTime", b->now);
   idea_times(b, "EC", "SBFD_EVENT_TIME", "SBFD_CEASE_TIME");
   idea_count(b, b->root, "ConnCount", "SBFD_ATTEMPTS");
   put_sip_end(b, "Source", "SRC_PORT", "SBFD_SOURCE");
   put_sip_end(b, "Target", "DST_PORT", "SBFD_TARGET");
   idea_node(b, "brute_force_detector", STATISTICAL);
   idea_words(b, b->root, "Category", type == SIP_SCAN ? "Recon.Scanning" : "Attempt.Login");
   if (type == SIP_GUESSING) {
      idea_textf(b, b->root, "Description", "%sSIP BruteForce login attempt.", breach ? "Successful " : "");
   }
   if (type != SIP_SCAN) {
      put_account(b);
   }
   if (breach) {
      idea_time(b, "BreachTime", "SBFD_BREACH_TIME");
   }
   if (type == SIP_DISTRIBUTED) {
      idea_textf(b, b->root, "Description", "%sistributed SIP BruteForce login attempt.",
                 breach ? "Successful d" : "D");
   } else if (type == SIP_SCAN) {
      idea_text(b, b->root, "Description", "Scan of SIP user accounts.");
   }
   return IDEA_OK;
}

const struct idea_reporter idea_of_sipbf = {
    .name = "sipbf",
    .module = "sipbruteforce",
    .detector = "sip_bf_detector",
    .fields = "uint64 SBFD_EVENT_ID,uint8 SBFD_EVENT_TYPE,ipaddr SBFD_TARGET,ipaddr SBFD_SOURCE,string "
              "SBFD_USER,uint64 "
              "SBFD_LINK_BIT_FIELD,uint8 SBFD_PROTOCOL,time SBFD_EVENT_TIME,time SBFD_CEASE_TIME,time "
              "SBFD_BREACH_TIME,"
              "uint32 SBFD_ATTEMPTS,uint32 SBFD_AVG_ATTEMPTS,uint16 SRC_PORT,uint16 DST_PORT",
    .build = build_sip};

static enum idea_result build_voipfraud(struct idea_builder *b)
{
   if (number(b, "EVENT_TYPE") != DIAL_PLAN) {
      return IDEA_SKIPPED;
   }
   idea_begin(b);
   idea_time(b, "DetectTime", "DETECTION_TIME");
   idea_time(b, "EventTime", "TIME_FIRST");
   idea_words(b, b->root, "Category", "Attempt.Login");
   idea_text(b, b->root, "Description", "SIP Dial-plan guessing");
   idea_count(b, b->root, "ConnCount", "VOIP_FRAUD_INVITE_COUNT");
   idea_count(b, b->root, "MaxPrefixLength", "VOIP_FRAUD_PREFIX_LENGTH");
   idea_count(b, b->root, "TriedPrefixCount", "VOIP_FRAUD_PREFIX_EXAMINATION_COUNT");
   idea_count(b, b->root, "SuccessfulCalls", "VOIP_FRAUD_SUCCESSFUL_CALL_COUNT");
   json_t *source = idea_end(b, "Source");
   idea_words(b, source, "Proto", "sip");
   put_text_list(b, source, "UserAgent", "VOIP_FRAUD_USER_AGENT");
   put_text_list(b, source, "SIPFrom", "VOIP_FRAUD_SIP_FROM");
   idea_ip_of(b, source, "SRC_IP");
   json_t *target = idea_end(b, "Target");
   idea_words(b, target, "Proto", "sip");
   put_text_list(b, target, "SIPTo", "VOIP_FRAUD_SIP_TO");
   idea_node(b, "voip_fraud_detection", "Flow Statistical Content");
   return IDEA_OK;
}

const struct idea_reporter idea_of_voipfraud = {
    .name = "voipfraud",
    .module = "voipfraud",
    .detector = "voip_fraud_detection",
    .fields = ENDS
    "time DETECTION_TIME,time TIME_FIRST,uint32 EVENT_ID,uint32 VOIP_FRAUD_INVITE_COUNT,uint32 "
    "VOIP_FRAUD_PREFIX_EXAMINATION_COUNT,uint32 VOIP_FRAUD_SUCCESSFUL_CALL_COUNT,uint16 "
    "VOIP_FRAUD_PREFIX_LENGTH,uint8 EVENT_TYPE,string VOIP_FRAUD_COUNTRY_CODE,string VOIP_FRAUD_SIP_FROM,"
    "string VOIP_FRAUD_SIP_TO,string VOIP_FRAUD_USER_AGENT",
    .build = build_voipfraud};

/* ------------------------------------------------------------------------------ SSH */

static enum idea_result build_sshml(struct idea_builder *b)
{
   char source_text[INET6_ADDRSTRLEN], target_text[INET6_ADDRSTRLEN];
   idea_format(b);
   idea_time(b, "DetectTime", "EVENT_TIME");
   idea_seconds(b, "CreateTime", b->now);
   idea_words(b, b->root, "Category", "Attempt.Login");
   idea_text(b, b->root, "Description", "Multiple unsuccessful SSH login attempts");
   idea_textf(b, b->root, "Note",
              "Machine Learning model recognized approx. %u unsuccessful login attempts from %s against SSH "
              "server %s",
              (unsigned) number(b, "ATTEMPTS"), ip_text(b, "SRC_IP", source_text),
              ip_text(b, "DST_IP", target_text));
   json_t *source = idea_end(b, "Source");
   idea_words(b, source, "Proto", "tcp ssh");
   idea_ip_of(b, source, "SRC_IP");
   json_t *target = idea_end(b, "Target");
   put_port(b, target, "DST_PORT");
   idea_words(b, target, "Proto", "tcp ssh");
   idea_ip_of(b, target, "DST_IP");
   idea_node(b, "sshbfdetectorml", "Flow Statistical MachineLearning");
   return IDEA_OK;
}

const struct idea_reporter idea_of_sshbruteforceml = {
    .name = "sshbruteforceml",
    .module = "sshbruteforceml",
    .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint16 SRC_PORT,uint16 ATTEMPTS,time EVENT_TIME",
    .build = build_sshml};

/* ---------------------------------------------------------------------------- Venom */

static void put_venom_end(struct idea_builder *b, const char *ip, const char *port, const char *type)
{
   uint64_t protocol = number(b, "PROTOCOL");
   if (!has_ip(b, ip)) {
      return;
   }
   json_t *source = idea_end(b, "Source");
   put_protocol(b, source, idea_protocol(protocol), NULL);
   if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) {
      put_port(b, source, port);
   }
   idea_words(b, source, "Type", type);
   idea_ip_of(b, source, ip);
}

static enum idea_result build_venom(struct idea_builder *b)
{
   static const char unknown[] = "It is unknown if the rootkit is present on the target machine.";
   char target[INET6_ADDRSTRLEN];
   uint64_t found = number(b, "VENOM");
   double confidence = number(b, "SRC_PORT") == VENOM_PORT ? 0.05 : found == MAGIC ? 0.9 : 0.3;
   idea_begin(b);
   idea_times(b, "EDC", "TIME_FIRST", "TIME_LAST");
   idea_words(b, b->root, "Category", "Intrusion.Botnet Malware.Rootkit");
   idea_count(b, b->root, "PacketCount", "PACKETS");
   idea_count(b, b->root, "ByteCount", "BYTES");
   put_venom_end(b, "SRC_IP", "SRC_PORT", "Botnet CC");
   put_venom_end(b, "DST_IP", "DST_PORT", "Botnet");
   idea_node(b, "venom_detector", "Packet DPI");
   if (found == MAGIC) {
      idea_textf(b, b->root, "Note", "Activation was attempted by a packet with magic string in payload. %s",
                 unknown);
   } else {
      idea_textf(b, b->root, "Note",
                 "Activation was attempted by %u packets with src_port + tcp_seq = 1221. %s",
                 (unsigned) found, unknown);
   }
   idea_put(b, b->root, "Confidence", json_real(confidence));
   idea_textf(b, b->root, "Description", "Attempt to activate VENOM rootkit on %s.",
              ip_text(b, "DST_IP", target));
   idea_words(b, b->root, "Ref", "https://wiki.egi.eu/wiki/Venom_Rootkit");
   return IDEA_OK;
}

const struct idea_reporter idea_of_venom = {
    .name = "venom",
    .module = "venom",
    .fields = ENDS "uint64 BYTES,uint64 LINK_BIT_FIELD," TIMES
                   ",uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 "
                   "DIR_BIT_FIELD,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 TOS,uint8 TTL,uint8 VENOM",
    .build = build_venom};

/* ------------------------------------------------------------------------------ web */

static void put_web_end(struct idea_builder *b, const char *list, const char *port, const char *ip)
{
   json_t *end = idea_end(b, list);
   put_port(b, end, port);
   idea_words(b, end, "Proto", "tcp http");
   idea_ip_of(b, end, ip);
}

/* A field's bytes, those that are left of the room. */
static size_t add_field(const struct idea_builder *b, const char *field, char *to, size_t room)
{
   size_t length;
   const char *text = alert_string(b->alert, field, &length);
   length = text == NULL ? 0 : length < room ? length : room;
   if (length > 0) {
      memcpy(to, text, length);
   }
   return length;
}

static enum idea_result build_web(struct idea_builder *b)
{
   static const char *const parts[][2] = {{"Detection Rule: ", "WAI_RULE"},
                                          {", HTTP request Field: ", "WAI_MALICIOUS_FIELD"},
                                          {", HTTP request field contained value: ", "WAI_MALICIOUS_VALUE"}};
   char note[4 * IDEA_TEXT];
   size_t n = 0;
   for (unsigned i = 0; i < 3; i++) {
      n += (size_t) snprintf(note + n, sizeof(note) - n, "%s", parts[i][0]);
      n += add_field(b, parts[i][1], note + n, i < 2 ? IDEA_TEXT : sizeof(note) - n - 1);
   }
   idea_begin(b);
   idea_times(b, "ED", "EVENT_TIME", "EVENT_TIME");
   idea_words(b, b->root, "Category", "Recon.Scanning Attempt.Exploit");
   put_web_end(b, "Source", "SRC_PORT", "SRC_IP");
   put_web_end(b, "Target", "DST_PORT", "DST_IP");
   idea_node(b, "waintrusion_detector", "Flow Signature");
   idea_text(b, b->root, "Description",
             "HTTP traffic containing suspicious data that looks like vulnerability test.");
   idea_put(b, b->root, "Note", idea_string(note, n));
   return IDEA_OK;
}

const struct idea_reporter idea_of_waintrusion_detector = {
    .name = "waintrusion_detector",
    .module = "waintrusion_detector2idea",
    .detector = "waintrusion_detector",
    .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL,time "
              "EVENT_TIME,string WAI_RULE,"
              "string WAI_MALICIOUS_FIELD,string WAI_MALICIOUS_VALUE",
    .build = build_web};
