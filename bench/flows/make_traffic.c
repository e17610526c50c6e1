/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * make_traffic: sends records of flow_meter's streams that depend on nothing but the options, for benchmarks of detectors
 * and for tests with floods.
 */
#include <nemea/module.h>
#include <stdio.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint32 PACKETS,
          uint64 BYTES, uint32 PACKETS_REV, uint64 BYTES_REV, time TIME_FIRST, time TIME_LAST,
          uint8 TCP_FLAGS, uint8 TCP_FLAGS_REV, uint8 DIR_BIT_FIELD, uint64 LINK_BIT_FIELD, uint8 TOS,
          uint8 TTL, uint16 DNS_ID, uint16 DNS_ANSWERS, uint8 DNS_RCODE, string DNS_NAME, uint16 DNS_QTYPE,
          uint16 DNS_CLASS, uint32 DNS_RR_TTL, uint16 DNS_RLENGTH, bytes DNS_RDATA, uint16 DNS_PSIZE,
          uint8 DNS_DO, string HTTP_REQUEST_METHOD, string HTTP_REQUEST_HOST, string HTTP_REQUEST_URL,
          string HTTP_REQUEST_AGENT, string HTTP_REQUEST_REFERER, uint16 HTTP_RESPONSE_STATUS_CODE,
          uint16 SIP_MSG_TYPE, uint16 SIP_STATUS_CODE, string SIP_CSEQ, string SIP_CALLING_PARTY,
          string SIP_CALLED_PARTY, string SIP_CALL_ID, string SIP_USER_AGENT, string SIP_REQUEST_URI,
          string SIP_VIA, uint32 SMTP_2XX_STAT_CODE_COUNT, uint32 SMTP_3XX_STAT_CODE_COUNT,
          uint32 SMTP_4XX_STAT_CODE_COUNT, uint32 SMTP_5XX_STAT_CODE_COUNT, uint32 SMTP_COMMAND_FLAGS,
          uint32 SMTP_MAIL_CMD_COUNT, uint32 SMTP_RCPT_CMD_COUNT, uint32 SMTP_STAT_CODE_FLAGS,
          string SMTP_DOMAIN, string SMTP_FIRST_RECIPIENT, string SMTP_FIRST_SENDER, uint32 POSIX_START,
          uint32 POSIX_END, uint64 FLOW_COUNT, uint64 PACKET_COUNT, uint64 UNIQUE_DST_IPS,
          uint64 UNIQUE_DST_PORTS, uint64 UNIQUE_SRC_PORTS, uint64 UNIQUE_DST_24_SUBNETS, uint16 SRC_PORT_1,
          uint64 SRC_PORT_1_COUNT, uint64 SRC_PORT_2_COUNT, uint64 SRC_PORT_3_COUNT, float PPF_AVG,
          float PPF_STD, float BYTES_AVG, float BYTES_STD, uint64 RST, uint64 ACKSYN, uint64 MAX_FPM)

#define BASIC                                                                                                \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint32 PACKETS,uint64 BYTES," \
   "time TIME_FIRST,time TIME_LAST,uint8 TCP_FLAGS,uint8 DIR_BIT_FIELD,uint64 LINK_BIT_FIELD,uint8 "         \
   "TOS,uint8 TTL"
#define REVERSE ",uint32 PACKETS_REV,uint64 BYTES_REV,uint8 TCP_FLAGS_REV"
#define DNS                                                                                               \
   ",uint16 DNS_ID,uint16 DNS_ANSWERS,uint8 DNS_RCODE,string DNS_NAME,uint16 DNS_QTYPE,uint16 DNS_CLASS," \
   "uint32 DNS_RR_TTL,uint16 DNS_RLENGTH,bytes DNS_RDATA,uint16 DNS_PSIZE,uint8 DNS_DO"
#define HTTP                                                                       \
   ",string HTTP_REQUEST_METHOD,string HTTP_REQUEST_HOST,string HTTP_REQUEST_URL," \
   "string HTTP_REQUEST_AGENT,string HTTP_REQUEST_REFERER,uint16 HTTP_RESPONSE_STATUS_CODE"
#define SIP                                                                                \
   ",uint16 SIP_MSG_TYPE,uint16 SIP_STATUS_CODE,string SIP_CSEQ,string SIP_CALLING_PARTY," \
   "string SIP_CALLED_PARTY,string SIP_CALL_ID,string SIP_USER_AGENT,string SIP_REQUEST_URI,string SIP_VIA"
