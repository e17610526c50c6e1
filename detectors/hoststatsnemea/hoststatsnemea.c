/* SPDX-License-Identifier: BSD-3-Clause */
/** hoststatsnemea: statistics of each host, and rules that find scans, floods, SSH guessing and DNS amplification in them. */
#include "hoststats.h"
#include "fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint32 PACKETS,
          uint64 BYTES, time TIME_FIRST, time TIME_LAST, uint8 TCP_FLAGS, uint8 DIRECTION_FLAGS,
          uint32 PACKETS_REV, uint64 BYTES_REV, uint8 TCP_FLAGS_REV, uint8 EVENT_TYPE, uint32 EVENT_SCALE,
          string NOTE)

#define DIRECTION_RESPONSE 0x4
#define DIRECTION_REQUEST  0x8
#define SERVER_PORTS       10000 /* servers have ports below */
#define NEVER              UINT32_MAX
#define SSH_SHARE          8 /* hosts that may have SSH: one of so many */
#define CONFIG_MAX         (1u << 20)
#define AHEAD              4                    /* hosts between fetching and judging */
#define BATCH              (NC_TABLE_BATCH / 2) /* flows, of two hosts each */

struct hoststats {
   const char *config_file; /* options */
   bool offline;
   nc_table_t *hosts; /* ip_addr_t -> struct host */
   nc_table_t *ssh;   /* ip_addr_t -> struct ssh */

   struct config config;
   struct peers peers;
   /* Hosts and when they are to be judged: close together, since all of them are looked through often. */
   uint32_t *deadlines, *free_slots;
   struct host **watched;
   uint32_t n_slots, n_free;
   bool both_ways;
   uint32_t last_id;
   uint64_t now, next_check; /* s of stream time */
   int rc;                   /* of sending, while tables are searched */
   FILE *log;
   char log_day[16];
   uint64_t judged, findings, log_errors;
};

/* ------------------------------------------------------------- configuration */

static void say(void *context, int level, const char *text)
{
   const struct config *c = context;
   syslog(level, "%s", text);
   if (level <= c->log_level) {
      printf("%s\n", text);
   }
}

/* \return text of the file, to be freed; NULL: errno */
static char *read_file(const char *path, size_t *size)
{
   FILE *file = fopen(path, "re");
   char *text = file != NULL ? malloc(CONFIG_MAX) : NULL;
   if (text != NULL) {
      *size = fread(text, 1, CONFIG_MAX, file);
      if (ferror(file) || *size == CONFIG_MAX) {
         errno = ferror(file) ? errno : EFBIG;
         free(text);
         text = NULL;
      }
   }
   int error = errno;
   if (file != NULL) {
      fclose(file);
   }
   errno = error;
   return text;
}

static int load_config(nm_module_t *m, const char *path, char *text, size_t size)
{
   struct hoststats *self = nm_self(m);
   char error[CONFIG_LINE + 128];
   bool good = config_parse(&self->config, text, size, say, &self->config, error, sizeof(error));
   free(text);
   return good ? NM_OK : nm_fail(m, "configuration file \"%s\", %s", path, error);
}

static int check(nm_module_t *m)
{
   static const char *const places[] = {SYSCONFDIR "/hoststats.conf", "hoststats.conf",
                                        SYSCONFDIR "/hoststats.conf.default", "hoststats.conf.default"};
   struct hoststats *self = nm_self(m);
   size_t size = 0;
   openlog("hoststatsnemea", LOG_PID, LOG_DAEMON);
   config_default(&self->config);
   if (self->offline) {
      setenv("NEMEA_RECORDING", "1", 1); /* the clock of the module never follows the wall clock */
   }
   if (self->config_file != NULL) {
      char *text = read_file(self->config_file, &size);
      return text != NULL ? load_config(m, self->config_file, text, size)
                          : nm_fail(m, "cannot read the configuration file \"%s\": %s", self->config_file,
                                    strerror(errno));
   }
   for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
      char *text = read_file(places[i], &size);
      if (text != NULL) {
         return load_config(m, places[i], text, size);
      }
      if (errno != ENOENT && errno != ENOTDIR) {
         return nm_fail(m, "cannot read the configuration file \"%s\": %s", places[i], strerror(errno));
      }
   }
   return NM_OK;
}

