/* SPDX-License-Identifier: BSD-3-Clause */
/** voip_fraud_detection: guessing of dial prefixes, calls to unusual countries. This file is the module: options, records, alerts. */
#include "voip.h"
#include "fields.h"

#include <nemea-common/nc_hash.h>
#include <string.h>
#include <strings.h>

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 LINK_BIT_FIELD, time TIME_FIRST, uint32 PACKETS_REV,
          uint16 SIP_MSG_TYPE, uint16 SIP_STATUS_CODE, string SIP_REQUEST_URI, string SIP_CALLING_PARTY,
          string SIP_CALLED_PARTY, string SIP_CALL_ID, string SIP_USER_AGENT, string SIP_CSEQ,
          uint32 EVENT_ID, uint8 EVENT_TYPE, time DETECTION_TIME, string VOIP_FRAUD_SIP_TO,
          string VOIP_FRAUD_SIP_FROM, uint16 VOIP_FRAUD_PREFIX_LENGTH,
          uint32 VOIP_FRAUD_PREFIX_EXAMINATION_COUNT, uint32 VOIP_FRAUD_SUCCESSFUL_CALL_COUNT,
          string VOIP_FRAUD_USER_AGENT, uint32 VOIP_FRAUD_INVITE_COUNT, string VOIP_FRAUD_COUNTRY_CODE,
          uint64 INVITE_CNT, uint64 CALLER_CNT, uint64 CALLEE_CNT)

#define INVITE      1 /* SIP_MSG_TYPE */
#define RESPONSE    99
#define OK          200
#define TYPE_PREFIX 40 /* EVENT_TYPE */
#define TYPE_ABROAD 41
#define CLEAR_EVERY 60   /* s */
#define TELL_EVERY  2    /* s */
#define SAVE_EVERY  3600 /* s */
#define BATCH       32

/* Hashes of a message in the tables. */
struct places {
   uint64_t caller, call;
};

static uint64_t as_many_as_targets(nm_module_t *m)
{
   return ((struct voip *) nm_self(m))->capacity;
}

static const nm_option_t options[] = {
    NM_STRING('l', "log-file", struct voip, log_path, NULL, "Append what is printed to this file."),
    NM_STRING('e', "event-id-file", struct voip, event_id_path, NULL,
              "File with the id of the last event; \"disabled\": none. Without it, "
              "/data/voip_fraud_detection/event_id.txt if there is that file."),
    NM_STRING(
        'c', "countries-file", struct voip, countries_path, NULL,
        "File with the countries that are usual, and what was learned; it need not exist. \"disabled\" or "
        "without it: countries are not looked at."),
    NM_U32('m', "max-prefix", struct voip, max_prefix, 10, 1, TARGET_MAX,
           "Longest prefix that counts, in characters."),
    NM_U32(
        'd', "min-number", struct voip, min_number, 9, 0, TARGET_MAX,
        "Least length of the number that prefixes are tried before; shorter ends are guesses only if hardly "
        "any call is answered."),
    NM_U64('s', "interval", struct voip, interval, 10, 0, 31536000,
           "Seconds between two checks of a caller."),
    NM_U32('t', "limit", struct voip, limit, 10, 1, UINT32_MAX,
           "More prefixes than this for one number, or numbers of one dial plan, are an attack."),
    NM_FLAG('o', "detect-countries", struct voip, detect_at_once,
            "Report calls to unusual countries from the start, without a time of learning."),
    NM_U64('a', "learn", struct voip, learn, 1209600, 0, 315360000,
           "Seconds from the first record in which countries are learned."),
    NM_FLAG('w', "no-save", struct voip, no_save, "Do not write what was learned to the countries file."),
    NM_STRING(0, "international", struct voip, dialled_abroad, "00",
              "What is dialled before the country code, instead of '+'."),
    NM_U64('p', "pause", struct voip, pause, 30, 0, 31536000, "Seconds without another alert of a caller."),
    NM_U32('q', "max-targets", struct voip, max_targets, 100000, 1, UINT32_MAX,
           "Most numbers that are kept of a caller; with more it begins anew."),
    NM_U64('x', "clear", struct voip, clear, 1209600, 1, 315360000,
           "Seconds without a call after which a caller is forgotten."),
    NM_STRING(
        'n', "prefix-file", struct voip, prefixes_path, NULL,
        "File to which each prefix of an attack is appended: time;prefix;length;1 if answered, else 0;"),
    NM_TABLE(0, "callers", struct voip, callers, "callers", ip_addr_t, struct caller, 65536,
             .evicted = caller_evicted),
    NM_U32(0, "targets", struct voip, capacity, 262144, 1, NC_TABLE_MAX_CAPACITY / 2,
           "Numbers that are kept of all callers."),
    NM_TABLE_OF(struct voip, calls, "calls", uint64_t, struct call, as_many_as_targets),
    NM_TABLE(0, "agents", struct voip, agents, "user agents", uint64_t, struct agent, 1024),
    NM_TABLE(0, "addresses", struct voip, homes, "addresses with countries", ip_addr_t, struct countries,
             65536),
    NM_END,
};

