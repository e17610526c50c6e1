/* SPDX-License-Identifier: BSD-3-Clause */
/** vportscan_detector: one source probes many ports of one target. The method is described in README.md. */
#include <nemea-common/nc_wheel.h>
#include <nemea/module.h>

#include "fields.h"

#include "../common/probers.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, time TIME_FIRST, time TIME_LAST, uint32 PACKETS, uint32 PACKETS_REV,
          uint64 BYTES, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint8 TCP_FLAGS,
          uint8 TCP_FLAGS_REV, uint8 EVENT_TYPE, uint32 PORT_CNT, uint32 PORTS_REFUSED, uint32 PORTS_OPEN,
          uint32 PORTS_USED, uint8 SCAN_RULE)

#define ALERT                                                                                            \
   "uint8 EVENT_TYPE,time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 " \
   "DST_PORT,"                                                                                           \
   "uint8 PROTOCOL,uint32 PORT_CNT"
#define DETAILS \
   ",uint32 PORTS_REFUSED,uint32 PORTS_OPEN,uint32 PORTS_USED,uint32 PACKETS,uint64 BYTES,uint8 SCAN_RULE"

#define EVENT_PORTSCAN 1
#define LIST_EXTRA     14 /* ports beyond the threshold that a list holds; see complete() */
#define LIST_BLOCK     8
#define MAX_THRESHOLD  1024
#define MAX_SCANS      1024 /* pairs whose ports are all known */
#define MIXED_LEAST    3    /* ports of TCP, and of UDP, of a scan of both from one source port */
#define REST_SECONDS   60   /* without a probe, then the rest of a scan is reported */
#define TICK_SECONDS   10
#define WHEEL_BUCKETS  256

/* Traceroute counts UDP ports up from here, three a hop, and gets its answers from hosts other than the target. */
#define TRACEROUTE_FIRST 33434
#define TRACEROUTE_LAST  33689

/* What is known of a probed port. */
enum port_mark {
   PORT_ONCE = 1,    /* probed an odd number of times */
   PORT_CERTAIN = 2, /* refused, by flags of no connection, low UDP port: counts twice */
   PORT_REFUSED = 4,
   PORT_OPEN = 8, /* the target accepted, and the source did not go on */
};

/* Why a list is complete; SCAN_RULE in alerts. */
enum rule {
   RULE_NONE,    /* not yet; in alerts: the scan was reported before */
   RULE_PORTS,   /* as many ports as the threshold */
   RULE_CERTAIN, /* half as many, which count twice */
   RULE_SLOW,    /* a fifth, slowly, from one source port */
   RULE_MIXED,   /* half as many, of TCP and UDP from one source port */
};

/* Ports and their marks, side by side, since most lists are short. */
struct block {
   uint16_t ports[LIST_BLOCK];
   uint8_t marks[LIST_BLOCK]; /* enum port_mark */
};

struct pair_key {
   ip_addr_t src, dst;
   uint64_t protocol; /* as wide as the key's alignment: no padding */
};

/* First come the ports of the list in the blocks: the first of them here, so that table and list of most pairs are two cache lines, the
 * others apart. Once they are reported, all ports of the pair are in its scan, the list stays
 * empty, and n and the other counts are of the ports that were not known and not reported. */
struct pair {
   ur_time_t first, last; /* of the flows in the list */
   ur_time_t counted;     /* of the first flow since no port of the list counted */
   struct scan *scan;     /* NULL: not reported */
   uint64_t bytes;        /* as packets, of all probes since the last alert */
   uint32_t packets;
   uint32_t used;   /* connections with data, each on another port than the one before */
   uint16_t points; /* weight of the ports in the list */
   uint16_t n;      /* ports in the list */
   uint16_t marked; /* those of them that count */
   uint16_t used_port;
   uint16_t src_port;                     /* of the first probe */
   uint16_t last_src_port, last_dst_port; /* of the last one */
   bool src_ports;                        /* there are others than src_port */
   struct block block;
};