static uint64_t hosts_capacity(nm_module_t *m)
{
   return ((struct hoststats *) nm_self(m))->config.table_size;
}

static uint64_t ssh_capacity(nm_module_t *m)
{
   return hosts_capacity(m) / SSH_SHARE;
}

/* ------------------------------------------------------------------- reporting */

static const char *type_name(enum finding_type type)
{
   switch (type) {
   case FOUND_SCAN: return "portscan_h";
   case FOUND_DOS: return "dos";
   case FOUND_DNS: return "dnsamp";
   default: return "bruteforce";
   }
}

/* "YYYYMMDDHHMM" */
static void minute(uint32_t second, char text[16])
{
   time_t t = second;
   struct tm tm;
   gmtime_r(&t, &tm);
   strftime(text, 16, "%Y%m%d%H%M", &tm);
}

/* The log of the day that the event began. */
static FILE *open_log(struct hoststats *self, const char *first)
{
   char path[sizeof(self->config.log_directory) + 32];
   if (self->log != NULL && memcmp(self->log_day, first, 8) == 0) {
      return self->log;
   }
   if (self->log != NULL) {
      fclose(self->log);
   }
   snprintf(self->log_day, sizeof(self->log_day), "%.8s", first);
   snprintf(path, sizeof(path), "%s/%s.log", self->config.log_directory, self->log_day);
   self->log = fopen(path, "ae");
   return self->log;
}

static void write_log(nm_module_t *m, const ip_addr_t *ip, const struct host *h, const struct finding *f)
{
   struct hoststats *self = nm_self(m);
   char first[16], last[16], host[INET6_ADDRSTRLEN], ports[2][8] = {"", ""}, protocol[8] = "";
   minute(h->first, first);
   minute(h->last, last);
   ip_to_str(ip, host);
   if (f->src_port != 0) {
      snprintf(ports[0], sizeof(ports[0]), "%u", f->src_port);
   }
   if (f->dst_port != 0) {
      snprintf(ports[1], sizeof(ports[1]), "%u", f->dst_port);
   }
   if (f->protocol != 0) {
      snprintf(protocol, sizeof(protocol), "%u", f->protocol);
   }
   FILE *log = open_log(self, first);
   if (log == NULL ||
       fprintf(log, "%s;%s;%s;%s;%s;%s;%s;%s;%" PRIu32 ";%s\n", first, last, type_name(f->type), protocol,
               f->is_source ? host : "", f->is_source ? "" : host, ports[0], ports[1], f->scale,
               f->note) < 0 ||
       fflush(log) != 0) {
      self->log_errors++;
      nm_warn(m, "cannot write to the log in \"%s\": %s", self->config.log_directory, strerror(errno));
   }
}

static int report(nm_module_t *m, const ip_addr_t *ip, const struct host *h, const struct finding *f)
{
   struct hoststats *self = nm_self(m);
   ip_addr_t address, none = ip_from_int(0);
   memcpy(&address, ip, sizeof(address));
   self->findings++;
   if (self->config.log_directory[0] != 0) {
      write_log(m, ip, h, f);
   }
   void *alert = nm_alert(m, NULL);
   nm_set(m, alert, F_EVENT_TYPE, (uint8_t) f->type);
   nm_set(m, alert, F_TIME_FIRST, ur_time_from_sec_usec(h->first, 0));
   nm_set(m, alert, F_TIME_LAST, ur_time_from_sec_usec(h->last, 0));
   nm_set(m, alert, F_SRC_IP, f->is_source ? address : none);
   nm_set(m, alert, F_DST_IP, f->is_source ? none : address);
   nm_set(m, alert, F_SRC_PORT, f->src_port);
   nm_set(m, alert, F_DST_PORT, f->dst_port);
   nm_set(m, alert, F_PROTOCOL, f->protocol);
   nm_set(m, alert, F_EVENT_SCALE, f->scale);
   int rc = nm_set_string(m, 0, alert, F_NOTE, f->note);
   return rc == NM_OK ? nm_send(m, alert) : rc;
}

