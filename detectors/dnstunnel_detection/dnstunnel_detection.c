/* SPDX-License-Identifier: BSD-3-Clause */
/** dnstunnel_detection: data that is carried by DNS, and other odd ways to use it. The method is described in README.md. */
#include "results.h"
#include "tunnel.h"
#include "fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, uint16 DST_PORT, string DNS_NAME, uint16 DNS_QTYPE,
          bytes DNS_RDATA, time TIME_FIRST, time TIME_LAST, uint32 PACKETS_REV, uint64 BYTES_REV,
          uint32 EVENT_ID, float TUNNEL_PER_NEW_DOMAIN, float TUNNEL_PER_SUBDOMAIN, uint8 TUNNEL_TYPE,
          string TUNNEL_DOMAIN, uint32 TUNNEL_CNT_PACKET, uint32 TIMEOUT, uint32 PACKETS,
          string SDM_CAPTURE_FILE_ID)

#define FIELDS                                                                                      \
   "ipaddr SRC_IP,float TUNNEL_PER_NEW_DOMAIN,float TUNNEL_PER_SUBDOMAIN,uint8 TUNNEL_TYPE,string " \
   "TUNNEL_DOMAIN,uint32 TUNNEL_CNT_PACKET,time TIME_FIRST,time TIME_LAST"

#define DNS_PORT     53
#define TREE_SHARE   4  /* trees: one for so many clients, and some */
#define NAMES_OF_ONE 16 /* names for each client in the mean */

struct module {
   struct tunnels t;
   struct results results;
   struct whitelist *domains, *addresses; /* options */
   const char *packet_file, *measure_file, *event_file;
   uint32_t dots;

   FILE *packets;
   char *line;
   size_t line_size;
   bool both_ways, timed;
   uint64_t window_begin; /* s, 0: no message yet */
   uint32_t next_event;
   int rc;
   uint64_t messages, ignored, bad_lines, attacks, windows;
};

/* -------------------------------------------------------------------- options */

static int parse_numbers(nm_module_t *m, const char *name, const char *value, double *numbers, unsigned n)
{
   const char *text = value;
   for (unsigned i = 0; i < n; i++) {
      char *end;
      numbers[i] = strtod(text, &end);
      if (end == text || !(numbers[i] >= 0 && numbers[i] <= 4294967295.0) || *end != (i + 1 < n ? ',' : 0)) {
         return nm_fail(m, "option -%s: \"%s\": expected %u numbers with commas between them", name, value,
                        n);
      }
      text = end + 1;
   }
   return NM_OK;
}

static int parse_pair(nm_module_t *m, const char *name, const char *value, struct pair *p)
{
   double numbers[2] = {0};
   int rc = parse_numbers(m, name, value, numbers, 2);
   *p = (struct pair){numbers[0], numbers[1], true};
   return rc;
}

static int parse_limits(nm_module_t *m, const char *name, const char *value, struct limits *l, bool *set)
{
   double numbers[4] = {0};
   int rc = parse_numbers(m, name, value, numbers, 4);
   *l = (struct limits){(uint32_t) numbers[0], (uint32_t) numbers[1], (uint32_t) numbers[2],
                        (uint32_t) numbers[3]};
   *set = true;
   return rc;
}

