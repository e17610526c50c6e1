/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Countries that addresses call: learned for a while, then a call to another one is unusual.
 *
 * The file has the countries that all may call, and those of each address:
 *
 *     ALLOWED_COUNTRIES=CZ:SK:
 *     -192.0.2.7
 *     =DE:AT:
 */
#include "voip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ALLOWED     "ALLOWED_COUNTRIES="
#define ALLOWED_MAX 1000
#define LINE_SIZE   8192
#define DIGITS_MAX  20
#define DISABLED    "disabled"

/* ---------------------------------------------------------------------- reading */

struct reader {
   nm_module_t *m;
   const char *path;
   unsigned line;
};

static int bad(const struct reader *r, const char *value, const char *expected)
{
   return nm_fail(r->m, "%s:%u: \"%.60s\": expected %s", r->path, r->line, value, expected);
}

static bool is_letter(char c)
{
   return c >= 'A' && c <= 'Z';
}

/* The codes of "CZ:SK:", at most max of them. \return number, -1: failed */
static int read_codes(const struct reader *r, const char *text, char (*to)[2], unsigned max)
{
   unsigned n = 0;
   for (const char *p = text; *p != 0; p += p[2] == ':' ? 3 : 2) {
      if (!is_letter(p[0]) || !is_letter(p[1]) || (p[2] != ':' && p[2] != 0)) {
         return bad(r, text, "country codes of two letters, each followed by ':'");
      }
      if (n == max) {
         return nm_fail(r->m, "%s:%u: more than %u countries", r->path, r->line, max);
      }
      memcpy(to[n++], p, 2);
   }
   return (int) n;
}

static int read_allowed(const struct reader *r, const char *text)
{
   struct voip *self = nm_self(r->m);
   if (self->allowed != NULL) {
      return bad(r, ALLOWED, "one line of these only");
   }
   self->allowed = calloc(ALLOWED_MAX, sizeof(*self->allowed));
   int n = self->allowed != NULL ? read_codes(r, text, self->allowed, ALLOWED_MAX)
                                 : nm_fail(r->m, "out of memory for countries");
   self->n_allowed = n > 0 ? (uint32_t) n : 0;
   return n < 0 ? NM_ERROR : NM_OK;
}

static int read_line(const struct reader *r, char *line, ip_addr_t *ip, bool *has_ip)
{
   struct voip *self = nm_self(r->m);
   struct countries *home;
   line[strcspn(line, "\r\n")] = 0;
   if (line[0] == 0 || line[0] == '#') {
      return NM_OK;
   }
   if (line[0] == '=' && *has_ip) {
      home = nc_table_upsert(self->homes, ip, NULL);
      int n = read_codes(r, line + 1, home->code, COUNTRIES_MAX);
      home->n = n > 0 ? (uint8_t) n : 0;
      *has_ip = false;
      return n < 0 ? NM_ERROR : NM_OK;
   }
   if (*has_ip) {
      return bad(r, line, "'=' and the countries of the address before");
   }
   if (line[0] == '-') {
      *has_ip = ip_from_str(line + 1, ip) != 0;
      return *has_ip ? NM_OK : bad(r, line + 1, "an address");
   }
   if (strncmp(line, ALLOWED, strlen(ALLOWED)) == 0) {
      return read_allowed(r, line + strlen(ALLOWED));
   }
   return bad(r, line, "\"" ALLOWED "\", '-' and an address, or '=' and its countries");
}

int countries_parse(nm_module_t *m, FILE *file, const char *path)
{
   struct reader r = {m, path, 0};
   char line[LINE_SIZE];
   ip_addr_t ip;
   bool has_ip = false;
   int rc = NM_OK;
   memset(&ip, 0, sizeof(ip));
   while (rc == NM_OK && fgets(line, sizeof(line), file) != NULL) {
      r.line++;
      bool whole = strchr(line, '\n') != NULL || feof(file) != 0;
      rc = whole ? read_line(&r, line, &ip, &has_ip) : bad(&r, line, "a line of less than 8191 bytes");
   }
   if (rc == NM_OK && ferror(file) != 0) {
      return nm_fail(m, "-c: cannot read \"%s\": %s", path, strerror(errno));
   }
   return rc == NM_OK && has_ip ? bad(&r, "", "'=' and the countries of the last address") : rc;
}

