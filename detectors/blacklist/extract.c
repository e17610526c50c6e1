/* SPDX-License-Identifier: BSD-3-Clause */
/** Entries of public lists. */
#include "extract.h"

#include "blist.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_IDN2
#include <idn2.h>
#endif

static bool is_digit(char c)
{
   return c >= '0' && c <= '9';
}

/* Length of "/DIGITS" at p, of which the number is at most most. */
static size_t prefix_length(const char *p, const char *end, unsigned most, unsigned *bits)
{
   const char *begin = p;
   unsigned n = 0;
   *bits = most;
   if (p == end || *p != '/' || p + 1 == end || !is_digit(p[1])) {
      return 0;
   }
   for (p++; p < end && is_digit(*p) && p - begin <= 3; p++) {
      n = 10 * n + (unsigned) (*p - '0');
   }
   if (n > most) {
      return 0; /* something else, such as a date */
   }
   *bits = n;
   return (size_t) (p - begin);
}

bool bl_extract_ipv4(const char *text, size_t length, char to[BL_NETWORK_TEXT])
{
   const char *end = text + length;
   for (const char *p = text; p < end; p++) {
      const char *begin = p;
      while (p < end && (is_digit(*p) || *p == '.')) {
         p++;
      }
      ip_addr_t ip;
      unsigned bits;
      size_t n = (size_t) (p - begin);
      bool word = begin > text && (isalnum((unsigned char) begin[-1]) || begin[-1] == '-');
      while (n > 0 && begin[n - 1] == '.') {
         n--; /* the end of a sentence */
      }
      if (n >= 7 && n <= 15 && !word && bl_parse_network(begin, n, &ip, &bits)) {
         prefix_length(begin + n, end, 32, &bits);
         memcpy(to, begin, n);
         to[n] = 0;
         if (bits < 32) {
            snprintf(to + n, BL_NETWORK_TEXT - n, "/%u", bits);
         }
         return true;
      }
   }
   return false;
}

bool bl_extract_ipv6(const char *text, size_t length, char to[BL_NETWORK_TEXT])
{
   const char *end = text + length;
   for (const char *p = text; p < end; p++) {
      const char *begin = p;
      bool colon = false;
      while (p < end && (isxdigit((unsigned char) *p) || *p == ':' || *p == '.')) {
         colon |= *p++ == ':';
      }
      ip_addr_t ip;
      unsigned bits;
      size_t n = (size_t) (p - begin);
      if (colon && n < INET6_ADDRSTRLEN && bl_parse_network(begin, n, &ip, &bits) && !ip_is4(&ip)) {
         const unsigned char *b = (const unsigned char *) &ip;
         prefix_length(p, end, 128, &bits);
         for (int i = 0; i < 8; i++) {
            sprintf(to + 5 * i, "%02x%02x%s", b[2 * i], b[2 * i + 1], i < 7 ? ":" : "");
         }
         if (bits < 128) {
            sprintf(to + 39, "/%u", bits);
         }
         return true;
      }
   }
   return false;
}

/* The host in ASCII. \return its length in to; 0: it is none */
static size_t ascii_host(const char *host, size_t length, char *to, size_t size)
{
   bool ascii = true, dot = false;
   for (size_t i = 0; i < length; i++) {
      unsigned char c = (unsigned char) host[i];
      ascii &= c < 0x80;
      dot |= c == '.' && i > 0 && i + 1 < length && host[i + 1] != '.';
      if (c <= ' ' || c == 0x7f || (c < 0x80 && strchr("\"'<>\\^`{|}()[],;*", c) != NULL)) {
         return 0;
      }
   }
   if (!dot || length > BL_NAME_MAX) {
      return 0;
   }
   if (ascii) {
      if (length > size) {
         return 0;
      }
      bl_lower(to, host, length);
      return length;
   }
#ifdef HAVE_IDN2
   char text[BL_HOST_MAX + 1], *encoded = NULL;
   size_t n = 0;
   if (length <= BL_HOST_MAX) {
      memcpy(text, host, length);
      text[length] = 0;
      if (idn2_to_ascii_8z(text, &encoded, IDN2_NONTRANSITIONAL) == IDN2_OK &&
          (n = strlen(encoded)) <= size) {
         memcpy(to, encoded, n);
      } else {
         n = 0;
      }
      idn2_free(encoded);
   }
   return n;
#else
   return 0;
#endif
}

/* Leaves out prefix at the begin, in any case. */
static bool leave_out(const char **text, size_t *length, const char *prefix)
{
   size_t n = strlen(prefix);
   if (*length < n || strncasecmp(*text, prefix, n) != 0) {
      return false;
   }
   *text += n;
   *length -= n;
   return true;
}

size_t bl_extract_url(const char *text, size_t length, char *to, size_t size)
{
   while (length > 0 && (isspace((unsigned char) *text) || *text == '"')) {
      text++;
      length--;
   }
   if (length == 0 || *text == '#' || *text == '/') {
      return 0;
   }
   bool scheme = leave_out(&text, &length, "https://") || leave_out(&text, &length, "http://");
   size_t n = 0;
   while (n < length && !isspace((unsigned char) text[n]) && text[n] != '"') {
      n++;
   }
   size_t host = 0;
   while (host < n && strchr("/?#", text[host]) == NULL) {
      host++;
   }
   const char *at = host > 0 ? memrchr(text, '@', host) : NULL; /* a user */
   if (at != NULL) {
      if (!scheme) {
         return 0; /* an e-mail address */
      }
      size_t skip = (size_t) (at + 1 - text);
      text += skip;
      n -= skip;
      host -= skip;
   }
   size_t rest = n - host, star = host > 2 && text[0] == '*' && text[1] == '.' ? 2 : 0;
   if (star == 0) {
      leave_out(&text, &host, "www.");
   } else if (size < star) {
      return 0;
   }
   memcpy(to, text, star);
   size_t written = ascii_host(text + star, host - star, to + star, size - star);
   written += written > 0 ? star : 0;
   if (written == 0 || rest > size - written) {
      return 0;
   }
   for (size_t i = 0; i < rest; i++) {
      unsigned char c = (unsigned char) text[host + i];
      if (c < ' ' || c >= 0x7f || c == '\\') {
         return 0;
      }
   }
   bl_lower(to + written, text + host, rest);
   written += rest;
   while (written > 0 && to[written - 1] == '/') {
      written--;
   }
   return written <= BL_NAME_MAX ? written : 0;
}

size_t bl_host_length(const char *entry, size_t length)
{
   size_t n = 0;
   while (n < length && strchr("/?#:", entry[n]) == NULL) {
      n++;
   }
   return n;
}

const char *bl_csv_column(const char *line, size_t line_length, unsigned column, size_t *length)
{
   const char *p = line, *end = line + line_length;
   for (unsigned i = 1;; i++) {
      const char *begin = p;
      bool quoted = p < end && *p == '"';
      if (quoted) {
         begin = ++p;
         while (p < end && !(*p == '"' && (p + 1 == end || p[1] == ','))) {
            p += *p == '"' && p + 1 < end && p[1] == '"' ? 2 : 1;
         }
         p = p > end ? end : p;
      } else {
         while (p < end && *p != ',') {
            p++;
         }
      }
      *length = (size_t) (p - begin);
      if (i >= column) {
         return begin;
      }
      p += quoted && p < end; /* the quote */
      if (p >= end) {
         *length = 0;
         return end;
      }
      p++; /* the comma */
   }
}
