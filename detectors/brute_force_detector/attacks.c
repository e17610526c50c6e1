/* SPDX-License-Identifier: BSD-3-Clause */
/** Which hosts attack, and the alerts about them. */
#include "brute.h"
#include "fields.h"

#include <nemea-common/nc_hash.h>
#include <stdlib.h>
#include <string.h>

#define WARDEN_TYPE_BRUTE_FORCE 2
#define LIST_BOTTOM             50  /* flows; longer lists need a share of them to be matched */
#define NOTE_VICTIMS            500 /* of each direction in a NOTE, so that a record holds them */
#define DELAYED_LONGEST         120 /* seconds */
#define NOTE_SIZE               (2 * NOTE_VICTIMS * INET6_ADDRSTRLEN + 64)

/* Shortest log-in that the server delayed, in tenths of a second. sshd and most other servers wait two seconds or more before they refuse
 * a password, FTP servers one; those of RDP show the log-in screen first. */
static const uint8_t delay[SERVICES] = {[SSH] = 20, [RDP] = 20, [TELNET] = 20, [FTP] = 10};

const char *attack_fields(const struct brute *self)
{
   return self->details ? ATTACK_FIELDS ATTACK_DETAILS : ATTACK_FIELDS;
}

static bool over(ur_time_t since, uint32_t seconds, ur_time_t now)
{
   return since + ((ur_time_t) seconds << 32) <= now;
}

/* ------------------------------------------------------------------- alerts */

static int compare_ip(const void *a, const void *b)
{
   return memcmp(a, b, sizeof(ip_addr_t));
}

static int compare_text(const void *a, const void *b)
{
   return strcmp(a, b);
}

/* The victims of matched flows, each once. \param[out] most that of most flows \return their number */
static uint32_t victims_of(const struct brute *self, const struct list *list, ip_addr_t *to, ip_addr_t *most)
{
   uint32_t n = 0, distinct = 0, flows = 0, most_flows = 0;
   struct queue_cursor c = queue_begin(&list->entries);
   for (const struct entry *e; (e = queue_next(&self->pool, &list->entries, &c)) != NULL;) {
      if (e->matched) {
         to[n++] = e->victim;
      }
   }
   qsort(to, n, sizeof(*to), compare_ip);
   for (uint32_t i = 0; i < n; i++) {
      bool same = distinct > 0 && compare_ip(&to[i], &to[distinct - 1]) == 0;
      flows = same ? flows + 1 : 1;
      if (!same) {
         to[distinct++] = to[i];
      }
      if (flows > most_flows) {
         most_flows = flows;
         *most = to[i];
      }
   }
   return distinct;
}

/* "10.0.0.1,10.0.0.2," in the order of the texts. \return characters written */
static size_t write_victims(struct brute *self, const ip_addr_t *victims, uint32_t n, char *to)
{
   static char texts[NOTE_VICTIMS][INET6_ADDRSTRLEN];
   size_t length = 0;
   uint32_t shown = n < NOTE_VICTIMS ? n : NOTE_VICTIMS;
   for (uint32_t i = 0; i < shown; i++) {
      ip_to_str(&victims[i], texts[i]);
   }
   qsort(texts, shown, sizeof(texts[0]), compare_text);
   for (uint32_t i = 0; i < shown; i++) {
      length += (size_t) sprintf(to + length, "%s,", texts[i]);
   }
   if (shown < n) {
      self->omitted += n - shown;
      length += (size_t) sprintf(to + length, "...,");
   }
   return length;
}

static void set_details(nm_module_t *m, void *alert, const struct host *h, ip_addr_t victim, uint32_t n,
                        ur_time_t now)
{
   const struct brute *self = nm_self(m);
   nm_set(m, alert, F_DST_IP, victim);
   nm_set(m, alert, F_ADDR_CNT, n);
   nm_set(m, alert, F_TIME_FIRST, h->first_matched != 0 ? h->first_matched : now);
   nm_set(m, alert, F_TIME_LAST, h->last_matched != 0 ? h->last_matched : now);
   nm_set(m, alert, F_PACKETS, h->packets);
   nm_set(m, alert, F_BYTES, h->bytes);
   nm_set_string(m, 0, alert, F_SERVICE, service_names[host_service(self, h)]);
}

