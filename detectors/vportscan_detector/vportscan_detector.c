/* SPDX-License-Identifier: BSD-3-Clause */
/** vportscan_detector: one source probes many ports of one target. The method is described in README.md. */
#include <nemea/module.h>

#include "fields.h"

#include "../common/flow.h"
#include "../common/sources.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, time TIME_FIRST, time TIME_LAST, uint32 PACKETS, uint32 PACKETS_REV,
          uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint8 TCP_FLAGS, uint8 TCP_FLAGS_REV,
          uint8 EVENT_TYPE, uint32 PORT_CNT)

#define EVENT_PORTSCAN 1
#define LIST_EXTRA     14 /* ports beyond the threshold that a list holds; see complete() */
#define LIST_BLOCK     8
#define MAX_THRESHOLD  1024

/* Traceroute counts UDP ports up from here, three a hop, and gets its answers from hosts other than the target. */
#define TRACEROUTE_FIRST 33434
#define TRACEROUTE_LAST  33689

/* What is known of a probed port. */
enum port_mark {
   PORT_ONCE = 1,    /* probed an odd number of times */
   PORT_CERTAIN = 2, /* refused, by flags of no connection, low UDP port: counts twice */
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

struct pair {
   ur_time_t first, last; /* of the flows in the list */
   ur_time_t counted;     /* of the first flow since no port of the list counted */
   uint32_t points;       /* weight of the ports in the list */
   uint32_t used;         /* connections with data, each on another port than the one before */
   uint16_t n;            /* ports in the list */
   uint16_t marked;       /* those of them that count */
   bool reported;         /* an alert was sent: further ones need more ports */
   uint16_t used_port;
   uint16_t src_port;     /* of the first probe */
   bool src_ports;        /* there are others */
   struct block blocks[]; /* self->list_size ports */
};

struct vportscan {
   uint32_t threshold, idle; /* options; idle in seconds */
   nc_table_t *pairs;        /* pair_key -> struct pair */
   bool classic;             /* the kinds and counts of NEMEA 2 */

