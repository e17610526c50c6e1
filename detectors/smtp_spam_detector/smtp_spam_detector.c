/* SPDX-License-Identifier: BSD-3-Clause */
/** smtp_spam_detector: hosts that send spam. This file is the module: options, records and alerts. */
#include "spam.h"
#include "fields.h"

#include <string.h>

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, time TIME_FIRST, time TIME_LAST, uint32 PACKETS,
          uint32 PACKETS_REV, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint32 SMTP_COMMAND_FLAGS,
          uint32 SMTP_MAIL_CMD_COUNT, uint32 SMTP_RCPT_CMD_COUNT, uint32 SMTP_STAT_CODE_FLAGS,
          string SMTP_DOMAIN, string SMTP_FIRST_SENDER, time DETECTION_TIME, uint32 FLOW_COUNT,
          uint32 SPAM_DESTINATIONS, uint32 SPAM_REFUSED, uint32 SPAM_SESSIONS, uint8 SPAM_CONFIDENCE)

#define TCP           6
#define CODE_SPAM     0x40000000u /* of SMTP_STAT_CODE_FLAGS: the word was in a reply */
#define CODES_REFUSED 0x00fc0000u /* 550 to 555: mailbox or sender refused */
#define COMMAND_QUIT  0x400u      /* of SMTP_COMMAND_FLAGS */
#define POINTS_SPAM   5

#define ALERTS                                                                                            \
   "ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,time DETECTION_TIME,uint32 PACKETS,uint32 " \
   "FLOW_COUNT,uint32 SPAM_DESTINATIONS,uint32 SPAM_REFUSED,uint32 SPAM_SESSIONS,uint8 SPAM_CONFIDENCE,"  \
   "string SMTP_DOMAIN,string SMTP_FIRST_SENDER"

/* Ports that mail is sent to: SMTP, SMTP over TLS, submission. */
static bool is_sending(uint16_t port)
{
   return port == 25 || port == 465 || port == 587;
}

static void sender_evicted(void *context, const void *key, void *value)
{
   struct sender *s = value;
   (void) context;
   (void) key;
   link_remove(&s->by_begin);
}

static const nm_option_t options[] = {
    NM_STRING('L', "log", struct spam, log_path, NULL,
              "File that a line is appended to for each alert. Without it, "
              "/var/log/smtp_spam_detector.log if that can be written."),
    NM_CHOICE(0, "debug", struct spam, debug, 0, ((const char *const[]){"False", "True", NULL}),
              "Log each sender that was analysed, not only those of spam."),
    NM_U64('t', "interval", struct spam, interval, 300, 1, 31536000,
           "A sender is analysed so many seconds after its first mail."),
    NM_U64('c', "clean", struct spam, clean, 0, 0, 31536000,
           "What is known of a sender is kept until it has been silent for so many seconds; 0: it is "
           "forgotten after the analysis."),
    NM_U32(0, "refused", struct spam, refused_percent, 20, 0, 100,
           "Least share of sessions, in percent, that receivers refused or called spam."),
    NM_FLAG('u', "unirec", struct spam, unirec, "Send alerts as UniRec records instead of IDEA messages."),
    NM_TABLE(0, "senders", struct spam, senders, "senders and receivers", ip_addr_t, struct sender, 65536,
             .evicted = sender_evicted),
    NM_TABLE(0, "destinations", struct spam, destinations, "destinations", struct destination, uint8_t,
             262144),
    NM_TABLE(0, "names", struct spam, names, "senders with names", uint64_t, struct names, 8192),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct spam *self = nm_self(m);
   link_head(&self->by_begin);
   nm_counter(m, "reported", &self->reported);
   nm_counter(m, "names cut or left out", &self->dropped);
   nm_counter(m, "errors of the log", &self->log_errors);
   int rc = self->unirec ? nm_set_output_data(m, 0, NM_UNIREC, ALERTS)
                         : nm_set_output_data(m, 0, NM_JSON, "smtp_alert");
   return rc == NM_OK ? log_open(m) : rc;
}

/* --------------------------------------------------------------------- records */

/* Its window begins now if it is new. Never NULL: the table evicts. */
static struct sender *sender_of(nm_module_t *m, const ip_addr_t *ip)
{
   struct spam *self = nm_self(m);
   bool is_new = false;
   struct sender *s = nc_table_upsert(self->senders, ip, &is_new);
   if (is_new) {
      s->id = ++self->ids;
      s->begin = nm_now(m);
      link_append(&self->by_begin, &s->by_begin);
   }
   s->seen = nm_now(m);
   return s;
}

