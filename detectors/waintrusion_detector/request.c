/* SPDX-License-Identifier: BSD-3-Clause */
/** URLs (RFC 3986) and their arguments (application/x-www-form-urlencoded). */
#include "request.h"

#include <string.h>

static struct text cut(struct request *r, struct text text, uint32_t max)
{
   r->cut |= text.n > max;
   return (struct text){text.data, text.n < max ? text.n : max};
}

static int hex(char c)
{
   if (c >= '0' && c <= '9') {
      return c - '0';
   }
   c = (char) (c | 0x20);
   return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes a text; it never becomes longer. */
static struct text decode(const char *from, size_t n, char *to)
{
   struct text text = {to, 0};
   for (size_t i = 0; i < n; i++) {
      int high = i + 2 < n && from[i] == '%' ? hex(from[i + 1]) : -1;
      int low = high >= 0 ? hex(from[i + 2]) : -1;
      if (low >= 0) {
         to[text.n++] = (char) (high * 16 + low);
         i += 2;
      } else {
         to[text.n++] = (char) (from[i] == '+' ? ' ' : from[i]);
      }
   }
   return text;
}

/* Splits "SCHEME://HOST/PATH?QUERY#FRAGMENT", of which only the path must be there. */
static void split_url(struct text url, struct text *path, struct text *query)
{
   const char *end = url.data + url.n, *at = url.data;
   const char *fragment = url.n > 0 ? memchr(at, '#', url.n) : NULL;
   end = fragment != NULL ? fragment : end;
   const char *mark = end > at ? memchr(at, '?', (size_t) (end - at)) : NULL;
   const char *path_end = mark != NULL ? mark : end;
   const char *scheme = path_end > at ? memmem(at, (size_t) (path_end - at), "://", 3) : NULL;
   if (scheme != NULL && memchr(at, '/', (size_t) (scheme - at)) == NULL) {
      const char *slash = memchr(scheme + 3, '/', (size_t) (path_end - scheme - 3));
      at = slash != NULL ? slash : path_end;
   }
   *path = (struct text){at, (uint32_t) (path_end - at)};
   *query = mark != NULL ? (struct text){mark + 1, (uint32_t) (end - mark - 1)} : (struct text){end, 0};
}

struct arguments {
   struct text names[REQUEST_ARGS], values[REQUEST_ARGS];
   unsigned n_names, n_values;
};

static void split_query(struct request *r, struct text query, struct arguments *args)
{
   const char *at = query.data, *end = query.data + query.n;
   char *to = r->decoded;
   while (at < end) {
      const char *next = memchr(at, '&', (size_t) (end - at));
      const char *part_end = next != NULL ? next : end;
      const char *equals = part_end > at ? memchr(at, '=', (size_t) (part_end - at)) : NULL;
      const char *name_end = equals != NULL ? equals : part_end;
      if (args->n_names == REQUEST_ARGS || args->n_values == REQUEST_ARGS) {
         r->cut = true;
         return;
      }
      if (name_end > at) {
         struct text name = decode(at, (size_t) (name_end - at), to);
         to += name.n;
         args->names[args->n_names++] = name;
      }
      if (equals != NULL && part_end > equals + 1) {
         struct text value = decode(equals + 1, (size_t) (part_end - equals - 1), to);
         to += value.n;
         args->values[args->n_values++] = value;
      }
      at = part_end + 1;
   }
}

static struct text method_and_url(struct request *r, struct text method, struct text url)
{
   memcpy(r->line, method.data, method.n);
   r->line[method.n] = ' ';
   memcpy(r->line + method.n + 1, url.data, url.n);
   return (struct text){r->line, method.n + 1 + url.n};
}

void request_split(struct request *r)
{
   struct arguments args;
   struct text path, query;
   args.n_names = args.n_values = 0;
   r->cut = false;
   struct text method = cut(r, r->method, METHOD_MAX), url = cut(r, r->url, REQUEST_TEXT);
   split_url(url, &path, &query);
   split_query(r, query, &args);
   const struct text singles[FIELDS] = {[FIELD_URL] = url,
                                        [FIELD_URL_RAW] = url,
                                        [FIELD_METHOD] = method,
                                        [FIELD_METHOD_AND_URL] = method_and_url(r, method, url),
                                        [FIELD_FILENAME] = path,
                                        [FIELD_QUERY] = query,
                                        [FIELD_HOST] = cut(r, r->host, REQUEST_TEXT),
                                        [FIELD_AGENT] = cut(r, r->agent, REQUEST_TEXT),
                                        [FIELD_REFERER] = cut(r, r->referer, REQUEST_TEXT)};
   uint16_t n = 0;
   for (unsigned f = 0; f < FIELDS; f++) {
      const struct text *from = f == FIELD_ARGS         ? args.values
                                : f == FIELD_ARGS_NAMES ? args.names
                                                        : &singles[f];
      unsigned many = f == FIELD_ARGS ? args.n_values : f == FIELD_ARGS_NAMES ? args.n_names : 1;
      r->first[f] = n;
      memcpy(&r->texts[n], from, many * sizeof(*from));
      n = (uint16_t) (n + many);
   }
   r->first[FIELDS] = n;
}
