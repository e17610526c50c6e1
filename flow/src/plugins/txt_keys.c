/* SPDX-License-Identifier: BSD-3-Clause */
#include "txt_keys.h"

#include <errno.h>
#include <stdio.h>

bool txt_keys_parse(struct txt_keys *k, size_t size, const char *name, char error[TXT_KEYS_ERROR])
{
   struct span rest = span_of(k->text, size), line;
   k->n = 0;
   for (unsigned number = 1; rest.n > 0; number++) {
      struct span service, keys;
      if (!span_line(&rest, &line)) {
         line = rest;
         rest.n = 0;
      }
      line = span_trim(line);
      if (line.n == 0 || line.p[0] == '#') {
         continue;
      }
      if (!span_cut(line, ',', &service, &keys) || span_trim(service).n == 0) {
         snprintf(error, TXT_KEYS_ERROR, "%.150s:%u: \"%.*s\" is not SERVICE.DOMAIN,KEY,...", name, number,
                  (int) (line.n < 40 ? line.n : 40), line.p);
         return false;
      }
      if (k->n == TXT_KEYS_SERVICES) {
         snprintf(error, TXT_KEYS_ERROR, "%.150s:%u: more than %d services", name, number, TXT_KEYS_SERVICES);
         return false;
      }
      k->services[k->n] = span_trim(service);
      k->keys[k->n++] = keys;
   }
   return true;
}

bool txt_keys_read(struct txt_keys *k, const char *path, char error[TXT_KEYS_ERROR])
{
   FILE *f = fopen(path, "re");
   if (f == NULL) {
      snprintf(error, TXT_KEYS_ERROR, "cannot read %.150s: %s", path, strerror(errno));
      return false;
   }
   size_t n = fread(k->text, 1, sizeof(k->text), f);
   bool bad = ferror(f) != 0, large = n == sizeof(k->text);
   fclose(f);
   if (bad || large) {
      snprintf(error, TXT_KEYS_ERROR, "%.150s: %s", path, bad ? "cannot be read" : "larger than 64 KB");
      return false;
   }
   return txt_keys_parse(k, n, path, error);
}

static bool same(struct span a, struct span b)
{
   return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* owner is the service, or ends with a dot and the service. */
static bool is_of(struct span owner, struct span service)
{
   if (owner.n > service.n && owner.p[owner.n - service.n - 1] == '.') {
      owner = span_of(owner.p + owner.n - service.n, service.n);
   }
   return same(owner, service);
}

bool txt_keys_wanted(const struct txt_keys *k, struct span owner, struct span piece)
{
   struct span key = piece, value;
   span_cut(piece, '=', &key, &value);
   for (unsigned i = 0; i < k->n; i++) {
      struct span rest = k->keys[i], wanted;
      if (!is_of(owner, k->services[i])) {
         continue;
      }
      while (span_cut(rest, ',', &wanted, &rest)) {
         if (same(span_trim(wanted), key)) {
            return true;
         }
      }
      if (rest.n > 0 && same(span_trim(rest), key)) {
         return true;
      }
   }
   return false;
}
