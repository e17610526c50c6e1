/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin smtp: commands and replies of mail transfers (RFC 5321), port 25. All lines of a segment count, and the end of a
 * mail is found wherever segments are cut.
 */
#include "cache/plugin.h"
#include "text.h"

#include <netinet/in.h>

#include "fields.h"

UR_FIELDS(uint32 SMTP_2XX_STAT_CODE_COUNT, uint32 SMTP_3XX_STAT_CODE_COUNT, uint32 SMTP_4XX_STAT_CODE_COUNT,
          uint32 SMTP_5XX_STAT_CODE_COUNT, uint32 SMTP_COMMAND_FLAGS, uint32 SMTP_MAIL_CMD_COUNT,
          uint32 SMTP_RCPT_CMD_COUNT, uint32 SMTP_STAT_CODE_FLAGS, string SMTP_DOMAIN,
          string SMTP_FIRST_RECIPIENT, string SMTP_FIRST_SENDER)

#define PORT          25
#define MAX_TEXT      254
#define MAX_COMMAND   31
#define MAX_LINE      1024 /* bytes of a line that are waited for */
#define TLS_HANDSHAKE 22   /* first byte of a TLS connection (RFC 3207 begins one after STARTTLS) */
#define NO_COMMAND    0x8000
#define CODE_OTHER    0x80000000u
#define CODE_SPAM     0x40000000u

/* State of the client. */
enum {
   COMMANDS,
   COMMAND_CUT,
   MAIL_ASKED,
   TLS_ASKED,
   ENCRYPTED,
   MAIL_BEGIN,
   MAIL_LINE,
   MAIL_DOT,
   MAIL_DOT_CR
};

struct smtp {
   uint32_t codes[6]; /* by the first digit */
   uint32_t command_flags, code_flags, mails, recipients;
   uint16_t domain_length, recipient_length, sender_length;
   uint8_t state;
   /* Not cleared. */
   char domain[MAX_TEXT], recipient[MAX_TEXT], sender[MAX_TEXT];
};

static uint32_t flag_of_code(unsigned code)
{
   static const uint16_t codes[] = {211, 214, 220, 221, 250, 251, 252, 354, 421, 450, 451, 452,
                                    455, 500, 501, 502, 503, 504, 550, 551, 552, 553, 554, 555};
   for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
      if (codes[i] == code) {
         return 1u << i;
      }
   }
   return CODE_OTHER;
}

static bool is_spam(struct span line)
{
   for (; line.n >= 4; line.p++, line.n--) {
      if (span_begins_any_case(line, "spam")) {
         return true;
      }
   }
   return false;
}

/* A line of a reply counts when it is the reply's last: the code and a space, or the code alone. */
static bool parse_reply(struct smtp *m, struct span line)
{
   if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' || line.p[1] < '0' || line.p[1] > '9' ||
       line.p[2] < '0' || line.p[2] > '9' || (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')) {
      return false;
   }
   unsigned code = span_number(span_of(line.p, 3), 999);
   m->code_flags |= flag_of_code(code) | (is_spam(line) ? CODE_SPAM : 0);
   if (line.n == 3 || line.p[3] == ' ') {
      m->codes[code / 100]++;
      if (m->state == MAIL_ASKED) {
         m->state = code == 354 ? MAIL_BEGIN : COMMANDS;
      } else if (m->state == TLS_ASKED) {
         m->state = code == 220 ? ENCRYPTED : COMMANDS;
      }
   }
   return true;
}

/* The last line may be cut. rest: its bytes, when more of it may come */
static bool parse_replies(struct smtp *m, struct span s, bool all, size_t *rest)
{
   struct span line;
   bool any = false;
   while (m->state != ENCRYPTED && span_line(&s, &line)) {
      any |= parse_reply(m, line);
   }
   if (m->state != ENCRYPTED && !all && s.n > 0 && s.n < MAX_LINE) {
      *rest = s.n;
      return any;
   }
   return (m->state != ENCRYPTED && s.n > 3 && parse_reply(m, s)) || any;
}

static uint16_t keep_path(char *to, struct span argument)
{
   struct span word, path;
   return span_cut(argument, ':', &word, &path) ? span_keep(to, MAX_TEXT, path) : 0;
}

static bool parse_command(struct smtp *m, struct span line)
{
   static const char *const commands[] = {"EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET",
                                          "VRFY", "EXPN", "HELP", "NOOP", "QUIT"};
   struct span command = line, argument = {NULL, 0};
   span_cut(line, ' ', &command, &argument);
   if (command.n == 0 || command.n > MAX_COMMAND) {
      return false;
   }
   for (size_t i = 0; i < command.n; i++) {
      if (command.p[i] < 'A' || command.p[i] > 'Z') {
         m->command_flags |= NO_COMMAND;
      }
   }
   if (span_is_any_case(command, "STARTTLS")) {
      m->state = TLS_ASKED;
   }
   for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
      if (!span_is_any_case(command, commands[i])) {
         continue;
      }
      m->command_flags |= 1u << i;
      if (i <= 1 && m->domain_length == 0) {
         m->domain_length = span_keep(m->domain, MAX_TEXT, argument);
      } else if (i == 2 && m->mails++ == 0) {
         m->sender_length = keep_path(m->sender, argument);
      } else if (i == 3 && m->recipients++ == 0) {
         m->recipient_length = keep_path(m->recipient, argument);
      } else if (i == 4) {
         m->state = MAIL_ASKED;
      }
      return true;
   }
   return true;
}

