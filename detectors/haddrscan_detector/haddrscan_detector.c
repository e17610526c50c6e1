/* SPDX-License-Identifier: BSD-3-Clause */
/** haddrscan_detector: one source probes one port, or a few, of many hosts. The method is described in README.md. */
#include <nemea-common/nc_wheel.h>
#include <nemea/module.h>

#include "fields.h"

#include "../common/flow.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, time TIME_FIRST, time TIME_LAST, uint32 PACKETS, uint32 PACKETS_REV,
          uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint8 TCP_FLAGS, uint8 TCP_FLAGS_REV,
          uint8 EVENT_TYPE, uint32 ADDR_CNT, uint32 ADDR_THRSD, ipaddr DST_IP0, ipaddr DST_IP1,
          ipaddr DST_IP2, ipaddr DST_IP3)

#define EVENT_ADDRSCAN 1
#define SAMPLES        4
#define FULL_WEIGHT    2 /* of a certain probe; an uncertain one counts half */
#define ALL_PORTS      0 /* in place of a port: what a source does on all TCP ports together */
#define TOP_PORTS      8
#define HOSTS_A_LIST   8 /* capacity of the set of hosts per list */
#define WHEEL_BUCKETS  1024
#define EXIT_OPTION    255

struct list_key {
   ip_addr_t src;
   uint16_t port, protocol;
};

/* Hosts that one source probed on one port (or on all ports). The hosts themselves are in self->hosts. */
struct list {
   nc_timer_t timer; /* set once an alert was sent: the rest is reported when the source falls silent */
   ur_time_t first, last;
   uint64_t id; /* of this round, 0: empty; hosts of earlier rounds have other ids and are evicted in time */
   uint32_t n;  /* hosts */
   uint32_t points; /* their weights */
   uint32_t used;   /* connections with data, each to another host than the one before, or answered probes */
   uint16_t src_port;  /* of the first probe */
   bool src_ports;     /* there are others */
   uint32_t elsewhere; /* ALL_PORTS: hosts probed on other than the top ports */
   uint32_t top_hosts[TOP_PORTS];
   uint16_t top_ports[TOP_PORTS];
   ip_addr_t used_host;
   ip_addr_t samples[SAMPLES];
};

struct host_key {
   uint64_t id;
   ip_addr_t host;
};

struct haddrscan {
   uint32_t threshold;      /* options */
   uint16_t idle, interval; /* seconds */
   nc_table_t *lists;       /* list_key -> struct list */
   bool classic;            /* the kinds and counts of NEMEA 2 */

   struct flow_format format;
   nc_table_t *hosts; /* host_key -> uint8_t, its weight */
   nc_wheel_t *timers;
   uint64_t last_id, probes;
};

static void evicted(void *context, const void *key, void *value)
{
   (void) context, (void) key;
   nc_wheel_cancel(&((struct list *) value)->timer);
}

/* Capacity of the set of probed hosts. */
static uint64_t max_hosts(nm_module_t *m)
{
   return (uint64_t) nc_table_capacity(((struct haddrscan *) nm_self(m))->lists) * HOSTS_A_LIST;
}

static const nm_option_t options[] = {
    NM_U32('n', "numaddrs-threshold", struct haddrscan, threshold, 50, 0, UINT32_MAX / 8,
           "Number of hosts probed on one port that makes a scan (at least 2)."),
    NM_U16('d', "idle-threshold", struct haddrscan, idle, 900, 0, UINT16_MAX,
           "Forget a source on a port after this many seconds without a probe (at least 1)."),
    NM_U16('p', "pruning-interval", struct haddrscan, interval, 60, 0, UINT16_MAX,
           "Interval of looking for idle sources, seconds (at least 1)."),
    NM_TABLE('c', "capacity", struct haddrscan, lists, "pairs of source and port", struct list_key,
             struct list, 65536, .evicted = evicted),
    NM_TABLE_OF(struct haddrscan, hosts, "hosts", struct host_key, uint8_t, max_hosts),
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
   if (self->timers == NULL) {
      return nm_fail(m, "out of memory");
   }
   nm_counter(m, "probes", &self->probes);
   return NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   (void) input;
   flow_format_set(&((struct haddrscan *) nm_self(m))->format, nm_in(m));
   return NM_OK;
}