#define PAIR_HEAD offsetof(struct pair, block) /* what a new pair needs to be zero */

/* All ports of a pair that was reported, so that each counts once however often it is probed. */
struct scan {
   nc_timer_t timer; /* set while there may be something to report */
   struct pair *pair;
   ur_time_t told;         /* TIME_LAST of the last alert */
   uint16_t refused, open; /* ports of those that were not reported; of a list the marks tell */
   uint64_t ports[65536 / 64];
};

struct vportscan {
   uint32_t threshold, idle; /* options; idle in seconds */
   nc_table_t *pairs;        /* pair_key -> struct pair */
   bool classic;             /* the kinds and counts of NEMEA 2 */
   bool details;

   struct flow_format format;
   struct probers probers; /* sources of pairs */
   nc_table_t *scans;      /* pair_key -> struct scan */
   nc_wheel_t *timers;
   uint16_t list_size;
   uint64_t probes;
};

/* Bytes of the blocks of a list after the first one. */
static uint32_t more_blocks(nm_module_t *m)
{
   struct vportscan *self = nm_self(m);
   self->list_size = (uint16_t) ((self->threshold + LIST_EXTRA + LIST_BLOCK - 1) / LIST_BLOCK * LIST_BLOCK);
   return (uint32_t) ((self->list_size / LIST_BLOCK - 1u) * sizeof(struct block));
}

static uint64_t max_scans(nm_module_t *m)
{
   uint32_t pairs = nc_table_capacity(((struct vportscan *) nm_self(m))->pairs);
   return pairs < MAX_SCANS ? pairs : MAX_SCANS;
}

static void pair_evicted(void *context, const void *key, void *value);
static void scan_evicted(void *context, const void *key, void *value);

static const nm_option_t options[] = {
    NM_U32('n', "numports-threshold", struct vportscan, threshold, 50, 2, MAX_THRESHOLD,
           "Number of ports of one target that makes a scan (half as many if they were refused)."),
    NM_U32('d', "idle-threshold", struct vportscan, idle, 43200, 1, 31536000,
           "Forget a pair of source and target after this many seconds without a probe."),
    NM_TABLE('c', "capacity", struct vportscan, pairs, "pairs of source and target", struct pair_key,
             struct pair, 65536, .cleared = PAIR_HEAD, .apart_bytes = more_blocks, .evicted = pair_evicted),
    NM_TABLE_OF(struct vportscan, scans, "scans", struct pair_key, struct scan, max_scans,
                .evicted = scan_evicted),
    NM_FLAG(0, "details", struct vportscan, details,
            "Alerts also tell how many ports were refused, open and used, packets, bytes and the rule, and "
            "report "
            "the rest of every scan."),
    NM_FLAG(0, "classic", struct vportscan, classic,
            "Report what NEMEA 2 reports: TCP SYN scans, in alerts of exactly numports-threshold ports."),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct vportscan *self = nm_self(m);
   self->timers = nc_wheel_new(WHEEL_BUCKETS, NM_SECONDS(TICK_SECONDS));
   if (self->timers == NULL || !probers_open(&self->probers, self->pairs)) {
      return nm_fail(m, "out of memory");
   }
   nm_counter(m, "probes", &self->probes);
   return nm_set_output(m, 0, self->details ? ALERT DETAILS : ALERT);
}

static void cleanup(nm_module_t *m)
{
   struct vportscan *self = nm_self(m);
   nc_wheel_free(self->timers);
   probers_close(&self->probers);
}

static int format(nm_module_t *m, uint32_t input)
{
   (void) input;
   flow_format_set(&((struct vportscan *) nm_self(m))->format, nm_in(m));
   return NM_OK;
}

