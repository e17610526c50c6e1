/* SPDX-License-Identifier: BSD-3-Clause */
/** brute_force_detector: guessing of passwords. This file is the module: options, records, and which flows are log-ins. */
#include "brute.h"
#include "fields.h"

#include "../common/flow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, time TIME_FIRST, time TIME_LAST, uint32 PACKETS,
          uint32 PACKETS_REV, uint8 TCP_FLAGS_REV, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL,
          uint8 TCP_FLAGS, bytes IDP_CONTENT, bytes IDP_CONTENT_REV, time DETECTION_TIME, uint8 WARDEN_TYPE,
          uint32 EVENT_SCALE, string NOTE, uint32 ADDR_CNT, string SERVICE)

#define EXIT_OPTION     3
#define EXIT_FILE       5
#define SPA             (TCP_SYN | TCP_PSH | TCP_ACK)
#define PROFILE_MIN     6 /* packets of a flow that tells what a Telnet server sends */
#define PROFILE_RENEW   10
#define PROFILE_PACKETS 5 /* above the median */
#define PROFILE_BYTES   500
#define PROFILE_FLOWS   (sizeof(((struct profile *) 0)->packets) / sizeof(uint32_t))

static void *load_whitelist(nm_module_t *m, const char *path)
{
   const struct brute *self = nm_self(m);
   FILE *file = fopen(path, "re");
   if (file == NULL) {
      nm_fail_status(m, EXIT_FILE, "cannot open whitelist file \"%s\": %s", path, strerror(errno));
      return NULL;
   }
   struct whitelist *list = whitelist_read(m, file, path, self->verbose_whitelist ? stdout : NULL);
   if (list == NULL) {
      nm_fail(m, "out of memory for the whitelist");
   } else if (ferror(file)) {
      nm_fail_status(m, EXIT_FILE, "cannot read whitelist file \"%s\"", path);
      whitelist_free(list);
      list = NULL;
   }
   fclose(file);
   return list;
}

static const nm_option_t options[] = {
    NM_FLAG('S', "SSH", struct brute, on[SSH], "Detect guessing of SSH passwords."),
    NM_FLAG('R', "RDP", struct brute, on[RDP], "Detect guessing of RDP passwords."),
    NM_FLAG('T', "TELNET", struct brute, on[TELNET], "Detect guessing of Telnet passwords."),
    NM_FLAG('F', "FTP", struct brute, on[FTP], "Detect guessing of FTP passwords."),
    NM_FILE('c', "config", struct brute, file, config_load, free, "Limits and timeouts, lines KEY = value."),
    NM_FILE('w', "whitelist", struct brute, whitelist, load_whitelist, whitelist_free,
            "Hosts that are not reported, lines [src |dst ]ADDRESS/LENGTH[/PORTS]."),
    NM_FLAG('W', "verbose", struct brute, verbose_whitelist, "Print the rules of the whitelist."),
    NM_FLAG(
        0, "details", struct brute, details,
        "Add fields to the alerts (victim, number of victims, times, volume, service), and report what is "
        "left at the end of the stream."),
    NM_FLAG(0, "classic", struct brute, classic,
            "Report what NEMEA 2 reports: the usual ports only, no attacks of few log-ins."),
    NM_TABLE(0, "capacity", struct brute, hosts, "hosts", struct host_key, struct host, 32768,
             .evicted = hosts_evicted),
    NM_TABLE(0, "servers", struct brute, profiles, "Telnet servers", ip_addr_t, struct profile, 8192),
    NM_U32(0, "flows", struct brute, flows, 131072, POOL_BLOCK, 1u << 28,
           "Maximum number of flows that are kept."),
    NM_END,
};

static int check(nm_module_t *m)
{
   const struct brute *self = nm_self(m);
   for (unsigned s = 0; s < SERVICES; s++) {
      if (self->on[s]) {
         return NM_OK;
      }
   }
   return nm_fail_status(m, EXIT_OPTION,
                         "detection mode is not set: expected at least one of -S, -R, -T, -F");
}

static int init(nm_module_t *m)
{
   struct brute *self = nm_self(m);
   nm_counter(m, "attacks", &self->attacks);
   nm_counter(m, "hosts displaced", &self->displaced);
   nm_counter(m, "victims omitted", &self->omitted);
   return hosts_open(m) == NM_OK ? nm_set_output(m, 0, attack_fields(self)) : NM_ERROR;
}

