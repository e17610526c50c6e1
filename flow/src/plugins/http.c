/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin http: requests and responses of HTTP/1 (RFC 9112) on any port. A flow's record has one request and one response; the
 * next one of either begins another record. Of a message whose headers are cut for good, what is there counts.
 */
#include "cache/plugin.h"
#include "kept.h"

#include "fields.h"

UR_FIELDS(string HTTP_REQUEST_METHOD, string HTTP_REQUEST_HOST, string HTTP_REQUEST_URL,
          string HTTP_REQUEST_AGENT, string HTTP_REQUEST_REFERER, uint16 HTTP_RESPONSE_STATUS_CODE,
          string HTTP_RESPONSE_CONTENT_TYPE, string HTTP_RESPONSE_SERVER,
          string HTTP_RESPONSE_SET_COOKIE_NAMES)

#define MAX_HEADERS 32768 /* bytes that are waited for */

/* Most bytes of each text that are kept. */
enum {
   METHOD_MAX = 15,
   HOST_MAX = 63,
   URL_MAX = 127,
   AGENT_MAX = 127,
   REFERER_MAX = 127,
   TYPE_MAX = 31,
   SERVER_MAX = 127,
   COOKIES_MAX = 511
};

#define FEW 192 /* bytes of all texts: enough for most flows */
#define ALL (METHOD_MAX + HOST_MAX + URL_MAX + AGENT_MAX + REFERER_MAX + TYPE_MAX + SERVER_MAX + COOKIES_MAX)

struct http {
   struct kept kept;
   struct kept_piece method, host, url, agent, referer, type, server, cookies;
   uint16_t status;
   bool request, response;
   /* Not cleared. */
   char few[FEW];
};

static struct kept_piece keep(struct http *h, struct span s, size_t most)
{
   return kept_text(&h->kept, h->few, sizeof(h->few), ALL, s, most);
}

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
   h->method = keep(h, r.method, METHOD_MAX);
   h->url = keep(h, r.target, URL_MAX);
   h->host = keep(h, host, HOST_MAX);
   h->agent = keep(h, agent, AGENT_MAX);
   h->referer = keep(h, referer, REFERER_MAX);
   return PLUGIN_HAS_DATA;
}

struct cookies {
   char names[COOKIES_MAX];
   size_t n;
};

static void add_cookie(struct cookies *c, struct span value)
{
   struct span name, rest;
   if (!span_cut(value, '=', &name, &rest)) {
      return;
   }
   c->n += c->n > 0 ? span_keep(c->names + c->n, sizeof(c->names) - c->n, span_of(";", 1)) : 0;
   c->n += span_keep(c->names + c->n, sizeof(c->names) - c->n, name);
}

static unsigned parse_response(struct http *h, struct span s)
{
   struct span line, version, status, name, value, type = {NULL, 0}, server = type;
   if (!span_line(&s, &line) || !span_cut(line, ' ', &version, &status)) {
      return PLUGIN_NOTHING;
   }
   uint16_t code = (uint16_t) span_number(status, UINT16_MAX);
   struct cookies cookies;
   cookies.n = 0;
   while (next_header(&s, &name, &value)) {
      if (span_is_any_case(name, "Content-Type")) {
         type = value;
      } else if (span_is_any_case(name, "Server")) {
         server = value;
      } else if (span_is_any_case(name, "Set-Cookie")) {
         add_cookie(&cookies, value);
      }
   }
   if (code == 0) {
      return PLUGIN_NOTHING;
   }
   h->response = true;
   h->status = code;
   h->type = keep(h, type, TYPE_MAX);
   h->server = keep(h, server, SERVER_MAX);
   h->cookies = keep(h, span_of(cookies.names, cookies.n), COOKIES_MAX);
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
   return text_before(packet, h->request, h->response, kind_of);
}

static void set_text(const ur_template_t *t, void *rec, int field, const struct http *h,
                     struct kept_piece piece)
{
   plugin_set_var(t, rec, field, kept_at(&h->kept, h->few, piece), piece.n);
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct http *h = ext;
   (void) index;
   ur_set(t, rec, F_HTTP_RESPONSE_STATUS_CODE, h->status);
   set_text(t, rec, F_HTTP_REQUEST_AGENT, h, h->agent);
   set_text(t, rec, F_HTTP_REQUEST_HOST, h, h->host);
   set_text(t, rec, F_HTTP_REQUEST_METHOD, h, h->method);
   set_text(t, rec, F_HTTP_REQUEST_REFERER, h, h->referer);
   set_text(t, rec, F_HTTP_REQUEST_URL, h, h->url);
   set_text(t, rec, F_HTTP_RESPONSE_CONTENT_TYPE, h, h->type);
   set_text(t, rec, F_HTTP_RESPONSE_SERVER, h, h->server);
   set_text(t, rec, F_HTTP_RESPONSE_SET_COOKIE_NAMES, h, h->cookies);
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
    .clear_size = offsetof(struct http, few),
    .more_size = ALL,
    .lazy = true,
    .begins = text_begins,
    .create = on_packet,
    .before = before,
    .update = on_packet,
    .fill = fill,
};