/* ---------------------------------------------------------------------- hosts */

/* What the rules look at. */
static struct sides sides_of(const struct hoststats *self, const struct host *h)
{
   const struct unknown *unknown = h->has_unknown ? nc_table_apart(self->hosts, h) : NULL;
   return (struct sides){.out = side_of(&h->out, unknown != NULL ? &unknown->out : NULL),
                         .in = side_of(&h->in, unknown != NULL ? &unknown->in : NULL)};
}

/* The watch over a host ends. */
static void judge(nm_module_t *m, const ip_addr_t *ip, struct host *h)
{
   struct hoststats *self = nm_self(m);
   struct finding found[FINDINGS_MAX];
   const struct ssh *ssh = h->ssh ? nc_table_peek(self->ssh, ip) : NULL;
   const struct sides sides = sides_of(self, h);
   unsigned n = rules_judge(&self->config, &sides, ssh, found);
   self->judged++;
   for (unsigned i = 0; i < n && self->rc == NM_OK; i++) {
      self->rc = report(m, ip, h, &found[i]);
   }
   self->deadlines[h->slot] = NEVER;
   self->free_slots[self->n_free++] = h->slot;
}

static void host_evicted(void *context, const void *key, void *value)
{
   struct host *h = value;
   judge(context, key, h);
   if (h->ssh) {
      nc_table_remove(((struct hoststats *) nm_self(context))->ssh, key);
   }
}

/* What is known of a host's SSH gives way to that of another: the rules look at it now. */
static void ssh_evicted(void *context, const void *key, void *value)
{
   nm_module_t *m = context;
   struct hoststats *self = nm_self(m);
   struct host *h = nc_table_peek(self->hosts, key);
   struct config only_ssh = self->config;
   struct finding found[FINDINGS_MAX];
   if (h == NULL) {
      return;
   }
   only_ssh.generic = only_ssh.dns = false;
   const struct sides sides = sides_of(self, h);
   unsigned n = rules_judge(&only_ssh, &sides, value, found);
   for (unsigned i = 0; i < n && self->rc == NM_OK; i++) {
      self->rc = report(m, key, h, &found[i]);
   }
   h->ssh = false;
}

/* When the host is to be judged, as far as is known now. */
static void set_deadline(struct hoststats *self, const struct host *h)
{
   uint64_t active = (uint64_t) h->created + self->config.active,
            inactive = (uint64_t) h->last + self->config.inactive,
            first = active < inactive ? active : inactive;
   self->deadlines[h->slot] = first < NEVER ? (uint32_t) first : NEVER - 1;
}

static void watch(struct hoststats *self, struct host *h)
{
   h->slot = self->n_free > 0 ? self->free_slots[--self->n_free] : self->n_slots++;
   self->watched[h->slot] = h;
}

static void host_due(nm_module_t *m, struct host *h)
{
   struct hoststats *self = nm_self(m);
   ip_addr_t ip;
   memcpy(&ip, nc_table_key(self->hosts, h), sizeof(ip));
   judge(m, &ip, h);
   if (h->ssh) {
      nc_table_remove(self->ssh, &ip);
   }
   nc_table_remove_value(self->hosts, h);
}

static void judge_due(nm_module_t *m)
{
   struct hoststats *self = nm_self(m);
   for (uint32_t i = 0; i < self->n_slots; i++) {
      if (i + AHEAD < self->n_slots && self->deadlines[i + AHEAD] <= self->now) {
         __builtin_prefetch(&self->watched[i + AHEAD]->out, 1);
         __builtin_prefetch(&self->watched[i + AHEAD]->in, 1);
         nc_table_prefetch_removal(self->hosts, self->watched[i + AHEAD]);
      }
      if (self->deadlines[i] <= self->now) {
         host_due(m, self->watched[i]);
      }
   }
}