static struct pair_key make_key(const ip_addr_t *src, const ip_addr_t *dst, uint8_t protocol)
{
   struct pair_key key = {.protocol = protocol};
   memcpy(&key.src, src, sizeof(key.src)); /* addresses in records are not aligned */
   memcpy(&key.dst, dst, sizeof(key.dst));
   return key;
}

static struct block *block_at(const struct vportscan *self, struct pair *pair, uint16_t i)
{
   return i < LIST_BLOCK ? &pair->block
                         : (struct block *) nc_table_apart(self->pairs, pair) + i / LIST_BLOCK - 1;
}

static uint16_t *port_at(const struct vportscan *self, struct pair *pair, uint16_t i)
{
   return &block_at(self, pair, i)->ports[i % LIST_BLOCK];
}

static uint8_t *mark_at(const struct vportscan *self, struct pair *pair, uint16_t i)
{
   return &block_at(self, pair, i)->marks[i % LIST_BLOCK];
}

/* Index of the port in the list, or its length. */
static uint16_t find_port(const struct vportscan *self, struct pair *pair, uint16_t port)
{
   for (uint16_t first = 0; first < pair->n; first += LIST_BLOCK) {
      const struct block *block = block_at(self, pair, first);
      uint16_t hits =
          0; /* all ports of a block are compared at once: the compiler makes it one instruction */
      for (uint16_t i = 0; i < LIST_BLOCK; i++) {
         hits |= (uint16_t) ((block->ports[i] == port) << i);
      }
      if (hits != 0) {
         uint16_t i = (uint16_t) (first + __builtin_ctz(hits));
         return i < pair->n ? i : pair->n;
      }
   }
   return pair->n;
}

/* At the end; its mark is none. */
static void add_port(const struct vportscan *self, struct pair *pair, uint16_t port)
{
   *port_at(self, pair, pair->n) = port;
   *mark_at(self, pair, pair->n) = 0;
   pair->n++;
}

static uint32_t weight(uint8_t mark)
{
   return mark & PORT_CERTAIN ? 2 : mark & PORT_ONCE;
}

static void mark_port(const struct vportscan *self, struct pair *pair, uint16_t i, uint8_t mark)
{
   uint8_t *old = mark_at(self, pair, i);
   pair->points = (uint16_t) (pair->points + weight(mark) - weight(*old));
   pair->marked = (uint16_t) (pair->marked + (mark != 0) - (*old != 0));
   *old = mark;
}

static void drop_port(const struct vportscan *self, struct pair *pair, uint16_t i)
{
   mark_port(self, pair, i, 0);
   pair->n--;
   *port_at(self, pair, i) = *port_at(self, pair, pair->n);
   *mark_at(self, pair, i) = *mark_at(self, pair, pair->n);
}

/* A list is complete when its points reach the threshold, or when it is full: a scanner that repeats each probe has
 * many ports but few points. After the first alert no port counts twice: speed no longer matters. */
static enum rule complete(const struct vportscan *self, const struct pair *pair, uint8_t protocol)
{
   if (pair->marked >= self->threshold || pair->n == self->list_size) {
      return RULE_PORTS;
   }
   if (self->classic || pair->scan != NULL) {
      return RULE_NONE;
   }
   if (pair->points >= self->threshold) {
      return RULE_CERTAIN;
   }
   return protocol == PROTOCOL_TCP && !pair->src_ports &&
                  slow_scan(pair->first, pair->last, pair->marked, self->threshold)
              ? RULE_SLOW
              : RULE_NONE;
}

/* ----------------------------------------------------------------------- alerts */

static uint32_t count_marks(const struct vportscan *self, struct pair *pair, uint8_t mark)
{
   uint32_t count = 0;
   for (uint16_t i = 0; i < pair->n; i++) {
      count += (*mark_at(self, pair, i) & mark) != 0;
   }
   return count;
}