static struct list_key make_key(const ip_addr_t *src, uint16_t port, uint8_t protocol)
{
   struct list_key key = {.port = port, .protocol = protocol};
   memcpy(&key.src, src, sizeof(key.src)); /* addresses in records are not aligned */
   return key;
}

static void clear(struct list *list)
{
   nc_wheel_cancel(&list->timer);
   memset(list, 0, sizeof(*list));
}

/* Alerts of ALL_PORTS lists name the port on which most hosts were probed. */
static uint16_t main_port(const struct list *list)
{
   unsigned best = 0;
   for (unsigned i = 1; i < TOP_PORTS; i++) {
      if (list->top_hosts[i] > list->top_hosts[best]) {
         best = i;
      }
   }
   return list->top_ports[best];
}

static int send_alert(nm_module_t *m, const struct list_key *key, const struct list *list, uint32_t threshold)
{
   void *alert = nm_alert(m, NULL);
   nm_set(m, alert, F_EVENT_TYPE, EVENT_ADDRSCAN);
   nm_set(m, alert, F_TIME_FIRST, list->first);
   nm_set(m, alert, F_TIME_LAST, list->last);
   nm_set(m, alert, F_SRC_IP, key->src);
   nm_set(m, alert, F_DST_PORT, key->port == ALL_PORTS ? main_port(list) : key->port);
   nm_set(m, alert, F_PROTOCOL, (uint8_t) key->protocol);
   nm_set(m, alert, F_ADDR_CNT, list->n);
   nm_set(m, alert, F_ADDR_THRSD, threshold);
   nm_set(m, alert, F_DST_IP0, list->samples[0]);
   nm_set(m, alert, F_DST_IP1, list->samples[1]);
   nm_set(m, alert, F_DST_IP2, list->samples[2]);
   nm_set(m, alert, F_DST_IP3, list->samples[3]);
   return nm_send(m, alert);
}

/* A source that was reported has stopped: report the rest, if it is large enough. */
static int report_rest(nm_module_t *m, struct list *list)
{
   struct haddrscan *self = nm_self(m);
   const struct list_key *key = nc_table_key(self->lists, list);
   uint32_t threshold = key->port == ALL_PORTS ? 2 * self->threshold : self->threshold;
   int rc = list->n > 1 && 2 * (uint64_t) list->n >= threshold ? send_alert(m, key, list, threshold) : NM_OK;
   clear(list);
   return rc;
}

static uint64_t microseconds(ur_time_t t)
{
   return NM_SECONDS(ur_time_get_sec(t)) + ur_time_get_usec(t);
}

/* Sends the alert of a complete list and clears the list. */
static int report(nm_module_t *m, const struct list_key *key, struct list *list, uint32_t threshold)
{
   struct haddrscan *self = nm_self(m);
   /* A source that reaches as many hosts as it misses uses the service: mail servers, peer-to-peer. Answers to UDP probes come
    * from hosts that are up whether the asker means well or not, so they weigh more. */
   bool ordinary = key->protocol == PROTOCOL_UDP ? list->used > list->n / 2 : list->used >= list->n;
   int rc = ordinary ? NM_OK : send_alert(m, key, list, threshold);
   ur_time_t last = list->last;
   clear(list);
   if (!ordinary) {
      list->last = last;
      nc_wheel_set(self->timers, &list->timer, microseconds(last) + NM_SECONDS(self->idle));
   }
   return rc;
}

/* Adds a host that is not in the list yet; gives false if it is. */
static bool add_host(struct haddrscan *self, struct list *list, const struct flow *f, uint8_t points)
{
   if (list->id == 0) {
      list->id = ++self->last_id;
      list->first = f->first;
      list->last = f->last;
      list->src_port = f->src_port;
   }
   list->src_ports |= f->src_port != list->src_port;
   list->first = f->first < list->first ? f->first : list->first;
   list->last = f->last > list->last ? f->last : list->last;
   struct host_key key = {.id = list->id};
   memcpy(&key.host, f->dst, sizeof(key.host));
   bool is_new;
   uint8_t *weight = nc_table_upsert(self->hosts, &key, &is_new);
   if (!is_new) {
      return false;
   }
   *weight = points;
   if (list->n < SAMPLES) {
      list->samples[list->n] = key.host;
   }
   list->n++;
   list->points += points;
   return true;
}