static struct host *host_get(struct hoststats *self, const void *ip, uint64_t hash, uint32_t first)
{
   bool is_new;
   struct host *h = nc_table_upsert_hashed(self->hosts, ip, hash, &is_new);
   h->last = (uint32_t) self->now;
   if (is_new) {
      h->id = ++self->last_id;
      h->created = (uint32_t) self->now;
      h->first = first;
      watch(self, h);
   }
   h->first = first < h->first ? first : h->first;
   set_deadline(self, h);
   return h;
}

/* ---------------------------------------------------------------------- flows */

struct flow {
   const void *src, *dst; /* addresses in the record */
   uint32_t first;
   struct flow_facts facts;
};

/* A flow and one of its hosts. What there is to add lies all over the memory, so a batch of them is fetched before it is looked at. */
struct contact {
   const struct flow *flow;
   struct host *host;
   struct peer peer;
   bool out, request;
};

static struct contact meet(struct hoststats *self, const struct flow *f, bool out, uint64_t hash)
{
   struct host *h = host_get(self, out ? f->src : f->dst, hash, f->first);
   struct contact c = {.flow = f, .host = h, .out = out, .request = f->facts.class == CLASS_REQUEST};
   c.peer = peers_find(&self->peers, h->id, out, out ? f->dst : f->src);
   __builtin_prefetch(out ? &h->out : &h->in, 1);
   __builtin_prefetch(c.peer.block, 1);
   __builtin_prefetch(c.peer.block + 1, 1);
   return c;
}

static void add_ssh(struct hoststats *self, const struct contact *c)
{
   struct ssh *ssh = nc_table_upsert(self->ssh, c->out ? c->flow->src : c->flow->dst, NULL);
   struct ssh_side *side = c->out ? &ssh->out : &ssh->in;
   c->host->ssh = true;
   ssh_side_add(side, &c->flow->facts);
   if (peers_add(&self->peers, &c->peer, PEER_SSH)) {
      side->peers = add32(side->peers, 1);
   }
}

static struct counts *unknown_of(const struct hoststats *self, struct host *h, bool out)
{
   struct unknown *unknown = nc_table_apart(self->hosts, h);
   if (!h->has_unknown) {
      memset(unknown, 0, sizeof(*unknown));
      h->has_unknown = true;
   }
   return out ? &unknown->out : &unknown->in;
}

static void add(struct hoststats *self, const struct contact *c)
{
   struct tally *side = c->out ? &c->host->out : &c->host->in;
   const uint8_t class = c->flow->facts.class;
   side_add(side, class == CLASS_UNKNOWN ? unknown_of(self, c->host, c->out) : &side->by[class],
            &c->flow->facts);
   if (self->config.ssh && flow_is_ssh(&c->flow->facts)) {
      add_ssh(self, c);
   }
   if (!peers_add(&self->peers, &c->peer, c->request ? PEER_REQUEST : PEER_ALL)) {
      return;
   }
   if (c->request) {
      side->request_peers = add32(side->request_peers, 1);
      if (!peers_add(&self->peers, &c->peer, PEER_ALL)) {
         return; /* known already from answers, or from its own requests */
      }
   }
   side->peers = add32(side->peers, 1);
}

static void add_flows(struct hoststats *self, const struct flow *flows, uint32_t n)
{
   const void *keys[2 * BATCH] = {NULL};
   uint64_t hashes[2 * BATCH];
   struct contact contacts[2 * BATCH];
   uint32_t waiting = 0;
   for (uint32_t i = 0; i < n; i++) {
      keys[2 * i] = flows[i].src;
      keys[2 * i + 1] = flows[i].dst;
   }
   nc_table_prefetch(self->hosts, keys, 2 * n, hashes);
   /* Where a new host may push out another, nothing waits: it may be for the host that goes. */
   bool full = nc_table_count(self->hosts) + 2 * n > nc_table_capacity(self->hosts);
   for (uint32_t i = 0; i < 2 * n; i++) {
      contacts[waiting++] = meet(self, &flows[i / 2], i % 2 == 0, hashes[i]);
      if (full) {
         add(self, &contacts[--waiting]);
      }
   }
   for (uint32_t i = 0; i < waiting; i++) {
      add(self, &contacts[i]);
   }
   peers_advance(&self->peers, self->now);
}

