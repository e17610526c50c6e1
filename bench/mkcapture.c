/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Writes a capture (pcap, Ethernet, microseconds) for benchmarks: the same bytes for the same options.
 *
 *    mkcapture FILE MEGABYTES [OPEN [mix|udp|flood]]
 *
 * mix: conversations as a small network has them, OPEN of them (2000) going on at a time: HTTP, TLS, DNS, SMTP, SIP, SSDP,
 *      NTP, QUIC that begins with a real Initial, ping, unanswered SYNs, and one frame in 16 that is not IP; a tenth is IPv6. About six packets
 *      in a conversation and 105 000 packets in a second of the capture's time.
 * udp: datagrams of OPEN flows, each packet of any of them.
 * flood: SYNs, each of a 5-tuple of its own.
 */
#include "quic_initial.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPEN  (1u << 23)
#define MAX_SIZE  1460
#define START     1600000000u
#define PACKET_NS 9500

/* A step of a conversation: who sends, with what flags (TCP), what the payload begins with, and how long it is. */
struct step {
   bool server;
   uint8_t flags;
   uint16_t size;
   const char *begin;
};

#define SYN 0x02
#define ACK 0x10
#define PSH 0x18
#define FIN 0x11
#define CONNECT                                   \
   {false, SYN, 0, ""}, {true, SYN | ACK, 0, ""}, \
   {                                              \
      false, ACK, 0, ""                           \
   }
#define CLOSE           \
   {false, FIN, 0, ""}, \
   {                    \
      true, FIN, 0, ""  \
   }

static const struct step http[] = {
    CONNECT,
    {false, PSH, 300,
     "GET /news/2024/today.html?page=2 HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11; "
     "Linux x86_64)\r\n"
     "Accept: text/html\r\nReferer: http://www.example.org/\r\n\r\n"},
    {true, PSH, 1460,
     "HTTP/1.1 200 OK\r\nServer: nginx/1.24.0\r\nContent-Type: text/html\r\nContent-Length: 1700\r\n"
     "Set-Cookie: session=81ab; path=/\r\n\r\n<html>"},
    {true, PSH, 300, "<p>"},
    CLOSE,
    {0}};

#define HELLO_EXTENSIONS                                                                           \
   "\0\0\0\x14\0\x12\0\0\x0fwww.example.org\0\x0a\0\x08\0\x06\0\x1d\0\x17\0\x18\0\x0b\0\x02\x01\0" \
   "\0\x0d\0\x08\0\x06\x04\x03\x08\x04\x04\x01\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1"
/* Record and handshake headers, version, random, no session, three ciphers, no compression, extensions. */
static const char client_hello[] =
    "\x16\x03\x01\0\x7b\x01\0\0\x77\x03\x03"
    "0123456789abcdef0123456789abcdef\0\0\x06\x13\x01\xc0\x2f\xc0\x30\x01\0\0\x48" HELLO_EXTENSIONS;
static const struct step tls[] = {CONNECT,
                                  {false, PSH, 128, client_hello},
                                  {true, ACK, 1460, "\x16\x03\x03\0\x7a\x02\0\0\x76\x03\x03"},
                                  {true, PSH, 900, "\x16\x03\x03"},
                                  {false, PSH, 126, "\x14\x03\x03"},
                                  {true, PSH, 51, "\x14\x03\x03"},
                                  {false, PSH, 420, "\x17\x03\x03"},
                                  {true, PSH, 1100, "\x17\x03\x03"},
                                  {false, ACK, 0, ""},
                                  CLOSE,
                                  {0}};