/* Adds a name unless it is there. */
static void add_name(struct spam *self, struct name *names, const char *text, uint32_t length)
{
   unsigned i = 0;
   uint8_t n = (uint8_t) (length < sizeof(names->text) ? length : sizeof(names->text));
   if (length == 0) {
      return;
   }
   while (i < NAMES_MAX && names[i].length > 0) {
      if (names[i].length == n && memcmp(names[i].text, text, n) == 0) {
         return;
      }
      i++;
   }
   self->dropped += i == NAMES_MAX || n < length;
   if (i < NAMES_MAX) {
      names[i].length = n;
      memcpy(names[i].text, text, n);
   }
}

/* What the client of a session said. */
static void add_commands(nm_module_t *m, struct sender *s, const void *rec)
{
   struct spam *self = nm_self(m);
   uint32_t mails = nm_get(m, rec, F_SMTP_MAIL_CMD_COUNT);
   uint32_t n_host = nm_get_len(m, rec, F_SMTP_DOMAIN), n_sender = nm_get_len(m, rec, F_SMTP_FIRST_SENDER);
   s->sessions++;
   if (mails == 0) {
      s->points += (nm_get(m, rec, F_SMTP_COMMAND_FLAGS) & COMMAND_QUIT) != 0; /* else it went on encrypted */
   } else {
      s->points += nm_get(m, rec, F_SMTP_RCPT_CMD_COUNT) == 0;
   }
   if (n_host + n_sender > 0) {
      struct names *names = nc_table_upsert(self->names, &s->id, NULL);
      add_name(self, names->hosts, nm_get_ptr(m, rec, F_SMTP_DOMAIN), n_host);
      add_name(self, names->senders, nm_get_ptr(m, rec, F_SMTP_FIRST_SENDER), n_sender);
   }
}

/* What the server of a session answered. */
static void add_replies(nm_module_t *m, struct sender *s, const void *rec)
{
   uint32_t codes = nm_get(m, rec, F_SMTP_STAT_CODE_FLAGS);
   bool called_spam = (codes & CODE_SPAM) != 0;
   s->points += (called_spam ? POINTS_SPAM : 0) + (unsigned) __builtin_popcount(codes & CODES_REFUSED);
   s->refused += called_spam || (codes & CODES_REFUSED) != 0;
   s->called_spam += called_spam;
}

static void add_flow(nm_module_t *m, struct sender *s, const void *rec)
{
   struct spam *self = nm_self(m);
   bool is_new = false;
   ur_time_t first = nm_get(m, rec, F_TIME_FIRST), last = nm_get(m, rec, F_TIME_LAST);
   struct destination d = {.sender = s->id};
   memcpy(&d.address, nm_get_ptr(m, rec, F_DST_IP), sizeof(d.address));
   s->first = s->sent == 0 || first < s->first ? first : s->first;
   s->last = last > s->last ? last : s->last;
   s->sent++;
   s->bytes += nm_get(m, rec, F_BYTES);
   s->packets += nm_get(m, rec, F_PACKETS);
   nc_table_upsert(self->destinations, &d, &is_new);
   s->destinations += is_new;
   sender_of(m, &d.address)->received++; /* may evict s, which is not used afterwards */
}

/* A client is the side that sends mail, whichever direction comes first. Commands are in its direction of a connection, replies in
 * the other; a record that was not split may have both. */
static int record(nm_module_t *m, const void *rec)
{
   ip_addr_t client;
   bool from_client = is_sending(nm_get(m, rec, F_DST_PORT));
   if (nm_get(m, rec, F_PROTOCOL) != TCP || (!from_client && !is_sending(nm_get(m, rec, F_SRC_PORT)))) {
      return NM_OK;
   }
   bool smtp = nm_has(m, F_SMTP_STAT_CODE_FLAGS) && nm_has(m, F_SMTP_COMMAND_FLAGS) &&
               nm_has(m, F_SMTP_MAIL_CMD_COUNT) && nm_has(m, F_SMTP_RCPT_CMD_COUNT);
   memcpy(&client, from_client ? nm_get_ptr(m, rec, F_SRC_IP) : nm_get_ptr(m, rec, F_DST_IP), sizeof(client));
   if (!from_client && !smtp) {
      return NM_OK;
   }
   struct sender *s = sender_of(m, &client);
   if (smtp && (!from_client || nm_direction(m) == NM_ONE_WAY)) {
      add_replies(m, s, rec);
   }
   if (smtp && from_client) {
      add_commands(m, s, rec);
   }
   if (from_client) {
      add_flow(m, s, rec);
   }
   return NM_OK;
}

/* ------------------------------------------------------------------- analysis */

static uint32_t cut(uint64_t value)
{
   return value < UINT32_MAX ? (uint32_t) value : UINT32_MAX;
}