/* ---------------------------------------------------------------------- module */

static const nm_option_t options[] = {
    NM_STRING('c', "config", struct hoststats, config_file, NULL,
              "Configuration file. Default: hoststats.conf, then hoststats.conf.default, in the directory of "
              "configurations or the current one."),
    NM_FLAG('F', "offline", struct hoststats, offline,
            "Only times of flows count; without it the wall clock goes on where flows stay away."),
    NM_TABLE_OF(struct hoststats, hosts, "hosts", ip_addr_t, struct host, hosts_capacity,
                .apart = sizeof(struct unknown), .evicted = host_evicted),
    NM_TABLE_OF(struct hoststats, ssh, "hosts with SSH", ip_addr_t, struct ssh, ssh_capacity,
                .evicted = ssh_evicted),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct hoststats *self = nm_self(m);
   uint32_t n = self->config.table_size;
   self->deadlines = calloc(n, sizeof(*self->deadlines));
   self->free_slots = calloc(n, sizeof(*self->free_slots));
   self->watched = calloc(n, sizeof(*self->watched));
   if (self->deadlines == NULL || self->free_slots == NULL || self->watched == NULL ||
       !peers_open(&self->peers, n, self->config.active / 2)) {
      return nm_fail(m, "out of memory for %" PRIu32 " hosts", n);
   }
   nm_counter(m, "hosts judged", &self->judged);
   nm_counter(m, "findings", &self->findings);
   nm_counter(m, "log errors", &self->log_errors);
   return NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct hoststats *self = nm_self(m);
   (void) input;
   if (!self->config.port_direction && !nm_has(m, F_DIRECTION_FLAGS)) {
      return nm_fail(m, "input has no field uint8 DIRECTION_FLAGS, which port-flowdir = 0 needs");
   }
   self->both_ways = nm_has(m, F_PACKETS_REV) && nm_has(m, F_BYTES_REV) && nm_has(m, F_TCP_FLAGS_REV);
   return NM_OK;
}

static enum flow_class class_of_ports(uint16_t src, uint16_t dst)
{
   if ((src >= SERVER_PORTS && dst >= SERVER_PORTS) || src == dst) {
      return CLASS_UNKNOWN;
   }
   return src < dst ? CLASS_RESPONSE : CLASS_REQUEST;
}

static enum flow_class class_of_flags(uint8_t flags)
{
   return flags & DIRECTION_REQUEST    ? CLASS_REQUEST
          : flags & DIRECTION_RESPONSE ? CLASS_RESPONSE
                                       : CLASS_UNKNOWN;
}

static void note_time(struct hoststats *self, uint64_t now)
{
   if (now > self->now) {
      self->now = now;
      peers_advance(&self->peers, now);
   }
   if (self->next_check == 0) {
      self->next_check = (now / self->config.check_every + 1) * self->config.check_every;
   }
}

static bool is_fragment(const struct flow_facts *f)
{
   return f->protocol == 17 && f->src_port == 0 && f->dst_port == 0;
}

