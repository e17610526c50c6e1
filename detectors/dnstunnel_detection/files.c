/* SPDX-License-Identifier: BSD-3-Clause */
/** Files that are read: whitelists, and packets as text. */
#include "tunnel.h"

#include <errno.h>
#include <math.h>
#include <nemea-common/nc_hash.h>
#include <stdlib.h>

#define LIST_MAX  (1u << 22) /* entries */
#define LINE_SIZE 4096

struct whitelist {
   nc_table_t *entries; /* of 16 bytes: an address, or the hash of a domain */
};

/* ------------------------------------------------------------------ whitelists */

struct domain_key {
   uint64_t hash, hash2;
};

static struct domain_key domain_key(const char *name, uint32_t length)
{
   return (struct domain_key){.hash = nc_hash(name, length),
                              .hash2 = nc_hash_long(name, length, nc_hash_key_.sip)};
}

void whitelist_free(void *list)
{
   struct whitelist *w = list;
   if (w != NULL) {
      nc_table_free(w->entries);
      free(w);
   }
}

/* An empty list with room for as many entries as the file has words. \return NULL: failed */
static struct whitelist *whitelist_new(nm_module_t *m, FILE *file, const char *path)
{
   uint32_t entries = 1;
   for (int c; (c = getc(file)) != EOF;) {
      entries += (c == '\n' || c == ';') && entries < UINT32_MAX;
   }
   if (ferror(file) || fseek(file, 0, SEEK_SET) != 0) {
      nm_fail(m, "cannot read \"%s\": %s", path, strerror(errno));
      return NULL;
   }
   if (entries > LIST_MAX) {
      nm_fail(m, "\"%s\": more than %u entries", path, LIST_MAX);
      return NULL;
   }
   struct whitelist *w = calloc(1, sizeof(*w));
   const nc_table_config_t config = {
       .capacity = entries, .key_size = sizeof(ip_addr_t), .full = NC_TABLE_REFUSE};
   if (w == NULL || (w->entries = nc_table_new(&config)) == NULL) {
      nm_fail(m, "out of memory for \"%s\"", path);
      whitelist_free(w);
      return NULL;
   }
   return w;
}

static char *trim(char *text)
{
   text += strspn(text, " \t\r\n");
   size_t n = strlen(text);
   while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL) {
      text[--n] = 0;
   }
   return text;
}

static bool add_domain(nm_module_t *m, struct whitelist *w, const char *path, unsigned line, char *text)
{
   char name[NAME_MAX_SIZE + 1];
   size_t n = strlen(text);
   n -= n > 0 && text[n - 1] == '.';
   if (n == 0) {
      return true;
   }
   if (n > NAME_MAX_SIZE) {
      nm_fail(m, "%s:%u: a domain of %zu bytes, expected at most %u", path, line, n, NAME_MAX_SIZE);
      return false;
   }
   text_lower(text, (uint32_t) n, name);
   const struct domain_key key = domain_key(name, (uint32_t) n);
   nc_table_upsert(w->entries, &key, NULL);
   return true;
}

static bool add_addresses(nm_module_t *m, struct whitelist *w, const char *path, unsigned line, char *text)
{
   char *save = NULL;
   for (char *word = strtok_r(text, ";", &save); word != NULL; word = strtok_r(NULL, ";", &save)) {
      ip_addr_t ip;
      word = trim(word);
      if (*word == 0) {
         continue;
      }
      if (!ip_from_str(word, &ip)) {
         nm_fail(m, "%s:%u: \"%s\" is not an address", path, line, word);
         return false;
      }
      nc_table_upsert(w->entries, &ip, NULL);
   }
   return true;
}

typedef bool (*add_fn)(nm_module_t *m, struct whitelist *w, const char *path, unsigned line, char *text);

