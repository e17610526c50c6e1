/* SPDX-License-Identifier: BSD-3-Clause */
/** Lists of the hosts that a source probed on one port, and on all of them, and their alerts. */
#include "haddrscan.h"

#include <endian.h>

bool list_is_watched(const struct haddrscan *self, const struct list *list)
{
   return list->reported && nc_timer_is_set(&list_rest(self, list)->timer);
}

void list_unwatch(const struct haddrscan *self, const struct list *list)
{
   if (list->reported) {
      nc_wheel_cancel(&list_rest(self, list)->timer);
   }
}

void list_clear(const struct haddrscan *self, struct list *list)
{
   list_unwatch(self, list);
   memset(list, 0, LIST_HEAD);
}

/* Alerts of ALL_PORTS lists name the port on which most hosts were probed. */
static uint16_t main_port(const struct haddrscan *self, const struct list *list)
{
   const struct list_rest *rest = list_rest(self, list);
   unsigned best = 0;
   for (unsigned i = 1; i < list->n_top; i++) {
      if (rest->top[i].hosts > rest->top[best].hosts) {
         best = i;
      }
   }
   return list->n_top > 0 ? rest->top[best].port : 0;
}

static struct sketch *find_sketch(const struct haddrscan *self, const struct list *list)
{
   return self->details && list->reported ? nc_table_find(self->sketches, &list->id) : NULL;
}

/* Hosts of a list since the last alert. \param[out] error in %: 0 if each was counted once */
static uint32_t new_hosts(const struct haddrscan *self, const struct list *list, uint8_t *error)
{
   const struct sketch *sketch = find_sketch(self, list);
   *error = 0;
   if (sketch == NULL || sketch->evicted == nc_table_stats(self->hosts)->evicted) {
      return list->n;
   }
   *error = SKETCH_ERROR;
   double all = sketch->base + nc_hll_count(sketch->registers, SKETCH_P);
   uint32_t more = all > sketch->told ? (uint32_t) (all - sketch->told) : 0;
   return more < list->n ? more : list->n;
}

static void set_details(nm_module_t *m, void *alert, const struct list *list, const struct list *all,
                        enum rule rule)
{
   uint8_t error;
   uint32_t hosts = new_hosts(nm_self(m), list, &error);
   nm_set(m, alert, F_ADDR_CNT, hosts);
   nm_set(m, alert, F_HOSTS_NEW, all != NULL ? new_hosts(nm_self(m), all, &error) : hosts);
   nm_set(m, alert, F_HOSTS_ERROR, error);
   nm_set(m, alert, F_HOSTS_REFUSED, list->refused);
   nm_set(m, alert, F_HOSTS_OPEN, list->open);
   nm_set(m, alert, F_HOSTS_USED, list->used);
   nm_set(m, alert, F_PACKETS, list->packets);
   nm_set(m, alert, F_BYTES, list->bytes);
   nm_set(m, alert, F_SCAN_RULE, (uint8_t) rule);
}

int list_send_alert(nm_module_t *m, const struct list_key *key, struct list *list, const struct list *all,
                    uint32_t threshold, enum rule rule)
{
   const struct haddrscan *self = nm_self(m);
   const uint8_t protocol = key_protocol(key);
   const bool icmp = protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
   void *alert = nm_alert(m, NULL);
   nm_set(m, alert, F_EVENT_TYPE, EVENT_ADDRSCAN);
   nm_set(m, alert, F_TIME_FIRST, list->first);
   nm_set(m, alert, F_TIME_LAST, list->last);
   nm_set(m, alert, F_SRC_IP, key->src);
   nm_set(m, alert, F_DST_PORT,
          icmp                         ? 0
          : key_port(key) == ALL_PORTS ? main_port(self, list)
                                       : key_port(key));
   nm_set(m, alert, F_PROTOCOL, protocol);
   nm_set(m, alert, F_ADDR_CNT, list->n);
   nm_set(m, alert, F_ADDR_THRSD, threshold);
   ip_addr_t samples[SAMPLES] = {{{0}}};
   for (unsigned i = 0, n = 0; i < list->n_near; i++) {
      if (list->weights[i] > 0) {
         samples[n++] = *list_near(self, list, i);
      }
   }
   nm_set(m, alert, F_DST_IP0, samples[0]);
   nm_set(m, alert, F_DST_IP1, samples[1]);
   nm_set(m, alert, F_DST_IP2, samples[2]);
   nm_set(m, alert, F_DST_IP3, samples[3]);
   if (self->details) {
      set_details(m, alert, list, all, list->reported ? RULE_NONE : rule);
   }
   return nm_send(m, alert);
}

