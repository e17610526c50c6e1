/* SPDX-License-Identifier: BSD-3-Clause */
/** sip_bf_detector: guessing of SIP passwords and users. This file is the module: options, records and alerts. */
#include "sip_bf.h"
#include "fields.h"

#include <stdio.h>
#include <time.h>

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint64 LINK_BIT_FIELD,
          uint8 PROTOCOL, time TIME_FIRST, uint32 PACKETS_REV, uint16 SIP_MSG_TYPE, uint16 SIP_STATUS_CODE,
          string SIP_CSEQ, string SIP_CALLING_PARTY, ipaddr SBFD_TARGET, ipaddr SBFD_SOURCE,
          uint64 SBFD_LINK_BIT_FIELD, uint8 SBFD_PROTOCOL, time SBFD_EVENT_TIME, time SBFD_CEASE_TIME,
          time SBFD_BREACH_TIME, uint8 SBFD_EVENT_TYPE, uint64 SBFD_EVENT_ID, uint32 SBFD_ATTEMPTS,
          uint32 SBFD_AVG_ATTEMPTS, string SBFD_USER)

#define RESPONSE  99
#define OK        200
#define LINK_MASK 0xff
#define ROWS      10000 /* ids of a second */

static uint64_t rows_capacity(nm_module_t *m)
{
   (void) m;
   return 4096;
}

static const nm_option_t options[] = {
    NM_U64('a', "alert_threshold", struct sip_bf, alert_threshold, 50, 1, UINT32_MAX,
           "Number of attempts of a client at a user that makes an attack."),
    NM_U64('c', "check_mem_int", struct sip_bf, check_interval, 300, 1, 31536000,
           "How often attacks that have ended are looked for, in seconds."),
    NM_U32('d', "dist_threshold", struct sip_bf, dist_threshold, 5, 1, UINT32_MAX,
           "Number of clients that try one user which makes a distributed attack."),
    NM_U64('f', "free_mem_delay", struct sip_bf, free_delay, 1800, 1, 31536000,
           "Seconds without an attempt after which an attack has ended."),
    NM_U32('o', "ok_count", struct sip_bf, ok_count, 5, 1, UINT32_MAX,
           "Number of successful registrations that an attack may have; with more it is none."),
    NM_U32('s', "scan_threshold", struct sip_bf, scan_threshold, 25, 1, UINT32_MAX,
           "Number of users that one client tries which makes a scan."),
    NM_TABLE(0, "servers", struct sip_bf, servers, "servers", ip_addr_t, struct server, 4096,
             .evicted = server_evicted),
    NM_TABLE(0, "users", struct sip_bf, users, "users", uint64_t, struct user, 65536,
             .cleared = sizeof(struct group), .apart = sizeof(struct attack), .evicted = user_evicted),
    NM_TABLE(0, "clients", struct sip_bf, clients, "clients", struct client_key, struct group, 32768,
             .apart = sizeof(struct attack), .evicted = client_evicted),
    NM_TABLE(0, "pairs", struct sip_bf, pairs, "pairs of user and client", struct pair_key, struct pair,
             65536, .evicted = pair_evicted),
    NM_TABLE_OF(struct sip_bf, rows, "seconds of events", uint64_t, uint64_t, rows_capacity),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct sip_bf *self = nm_self(m);
   attempts_open(self);
   nm_counter(m, "events", &self->events);
   nm_counter(m, "attacks evicted", &self->lost);
   return NM_OK;
}

/* Servers ask for a password (401, proxies 407), refuse a wrong one (403), or say that there is no such user (404). */
static bool is_refusal(uint16_t status)
{
   return status == 401 || status == 403 || status == 404 || status == 407;
}

static const char *text_of(const ur_template_t *in, const void *rec, int field)
{
   return UR_AT_(rec, in->static_size + ur_get_var_offset(in, rec, field));
}

/* The fields are required of the input, so they need not be looked for. \return false: the record says nothing of an attempt */
static bool read_message(const ur_template_t *in, const void *rec, struct message *msg)
{
   uint16_t status = ur_get(in, rec, F_SIP_STATUS_CODE);
   if (ur_get(in, rec, F_SIP_MSG_TYPE) != RESPONSE || (status != OK && !is_refusal(status)) ||
       !message_is_register(text_of(in, rec, F_SIP_CSEQ), ur_get_var_len(in, rec, F_SIP_CSEQ)) ||
       !message_party(msg, text_of(in, rec, F_SIP_CALLING_PARTY),
                      ur_get_var_len(in, rec, F_SIP_CALLING_PARTY))) {
      return false;
   }
   /* In a record of both directions the response goes from the destination of the flow to its source. */
   bool reverse = ur_is_present(in, F_PACKETS_REV) && ur_get(in, rec, F_PACKETS_REV) > 0;
   uint16_t source = ur_get(in, rec, F_SRC_PORT), destination = ur_get(in, rec, F_DST_PORT);
   memcpy(reverse ? &msg->client : &msg->server, UR_AT_(rec, in->offset[F_SRC_IP]), sizeof(ip_addr_t));
   memcpy(reverse ? &msg->server : &msg->client, UR_AT_(rec, in->offset[F_DST_IP]), sizeof(ip_addr_t));
   msg->server_port = reverse ? destination : source;
   msg->client_port = reverse ? source : destination;
   msg->time = ur_get(in, rec, F_TIME_FIRST) >> 32 << 32;
   msg->link = ur_get(in, rec, F_LINK_BIT_FIELD) & LINK_MASK;
   msg->protocol = ur_get(in, rec, F_PROTOCOL);
   msg->ok = status == OK;
   return !ip_is_null(&msg->server) && !ip_is_null(&msg->client);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct attempt attempts[NC_TABLE_BATCH];
   uint32_t n_attempts = 0;
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      n_attempts += read_message(nm_in(m), recs[i].data, &attempts[n_attempts].msg);
      if (n_attempts == NC_TABLE_BATCH || i == n - 1) {
         rc = attempts_add(m, attempts, n_attempts);
         n_attempts = 0;
      }
   }
   return rc;
}