int countries_read(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   const char *path = self->countries_path;
   if (path == NULL || strcmp(path, DISABLED) == 0) {
      self->countries_path = NULL;
      return NM_OK;
   }
   FILE *file = fopen(path, "re");
   if (file == NULL) { /* it is written when something was learned */
      return errno == ENOENT ? NM_OK : nm_fail(m, "-c: cannot read \"%s\": %s", path, strerror(errno));
   }
   int rc = countries_parse(m, file, path);
   fclose(file);
   return rc;
}

void countries_close(struct voip *self)
{
   free(self->allowed);
}

/* ----------------------------------------------------------------------- saving */

static void put_codes(FILE *to, char (*codes)[2], uint32_t n)
{
   for (uint32_t i = 0; i < n; i++) {
      fprintf(to, "%.2s:", codes[i]);
   }
   fputc('\n', to);
}

void countries_write(const struct voip *self, FILE *to)
{
   char address[INET6_ADDRSTRLEN];
   const void *key;
   void *value;
   fputs(
       "# Written by voip_fraud_detection: countries that all may call, and those of each address.\n" ALLOWED,
       to);
   put_codes(to, self->allowed, self->n_allowed);
   for (uint32_t cursor = 0; nc_table_next(self->homes, &cursor, &key, &value);) {
      struct countries *home = value;
      ip_addr_t ip;
      memcpy(&ip, key, sizeof(ip));
      ip_to_str(&ip, address);
      if (home->n > 0) {
         fprintf(to, "-%s\n=", address);
         put_codes(to, home->code, home->n);
      }
   }
}

void countries_save(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   char *text = NULL;
   size_t size = 0;
   if (self->countries_path == NULL || self->no_save || !self->changed) {
      return;
   }
   FILE *to = open_memstream(&text, &size);
   if (to != NULL) {
      countries_write(self, to);
   }
   bool good = to != NULL && fclose(to) == 0 && state_write(self->countries_path, text, size);
   if (!good) {
      self->file_errors++;
      nm_warn(m, "cannot save countries to \"%s\": %s", self->countries_path, strerror(errno));
   }
   self->changed = !good;
   free(text);
}

/* ------------------------------------------------------------------------ calls */

const char *countries_of(const struct voip *self, const char *target, uint32_t n)
{
   char digits[DIGITS_MAX];
   uint32_t used = 0, at = 0, prefix = (uint32_t) strlen(self->dialled_abroad);
   for (; at < n && target[at] != '@' && target[at] != ';' && used < DIGITS_MAX; at++) {
      char c = target[at];
      if ((c >= '0' && c <= '9') || (c == '+' && used == 0)) {
         digits[used++] = c;
      } else if (c != '-' && c != '.' && c != '(' && c != ')') { /* RFC 3966: visual separators */
         return NULL;
      }
   }
   if (used > 0 && digits[0] == '+') {
      return numbering_country(digits + 1, used - 1);
   }
   return used > prefix && memcmp(digits, self->dialled_abroad, prefix) == 0
              ? numbering_country(digits + prefix, used - prefix)
              : NULL;
}

static bool has(char (*codes)[2], uint32_t n, const char *country)
{
   for (uint32_t i = 0; i < n; i++) {
      if (memcmp(codes[i], country, 2) == 0) {
         return true;
      }
   }
   return false;
}

bool countries_unusual(struct voip *self, const ip_addr_t *ip, const char *country, struct countries **home)
{
   if (has(self->allowed, self->n_allowed, country)) {
      return false;
   }
   *home = nc_table_upsert(self->homes, ip, NULL);
   if (has((*home)->code, (*home)->n, country)) {
      return false;
   }
   if (self->now >= self->learn_until) {
      return true;
   }
   if ((*home)->n < COUNTRIES_MAX) {
      memcpy((*home)->code[(*home)->n++], country, 2);
      self->changed = true;
   }
   return false;
}