static int check(nm_module_t *m)
{
   const struct voip *self = nm_self(m);
   const char *prefix = self->dialled_abroad;
   return prefix[0] != 0 && prefix[strspn(prefix, "0123456789")] == 0 && strlen(prefix) < 8
              ? NM_OK
              : nm_fail(m, "--international: \"%s\": expected 1 to 7 digits", prefix);
}

static int init(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   nm_counter(m, "invites", &self->invites);
   nm_counter(m, "invites without a number", &self->invalid);
   nm_counter(m, "guesses of prefixes", &self->examinations);
   nm_counter(m, "calls to unusual countries", &self->calls_abroad);
   nm_counter(m, "trees replaced", &self->trees_replaced);
   nm_counter(m, "callers given up for room", &self->callers_given_up);
   nm_counter(m, "callers idle", &self->callers_idle);
   nm_counter(m, "targets without a place", &self->index.refused);
   nm_counter(m, "errors of files", &self->file_errors);
   if (!tree_open(self)) {
      return nm_fail(m, "out of memory for %u targets", self->capacity);
   }
   if (logs_open(m) != NM_OK || event_id_read(m) != NM_OK || countries_read(m) != NM_OK) {
      return NM_ERROR;
   }
   log_start(self);
   return NM_OK;
}

/* ----------------------------------------------------------------------- alerts */

static int send_examination(nm_module_t *m, const ip_addr_t *ip, const struct caller *c,
                            const struct examination *e, const struct agent *agent)
{
   struct voip *self = nm_self(m);
   const struct target *best = &self->targets[e->best];
   void *alert = nm_alert(m, NULL);
   nm_set(m, alert, F_EVENT_ID, c->event_id);
   nm_set(m, alert, F_EVENT_TYPE, TYPE_PREFIX);
   nm_set(m, alert, F_SRC_IP, *ip);
   nm_set(m, alert, F_DETECTION_TIME, ur_time_from_sec_usec((uint32_t) self->now, 0));
   nm_set(m, alert, F_TIME_FIRST, ur_time_from_sec_usec((uint32_t) c->first, 0));
   nm_set(m, alert, F_VOIP_FRAUD_PREFIX_LENGTH, (uint16_t) e->prefix_length);
   nm_set(m, alert, F_VOIP_FRAUD_PREFIX_EXAMINATION_COUNT, e->count);
   nm_set(m, alert, F_VOIP_FRAUD_SUCCESSFUL_CALL_COUNT, e->answered);
   nm_set(m, alert, F_VOIP_FRAUD_INVITE_COUNT, e->invites);
   if (nm_set_var(m, 0, alert, F_VOIP_FRAUD_SIP_TO, target_text(self, best), best->length) != NM_OK ||
       (agent != NULL &&
        nm_set_var(m, 0, alert, F_VOIP_FRAUD_USER_AGENT, agent->text, agent->length) != NM_OK)) {
      return NM_ERROR;
   }
   return nm_send(m, alert);
}