static int finish(nm_module_t *m)
{
   return attempts_finish(m);
}

/* ---------------------------------------------------------------------- alerts */

/* The second as decimal digits, and a number within it. */
static uint64_t new_id(struct sip_bf *self, ur_time_t time)
{
   struct tm tm;
   bool is_new;
   time_t seconds = (time_t) ur_time_get_sec(time);
   uint64_t key = (uint64_t) seconds;
   gmtime_r(&seconds, &tm);
   uint64_t *row = nc_table_upsert(self->rows, &key, &is_new);
   if (is_new && !self->had_event && tm.tm_min == 0 && tm.tm_sec == 0) {
      *row = 1; /* as NEMEA 2, which compares with an event before the first one */
   }
   self->had_event = true;
   uint64_t id = (uint64_t) tm.tm_year + 1900;
   id = id * 100 + (uint64_t) tm.tm_mon + 1;
   id = id * 100 + (uint64_t) tm.tm_mday;
   id = id * 100 + (uint64_t) tm.tm_hour;
   id = id * 100 + (uint64_t) tm.tm_min;
   id = id * 100 + (uint64_t) tm.tm_sec;
   return id * ROWS + (*row)++ % ROWS;
}

static uint32_t cut(uint64_t value)
{
   return value < UINT32_MAX ? (uint32_t) value : UINT32_MAX;
}

int event_send(nm_module_t *m, const struct event *e)
{
   struct sip_bf *self = nm_self(m);
   char user[USER_MAX + 1 + DOMAIN_MAX] = "";
   uint32_t length = 0;
   void *alert = nm_alert(m, NULL);
   const struct server *server = nc_table_peek(self->servers, &e->server);
   self->events++;
   if (e->user != NULL) {
      length = e->user->length;
      memcpy(user, e->user->name, length);
      user[length++] = '@';
      if (server != NULL) {
         memcpy(user + length, server->domain, server->domain_length);
         length += server->domain_length;
      }
   }
   nm_set(m, alert, F_SBFD_EVENT_TYPE, e->type);
   nm_set(m, alert, F_SBFD_TARGET, e->server);
   nm_set(m, alert, F_SBFD_SOURCE, e->client);
   nm_set(m, alert, F_DST_PORT, server != NULL ? server->port : 0);
   if (e->pair != NULL) {
      nm_set(m, alert, F_SRC_PORT, e->type != DISTRIBUTED ? e->pair->client_port : 0);
      nm_set(m, alert, F_SBFD_LINK_BIT_FIELD, e->pair->link);
      nm_set(m, alert, F_SBFD_PROTOCOL, e->pair->protocol);
   }
   nm_set(m, alert, F_SBFD_EVENT_TIME, e->first);
   nm_set(m, alert, F_SBFD_CEASE_TIME, e->last);
   nm_set(m, alert, F_SBFD_BREACH_TIME, e->breach);
   nm_set(m, alert, F_SBFD_ATTEMPTS, cut(e->attempts));
   nm_set(m, alert, F_SBFD_AVG_ATTEMPTS, cut(e->average));
   nm_set(m, alert, F_SBFD_EVENT_ID, new_id(self, e->first));
   return nm_set_var(m, 0, alert, F_SBFD_USER, user, length) == NM_OK ? nm_send(m, alert) : NM_ERROR;
}

NM_MODULE(
    "sip_bf_detector",
    "Detects guessing of SIP passwords (REGISTER): one client, many clients, scans of users.",
    .in = NM_INPUTS(
        {.name = "SIP messages",
         .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint64 LINK_BIT_FIELD,"
                   "uint8 PROTOCOL,time TIME_FIRST,uint16 SIP_MSG_TYPE,uint16 SIP_STATUS_CODE,"
                   "string SIP_CSEQ,string SIP_CALLING_PARTY",
         .optional = "uint32 PACKETS_REV"}),
    .output =
        "ipaddr SBFD_TARGET,ipaddr SBFD_SOURCE,uint16 SRC_PORT,uint16 DST_PORT,uint64 SBFD_LINK_BIT_FIELD,"
        "uint8 SBFD_PROTOCOL,time SBFD_EVENT_TIME,time SBFD_CEASE_TIME,time SBFD_BREACH_TIME,"
        "uint8 SBFD_EVENT_TYPE,uint64 SBFD_EVENT_ID,uint32 SBFD_ATTEMPTS,uint32 SBFD_AVG_ATTEMPTS,"
        "string SBFD_USER",
    .options = options, .state_size = sizeof(struct sip_bf), .init = init, .records = records,
    .finish = finish)