static int report(nm_module_t *m, const struct host *h, uint32_t scale, ur_time_t now)
{
   static char note[NOTE_SIZE];
   struct brute *self = nm_self(m);
   size_t matched = (size_t) h->list[INCOMING].matched + h->list[OUTGOING].matched, length = 0;
   ip_addr_t most = {0}, *victims = malloc((matched + 1) * sizeof(*victims));
   if (victims == NULL) {
      return nm_fail(m, "out of memory for the victims of an attack");
   }
   void *alert = nm_alert(m, NULL);
   const struct host_key *key = nc_table_key(self->hosts, h);
   nm_set(m, alert, F_SRC_IP, key->attacker);
   nm_set(m, alert, F_DETECTION_TIME, now);
   nm_set(m, alert, F_WARDEN_TYPE, WARDEN_TYPE_BRUTE_FORCE);
   nm_set(m, alert, F_PROTOCOL, IPPROTO_TCP);
   nm_set(m, alert, F_DST_PORT, h->port);
   nm_set(m, alert, F_EVENT_SCALE, scale);
   uint32_t n[DIRECTIONS];
   for (unsigned d = 0; d < DIRECTIONS; d++) {
      n[d] = victims_of(self, &h->list[d], victims, &most);
      length += (size_t) sprintf(note + length, d == INCOMING ? "I:" : "O:");
      length += write_victims(self, victims, n[d], note + length);
      if (self->details && (d == INCOMING || n[INCOMING] == 0)) {
         set_details(m, alert, h, most, n[d], now);
      }
   }
   free(victims);
   nm_set_string(m, 0, alert, F_NOTE, note);
   return nm_send(m, alert);
}

/* ------------------------------------------------------------------- attacks */

static int begin(nm_module_t *m, struct host *h, uint32_t scale, ur_time_t now)
{
   struct brute *self = nm_self(m);
   int rc = config_of(self)->ignore_first ? NM_OK : report(m, h, scale, now);
   self->attacks++;
   host_set_reported(self, h, now);
   return rc;
}

static void end(struct brute *self, struct host *h)
{
   host_set_unreported(h);
   host_clear(self, h);
}

/* Do the flows of the other direction agree, when they are seen? What a server sends to a script that logs in with a key has the size of a refusal, what
 * the script sends has not. */
static bool agrees(const struct list *other, uint32_t limit)
{
   return other->entries.n < limit || 2 * other->matched >= other->entries.n;
}

/* Are enough of the kept flows log-ins? */
static bool enough(const struct brute *self, const struct service_config *config, const struct host *h)
{
   const struct list *in = &h->list[INCOMING], *out = &h->list[OUTGOING];
   uint32_t limit = config->list_threshold;
   if (in->entries.n > LIST_BOTTOM && out->entries.n > LIST_BOTTOM) {
      uint32_t n = in->entries.n > out->entries.n ? in->entries.n : out->entries.n;
      limit = n < 100 ? 9 * n / 10 : n / 100 * 90;
   }
   if (self->classic) {
      return in->matched >= limit || out->matched >= limit;
   }
   return (in->matched >= limit && agrees(out, limit)) || (out->matched >= limit && agrees(in, limit));
}

static double percent(uint32_t part, uint32_t whole)
{
   return whole != 0 ? 100.0 * part / whole : 0;
}

static int check_reported(nm_module_t *m, struct host *h, ur_time_t now)
{
   struct brute *self = nm_self(m);
   const struct config *config = config_of(self);
   const struct service_config *service = &config->service[host_service(self, h)];
   if (!over(h->report, service->report_timeout, now)) {
      return NM_OK;
   }
   uint32_t in = h->matched[INCOMING], out = h->matched[OUTGOING], scale = in > out ? in : out;
   bool fading = percent(in, h->total[INCOMING]) < config->min_ratio &&
                 percent(out, h->total[OUTGOING]) < config->min_ratio;
   if (scale == 0 && h->list[INCOMING].matched + h->list[OUTGOING].matched == 0) {
      end(self, h);
      return NM_OK;
   }
   int rc = NM_OK;
   if (scale >= config->min_events) {
      rc = report(m, h, scale, now);
      host_set_reported(self, h, now);
   }
   if (fading) {
      end(self, h);
   }
   return rc;
}

/* -------------------------------------------------- log-ins that the server delayed */

bool attack_delayed(const struct login *f)
{
   uint64_t tenths = f->last > f->first ? ((f->last - f->first) >> 16) * 10 >> 16 : 0;
   return tenths >= delay[f->service] && tenths <= 10 * DELAYED_LONGEST;
}

