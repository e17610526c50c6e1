/* SPDX-License-Identifier: BSD-3-Clause */
/** haddrscan_detector: one source probes one port, or a few, of many hosts. The method is described in README.md. */
#include <nemea-common/nc_wheel.h>
#include <nemea/module.h>

#include "fields.h"

#include "../common/flow.h"
#include "../common/sources.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, time TIME_FIRST, time TIME_LAST, uint32 PACKETS, uint32 PACKETS_REV,
          uint64 BYTES, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint8 TCP_FLAGS,
          uint8 TCP_FLAGS_REV, uint8 EVENT_TYPE, uint32 ADDR_CNT, uint32 ADDR_THRSD, ipaddr DST_IP0,
          ipaddr DST_IP1, ipaddr DST_IP2, ipaddr DST_IP3)

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
   uint32_t port, protocol; /* of a size that tables hash fast */
};

/* Hosts that one source probed on one port (or on all ports): the first ones here, all others in self->hosts. */
struct list {
   nc_timer_t timer; /* set once an alert was sent: the rest is reported when the source falls silent */
   ur_time_t first, last;
   uint64_t id; /* of this round, 0: empty; hosts of earlier rounds have other ids and are evicted in time */
   uint32_t n;  /* hosts that did not answer */
   uint32_t points; /* their weights */
   uint32_t used;   /* connections with data, each to another host than the one before, or answered probes */
   uint32_t elsewhere; /* ALL_PORTS: hosts probed on other than the top ports */
   uint32_t used_host; /* hash of that host; 0: none */
   uint16_t src_port;  /* of the first probe */
   bool src_ports;     /* there are others */
   bool more;          /* hosts in self->hosts */
   uint8_t n_top, n_near;
   uint8_t weights[SAMPLES];                            /* 0: the host answered */
   ip_addr_t near[SAMPLES];                             /* also what alerts name */
   uint16_t top_ports[TOP_PORTS], top_hosts[TOP_PORTS]; /* ALL_PORTS */
};

#define LIST_HEAD offsetof(struct list, near) /* what a new list needs to be zero */

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
   struct sources sources; /* of lists */
   nc_table_t *hosts;      /* host_key -> uint8_t, its weight */
   nc_wheel_t *timers;
   uint64_t last_id, probes;
};

/* What is to do for a flow. Flows are sorted out first, then the tables fetch what all steps look at, then they are done. */
enum action {
   ADD,     /* a probe */
   ANSWER,  /* UDP: an answer to a probe, and then the next step is left out if it is of the same flow */
   USE,     /* a connection with data */
   CLASSIC, /* a probe, as NEMEA 2 */
};

#define LISTS 2 /* of a step: of the port and, of TCP, of all ports */
#define STEPS (NC_TABLE_BATCH / LISTS)