static void add_port(struct list *list, uint16_t port)
{
   for (unsigned i = 0; i < TOP_PORTS; i++) {
      if (list->top_ports[i] == port || list->top_hosts[i] == 0) {
         list->top_ports[i] = port;
         list->top_hosts[i]++;
         return;
      }
   }
   list->elsewhere++;
}

/* The list of a key, emptied if the source was silent for long. */
static int open_list(nm_module_t *m, const struct list_key *key, const struct flow *f, struct list **list)
{
   struct haddrscan *self = nm_self(m);
   *list = nc_table_upsert(self->lists, key, NULL);
   if ((*list)->last != 0 && f->first > (*list)->last && (f->first - (*list)->last) >> 32 >= self->idle) {
      return report_rest(m, *list);
   }
   return NM_OK;
}

/* Sweeps over a few ports at once (23 and 2323, ...) may stay below the threshold on each of them. */
static int add_to_all_ports(nm_module_t *m, const struct flow *f, bool reported)
{
   struct haddrscan *self = nm_self(m);
   struct list_key key = make_key(f->src, ALL_PORTS, PROTOCOL_TCP);
   struct list *list;
   int rc = open_list(m, &key, f, &list);
   if (rc != NM_OK || reported) {
      clear(list); /* these hosts are reported */
      return rc;
   }
   if (add_host(self, list, f, FULL_WEIGHT)) {
      add_port(list, f->dst_port);
   }
   /* Peer-to-peer fails on as many ports as there are peers. */
   bool few_ports = list->elsewhere <= list->n / 4;
   return list->n >= 2 * self->threshold && few_ports ? report(m, &key, list, 2 * self->threshold) : NM_OK;
}

static int add_probe(nm_module_t *m, const struct flow *f, uint8_t points)
{
   struct haddrscan *self = nm_self(m);
   struct list_key key = make_key(f->src, f->dst_port, f->protocol);
   struct list *list;
   int rc = open_list(m, &key, f, &list);
   self->probes++;
   if (rc == NM_OK) {
      add_host(self, list, f, points);
   }
   bool slow = f->protocol == PROTOCOL_TCP && self->format.src_port && !list->src_ports &&
               !nc_timer_is_set(&list->timer) && slow_scan(list->first, list->last, list->n, self->threshold);
   bool complete = list->points >= FULL_WEIGHT * self->threshold || (slow && list->n > 1);
   if (rc == NM_OK && complete) {
      rc = report(m, &key, list, self->threshold);
   }
   return rc == NM_OK && f->protocol == PROTOCOL_TCP ? add_to_all_ports(m, f, complete) : rc;
}

/* A connection with data counts in favour of its source. */
static void use(struct haddrscan *self, const struct flow *f, uint16_t port)
{
   struct list_key key = make_key(f->src, port, f->protocol);
   struct list *list = nc_table_peek(self->lists, &key);
   if (list != NULL && memcmp(&list->used_host, f->dst, sizeof(ip_addr_t)) != 0) {
      memcpy(&list->used_host, f->dst, sizeof(ip_addr_t));
      list->used++;
   }
}

static int tcp(nm_module_t *m, const struct flow *f)
{
   struct haddrscan *self = nm_self(m);
   switch (flow_probe(f)) {
   case PROBE_SYN: return add_probe(m, f, f->packets <= 1 ? FULL_WEIGHT : 1);
   case PROBE_RETRIED: return add_probe(m, f, 1);
   case PROBE_REFUSED:
   case PROBE_HALF:
   case PROBE_STEALTH: return add_probe(m, f, FULL_WEIGHT);
   case PROBE_EMPTY: return NM_OK; /* monitoring of services does that, too */
   case PROBE_NONE: break;
   }
   if (flow_is_use(f)) {
      use(self, f, f->dst_port);
      use(self, f, ALL_PORTS);
   }
   return NM_OK;
}