/* After an alert: the hosts stay known, and the next alert is of others. */
static void restart(struct haddrscan *self, struct list *list)
{
   struct sketch *sketch = find_sketch(self, list);
   uint8_t error;
   uint32_t told = new_hosts(self, list, &error);
   for (unsigned i = 0; i < list->n_near; i++) {
      struct host_key key = host_key_of(list, list_near(self, list, i));
      *(uint8_t *) nc_table_upsert(self->hosts, &key, NULL) = list->weights[i];
   }
   if (sketch != NULL) {
      sketch->told += told;
   } else if (self->details && !list->reported) {
      sketch = nc_table_upsert(self->sketches, &list->id, NULL);
      sketch->evicted = nc_table_stats(self->hosts)->evicted;
      sketch->base = sketch->told = told;
   }
   struct list_rest *rest = list_rest(self, list);
   if (!list->reported) {
      rest->timer = (nc_timer_t){.next = NULL};
   }
   rest->told = list->last;
   list->reported = list->more = true;
   list->first = 0;
   list->bytes = list->packets = list->n = list->points = list->refused = list->open = list->used = 0;
   list->elsewhere = list->neighbours = 0;
   list->n_top = list->n_near = 0;
   memset(list->weights, 0, sizeof(list->weights));
}

/* The list of all ports that belongs to the list of a port; NULL: there is none. */
static struct list *all_ports(const struct haddrscan *self, struct list *list, const struct list_key *key)
{
   struct list_key all = *key;
   all.service = service_of(ALL_PORTS, key_protocol(key));
   return key_port(key) == ALL_PORTS ? list : nc_table_peek(self->lists, &all);
}

int list_report_rest(nm_module_t *m, struct list *list)
{
   struct haddrscan *self = nm_self(m);
   const struct list_key *key = nc_table_key(self->lists, list);
   uint32_t threshold = key_port(key) == ALL_PORTS ? 2 * self->threshold : self->threshold;
   bool worth = self->details ? list->packets > 0 && (list->n > 0 || list->last > list_rest(self, list)->told)
                              : list->n > 1 && 2 * (uint64_t) list->n >= threshold;
   if (!worth) {
      return NM_OK;
   }
   struct list *all = all_ports(self, list, key);
   int rc = list_send_alert(m, key, list, all, threshold, RULE_NONE);
   restart(self, list);
   if (all != NULL && all != list && all->id != 0) {
      restart(self, all);
   }
   return rc;
}

void list_watch(struct haddrscan *self, struct list *list, uint64_t now)
{
   uint64_t silent = microseconds(list->last) + NM_SECONDS(self->idle), soon = now + NM_SECONDS(REST_SECONDS);
   nc_wheel_set(self->timers, &list_rest(self, list)->timer, self->details && soon < silent ? soon : silent);
}

int list_report(nm_module_t *m, const struct list_key *key, struct list *list, struct list *all,
                uint32_t threshold, enum rule rule)
{
   struct haddrscan *self = nm_self(m);
   /* A source that reaches as many hosts as it misses uses the service: mail servers, peer-to-peer. Answers to UDP probes come
    * from hosts that are up whether the asker means well or not, so they weigh more. */
   bool ordinary = key_protocol(key) == PROTOCOL_UDP ? list->used > list->n / 2 : list->used >= list->n;
   if (ordinary) {
      list_clear(self, list);
      if (all != NULL) {
         list_clear(self, all);
      }
      return NM_OK;
   }
   int rc = list_send_alert(m, key, list, all, threshold, rule);
   restart(self, list);
   list_watch(self, list, microseconds(list->last));
   if (all != NULL && all != list) {
      restart(self, all);
   }
   return rc;
}

/* ------------------------------------------------------------------------ hosts */

unsigned list_find_near(const struct haddrscan *self, struct list *list, const ip_addr_t *host)
{
   const unsigned n = list->n_near;
   if (n == 0 || memcmp(&list->near0, host, sizeof(*host)) == 0) {
      return 0;
   }
   const ip_addr_t *near = list_rest(self, list)->near;
   unsigned i = 1;
   while (i < n && memcmp(&near[i - 1], host, sizeof(*host)) != 0) {
      i++;
   }
   return i;
}