#define SMTP                                                                                                \
   ",uint32 SMTP_2XX_STAT_CODE_COUNT,uint32 SMTP_3XX_STAT_CODE_COUNT,uint32 SMTP_4XX_STAT_CODE_COUNT,"      \
   "uint32 SMTP_5XX_STAT_CODE_COUNT,uint32 SMTP_COMMAND_FLAGS,uint32 SMTP_MAIL_CMD_COUNT,"                  \
   "uint32 SMTP_RCPT_CMD_COUNT,uint32 SMTP_STAT_CODE_FLAGS,string SMTP_DOMAIN,string SMTP_FIRST_RECIPIENT," \
   "string SMTP_FIRST_SENDER"

#define VECTOR                                                                                            \
   ",uint32 POSIX_START,uint32 POSIX_END,uint64 FLOW_COUNT,uint64 PACKET_COUNT,uint64 UNIQUE_DST_IPS,"    \
   "uint64 UNIQUE_DST_PORTS,uint64 UNIQUE_SRC_PORTS,uint64 UNIQUE_DST_24_SUBNETS,uint16 SRC_PORT_1,"      \
   "uint64 SRC_PORT_1_COUNT,uint64 SRC_PORT_2_COUNT,uint64 SRC_PORT_3_COUNT,float PPF_AVG,float PPF_STD," \
   "float BYTES_AVG,float BYTES_STD,uint64 RST,uint64 ACKSYN,uint64 MAX_FPM"

#define BATCH        256
#define START        1600000000 /* seconds since 1970 */
#define HOSTS        60000      /* clients, and as many servers */
#define ATTACK_EVERY 64         /* one record of so many, with --attacks */
#define TEXT         128
#define TCP          6
#define UDP          17
#define CONNECTION   0x1b /* FIN, SYN, PSH, ACK */
#define PART         0x18 /* PSH, ACK */

enum kind {
   FLOWS,
   SYNS,
   ANSWERS,
   LOGINS,
   PARTS,
   DNS_STREAM,
   HTTP_STREAM,
   SIP_STREAM,
   CALL_STREAM,
   SMTP_STREAM,
   VECTORS
};

static const char *const kinds[] = {"flows", "syns", "answers", "logins", "parts",   "dns",
                                    "http",  "sip",  "calls",   "smtp",   "vectors", NULL};

struct make_traffic {
   uint64_t records;
   uint32_t rate;
   unsigned kind;
   bool spoofed, attacks, biflow;
   uint8_t v6; /* % */
   uint64_t sent;
};

static const nm_option_t options[] = {
    NM_CHOICE('k', "kind", struct make_traffic, kind, FLOWS, kinds,
              "What to send. Flows without payload: flows (ordinary ones: 22 % DNS, 7 % scans), syns, "
              "answers (large ones of "
              "DNS servers), logins (of SSH), parts (of connections that last). With fields of flow_meter's "
              "plugins: dns, http, sip, calls (SIP, INVITE only), smtp. Of the module backscatter: vectors "
              "(of hosts that answer)."),
    NM_U64('r', "records", struct make_traffic, records, 1000000, 0, UINT64_MAX, "How many records."),
    NM_U32('s', "rate", struct make_traffic, rate, 1111, 1, 1000000, "Records of a second of stream time."),
    NM_FLAG(0, "spoofed", struct make_traffic, spoofed, "Each record has a source of its own."),
    NM_FLAG(
        0, "attacks", struct make_traffic, attacks,
        "Hide attacks in the records: one of 64 belongs to one. Attackers are in 203.0.113.0/24, victims in "
        "198.51.100.0/24; listed names end in bad.example."),
    NM_FLAG(0, "biflow", struct make_traffic, biflow,
            "Both directions in one record, as flow_meter sends them; without it, ordinary flows and their "
            "answers "
            "are records of their own."),
    NM_U8(0, "v6", struct make_traffic, v6, 0, 0, 100, "Share of flows with IPv6 addresses, %."),
    NM_END,
};

