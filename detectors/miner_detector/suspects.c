/* SPDX-License-Identifier: BSD-3-Clause */
/** Clients and the servers that may be pools: what is counted, and what the regular look at them decides. */
#include "miner.h"

#include "../common/public_ip.h"

#include <errno.h>

#define ACK_PUSH       (TCP_ACK | TCP_PSH)
#define LONG_DIALOGUE  20    /* packets after which a request without a seen answer counts, too */
#define SHORT_DIALOGUE 2     /* packets of the client that must be seen beside work from the pool */
#define FAR_FUTURE     86400 /* s; times of flows that are further ahead are wrong */
#define CHECK_INTERVAL 1000  /* ms between two connections */
#define ASK_AGAIN      600   /* s after a check without a result */

bool is_blacklisted(const struct miner *self, const ip_addr_t *ip, uint16_t port)
{
   return pool_list_has(&self->config->black, ip, port, self->now) ||
          pool_list_has(&self->confirmed, ip, port, self->now);
}

bool is_whitelisted(const struct miner *self, const ip_addr_t *ip, uint16_t port)
{
   return pool_list_has(&self->config->white, ip, port, self->now) ||
          pool_list_has(&self->clean, ip, port, self->now);
}

/* --------------------------------------------------------------------- counting */

static void count(uint32_t *counter)
{
   *counter += *counter < UINT32_MAX;
}

void suspect_begin(struct suspect *s, uint32_t last)
{
   s->first = s->last = s->exported = last;
}

void suspect_add(struct suspect *s, uint8_t protocol, uint8_t flags, uint16_t src_port, uint16_t dst_port,
                 uint32_t packets, uint64_t bytes, uint32_t last)
{
   bool tcp = protocol == IPPROTO_TCP;
   if (tcp && flags == TCP_ACK) {
      count(&s->ack);
   } else if (tcp && flags == ACK_PUSH) {
      count(&s->ackpush);
   } else {
      count(&s->other);
   }
   if (tcp) {
      s->syn += (flags & TCP_SYN) != 0 && s->syn < UINT32_MAX;
      s->rst += (flags & TCP_RST) != 0 && s->rst < UINT32_MAX;
      s->fin += (flags & TCP_FIN) != 0 && s->fin < UINT32_MAX;
   }
   s->req += src_port > dst_port && s->req < UINT32_MAX;
   s->packets += packets;
   s->bytes += bytes < UINT64_MAX - s->bytes ? bytes : UINT64_MAX - s->bytes;
   s->last = last > s->last ? last : s->last;
}

/* ----------------------------------------------------------------------- checks */

/* Nobody is asked because of flows of the past: the address may be another one's by now, and analysing a file must not touch
 * the network. */
int checks_open(nm_module_t *m)
{
   struct miner *self = nm_self(m);
   struct probe_config config = {.connect_ms = self->config->conn_timeout * 1000,
                                 .read_ms = self->config->read_timeout * 1000,
                                 .interval_ms = CHECK_INTERVAL};
   if (!self->config->stratum_check || self->no_check || !self->live) {
      return NM_OK;
   }
   self->probe = probe_new(&config);
   if (self->probe == NULL) {
      return nm_fail(m, "cannot start the thread of the checks: %s", strerror(errno));
   }
   nm_set_timer(m, NM_SECONDS(1));
   return NM_OK;
}

/* A server whose clients look like miners: it is asked, unless it was a short time ago. */
static void ask(nm_module_t *m, const struct suspect_key *key)
{
   struct miner *self = nm_self(m);
   struct pool pool = {.ip = key->dst, .port = key->port};
   uint32_t *asked = nc_table_find(self->asked, &pool);
   if (asked != NULL && self->now - *asked < ASK_AGAIN) {
      return;
   }
   if (!self->allow_private && !ip_is_public(&pool.ip)) {
      self->not_public++;
   } else if (!probe_ask(self->probe, &pool)) {
      self->queue_full++; /* it is asked in a later look */
      return;
   } else {
      self->checks++;
   }
   asked = nc_table_upsert(self->asked, &pool, NULL);
   *asked = self->now;
}