static int send_record(nm_module_t *m, const ip_addr_t *ip, const struct sender *s, const struct names *names,
                       const struct verdict *v, ur_time_t now)
{
   void *alert = nm_alert(m, NULL);
   nm_set(m, alert, F_SRC_IP, *ip);
   nm_set(m, alert, F_BYTES, s->bytes);
   nm_set(m, alert, F_PACKETS, cut(s->packets));
   nm_set(m, alert, F_FLOW_COUNT, cut(s->sent));
   nm_set(m, alert, F_TIME_FIRST, s->first);
   nm_set(m, alert, F_TIME_LAST, s->last);
   nm_set(m, alert, F_DETECTION_TIME, now);
   nm_set(m, alert, F_SPAM_DESTINATIONS, s->destinations);
   nm_set(m, alert, F_SPAM_REFUSED, cut(s->refused));
   nm_set(m, alert, F_SPAM_SESSIONS, cut(s->sessions));
   nm_set(m, alert, F_SPAM_CONFIDENCE, (uint8_t) (v->confidence * 100));
   if (names != NULL &&
       (nm_set_var(m, 0, alert, F_SMTP_DOMAIN, names->hosts[0].text, names->hosts[0].length) != NM_OK ||
        nm_set_var(m, 0, alert, F_SMTP_FIRST_SENDER, names->senders[0].text, names->senders[0].length) !=
            NM_OK)) {
      return NM_ERROR;
   }
   return nm_send(m, alert);
}

static int analyse(nm_module_t *m, struct sender *s, ur_time_t now)
{
   struct spam *self = nm_self(m);
   const struct names *names = nc_table_peek(self->names, &s->id);
   ip_addr_t ip;
   if (s->sent == s->analysed) {
      return NM_OK;
   }
   memcpy(&ip, nc_table_key(self->senders, s), sizeof(ip));
   const struct verdict v = judge(self, s);
   log_verdict(m, &ip, s, &v, now);
   s->analysed = s->sent;
   if (!v.reported) {
      return NM_OK;
   }
   self->reported++;
   if (self->unirec) {
      return send_record(m, &ip, s, names, &v, now);
   }
   idea_write(self, &ip, s, names, &v, now);
   return self->text.failed != NULL ? nm_fail(m, "out of memory for a message")
                                    : nm_send_raw(m, 0, self->text.data, (uint16_t) self->text.length);
}

/* After its window: a new one, or the sender is forgotten. */
static void renew(struct spam *self, struct sender *s, ur_time_t now)
{
   ur_time_t clean = (ur_time_t) self->clean << 32;
   link_remove(&s->by_begin);
   if (self->clean > 0 && (now <= s->seen || now - s->seen < clean)) {
      s->begin = now;
      link_append(&self->by_begin, &s->by_begin);
      return;
   }
   nc_table_remove(self->names, &s->id);
   nc_table_remove_value(self->senders, s);
}

static int tick(nm_module_t *m, ur_time_t now)
{
   struct spam *self = nm_self(m);
   ur_time_t interval = (ur_time_t) self->interval << 32;
   struct link *next;
   for (struct link *l = self->by_begin.next; l != &self->by_begin; l = next) {
      struct sender *s = (struct sender *) l;
      next = l->next;
      if (s->begin == 0) { /* came before the clock was known */
         s->begin = now;
         continue;
      }
      if (s->begin >= now || now - s->begin < interval) {
         break;
      }
      bool last = next == &self->by_begin;
      int rc = analyse(m, s, now);
      if (rc != NM_OK) {
         return rc;
      }
      renew(self, s, now);
      if (last) {
         break; /* what follows is what was renewed */
      }
   }
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct spam *self = nm_self(m);
   int rc = NM_OK;
   for (struct link *l = self->by_begin.next; rc == NM_OK && l != &self->by_begin; l = l->next) {
      rc = analyse(m, (struct sender *) l, nm_now(m));
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct spam *self = nm_self(m);
   nc_json_free(&self->text);
   if (self->log != NULL) {
      fclose(self->log);
   }
}

#define FLOWS                                                                                                \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT," \
   "uint16 SRC_PORT,uint8 PROTOCOL"
#define SMTP                                                                                 \
   "uint32 SMTP_COMMAND_FLAGS,uint32 SMTP_MAIL_CMD_COUNT,uint32 SMTP_RCPT_CMD_COUNT,uint32 " \
   "SMTP_STAT_CODE_FLAGS,string SMTP_DOMAIN,string SMTP_FIRST_SENDER"

NM_MODULE("smtp_spam_detector",
          "Detects hosts that send spam: by what receivers answer, how many they are, and whether the host "
          "receives mail itself.",
          .in = NM_INPUTS({.name = "flows", .fields = FLOWS, .optional = SMTP, .split_biflows = true},
                          {.name = "SMTP flows", .fields = FLOWS "," SMTP, .split_biflows = true, .max = 1}),
          .out = NM_OUTPUTS({.name = "alerts"}), .options = options, .state_size = sizeof(struct spam),
          .tick_every = NM_SECONDS(1), .init = init, .record = record, .tick = tick, .finish = finish,
          .cleanup = cleanup)