/* A record before it is written. */
struct flow {
   ip_addr_t src, dst;
   uint16_t src_port, dst_port;
   uint8_t protocol, flags, flags_rev;
   uint32_t packets, packets_rev;
   uint64_t bytes, bytes_rev;
   uint32_t ms; /* duration */
   bool attack;
   uint64_t random, number; /* number: of an attack, its records before this one; else of all */
};

/* Mixes the bits of x; a bijection (D. Stafford's variant 13 of the finalizer of MurmurHash3). */
static uint64_t mix(uint64_t x)
{
   x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
   x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
   return x ^ x >> 31;
}

/* A host from 0 to HOSTS - 1, where host k has a share of about 1 / k (Zipf). */
static uint32_t popular(uint64_t random)
{
   unsigned octave =
       (unsigned) ((random & 0xffff) * 16 >> 16); /* hosts 2^octave to 2^(octave + 1), all as probable */
   uint32_t host = (UINT32_C(1) << octave) + (uint32_t) ((random >> 16) & ((UINT32_C(1) << octave) - 1)) - 1;
   return host < HOSTS ? host : host - 32768;
}

static ip_addr_t address(const struct make_traffic *self, uint32_t net, uint32_t host, uint64_t random)
{
   if (self->v6 > 0 && random % 100 < self->v6) {
      /* Networks of 256 hosts. */
      uint8_t bytes[16] = {0x20,
                           0x01,
                           0x0d,
                           0xb8,
                           (uint8_t) (net >> 24),
                           (uint8_t) (host >> 24),
                           (uint8_t) (host >> 16),
                           (uint8_t) (host >> 8)};
      bytes[15] = (uint8_t) host;
      return ip_from_16_bytes_be((char *) bytes);
   }
   return ip_from_int(net + host);
}

static ip_addr_t attacker(uint8_t n)
{
   return ip_from_int(0xcb007100 + n);
}

static ip_addr_t victim(uint8_t n)
{
   return ip_from_int(0xc6336400 + n);
}

static void set_traffic(struct flow *f, uint8_t protocol, uint8_t flags, uint32_t packets, uint64_t bytes)
{
   f->protocol = protocol;
   f->flags = flags;
   f->packets = packets;
   f->bytes = bytes;
}

/* ------------------------------------------------------------ ordinary flows */

/* 7 % probes of scanners, of which half scan one host each. */
static void scan(const struct make_traffic *self, uint64_t n, struct flow *f)
{
   uint32_t scanner = (uint32_t) (n / 4096 % 1024);
   uint64_t random = mix(n);
   f->src = address(self, 0xb0000000, scanner, scanner);
   f->dst = address(self, 0xc0a80000, scanner & 1 ? (uint32_t) (random % HOSTS) : scanner, scanner);
   f->src_port = (uint16_t) (32768 + (random & 0x3fff));
   f->dst_port = scanner & 1 ? 445 : (uint16_t) (1 + (random >> 20) % 10000);
   set_traffic(f, TCP, 0x02, 1, 44);
}

/* Requests have even numbers, the answers to them odd ones, unless they are in one record. */
static void ordinary(const struct make_traffic *self, struct flow *f)
{
   static const uint16_t services[] = {443, 443, 443, 443, 443, 443, 443,  443,
                                       80,  80,  80,  22,  25,  993, 8080, 3389};
   const uint64_t n = self->sent, pair = self->biflow ? n : n / 2, a = mix(pair + 1), b = mix(a);
   const unsigned share = (unsigned) (a >> 48) % 100;
   if (share < 7) {
      scan(self, n, f);
      return;
   }
   const bool dns = share < 29;
   f->src = address(self, 0x0a000000, popular(a), b);
   f->dst = address(self, 0xc0a80000, dns ? popular(b) % 64 : popular(b), b);
   f->src_port = (uint16_t) (1024 + (a >> 16) % 60000);
   f->dst_port = dns ? 53 : services[b >> 8 & 15];
   uint32_t packets = dns ? 1 : 4 + (uint32_t) (b >> 20 & (b >> 40 & 7 ? 15 : 1023));
   set_traffic(f, dns ? UDP : TCP, dns ? 0 : CONNECTION, packets,
               packets * (dns ? 72 : 60 + (a >> 40 & 255)));
   uint64_t answer = packets * (dns ? 120 + (a & 255) : 60 + (b >> 50 & 1023));
   f->ms = dns ? 20 : (uint32_t) (b >> 50 & 1023);
   if (self->biflow) {
      f->packets_rev = packets;
      f->bytes_rev = answer;
      f->flags_rev = f->flags;
   } else if (n & 1) {
      ip_addr_t client = f->src;
      uint16_t port = f->src_port;
      f->src = f->dst;
      f->src_port = f->dst_port;
      f->dst = client;
      f->dst_port = port;
      f->bytes = answer;
   }
}