void checks_collect(nm_module_t *m)
{
   struct miner *self = nm_self(m);
   struct pool pool;
   enum probe_result result;
   while (self->probe != NULL && probe_next(self->probe, &pool, &result)) {
      switch (result) {
      case PROBE_POOL:
         self->checks_positive++;
         pool_list_add(&self->confirmed, &pool, self->now + LEARNED_SECONDS);
         break;
      case PROBE_OTHER:
         self->checks_negative++;
         pool_list_add(&self->clean, &pool, self->now + LEARNED_SECONDS);
         break;
      default: self->checks_failed++; break;
      }
   }
}

/* ---------------------------------------------------------------------- deciding */

static bool looks_like_miner(const struct miner *self, const struct suspect *s)
{
   return judge_score(s) >= self->config->score_threshold && judge_tree(s);
}

/* Do both ends speak the protocol of pools? One packet, whose sender may be forged, is not enough. */
static bool speaks_stratum(const struct suspect *s)
{
   return (s->request && (s->answer || s->job || s->packets >= LONG_DIALOGUE)) ||
          (s->job && s->packets >= SHORT_DIALOGUE);
}

/* What speaks against a suspect by now; kept, since a miner stays one. \return false: its server is whitelisted */
static bool decide(nm_module_t *m, const struct suspect_key *key, struct suspect *s, bool may_ask)
{
   struct miner *self = nm_self(m);
   if (pool_list_has(&self->config->black, &key->dst, key->port, self->now)) {
      s->evidence = EVIDENCE_LIST;
   } else if (pool_list_has(&self->confirmed, &key->dst, key->port, self->now)) {
      s->evidence = EVIDENCE_CHECK;
   } else if (is_whitelisted(self, &key->dst, key->port)) {
      return false;
   } else if (speaks_stratum(s)) {
      s->evidence = EVIDENCE_CONTENT;
   } else if (s->evidence == EVIDENCE_NONE && (self->unconfirmed || (may_ask && self->probe != NULL)) &&
              looks_like_miner(self, s)) {
      if (may_ask && self->probe != NULL) {
         ask(m, key);
      }
      s->evidence = self->unconfirmed ? EVIDENCE_SCORE : EVIDENCE_NONE;
   }
   return true;
}

void suspect_evicted(void *context, const void *key, void *value)
{
   nm_module_t *m = context;
   struct suspect *s = value;
   if (decide(m, key, s, false) && s->evidence != EVIDENCE_NONE) {
      alert_send(m, key, s);
   }
}

/* \return NM_OK; NM_ERROR; NM_STOP: the suspect goes */
static int look_at(nm_module_t *m, const struct suspect_key *key, struct suspect *s)
{
   struct miner *self = nm_self(m);
   uint32_t now = self->now;
   if (!decide(m, key, s, true)) {
      return NM_STOP;
   }
   bool silent = now > s->last ? now - s->last >= self->config->timeout_inactive : s->last - now > FAR_FUTURE;
   bool long_ago = now > s->exported && now - s->exported >= self->config->timeout_active;
   if (!silent && !long_ago) {
      return NM_OK;
   }
   if (s->evidence == EVIDENCE_NONE) {
      return NM_STOP;
   }
   if (silent) {
      return alert_send(m, key, s) == NM_OK ? NM_STOP : NM_ERROR;
   }
   /* An intermediate report, which nobody waits for when the flows are of the past: the last one says the same and more. */
   if (!self->live) {
      return NM_OK;
   }
   s->exported = now;
   return alert_send(m, key, s);
}

int suspects_check(nm_module_t *m, uint32_t now)
{
   struct miner *self = nm_self(m);
   uint32_t cursor = 0;
   const void *key;
   void *value;
   checks_collect(m);
   if (now < self->next_check) {
      return NM_OK;
   }
   self->next_check = now + self->config->check_period;
   while (nc_table_next(self->suspects, &cursor, &key, &value)) {
      int rc = look_at(m, key, value);
      if (rc == NM_ERROR) {
         return rc;
      }
      if (rc == NM_STOP) {
         nc_table_remove_value(self->suspects, value);
      }
   }
   return NM_OK;
}

int suspects_finish(nm_module_t *m)
{
   const struct miner *self = nm_self(m);
   uint32_t cursor = 0;
   const void *key;
   void *value;
   int rc = NM_OK;
   checks_collect(m);
   while (rc == NM_OK && nc_table_next(self->suspects, &cursor, &key, &value)) {
      struct suspect *s = value;
      if (decide(m, key, s, false) && s->evidence != EVIDENCE_NONE) {
         rc = alert_send(m, key, s);
      }
   }
   nc_table_clear(self->suspects);
   return rc;
}
