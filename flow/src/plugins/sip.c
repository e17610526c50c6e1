/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin sip: messages of the Session Initiation Protocol (RFC 3261) on any port. Each message is a record of its own: the
 * flow goes on in another record with the next one.
 */
#include "cache/plugin.h"
#include "text.h"

#include "fields.h"

UR_FIELDS(uint16 SIP_MSG_TYPE, uint16 SIP_STATUS_CODE, string SIP_CSEQ, string SIP_CALLING_PARTY,
          string SIP_CALLED_PARTY, string SIP_CALL_ID, string SIP_USER_AGENT, string SIP_REQUEST_URI,
          string SIP_VIA)

#define MIN_SIZE 64
#define MAX_TEXT 127
#define VERSION  "SIP/2.0"
#define MAX_LINE 1024  /* bytes of a header that goes on over several lines */
#define MAX_BODY 65000 /* bytes of a message that are waited for */
#define RESPONSE 99

enum { CSEQ, CALLING, CALLED, CALL_ID, AGENT, URI, VIA, N_TEXTS };

struct sip {
   uint16_t type, status;
   uint16_t length[N_TEXTS];
   /* Not cleared. */
   char text[N_TEXTS][MAX_TEXT];
};

#define FOUR(a, b, c, d) ((uint32_t) (a) << 24 | (b) << 16 | (c) << 8 | (d))

/* The number that SIP_MSG_TYPE has for what a payload begins with. 0: no SIP */
static uint16_t type_of(struct span s)
{
   s = span_message(s);
   if (s.n < MIN_SIZE) {
      return 0;
   }
   switch (load_be32((const uint8_t *) s.p)) {
   case FOUR('I', 'N', 'V', 'I'): return 1;
   case FOUR('A', 'C', 'K', ' '): return 2;
   case FOUR('C', 'A', 'N', 'C'): return 3;
   case FOUR('B', 'Y', 'E', ' '): return 4;
   case FOUR('R', 'E', 'G', 'I'): return 5;
   case FOUR('O', 'P', 'T', 'I'): return span_begins(s, "OPTIONS sip:") ? 6 : 0;
   case FOUR('P', 'U', 'B', 'L'): return 7;
   case FOUR('N', 'O', 'T', 'I'): return span_begins(s, "NOTIFY * HTT") ? 0 : 8; /* that is SSDP */
   case FOUR('I', 'N', 'F', 'O'): return 9;
   case FOUR('S', 'U', 'B', 'S'): return 10;
   case FOUR('M', 'E', 'S', 'S'): return span_begins(s, "MESSAGE sip") ? 11 : 0;
   case FOUR('R', 'E', 'F', 'E'): return span_begins(s, "REFER sip") ? 12 : 0;
   case FOUR('P', 'R', 'A', 'C'): return span_begins(s, "PRACK sip") ? 13 : 0;
   case FOUR('U', 'P', 'D', 'A'): return span_begins(s, "UPDATE sip") ? 14 : 0;
   case FOUR('S', 'I', 'P', '/'): return RESPONSE;
   default: return 0;
   }
}

static void keep(struct sip *m, unsigned which, struct span s)
{
   m->length[which] = span_keep(m->text[which], MAX_TEXT, s);
}

/* Up to the first of two characters, or all. */
static struct span up_to(struct span s, char a, char b)
{
   for (size_t i = 0; i < s.n; i++) {
      if (s.p[i] == a || s.p[i] == b) {
         return span_of(s.p, i);
      }
   }
   return s;
}

/* The address in "name <sip:user@host>;tag=x". */
static void keep_party(struct sip *m, unsigned which, struct span value)
{
   for (; value.n > 0; value.p++, value.n--) {
      if (span_begins_any_case(value, "sip:") || span_begins_any_case(value, "sips:")) {
         keep(m, which, up_to(value, ';', '>'));
         return;
      }
   }
}

/* The next of several values that commas separate, without its parameters. */
static struct span next_value(struct span *list)
{
   struct span value = up_to(*list, ',', ',');
   size_t n = value.n + (value.n < list->n);
   *list = span_of(list->p + n, list->n - n);
   return span_trim(up_to(value, ';', ';'));
}

static void add_via(struct sip *m, struct span value)
{
   uint16_t n = m->length[VIA];
   if (n > 0 && n < MAX_TEXT) {
      m->text[VIA][n++] = ';';
   }
   m->length[VIA] = (uint16_t) (n + span_keep(m->text[VIA] + n, (size_t) (MAX_TEXT - n), value));
}

static void parse_header(struct sip *m, struct span name, struct span value)
{
   struct span plain = span_trim(up_to(value, ';', ';'));
   if (span_is_any_case(name, "From") || span_is_any_case(name, "F")) {
      keep_party(m, CALLING, value);
   } else if (span_is_any_case(name, "To") || span_is_any_case(name, "T")) {
      keep_party(m, CALLED, value);
   } else if (span_is_any_case(name, "Via") || span_is_any_case(name, "V")) {
      while (value.n > 0) {
         add_via(m, next_value(&value));
      }
   } else if (span_is_any_case(name, "Call-ID") || span_is_any_case(name, "I")) {
      keep(m, CALL_ID, plain);
   } else if (span_is_any_case(name, "User-Agent")) {
      keep(m, AGENT, plain);
   } else if (span_is_any_case(name, "CSeq")) {
      keep(m, CSEQ, plain);
   }
}