/* ------------------------------------------------------------- flows of floods */

/* The source of record n, which no other record has with --spoofed; else one of the clients. */
static ip_addr_t source(const struct make_traffic *self, uint64_t n, uint64_t random)
{
   return self->spoofed ? address(self, 0x20000000, (uint32_t) n * UINT32_C(2654435761) >> 4, random)
                        : address(self, 0x0a000000, popular(random), random);
}

static void syn(const struct make_traffic *self, struct flow *f)
{
   f->src = source(self, self->sent, f->random);
   f->dst = address(self, 0xc0a80000, (uint32_t) (f->random >> 32) % HOSTS, f->random);
   f->src_port = (uint16_t) (1024 + (f->random >> 8) % 60000);
   f->dst_port = (uint16_t) (1 + (f->random >> 24) % 1024);
   set_traffic(f, TCP, 0x02, 1, 44);
}

static void answer(const struct make_traffic *self, struct flow *f)
{
   f->src = source(self, self->sent, f->random);
   f->dst = address(self, 0xc0a80000, (uint32_t) (f->random >> 32) % HOSTS, f->random);
   f->src_port = 53;
   f->dst_port = (uint16_t) (1024 + (f->random >> 8) % 60000);
   set_traffic(f, UDP, 0, 3, 3900);
}

static void login(const struct make_traffic *self, struct flow *f)
{
   f->src = source(self, self->sent, f->random);
   f->dst = address(self, 0xc0a80000, (uint32_t) (f->random >> 32) % HOSTS, f->random);
   f->src_port = (uint16_t) (1024 + (f->random >> 8) % 60000);
   f->dst_port = 22;
   set_traffic(f, TCP, CONNECTION, 22, 4200);
   f->ms = 800;
}

static void part(const struct make_traffic *self, struct flow *f)
{
   f->src = source(self, self->sent, f->random);
   f->dst = address(self, 0xc0a80000, (uint32_t) (f->random >> 32) % HOSTS, f->random);
   f->src_port = (uint16_t) (1024 + (f->random >> 8) % 60000);
   f->dst_port = 443;
   set_traffic(f, TCP, PART, 9, 900);
   f->ms = 60000;
}

/* -------------------------------------------------------------------- attacks */

/* Attack number i of flows; f->number counts its own records. */
static void attack(struct flow *f, unsigned i)
{
   const uint64_t n = f->number;
   f->src_port = (uint16_t) (40000 + f->random % 20000);
   switch (i) {
   case 0: /* ports of one host */
      f->src = attacker(1);
      f->dst = victim(1);
      f->dst_port = (uint16_t) (1 + n % 65535);
      set_traffic(f, TCP, 0x02, 1, 44);
      break;
   case 1: /* a port of many hosts */
      f->src = attacker(2);
      f->dst = ip_from_int(0xc6120000 + (uint32_t) (n & 0x1ffff));
      f->dst_port = 445;
      set_traffic(f, TCP, 0x02, 1, 44);
      break;
   case 2: /* SYNs from many networks to one port */
      f->src = ip_from_int(0x30000000 + (uint32_t) (n * UINT32_C(2654435761) >> 4));
      f->dst = victim(3);
      f->dst_port = 80;
      set_traffic(f, TCP, 0x02, 1, 44);
      break;
   case 3: /* answers of many DNS servers that nobody asked */
      f->src = ip_from_int(0x40000000 + (uint32_t) (n % 1000 << 8));
      f->dst = victim(4);
      f->src_port = 53;
      f->dst_port = (uint16_t) (1024 + f->random % 60000);
      set_traffic(f, UDP, 0, 3, 3900);
      break;
   case 4: /* guessing of passwords */
      f->src = attacker(5);
      f->dst = victim(5);
      f->dst_port = 22;
      set_traffic(f, TCP, CONNECTION, 22, 4200);
      f->ms = 800;
      break;
   default: /* a host that is on a blacklist */
      f->src = attacker(6);
      f->dst = victim(6);
      f->dst_port = 443;
      set_traffic(f, TCP, CONNECTION, 12, 4200);
   }
}