static int report_examination(nm_module_t *m, const ip_addr_t *ip, struct caller *c,
                              const struct examination *e)
{
   struct voip *self = nm_self(m);
   const struct target *best = &self->targets[e->best];
   const struct agent *agent = nc_table_peek(self->agents, &best->agent);
   char by[AGENT_MAX + 1] = "";
   uint64_t number = nc_hash(target_text(self, best) + best->length - e->depth, e->depth);
   bool continued = c->attacked != 0 && c->number == number;
   if (agent != NULL) {
      memcpy(by, agent->text, agent->length);
   }
   if (!continued) {
      c->event_id = event_id_new(m);
      c->attacks++;
      self->examination_attacks++;
   }
   c->events++;
   self->examinations++;
   c->number = number;
   c->attacked = self->now;
   log_examination(m, ip, c, e, by, continued);
   log_prefixes_end(m);
   return send_examination(m, ip, c, e, agent);
}

static int report_country(nm_module_t *m, const struct message *msg, const struct caller *c,
                          struct countries *home, const char *country)
{
   struct voip *self = nm_self(m);
   const void *rec = msg->rec;
   if (home->alerted != 0 && self->now < home->alerted + self->pause) {
      return NM_OK;
   }
   bool continued = home->alerted != 0 && memcmp(home->last, country, 2) == 0;
   if (!continued) {
      home->event_id = event_id_new(m);
      self->country_attacks++;
   }
   home->alerted = self->now;
   memcpy(home->last, country, 2);
   self->calls_abroad++;
   log_country(m, msg, home, country, continued);
   void *alert = nm_alert(m, NULL);
   nm_set(m, alert, F_EVENT_ID, home->event_id);
   nm_set(m, alert, F_EVENT_TYPE, TYPE_ABROAD);
   nm_set(m, alert, F_SRC_IP, msg->caller);
   nm_set(m, alert, F_DST_IP, msg->peer);
   nm_set(m, alert, F_DETECTION_TIME, ur_time_from_sec_usec((uint32_t) self->now, 0));
   nm_set(m, alert, F_TIME_FIRST, ur_time_from_sec_usec((uint32_t) c->first, 0));
   nm_set(m, alert, F_VOIP_FRAUD_INVITE_COUNT, 1);
   if (nm_set_var(m, 0, alert, F_VOIP_FRAUD_SIP_TO, msg->target, msg->length) != NM_OK ||
       nm_set_var(m, 0, alert, F_VOIP_FRAUD_SIP_FROM, nm_get_ptr(m, rec, F_SIP_CALLING_PARTY),
                  nm_get_len(m, rec, F_SIP_CALLING_PARTY)) != NM_OK ||
       nm_set_var(m, 0, alert, F_VOIP_FRAUD_USER_AGENT, nm_get_ptr(m, rec, F_SIP_USER_AGENT),
                  nm_get_len(m, rec, F_SIP_USER_AGENT)) != NM_OK ||
       nm_set_var(m, 0, alert, F_VOIP_FRAUD_COUNTRY_CODE, country, 2) != NM_OK) {
      return NM_ERROR;
   }
   return nm_send(m, alert);
}

/* Counts on the second output. */
static int tell(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   if (nm_outputs(m) < 2) {
      return NM_OK;
   }
   void *counts = nm_record(m, 1);
   nm_set_n(m, 1, counts, F_INVITE_CNT, self->invites);
   nm_set_n(m, 1, counts, F_CALLER_CNT, nc_table_count(self->callers));
   nm_set_n(m, 1, counts, F_CALLEE_CNT, self->n_targets);
   return nm_send_n(m, 1, counts);
}

/* ------------------------------------------------------------------------ clock */

static void clear_idle(struct voip *self)
{
   struct link *heads[] = {&self->once, &self->often};
   for (unsigned i = 0; i < 2; i++) {
      struct link *next;
      for (struct link *l = heads[i]->next; l != heads[i]; l = next) {
         struct caller *c = (struct caller *) l;
         next = l->next;
         if (self->now < c->last + self->clear) {
            break;
         }
         tree_clear(self, c);
         link_remove(l);
         nc_table_remove_value(self->callers, c);
         self->callers_idle++;
      }
   }
}

