/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin http: requests and responses of HTTP/1 (RFC 9112) on any port. A flow's record has one request and one response; the
 * next one of either begins another record. Of a message whose headers are cut for good, what is there counts.
 */
#include "cache/plugin.h"
#include "text.h"

#include "fields.h"

UR_FIELDS(string HTTP_REQUEST_METHOD, string HTTP_REQUEST_HOST, string HTTP_REQUEST_URL,
          string HTTP_REQUEST_AGENT, string HTTP_REQUEST_REFERER, uint16 HTTP_RESPONSE_STATUS_CODE,
          string HTTP_RESPONSE_CONTENT_TYPE, string HTTP_RESPONSE_SERVER,
          string HTTP_RESPONSE_SET_COOKIE_NAMES)

#define MAX_HEADERS 32768 /* bytes that are waited for */

struct http {
   uint16_t status;
   uint16_t method_length, host_length, url_length, agent_length, referer_length, type_length, server_length,
       cookies_length;
   bool request, response;
   /* Not cleared. */
   char method[15], host[63], url[127], agent[127], referer[127], type[31], server[127], cookies[511];
};

enum message { OTHER, REQUEST, RESPONSE };

static enum message kind_of(struct span s)
{
   s = span_message(s);
   if (s.n < 8) {
      return OTHER;
   }
   if (span_begins(s, "HTTP")) {
      return RESPONSE;
   }
   /* Most payloads are not HTTP: the first bytes tell. */
   if (s.p[0] < 'A' || s.p[0] > 'z' || memchr(s.p, ' ', s.n < MAX_METHOD ? s.n : MAX_METHOD) == NULL) {
      return OTHER;
   }
   struct span method, target, rest;
   return span_cut(s, ' ', &method, &rest) && span_cut(rest, ' ', &target, &rest) && span_begins(rest, "HTTP")
              ? REQUEST
              : OTHER;
}

/* Takes the next header off s. \return false: that was all */
static bool next_header(struct span *s, struct span *name, struct span *value)
{
   struct span line;
   for (;;) {
      if (!span_line(s, &line) || line.n == 0) { /* a line that is cut does not count */
         return false;
      }
      if (span_header(line, name, value)) {
         return true;
      }
   }
}

static unsigned parse_request(struct http *h, struct span s)
{
   struct request_line r;
   struct span headers, name, value, host = {NULL, 0}, agent = host, referer = host;
   if (!span_request(s, "HTTP", &r, &headers)) {
      return PLUGIN_NOTHING;
   }
   while (next_header(&headers, &name, &value)) {
      if (span_is_any_case(name, "Host")) {
         host = value;
      } else if (span_is_any_case(name, "User-Agent")) {
         agent = value;
      } else if (span_is_any_case(name, "Referer")) {
         referer = value;
      }
   }
   h->request = true;
   h->method_length = span_keep(h->method, sizeof(h->method), r.method);
   h->url_length = span_keep(h->url, sizeof(h->url), r.target);
   h->host_length = span_keep(h->host, sizeof(h->host), host);
   h->agent_length = span_keep(h->agent, sizeof(h->agent), agent);
   h->referer_length = span_keep(h->referer, sizeof(h->referer), referer);
   return PLUGIN_HAS_DATA;
}

static void add_cookie(struct http *h, struct span value)
{
   struct span name, rest;
   if (!span_cut(value, '=', &name, &rest)) {
      return;
   }
   uint16_t *n = &h->cookies_length;
   *n += *n > 0 ? span_keep(h->cookies + *n, sizeof(h->cookies) - *n, span_of(";", 1)) : 0;
   *n += span_keep(h->cookies + *n, sizeof(h->cookies) - *n, name);
}