#define FLOW_ATTACKS 6

static void make_flow(const struct make_traffic *self, struct flow *f)
{
   f->random = mix(self->sent + 1);
   f->number = self->sent;
   if (self->attacks && self->sent % ATTACK_EVERY == ATTACK_EVERY - 1) {
      uint64_t n = self->sent / ATTACK_EVERY;
      f->attack = true;
      f->number = self->kind < DNS_STREAM ? n / FLOW_ATTACKS : n;
      if (self->kind < DNS_STREAM) {
         attack(f, (unsigned) (n % FLOW_ATTACKS));
         return;
      }
   }
   switch (self->kind) {
   case FLOWS: ordinary(self, f); break;
   case SYNS: syn(self, f); break;
   case ANSWERS: answer(self, f); break;
   case LOGINS: login(self, f); break;
   case PARTS: part(self, f); break;
   default: /* clients and servers of a protocol */
      f->src = f->attack ? attacker(7) : source(self, self->sent, f->random);
      f->dst = address(self, 0xc0a80000, popular(mix(f->random)) % 256, f->random);
      f->src_port = (uint16_t) (1024 + (f->random >> 8) % 60000);
   }
}

/* ----------------------------------------------- fields of flow_meter's plugins */

static bool self_spoofed(nm_module_t *m)
{
   return ((const struct make_traffic *) nm_self(m))->spoofed;
}

static int set_text(nm_module_t *m, void *rec, int field, const char *text, int length)
{
   return nm_set_var(m, 0, rec, field, text, length > 0 ? (uint32_t) length : 0);
}

/* Requests and answers in turns. Attack: a tunnel, and a listed name now and then. */
static int make_dns(nm_module_t *m, void *rec, struct flow *f)
{
   static const char *const words[] = {"www", "mail", "cdn", "static", "api", "img", "login", "shop"};
   char name[TEXT], data[TEXT];
   uint64_t r = mix(f->random), host = popular(r);
   bool asks = f->number % 2 == 0;
   int length, n = 0;
   f->dst_port = 53;
   set_traffic(f, UDP, 0, 1, 60 + (r & 31));
   if (f->attack && f->number % 16 == 0) {
      length = snprintf(name, sizeof(name), "bad.example");
   } else if (f->attack) {
      uint64_t w[6] = {r, mix(r), mix(r + 1), mix(r + 2), mix(r + 3), mix(r + 4)};
      length = snprintf(name, sizeof(name), "%016llx%016llx%016llx.%016llx%016llx%016llx.t.example",
                        (unsigned long long) w[0], (unsigned long long) w[1], (unsigned long long) w[2],
                        (unsigned long long) w[3], (unsigned long long) w[4], (unsigned long long) w[5]);
   } else {
      length = snprintf(name, sizeof(name), "%s.site%llu.example.%s", words[r >> 40 & 7],
                        (unsigned long long) host, r >> 44 & 1 ? "com" : "org");
   }
   if (!asks && !f->attack) {
      ip_addr_t client = f->src;
      f->src = f->dst;
      f->dst = client;
      f->dst_port = f->src_port;
      f->src_port = 53;
      n = snprintf(data, sizeof(data), "192.0.2.%u", (unsigned) (host & 255));
      f->bytes += 16;
   }
   nm_set(m, rec, F_DNS_ID, (uint16_t) r);
   nm_set(m, rec, F_DNS_ANSWERS, asks ? 0 : 1);
   nm_set(m, rec, F_DNS_QTYPE, f->attack ? 16 : 1);
   nm_set(m, rec, F_DNS_CLASS, 1);
   nm_set(m, rec, F_DNS_RLENGTH, (uint16_t) n);
   int rc = set_text(m, rec, F_DNS_NAME, name, length);
   return rc == NM_OK ? set_text(m, rec, F_DNS_RDATA, data, n) : rc;
}