static int format(nm_module_t *m, uint32_t input)
{
   (void) input;
   struct brute *self = nm_self(m);
   self->content = ur_is_present(nm_in(m), F_IDP_CONTENT);
   return NM_OK;
}

static int user_signal(nm_module_t *m, int signal)
{
   (void) signal;
   return nm_reload(m);
}

/* -------------------------------------------------------------- which service */

static int service_of_port(uint16_t port)
{
   switch (port) {
   case 22: return SSH;
   case 3389: return RDP;
   case 23: return TELNET;
   case 21: return FTP;
   default: return SERVICES;
   }
}

static bool starts(const uint8_t *data, uint32_t n, const char *with)
{
   size_t length = strlen(with);
   return n >= length && memcmp(data, with, length) == 0;
}

/* The service that speaks so, on whatever port. */
static int service_of_content(const uint8_t *data, uint32_t n)
{
   if (starts(data, n, "SSH-")) {
      return SSH;
   }
   if (starts(data, n, "USER ") || starts(data, n, "220 ") || starts(data, n, "220-")) {
      return FTP; /* others that greet with 220 are told apart by their ports, see server_speaks() */
   }
   if (n >= 3 && data[0] == 0xff && data[1] >= 0xfb && data[1] <= 0xfe) {
      return TELNET; /* IAC and a negotiation, RFC 854 */
   }
   if (n >= 11 && data[0] == 3 && data[1] == 0 && (data[5] == 0xe0 || data[5] == 0xd0) && data[4] == n - 5) {
      return RDP; /* TPKT with a connection request or confirm, RFC 1006 */
   }
   return SERVICES;
}

/* Ports of servers whose greeting looks like one of FTP. */
static bool greets_like_ftp(uint16_t port)
{
   return port == 25 || port == 465 || port == 587 || port == 2525;
}

/* The direction of a flow between ports that are no service's. Exporters that send both directions in one record put the client
 * first; else the server has the lower port. */
static enum direction direction_of(const nm_module_t *m, uint16_t src_port, uint16_t dst_port)
{
   switch (nm_direction(m)) {
   case NM_FORWARD: return INCOMING;
   case NM_REVERSE: return OUTGOING;
   default: return src_port < dst_port ? OUTGOING : INCOMING;
   }
}

/* Finds the service and the direction of a flow. \return false: it is of no service that is watched */
static bool classify(nm_module_t *m, const void *rec, struct login *f, uint16_t src_port, uint16_t dst_port)
{
   const struct brute *self = nm_self(m);
   int service = service_of_port(dst_port);
   f->direction = service != SERVICES ? INCOMING : OUTGOING;
   if (service == SERVICES) {
      service = service_of_port(src_port);
   }
   if (service == SERVICES && self->content && !self->classic) {
      service = service_of_content((const uint8_t *) nm_get_ptr(m, rec, F_IDP_CONTENT),
                                   nm_get_len(m, rec, F_IDP_CONTENT));
      f->direction = direction_of(m, src_port, dst_port);
      if (service == FTP && (greets_like_ftp(src_port) || greets_like_ftp(dst_port))) {
         return false;
      }
   }
   if (service == SERVICES || !self->on[service]) {
      return false;
   }
   f->service = (enum service) service;
   return true;
}

/* --------------------------------------------------------- what is a log-in */

/* Parts of scans: they are not stored. */
static bool is_scan(const struct login *f)
{
   switch (f->flags) {
   case TCP_SYN: return f->packets <= (f->service == SSH ? 4 : 3);
   case TCP_SYN | TCP_RST: return f->packets == 2;
   case TCP_SYN | TCP_ACK:
   case TCP_RST | TCP_ACK: return f->packets == 1;
   case TCP_ACK: return f->packets == 1 && f->service == SSH;
   default: return false;
   }
}

static bool within(const struct login *f, uint8_t flags, const struct range *range)
{
   return (f->flags & flags) == flags && f->packets >= range->min_packets &&
          f->packets <= range->max_packets && f->bytes >= range->min_bytes && f->bytes <= range->max_bytes;
}

static int compare_packets(const void *a, const void *b)
{
   const uint32_t *x = a, *y = b;
   return (*x > *y) - (*x < *y);
}