#define SETTINGS(m) (&((struct module *) nm_self(m))->t.set)
#define PAIR_OPTION(letter, member)                               \
   static int option_##letter(nm_module_t *m, const char *value)  \
   {                                                              \
      return parse_pair(m, #letter, value, &SETTINGS(m)->member); \
   }
PAIR_OPTION(S, capture)
PAIR_OPTION(j, letters)
PAIR_OPTION(k, subdomains)
PAIR_OPTION(l, digits)
PAIR_OPTION(n, enough_requests)
PAIR_OPTION(o, enough_responses)
PAIR_OPTION(q, searched)
PAIR_OPTION(t, rounds)

static int option_g(nm_module_t *m, const char *value)
{
   return parse_limits(m, "g", value, &SETTINGS(m)->requests, &SETTINGS(m)->requests_set);
}

static int option_r(nm_module_t *m, const char *value)
{
   return parse_limits(m, "r", value, &SETTINGS(m)->responses, &SETTINGS(m)->responses_set);
}

static void *load(nm_module_t *m, const char *path,
                  struct whitelist *(*read)(nm_module_t *m, FILE *file, const char *path))
{
   FILE *file = fopen(path, "re");
   if (file == NULL) {
      nm_fail(m, "cannot read \"%s\": %s", path, strerror(errno));
      return NULL;
   }
   struct whitelist *w = read(m, file, path);
   fclose(file);
   return w;
}

static void *load_domains(nm_module_t *m, const char *path)
{
   return load(m, path, whitelist_domains);
}

static void *load_addresses(nm_module_t *m, const char *path)
{
   return load(m, path, whitelist_addresses);
}

static void client_evicted(void *context, const void *key, void *value)
{
   (void) key;
   client_free_trees(&((struct module *) nm_self(context))->t, value);
}

static void forget_tree(void *context, const void *key, void *value)
{
   tree_evicted(&((struct module *) nm_self(context))->t, key, value);
}

static uint64_t trees_capacity(nm_module_t *m)
{
   return nc_table_capacity(((struct module *) nm_self(m))->t.clients) / TREE_SHARE + 64;
}

static const nm_option_t options[] = {
    NM_FILE('a', "whitelist_domain", struct module, domains, load_domains, whitelist_free,
            "Domains that are not looked at, nor what is below them, one a line."),
    NM_FILE('b', "whitelist_ip", struct module, addresses, load_addresses, whitelist_free,
            "Clients that are not looked at: addresses with ';' or line ends between them."),
    NM_STRING('c', "measure_param_file", struct module, measure_file, NULL,
              "Read this file of packets, print options that fit it, and end."),
    NM_STRING('f', "packet_file", struct module, packet_file, NULL,
              "Read messages from this file of packets."),
    NM_U32('p', "print", struct module, dots, 0, 0, UINT32_MAX,
           "With -f: print a dot for each so many packets (0: none)."),
    NM_STRING('s', "save_folder", struct module, results.folder, NULL,
              "Write results into this directory at the end; it must not exist."),
    NM_CALL('S', "SDM_setting", "packets,timeout", option_S,
            "What output 1 asks to be captured of a client. Default: 1000,300."),
    NM_STRING('d', "anomaly_file", struct module, results.anomaly_file, NULL,
              "Append text about anomalies to this file."),
    NM_CALL('g', "suspicion_request", "EXmin,EXmax,VARmin,VARmax", option_g,
            "Usual mean and variance of the sizes of requests. Default: 70,100,30,150."),
    NM_CALL('r', "suspicion_response", "EXmin,EXmax,VARmin,VARmax", option_r,
            "The same of responses. Default: 70,600,200,50000."),
    NM_CALL('j', "suspicion_max_letters", "request,response", option_j,
            "Most different characters that are ordinary. Default: 25,30."),
    NM_CALL('k', "subdomain_percent", "max,min", option_k, "Accepted, not used."),
    NM_CALL('l', "suspicion_max_numbers", "count,share", option_l,
            "Most digits of a request, and share of its length, that are ordinary. Default: 15,0.3."),
    NM_DOUBLE('m', "max_malformed", struct module, t.set.malformed, 0.3, 0, 1,
              "Share of responses without a name that keeps an attack going."),
    NM_CALL('n', "min_suspected_requests", "other,tunnel", option_n,
            "Requests needed in a window. Default: 10000,150."),
    NM_CALL('o', "min_suspected_responses", "other,tunnel", option_o,
            "Responses needed in a window. Default: 10000,50."),
    NM_CALL('q', "searching", "max,min", option_q,
            "Share of names seen once: more is a tunnel, less a repetition. Default: 0.9,0.005."),
    NM_CALL('t', "max_round", "suspicion,attack", option_t,
            "Windows without confirmation after which a suspicion or an attack is over. Default: 3,5."),
    NM_U32('w', "tunnel_length", struct module, t.set.request_length, 100, 0, NAME_MAX_SIZE,
           "Least length of the name in a suspicious request."),
    NM_U32('z', "collect_length", struct module, t.set.window, 60, 1, 86400,
           "Length of a window in seconds."),
    NM_STRING('E', "file_event_id", struct module, event_file, "/data/dnstunnel_detection/event_id.txt",
              "File that keeps the next EVENT_ID; '-': none."),
    NM_TABLE(0, "capacity", struct module, t.clients, "clients", ip_addr_t, struct client, 16384,
             .evicted = client_evicted),
    NM_TABLE(0, "names", struct module, t.names, "names", struct name_key, struct name, 262144),
    NM_TABLE_OF(struct module, t.trees, "suspected clients", struct tree_key, struct tree, trees_capacity,
                .evicted = forget_tree),
    NM_END,
};

static void pair_default(struct pair *p, double first, double second)
{
   if (!p->set) {
      *p = (struct pair){first, second, true};
   }
}

static int check(nm_module_t *m)
{
   struct module *self = nm_self(m);
   struct settings *set = &self->t.set;
   pair_default(&set->capture, 1000, 300);
   pair_default(&set->letters, 25, 30);
   pair_default(&set->digits, 15, 0.3);
   pair_default(&set->enough_requests, 10000, 150);
   pair_default(&set->enough_responses, 10000, 50);
   pair_default(&set->searched, 0.9, 0.005);
   pair_default(&set->rounds, 3, 5);
   if (!set->requests_set) {
      set->requests = (struct limits){70, 100, 30, 150};
   }
   if (!set->responses_set) {
      set->responses = (struct limits){70, 600, 200, 50000};
   }
   if (nm_inputs(m) > 0 && (self->packet_file != NULL || self->measure_file != NULL)) {
      return nm_fail(m, "options -c and -f read a file instead of an input: -i names outputs only then");
   }
   return NM_OK;
}

/* ------------------------------------------------------------------- reporting */

static int send_alert(nm_module_t *m, const ip_addr_t *ip, const struct client *c, enum detection d)
{
   struct module *self = nm_self(m);
   const struct tree *t = c->trees[tree_of(d)];
   self->attacks++;
   results_attack(&self->results, ip, c, d);
   if (nm_outputs(m) == 0) {
      return NM_OK;
   }
   void *alert = nm_record(m, 0);
   ip_addr_t address;
   memcpy(&address, ip, sizeof(address));
   nm_set(m, alert, F_EVENT_ID, c->found[d].event);
   nm_set(m, alert, F_SRC_IP, address);
   nm_set(m, alert, F_TUNNEL_TYPE, (uint8_t) d);
   nm_set(m, alert, F_TIME_LAST, c->last);
   nm_set(m, alert, F_TIME_FIRST, t != NULL ? t->created : c->last);
   if (t == NULL) {
      return nm_send(m, alert);
   }
   nm_set(m, alert, F_TUNNEL_CNT_PACKET,
          (uint32_t) (t->all_inserts < UINT32_MAX ? t->all_inserts : UINT32_MAX));
   if (d != RESPONSE_OTHER) {
      double unique = t->weight > 0 ? (double) t->names / t->weight : 0;
      nm_set(m, alert, F_TUNNEL_PER_NEW_DOMAIN, (float) (t->weight > 0 ? (double) t->rare / t->weight : 0));
      nm_set(m, alert, F_TUNNEL_PER_SUBDOMAIN, (float) (d == REQUEST_TUNNEL ? tree_share_below(t) : unique));
   }
   int rc = nm_set_var(m, 0, alert, F_TUNNEL_DOMAIN, t->sample, t->sample_length);
   return rc == NM_OK ? nm_send(m, alert) : rc;
}

/* Asks for a capture of a client whose requests and responses both carry data. */
static int ask_for_capture(nm_module_t *m, const ip_addr_t *ip, struct client *c)
{
   const struct module *self = nm_self(m);
   char id[64];
   bool responses = false;
   for (unsigned d = RESPONSE_NAME; d <= RESPONSE_NS; d++) {
      responses |= c->found[d].state == ATTACK;
   }
   if (nm_outputs(m) < 2 || c->capture_asked || !responses || c->found[REQUEST_TUNNEL].state != ATTACK) {
      return NM_OK;
   }
   c->capture_asked = true;
   ip_addr_t address;
   memcpy(&address, ip, sizeof(address));
   void *record = nm_record(m, 1);
   nm_set_n(m, 1, record, F_SRC_IP, address);
   nm_set_n(m, 1, record, F_PACKETS, (uint32_t) self->t.set.capture.first);
   nm_set_n(m, 1, record, F_TIMEOUT, (uint32_t) self->t.set.capture.second);
   snprintf(id, sizeof(id), "tunnel_detection_%" PRIu32, c->found[REQUEST_TUNNEL].event);
   int rc = nm_set_string(m, 1, record, F_SDM_CAPTURE_FILE_ID, id);
   return rc == NM_OK ? nm_send_n(m, 1, record) : rc;
}

static int end_window(nm_module_t *m, uint64_t now)
{
   struct module *self = nm_self(m);
   const void *key;
   void *value;
   results_window(&self->results, now);
   self->windows++;
   for (uint32_t cursor = 0; self->rc == NM_OK && nc_table_next(self->t.clients, &cursor, &key, &value);) {
      struct client *c = value;
      unsigned attacks;
      results_client(&self->results, key, c);
      bool known = client_judge(&self->t, c, &self->next_event, &attacks);
      for (unsigned d = 1; d < DETECTIONS && self->rc == NM_OK; d++) {
         if (attacks >> d & 1) {
            self->rc = send_alert(m, key, c, (enum detection) d);
         }
      }
      if (attacks != 0 && self->rc == NM_OK) {
         self->rc = ask_for_capture(m, key, c);
      }
      if (known) {
         client_next_window(&self->t, c, attacks);
      } else {
         client_free_trees(&self->t, c);
         nc_table_remove_value(self->t.clients, c);
      }
   }
   nm_verbose(m, "window %" PRIu64 ": %" PRIu32 " clients are suspected", self->windows,
              nc_table_count(self->t.clients));
   self->window_begin = now;
   return self->rc;
}

/* A window is over when more than its length has passed. */
static int follow_time(nm_module_t *m, uint64_t now)
{
   struct module *self = nm_self(m);
   if (self->window_begin == 0) {
      self->window_begin = now;
   }
   return now > self->window_begin + self->t.set.window ? end_window(m, now) : NM_OK;
}

/* -------------------------------------------------------------------- messages */

static void add_message(struct module *self, const struct message *msg, uint64_t hash)
{
   self->messages++;
   if (whitelist_has_address(self->addresses, &msg->client) ||
       whitelist_has_name(self->domains, msg->name.data, msg->name.length)) {
      self->ignored++;
      return;
   }
   client_add(&self->t, nc_table_upsert_hashed(self->t.clients, &msg->client, hash, NULL), msg);
}

static void read_answer(nm_module_t *m, const void *rec, struct message *msg)
{
   static const uint8_t kinds[] = {[2] = 4, [5] = 2, [15] = 3, [16] = 1}; /* QTYPE -> answers[] + 1 */
   uint16_t type = nm_get(m, rec, F_DNS_QTYPE);
   unsigned kind = type < sizeof(kinds) ? kinds[type] : 0;
   if (kind > 0) {
      msg->answers[kind - 1] =
          (struct text){(const char *) nm_get_ptr(m, rec, F_DNS_RDATA), nm_get_len(m, rec, F_DNS_RDATA)};
   }
}

/* \return how many messages: one for each direction of the record */
static unsigned read_record(nm_module_t *m, const void *rec, uint64_t now, struct message msgs[2])
{
   const struct module *self = nm_self(m);
   bool response = nm_get(m, rec, F_DST_PORT) != DNS_PORT;
   bool both = self->both_ways && nm_get(m, rec, F_PACKETS_REV) > 0;
   struct message *msg = &msgs[0];
   memset(msgs, 0, (1 + both) * sizeof(*msgs));
   msg->response = response;
   msg->size = nm_get(m, rec, F_BYTES);
   msg->time = self->timed ? nm_get(m, rec, F_TIME_LAST) : now;
   msg->name = (struct text){(const char *) nm_get_ptr(m, rec, F_DNS_NAME), nm_get_len(m, rec, F_DNS_NAME)};
   memcpy(&msg->client, response ? nm_get_ptr(m, rec, F_DST_IP) : nm_get_ptr(m, rec, F_SRC_IP),
          sizeof(msg->client));
   if (both) {
      msgs[1] = *msg;
      msgs[1].response = !response;
      msgs[1].size = nm_get(m, rec, F_BYTES_REV);
   }
   if (response || both) {
      read_answer(m, rec, response ? &msgs[0] : &msgs[1]);
   }
   return 1 + both;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct module *self = nm_self(m);
   struct message msgs[NC_TABLE_BATCH + 1];
   const void *keys[NC_TABLE_BATCH] = {NULL};
   uint64_t hashes[NC_TABLE_BATCH];
   ur_time_t now = self->timed ? nm_now(m) : ur_time_from_sec_usec((uint32_t) time(NULL), 0);
   int rc = follow_time(m, ur_time_get_sec(now));
   for (uint32_t done = 0; rc == NM_OK && done < n;) {
      uint32_t count = 0;
      for (; done < n && count < NC_TABLE_BATCH - 1; done++) {
         count += read_record(m, recs[done].data, now, &msgs[count]);
      }
      for (uint32_t i = 0; i < count; i++) {
         keys[i] = &msgs[i].client;
      }
      nc_table_prefetch(self->t.clients, keys, count, hashes);
      for (uint32_t i = 0; i < count; i++) {
         add_message(self, &msgs[i], hashes[i]);
      }
   }
   return rc;
}

/* A line of a file of packets. */
static int source(nm_module_t *m)
{
   struct module *self = nm_self(m);
   struct message msg;
   uint64_t hash;
   const void *key = &msg.client;
   if (self->packets == NULL) {
      return NM_STOP;
   }
   errno = 0;
   if (getline(&self->line, &self->line_size, self->packets) < 0) {
      const char *path = self->measure_file != NULL ? self->measure_file : self->packet_file;
      return ferror(self->packets) ? nm_fail(m, "cannot read \"%s\": %s", path, strerror(errno)) : NM_STOP;
   }
   if (!packet_parse(self->line, &msg)) {
      self->bad_lines++;
      nm_warn(m, "a line of the file of packets is none, and is left out");
      return NM_OK;
   }
   uint64_t now = ur_time_get_sec(msg.time);
   int rc = self->measure_file == NULL ? follow_time(m, now > self->window_begin ? now : self->window_begin)
                                       : NM_OK;
   nc_table_prefetch(self->t.clients, &key, 1, &hash);
   add_message(self, &msg, hash);
   if (self->dots > 0 && self->messages % self->dots == 0) {
      putchar('.');
   }
   return rc;
}

/* ---------------------------------------------------------------------- module */

static int init(nm_module_t *m)
{
   struct module *self = nm_self(m);
   const char *path = self->measure_file != NULL ? self->measure_file : self->packet_file;
   nm_counter(m, "messages", &self->messages);
   nm_counter(m, "whitelisted", &self->ignored);
   nm_counter(m, "bad lines", &self->bad_lines);
   nm_counter(m, "windows", &self->windows);
   nm_counter(m, "attacks", &self->attacks);
   nm_counter(m, "suspicions lost", &self->t.trees_lost);
   if (path != NULL && (self->packets = fopen(path, "re")) == NULL) {
      return nm_fail(m, "cannot read \"%s\": %s", path, strerror(errno));
   }
   self->next_event = event_id_read(m, self->event_file);
   return results_open(m, &self->results);
}

static int format(nm_module_t *m, uint32_t input)
{
   struct module *self = nm_self(m);
   (void) input;
   self->both_ways = nm_has(m, F_PACKETS_REV) && nm_has(m, F_BYTES_REV);
   self->timed = nm_has(m, F_TIME_LAST);
   if (!self->timed) {
      nm_set_timer(m, 1000000);
   }
   return NM_OK;
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   return follow_time(m, ur_time_get_sec(stream_time));
}

/* Records without times: windows end by the wall clock. */
static int timer(nm_module_t *m)
{
   struct module *self = nm_self(m);
   return self->timed || self->window_begin == 0 ? NM_OK : follow_time(m, (uint64_t) time(NULL));
}

static int user_signal(nm_module_t *m, int signal)
{
   struct module *self = nm_self(m);
   (void) signal;
   printf("Time: %" PRIu64 "\n", self->timed ? (uint64_t) ur_time_get_sec(nm_now(m)) : (uint64_t) time(NULL));
   fflush(stdout);
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct module *self = nm_self(m);
   if (self->measure_file != NULL) {
      results_measure(&self->t);
      return NM_OK;
   }
   uint64_t now = self->window_begin, stream = ur_time_get_sec(nm_now(m));
   int rc = end_window(m, stream > now ? stream : now);
   rc = rc == NM_OK ? results_finish(m, &self->results, &self->t) : rc;
   return rc == NM_OK ? event_id_write(m, self->event_file, self->next_event) : rc;
}

static void cleanup(nm_module_t *m)
{
   struct module *self = nm_self(m);
   if (self->packets != NULL) {
      fclose(self->packets);
   }
   free(self->line);
   results_close(&self->results);
}

/* Both forms of the module, one that reads records and one that reads a file of packets. */
#define COMMON                                                                                            \
   .out = NM_OUTPUTS({.name = "alerts",                                                                   \
                      .fields = "uint32 EVENT_ID," FIELDS,                                                \
                      .timeout = TRAP_HALFWAIT,                                                           \
                      .min = 0,                                                                           \
                      .max = 1},                                                                          \
                     {.name = "captures",                                                                 \
                      .fields = "ipaddr SRC_IP,uint32 TIMEOUT,uint32 PACKETS,string SDM_CAPTURE_FILE_ID", \
                      .timeout = NM_NO_WAIT,                                                              \
                      .min = 0,                                                                           \
                      .max = 1}),                                                                         \
   .options = options, .state_size = sizeof(struct module), .flags = NM_CLAIM_USR1, .check = check,       \
   .init = init, .finish = finish, .user_signal = user_signal, .cleanup = cleanup

#define SUMMARY "Finds tunnels and other anomalies in DNS messages."

#ifdef NM_TEST
extern const nm_module_def_t nm_file_definition;
const
#else
static const
#endif
    nm_module_def_t nm_file_definition = {
        .name = "dnstunnel_detection", .summary = SUMMARY, COMMON, .source = source};

#ifdef NM_TEST
#define DEFINITION const nm_module_def_t
extern const nm_module_def_t nm_definition;
#else
#define DEFINITION static const nm_module_def_t
#endif
DEFINITION nm_definition = {
    .name = "dnstunnel_detection",
    .summary = SUMMARY,
    COMMON,
    .in = NM_INPUTS({.name = "DNS flows",
                     .fields =
                         "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,uint16 DST_PORT,string DNS_NAME,uint16 "
                         "DNS_QTYPE,bytes DNS_RDATA",
                     .optional = "time TIME_LAST,uint32 PACKETS_REV,uint64 BYTES_REV"}),
    .tick_every = NM_SECONDS(1),
    .format = format,
    .records = records,
    .tick = tick,
    .timer = timer};

#ifndef NM_TEST
static bool has_option(int argc, char **argv, const char *letter, const char *name)
{
   for (int i = 1; i < argc; i++) {
      size_t n = strlen(name);
      if (strncmp(argv[i], letter, 2) == 0 ||
          (strncmp(argv[i], name, n) == 0 && (argv[i][n] == 0 || argv[i][n] == '='))) {
         return true;
      }
   }
   return false;
}

/* With -c or -f there is no input, and -i may be missing. */
int main(int argc, char **argv)
{
   bool file =
       has_option(argc, argv, "-c", "--measure_param_file") || has_option(argc, argv, "-f", "--packet_file");
   bool help = has_option(argc, argv, "-h", "--help");
   if (!file || help) {
      return nm_main(&nm_definition, argc, argv);
   }
   char **more = calloc((size_t) argc + 3, sizeof(*more));
   if (more == NULL) {
      return EXIT_FAILURE;
   }
   memcpy(more, argv, (size_t) argc * sizeof(*more));
   if (!has_option(argc, argv, "-i", "--ifc")) {
      more[argc++] = "-i";
      more[argc++] = "";
   }
   int status = nm_main(&nm_file_definition, argc, more);
   free(more);
   return status;
}
#endif