/* Takes a header line off s, with the lines that continue it (RFC 3261, 7.3.1), which are joined in scratch by spaces. */
static bool header_line(struct span *s, struct span *line, char scratch[MAX_LINE])
{
   size_t n = 0;
   if (!span_line(s, line) || line->n == 0) {
      return false;
   }
   while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t')) {
      struct span more;
      n = n > 0 ? n : span_keep(scratch, MAX_LINE, *line);
      if (!span_line(s, &more)) {
         more = *s;
         *s = span_of(s->p + s->n, 0);
      }
      n += span_keep(scratch + n, MAX_LINE - n, span_of(" ", 1));
      n += span_keep(scratch + n, MAX_LINE - n, span_trim(more));
      *line = span_of(scratch, n);
   }
   return true;
}

/* Bytes of a message over TCP, with its body. \return 0: its headers are cut */
static size_t message_size(struct span s)
{
   size_t end = span_headers(s);
   struct span headers = span_of(s.p, end), line, name, value;
   uint32_t body = 0;
   while (span_line(&headers, &line)) {
      if (span_header(line, &name, &value) &&
          (span_is_any_case(name, "Content-Length") || span_is_any_case(name, "l"))) {
         body = span_number(value, MAX_BODY);
      }
   }
   return end > 0 ? end + body : 0;
}

/* May the rest of this be SIP? */
static bool may_begin(struct span s)
{
   if (s.n >= MIN_SIZE) {
      return false;
   }
   struct span line = up_to(s, '\r', '\n');
   bool ends =
       line.n >= strlen(VERSION) && memcmp(line.p + line.n - strlen(VERSION), VERSION, strlen(VERSION)) == 0;
   return line.n == s.n ? span_may_begin(s, "SIP/") : ends || span_begins(line, VERSION);
}

static void parse(struct sip *m, uint16_t type, struct span s)
{
   struct span line, word, rest, name, value;
   char scratch[MAX_LINE];
   m->type = type;
   if (!span_line(&s, &line)) {
      return;
   }
   if (span_cut(line, ' ', &word, &rest)) {
      if (type == RESPONSE) {
         m->status = (uint16_t) span_number(rest, UINT16_MAX);
      } else {
         keep(m, URI, up_to(up_to(rest, ' ', ' '), ';', ';'));
      }
   }
   while (header_line(&s, &line, scratch)) {
      if (span_header(line, &name, &value)) {
         parse_header(m, name, value);
      }
   }
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct span all = span_of(packet->payload, packet->payload_captured), s = span_message(all);
   uint16_t type = type_of(s);
   (void) flow;
   (void) reverse;
   if (type == 0) {
      return s.n > 0 && !plugin_all(packet) && may_begin(s) ? PLUGIN_MORE : PLUGIN_NOTHING;
   }
   if (packet->protocol != PLUGIN_PROTOCOL_TCP) {
      parse(ext, type, s);
      return PLUGIN_HAS_DATA;
   }
   size_t size = message_size(s);
   if ((size == 0 || size > s.n) && !plugin_all(packet) && s.n <= MAX_BODY) {
      return PLUGIN_MORE;
   }
   size = size != 0 && size < s.n ? size : s.n;
   parse(ext, type, span_of(s.p, size));
   struct span rest = span_message(span_of(s.p + size, s.n - size));
   unsigned used = PLUGIN_USED(rest.p - all.p);
   if (type_of(rest) != 0) {
      size = message_size(rest);
      bool whole = (size != 0 && size <= rest.n) || plugin_all(packet);
      return PLUGIN_HAS_DATA | used | (whole ? PLUGIN_AGAIN : PLUGIN_MORE);
   }
   return rest.n > 0 && !plugin_all(packet) && may_begin(rest) ? PLUGIN_HAS_DATA | used | PLUGIN_MORE
                                                               : PLUGIN_HAS_DATA;
}

static unsigned before(void *ext, const struct flow *flow, const struct packet *packet)
{
   (void) flow;
   struct span s = span_of(packet->payload, packet->payload_captured);
   return ((const struct sip *) ext)->type != 0 && type_of(s) != 0 ? PLUGIN_FLUSH_FIRST : PLUGIN_NOTHING;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct sip *m = ext;
   (void) index;
   ur_set(t, rec, F_SIP_MSG_TYPE, m->type);
   ur_set(t, rec, F_SIP_STATUS_CODE, m->status);
   plugin_set_var(t, rec, F_SIP_CALLED_PARTY, m->text[CALLED], m->length[CALLED]);
   plugin_set_var(t, rec, F_SIP_CALLING_PARTY, m->text[CALLING], m->length[CALLING]);
   plugin_set_var(t, rec, F_SIP_CALL_ID, m->text[CALL_ID], m->length[CALL_ID]);
   plugin_set_var(t, rec, F_SIP_CSEQ, m->text[CSEQ], m->length[CSEQ]);
   plugin_set_var(t, rec, F_SIP_REQUEST_URI, m->text[URI], m->length[URI]);
   plugin_set_var(t, rec, F_SIP_USER_AGENT, m->text[AGENT], m->length[AGENT]);
   plugin_set_var(t, rec, F_SIP_VIA, m->text[VIA], m->length[VIA]);
}

const struct flow_plugin plugin_sip = {
    .name = "sip",
    .help = "SIP messages, any port",
    .fields = "uint16 SIP_MSG_TYPE,uint16 SIP_STATUS_CODE,string SIP_CSEQ,string SIP_CALLING_PARTY,"
              "string SIP_CALLED_PARTY,string SIP_CALL_ID,string SIP_USER_AGENT,string SIP_REQUEST_URI,"
              "string SIP_VIA",
    .stream = true,
    .ext_size = sizeof(struct sip),
    .clear_size = offsetof(struct sip, text),
    .lazy = true,
    .begins = text_begins,
    .create = on_packet,
    .before = before,
    .update = on_packet,
    .fill = fill,
};