static void set_details(nm_module_t *m, void *alert, struct pair *pair, enum rule rule)
{
   const struct vportscan *self = nm_self(m);
   bool listed = pair->scan == NULL;
   uint32_t refused = listed ? count_marks(self, pair, PORT_REFUSED) : pair->scan->refused;
   nm_set(m, alert, F_PORTS_REFUSED, refused < pair->n ? refused : pair->n);
   nm_set(m, alert, F_PORTS_OPEN, listed ? count_marks(self, pair, PORT_OPEN) : pair->scan->open);
   nm_set(m, alert, F_PORTS_USED, pair->used);
   nm_set(m, alert, F_PACKETS, pair->packets);
   nm_set(m, alert, F_BYTES, pair->bytes);
   nm_set(m, alert, F_SCAN_RULE, (uint8_t) rule);
}

static int send_alert(nm_module_t *m, struct pair *pair, const struct pair_key *key, enum rule rule)
{
   const struct vportscan *self = nm_self(m);
   /* Of a full list all ports count. */
   bool all = self->details || pair->scan != NULL || pair->n == self->list_size;
   void *alert = nm_alert(m, NULL);
   nm_set(m, alert, F_EVENT_TYPE, EVENT_PORTSCAN);
   nm_set(m, alert, F_TIME_FIRST, all ? pair->first : pair->counted);
   nm_set(m, alert, F_TIME_LAST, pair->last);
   nm_set(m, alert, F_SRC_IP, key->src);
   nm_set(m, alert, F_DST_IP, key->dst);
   nm_set(m, alert, F_SRC_PORT, pair->last_src_port);
   nm_set(m, alert, F_DST_PORT, pair->last_dst_port);
   nm_set(m, alert, F_PROTOCOL, (uint8_t) key->protocol);
   nm_set(m, alert, F_PORT_CNT, all ? pair->n : pair->marked);
   if (self->details) {
      set_details(m, alert, pair, rule);
   }
   return nm_send(m, alert);
}

/* Nothing is left in the list; only the last probe, the scan and the source port stay known. */
static void restart(struct pair *pair)
{
   *pair = (struct pair){
       .last = pair->last, .scan = pair->scan, .src_port = pair->src_port, .src_ports = pair->src_ports};
   if (pair->scan != NULL) {
      pair->scan->refused = pair->scan->open = 0;
   }
}

/* Keeps all ports of a list that was reported. */
static void begin_scan(struct vportscan *self, struct pair *pair, const struct pair_key *key)
{
   struct scan *scan = nc_table_upsert(self->scans, key, NULL);
   scan->pair = pair;
   for (uint16_t i = 0; i < pair->n; i++) {
      uint16_t port = *port_at(self, pair, i);
      scan->ports[port / 64] |= UINT64_C(1) << port % 64;
   }
   pair->scan = scan;
}

/* Tells what was not told yet of a scan, if it is worth an alert. */
static int report_rest(nm_module_t *m, struct pair *pair, const struct pair_key *key)
{
   const struct vportscan *self = nm_self(m);
   bool worth = self->details ? pair->n > 0 || (pair->packets > 0 && pair->last > pair->scan->told)
                              : pair->n > 1 && 2 * (uint32_t) pair->n >= self->threshold;
   if (!worth) {
      return NM_OK;
   }
   int rc = send_alert(m, pair, key, RULE_NONE);
   pair->scan->told = pair->last;
   restart(pair);
   return rc;
}

static int end_scan(nm_module_t *m, struct pair *pair, const struct pair_key *key)
{
   struct vportscan *self = nm_self(m);
   int rc = report_rest(m, pair, key);
   nc_wheel_cancel(&pair->scan->timer);
   nc_table_remove_value(self->scans, pair->scan);
   pair->scan = NULL;
   return rc;
}

static void pair_evicted(void *context, const void *key, void *value)
{
   struct pair *pair = value;
   if (pair->scan != NULL) {
      end_scan(context, pair, key);
   }
}