static int check_caller(nm_module_t *m, const ip_addr_t *ip, struct caller *c)
{
   struct voip *self = nm_self(m);
   struct examination found;
   uint64_t now = self->now;
   if (now <= c->checked || now - c->checked < self->interval ||
       (c->attacked != 0 && now < c->attacked + self->pause)) {
      return NM_OK;
   }
   c->checked = now;
   return examine(self, c, &found) ? report_examination(m, ip, c, &found) : NM_OK;
}

/* Checks who may have guessed and calls no more. The list is ordered by when they came into it. */
static int check_suspects(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   struct link *l;
   int rc = NM_OK;
   while (rc == NM_OK && (l = self->suspects.next) != &self->suspects) {
      struct caller *c = (struct caller *) (void *) ((char *) l - offsetof(struct caller, suspect));
      ip_addr_t ip;
      if (self->now <= c->queued || self->now - c->queued < self->interval) {
         break;
      }
      memcpy(&ip, nc_table_key(self->callers, c), sizeof(ip));
      link_remove(l);
      rc = check_caller(m, &ip, c);
      if (caller_is_suspect(self, c)) { /* it was alerted not long ago, or found among the first */
         c->queued = self->now;
         link_append(&self->suspects, l);
      }
   }
   return rc;
}

/* What is due at the time of a record. */
static int advance(nm_module_t *m, ur_time_t time)
{
   struct voip *self = nm_self(m);
   uint64_t now = ur_time_get_sec(time);
   if (!nm_time_is_confirmed(self->newest, &self->far, time) || time <= self->newest) {
      return NM_OK;
   }
   if (self->newest == 0) {
      self->cleared = self->told = self->saved = now;
      self->learn_until = self->detect_at_once ? 0 : now + self->learn;
   }
   self->newest = time;
   self->now = now;
   if (now > self->cleared + CLEAR_EVERY) {
      self->cleared = now;
      clear_idle(self);
   }
   if (now >= self->saved + SAVE_EVERY) {
      self->saved = now;
      countries_save(m);
   }
   if (now >= self->told + TELL_EVERY) {
      self->told = now;
      int rc = tell(m);
      if (rc != NM_OK) {
         return rc;
      }
   }
   return check_suspects(m);
}

/* --------------------------------------------------------------------- messages */

/* "number@domain" of "sip:number@domain;parameters". */
static bool set_target(struct message *msg, const char *uri, uint32_t n)
{
   uint32_t scheme = n >= 4 && strncasecmp(uri, "sip:", 4) == 0    ? 4
                     : n >= 5 && strncasecmp(uri, "sips:", 5) == 0 ? 5
                                                                   : 0;
   uint32_t length = 0;
   uri += scheme;
   n -= scheme;
   while (length < n && uri[length] != ';' && uri[length] != '?') {
      length++;
   }
   if (scheme == 0 || length == 0 || length > TARGET_MAX) {
      return false;
   }
   msg->target = uri;
   msg->length = (uint8_t) length;
   return true;
}

static uint64_t hash_with(const ip_addr_t *ip, const char *text, uint32_t n)
{
   const uint64_t parts[2] = {nc_hash(ip, sizeof(*ip)), nc_hash(text, n)};
   return nc_hash_words(parts, 2);
}

static bool read_invite(nm_module_t *m, struct message *msg)
{
   struct voip *self = nm_self(m);
   const void *rec = msg->rec;
   self->invites++;
   if (!set_target(msg, nm_get_ptr(m, rec, F_SIP_REQUEST_URI), nm_get_len(m, rec, F_SIP_REQUEST_URI)) &&
       !set_target(msg, nm_get_ptr(m, rec, F_SIP_CALLED_PARTY), nm_get_len(m, rec, F_SIP_CALLED_PARTY))) {
      self->invalid++;
      return false;
   }
   memcpy(&msg->caller, nm_get_ptr(m, rec, F_SRC_IP), sizeof(msg->caller));
   memcpy(&msg->peer, nm_get_ptr(m, rec, F_DST_IP), sizeof(msg->peer));
   msg->hash = hash_with(&msg->caller, msg->target, msg->length);
   return true;
}

