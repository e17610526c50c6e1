/* SPDX-License-Identifier: BSD-3-Clause */
/** haddrscan_detector: one source probes one port, or a few, of many hosts. The method is described in README.md. */
#include "haddrscan.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, time TIME_FIRST, time TIME_LAST, uint32 PACKETS, uint32 PACKETS_REV,
          uint64 BYTES, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint8 TCP_FLAGS,
          uint8 TCP_FLAGS_REV, uint8 EVENT_TYPE, uint32 ADDR_CNT, uint32 ADDR_THRSD, ipaddr DST_IP0,
          ipaddr DST_IP1, ipaddr DST_IP2, ipaddr DST_IP3, uint16 L4_ICMP_TYPE_CODE, uint32 HOSTS_NEW,
          uint32 HOSTS_REFUSED, uint32 HOSTS_OPEN, uint32 HOSTS_USED, uint8 HOSTS_ERROR, uint8 SCAN_RULE)

/* ICMP (RFC 792, 4443): type * 256 + code. */
#define ICMP_ECHO         0x0800
#define ICMP_ECHO_REPLY   0x0000
#define ICMPV6_ECHO       0x8000
#define ICMPV6_ECHO_REPLY 0x8100

static void evicted(void *context, const void *key, void *value)
{
   (void) key;
   list_unwatch(nm_self(context), value);
}

/* Capacity of the set of probed hosts. */
static uint64_t max_hosts(nm_module_t *m)
{
   return (uint64_t) nc_table_capacity(((struct haddrscan *) nm_self(m))->lists) * HOSTS_A_LIST;
}

static uint64_t max_sketches(nm_module_t *m)
{
   uint32_t lists = nc_table_capacity(((struct haddrscan *) nm_self(m))->lists);
   return lists < MAX_SKETCHES ? lists : MAX_SKETCHES;
}

static const nm_option_t options[] = {
    NM_U32('n', "numaddrs-threshold", struct haddrscan, threshold, 50, 0, UINT32_MAX / 8,
           "Number of hosts probed on one port that makes a scan (at least 2)."),
    NM_U16('d', "idle-threshold", struct haddrscan, idle, 900, 0, UINT16_MAX,
           "Forget a source on a port after this many seconds without a probe (at least 1)."),
    NM_U16('p', "pruning-interval", struct haddrscan, interval, 60, 0, UINT16_MAX,
           "Interval of looking for idle sources, seconds (at least 1)."),
    NM_TABLE('c', "capacity", struct haddrscan, lists, "pairs of source and port", struct list_key,
             struct list, 65536, .evicted = evicted, .cleared = LIST_HEAD, .apart = sizeof(struct list_rest)),
    NM_TABLE_OF(struct haddrscan, hosts, "hosts", struct host_key, uint8_t, max_hosts),
    NM_TABLE_OF(struct haddrscan, sketches, "sketches", uint64_t, struct sketch, max_sketches),
    NM_FLAG(0, "details", struct haddrscan, details,
            "Alerts also tell how many hosts are new, refused, accepted and answered, packets, bytes and the "
            "rule, "
            "and report the rest of every scan."),
    NM_FLAG(0, "classic", struct haddrscan, classic,
            "Report what NEMEA 2 reports: TCP probes of a single SYN, in alerts of exactly "
            "numaddrs-threshold hosts."),
    NM_END,
};