static int compare_bytes(const void *a, const void *b)
{
   const uint64_t *x = a, *y = b;
   return (*x > *y) - (*x < *y);
}

static void set_limits(struct profile *p)
{
   uint32_t packets[PROFILE_FLOWS];
   uint64_t bytes[PROFILE_FLOWS];
   memcpy(packets, p->packets, sizeof(packets));
   memcpy(bytes, p->bytes, sizeof(bytes));
   qsort(packets, PROFILE_FLOWS, sizeof(packets[0]), compare_packets);
   qsort(bytes, PROFILE_FLOWS, sizeof(bytes[0]), compare_bytes);
   p->max_packets = packets[PROFILE_FLOWS / 2] + PROFILE_PACKETS;
   p->max_bytes = bytes[PROFILE_FLOWS / 2] + PROFILE_BYTES;
   p->since = 0;
}

/* Learns what a Telnet server sends, and compares. */
static bool fits_profile(struct brute *self, const struct login *f)
{
   ip_addr_t server;
   if (f->packets < PROFILE_MIN || (f->flags & (SPA | TCP_FIN)) != (SPA | TCP_FIN)) {
      return false;
   }
   memcpy(&server, f->server, sizeof(server));
   struct profile *p = nc_table_upsert(self->profiles, &server, NULL);
   p->packets[p->at] = f->packets;
   p->bytes[p->at] = f->bytes;
   p->at = (uint8_t) ((p->at + 1) % PROFILE_FLOWS);
   p->n = (uint8_t) (p->n < PROFILE_FLOWS ? p->n + 1 : p->n);
   p->since++;
   if (p->n == PROFILE_FLOWS && (p->max_packets == 0 || p->since >= PROFILE_RENEW)) {
      set_limits(p);
   }
   return f->packets <= p->max_packets && f->bytes <= p->max_bytes;
}

/* What clients of RDP and servers send when a log-in fails early. */
static bool is_short_rdp(const struct login *f)
{
   static const struct {
      enum direction direction;
      uint8_t flags;
      struct range range;
   } shapes[] = {
       {INCOMING, SPA | TCP_RST, {7, 11, 1500, 2000}},
       {INCOMING, SPA, {3, 3, 100, 200}},
       {OUTGOING, SPA, {7, 7, 1700, 2200}},
       {OUTGOING, SPA, {2, 2, 81, 119}},
   };
   for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
      if (shapes[i].direction == f->direction && within(f, shapes[i].flags, &shapes[i].range)) {
         return true;
      }
   }
   return false;
}

/* A connection that lasted as the server made the client wait, and carried little: tools try a password three times in one connection, where
 * the server lets them, and some servers of RDP show a log-in screen and hear no more. Sessions are larger. */
static bool is_delayed_small(const struct login *f)
{
   static const struct range small[SERVICES][DIRECTIONS] = {
       [RDP] = {{7, 100, 800, 8001}, {7, 190, 800, 180000}},
       [TELNET] = {{9, 80, 450, 5000}, {9, 80, 450, 6000}},
       [FTP] = {{8, 24, 400, 1500}, {7, 24, 350, 2000}},
   };
   return attack_delayed(f) && within(f, SPA, &small[f->service][f->direction]);
}

static bool is_login(struct brute *self, const struct login *f)
{
   bool fits = f->service == TELNET && f->direction == OUTGOING
                   ? fits_profile(self, f)
                   : within(f, SPA, &config_of(self)->service[f->service].range[f->direction]) ||
                         (f->service == RDP && is_short_rdp(f));
   fits = fits || (!self->classic && is_delayed_small(f));
   return fits && !whitelist_has(self->whitelist, f->client, f->client_port, f->server, f->server_port);
}

/* -------------------------------------------------------------------- records */

static struct login read_login(nm_module_t *m, const void *rec, struct login f, uint16_t src_port,
                               uint16_t dst_port)
{
   const ip_addr_t *src = nm_get_ptr(m, rec, F_SRC_IP), *dst = nm_get_ptr(m, rec, F_DST_IP);
   bool in = f.direction == INCOMING;
   f.client = in ? src : dst;
   f.server = in ? dst : src;
   f.client_port = in ? src_port : dst_port;
   f.server_port = in ? dst_port : src_port;
   f.first = nm_get(m, rec, F_TIME_FIRST);
   f.last = nm_get(m, rec, F_TIME_LAST);
   f.packets = nm_get(m, rec, F_PACKETS);
   f.bytes = nm_get(m, rec, F_BYTES);
   f.flags = nm_get(m, rec, F_TCP_FLAGS);
   return f;
}