/* Attack: a listed URL. */
static int make_http(nm_module_t *m, void *rec, struct flow *f)
{
   static const char agent[] = "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0";
   char host[TEXT], url[TEXT];
   uint64_t r = mix(f->random);
   f->dst_port = 80;
   set_traffic(f, TCP, CONNECTION, 8, 1200 + (r & 1023));
   int host_length = f->attack ? snprintf(host, sizeof(host), "bad.example")
                               : snprintf(host, sizeof(host), "www.site%u.example.com", popular(r)),
       url_length =
           f->attack
               ? snprintf(url, sizeof(url), f->number & 1 ? "/listed?file=../../etc/passwd" : "/listed")
               : snprintf(url, sizeof(url), "/page/%u/item%u.html?session=%llx", (unsigned) (r >> 40 & 255),
                          (unsigned) (r >> 48 & 1023), (unsigned long long) f->random);
   nm_set(m, rec, F_HTTP_RESPONSE_STATUS_CODE, 200);
   int rc = set_text(m, rec, F_HTTP_REQUEST_METHOD, "GET", 3);
   rc = rc == NM_OK ? set_text(m, rec, F_HTTP_REQUEST_HOST, host, host_length) : rc;
   rc = rc == NM_OK ? set_text(m, rec, F_HTTP_REQUEST_URL, url, url_length) : rc;
   return rc == NM_OK ? set_text(m, rec, F_HTTP_REQUEST_AGENT, agent, sizeof(agent) - 1) : rc;
}

/* Answers to registrations, a quarter of them 401, and invitations. Attack: guessing of one user's password. */
static int make_sip(nm_module_t *m, void *rec, struct flow *f)
{
   char user[TEXT], id[TEXT], seq[TEXT], uri[TEXT];
   uint64_t r = mix(f->random);
   bool invites = !f->attack && !self_spoofed(m) && r % 4 == 3,
        refused = f->attack || self_spoofed(m) || r % 4 == 0;
   ip_addr_t client = f->src;
   if (!invites) {
      f->src = f->attack ? victim(7) : f->dst;
      f->dst = client;
      f->dst_port = f->src_port;
      f->src_port = 5060;
   } else {
      f->dst_port = 5060;
   }
   set_traffic(f, UDP, 0, 1, 420 + (r & 63));
   int n = f->attack ? snprintf(user, sizeof(user), "sip:1000@pbx.example")
                     : snprintf(user, sizeof(user), "sip:%llu@pbx%u.example",
                                (unsigned long long) (self_spoofed(m) ? f->number : popular(r)),
                                (unsigned) (r >> 32 & 63)),
       id_length = snprintf(id, sizeof(id), "%016llx@client.example", (unsigned long long) r),
       seq_length =
           snprintf(seq, sizeof(seq), "%u %s", (unsigned) (r >> 50), invites ? "INVITE" : "REGISTER"),
       uri_length =
           invites ? snprintf(uri, sizeof(uri), "sip:00%llu@pbx.example", (unsigned long long) (r >> 30)) : 0;
   nm_set(m, rec, F_SIP_MSG_TYPE, invites ? 1 : 99);
   nm_set(m, rec, F_SIP_STATUS_CODE, invites ? 0 : refused ? 401 : 200);
   int rc = set_text(m, rec, F_SIP_CSEQ, seq, seq_length);
   rc = rc == NM_OK ? set_text(m, rec, F_SIP_CALLING_PARTY, user, n) : rc;
   rc = rc == NM_OK ? set_text(m, rec, F_SIP_CALLED_PARTY, invites ? uri : user, invites ? uri_length : n)
                    : rc;
   rc = rc == NM_OK ? set_text(m, rec, F_SIP_CALL_ID, id, id_length) : rc;
   rc = rc == NM_OK ? set_text(m, rec, F_SIP_USER_AGENT, "Phone 1.2", 9) : rc;
   return rc == NM_OK ? set_text(m, rec, F_SIP_REQUEST_URI, uri, uri_length) : rc;
}