/* The flows of a record. \return how many: one for each direction */
static unsigned read_flows(nm_module_t *m, const void *rec, struct flow f[2])
{
   static const uint8_t reversed[] = {
       [CLASS_REQUEST] = CLASS_RESPONSE, [CLASS_RESPONSE] = CLASS_REQUEST, [CLASS_UNKNOWN] = CLASS_UNKNOWN};
   const struct hoststats *self = nm_self(m);
   uint64_t first = ur_time_get_sec(nm_get(m, rec, F_TIME_FIRST));
   struct flow_facts facts = {.bytes = nm_get(m, rec, F_BYTES),
                              .packets = nm_get(m, rec, F_PACKETS),
                              .src_port = nm_get(m, rec, F_SRC_PORT),
                              .dst_port = nm_get(m, rec, F_DST_PORT),
                              .protocol = nm_get(m, rec, F_PROTOCOL),
                              .flags = nm_get(m, rec, F_TCP_FLAGS)};
   facts.class = (uint8_t) (self->config.port_direction ? class_of_ports(facts.src_port, facts.dst_port)
                                                        : class_of_flags(nm_get(m, rec, F_DIRECTION_FLAGS)));
   f[0] = (struct flow){.src = nm_get_ptr(m, rec, F_SRC_IP),
                        .dst = nm_get_ptr(m, rec, F_DST_IP),
                        .first = (uint32_t) (first < self->now ? first : self->now),
                        .facts = facts};
   if (is_fragment(&facts) || !self->both_ways || nm_get(m, rec, F_PACKETS_REV) == 0) {
      return !is_fragment(&facts);
   }
   f[1] = (struct flow){.src = f[0].dst,
                        .dst = f[0].src,
                        .first = f[0].first,
                        .facts = {.bytes = nm_get(m, rec, F_BYTES_REV),
                                  .packets = nm_get(m, rec, F_PACKETS_REV),
                                  .src_port = facts.dst_port,
                                  .dst_port = facts.src_port,
                                  .protocol = facts.protocol,
                                  .flags = nm_get(m, rec, F_TCP_FLAGS_REV),
                                  .class = reversed[facts.class]}};
   return 2;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct hoststats *self = nm_self(m);
   struct flow flows[BATCH + 1];
   uint32_t waiting = 0;
   note_time(self, ur_time_get_sec(nm_now(m)));
   for (uint32_t i = 0; i < n; i++) {
      waiting += read_flows(m, recs[i].data, &flows[waiting]);
      if (waiting >= BATCH - 1) { /* room for both directions of the next one */
         add_flows(self, flows, waiting);
         waiting = 0;
      }
   }
   add_flows(self, flows, waiting);
   return self->rc;
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   struct hoststats *self = nm_self(m);
   uint64_t now = ur_time_get_sec(stream_time);
   if (self->next_check == 0 || now < self->next_check) {
      return NM_OK;
   }
   note_time(self, now);
   self->next_check = (now / self->config.check_every + 1) * self->config.check_every;
   judge_due(m);
   return self->rc;
}

static int finish(nm_module_t *m)
{
   struct hoststats *self = nm_self(m);
   const void *key;
   void *value;
   for (uint32_t cursor = 0; self->rc == NM_OK && nc_table_next(self->hosts, &cursor, &key, &value);) {
      judge(m, key, value);
   }
   return self->rc;
}

static void cleanup(nm_module_t *m)
{
   struct hoststats *self = nm_self(m);
   if (self->log != NULL) {
      fclose(self->log);
   }
   peers_close(&self->peers);
   free(self->deadlines);
   free(self->free_slots);
   free(self->watched);
   closelog();
}

NM_MODULE(
    "hoststatsnemea",
    "Keeps statistics of each host and finds horizontal scans, floods, guessing of SSH passwords and DNS "
    "amplification in them.",
    .in = NM_INPUTS({.name = "flows",
                     .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 "
                               "PROTOCOL,uint32 PACKETS,uint64 BYTES,time TIME_FIRST,time "
                               "TIME_LAST,uint8 TCP_FLAGS",
                     .optional = "uint8 DIRECTION_FLAGS,uint32 PACKETS_REV,uint64 BYTES_REV,uint8 "
                                 "TCP_FLAGS_REV"}),
    .out = NM_OUTPUTS({.name = "alerts",
                       .fields = "uint8 EVENT_TYPE,time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,ipaddr "
                                 "DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint32 "
                                 "EVENT_SCALE,string NOTE",
                       .timeout = NM_NO_WAIT}),
    .options = options, .state_size = sizeof(struct hoststats), .tick_every = NM_SECONDS(1),
    .no_eos_option = "no_message", .check = check, .init = init, .format = format, .records = records,
    .tick = tick, .finish = finish, .cleanup = cleanup)