/* More scans than there is room for: this pair begins anew. */
static void scan_evicted(void *context, const void *key, void *value)
{
   struct scan *scan = value;
   struct pair *pair = scan->pair;
   report_rest(context, pair, key);
   nc_wheel_cancel(&scan->timer);
   memset(pair, 0, sizeof(*pair));
}

static void watch(struct vportscan *self, struct pair *pair)
{
   if (!nc_timer_is_set(&pair->scan->timer)) {
      nc_wheel_set(self->timers, &pair->scan->timer, microseconds(pair->last) + NM_SECONDS(REST_SECONDS));
   }
}

/* Reports a complete list and clears it. */
static int report(nm_module_t *m, struct pair *pair, const struct pair_key *key, enum rule rule)
{
   struct vportscan *self = nm_self(m);
   int rc = NM_OK;
   /* Passive FTP, peer-to-peer: a source that also reaches half as many ports as it misses uses them. */
   if (2 * pair->used < pair->n) {
      rc = send_alert(m, pair, key, pair->scan != NULL ? RULE_NONE : rule);
      if (pair->scan == NULL && !self->classic) {
         begin_scan(self, pair, key);
      }
      if (pair->scan != NULL) {
         pair->scan->told = pair->last;
      }
   }
   restart(pair);
   return rc;
}

/* ------------------------------------------------------------------------ steps */

/* What is to do for a flow. Flows are sorted out first, then the table fetches what all steps look at, then they are done. */
enum action {
   ADD,    /* a probe */
   REFUSE, /* the target refuses a probe that is in the list */
   ANSWER, /* UDP: the target answers a probe, and then the next step is left out if it is of the same flow */
   USE,    /* a connection with data */
   CLASSIC, /* a probe, as NEMEA 2 */
};

struct step {
   struct pair_key key; /* of the flow, or of the probe that it answers */
   uint64_t hash;
   ur_time_t first, last; /* of the flow, as what follows */
   uint64_t bytes;
   uint32_t packets;
   uint16_t src_port, dst_port;
   uint8_t action;     /* enum action */
   uint8_t marks;      /* ADD: enum port_mark */
   bool unless_answer; /* another step of the flow of the step before */
};

#define STEPS NC_TABLE_BATCH

/* The pair of a flow that probes, emptied if it was silent for long; times and ports include the flow. */
static int open_pair(nm_module_t *m, const struct step *step, struct pair **found)
{
   struct vportscan *self = nm_self(m);
   struct pair *pair = nc_table_upsert_hashed(self->pairs, &step->key, step->hash, NULL);
   int rc = NM_OK;
   *found = pair;
   self->probes++;
   if (pair->last != 0 && step->first > pair->last && (step->first - pair->last) >> 32 >= self->idle) {
      rc = pair->scan != NULL ? end_scan(m, pair, &step->key) : NM_OK;
      memset(pair, 0, sizeof(*pair));
   }
   const bool empty = pair->n == 0 && pair->scan == NULL;
   if (empty || pair->first == 0 || step->first < pair->first) {
      pair->first = step->first;
   }
   if (pair->marked == 0 || step->first < pair->counted) {
      pair->counted = step->first;
   }
   if (empty || step->last > pair->last) {
      pair->last = step->last;
   }
   if (empty) {
      pair->src_port = step->src_port;
      pair->src_ports = false;
   }
   pair->src_ports |= step->src_port != pair->src_port;
   pair->last_src_port = step->src_port;
   pair->last_dst_port = step->dst_port;
   pair->packets += step->packets;
   pair->bytes += step->bytes;
   return rc;
}

/* A probe of a pair that was reported. */
static void add_to_scan(struct vportscan *self, struct pair *pair, const struct step *step)
{
   uint64_t *word = &pair->scan->ports[step->dst_port / 64], bit = UINT64_C(1) << step->dst_port % 64;
   if (!(*word & bit)) {
      *word |= bit;
      pair->n++;
      pair->marked++;
      pair->scan->refused = (uint16_t) (pair->scan->refused + ((step->marks & PORT_REFUSED) != 0));
      pair->scan->open = (uint16_t) (pair->scan->open + ((step->marks & PORT_OPEN) != 0));
   }
   watch(self, pair);
}