static struct whitelist *whitelist_read(nm_module_t *m, FILE *file, const char *path, add_fn add)
{
   struct whitelist *w = whitelist_new(m, file, path);
   char *line = NULL;
   size_t size = 0;
   bool good = w != NULL;
   for (unsigned number = 1; good && getline(&line, &size, file) > 0; number++) {
      good = add(m, w, path, number, trim(line));
   }
   if (good && ferror(file)) {
      nm_fail(m, "cannot read \"%s\": %s", path, strerror(errno));
      good = false;
   }
   free(line);
   if (!good) {
      whitelist_free(w);
      return NULL;
   }
   return w;
}

struct whitelist *whitelist_domains(nm_module_t *m, FILE *file, const char *path)
{
   return whitelist_read(m, file, path, add_domain);
}

struct whitelist *whitelist_addresses(nm_module_t *m, FILE *file, const char *path)
{
   return whitelist_read(m, file, path, add_addresses);
}

bool whitelist_has_address(const struct whitelist *w, const ip_addr_t *ip)
{
   return w != NULL && nc_table_peek(w->entries, ip) != NULL;
}

bool whitelist_has_name(const struct whitelist *w, const char *name, uint32_t length)
{
   char lower[NAME_MAX_SIZE];
   if (w == NULL) {
      return false;
   }
   if (length > NAME_MAX_SIZE) { /* the end decides */
      name += length - NAME_MAX_SIZE;
      length = NAME_MAX_SIZE;
   }
   text_lower(name, length, lower);
   length -= length > 0 && lower[length - 1] == '.';
   for (uint32_t end = length; end > 0;) {
      const char *dot = memrchr(lower, '.', end);
      uint32_t begin = dot != NULL ? (uint32_t) (dot - lower) + 1 : 0;
      const struct domain_key key = domain_key(lower + begin, length - begin);
      if (begin < length && nc_table_peek(w->entries, &key) != NULL) {
         return true;
      }
      end = begin > 0 ? begin - 1 : 0;
   }
   return false;
}

/* ---------------------------------------------------------------------- packets */

/* The text up to a ';', which becomes its end. \param rest moved behind it; NULL: there is no more */
static char *field(char **rest)
{
   static char none[] = "";
   char *text = *rest;
   if (text == NULL) {
      return none;
   }
   char *end = strchr(text, ';');
   if (end != NULL) {
      *end = 0;
   }
   *rest = end != NULL ? end + 1 : NULL;
   return text;
}

/* "source,destination" */
static bool parse_ends(char *text, ip_addr_t *src, ip_addr_t *dst)
{
   char *comma = strchr(text, ',');
   if (comma == NULL) {
      return false;
   }
   *comma = 0;
   return ip_from_str(trim(text), src) && ip_from_str(trim(comma + 1), dst);
}

bool packet_parse(char *line, struct message *m)
{
   char *rest = trim(line), *end;
   ip_addr_t src, dst;
   memset(m, 0, sizeof(*m));
   double seconds = strtod(rest, &end);
   if (end == rest || *end != ';' || !(seconds >= 0 && seconds < 4e9)) {
      return false;
   }
   rest = end + 1;
   char *v4 = field(&rest), *v6 = field(&rest), *flag = field(&rest), *size = field(&rest),
        *name = field(&rest);
   if (!parse_ends(v4, &src, &dst) && !parse_ends(v6, &src, &dst)) {
      return false;
   }
   m->response = strcmp(trim(flag), "1") == 0 || strcmp(trim(flag), "True") == 0;
   m->client = m->response ? dst : src;
   m->time = ur_time_from_sec_usec((uint32_t) seconds, (uint32_t) ((seconds - floor(seconds)) * 1e6));
   m->size = strtoul(size, &end, 10);
   if (end == size) {
      return false;
   }
   m->name = (struct text){name, (uint32_t) strlen(name)};
   field(&rest); /* address of the answer */
   for (unsigned i = 0; m->response && i < 4; i++) {
      char *answer = field(&rest);
      m->answers[i] = (struct text){answer, (uint32_t) strlen(answer)};
   }
   return true;
}
