/* SPDX-License-Identifier: BSD-3-Clause */
/** vportscan_detector: one source probes many ports of one target. The method is described in README.md. */
#include <nemea/module.h>

#include "fields.h"

#include "../common/flow.h"

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

struct pair_key {
   ip_addr_t src, dst;
   uint32_t protocol; /* as wide as the key's alignment: no padding */
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
   uint16_t src_port; /* of the first probe */
   bool src_ports;    /* there are others */
   uint16_t ports[];  /* self->list_size ports, then as many bytes of enum port_mark */
};

struct vportscan {
   uint32_t threshold, idle; /* options; idle in seconds */
   nc_table_t *pairs;        /* pair_key -> struct pair */
   bool classic;             /* the kinds and counts of NEMEA 2 */

   struct flow_format format;
   uint16_t list_size;
   uint64_t probes;
};

/* Bytes of a pair with its list. */
static uint32_t pair_bytes(nm_module_t *m)
{
   struct vportscan *self = nm_self(m);
   self->list_size = (uint16_t) ((self->threshold + LIST_EXTRA + LIST_BLOCK - 1) / LIST_BLOCK * LIST_BLOCK);
   return (uint32_t) (sizeof(struct pair) + self->list_size * (sizeof(uint16_t) + sizeof(uint8_t)));
}

static const nm_option_t options[] = {
    NM_U32('n', "numports-threshold", struct vportscan, threshold, 50, 2, MAX_THRESHOLD,
           "Number of ports of one target that makes a scan (half as many if they were refused)."),
    NM_U32('d', "idle-threshold", struct vportscan, idle, 43200, 1, 31536000,
           "Forget a pair of source and target after this many seconds without a probe."),
    NM_TABLE('c', "capacity", struct vportscan, pairs, "pairs of source and target", struct pair_key,
             struct pair, 65536, .value_bytes = pair_bytes),
    NM_FLAG(0, "classic", struct vportscan, classic,
            "Report what NEMEA 2 reports: TCP SYN scans, in alerts of exactly numports-threshold ports."),
    NM_END,
};

static int init(nm_module_t *m)
{
   nm_counter(m, "probes", &((struct vportscan *) nm_self(m))->probes);
   return NM_OK;
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

static void clear(const struct vportscan *self, struct pair *pair)
{
   memset(pair, 0, sizeof(*pair) + self->list_size * (sizeof(uint16_t) + sizeof(uint8_t)));
}

static uint8_t *marks(const struct vportscan *self, struct pair *pair)
{
   return (uint8_t *) (pair->ports + self->list_size);
}

/* Index of the port in the list, or its length. */
static uint16_t find_port(const struct pair *pair, uint16_t port)
{
   for (uint16_t block = 0; block < pair->n; block += LIST_BLOCK) {
      uint16_t hits =
          0; /* all ports of a block are compared at once: the compiler makes it one instruction */
      for (uint16_t i = 0; i < LIST_BLOCK; i++) {
         hits |= (uint16_t) ((pair->ports[block + i] == port) << i);
      }
      if (hits != 0) {
         uint16_t i = (uint16_t) (block + __builtin_ctz(hits));
         return i < pair->n ? i : pair->n;
      }
   }
   return pair->n;
}

static uint32_t weight(uint8_t mark)
{
   return mark & PORT_CERTAIN ? 2 : mark & PORT_ONCE;
}

/* Toggles marks of a port. */
static void mark_port(const struct vportscan *self, struct pair *pair, uint16_t i, uint8_t mark)
{
   uint8_t *all = marks(self, pair);
   pair->points += weight(mark) - weight(all[i]);
   pair->marked = (uint16_t) (pair->marked + (mark != 0) - (all[i] != 0));
   all[i] = mark;
}

static void drop_port(const struct vportscan *self, struct pair *pair, uint16_t i)
{
   mark_port(self, pair, i, 0);
   pair->n--;
   pair->ports[i] = pair->ports[pair->n];
   marks(self, pair)[i] = marks(self, pair)[pair->n];
   marks(self, pair)[pair->n] = 0;
}

/* The pair of a flow in the other direction, if it is known. */
static struct pair *opposite(struct vportscan *self, const struct flow *f)
{
   struct pair_key key = make_key(f->dst, f->src, f->protocol);
   return nc_table_find(self->pairs, &key);
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

/* Reports a complete list and clears it. f: the probe that completed it. */
static int report(nm_module_t *m, struct pair *pair, const struct flow *f)
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
      nm_set(m, alert, F_SRC_IP, *f->src);
      nm_set(m, alert, F_DST_IP, *f->dst);
      nm_set(m, alert, F_SRC_PORT, f->src_port);
      nm_set(m, alert, F_DST_PORT, f->dst_port);
      nm_set(m, alert, F_PROTOCOL, f->protocol);
      nm_set(m, alert, F_PORT_CNT, all ? pair->n : pair->marked);
      rc = nm_send(m, alert);
      reported = true;
   }
   ur_time_t last = pair->last;
   clear(self, pair);
   pair->reported = reported;
   pair->last = last;
   return rc;
}