static bool has_port(const struct vportscan *self, struct pair *pair, uint16_t port)
{
   return pair->scan != NULL ? pair->scan->ports[port / 64] >> port % 64 & 1
                             : find_port(self, pair, port) < pair->n;
}

/* The list of the same source and target for the other protocol, if both are from one source port within ten minutes and together
 * long enough: systems take a port of its own for each connection, and no program uses the same one for TCP and UDP. */
static struct pair *find_other(const struct vportscan *self, const struct pair *pair, struct pair_key *key)
{
   if (pair->scan != NULL || pair->src_ports || pair->marked < MIXED_LEAST) {
      return NULL;
   }
   key->protocol ^= PROTOCOL_TCP ^ PROTOCOL_UDP;
   struct pair *other = nc_table_peek(self->pairs, key);
   if (other == NULL || other->scan != NULL || other->src_ports || other->marked < MIXED_LEAST ||
       other->src_port != pair->src_port || 2 * (uint32_t) (pair->marked + other->marked) < self->threshold) {
      return NULL;
   }
   ur_time_t begin = pair->first < other->first ? pair->first : other->first;
   ur_time_t end = pair->last > other->last ? pair->last : other->last;
   return (end - begin) >> 32 < SLOW_SECONDS ? other : NULL;
}

static int report_complete(nm_module_t *m, struct pair *pair, const struct pair_key *key)
{
   struct vportscan *self = nm_self(m);
   enum rule rule = complete(self, pair, (uint8_t) key->protocol);
   if (rule != RULE_NONE) {
      return report(m, pair, key, rule);
   }
   struct pair_key other_key = *key;
   struct pair *other = self->classic ? NULL : find_other(self, pair, &other_key);
   if (other == NULL) {
      return NM_OK;
   }
   int rc = report(m, pair, key, RULE_MIXED);
   return rc == NM_OK ? report(m, other, &other_key, RULE_MIXED) : rc;
}

/* Adds a probe of the flow's destination port. */
static int add_probe(nm_module_t *m, const struct step *step)
{
   struct vportscan *self = nm_self(m);
   struct pair *pair;
   int rc = open_pair(m, step, &pair);
   if (rc != NM_OK) {
      return rc;
   }
   if (pair->scan != NULL) {
      add_to_scan(self, pair, step);
   } else {
      uint16_t i = find_port(self, pair, step->dst_port);
      if (i == pair->n) {
         add_port(self, pair, step->dst_port);
      }
      uint8_t mark = *mark_at(self, pair, i);
      mark_port(self, pair, i,
                step->marks & PORT_CERTAIN ? mark | step->marks : (mark ^ PORT_ONCE) | step->marks);
   }
   return report_complete(m, pair, &step->key);
}

/* The target refuses a probe that is in the list. */
static int refuse(nm_module_t *m, const struct step *step)
{
   struct vportscan *self = nm_self(m);
   struct pair *pair = nc_table_find_hashed(self->pairs, &step->key, step->hash);
   if (pair == NULL || !has_port(self, pair, step->src_port)) {
      return NM_OK;
   }
   if (pair->scan != NULL) {
      pair->scan->refused += pair->scan->refused < pair->n;
      return NM_OK;
   }
   uint16_t i = find_port(self, pair, step->src_port);
   mark_port(self, pair, i, *mark_at(self, pair, i) | PORT_CERTAIN | PORT_REFUSED);
   pair->last_src_port = step->dst_port;
   pair->last_dst_port = step->src_port;
   return report_complete(m, pair, &step->key);
}