/* Calls of numbers of ten digits. Attack: a number abroad, after each of a hundred prefixes in turn. */
static int make_call(nm_module_t *m, void *rec, struct flow *f)
{
   char uri[TEXT], from[TEXT], id[TEXT];
   uint64_t r = mix(f->random);
   f->dst_port = 5060;
   set_traffic(f, UDP, 0, 1, 700 + (r & 63));
   int n = f->attack ? snprintf(uri, sizeof(uri), "sip:%02u00442079460000@pbx.example",
                                (unsigned) (f->number % 100))
                     : snprintf(uri, sizeof(uri), "sip:2%09llu@pbx%u.example",
                                (unsigned long long) (r >> 30) % 1000000000, (unsigned) (r & 63)),
       from_length = snprintf(from, sizeof(from), "sip:%u@client.example", popular(r)),
       id_length = snprintf(id, sizeof(id), "%016llx@client.example", (unsigned long long) r);
   nm_set(m, rec, F_SIP_MSG_TYPE, 1);
   int rc = set_text(m, rec, F_SIP_CSEQ, "1 INVITE", 8);
   rc = rc == NM_OK ? set_text(m, rec, F_SIP_CALLING_PARTY, from, from_length) : rc;
   rc = rc == NM_OK ? set_text(m, rec, F_SIP_CALLED_PARTY, uri, n) : rc;
   rc = rc == NM_OK ? set_text(m, rec, F_SIP_CALL_ID, id, id_length) : rc;
   rc = rc == NM_OK ? set_text(m, rec, F_SIP_USER_AGENT, "Phone 1.2", 9) : rc;
   return rc == NM_OK ? set_text(m, rec, F_SIP_REQUEST_URI, uri, n) : rc;
}

/* Attack: one sender of many mails to recipients that do not exist. */
static int make_smtp(nm_module_t *m, void *rec, struct flow *f)
{
   char from[TEXT], to[TEXT];
   uint64_t r = mix(f->random);
   f->dst_port = 25;
   f->dst = f->attack ? ip_from_int(0xc6120000 + (uint32_t) (f->number & 0x1ffff)) : f->dst;
   set_traffic(f, TCP, CONNECTION, 14, 2400 + (r & 4095));
   int from_length =
           snprintf(from, sizeof(from), "user%u@site%u.example", (unsigned) (r >> 32 & 1023), popular(r)),
       to_length = snprintf(to, sizeof(to), "user%u@mail.example", (unsigned) (r >> 48 & 1023));
   nm_set(m, rec, F_SMTP_2XX_STAT_CODE_COUNT, f->attack ? 2 : 5);
   nm_set(m, rec, F_SMTP_5XX_STAT_CODE_COUNT, f->attack ? 3 : 0);
   nm_set(m, rec, F_SMTP_COMMAND_FLAGS, 0x1f);
   nm_set(m, rec, F_SMTP_MAIL_CMD_COUNT, 1);
   nm_set(m, rec, F_SMTP_RCPT_CMD_COUNT, f->attack ? 5 : 1);
   nm_set(m, rec, F_SMTP_STAT_CODE_FLAGS, f->attack ? 0x40040000 : 0xf);
   int rc = set_text(m, rec, F_SMTP_DOMAIN, "mail.example", 12);
   rc = rc == NM_OK ? set_text(m, rec, F_SMTP_FIRST_RECIPIENT, to, to_length) : rc;
   return rc == NM_OK ? set_text(m, rec, F_SMTP_FIRST_SENDER, from, from_length) : rc;
}

/* What a host that answers has sent in a minute. Attack: to as many hosts as answers. */
static int make_vector(nm_module_t *m, void *rec, struct flow *f)
{
   const uint64_t answers = 600, hosts = f->attack ? answers : 3;
   set_traffic(f, TCP, 0, (uint32_t) answers, 40 * answers);
   nm_set(m, rec, F_POSIX_START, START);
   nm_set(m, rec, F_POSIX_END, START + 60);
   nm_set(m, rec, F_FLOW_COUNT, answers);
   nm_set(m, rec, F_PACKET_COUNT, answers);
   nm_set(m, rec, F_UNIQUE_DST_IPS, hosts);
   nm_set(m, rec, F_UNIQUE_DST_PORTS, answers - 5);
   nm_set(m, rec, F_UNIQUE_SRC_PORTS, 1);
   nm_set(m, rec, F_UNIQUE_DST_24_SUBNETS, f->attack ? answers - 100 : 1);
   nm_set(m, rec, F_SRC_PORT_1, 443);
   nm_set(m, rec, F_SRC_PORT_1_COUNT, answers);
   nm_set(m, rec, F_PPF_AVG, 1);
   nm_set(m, rec, F_BYTES_AVG, 40);
   nm_set(m, rec, F_ACKSYN, answers);
   nm_set(m, rec, F_MAX_FPM, answers);
   return NM_OK;
}