/* Skips the lines of a mail. \return what is after its end */
static struct span skip_mail(struct smtp *m, struct span s)
{
   while (s.n > 0) {
      char c = *s.p;
      if (m->state == MAIL_LINE) {
         const char *end = memchr(s.p, '\n', s.n);
         size_t n = end != NULL ? (size_t) (end - s.p) + 1 : s.n;
         s = span_of(s.p + n, s.n - n);
         m->state = end != NULL ? MAIL_BEGIN : MAIL_LINE;
         continue;
      }
      s = span_of(s.p + 1, s.n - 1);
      if (m->state == MAIL_DOT_CR && c == '\n') {
         m->state = COMMANDS;
         return s;
      }
      m->state = m->state == MAIL_BEGIN && c == '.'  ? MAIL_DOT
                 : m->state == MAIL_DOT && c == '\r' ? MAIL_DOT_CR
                 : c == '\n'                         ? MAIL_BEGIN
                                                     : MAIL_LINE;
   }
   return s;
}

static bool parse_commands(struct smtp *m, struct span s, bool all, size_t *rest)
{
   struct span line;
   bool any = false;
   if (m->state == TLS_ASKED && s.p[0] == TLS_HANDSHAKE) { /* the reply was not captured */
      m->state = ENCRYPTED;
   }
   while (s.n > 0 && m->state != ENCRYPTED) {
      if (m->state >= MAIL_BEGIN) {
         s = skip_mail(m, s);
         continue;
      }
      if (m->state == MAIL_ASKED) { /* goes on without waiting for the reply, or that was not captured */
         m->state = MAIL_BEGIN;
         continue;
      }
      bool begins = m->state == COMMANDS || m->state == TLS_ASKED;
      if (!span_line(&s, &line)) {
         if (begins && !all && s.n < MAX_LINE) {
            *rest = s.n;
            return any;
         }
         m->state = COMMAND_CUT;
         return (begins && parse_command(m, s)) || any;
      }
      m->state = COMMANDS;
      any |= begins && parse_command(m, line);
   }
   return any;
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   (void) flow;
   (void) reverse;
   if ((packet->src_port != PORT && packet->dst_port != PORT) || packet->payload_captured == 0 ||
       packet->protocol != IPPROTO_TCP) {
      return PLUGIN_NOTHING;
   }
   struct span s = span_of(packet->payload, packet->payload_captured);
   size_t rest = 0;
   bool all = plugin_all(packet), found = packet->src_port == PORT ? parse_replies(ext, s, all, &rest)
                                                                   : parse_commands(ext, s, all, &rest);
   /* PLUGIN_KEEP: where in a mail this ended */
   return (found ? PLUGIN_HAS_DATA : PLUGIN_KEEP) | (rest > 0 ? PLUGIN_MORE | PLUGIN_USED(s.n - rest) : 0);
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct smtp *m = ext;
   (void) index;
   ur_set(t, rec, F_SMTP_2XX_STAT_CODE_COUNT, m->codes[2]);
   ur_set(t, rec, F_SMTP_3XX_STAT_CODE_COUNT, m->codes[3]);
   ur_set(t, rec, F_SMTP_4XX_STAT_CODE_COUNT, m->codes[4]);
   ur_set(t, rec, F_SMTP_5XX_STAT_CODE_COUNT, m->codes[5]);
   ur_set(t, rec, F_SMTP_COMMAND_FLAGS, m->command_flags);
   ur_set(t, rec, F_SMTP_MAIL_CMD_COUNT, m->mails);
   ur_set(t, rec, F_SMTP_RCPT_CMD_COUNT, m->recipients);
   ur_set(t, rec, F_SMTP_STAT_CODE_FLAGS, m->code_flags);
   plugin_set_var(t, rec, F_SMTP_DOMAIN, m->domain, m->domain_length);
   plugin_set_var(t, rec, F_SMTP_FIRST_RECIPIENT, m->recipient, m->recipient_length);
   plugin_set_var(t, rec, F_SMTP_FIRST_SENDER, m->sender, m->sender_length);
}

const struct flow_plugin plugin_smtp = {
    .name = "smtp",
    .help = "commands and replies of mail transfers, port 25",
    .fields =
        "uint32 SMTP_2XX_STAT_CODE_COUNT,uint32 SMTP_3XX_STAT_CODE_COUNT,uint32 SMTP_4XX_STAT_CODE_COUNT,"
        "uint32 SMTP_5XX_STAT_CODE_COUNT,uint32 SMTP_COMMAND_FLAGS,uint32 SMTP_MAIL_CMD_COUNT,"
        "uint32 SMTP_RCPT_CMD_COUNT,uint32 SMTP_STAT_CODE_FLAGS,string SMTP_DOMAIN,"
        "string SMTP_FIRST_RECIPIENT,string SMTP_FIRST_SENDER",
    .protocols = PLUGIN_TCP,
    .port = PORT,
    .stream = true,
    .ext_size = sizeof(struct smtp),
    .clear_size = offsetof(struct smtp, domain),
    .lazy = true,
    .create = on_packet,
    .update = on_packet,
    .fill = fill,
};
