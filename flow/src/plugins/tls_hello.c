/* SPDX-License-Identifier: BSD-3-Clause */
#include "tls_hello.h"

#include "reader.h"

#include <ctype.h>
#include <nemea-common/nc_hash.h>
#include <stdlib.h>

enum {
   EXT_SNI = 0,
   EXT_GROUPS = 10,
   EXT_FORMATS = 11,
   EXT_SIGNATURES = 13,
   EXT_ALPN = 16,
   EXT_VERSIONS = 43
};

#define RANDOM 32
#define MAX_SORTED \
   512 /* ciphers or extensions that fingerprints count; real messages have less than a hundred */
#define HASH_BYTES 6 /* of the digests in JA4 */

/* A vector after its length of this many bytes. */
static struct span vector(struct reader *r, unsigned bytes)
{
   size_t n = get(r, bytes);
   if ((size_t) (r->end - r->p) < n) {
      r->bad = true;
      n = 0;
   }
   struct span s = span_of(r->p, n);
   r->p += n;
   return s;
}

static struct reader reader_of(struct span s)
{
   const uint8_t *p = (const uint8_t *) s.p;
   /* A span that was never set has no address, to which not even 0 may be added. */
   return (struct reader){.p = p, .end = s.n > 0 ? p + s.n : p};
}

static unsigned at16(struct span s, size_t index)
{
   const uint8_t *p = (const uint8_t *) s.p + 2 * index;
   return (unsigned) p[0] << 8 | p[1];
}