/* ---------------------------------------------------------------------- module */

static void set_basic(const struct make_traffic *self, const ur_template_t *t, void *rec,
                      const struct flow *f)
{
   const uint64_t n = self->sent;
   ur_time_t last = ur_time_from_sec_usec(START + n / self->rate, n % self->rate * 1000000 / self->rate);
   ur_set(t, rec, F_SRC_IP, f->src);
   ur_set(t, rec, F_DST_IP, f->dst);
   ur_set(t, rec, F_SRC_PORT, f->src_port);
   ur_set(t, rec, F_DST_PORT, f->dst_port);
   ur_set(t, rec, F_PROTOCOL, f->protocol);
   ur_set(t, rec, F_PACKETS, f->packets);
   ur_set(t, rec, F_BYTES, f->bytes);
   ur_set(t, rec, F_TIME_FIRST, last - ur_time_from_sec_msec(f->ms / 1000, f->ms % 1000));
   ur_set(t, rec, F_TIME_LAST, last);
   ur_set(t, rec, F_TCP_FLAGS, f->flags);
   ur_set(t, rec, F_DIR_BIT_FIELD, 0);
   ur_set(t, rec, F_LINK_BIT_FIELD, 1);
   ur_set(t, rec, F_TOS, 0);
   ur_set(t, rec, F_TTL, 64);
   if (self->biflow) {
      ur_set(t, rec, F_PACKETS_REV, f->packets_rev);
      ur_set(t, rec, F_BYTES_REV, f->bytes_rev);
      ur_set(t, rec, F_TCP_FLAGS_REV, f->flags_rev);
   }
}

/* A record of fixed size is written where its readers read it. */
static int send_flow(nm_module_t *m, const struct make_traffic *self)
{
   const ur_template_t *t = nm_out(m);
   struct flow f = {0};
   void *room;
   int rc = nm_reserve(m, 0, ur_rec_fixlen_size(t), &room);
   if (rc != NM_OK || room == NULL) {
      return rc;
   }
   make_flow(self, &f);
   set_basic(self, t, room, &f);
   return nm_commit(m, 0, ur_rec_fixlen_size(t));
}

static int send_message(nm_module_t *m, const struct make_traffic *self)
{
   static int (*const make[])(nm_module_t *, void *, struct flow *) = {
       [DNS_STREAM] = make_dns,   [HTTP_STREAM] = make_http, [SIP_STREAM] = make_sip,
       [CALL_STREAM] = make_call, [SMTP_STREAM] = make_smtp, [VECTORS] = make_vector};
   struct flow f = {0};
   void *rec = nm_record(m, 0);
   make_flow(self, &f);
   int rc = make[self->kind](m, rec, &f);
   set_basic(self, nm_out(m), rec, &f);
   return rc == NM_OK ? nm_send(m, rec) : rc;
}

static int source_batch(nm_module_t *m)
{
   struct make_traffic *self = nm_self(m);
   int rc = NM_OK;
   for (int i = 0; i < BATCH && rc == NM_OK; i++) {
      if (self->sent >= self->records) {
         return NM_STOP;
      }
      rc = self->kind < DNS_STREAM ? send_flow(m, self) : send_message(m, self);
      self->sent++;
   }
   return rc;
}

static int init(nm_module_t *m)
{
   static const char *const more[] = {
       [FLOWS] = "",        [SYNS] = "",          [ANSWERS] = "",       [LOGINS] = "",
       [PARTS] = "",        [DNS_STREAM] = DNS,   [HTTP_STREAM] = HTTP, [SIP_STREAM] = SIP,
       [CALL_STREAM] = SIP, [SMTP_STREAM] = SMTP, [VECTORS] = VECTOR};
   const struct make_traffic *self = nm_self(m);
   char fields[2048];
   snprintf(fields, sizeof(fields), BASIC "%s%s", self->biflow ? REVERSE : "", more[self->kind]);
   return nm_set_output(m, 0, fields);
}

NM_MODULE(
    "make_traffic",
    "Sends records of flow_meter's streams that depend on nothing but the options, for benchmarks and tests.",
    .out = NM_OUTPUTS({.name = "flows", .timeout = TRAP_WAIT}), .options = options,
    .state_size = sizeof(struct make_traffic), .init = init, .source = source_batch)