/* \return true: a probe of UDP was answered, in a record of its own */
static bool answer(struct vportscan *self, const struct step *step)
{
   struct pair *pair = nc_table_find_hashed(self->pairs, &step->key, step->hash);
   if (pair == NULL || !has_port(self, pair, step->src_port)) {
      return false;
   }
   if (pair->scan == NULL) {
      drop_port(self, pair, find_port(self, pair, step->src_port));
   } else if (pair->n > 0) {
      pair->n--;
      pair->marked--;
   }
   pair->used++;
   if (pair->n == 0 && pair->scan == NULL) { /* one question and its answer: most flows of UDP */
      nc_table_remove_value(self->pairs, pair);
   }
   return true;
}

static void use(const struct vportscan *self, const struct step *step)
{
   struct pair *pair = nc_table_peek_hashed(self->pairs, &step->key, step->hash);
   if (pair != NULL && pair->used_port != step->dst_port) {
      pair->used_port = step->dst_port;
      pair->used++;
   }
}

/* As NEMEA 2: a port that is probed again leaves the list. */
static int classic(nm_module_t *m, const struct step *step)
{
   const struct vportscan *self = nm_self(m);
   struct pair *pair;
   int rc = open_pair(m, step, &pair);
   uint16_t i = find_port(self, pair, step->dst_port);
   if (rc != NM_OK) {
      return rc;
   }
   if (i < pair->n) {
      drop_port(self, pair, i);
      return NM_OK;
   }
   add_port(self, pair, step->dst_port);
   mark_port(self, pair, i, PORT_ONCE);
   return report_complete(m, pair, &step->key);
}

static uint32_t put(struct step *step, enum action action, const struct flow *f, uint8_t marks)
{
   const bool back = action == REFUSE || action == ANSWER;
   step->key = make_key(back ? f->dst : f->src, back ? f->src : f->dst, f->protocol);
   step->first = f->first;
   step->last = f->last;
   step->src_port = f->src_port;
   step->dst_port = f->dst_port;
   step->action = (uint8_t) action;
   step->marks = marks;
   step->packets = f->packets;
   step->bytes = f->bytes;
   step->unless_answer = false;
   return 1;
}

static uint32_t put_probe(struct vportscan *self, struct step *step, enum action action, const struct flow *f,
                          uint8_t marks)
{
   probers_add(&self->probers, f->protocol, f->src);
   return put(step, action, f, marks);
}

/* UDP has no flags: a probe is a small flow without an answer, in the same record or in one of its own. */
static uint32_t sort_udp(struct vportscan *self, struct step *steps, const struct flow *f)
{
   uint32_t n = sources_may_have(&self->probers.others, f->dst) ? put(steps, ANSWER, f, 0) : 0;
   bool trace = f->dst_port >= TRACEROUTE_FIRST && f->dst_port <= TRACEROUTE_LAST;
   if (f->packets_rev > 0 || f->packets > PROBE_MAX_PACKETS || f->dst_port == 0 || flow_is_answer(f) ||
       trace) {
      return n;
   }
   /* Peer-to-peer and games do not use ports below 1024. */
   put_probe(self, steps + n, ADD, f, f->dst_port < 1024 ? PORT_CERTAIN : 0);
   steps[n].unless_answer = n > 0;
   return n + 1;
}

/* The steps of a record, two at most. \return how many */
static uint32_t sort_out(void *detector, void *to, const void *rec)
{
   struct vportscan *self = detector;
   struct step *steps = to;
   struct flow f = flow_read(rec, &self->format);
   if (self->classic) {
      return put_probe(self, steps, CLASSIC, &f, 0);
   }
   if (flow_record_is_use(rec, &self->format)) {
      return put(steps, USE, &f, 0);
   }
   if (f.protocol == PROTOCOL_UDP) {
      return sort_udp(self, steps, &f);
   }
   static const uint8_t marks[] = {[PROBE_REFUSED] = PORT_CERTAIN | PORT_REFUSED,
                                   [PROBE_HALF] = PORT_OPEN,
                                   [PROBE_EMPTY] = PORT_OPEN,
                                   [PROBE_STEALTH] = PORT_CERTAIN};
   enum probe probe = flow_probe(&f);
   if (probe != PROBE_NONE && probe != PROBE_RETRIED) {
      return put_probe(self, steps, ADD, &f, marks[probe]);
   }
   return flow_is_refusal(&f) && sources_may_have(&self->probers.tcp, f.dst) ? put(steps, REFUSE, &f, 0) : 0;
}