   struct flow_format format;
   struct sources sources; /* of pairs */
   uint16_t list_size;
   uint64_t probes;
};

/* Bytes of a pair with its list. */
static uint32_t pair_bytes(nm_module_t *m)
{
   struct vportscan *self = nm_self(m);
   self->list_size = (uint16_t) ((self->threshold + LIST_EXTRA + LIST_BLOCK - 1) / LIST_BLOCK * LIST_BLOCK);
   return (uint32_t) (sizeof(struct pair) + self->list_size / LIST_BLOCK * sizeof(struct block));
}

static const nm_option_t options[] = {
    NM_U32('n', "numports-threshold", struct vportscan, threshold, 50, 2, MAX_THRESHOLD,
           "Number of ports of one target that makes a scan (half as many if they were refused)."),
    NM_U32('d', "idle-threshold", struct vportscan, idle, 43200, 1, 31536000,
           "Forget a pair of source and target after this many seconds without a probe."),
    NM_TABLE('c', "capacity", struct vportscan, pairs, "pairs of source and target", struct pair_key,
             struct pair, 65536, .value_bytes = pair_bytes, .cleared = sizeof(struct pair)),
    NM_FLAG(0, "classic", struct vportscan, classic,
            "Report what NEMEA 2 reports: TCP SYN scans, in alerts of exactly numports-threshold ports."),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct vportscan *self = nm_self(m);
   nm_counter(m, "probes", &self->probes);
   return sources_open(&self->sources, self->pairs) ? NM_OK : nm_fail(m, "out of memory");
}

static void cleanup(nm_module_t *m)
{
   sources_close(&((struct vportscan *) nm_self(m))->sources);
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

static void clear(struct pair *pair)
{
   memset(pair, 0, sizeof(*pair));
}

static uint16_t *port_at(struct pair *pair, uint16_t i)
{
   return &pair->blocks[i / LIST_BLOCK].ports[i % LIST_BLOCK];
}

static uint8_t *mark_at(struct pair *pair, uint16_t i)
{
   return &pair->blocks[i / LIST_BLOCK].marks[i % LIST_BLOCK];
}

/* Index of the port in the list, or its length. */
static uint16_t find_port(const struct pair *pair, uint16_t port)
{
   const struct block *block = pair->blocks;
   for (uint16_t first = 0; first < pair->n; first += LIST_BLOCK, block++) {
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
static void add_port(struct pair *pair, uint16_t port)
{
   *port_at(pair, pair->n) = port;
   *mark_at(pair, pair->n) = 0;
   pair->n++;
}

static uint32_t weight(uint8_t mark)
{
   return mark & PORT_CERTAIN ? 2 : mark & PORT_ONCE;
}

static void mark_port(struct pair *pair, uint16_t i, uint8_t mark)
{
   uint8_t *old = mark_at(pair, i);
   pair->points += weight(mark) - weight(*old);
   pair->marked = (uint16_t) (pair->marked + (mark != 0) - (*old != 0));
   *old = mark;
}

static void drop_port(struct pair *pair, uint16_t i)
{
   mark_port(pair, i, 0);
   pair->n--;
   *port_at(pair, i) = *port_at(pair, pair->n);
   *mark_at(pair, i) = *mark_at(pair, pair->n);
}

/* A list is complete when its points reach the threshold, or when it is full: a scanner that repeats each probe has
 * many ports but few points. After the first alert no port counts twice: speed no longer matters. */
static bool complete(const struct vportscan *self, const struct pair *pair, uint8_t protocol)
{
   if (self->classic) {
      return pair->marked >= self->threshold;
   }
   if (protocol == PROTOCOL_TCP && !pair->reported && !pair->src_ports &&
       slow_scan(pair->first, pair->last, pair->marked, self->threshold)) {
      return true;
   }
   return (pair->reported ? pair->marked : pair->points) >= self->threshold || pair->n == self->list_size;
}

/* Reports a complete list and clears it. The ports are those of the probe that completed it. */
static int report(nm_module_t *m, struct pair *pair, const struct pair_key *key, uint16_t src_port,
                  uint16_t dst_port)
{
   struct vportscan *self = nm_self(m);
   int rc = NM_OK;
   bool reported = pair->reported, all = pair->n == self->list_size; /* of a full list all ports count */
   /* Passive FTP, peer-to-peer: a source that also reaches half as many ports as it misses uses them. */
   if (2 * pair->used < pair->n) {
      void *alert = nm_alert(m, NULL);
      nm_set(m, alert, F_EVENT_TYPE, EVENT_PORTSCAN);
      nm_set(m, alert, F_TIME_FIRST, all ? pair->first : pair->counted);
      nm_set(m, alert, F_TIME_LAST, pair->last);
      nm_set(m, alert, F_SRC_IP, key->src);
      nm_set(m, alert, F_DST_IP, key->dst);
      nm_set(m, alert, F_SRC_PORT, src_port);
      nm_set(m, alert, F_DST_PORT, dst_port);
      nm_set(m, alert, F_PROTOCOL, (uint8_t) key->protocol);
      nm_set(m, alert, F_PORT_CNT, all ? pair->n : pair->marked);
      rc = nm_send(m, alert);
      reported = true;
   }
   ur_time_t last = pair->last;
   clear(pair);
   pair->reported = reported;
   pair->last = last;
   return rc;
}

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
   uint16_t src_port, dst_port;
   uint8_t action;     /* enum action */
   bool certain;       /* ADD */
   bool unless_answer; /* another step of the flow of the step before */
};

#define STEPS NC_TABLE_BATCH

/* The pair of a flow that probes, emptied if it was silent for long; times and ports include the flow. */
static struct pair *open_pair(struct vportscan *self, const struct step *step)
{
   struct pair *pair = nc_table_upsert_hashed(self->pairs, &step->key, step->hash, NULL);
   self->probes++;
   if (pair->last != 0 && step->first > pair->last && (step->first - pair->last) >> 32 >= self->idle) {
      clear(pair);
   }
   if (pair->n == 0 || step->first < pair->first) {
      pair->first = step->first;
   }
   if (pair->marked == 0 || step->first < pair->counted) {
      pair->counted = step->first;
   }
   if (pair->n == 0 || step->last > pair->last) {
      pair->last = step->last;
   }
   if (pair->n == 0) {
      pair->src_port = step->src_port;
   }
   pair->src_ports |= step->src_port != pair->src_port;
   return pair;
}

/* Adds a probe of the flow's destination port. */
static int add_probe(nm_module_t *m, const struct step *step)
{
   struct vportscan *self = nm_self(m);
   struct pair *pair = open_pair(self, step);
   uint16_t i = find_port(pair, step->dst_port);
   if (i == pair->n) {
      add_port(pair, step->dst_port);
   }
   uint8_t mark = *mark_at(pair, i);
   mark_port(pair, i, step->certain ? mark | PORT_CERTAIN : mark ^ PORT_ONCE);
   return complete(self, pair, (uint8_t) step->key.protocol)
              ? report(m, pair, &step->key, step->src_port, step->dst_port)
              : NM_OK;
}

/* The target refuses a probe that is in the list. */
static int refuse(nm_module_t *m, const struct step *step)
{
   struct vportscan *self = nm_self(m);
   struct pair *pair = nc_table_find_hashed(self->pairs, &step->key, step->hash);
   uint16_t i = pair != NULL ? find_port(pair, step->src_port) : 0;
   if (pair == NULL || i == pair->n) {
      return NM_OK;
   }
   mark_port(pair, i, *mark_at(pair, i) | PORT_CERTAIN);
   bool all = complete(self, pair, (uint8_t) step->key.protocol);
   return all ? report(m, pair, &step->key, step->dst_port, step->src_port) : NM_OK;
}

/* \return true: a probe of UDP was answered, in a record of its own */
static bool answer(struct vportscan *self, const struct step *step)
{
   struct pair *pair = nc_table_find_hashed(self->pairs, &step->key, step->hash);
   uint16_t i = pair != NULL ? find_port(pair, step->src_port) : 0;
   if (pair == NULL || i == pair->n) {
      return false;
   }
   drop_port(pair, i);
   pair->used++;
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
   struct vportscan *self = nm_self(m);
   struct pair *pair = open_pair(self, step);
   uint16_t i = find_port(pair, step->dst_port);
   if (i < pair->n) {
      drop_port(pair, i);
      return NM_OK;
   }
   add_port(pair, step->dst_port);
   mark_port(pair, i, PORT_ONCE);
   return complete(self, pair, (uint8_t) step->key.protocol)
              ? report(m, pair, &step->key, step->src_port, step->dst_port)
              : NM_OK;
}

static uint32_t put(struct step *step, enum action action, const struct flow *f, bool certain)
{
   const bool back = action == REFUSE || action == ANSWER;
   step->key = make_key(back ? f->dst : f->src, back ? f->src : f->dst, f->protocol);
   step->first = f->first;
   step->last = f->last;
   step->src_port = f->src_port;
   step->dst_port = f->dst_port;
   step->action = (uint8_t) action;
   step->certain = certain;
   step->unless_answer = false;
   return 1;
}

static uint32_t put_probe(struct vportscan *self, struct step *step, enum action action, const struct flow *f,
                          bool certain)
{
   sources_add(&self->sources, f->src);
   return put(step, action, f, certain);
}

/* UDP has no flags: a probe is a small flow without an answer, in the same record or in one of its own. */
static uint32_t sort_udp(struct vportscan *self, struct step *steps, const struct flow *f)
{
   uint32_t n = sources_may_have(&self->sources, f->dst) ? put(steps, ANSWER, f, false) : 0;
   bool trace = f->dst_port >= TRACEROUTE_FIRST && f->dst_port <= TRACEROUTE_LAST;
   if (f->packets_rev > 0 || f->packets > PROBE_MAX_PACKETS || f->dst_port == 0 || flow_is_answer(f) ||
       trace) {
      return n;
   }
   /* Peer-to-peer and games do not use ports below 1024. */
   put_probe(self, steps + n, ADD, f, f->dst_port < 1024);
   steps[n].unless_answer = n > 0;
   return n + 1;
}

/* The steps of a record, two at most. \return how many */
static uint32_t sort_out(struct vportscan *self, struct step *steps, const void *rec)
{
   const struct flow_format *format = &self->format;
   if (self->classic) {
      if (!flow_is_classic_probe(rec, format, PROBE_MAX_PACKETS)) {
         return 0;
      }
      struct flow f = flow_read(rec, format);
      return put_probe(self, steps, CLASSIC, &f, true);
   }
   if (flow_record_is_use(rec, format)) {
      if (!sources_may_have(&self->sources, UR_AT_(rec, format->at[F_SRC_IP]))) {
         return 0;
      }
      struct flow f = flow_read(rec, format);
      return put(steps, USE, &f, false);
   }
   struct flow f = flow_read(rec, format);
   if (f.protocol == PROTOCOL_UDP) {
      return sort_udp(self, steps, &f);
   }
   enum probe probe = flow_probe(&f);
   if (probe != PROBE_NONE && probe != PROBE_RETRIED) {
      return put_probe(self, steps, ADD, &f, probe == PROBE_REFUSED || probe == PROBE_STEALTH);
   }
   return flow_is_refusal(&f) && sources_may_have(&self->sources, f.dst) ? put(steps, REFUSE, &f, true) : 0;
}

static int do_steps(nm_module_t *m, struct step *steps, uint32_t n)
{
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

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct vportscan *self = nm_self(m);
   struct step steps[STEPS + 1];
   uint32_t waiting = 0;
   int rc = NM_OK;
   sources_refresh(&self->sources, self->pairs);
   for (uint32_t i = 0; i < n && rc == NM_OK; i++) {
      waiting += sort_out(self, &steps[waiting], recs[i].data);
      if (waiting >= STEPS) {
         rc = do_steps(m, steps, waiting);
         waiting = 0;
      }
   }
   return rc == NM_OK ? do_steps(m, steps, waiting) : rc;
}

NM_MODULE("vportscan_detector",
          "Detects vertical scans: one source that probes many TCP or UDP ports of one target.",
          .input = FLOW_FIELDS ",uint16 SRC_PORT",
          .output =
              "uint8 EVENT_TYPE,time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,"
              "uint16 DST_PORT,uint8 PROTOCOL,uint32 PORT_CNT",
          .options = options, .state_size = sizeof(struct vportscan), .send_timeout = NM_NO_WAIT,
          .init = init, .format = format, .records = records, .cleanup = cleanup)