static int take(nm_module_t *m, const void *rec)
{
   struct brute *self = nm_self(m);
   struct login f;
   uint16_t src_port = nm_get(m, rec, F_SRC_PORT), dst_port = nm_get(m, rec, F_DST_PORT);
   if (!classify(m, rec, &f, src_port, dst_port)) {
      return NM_OK;
   }
   f = read_login(m, rec, f, src_port, dst_port);
   self->counters[f.service].flows[f.direction]++;
   if (self->checked_report == 0) {
      self->checked_report = self->checked_delete = f.last;
   }
   int rc = NM_OK;
   if (!is_scan(&f)) {
      bool matched = is_login(self, &f);
      self->counters[f.service].matched[f.direction] += matched;
      rc = attack_add(m, &f, matched);
   }
   return rc == NM_OK ? attacks_check(m, f.last) : rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   int rc = NM_OK;
   for (uint32_t i = 0; i < n && rc == NM_OK; i++) {
      if (nm_get(m, recs[i].data, F_PROTOCOL) == PROTOCOL_TCP) {
         rc = take(m, recs[i].data);
      }
   }
   return rc;
}

/* ------------------------------------------------------------------------ end */

static void print_count(const char *service, const char *what, uint64_t n, uint64_t of, uint64_t of_too)
{
   char digits[32], text[48];
   int length = snprintf(digits, sizeof(digits), "%" PRIu64, n);
   char *to = text;
   for (int i = 0; i < length; i++) {
      if (i > 0 && (length - i) % 3 == 0) {
         *to++ = ',';
      }
      *to++ = digits[i];
   }
   *to = 0;
   printf("%s %s: %s", service, what, text);
   if (of > 0) {
      printf(" (%.2f%%)", 100.0 * (double) n / (double) of);
   }
   if (of_too > 0) {
      printf(" (%.2f%%)", 100.0 * (double) n / (double) of_too);
   }
   putchar('\n');
}

static void print_counters(const struct brute *self, enum service service)
{
   const char *name = service_names[service];
   const struct counters *c = &self->counters[service];
   uint64_t all = c->flows[INCOMING] + c->flows[OUTGOING];
   uint64_t matched = c->matched[INCOMING] + c->matched[OUTGOING], hosts = 0;
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (nc_table_next(self->hosts, &cursor, &key, &value)) {
      hosts += ((const struct host_key *) key)->service == service;
   }
   print_count(name, "Counter", all, 0, 0);
   print_count(name, "Incoming Counter", c->flows[INCOMING], all, 0);
   print_count(name, "Outgoing Counter", c->flows[OUTGOING], all, 0);
   print_count(name, "Matched Counter", matched, all, 0);
   print_count(name, "Matched Incoming Counter", c->matched[INCOMING], all, matched);
   print_count(name, "Matched Outgoing Counter", c->matched[OUTGOING], all, matched);
   print_count(name, "host map size", hosts, 0, 0);
}

static int finish(nm_module_t *m)
{
   const struct brute *self = nm_self(m);
   int rc = attacks_finish(m);
   for (unsigned s = 0; s < SERVICES; s++) {
      if (self->on[s]) {
         print_counters(self, (enum service) s);
      }
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   hosts_close(nm_self(m));
}

NM_MODULE("brute_force_detector", "Detects guessing of passwords: SSH, RDP, Telnet, FTP.",
          .in = NM_INPUTS({.name = "flows",
                           .fields = FLOW_FIELDS ",uint64 BYTES,uint16 SRC_PORT",
                           .optional = "bytes IDP_CONTENT",
                           .split_biflows = true}),
          .out = NM_OUTPUTS({.name = "alerts",
                             .fields = ATTACK_FIELDS,
                             .format = NM_CHOSEN,
                             .added = NM_ADDED({ATTACK_DETAILS})}),
          .options = options, .option_status = EXIT_OPTION, .state_size = sizeof(struct brute),
          .flags = NM_CLAIM_USR1 | NM_CLAIM_USR2, .check = check, .init = init, .format = format,
          .records = records, .user_signal = user_signal, .finish = finish, .cleanup = cleanup)