static unsigned parse_response(struct http *h, struct span s)
{
   struct span line, version, status, name, value, type = {NULL, 0}, server = type;
   if (!span_line(&s, &line) || !span_cut(line, ' ', &version, &status)) {
      return PLUGIN_NOTHING;
   }
   uint16_t code = (uint16_t) span_number(status, UINT16_MAX);
   h->cookies_length = 0;
   while (next_header(&s, &name, &value)) {
      if (span_is_any_case(name, "Content-Type")) {
         type = value;
      } else if (span_is_any_case(name, "Server")) {
         server = value;
      } else if (span_is_any_case(name, "Set-Cookie")) {
         add_cookie(h, value);
      }
   }
   if (code == 0) {
      h->cookies_length = 0;
      return PLUGIN_NOTHING;
   }
   h->response = true;
   h->status = code;
   h->type_length = span_keep(h->type, sizeof(h->type), type);
   h->server_length = span_keep(h->server, sizeof(h->server), server);
   return PLUGIN_HAS_DATA;
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct span all = span_of(packet->payload, packet->payload_captured), s = span_message(all);
   enum message kind = kind_of(all);
   (void) flow;
   (void) reverse;
   if (kind == OTHER) {
      return s.n > 0 && !plugin_all(packet) && span_may_begin(s, "HTTP") ? PLUGIN_MORE : PLUGIN_NOTHING;
   }
   size_t end = span_headers(s);
   if (end == 0 && !plugin_all(packet) && s.n <= MAX_HEADERS) {
      return PLUGIN_MORE;
   }
   if (kind == RESPONSE) {
      return parse_response(ext, s);
   }
   unsigned result = parse_request(ext, s);
   /* Requests may be sent without waiting for the answers. What follows the first one may be its body. */
   struct span rest = end > 0 ? span_of(s.p + end, s.n - end) : span_of(s.p + s.n, 0);
   unsigned used = PLUGIN_USED(rest.p - all.p);
   if (rest.n > 0 && kind_of(rest) == REQUEST && span_headers(span_message(rest)) > 0) {
      return result | used | PLUGIN_AGAIN;
   }
   bool begins = rest.n > 0 && (kind_of(rest) == REQUEST || span_may_begin(span_message(rest), "HTTP"));
   return begins && !plugin_all(packet) ? result | used | PLUGIN_MORE : result;
}

static unsigned before(void *ext, const struct flow *flow, const struct packet *packet)
{
   const struct http *h = ext;
   (void) flow;
   if (!h->request && !h->response) {
      return PLUGIN_NOTHING;
   }
   enum message kind = kind_of(span_of(packet->payload, packet->payload_captured));
   return (kind == REQUEST && h->request) || (kind == RESPONSE && h->response) ? PLUGIN_FLUSH_FIRST
                                                                               : PLUGIN_NOTHING;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct http *h = ext;
   (void) index;
   ur_set(t, rec, F_HTTP_RESPONSE_STATUS_CODE, h->status);
   ur_set_var(t, rec, F_HTTP_REQUEST_METHOD, h->method, h->method_length);
   ur_set_var(t, rec, F_HTTP_REQUEST_HOST, h->host, h->host_length);
   ur_set_var(t, rec, F_HTTP_REQUEST_URL, h->url, h->url_length);
   ur_set_var(t, rec, F_HTTP_REQUEST_AGENT, h->agent, h->agent_length);
   ur_set_var(t, rec, F_HTTP_REQUEST_REFERER, h->referer, h->referer_length);
   ur_set_var(t, rec, F_HTTP_RESPONSE_CONTENT_TYPE, h->type, h->type_length);
   ur_set_var(t, rec, F_HTTP_RESPONSE_SERVER, h->server, h->server_length);
   ur_set_var(t, rec, F_HTTP_RESPONSE_SET_COOKIE_NAMES, h->cookies, h->cookies_length);
}

const struct flow_plugin plugin_http = {
    .name = "http",
    .help = "HTTP requests and responses, any port",
    .fields =
        "string HTTP_REQUEST_METHOD,string HTTP_REQUEST_HOST,string HTTP_REQUEST_URL,string "
        "HTTP_REQUEST_AGENT,"
        "string HTTP_REQUEST_REFERER,uint16 HTTP_RESPONSE_STATUS_CODE,string HTTP_RESPONSE_CONTENT_TYPE,"
        "string HTTP_RESPONSE_SERVER,string HTTP_RESPONSE_SET_COOKIE_NAMES",
    .stream = true,
    .ext_size = sizeof(struct http),
    .clear_size = offsetof(struct http, method),
    .lazy = true,
    .begins = text_begins,
    .create = on_packet,
    .before = before,
    .update = on_packet,
    .fill = fill,
};