/* Of as many first hosts as there may be. */
static bool some_answered(const struct list *list)
{
   bool answered = false;
   for (unsigned i = 0; i < SAMPLES; i++) {
      answered |= list->weights[i] == 0;
   }
   return answered;
}

/* A host that answered gives its place among the first ones to another. \return false: none did */
static bool give_place(struct haddrscan *self, struct list *list, const ip_addr_t *host, uint8_t points)
{
   for (unsigned i = 0; i < SAMPLES; i++) {
      if (list->weights[i] == 0) {
         struct host_key key = host_key_of(list, list_near(self, list, i));
         *(uint8_t *) nc_table_upsert(self->hosts, &key, NULL) = 0;
         list->more = true;
         memcpy(list_near(self, list, i), host, sizeof(*host));
         list->weights[i] = points;
         return true;
      }
   }
   return false;
}

/* An address as a number, so that neighbours are told; of IPv6 the interface identifier. */
static uint64_t number_of(const ip_addr_t *host)
{
   ip_addr_t ip;
   memcpy(&ip, host, sizeof(ip));
   return ip_is4(&ip) ? ip_get_v4_as_int(&ip) : be64toh(ip.ui64[1]);
}

/* \return false: the list has the host already. which: number of the list in the step */
static bool put_host(struct haddrscan *self, struct list *list, const struct step *step, unsigned which)
{
   const ip_addr_t *host = step->host;
   if (list_find_near(self, list, host) < list->n_near) {
      return false;
   }
   const struct host_key key = host_key_of(list, host);
   uint8_t *guess = NULL;
   uint64_t hash = 0;
   if (list->more || list->n_near == SAMPLES) {
      const bool known = step->ids[which] == list->id;
      hash = known ? step->host_hashes[which] : nc_hash(&key, sizeof(key));
      guess = known ? step->weights[which] : NULL;
   }
   const bool room = list->n_near < SAMPLES;
   if ((room && list->more) || (!room && some_answered(list))) {
      if (nc_table_find_hashed(self->hosts, &key, hash) != NULL) {
         return false;
      }
      if (!room) {
         return give_place(self, list, host, step->points);
      }
   }
   if (room) {
      memcpy(list_near(self, list, list->n_near), host, sizeof(*host));
      list->weights[list->n_near++] = step->points;
      return true;
   }
   bool is_new;
   uint8_t *weight = nc_table_upsert_guessed(self->hosts, &key, hash, guess, &is_new);
   *weight = is_new ? step->points : *weight;
   list->more = true;
   return is_new;
}

bool list_add_host(struct haddrscan *self, struct list *list, const struct step *step, unsigned which)
{
   if (list->id == 0) {
      list->id = ++self->last_id;
      list->last = step->last;
      list->src_port = step->src_port;
   }
   list->src_ports |= step->src_port != list->src_port;
   list->first = step->first < list->first || list->first == 0 ? step->first : list->first;
   list->last = step->last > list->last ? step->last : list->last;
   list->packets += step->packets;
   list->bytes += step->bytes;
   if (!put_host(self, list, step, which)) {
      return false;
   }
   struct sketch *sketch = find_sketch(self, list);
   if (sketch != NULL) {
      nc_hll_add(sketch->registers, SKETCH_P, nc_hash(step->host, sizeof(*step->host)));
   }
   if (step->search) {
      uint64_t number = number_of(step->host);
      list->neighbours += list->n > 0 && number - list->newest + NEIGHBOUR <= 2 * NEIGHBOUR;
      list->newest = number;
   }
   list->n++;
   list->points += step->points;
   list->refused += step->probe == PROBE_REFUSED;
   list->open += step->probe == PROBE_HALF;
   return true;
}

void list_add_port(const struct haddrscan *self, struct list *list, uint16_t port)
{
   struct list_rest *rest = list_rest(self, list);
   unsigned i = 0;
   while (i < list->n_top && rest->top[i].port != port) {
      i++;
   }
   if (i == TOP_PORTS) {
      list->elsewhere++;
      return;
   }
   if (i == list->n_top) {
      rest->top[i].port = port;
      rest->top[i].hosts = 0;
      list->n_top++;
   }
   rest->top[i].hosts += rest->top[i].hosts < UINT16_MAX;
}

int list_end(nm_module_t *m, struct list *list)
{
   const struct haddrscan *self = nm_self(m);
   int rc = list_is_watched(self, list) ? list_report_rest(m, list) : NM_OK; /* else it was never reported */
   list_clear(self, list);
   return rc;
}