static int check(nm_module_t *m)
{
   const struct haddrscan *self = nm_self(m);
   if (self->threshold < 2) {
      return nm_fail_status(m, EXIT_OPTION, "option -n, --numaddrs-threshold: \"%u\" is less than 2",
                            self->threshold);
   }
   if (self->idle < 1 || self->interval < 1) {
      return nm_fail_status(m, EXIT_OPTION, "option %s: \"0\" is less than 1",
                            self->idle < 1 ? "-d, --idle-threshold" : "-p, --pruning-interval");
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct haddrscan *self = nm_self(m);
   self->timers = nc_wheel_new(WHEEL_BUCKETS, NM_SECONDS(self->interval));
   if (self->timers == NULL || !probers_open(&self->probers, self->lists)) {
      return nm_fail(m, "out of memory");
   }
   nm_counter(m, "probes", &self->probes);
   return nm_set_output(m, 0, self->details ? ALERT DETAILS : ALERT);
}

static int format(nm_module_t *m, uint32_t input)
{
   struct haddrscan *self = nm_self(m);
   (void) input;
   flow_format_set(&self->format, nm_in(m));
   self->icmp_type = nm_has(m, F_L4_ICMP_TYPE_CODE);
   return NM_OK;
}

static inline struct list_key make_key(const ip_addr_t *src, uint16_t port, uint8_t protocol)
{
   struct list_key key = {.service = service_of(port, protocol)};
   memcpy(&key.src, src, sizeof(key.src)); /* addresses in records are not aligned */
   return key;
}

/* ------------------------------------------------------------------------ steps */

static enum rule complete(const struct haddrscan *self, const struct list *list, uint32_t protocol)
{
   /* Of the peers of a network that happen to be in one list, a few are neighbours, too. */
   uint32_t search = 4 * (uint64_t) list->neighbours >= list->n ? list->neighbours : 0;
   if (list->points + search >= FULL_WEIGHT * self->threshold) {
      return RULE_HOSTS;
   }
   return protocol == PROTOCOL_TCP && self->format.src_port && !list->src_ports && !list->reported &&
                  list->n > 1 && slow_scan(list->first, list->last, list->n, self->threshold)
              ? RULE_SLOW
              : RULE_NONE;
}

/* Sweeps over a few ports at once (23 and 2323, ...) may stay below the threshold on each of them. Peer-to-peer fails on as many
 * ports as there are peers. UDP is only counted. */
static bool is_sweep(const struct haddrscan *self, const struct list *all, uint32_t protocol)
{
   return protocol == PROTOCOL_TCP && all->n >= 2 * self->threshold && all->elsewhere <= all->n / 4;
}

static int add_probe(nm_module_t *m, struct haddrscan *self, const struct step *step)
{
   const uint8_t protocol = key_protocol(&step->keys[0]);
   int rc = NM_OK;
   struct list *all = step->n_lists > 1 ? list_upsert(self, step, 1) : NULL;
   if (all != NULL && list_is_old(self, all, step)) {
      rc = list_end(m, all);
   }
   struct list *list = rc == NM_OK ? list_upsert(self, step, 0) : NULL;
   if (list != NULL && list_is_old(self, list, step)) {
      rc = list_end(m, list);
   }
   self->probes++;
   if (rc != NM_OK) {
      return rc;
   }
   all = all != list ? all
                     : NULL; /* in a table that is full, the second may have taken the place of the first */
   list_add_host(self, list, step, 0);
   if (all != NULL && list_add_host(self, all, step, 1)) {
      list_add_port(self, all, key_port(&step->keys[0]));
   }
   enum rule rule = complete(self, list, protocol);
   if (rule != RULE_NONE) {
      return list_report(m, &step->keys[0], list, all, self->threshold, rule);
   }
   return all != NULL && is_sweep(self, all, protocol)
              ? list_report(m, &step->keys[1], all, all, 2 * self->threshold, RULE_PORTS)
              : NM_OK;
}

/* A connection with data counts in favour of its source. */
static void use(const struct haddrscan *self, const struct step *step)
{
   uint64_t word[2];
   memcpy(word, step->host, sizeof(word));
   uint32_t host = (uint32_t) (nc_hash_words(word, 2) >> 32) | 1;
   for (unsigned i = 0; i < step->n_lists; i++) {
      struct list *list = list_peek(self, step, i);
      if (list != NULL && list->used_host != host) {
         list->used_host = host;
         list->used++;
      }
   }
}

/* \return true: the host was probed, and is taken off the list of its source */
static bool answer_in(struct haddrscan *self, const struct step *step, unsigned which)
{
   struct list *list = list_peek(self, step, which);
   if (list == NULL || list->id == 0) {
      return false;
   }
   unsigned i = list_find_near(self, list, step->host);
   uint8_t *weight = i < list->n_near ? &list->weights[i] : NULL;
   if (weight == NULL && list->more) {
      struct host_key key = host_key_of(list, step->host);
      weight = nc_table_find(self->hosts, &key);
   }
   if (weight != NULL && *weight > 0) {
      list->points -= *weight < list->points ? *weight : list->points; /* it may have been reported */
      list->n -= list->n > 0;
      list->used++;
      *weight = 0;
   }
   const bool known = weight != NULL;
   if (list->n == 0 && !list->reported) { /* one question and its answer: most flows of UDP */
      nc_table_remove_value(self->lists, list);
   }
   return known;
}

static bool answer(struct haddrscan *self, const struct step *step)
{
   bool known = answer_in(self, step, 0);
   if (known && step->n_lists > 1) {
      answer_in(self, step, 1);
   }
   return known;
}

/* As NEMEA 2: no other kinds of probes, nothing that speaks for the source, and no alerts below the threshold. */
static int classic(nm_module_t *m, struct haddrscan *self, const struct step *step)
{
   struct list *list = list_upsert(self, step, 0);
   self->probes++;
   if (list_is_old(self, list, step)) {
      list_clear(self, list);
   }
   list_add_host(self, list, step, 0);
   if (list->n < self->threshold) {
      return NM_OK;
   }
   int rc = list_send_alert(m, &step->keys[0], list, NULL, self->threshold, RULE_HOSTS);
   list_clear(self, list);
   return rc;
}

/* Fetches what is kept apart from a list: its first hosts, and of ALL_PORTS its ports. */
static inline void fetch_rest(const struct haddrscan *self, const struct list *list, unsigned which)
{
   const struct list_rest *rest = list_rest(self, list);
   if (list->n_near > 0) {
      __builtin_prefetch(rest->near, 1);
   }
   if (which > 0) {
      __builtin_prefetch(&rest->top[list->n_top < TOP_PORTS ? list->n_top : TOP_PORTS - 1], 1);
   }
}

/* The same of those that new lists of ALL_PORTS take the places of; which: the how manieth evictions they are. */
static void fetch_evicted(struct haddrscan *self, const uint8_t *which, uint32_t n)
{
   void *evicted[LISTS * STEPS + LISTS];
   uint32_t known = n > 0 ? nc_table_victims(self->lists, which[n - 1] + 1u, evicted) : 0;
   for (uint32_t i = 0; i < n && which[i] < known; i++) {
      __builtin_prefetch(list_rest(self, evicted[which[i]])->top, 1);
   }
}

/* What is fetched for the steps of a batch. */
struct wanted {
   uint64_t hashes[LISTS * STEPS + LISTS]; /* of hosts in lists of more than the first ones */
   uint8_t **weight_of[LISTS * STEPS + LISTS];
   uint8_t evicted[LISTS * STEPS + LISTS]; /* which evictions are for lists of ALL_PORTS */
   uint32_t hosts, news, n_evicted;
};

/* The list may be another one: then what is fetched for it is of no use, and its id tells. */
static inline void want(const struct haddrscan *self, struct wanted *wanted, struct step *step, unsigned k)
{
   const struct list *list = step->guesses[k];
   step->ids[k] = 0;
   if (list == NULL) {
      wanted->evicted[wanted->n_evicted] = (uint8_t) wanted->news++;
      wanted->n_evicted += k;
      return;
   }
   fetch_rest(self, list, k);
   if (list->n_near == SAMPLES || list->more) {
      const struct host_key key = host_key_of(list, step->host);
      step->ids[k] = list->id;
      step->host_hashes[k] = nc_hash(&key, sizeof(key));
      wanted->hashes[wanted->hosts] = step->host_hashes[k];
      wanted->weight_of[wanted->hosts++] = &step->weights[k];
   }
}

/* Fetches what is apart from lists, and the hosts that steps look for in lists of more than the first ones. */
static void fetch_hosts(struct haddrscan *self, struct step *steps, uint32_t n)
{
   struct wanted wanted;
   void *guesses[LISTS * STEPS + LISTS];
   wanted.hosts = wanted.news = wanted.n_evicted = 0;
   for (uint32_t i = 0; i < n; i++) {
      if (steps[i].action == ADD || steps[i].action == CLASSIC) {
         for (unsigned k = steps[i].n_lists; k-- > 0;) { /* as they are added */
            want(self, &wanted, &steps[i], k);
         }
      }
   }
   fetch_evicted(self, wanted.evicted, wanted.n_evicted);
   nc_table_prefetch_hashed(self->hosts, wanted.hashes, wanted.hosts, guesses);
   for (uint32_t i = 0; i < wanted.hosts; i++) {
      *wanted.weight_of[i] = guesses[i];
   }
}

static void fetch_lists(struct haddrscan *self, struct step *steps, uint32_t n)
{
   uint64_t hashes[LISTS * STEPS + LISTS] = {0};
   void *guesses[LISTS * STEPS + LISTS];
   uint32_t n_keys = 0;
   for (uint32_t i = 0; i < n; i++) {
      hashes[n_keys++] = steps[i].hashes[0];
      if (steps[i].n_lists > 1) {
         hashes[n_keys++] = steps[i].hashes[1];
      }
   }
   nc_table_prefetch_hashed(self->lists, hashes, n_keys, guesses);
   n_keys = 0;
   for (uint32_t i = 0; i < n; i++) {
      steps[i].guesses[0] = guesses[n_keys++];
      if (steps[i].n_lists > 1) {
         steps[i].guesses[1] = guesses[n_keys++];
      }
   }
}

static int do_steps(nm_module_t *m, void *batch, uint32_t n)
{
   struct step *steps = batch;
   struct haddrscan *self = nm_self(m);
   int rc = NM_OK;
   fetch_lists(self, steps, n);
   fetch_hosts(self, steps, n);
   for (uint32_t i = 0; i < n && rc == NM_OK; i++) {
      const struct step *step = &steps[i];
      switch (step->action) {
      case ADD: rc = add_probe(m, self, step); break;
      case ANSWER: i += answer(self, step) && i + 1 < n && steps[i + 1].unless_answer; break;
      case USE: use(self, step); break;
      case CLASSIC: rc = classic(m, self, step); break;
      }
   }
   return rc;
}

/* ---------------------------------------------------------------------- sorting */

static inline uint32_t put(struct haddrscan *self, struct step *step, enum action action,
                           const struct flow *f, uint8_t points)
{
   const bool answer = action == ANSWER,
              icmp = f->protocol == PROTOCOL_ICMP || f->protocol == PROTOCOL_ICMPV6;
   const ip_addr_t *source = answer ? f->dst : f->src;
   step->keys[0] = make_key(source, icmp ? ICMP_ECHO : answer ? f->src_port : f->dst_port, f->protocol);
   step->n_lists = 1;
   if (action != CLASSIC && (f->protocol == PROTOCOL_TCP || (self->details && !icmp))) {
      step->keys[step->n_lists++] = make_key(source, ALL_PORTS, f->protocol);
      step->hashes[1] = nc_hash(&step->keys[1], sizeof(step->keys[1]));
   }
   step->hashes[0] = nc_hash(&step->keys[0], sizeof(step->keys[0]));
   step->host = answer ? f->src : f->dst;
   step->first = f->first;
   step->last = f->last;
   step->bytes = f->bytes;
   step->packets = f->packets;
   step->src_port = f->src_port;
   step->action = (uint8_t) action;
   step->probe = PROBE_NONE;
   step->points = points;
   step->search = false;
   step->unless_answer = false;
   if (action == ADD || action == CLASSIC) {
      probers_add(&self->probers, f->protocol, source);
   }
   return 1;
}

static uint32_t sort_tcp(struct haddrscan *self, struct step *step, const struct flow *f)
{
   enum probe probe = flow_probe(f);
   if (probe == PROBE_NONE || probe == PROBE_EMPTY) { /* monitoring of services does the latter, too */
      return 0;
   }
   const bool repeated = probe == PROBE_RETRIED || (probe == PROBE_SYN && f->packets > 1);
   put(self, step, ADD, f, repeated ? 1 : FULL_WEIGHT);
   step->probe = (uint8_t) probe;
   return 1;
}

/* Steps of a flow that has no flags to tell: a small one without an answer is a probe, and may itself be the answer to another. */
static uint32_t sort_datagrams(struct haddrscan *self, struct step *steps, const struct flow *f,
                               bool may_answer, bool may_ask, uint8_t points)
{
   uint32_t n =
       may_answer && sources_may_have(&self->probers.others, f->dst) ? put(self, steps, ANSWER, f, 0) : 0;
   bool used = f->packets_rev > 0;
   bool more =
       may_ask && (used ? sources_may_have(&self->probers.others, f->src) : f->packets <= PROBE_MAX_PACKETS);
   if (more) {
      put(self, &steps[n], used ? USE : ADD, f, points);
      steps[n].unless_answer = n > 0;
   }
   return n + more;
}

/* Ports above 1023 of services that are looked for to be misused, and that no peer-to-peer or game uses. */
static bool is_service(uint16_t port)
{
   static const uint16_t services[] = {1434, 1604, 1701, 1812, 1900,  2049,  2123,  3283,  3702,  5060, 5061,
                                       5093, 5351, 5353, 5683, 10001, 11211, 17185, 20000, 30718, 47808};
   for (unsigned i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
      if (services[i] == port) {
         return true;
      }
   }
   return false;
}

static uint32_t sort_udp(struct haddrscan *self, struct step *steps, const struct flow *f)
{
   const bool asks = f->packets_rev > 0 || (f->dst_port != 0 && !flow_is_answer(f));
   uint32_t n = sort_datagrams(self, steps, f, true, asks, 1);
   if (n > 0 && steps[n - 1].action == ADD) {
      /* Hosts ask many servers for names, the time and pages; where both ports are the same, two services talk. */
      const uint16_t port = f->dst_port;
      const bool page = port == 80 || port == 443, asked_by_all = page || port == 53 || port == 123;
      if ((port < 1024 || is_service(port)) && port != f->src_port && !asked_by_all) {
         steps[n - 1].points = FULL_WEIGHT;
      }
      /* Hosts one after the other. But a page is spread over neighbours. */
      steps[n - 1].search = !page && steps[n - 1].points < FULL_WEIGHT;
   }
   return n;
}

/* Where the type is not known, the size tells: errors carry the packet that they are about, at least 28 bytes of it
 * (56 in all); scanners send echo requests without data, Windows 32 bytes, others 56. */
static bool looks_like_echo(const struct flow *f)
{
   uint64_t size = f->packets > 0 ? f->bytes / f->packets : 0;
   return f->protocol == PROTOCOL_ICMP ? (size >= 28 && size < 56) || size == 60 || size == 84
                                       : size == 48 || size == 104;
}

static uint32_t sort_icmp(struct haddrscan *self, struct step *steps, const struct flow *f, const void *rec)
{
   const bool v4 = f->protocol == PROTOCOL_ICMP;
   uint16_t type = f->dst_port; /* where exporters put it; others leave it 0, and then the size must tell */
   bool known = type != 0;
   if (self->icmp_type) {
      type = FLOW_FIELD_(rec, &self->format, F_L4_ICMP_TYPE_CODE);
      known = true;
   }
   const bool either = !known && looks_like_echo(f);
   const bool request = either || (known && type == (v4 ? ICMP_ECHO : ICMPV6_ECHO));
   const bool reply = either || (known && type == (v4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY));
   return request || reply ? sort_datagrams(self, steps, f, reply, request, FULL_WEIGHT) : 0;
}

/* The steps of a record, two at most. \return how many */
static uint32_t sort_out(void *detector, void *to, const void *rec)
{
   struct haddrscan *self = detector;
   struct step *steps = to;
   const struct flow_format *format = &self->format;
   struct flow f = flow_read(rec, format);
   if (self->classic) {
      return f.packets == 1 ? put(self, steps, CLASSIC, &f, FULL_WEIGHT) : 0;
   }
   if (flow_record_is_use(rec, format)) {
      return put(self, steps, USE, &f, 0);
   }
   switch (f.protocol) {
   case PROTOCOL_TCP: return sort_tcp(self, steps, &f);
   case PROTOCOL_UDP: return format->src_port ? sort_udp(self, steps, &f) : 0;
   case PROTOCOL_ICMP:
   case PROTOCOL_ICMPV6: return sort_icmp(self, steps, &f, rec);
   default: return 0;
   }
}

static bool is_tcp(const void *key)
{
   return key_protocol(key) == PROTOCOL_TCP;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct haddrscan *self = nm_self(m);
   struct step steps[STEPS + 1];
   probers_refresh(&self->probers, self->lists, is_tcp);
   return probers_records(m, &self->probers, &self->format, recs, n,
                          &(const struct probers_steps){.steps = steps,
                                                        .size = sizeof(*steps),
                                                        .most = STEPS,
                                                        .classic = self->classic ? 1 : 0,
                                                        .sort_out = sort_out,
                                                        .do_steps = do_steps});
}

struct expiry {
   nm_module_t *m;
   uint64_t now; /* microseconds */
   int rc;
};

static void expired(void *context, nc_timer_t *timer)
{
   struct expiry *expiry = context;
   struct haddrscan *self = nm_self(expiry->m);
   struct list *list = nc_table_owner(
       self->lists, (struct list_rest *) (void *) ((char *) timer - offsetof(struct list_rest, timer)));
   uint64_t silent = microseconds(list->last) + NM_SECONDS(self->idle);
   uint64_t quiet = microseconds(list->last) + NM_SECONDS(REST_SECONDS);
   if (expiry->rc == NM_OK && (silent <= expiry->now || (self->details && quiet <= expiry->now))) {
      expiry->rc = list_report_rest(expiry->m, list);
   }
   if (silent > expiry->now) {
      list_watch(self, list, expiry->now);
   } else {
      list_clear(self, list);
   }
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   struct expiry expiry = {.m = m, .now = microseconds(stream_time), .rc = NM_OK};
   nc_wheel_advance(((struct haddrscan *) nm_self(m))->timers, expiry.now, expired, &expiry);
   return expiry.rc;
}

static int finish(nm_module_t *m)
{
   struct haddrscan *self = nm_self(m);
   uint32_t cursor = 0;
   const void *key;
   void *value;
   int rc = NM_OK;
   while (rc == NM_OK && nc_table_next(self->lists, &cursor, &key, &value)) {
      if (list_is_watched(self, value)) {
         rc = list_report_rest(m, value);
      }
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct haddrscan *self = nm_self(m);
   nc_wheel_free(self->timers);
   probers_close(&self->probers);
}

NM_MODULE("haddrscan_detector",
          "Detects horizontal scans: one source that probes one TCP or UDP port, or a few, of many hosts, or "
          "pings them.",
          .in = NM_INPUTS({.name = "flows",
                           .fields = FLOW_FIELDS,
                           .optional = "uint16 SRC_PORT,uint32 PACKETS_REV,uint8 TCP_FLAGS_REV,uint64 BYTES,"
                                       "uint16 L4_ICMP_TYPE_CODE"}),
          .out = NM_OUTPUTS({.name = "alerts",
                             .fields = ALERT,
                             .format = NM_CHOSEN,
                             .added = NM_ADDED({DETAILS}),
                             .timeout = NM_NO_WAIT}),
          .options = options, .state_size = sizeof(struct haddrscan), .tick_every = NM_SECONDS(1),
          .check = check, .init = init, .format = format, .records = records, .tick = tick, .finish = finish,
          .cleanup = cleanup)
