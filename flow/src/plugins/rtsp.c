/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin rtsp: requests and responses of the Real-Time Streaming Protocol (RFC 7826) on any port. A flow's record has one
 * request and one response; the next one of either begins another record.
 */
#include "cache/plugin.h"
#include "text.h"

#include "fields.h"

UR_FIELDS(string RTSP_REQUEST_METHOD, string RTSP_REQUEST_AGENT, string RTSP_REQUEST_URI,
          uint16 RTSP_RESPONSE_STATUS_CODE, string RTSP_RESPONSE_SERVER, string RTSP_RESPONSE_CONTENT_TYPE)

#define MAX_HEADERS 8192 /* bytes that are waited for */

struct rtsp {
   uint16_t status;
   uint16_t method_length, agent_length, uri_length, server_length, type_length;
   bool request, response;
   /* Not cleared. */
   char method[9], agent[127], uri[127], server[127], type[31];
};

static enum message kind_of(struct span s)
{
   struct span method, target, rest;
   s = span_message(s);
   if (s.n < 8 || s.p[0] < 'A' || s.p[0] > 'Z') {
      return OTHER;
   }
   if (span_begins(s, "RTSP")) {
      return RESPONSE;
   }
   return memchr(s.p, ' ', s.n < MAX_METHOD ? s.n : MAX_METHOD) != NULL && span_cut(s, ' ', &method, &rest) &&
                  span_cut(rest, ' ', &target, &rest) && span_begins(rest, "RTSP")
              ? REQUEST
              : OTHER;
}

/* The headers that either message may have; a line that goes on in the next packet does not count. */
static void parse_headers(struct rtsp *r, struct span s)
{
   struct span line, name, value;
   while (span_line(&s, &line) && line.n > 0) {
      if (!span_header(line, &name, &value)) {
         continue;
      }
      if (span_is_any_case(name, "User-Agent")) {
         r->agent_length = span_keep(r->agent, sizeof(r->agent), value);
      } else if (span_is_any_case(name, "Server")) {
         r->server_length = span_keep(r->server, sizeof(r->server), value);
      } else if (span_is_any_case(name, "Content-Type")) {
         r->type_length = span_keep(r->type, sizeof(r->type), value);
      }
   }
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct rtsp *r = ext;
   struct span all = span_of(packet->payload, packet->payload_captured), s = span_message(all), line, version,
               rest;
   struct request_line request;
   enum message kind = kind_of(all);
   (void) flow;
   (void) reverse;
   size_t end = kind != OTHER ? span_headers(s) : 0;
   if (!plugin_all(packet) && s.n > 0 && s.n <= MAX_HEADERS && end == 0 &&
       (kind != OTHER || span_may_begin(s, "RTSP"))) {
      return PLUGIN_MORE;
   }
   struct span next = end > 0 ? span_of(s.p + end, s.n - end) : span_of(s.p + s.n, 0);
   unsigned used = PLUGIN_USED(next.p - all.p);
   switch (kind) {
   case REQUEST:
      if (!span_request(s, "RTSP", &request, &rest)) {
         return PLUGIN_NOTHING;
      }
      r->request = true;
      r->method_length = span_keep(r->method, sizeof(r->method), request.method);
      r->uri_length = span_keep(r->uri, sizeof(r->uri), request.target);
      parse_headers(r, rest);
      if (kind_of(next) == REQUEST && span_headers(span_message(next)) > 0) {
         return PLUGIN_HAS_DATA | used | PLUGIN_AGAIN;
      }
      next = span_message(next);
      return next.n > 0 && (kind_of(next) == REQUEST || span_may_begin(next, "RTSP"))
                 ? PLUGIN_HAS_DATA | used | PLUGIN_MORE
                 : PLUGIN_HAS_DATA;
   case RESPONSE:
      if (!span_line(&s, &line) || !span_cut(line, ' ', &version, &rest) ||
          span_number(rest, UINT16_MAX) == 0) {
         return PLUGIN_NOTHING;
      }
      r->response = true;
      r->status = (uint16_t) span_number(rest, UINT16_MAX);
      parse_headers(r, s);
      return PLUGIN_HAS_DATA;
   default: return PLUGIN_NOTHING;
   }
}

static unsigned before(void *ext, const struct flow *flow, const struct packet *packet)
{
   const struct rtsp *r = ext;
   (void) flow;
   return text_before(packet, r->request, r->response, kind_of);
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct rtsp *r = ext;
   (void) index;
   ur_set(t, rec, F_RTSP_RESPONSE_STATUS_CODE, r->status);
   plugin_set_var(t, rec, F_RTSP_REQUEST_AGENT, r->agent, r->agent_length);
   plugin_set_var(t, rec, F_RTSP_REQUEST_METHOD, r->method, r->method_length);
   plugin_set_var(t, rec, F_RTSP_REQUEST_URI, r->uri, r->uri_length);
   plugin_set_var(t, rec, F_RTSP_RESPONSE_CONTENT_TYPE, r->type, r->type_length);
   plugin_set_var(t, rec, F_RTSP_RESPONSE_SERVER, r->server, r->server_length);
}

const struct flow_plugin plugin_rtsp = {
    .name = "rtsp",
    .help = "RTSP requests and responses, any port",
    .fields =
        "string RTSP_REQUEST_METHOD,string RTSP_REQUEST_AGENT,string RTSP_REQUEST_URI,"
        "uint16 RTSP_RESPONSE_STATUS_CODE,string RTSP_RESPONSE_SERVER,string RTSP_RESPONSE_CONTENT_TYPE",
    .stream = true,
    .ext_size = sizeof(struct rtsp),
    .clear_size = offsetof(struct rtsp, method),
    .lazy = true,
    .begins = text_begins,
    .create = on_packet,
    .before = before,
    .update = on_packet,
    .fill = fill,
};