static const char dns_query[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1";
static const char dns_reply[] =
    "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\3www\7example\3org\0\0\1\0\1\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4"
    "\x5d\xb8\xd8\x22";
static const struct step dns[] = {{false, 0, 33, dns_query}, {true, 0, 49, dns_reply}, {0}};

static const struct step smtp[] = {CONNECT,
                                   {true, PSH, 30, "220 mail.example.org ESMTP   \r\n"},
                                   {false, PSH, 22, "EHLO host.example.net\r\n"},
                                   {true, PSH, 40, "250-mail.example.org\r\n250-SIZE 10240000\r\n"},
                                   {false, PSH, 30, "MAIL FROM:<a@example.net>   \r\n"},
                                   {true, PSH, 14, "250 2.1.0 Ok\r\n"},
                                   {false, PSH, 28, "RCPT TO:<b@example.org>   \r\n"},
                                   {true, PSH, 14, "250 2.1.5 Ok\r\n"},
                                   {false, PSH, 6, "DATA\r\n"},
                                   {true, PSH, 37, "354 End data with <CR><LF>.<CR><LF>\r\n"},
                                   {false, PSH, 1200, "Subject: hello\r\n\r\n"},
                                   {false, PSH, 3, ".\r\n"},
                                   {true, PSH, 24, "250 2.0.0 Ok: queued   \r\n"},
                                   CLOSE,
                                   {0}};

static const char invite[] =
    "INVITE sip:b@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK77\r\n"
    "From: <sip:a@example.net>;tag=19\r\nTo: <sip:b@example.org>\r\nCall-ID: 8a4b@10.0.0.1\r\nCSeq: 1 "
    "INVITE\r\n"
    "User-Agent: Phone 1.0\r\n\r\n";
static const char sip_ok[] =
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK77\r\nFrom: "
    "<sip:a@example.net>;tag=19\r\n"
    "To: <sip:b@example.org>;tag=8\r\nCall-ID: 8a4b@10.0.0.1\r\nCSeq: 1 INVITE\r\n\r\n";
static const struct step sip[] = {{false, 0, 500, invite}, {true, 0, 400, sip_ok}, {0}};
static const struct step ssdp[] = {
    {false, 0, 140,
     "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: "
     "urn:dial-multiscreen-org:service:dial:1\r\n\r\n"},
    {false, 0, 140, "M-SEARCH * HTTP/1.1\r\nST: urn:schemas-upnp-org:device:MediaServer:1\r\n\r\n"},
    {0}};
static const struct step ntp[] = {{false, 0, 48, "\x23\2\6\xec\0\0\1\2\0\0\1\3\x0a\1\2\3"},
                                  {true, 0, 48, "\x24\2\6\xec\0\0\1\2\0\0\1\3\x0a\1\2\3"},
                                  {0}};
static const struct step quic[] = {{false, 0, 1200, quic_initial},
                                   {true, 0, 1200, "\xc5\0\0\0\1"},
                                   {false, 0, 80, "\x45"},
                                   {true, 0, 700, "\x45"},
                                   {0}};
static const struct step ping[] = {{false, 0, 64, "\x08\0"}, {true, 0, 64, "\0\0"}, {0}};
static const struct step scan[] = {{false, SYN, 0, ""}, {0}};

static const struct kind {
   const struct step *steps;
   uint8_t protocol;
   uint16_t port;
   unsigned weight; /* of a hundred conversations */
} kinds[] = {{http, IPPROTO_TCP, 80, 20}, {tls, IPPROTO_TCP, 443, 18}, {dns, IPPROTO_UDP, 53, 25},
             {smtp, IPPROTO_TCP, 25, 3},  {sip, IPPROTO_UDP, 5060, 5}, {ssdp, IPPROTO_UDP, 1900, 6},
             {ntp, IPPROTO_UDP, 123, 5},  {quic, IPPROTO_UDP, 443, 6}, {ping, IPPROTO_ICMP, 0, 4},
             {scan, IPPROTO_TCP, 22, 8}};

struct conversation {
   const struct kind *kind;
   uint64_t id; /* both addresses and the client's port follow from it */
   unsigned at;
   bool ipv6;
};

struct frame {
   uint8_t bytes[128 + MAX_SIZE];
   size_t size;
};

static uint64_t state = 1;

static uint64_t mix(uint64_t z)
{
   z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
   z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
   return z ^ z >> 31;
}

static uint64_t any(void)
{
   return mix(state += UINT64_C(0x9e3779b97f4a7c15));
}

static void put(struct frame *f, const void *p, size_t n)
{
   memcpy(f->bytes + f->size, p, n);
   f->size += n;
}

static void put16(struct frame *f, unsigned v)
{
   f->bytes[f->size++] = (uint8_t) (v >> 8);
   f->bytes[f->size++] = (uint8_t) v;
}

static void put32(struct frame *f, uint32_t v)
{
   put16(f, v >> 16);
   put16(f, v & 0xffff);
}

/* An address of 10.0.0.0/8 or 2001:db8::/32. Checksums are left 0: nothing here looks at them. */
static void put_address(struct frame *f, bool ipv6, uint32_t host)
{
   if (ipv6) {
      put(f, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0", 12);
   }
   put32(f, 10u << 24 | (host & 0xffffff));
}

static void put_ip(struct frame *f, const struct conversation *c, bool server, size_t size)
{
   uint64_t ends = mix(c->id);
   uint32_t client = (uint32_t) ends, other = (uint32_t) (ends >> 32);
   uint8_t protocol = c->kind->protocol;
   if (c->ipv6) {
      put32(f, 0x60000000);
      put16(f, (unsigned) size);
      put16(f, (protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6 : protocol) << 8 | 64);
   } else {
      put16(f, 0x4500);
      put16(f, (unsigned) size + 20);
      put32(f, (uint32_t) c->id << 16 | 0x4000);
      put16(f, 64 << 8 | protocol);
      put16(f, 0);
   }
   put_address(f, c->ipv6, server ? other : client);
   put_address(f, c->ipv6, server ? client : other);
}

/* Sequence numbers that one side has used up to now. */
static uint32_t sent(const struct conversation *c, bool server)
{
   uint32_t n = 0;
   for (unsigned i = 0; i < c->at; i++) {
      const struct step *s = &c->kind->steps[i];
      n += s->server == server ? s->size + ((s->flags & (SYN | 1)) != 0) : 0;
   }
   return n;
}

static void put_transport(struct frame *f, const struct conversation *c, const struct step *s)
{
   unsigned own = 1024 + (unsigned) (c->id % 60000), port = c->kind->port;
   if (c->kind->protocol == IPPROTO_ICMP) {
      return;
   }
   put16(f, s->server ? port : own);
   put16(f, s->server ? own : port);
   if (c->kind->protocol == IPPROTO_UDP) {
      put32(f, (uint32_t) (s->size + 8u) << 16);
      return;
   }
   put32(f, (uint32_t) c->id + sent(c, s->server));
   put32(f, (s->flags & ACK) != 0 ? (uint32_t) c->id + sent(c, !s->server) : 0);
   put16(f, ((s->flags & SYN) != 0 ? 0x6000u : 0x5000u) | s->flags);
   put(f, "\xfa\xf0\0\0\0\0", 6);
   if ((s->flags & SYN) != 0) {
      put(f, "\2\4\5\xb4", 4); /* maximum segment size */
   }
}

/* Literals above hold zero bytes, so the size of what is defined is found by looking at all of it up to the step's. */
static void put_payload(struct frame *f, const struct step *s)
{
   static const struct {
      const char *text;
      size_t size;
   } binary[] = {{client_hello, sizeof(client_hello) - 1},
                 {dns_query, sizeof(dns_query) - 1},
                 {dns_reply, sizeof(dns_reply) - 1},
                 {quic_initial, sizeof(quic_initial) - 1}};
   size_t size = strlen(s->begin);
   for (size_t i = 0; i < sizeof(binary) / sizeof(binary[0]); i++) {
      size = s->begin == binary[i].text ? binary[i].size : size;
   }
   size = size < s->size ? size : s->size;
   put(f, s->begin, size);
   for (; size < s->size; size++) {
      f->bytes[f->size++] = (uint8_t) (size * 7 + 'a');
   }
}

static void make_packet(struct frame *f, const struct conversation *c, const struct step *s)
{
   static const size_t headers[256] = {[IPPROTO_TCP] = 20, [IPPROTO_UDP] = 8};
   size_t options = (s->flags & SYN) != 0 ? 4 : 0;
   f->size = 0;
   put(f, s->server ? "\2\0\0\0\0\1\2\0\0\0\0\2" : "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
   put16(f, c->ipv6 ? 0x86dd : 0x0800);
   put_ip(f, c, s->server, headers[c->kind->protocol] + options + s->size);
   put_transport(f, c, s);
   put_payload(f, s);
   while (f->size < 60) {
      f->bytes[f->size++] = 0;
   }
}

static void begin(struct conversation *c, uint64_t id)
{
   unsigned choice = (unsigned) (any() % 100);
   *c = (struct conversation){.kind = kinds, .id = id, .ipv6 = any() % 10 == 0};
   while (choice >= c->kind->weight) {
      choice -= c->kind++->weight;
   }
}

static bool is_end(const struct step *s)
{
   return s->begin == NULL;
}

/* The next frame of the mix. */
static void make_mix(struct frame *f, struct conversation *open, size_t n, uint64_t *next_id)
{
   if (any() % 16 == 0) { /* ARP */
      f->size = 0;
      put(f, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\2\x08\6\0\1\x08\0\6\4\0\1", 22);
      while (f->size < 60) {
         f->bytes[f->size++] = 0;
      }
      return;
   }
   struct conversation *c = &open[any() % n];
   if (is_end(&c->kind->steps[c->at])) {
      begin(c, ++*next_id);
   }
   make_packet(f, c, &c->kind->steps[c->at]);
   c->at++;
}

static int write_capture(FILE *file, uint64_t bytes, size_t n, const char *what)
{
   static const struct step datagram[] = {{false, 0, 60, ""}, {0}};
   static const struct kind udp = {datagram, IPPROTO_UDP, 4000, 0}, syn = {scan, IPPROTO_TCP, 80, 0};
   const uint32_t header[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
   struct conversation *open = calloc(n, sizeof(*open));
   uint64_t next_id = 0, packets = 0;
   bool mixed = strcmp(what, "mix") == 0, flood = strcmp(what, "flood") == 0;
   static struct frame f;
   if (open == NULL || fwrite(header, sizeof(header), 1, file) != 1) {
      free(open);
      return -1;
   }
   for (size_t i = 0; i < n; i++) {
      begin(&open[i], ++next_id);
   }
   for (uint64_t done = sizeof(header); done < bytes; packets++) {
      if (mixed) {
         make_mix(&f, open, n, &next_id);
      } else {
         struct conversation c = {.kind = flood ? &syn : &udp, .id = flood ? packets : any() % n};
         make_packet(&f, &c, c.kind->steps);
      }
      uint64_t ns = packets * PACKET_NS;
      const uint32_t record[4] = {START + (uint32_t) (ns / 1000000000), (uint32_t) (ns % 1000000000 / 1000),
                                  (uint32_t) f.size, (uint32_t) f.size};
      fwrite(record, sizeof(record), 1, file);
      fwrite(f.bytes, f.size, 1, file);
      done += sizeof(record) + f.size;
   }
   free(open);
   printf("%" PRIu64 " %" PRIu64 "\n", packets, mixed ? next_id : flood ? packets : (uint64_t) n);
   return 0;
}

int main(int argc, char **argv)
{
   unsigned long long megabytes = argc >= 3 ? strtoull(argv[2], NULL, 10) : 0;
   size_t open = argc >= 4 ? strtoul(argv[3], NULL, 10) : 2000;
   const char *what = argc >= 5 ? argv[4] : "mix";
   if (megabytes == 0 || open == 0 || open > MAX_OPEN || strstr("mix udp flood", what) == NULL) {
      fprintf(stderr, "usage: mkcapture FILE MEGABYTES [OPEN(1..%u) [mix|udp|flood]]\n", MAX_OPEN);
      return 2;
   }
   FILE *file = fopen(argv[1], "wb");
   if (file == NULL) {
      perror(argv[1]);
      return 1;
   }
   int rc = write_capture(file, megabytes * 1000000, open, what);
   bool bad = ferror(file) != 0;
   if (fclose(file) != 0 || bad || rc != 0) {
      perror(argv[1]);
      return 1;
   }
   return 0;
}