/* Values that clients add so that servers stay tolerant (RFC 8701). */
static bool grease(unsigned v)
{
   return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

static void look_at_versions(struct tls_hello *h, struct reader *r, unsigned type)
{
   if (type == TLS_SERVER_HELLO) {
      unsigned v = get(r, 2);
      h->selected = r->bad ? 0 : (uint16_t) v;
      return;
   }
   struct span list = vector(r, 1);
   for (size_t i = 0; i < list.n / 2; i++) {
      unsigned v = at16(list, i);
      h->selected = !grease(v) && v > h->selected ? (uint16_t) v : h->selected;
   }
}

static void look_at_extension(struct tls_hello *h, unsigned hello, unsigned type, struct span body)
{
   struct reader r = reader_of(body), list;
   switch (type) {
   case EXT_SNI:
      h->has_sni = true;
      list = reader_of(vector(&r, 2));
      if (get(&list, 1) == 0 && !list.bad) {
         h->sni = vector(&list, 2);
      }
      break;
   case EXT_ALPN:
      h->alpn_extension = body;
      list = reader_of(vector(&r, 2));
      h->alpn = vector(&list, 1);
      break;
   case EXT_GROUPS: h->groups = vector(&r, 2); break;
   case EXT_FORMATS: h->formats = vector(&r, 1); break;
   case EXT_SIGNATURES: h->signatures = vector(&r, 2); break;
   case EXT_VERSIONS: look_at_versions(h, &r, hello); break;
   default: break;
   }
}

bool tls_parse_hello(const uint8_t *p, size_t size, unsigned type, struct tls_hello *h)
{
   struct reader r = {.p = p, .end = p + size};
   memset(h, 0, sizeof(*h));
   if (get(&r, 1) != type) {
      return false;
   }
   size_t length = get(&r, 3);
   if (r.bad || (size_t) (r.end - r.p) < length) {
      return false;
   }
   r.end = r.p + length;
   h->version = (uint16_t) get(&r, 2);
   if (h->version < 0x0300 || h->version > 0x0303 || (size_t) (r.end - r.p) < RANDOM) {
      return false;
   }
   r.p += RANDOM;
   vector(&r, 1); /* session id */
   if (type == TLS_CLIENT_HELLO) {
      h->ciphers = vector(&r, 2);
      vector(&r, 1); /* compression */
   } else {
      get(&r, 3);
   }
   if (r.bad || r.p == r.end) {
      return !r.bad; /* old messages end here */
   }
   h->extensions = vector(&r, 2);
   struct reader e = reader_of(h->extensions);
   while (e.p < e.end && !r.bad) {
      unsigned ext = get(&e, 2);
      struct span body = vector(&e, 2);
      if (e.bad) {
         return false;
      }
      if (h->listed < TLS_MAX_EXTENSIONS) {
         h->type[h->listed] = (uint16_t) ext;
         h->length[h->listed++] = (uint16_t) body.n;
      }
      look_at_extension(h, type, ext, body);
   }
   return !r.bad;
}

void tls_extensions(const struct tls_hello *h, void (*f)(void *context, unsigned type, struct span body),
                    void *context)
{
   struct reader e = reader_of(h->extensions);
   while (e.p < e.end) {
      unsigned type = get(&e, 2);
      f(context, type, vector(&e, 2));
   }
}

/* ------------------------------------------------------------------------ JA3 */

/* Numbers joined by '-', lists by ','. */
struct ja3 {
   struct nc_digest md5;
   bool first; /* of the list */
};

static void ja3_number(struct ja3 *j, unsigned v)
{
   char text[8];
   unsigned at = sizeof(text);
   do {
      text[--at] = (char) ('0' + v % 10);
      v /= 10;
   } while (v > 0);
   if (!j->first) {
      text[--at] = '-';
   }
   nc_digest_add(&j->md5, text + at, sizeof(text) - at);
   j->first = false;
}

static void ja3_list(struct ja3 *j)
{
   nc_digest_add(&j->md5, ",", 1);
   j->first = true;
}

static void ja3_extension(void *context, unsigned type, struct span body)
{
   (void) body;
   if (!grease(type)) {
      ja3_number(context, type);
   }
}

static void ja3_numbers(struct ja3 *j, struct span list)
{
   ja3_list(j);
   for (size_t i = 0; i < list.n / 2; i++) {
      if (!grease(at16(list, i))) {
         ja3_number(j, at16(list, i));
      }
   }
}

void tls_ja3(const struct tls_hello *h, uint8_t ja3[NC_MD5_SIZE])
{
   struct ja3 j = {.first = true};
   nc_md5_begin(&j.md5);
   ja3_number(&j, h->version);
   ja3_numbers(&j, h->ciphers);
   ja3_list(&j);
   tls_extensions(h, ja3_extension, &j);
   ja3_numbers(&j, h->groups);
   ja3_list(&j);
   for (size_t i = 0; i < h->formats.n; i++) {
      ja3_number(&j, (uint8_t) h->formats.p[i]);
   }
   nc_md5_end(&j.md5, ja3);
}

/* ------------------------------------------------------------------------ JA4 */

static const char digits[] = "0123456789abcdef";

struct numbers {
   uint16_t v[MAX_SORTED];
   size_t n, all; /* all: those that were left out by their value too */
};

static void add_number(struct numbers *l, unsigned v)
{
   if (l->n < MAX_SORTED) {
      l->v[l->n++] = (uint16_t) v;
   }
}

static void add_extension(void *context, unsigned type, struct span body)
{
   struct numbers *l = context;
   (void) body;
   l->all++;
   if (!grease(type)) {
      add_number(l, type);
   }
}

static int compare(const void *a, const void *b)
{
   return *(const uint16_t *) a - *(const uint16_t *) b;
}

static void hash_numbers(struct nc_digest *d, const uint16_t *v, size_t n)
{
   for (size_t i = 0; i < n; i++) {
      const char text[5] = {',', digits[v[i] >> 12], digits[v[i] >> 8 & 15], digits[v[i] >> 4 & 15],
                            digits[v[i] & 15]};
      nc_digest_add(d, i > 0 ? text : text + 1, i > 0 ? 5 : 4);
   }
}

static void end_hash(struct nc_digest *d, char *to)
{
   uint8_t hash[NC_SHA256_SIZE];
   nc_sha256_end(d, hash);
   for (size_t i = 0; i < HASH_BYTES; i++) {
      to[2 * i] = digits[hash[i] >> 4];
      to[2 * i + 1] = digits[hash[i] & 15];
   }
}

static const char *version_label(unsigned version)
{
   switch (version) {
   case 0x0304: return "13";
   case 0x0303: return "12";
   case 0x0302: return "11";
   case 0x0301: return "10";
   case 0x0300: return "s3";
   case 0x0002: return "s2";
   case 0xfeff: return "d1";
   case 0xfefd: return "d2";
   case 0xfefc: return "d3";
   default: return "00";
   }
}

/* First and last character of the first protocol; hexadecimal digits of bytes that are no letters or digits. */
static void alpn_label(const struct tls_hello *h, bool standard, char to[2])
{
   if (h->alpn.n == 0) {
      to[0] = to[1] = '0';
      return;
   }
   uint8_t first = (uint8_t) h->alpn.p[0], last = (uint8_t) h->alpn.p[h->alpn.n - 1];
   bool plain[2] = {first < 0x80 && isalnum(first), last < 0x80 && isalnum(last)};
   if (standard && !(plain[0] && plain[1])) {
      plain[0] = plain[1] = false;
   }
   to[0] = plain[0] ? (char) first : digits[first >> 4];
   to[1] = plain[1] ? (char) last : digits[last & 15];
}

static void hash_ciphers(struct numbers *ciphers, char *to)
{
   struct nc_digest d;
   if (ciphers->n == 0) {
      memcpy(to, "000000000000", 2 * HASH_BYTES);
      return;
   }
   qsort(ciphers->v, ciphers->n, sizeof(ciphers->v[0]), compare);
   nc_sha256_begin(&d);
   hash_numbers(&d, ciphers->v, ciphers->n);
   end_hash(&d, to);
}

static void hash_extensions(const struct tls_hello *h, struct numbers *ext, bool standard, char *to)
{
   struct nc_digest d;
   struct numbers signatures = {.n = 0};
   size_t n = 0;
   for (size_t i = 0; i < ext->n; i++) {
      if (ext->v[i] != EXT_SNI && ext->v[i] != EXT_ALPN) {
         ext->v[n++] = ext->v[i];
      }
   }
   if (standard && n == 0) {
      memcpy(to, "000000000000", 2 * HASH_BYTES);
      return;
   }
   qsort(ext->v, n, sizeof(ext->v[0]), compare);
   nc_sha256_begin(&d);
   hash_numbers(&d, ext->v, n);
   for (size_t i = 0; i < h->signatures.n / 2; i++) {
      if (!standard || !grease(at16(h->signatures, i))) {
         add_number(&signatures, at16(h->signatures, i));
      }
   }
   if (signatures.n > 0 || !standard) {
      nc_digest_add(&d, "_", 1);
   }
   hash_numbers(&d, signatures.v, signatures.n);
   end_hash(&d, to);
}

/* A number below 100, of two digits or of as many as it has. */
static size_t put_count(char *to, size_t n, unsigned v, bool two)
{
   if (two || v >= 10) {
      to[n++] = digits[v / 10];
   }
   to[n++] = digits[v % 10];
   return n;
}

unsigned tls_ja4(const struct tls_hello *h, char kind, bool standard, char ja4[JA4_SIZE])
{
   struct numbers ciphers = {.n = 0}, ext = {.n = 0};
   char text[64], alpn[2];
   size_t n = 0;
   for (size_t i = 0; i < h->ciphers.n / 2; i++) {
      if (!grease(at16(h->ciphers, i))) {
         add_number(&ciphers, at16(h->ciphers, i));
      }
   }
   tls_extensions(h, add_extension, &ext);
   unsigned n_ciphers = ciphers.n < 99 ? (unsigned) ciphers.n : 99;
   size_t counted = standard ? ext.n : ext.all;
   unsigned n_ext = counted < 99 ? (unsigned) counted : 99;
   alpn_label(h, standard, alpn);
   text[n++] = kind;
   memcpy(text + n, version_label(h->selected != 0 ? h->selected : h->version), 2);
   n += 2;
   text[n++] = h->has_sni ? 'd' : 'i';
   n = put_count(text, n, n_ciphers, standard);
   n = put_count(text, n, n_ext, standard);
   memcpy(text + n, alpn, sizeof(alpn));
   n += sizeof(alpn);
   text[n++] = '_';
   hash_ciphers(&ciphers, text + n);
   n += 2 * HASH_BYTES;
   text[n++] = '_';
   hash_extensions(h, &ext, standard, text + n);
   n += 2 * HASH_BYTES;
   memcpy(ja4, text, n);
   return (unsigned) n;
}

/* -------------------------------------------------------------- known fingerprints */

/* What the fingerprints of a hello are made from. */
struct key {
   uint8_t bytes[TLS_KNOWN_KEY];
   size_t n;
   bool full;
};

static void put_key(struct key *k, const void *p, size_t n)
{
   if (n > sizeof(k->bytes) - k->n) {
      k->full = true;
   } else if (n > 0) {
      memcpy(k->bytes + k->n, p, n);
      k->n += n;
   }
}

static void put_list(struct key *k, struct span list)
{
   const uint16_t length = (uint16_t) list.n;
   put_key(k, &length, sizeof(length));
   put_key(k, list.p, list.n);
}

static void put_type(void *key, unsigned type, struct span body)
{
   const uint16_t value = (uint16_t) type;
   (void) body;
   put_key(key, &value, sizeof(value));
}

static void make_key(struct key *k, const struct tls_hello *h, char kind, bool standard)
{
   const uint8_t first[] = {(uint8_t) kind,
                            standard,
                            h->has_sni,
                            h->alpn.n > 0,
                            h->alpn.n > 0 ? (uint8_t) h->alpn.p[0] : 0,
                            h->alpn.n > 0 ? (uint8_t) h->alpn.p[h->alpn.n - 1] : 0};
   const uint16_t versions[] = {h->version, h->selected};
   k->n = 0;
   k->full = false;
   put_key(k, first, sizeof(first));
   put_key(k, versions, sizeof(versions));
   put_list(k, h->ciphers);
   put_list(k, h->groups);
   put_list(k, h->formats);
   put_list(k, h->signatures);
   tls_extensions(h, put_type, k);
}

unsigned tls_fingerprints(struct tls_known *known, const struct tls_hello *h, char kind, bool standard,
                          uint8_t ja3[NC_MD5_SIZE], char ja4[JA4_SIZE])
{
   struct key key;
   make_key(&key, h, kind, standard);
   if (key.full) {
      tls_ja3(h, ja3);
      return tls_ja4(h, kind, standard, ja4);
   }
   struct tls_known *k = &known[nc_hash(key.bytes, key.n) % TLS_KNOWN];
   if (k->key_length != key.n || memcmp(k->key, key.bytes, key.n) != 0) {
      tls_ja3(h, k->ja3);
      k->ja4_length = (uint8_t) tls_ja4(h, kind, standard, k->ja4);
      k->key_length = (uint16_t) key.n;
      memcpy(k->key, key.bytes, key.n);
   }
   memcpy(ja3, k->ja3, sizeof(k->ja3));
   memcpy(ja4, k->ja4, k->ja4_length);
   return k->ja4_length;
}