/* Removes a host that answered from the list of the source that probed it. */
static bool answers(struct haddrscan *self, const struct flow *f)
{
   struct list_key key = make_key(f->dst, f->src_port, f->protocol);
   struct list *list = nc_table_peek(self->lists, &key);
   if (list == NULL || list->id == 0) {
      return false;
   }
   struct host_key host = {.id = list->id};
   memcpy(&host.host, f->src, sizeof(host.host));
   uint8_t *weight = nc_table_find(self->hosts, &host);
   if (weight == NULL) {
      return false;
   }
   if (*weight > 0) {
      list->points -= *weight;
      list->n--;
      list->used++;
      *weight = 0;
   }
   return true;
}

static int udp(nm_module_t *m, const struct flow *f)
{
   struct haddrscan *self = nm_self(m);
   if (answers(self, f)) {
      return NM_OK;
   }
   if (f->packets_rev > 0) {
      use(self, f, f->dst_port);
      return NM_OK;
   }
   bool probe = f->packets <= PROBE_MAX_PACKETS && f->dst_port != 0 && !flow_is_answer(f);
   return probe ? add_probe(m, f, 1) : NM_OK;
}

/* As NEMEA 2: no other kinds of probes, nothing that speaks for the source, and no alerts below the threshold. */
static int classic(nm_module_t *m, const struct flow *f)
{
   struct haddrscan *self = nm_self(m);
   struct list_key key = make_key(f->src, f->dst_port, f->protocol);
   struct list *list = nc_table_upsert(self->lists, &key, NULL);
   self->probes++;
   if (list->last != 0 && f->first > list->last && (f->first - list->last) >> 32 >= self->idle) {
      clear(list);
   }
   add_host(self, list, f, FULL_WEIGHT);
   if (list->n < self->threshold) {
      return NM_OK;
   }
   int rc = send_alert(m, &key, list, self->threshold);
   clear(list);
   return rc;
}

static int record(nm_module_t *m, const void *rec)
{
   struct haddrscan *self = nm_self(m);
   struct flow f = flow_read(m, rec, &self->format);
   if (self->classic) {
      return flow_is_classic_probe(m, rec, &f) && f.packets == 1 ? classic(m, &f) : NM_OK;
   }
   switch (f.protocol) {
   case PROTOCOL_TCP: return tcp(m, &f);
   case PROTOCOL_UDP: return self->format.src_port ? udp(m, &f) : NM_OK;
   default: return NM_OK;
   }
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
   struct list *list = (struct list *) ((char *) timer - offsetof(struct list, timer));
   uint64_t silent = microseconds(list->last) + NM_SECONDS(self->idle);
   if (silent > expiry->now) { /* it has sent more probes since */
      nc_wheel_set(self->timers, timer, silent);
   } else if (expiry->rc == NM_OK) {
      expiry->rc = report_rest(expiry->m, list);
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
      if (nc_timer_is_set(&((struct list *) value)->timer)) {
         rc = report_rest(m, value);
      }
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct haddrscan *self = nm_self(m);
   nc_wheel_free(self->timers);
}

NM_MODULE("haddrscan_detector",
          "Detects horizontal scans: one source that probes one TCP or UDP port, or a few, of many hosts.",
          .input = FLOW_FIELDS,
          .output =
              "uint8 EVENT_TYPE,time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,uint16 DST_PORT,uint8 PROTOCOL,"
              "uint32 ADDR_CNT,uint32 ADDR_THRSD,ipaddr DST_IP0,ipaddr DST_IP1,ipaddr DST_IP2,ipaddr DST_IP3",
          .options = options, .state_size = sizeof(struct haddrscan), .send_timeout = NM_NO_WAIT,
          .tick_every = NM_SECONDS(1), .check = check, .init = init, .format = format, .record = record,
          .tick = tick, .finish = finish, .cleanup = cleanup)
