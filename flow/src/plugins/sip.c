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
static uint16_t type_of(const struct packet *packet)
{
   if (packet->payload_captured < MIN_SIZE) {
      return 0;
   }
   struct span s = span_of(packet->payload, packet->payload_captured);
   switch (load_be32(packet->payload)) {
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
      add_via(m, plain);
   } else if (span_is_any_case(name, "Call-ID") || span_is_any_case(name, "I")) {
      keep(m, CALL_ID, plain);
   } else if (span_is_any_case(name, "User-Agent")) {
      keep(m, AGENT, plain);
   } else if (span_is_any_case(name, "CSeq")) {
      keep(m, CSEQ, plain);
   }
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct sip *m = ext;
   uint16_t type = type_of(packet);
   struct span s, line, word, rest, name, value;
   (void) flow;
   (void) reverse;
   if (type == 0) {
      return PLUGIN_NOTHING;
   }
   m->type = type;
   s = span_of(packet->payload, packet->payload_captured);
   if (!span_line(&s, &line)) {
      return PLUGIN_HAS_DATA;
   }
   if (span_cut(line, ' ', &word, &rest)) {
      if (type == RESPONSE) {
         m->status = (uint16_t) span_number(rest, UINT16_MAX);
      } else {
         keep(m, URI, up_to(up_to(rest, ' ', ' '), ';', ';'));
      }
   }
   while (span_line(&s, &line) && line.n > 0) {
      if (span_header(line, &name, &value)) {
         parse_header(m, name, value);
      }
   }
   return PLUGIN_HAS_DATA;
}

static unsigned before(void *ext, const struct flow *flow, const struct packet *packet)
{
   (void) flow;
   return ((const struct sip *) ext)->type != 0 && type_of(packet) != 0 ? PLUGIN_FLUSH_FIRST : PLUGIN_NOTHING;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct sip *m = ext;
   (void) index;
   ur_set(t, rec, F_SIP_MSG_TYPE, m->type);
   ur_set(t, rec, F_SIP_STATUS_CODE, m->status);
   ur_set_var(t, rec, F_SIP_CSEQ, m->text[CSEQ], m->length[CSEQ]);
   ur_set_var(t, rec, F_SIP_CALLING_PARTY, m->text[CALLING], m->length[CALLING]);
   ur_set_var(t, rec, F_SIP_CALLED_PARTY, m->text[CALLED], m->length[CALLED]);
   ur_set_var(t, rec, F_SIP_CALL_ID, m->text[CALL_ID], m->length[CALL_ID]);
   ur_set_var(t, rec, F_SIP_USER_AGENT, m->text[AGENT], m->length[AGENT]);
   ur_set_var(t, rec, F_SIP_REQUEST_URI, m->text[URI], m->length[URI]);
   ur_set_var(t, rec, F_SIP_VIA, m->text[VIA], m->length[VIA]);
}

const struct flow_plugin plugin_sip = {
    .name = "sip",
    .help = "SIP messages, any port",
    .fields = "uint16 SIP_MSG_TYPE,uint16 SIP_STATUS_CODE,string SIP_CSEQ,string SIP_CALLING_PARTY,"
              "string SIP_CALLED_PARTY,string SIP_CALL_ID,string SIP_USER_AGENT,string SIP_REQUEST_URI,"
              "string SIP_VIA",
    .ext_size = sizeof(struct sip),
    .clear_size = offsetof(struct sip, text),
    .lazy = true,
    .create = on_packet,
    .before = before,
    .update = on_packet,
    .fill = fill,
};