/* Is this the other direction of a flow that waits? It is remembered if not. */
static bool completes(struct delayed *d, const struct login *f, const ip_addr_t *victim)
{
   uint32_t hash = (uint32_t) nc_hash(victim, sizeof(*victim));
   uint8_t direction = (uint8_t) f->direction;
   for (unsigned i = 0; i < PENDING; i++) {
      if (d->pending[i].port == f->client_port && d->pending[i].victim == hash &&
          d->pending[i].direction != direction && f->client_port != 0) {
         d->pending[i].port = 0;
         return true;
      }
   }
   d->pending[d->next_pending].port = f->client_port;
   d->pending[d->next_pending].victim = hash;
   d->pending[d->next_pending].direction = direction;
   d->next_pending = (uint8_t) ((d->next_pending + 1) % PENDING);
   return false;
}

/* A log-in that was refused late, seen in both directions: few of them to one victim are enough. */
static bool delayed_enough(const struct brute *self, struct host *h, const struct login *f,
                           const ip_addr_t *victim)
{
   const struct config *config = config_of(self);
   struct delayed *d = &h->delayed;
   if (self->classic || config->delayed_events == 0 || !attack_delayed(f) || !completes(d, f, victim)) {
      return false;
   }
   if (memcmp(&d->victim, victim, sizeof(*victim)) != 0) {
      d->victim = *victim;
      d->count = 0;
   }
   uint32_t seconds = ur_time_get_sec(f->last), n = config->delayed_events;
   d->seconds[d->count % DELAYED_MAX] = seconds;
   d->count++;
   return d->count >= n && seconds - d->seconds[(d->count - n) % DELAYED_MAX] <= config->delayed_window;
}

/* --------------------------------------------------------------------- flows */

static void add_sums(struct host *h, const struct login *f)
{
   if (h->first_matched == 0 || f->first < h->first_matched) {
      h->first_matched = f->first;
   }
   if (f->last > h->last_matched) {
      h->last_matched = f->last;
   }
   h->packets += f->packets;
   h->bytes += f->bytes;
   h->port = f->server_port;
}

int attack_add(nm_module_t *m, const struct login *f, bool matched)
{
   struct brute *self = nm_self(m);
   ip_addr_t victim;
   memcpy(&victim, f->server, sizeof(victim)); /* not aligned in records */
   struct host *h = host_get(self, f->service, f->client);
   host_keep(self, h, f->direction, &victim, matched, f->last);
   if (h->report != 0) {
      h->total[f->direction]++;
      h->matched[f->direction] += matched;
   }
   if (matched) {
      add_sums(h, f);
   }
   if (h->report != 0) {
      return check_reported(m, h, f->last);
   }
   const struct config *config = config_of(self);
   if (enough(self, &config->service[f->service], h)) {
      return begin(m, h, config->service[f->service].list_threshold, f->last);
   }
   if (matched && delayed_enough(self, h, f, &victim)) {
      return begin(m, h, config->delayed_events, f->last);
   }
   return NM_OK;
}

/* Attacks that fell silent. */
static int check_attacks(nm_module_t *m, ur_time_t now)
{
   struct brute *self = nm_self(m);
   const struct config *config = config_of(self);
   int rc = NM_OK;
   for (struct link *link = self->reported.next, *next; link != &self->reported && rc == NM_OK; link = next) {
      next = link->next;
      struct host *h = host_of_reported(link);
      if (!over(h->report, config->service[host_service(self, h)].attack_timeout, now)) {
         continue;
      }
      uint32_t scale =
          h->matched[INCOMING] > h->matched[OUTGOING] ? h->matched[INCOMING] : h->matched[OUTGOING];
      if (scale >= config->min_events) {
         rc = report(m, h, scale, now);
      }
      end(self, h);
   }
   return rc;
}

int attacks_check(nm_module_t *m, ur_time_t now)
{
   struct brute *self = nm_self(m);
   const struct config *config = config_of(self);
   int rc = NM_OK;
   if (over(self->checked_report, config->check_report, now)) {
      self->checked_report = now;
      rc = check_attacks(m, now);
   }
   if (over(self->checked_delete, config->check_delete, now)) {
      hosts_forget(self, now);
   }
   return rc;
}

int attacks_finish(nm_module_t *m)
{
   struct brute *self = nm_self(m);
   int rc = NM_OK;
   for (struct link *link = self->reported.next; self->details && link != &self->reported && rc == NM_OK;
        link = link->next) {
      struct host *h = host_of_reported(link);
      uint32_t scale =
          h->matched[INCOMING] > h->matched[OUTGOING] ? h->matched[INCOMING] : h->matched[OUTGOING];
      if (scale > 0) {
         rc = report(m, h, scale, h->last);
      }
   }
   return rc;
}