struct step {
   struct list_key keys[LISTS];
   uint64_t hashes[LISTS];
   uint64_t ids[LISTS], host_hashes[LISTS]; /* of the lists as far as known, and of the host in them */
   const ip_addr_t *host;                   /* in the record: probed, used, or the one that answers */
   ur_time_t first, last;                   /* of the flow */
   uint16_t src_port;                       /* the same */
   uint8_t action;                          /* enum action */
   uint8_t points;                          /* ADD, CLASSIC */
   uint8_t n_lists;
   bool unless_answer; /* another step of the flow of the step before */
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
             struct list, 65536, .evicted = evicted, .cleared = LIST_HEAD),
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
   if (self->timers == NULL || !sources_open(&self->sources, self->lists)) {
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

static struct list_key make_key(const ip_addr_t *src, uint32_t port, uint32_t protocol)
{
   struct list_key key = {.port = port, .protocol = protocol};
   memcpy(&key.src, src, sizeof(key.src)); /* addresses in records are not aligned */
   return key;
}

static void clear(struct list *list)
{
   nc_wheel_cancel(&list->timer);
   memset(list, 0, LIST_HEAD);
}

/* Alerts of ALL_PORTS lists name the port on which most hosts were probed. */
static uint16_t main_port(const struct list *list)
{
   unsigned best = 0;
   for (unsigned i = 1; i < list->n_top; i++) {
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
   nm_set(m, alert, F_DST_PORT, key->port == ALL_PORTS ? main_port(list) : (uint16_t) key->port);
   nm_set(m, alert, F_PROTOCOL, (uint8_t) key->protocol);
   nm_set(m, alert, F_ADDR_CNT, list->n);
   nm_set(m, alert, F_ADDR_THRSD, threshold);
   ip_addr_t samples[SAMPLES] = {{{0}}};
   for (unsigned i = 0, n = 0; i < list->n_near; i++) {
      if (list->weights[i] > 0) {
         samples[n++] = list->near[i];
      }
   }
   nm_set(m, alert, F_DST_IP0, samples[0]);
   nm_set(m, alert, F_DST_IP1, samples[1]);
   nm_set(m, alert, F_DST_IP2, samples[2]);
   nm_set(m, alert, F_DST_IP3, samples[3]);
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

/* ------------------------------------------------------------------------ hosts */

static bool is_same(const ip_addr_t *a, const ip_addr_t *b)
{
   return memcmp(a, b, sizeof(*a)) == 0;
}

/* Index of the host among the first ones of a list, or their number. */
static unsigned find_near(const struct list *list, const ip_addr_t *host)
{
   unsigned i = 0;
   while (i < list->n_near && !is_same(&list->near[i], host)) {
      i++;
   }
   return i;
}

static struct host_key host_key(const struct list *list, const ip_addr_t *host)
{
   struct host_key key = {.id = list->id};
   memcpy(&key.host, host, sizeof(key.host));
   return key;
}

/* A host that answered gives its place among the first ones to another. \return false: none did */
static bool give_place(struct haddrscan *self, struct list *list, const ip_addr_t *host, uint8_t points)
{
   for (unsigned i = 0; i < SAMPLES; i++) {
      if (list->weights[i] == 0) {
         struct host_key key = host_key(list, &list->near[i]);
         *(uint8_t *) nc_table_upsert(self->hosts, &key, NULL) = 0;
         list->more = true;
         memcpy(&list->near[i], host, sizeof(*host));
         list->weights[i] = points;
         return true;
      }
   }
   return false;
}

/* \return false: the list has the host already. which: number of the list in the step */
static bool put_host(struct haddrscan *self, struct list *list, const struct step *step, unsigned which)
{
   const ip_addr_t *host = step->host;
   if (find_near(list, host) < list->n_near) {
      return false;
   }
   if (list->n_near < SAMPLES) {
      memcpy(&list->near[list->n_near], host, sizeof(*host));
      list->weights[list->n_near++] = step->points;
      return true;
   }
   struct host_key key = host_key(list, host);
   uint64_t hash = step->ids[which] == list->id ? step->host_hashes[which] : nc_hash(&key, sizeof(key));
   if (memchr(list->weights, 0, SAMPLES) != NULL) {
      return nc_table_find_hashed(self->hosts, &key, hash) == NULL &&
             give_place(self, list, host, step->points);
   }
   bool is_new;
   uint8_t *weight = nc_table_upsert_hashed(self->hosts, &key, hash, &is_new);
   *weight = is_new ? step->points : *weight;
   list->more = true;
   return is_new;
}

/* Adds a host that is not in the list yet; gives false if it is. */
static bool add_host(struct haddrscan *self, struct list *list, const struct step *step, unsigned which)
{
   if (list->id == 0) {
      list->id = ++self->last_id;
      list->first = step->first;
      list->last = step->last;
      list->src_port = step->src_port;
   }
   list->src_ports |= step->src_port != list->src_port;
   list->first = step->first < list->first ? step->first : list->first;
   list->last = step->last > list->last ? step->last : list->last;
   if (!put_host(self, list, step, which)) {
      return false;
   }
   list->n++;
   list->points += step->points;
   return true;
}

static void add_port(struct list *list, uint16_t port)
{
   unsigned i = 0;
   while (i < list->n_top && list->top_ports[i] != port) {
      i++;
   }
   if (i == TOP_PORTS) {
      list->elsewhere++;
      return;
   }
   if (i == list->n_top) {
      list->top_ports[list->n_top++] = port;
      list->top_hosts[i] = 0;
   }
   list->top_hosts[i] += list->top_hosts[i] < UINT16_MAX;
}

/* ------------------------------------------------------------------------ steps */

/* The list of a key, emptied if the source was silent for long. */
static int open_list(nm_module_t *m, const struct step *step, unsigned which, struct list **list)
{
   struct haddrscan *self = nm_self(m);
   *list = nc_table_upsert_hashed(self->lists, &step->keys[which], step->hashes[which], NULL);
   ur_time_t first = step->first, last = (*list)->last;
   return last != 0 && first > last && (first - last) >> 32 >= self->idle ? report_rest(m, *list) : NM_OK;
}

/* Sweeps over a few ports at once (23 and 2323, ...) may stay below the threshold on each of them. */
static int add_to_all_ports(nm_module_t *m, const struct step *step, bool reported)
{
   struct haddrscan *self = nm_self(m);
   struct list *list;
   int rc = open_list(m, step, 1, &list);
   if (rc != NM_OK || reported) {
      clear(list); /* these hosts are reported */
      return rc;
   }
   if (add_host(self, list, step, 1)) {
      add_port(list, (uint16_t) step->keys[0].port);
   }
   /* Peer-to-peer fails on as many ports as there are peers. */
   bool few_ports = list->elsewhere <= list->n / 4;
   return list->n >= 2 * self->threshold && few_ports ? report(m, &step->keys[1], list, 2 * self->threshold)
                                                      : NM_OK;
}

static int add_probe(nm_module_t *m, const struct step *step)
{
   struct haddrscan *self = nm_self(m);
   const bool tcp = step->keys[0].protocol == PROTOCOL_TCP;
   struct list *list;
   int rc = open_list(m, step, 0, &list);
   self->probes++;
   if (rc == NM_OK) {
      add_host(self, list, step, 0);
   }
   bool slow = tcp && self->format.src_port && !list->src_ports && !nc_timer_is_set(&list->timer) &&
               slow_scan(list->first, list->last, list->n, self->threshold);
   bool complete = list->points >= FULL_WEIGHT * self->threshold || (slow && list->n > 1);
   if (rc == NM_OK && complete) {
      rc = report(m, &step->keys[0], list, self->threshold);
   }
   return rc == NM_OK && tcp ? add_to_all_ports(m, step, complete) : rc;
}

/* A connection with data counts in favour of its source. */
static void use(const struct haddrscan *self, const struct step *step)
{
   uint64_t word[2];
   memcpy(word, step->host, sizeof(word));
   uint32_t host = (uint32_t) (nc_hash_words(word, 2) >> 32) | 1;
   for (unsigned i = 0; i < step->n_lists; i++) {
      struct list *list = nc_table_peek_hashed(self->lists, &step->keys[i], step->hashes[i]);
      if (list != NULL && list->used_host != host) {
         list->used_host = host;
         list->used++;
      }
   }
}

/* Takes a host that answered off the list of the source that probed it. */
static bool answer(struct haddrscan *self, const struct step *step)
{
   struct list *list = nc_table_peek_hashed(self->lists, &step->keys[0], step->hashes[0]);
   if (list == NULL || list->id == 0) {
      return false;
   }
   unsigned i = find_near(list, step->host);
   uint8_t *weight = i < list->n_near ? &list->weights[i] : NULL;
   if (weight == NULL && list->more) {
      struct host_key key = host_key(list, step->host);
      weight = nc_table_find(self->hosts, &key);
   }
   if (weight != NULL && *weight > 0) {
      list->points -= *weight;
      list->n--;
      list->used++;
      *weight = 0;
   }
   return weight != NULL;
}

/* As NEMEA 2: no other kinds of probes, nothing that speaks for the source, and no alerts below the threshold. */
static int classic(nm_module_t *m, const struct step *step)
{
   struct haddrscan *self = nm_self(m);
   struct list *list = nc_table_upsert_hashed(self->lists, &step->keys[0], step->hashes[0], NULL);
   self->probes++;
   if (list->last != 0 && step->first > list->last && (step->first - list->last) >> 32 >= self->idle) {
      clear(list);
   }
   add_host(self, list, step, 0);
   if (list->n < self->threshold) {
      return NM_OK;
   }
   int rc = send_alert(m, &step->keys[0], list, self->threshold);
   clear(list);
   return rc;
}

/* Fetches the hosts that steps look for in lists of more than the first ones. */
static void fetch_hosts(struct haddrscan *self, struct step *steps, uint32_t n)
{
   struct host_key hosts[LISTS * STEPS + LISTS];
   const void *keys[LISTS * STEPS + LISTS];
   uint64_t hashes[LISTS * STEPS + LISTS], *hash_of[LISTS * STEPS + LISTS];
   uint32_t wanted = 0;
   for (uint32_t i = 0; i < n; i++) {
      struct step *step = &steps[i];
      for (unsigned k = 0; k < step->n_lists; k++) {
         const struct list *list = step->action == ADD || step->action == CLASSIC
                                       ? nc_table_peek_hashed(self->lists, &step->keys[k], step->hashes[k])
                                       : NULL;
         step->ids[k] = 0;
         if (list != NULL && list->n_near == SAMPLES) {
            step->ids[k] = list->id;
            hosts[wanted] = host_key(list, step->host);
            keys[wanted] = &hosts[wanted];
            hash_of[wanted++] = &step->host_hashes[k];
         }
      }
   }
   nc_table_prefetch(self->hosts, keys, wanted, hashes);
   for (uint32_t i = 0; i < wanted; i++) {
      *hash_of[i] = hashes[i];
   }
}

static int do_steps(nm_module_t *m, struct step *steps, uint32_t n)
{
   struct haddrscan *self = nm_self(m);
   const void *keys[LISTS * STEPS + LISTS];
   uint64_t hashes[LISTS * STEPS + LISTS];
   uint32_t n_keys = 0;
   int rc = NM_OK;
   for (uint32_t i = 0; i < n; i++) {
      for (unsigned k = 0; k < steps[i].n_lists; k++) {
         keys[n_keys++] = &steps[i].keys[k];
      }
   }
   nc_table_prefetch(self->lists, keys, n_keys, hashes);
   n_keys = 0;
   for (uint32_t i = 0; i < n; i++) {
      for (unsigned k = 0; k < steps[i].n_lists; k++) {
         steps[i].hashes[k] = hashes[n_keys++];
      }
   }
   fetch_hosts(self, steps, n);
   for (uint32_t i = 0; i < n && rc == NM_OK; i++) {
      const struct step *step = &steps[i];
      switch (step->action) {
      case ADD: rc = add_probe(m, step); break;
      case ANSWER: i += answer(self, step) && i + 1 < n && steps[i + 1].unless_answer; break;
      case USE: use(self, step); break;
      case CLASSIC: rc = classic(m, step); break;
      }
   }
   return rc;
}

/* ---------------------------------------------------------------------- sorting */

static uint32_t put(struct haddrscan *self, struct step *step, enum action action, const struct flow *f,
                    uint8_t points)
{
   const bool answer = action == ANSWER;
   const ip_addr_t *source = answer ? f->dst : f->src;
   step->keys[0] = make_key(source, answer ? f->src_port : f->dst_port, f->protocol);
   step->n_lists = 1;
   if (f->protocol == PROTOCOL_TCP && action != CLASSIC) {
      step->keys[step->n_lists++] = make_key(source, ALL_PORTS, PROTOCOL_TCP);
   }
   step->host = answer ? f->src : f->dst;
   step->first = f->first;
   step->last = f->last;
   step->src_port = f->src_port;
   step->action = (uint8_t) action;
   step->points = points;
   step->unless_answer = false;
   if (action == ADD || action == CLASSIC) {
      sources_add(&self->sources, source);
   }
   return 1;
}

static uint32_t sort_tcp(struct haddrscan *self, struct step *step, const struct flow *f)
{
   switch (flow_probe(f)) {
   case PROBE_SYN: return put(self, step, ADD, f, f->packets <= 1 ? FULL_WEIGHT : 1);
   case PROBE_RETRIED: return put(self, step, ADD, f, 1);
   case PROBE_REFUSED:
   case PROBE_HALF:
   case PROBE_STEALTH: return put(self, step, ADD, f, FULL_WEIGHT);
   case PROBE_EMPTY: /* monitoring of services does that, too */
   case PROBE_NONE: break;
   }
   return 0;
}

static uint32_t sort_udp(struct haddrscan *self, struct step *steps, const struct flow *f)
{
   uint32_t n = sources_may_have(&self->sources, f->dst) ? put(self, steps, ANSWER, f, 0) : 0;
   bool used = f->packets_rev > 0;
   bool more = used ? sources_may_have(&self->sources, f->src)
                    : f->packets <= PROBE_MAX_PACKETS && f->dst_port != 0 && !flow_is_answer(f);
   if (more) {
      put(self, &steps[n], used ? USE : ADD, f, 1);
      steps[n].unless_answer = n > 0;
   }
   return n + more;
}

/* The steps of a record, two at most. \return how many */
static uint32_t sort_out(struct haddrscan *self, struct step *steps, const void *rec)
{
   const struct flow_format *format = &self->format;
   const bool use = !self->classic && flow_record_is_use(rec, format);
   if (use ? !sources_may_have(&self->sources, UR_AT_(rec, format->at[F_SRC_IP]))
           : self->classic && !flow_is_classic_probe(rec, format, 1)) {
      return 0;
   }
   struct flow f = flow_read(rec, format);
   if (use) {
      return put(self, steps, USE, &f, 0);
   }
   if (self->classic) {
      return f.packets == 1 ? put(self, steps, CLASSIC, &f, FULL_WEIGHT) : 0;
   }
   switch (f.protocol) {
   case PROTOCOL_TCP: return sort_tcp(self, steps, &f);
   case PROTOCOL_UDP: return format->src_port ? sort_udp(self, steps, &f) : 0;
   default: return 0;
   }
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct haddrscan *self = nm_self(m);
   struct step steps[STEPS + 1];
   uint32_t waiting = 0;
   int rc = NM_OK;
   sources_refresh(&self->sources, self->lists);
   for (uint32_t i = 0; i < n && rc == NM_OK; i++) {
      waiting += sort_out(self, &steps[waiting], recs[i].data);
      if (waiting >= STEPS) {
         rc = do_steps(m, steps, waiting);
         waiting = 0;
      }
   }
   return rc == NM_OK ? do_steps(m, steps, waiting) : rc;
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
   sources_close(&self->sources);
}

NM_MODULE("haddrscan_detector",
          "Detects horizontal scans: one source that probes one TCP or UDP port, or a few, of many hosts.",
          .input = FLOW_FIELDS,
          .output =
              "uint8 EVENT_TYPE,time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,uint16 DST_PORT,uint8 PROTOCOL,"
              "uint32 ADDR_CNT,uint32 ADDR_THRSD,ipaddr DST_IP0,ipaddr DST_IP1,ipaddr DST_IP2,ipaddr DST_IP3",
          .options = options, .state_size = sizeof(struct haddrscan), .send_timeout = NM_NO_WAIT,
          .tick_every = NM_SECONDS(1), .check = check, .init = init, .format = format, .records = records,
          .tick = tick, .finish = finish, .cleanup = cleanup)