/* The pair of a flow that probes, emptied if it was silent for long; times and ports include the flow. */
static struct pair *open_pair(struct vportscan *self, const struct flow *f)
{
   struct pair_key key = make_key(f->src, f->dst, f->protocol);
   struct pair *pair = nc_table_upsert(self->pairs, &key, NULL);
   self->probes++;
   if (pair->last != 0 && f->first > pair->last && (f->first - pair->last) >> 32 >= self->idle) {
      clear(self, pair);
   }
   if (pair->n == 0 || f->first < pair->first) {
      pair->first = f->first;
   }
   if (pair->marked == 0 || f->first < pair->counted) {
      pair->counted = f->first;
   }
   if (pair->n == 0 || f->last > pair->last) {
      pair->last = f->last;
   }
   if (pair->n == 0) {
      pair->src_port = f->src_port;
   }
   pair->src_ports |= f->src_port != pair->src_port;
   return pair;
}

/* Adds a probe of the flow's destination port. */
static int add_probe(nm_module_t *m, const struct flow *f, bool certain)
{
   struct vportscan *self = nm_self(m);
   struct pair *pair = open_pair(self, f);
   uint16_t i = find_port(pair, f->dst_port);
   if (i == pair->n) {
      pair->ports[pair->n++] = f->dst_port;
   }
   uint8_t mark = marks(self, pair)[i];
   mark_port(self, pair, i, certain ? mark | PORT_CERTAIN : mark ^ PORT_ONCE);
   return complete(self, pair, f->protocol) ? report(m, pair, f) : NM_OK;
}

/* The target refuses a probe that is in the list. */
static int refuse(nm_module_t *m, const struct flow *f)
{
   struct vportscan *self = nm_self(m);
   struct pair *pair = opposite(self, f);
   uint16_t i = pair != NULL ? find_port(pair, f->src_port) : 0;
   if (pair == NULL || i == pair->n) {
      return NM_OK;
   }
   mark_port(self, pair, i, marks(self, pair)[i] | PORT_CERTAIN);
   if (!complete(self, pair, f->protocol)) {
      return NM_OK;
   }
   struct flow probe = *f;
   probe.src = f->dst;
   probe.dst = f->src;
   probe.src_port = f->dst_port;
   probe.dst_port = f->src_port;
   return report(m, pair, &probe);
}

/* As NEMEA 2: a port that is probed again leaves the list. */
static int classic(nm_module_t *m, const struct flow *f)
{
   struct vportscan *self = nm_self(m);
   struct pair *pair = open_pair(self, f);
   uint16_t i = find_port(pair, f->dst_port);
   if (i < pair->n) {
      drop_port(self, pair, i);
      return NM_OK;
   }
   pair->ports[pair->n++] = f->dst_port;
   mark_port(self, pair, i, PORT_ONCE);
   return complete(self, pair, f->protocol) ? report(m, pair, f) : NM_OK;
}

static int tcp(nm_module_t *m, const struct flow *f)
{
   struct vportscan *self = nm_self(m);
   enum probe probe = flow_probe(f);
   if (probe != PROBE_NONE && probe != PROBE_RETRIED) {
      return add_probe(m, f, probe == PROBE_REFUSED || probe == PROBE_STEALTH);
   }
   if (flow_is_refusal(f)) {
      return refuse(m, f);
   }
   if (flow_is_use(f)) {
      struct pair_key key = make_key(f->src, f->dst, f->protocol);
      struct pair *pair = nc_table_peek(self->pairs, &key);
      if (pair != NULL && pair->used_port != f->dst_port) {
         pair->used_port = f->dst_port;
         pair->used++;
      }
   }
   return NM_OK;
}

/* UDP has no flags: a probe is a small flow without an answer, in the same record or in one of its own. */
static int udp(nm_module_t *m, const struct flow *f)
{
   struct vportscan *self = nm_self(m);
   struct pair *answered = opposite(self, f);
   if (answered != NULL) {
      uint16_t i = find_port(answered, f->src_port);
      if (i < answered->n) {
         drop_port(self, answered, i);
         answered->used++;
         return NM_OK;
      }
   }
   bool trace = f->dst_port >= TRACEROUTE_FIRST && f->dst_port <= TRACEROUTE_LAST;
   if (f->packets_rev > 0 || f->packets > PROBE_MAX_PACKETS || f->dst_port == 0 || flow_is_answer(f) ||
       trace) {
      return NM_OK;
   }
   return add_probe(m, f, f->dst_port < 1024); /* peer-to-peer and games do not use these ports */
}

static int record(nm_module_t *m, const void *rec)
{
   struct vportscan *self = nm_self(m);
   struct flow f = flow_read(m, rec, &self->format);
   if (self->classic) {
      return flow_is_classic_probe(m, rec, &f) ? classic(m, &f) : NM_OK;
   }
   switch (f.protocol) {
   case PROTOCOL_TCP: return tcp(m, &f);
   case PROTOCOL_UDP: return udp(m, &f);
   default: return NM_OK;
   }
}

NM_MODULE("vportscan_detector",
          "Detects vertical scans: one source that probes many TCP or UDP ports of one target.",
          .input = FLOW_FIELDS ",uint16 SRC_PORT",
          .output =
              "uint8 EVENT_TYPE,time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,"
              "uint16 DST_PORT,uint8 PROTOCOL,uint32 PORT_CNT",
          .options = options, .state_size = sizeof(struct vportscan), .send_timeout = NM_NO_WAIT,
          .init = init, .format = format, .record = record)