static int do_steps(nm_module_t *m, void *batch, uint32_t n)
{
   struct step *steps = batch;
   struct vportscan *self = nm_self(m);
   const void *keys[STEPS + 1];
   uint64_t hashes[STEPS + 1];
   int rc = NM_OK;
   for (uint32_t i = 0; i < n; i++) {
      keys[i] = &steps[i].key;
   }
   nc_table_prefetch(self->pairs, keys, n, hashes);
   for (uint32_t i = 0; i < n && rc == NM_OK; i++) {
      struct step *step = &steps[i];
      step->hash = hashes[i];
      switch (step->action) {
      case ADD: rc = add_probe(m, step); break;
      case REFUSE: rc = refuse(m, step); break;
      case ANSWER: i += answer(self, step) && i + 1 < n && steps[i + 1].unless_answer; break;
      case USE: use(self, step); break;
      case CLASSIC: rc = classic(m, step); break;
      }
   }
   return rc;
}

static bool is_tcp(const void *key)
{
   return ((const struct pair_key *) key)->protocol == PROTOCOL_TCP;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct vportscan *self = nm_self(m);
   struct step steps[STEPS + 1];
   probers_refresh(&self->probers, self->pairs, is_tcp);
   return probers_records(m, &self->probers, &self->format, recs, n,
                          &(const struct probers_steps){.steps = steps,
                                                        .size = sizeof(*steps),
                                                        .most = STEPS,
                                                        .classic = self->classic ? PROBE_MAX_PACKETS : 0,
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
   struct vportscan *self = nm_self(expiry->m);
   struct scan *scan = (struct scan *) ((char *) timer - offsetof(struct scan, timer));
   if (microseconds(scan->pair->last) + NM_SECONDS(REST_SECONDS) > expiry->now) {
      watch(self, scan->pair); /* there were more probes since */
   } else if (expiry->rc == NM_OK) {
      expiry->rc = report_rest(expiry->m, scan->pair, nc_table_key(self->scans, scan));
   }
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   struct expiry expiry = {.m = m, .now = microseconds(stream_time), .rc = NM_OK};
   nc_wheel_advance(((struct vportscan *) nm_self(m))->timers, expiry.now, expired, &expiry);
   return expiry.rc;
}

static int finish(nm_module_t *m)
{
   uint32_t cursor = 0;
   const void *key;
   void *value;
   int rc = NM_OK;
   while (rc == NM_OK && nc_table_next(((struct vportscan *) nm_self(m))->scans, &cursor, &key, &value)) {
      rc = report_rest(m, ((struct scan *) value)->pair, key);
   }
   return rc;
}

NM_MODULE("vportscan_detector",
          "Detects vertical scans: one source that probes many TCP or UDP ports of one target.",
          .in = NM_INPUTS({.name = "flows",
                           .fields = FLOW_FIELDS ",uint16 SRC_PORT",
                           .optional = "uint32 PACKETS_REV,uint8 TCP_FLAGS_REV,uint64 BYTES"}),
          .out = NM_OUTPUTS({.name = "alerts",
                             .fields = ALERT,
                             .format = NM_CHOSEN,
                             .added = NM_ADDED({DETAILS}),
                             .timeout = NM_NO_WAIT}),
          .options = options, .state_size = sizeof(struct vportscan), .tick_every = NM_SECONDS(TICK_SECONDS),
          .init = init, .format = format, .records = records, .tick = tick, .finish = finish,
          .cleanup = cleanup)