/* In a record of both directions the answer goes from the destination of the flow to its source. */
static bool read_answer(nm_module_t *m, struct message *msg)
{
   const void *rec = msg->rec;
   const char *cseq = nm_get_ptr(m, rec, F_SIP_CSEQ);
   bool reverse = nm_get_or(m, rec, F_PACKETS_REV, 0) > 0;
   if (nm_get(m, rec, F_SIP_STATUS_CODE) != OK ||
       memmem(cseq, nm_get_len(m, rec, F_SIP_CSEQ), "INV", 3) == NULL) {
      return false;
   }
   memcpy(&msg->caller, reverse ? nm_get_ptr(m, rec, F_SRC_IP) : nm_get_ptr(m, rec, F_DST_IP),
          sizeof(msg->caller));
   msg->length = 0;
   msg->hash = 0;
   return true;
}

/* \return false: not a call, or not the answer to one */
static bool read_message(nm_module_t *m, const void *rec, struct message *msg)
{
   uint16_t type = nm_get(m, rec, F_SIP_MSG_TYPE);
   msg->rec = rec;
   msg->time = nm_get(m, rec, F_TIME_FIRST);
   if (!(type == INVITE && read_invite(m, msg)) && !(type == RESPONSE && read_answer(m, msg))) {
      return false;
   }
   msg->call = hash_with(&msg->caller, nm_get_ptr(m, msg->rec, F_SIP_CALL_ID),
                         nm_get_len(m, msg->rec, F_SIP_CALL_ID));
   return true;
}

static void set_agent(nm_module_t *m, struct target *t, const void *rec)
{
   struct voip *self = nm_self(m);
   const char *text = nm_get_ptr(m, rec, F_SIP_USER_AGENT);
   uint32_t n = nm_get_len(m, rec, F_SIP_USER_AGENT);
   bool is_new = false;
   n = n < AGENT_MAX ? n : AGENT_MAX;
   t->agent = nc_hash(text, n);
   if (t->agent == self->agent) {
      return;
   }
   self->agent = t->agent;
   struct agent *agent = nc_table_upsert(self->agents, &t->agent, &is_new);
   if (is_new) {
      agent->length = (uint8_t) n;
      memcpy(agent->text, text, n);
   }
}

static int add_invite(nm_module_t *m, const struct message *msg, const struct places *at)
{
   struct voip *self = nm_self(m);
   bool is_new = false;
   struct caller *c = nc_table_upsert_hashed(self->callers, &msg->caller, at->caller, &is_new);
   if (is_new) {
      c->first = c->checked = self->now;
   }
   if (is_new || !c->often || c->last != self->now) { /* once a second is often enough */
      caller_used(self, c);
   }
   c->last = self->now;
   int rc = check_caller(m, &msg->caller, c);
   uint32_t target = tree_add(self, c, msg);
   if (target != 0) {
      struct call *call = nc_table_upsert_hashed(self->calls, &msg->call, at->call, NULL);
      *call = (struct call){.caller = c->id, .target = target};
      set_agent(m, &self->targets[target], msg->rec);
   }
   if (rc == NM_OK && self->countries_path != NULL) {
      struct countries *home = NULL;
      const char *country = countries_of(self, msg->target, msg->length);
      if (country != NULL && countries_unusual(self, &msg->caller, country, &home)) {
         rc = report_country(m, msg, c, home, country);
      }
   }
   return rc;
}

static void add_answer(struct voip *self, const struct message *msg, const struct places *at)
{
   struct caller *c = nc_table_find_hashed(self->callers, &msg->caller, at->caller);
   struct call *call = c != NULL ? nc_table_find_hashed(self->calls, &msg->call, at->call) : NULL;
   if (call != NULL && call->caller == c->id && self->targets[call->target].caller == c->id) {
      tree_answered(self, c, call->target);
      nc_table_remove_value(self->calls, call); /* the answer may be repeated */
   }
}

