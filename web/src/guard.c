/* SPDX-License-Identifier: BSD-3-Clause */
#include "guard.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void guard_init(struct guard *g, bool tls, unsigned port)
{
   memset(g, 0, sizeof(*g));
   g->tls = tls;
   g->port = port;
   snprintf(g->cookie, sizeof(g->cookie), tls ? "__Host-nemea-%u" : "nemea-%u", port);
}

bool guard_add_host(struct guard *g, const char *name)
{
   size_t length = strlen(name);
   bool ipv6 = name[0] == '[' && length > 2 && name[length - 1] == ']';
   size_t known = ipv6 ? 1 + strspn(name + 1, "0123456789abcdefABCDEF:.")
                       : strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
   if (length == 0 || length > 253 || known + ipv6 != length || g->n_hosts == GUARD_HOSTS) {
      return false;
   }
   char *host = g->hosts[g->n_hosts++];
   bool usual = g->port == (g->tls ? 443 : 80);
   snprintf(host, GUARD_HOST_SIZE, usual ? "%s" : "%s:%u", name, g->port);
   for (char *c = host; *c != 0; c++) {
      *c = (char) tolower((unsigned char) *c);
   }
   return true;
}

static bool is_host(const struct guard *g, const char *host)
{
   for (unsigned i = 0; i < g->n_hosts; i++) {
      if (strcasecmp(host, g->hosts[i]) == 0) {
         return true;
      }
   }
   return false;
}

static bool is_origin(const struct guard *g, const char *origin)
{
   const char *scheme = g->tls ? "https://" : "http://";
   return strncmp(origin, scheme, strlen(scheme)) == 0 && is_host(g, origin + strlen(scheme));
}

unsigned guard_check(const struct guard *g, const struct headers *h, bool changes, const char **why)
{
   if (h->n_hosts != 1 || h->host == NULL || !is_host(g, h->host)) {
      *why = "this page is not served under this name (--host NAME allows one)";
      return 421;
   }
   if (h->origin != NULL ? !is_origin(g, h->origin) : changes) {
      *why = "requests of other pages are refused (Origin)";
      return 403;
   }
   if (h->site != NULL && strcmp(h->site, "same-origin") != 0 && strcmp(h->site, "none") != 0 &&
       (changes || h->origin != NULL)) {
      *why = "requests of other pages are refused (Sec-Fetch-Site)";
      return 403;
   }
   *why = "";
   return 0;
}

bool guard_is_token(const char *text, size_t length)
{
   return length == TOKEN_DIGITS && strspn(text, "0123456789abcdef") >= length;
}

/* "a=1; b=2": values of ours are neither quoted nor escaped. */
bool guard_session(const struct guard *g, const char *cookies, char id[TOKEN_SIZE])
{
   size_t name = strlen(g->cookie);
   for (const char *c = cookies; c != NULL && *c != 0;) {
      c += strspn(c, " \t;");
      size_t length = strcspn(c, ";");
      if (length > name && c[name] == '=' && strncmp(c, g->cookie, name) == 0) {
         size_t value = length - name - 1;
         while (value > 0 && (c[name + value] == ' ' || c[name + value] == '\t')) {
            value--;
         }
         if (guard_is_token(c + name + 1, value)) {
            memcpy(id, c + name + 1, TOKEN_DIGITS);
            id[TOKEN_DIGITS] = 0;
            return true;
         }
      }
      c += length;
   }
   return false;
}

bool guard_same(const char *a, const char *b)
{
   size_t n = strlen(a);
   unsigned char differs = 0;
   if (n != strlen(b)) { /* lengths are no secret */
      return false;
   }
   for (size_t i = 0; i < n; i++) {
      differs |= (unsigned char) (a[i] ^ b[i]);
   }
   return differs == 0;
}

bool guard_bearer(const char *authorization, const char *expected)
{
   if (authorization == NULL || *expected == 0 || strncasecmp(authorization, "Bearer ", 7) != 0) {
      return false;
   }
   return guard_same(authorization + 7 + strspn(authorization + 7, " "), expected);
}