static int add_message(nm_module_t *m, const struct message *msg, const struct places *at)
{
   struct voip *self = nm_self(m);
   int rc = advance(m, msg->time);
   if (rc == NM_OK && msg->length > 0) {
      return add_invite(m, msg, at);
   }
   if (rc == NM_OK) {
      add_answer(self, msg, at);
   }
   return rc;
}

/* Fetches what n messages will look at into the processor's cache: the tables are much larger, and one after the other each message
 * would wait for them. */
static void find_places(struct voip *self, const struct message *msgs, uint32_t n, struct places *places)
{
   const void *keys[BATCH];
   uint64_t hashes[BATCH];
   for (uint32_t i = 0; i < n; i++) {
      keys[i] = &msgs[i].caller;
      __builtin_prefetch(nc_index_home(&self->index, msgs[i].hash));
   }
   nc_table_prefetch(self->callers, keys, n, hashes);
   for (uint32_t i = 0; i < n; i++) {
      places[i].caller = hashes[i];
      keys[i] = &msgs[i].call;
   }
   nc_table_prefetch(self->calls, keys, n, hashes);
   for (uint32_t i = 0; i < n; i++) {
      uint32_t target = nc_index_guess(&self->index, msgs[i].hash);
      places[i].call = hashes[i];
      if (target != NC_INDEX_NONE) {
         target_fetch(self, target);
      }
   }
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct voip *self = nm_self(m);
   struct message msgs[BATCH];
   struct places places[BATCH];
   int rc = NM_OK;
   for (uint32_t next = 0; next < n && rc == NM_OK;) {
      uint32_t used = 0;
      for (; next < n && used < BATCH; next++) {
         used += read_message(m, recs[next].data, &msgs[used]);
      }
      find_places(self, msgs, used, places);
      for (uint32_t i = 0; i < used && rc == NM_OK; i++) {
         rc = add_message(m, &msgs[i], &places[i]);
      }
   }
   return rc;
}

static int finish(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   countries_save(m);
   event_id_close(m);
   log_totals(self);
   return tell(m);
}

static void cleanup(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   logs_close(self);
   countries_close(self);
   tree_close(self);
}

NM_MODULE(
    "voip_fraud_detection",
    "Detects guessing of the prefixes that telephone exchanges want before a number, and calls to unusual "
    "countries.",
    .in = NM_INPUTS(
        {.name = "SIP messages",
         .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint64 LINK_BIT_FIELD,time TIME_FIRST,uint16 SIP_MSG_TYPE,"
                   "uint16 SIP_STATUS_CODE,string SIP_REQUEST_URI,string SIP_CALLING_PARTY,string "
                   "SIP_CALLED_PARTY,string SIP_CALL_ID,string SIP_USER_AGENT,string SIP_CSEQ",
         .optional = "uint32 PACKETS_REV"}),
    .out = NM_OUTPUTS(
        {.name = "alerts",
         .fields = "uint32 EVENT_ID,uint8 EVENT_TYPE,ipaddr SRC_IP,ipaddr DST_IP,time DETECTION_TIME,time "
                   "TIME_FIRST,string VOIP_FRAUD_SIP_TO,string VOIP_FRAUD_SIP_FROM,uint16 "
                   "VOIP_FRAUD_PREFIX_LENGTH,uint32 VOIP_FRAUD_PREFIX_EXAMINATION_COUNT,uint32 "
                   "VOIP_FRAUD_SUCCESSFUL_CALL_COUNT,string VOIP_FRAUD_USER_AGENT,uint32 "
                   "VOIP_FRAUD_INVITE_COUNT,string VOIP_FRAUD_COUNTRY_CODE"},
        {.name = "counts", .fields = "uint64 INVITE_CNT,uint64 CALLER_CNT,uint64 CALLEE_CNT", .max = 1}),
    .options = options, .state_size = sizeof(struct voip), .check = check, .init = init, .records = records,
    .finish = finish, .cleanup = cleanup)
