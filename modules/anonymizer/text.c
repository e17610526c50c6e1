/* SPDX-License-Identifier: BSD-3-Clause */
/** Addresses in text: where they begin and end, and the text with all of them mapped. */
#include "cryptopan.h"

#include <ctype.h>

#define LONGEST INET6_ADDRSTRLEN

static bool is_digit(char c)
{
   return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
   return isxdigit((unsigned char) c) != 0;
}

static bool parse(const char *text, size_t length, ip_addr_t *ip)
{
   char copy[LONGEST + 1];
   if (length >= sizeof(copy) || length == 0) {
      return false;
   }
   memcpy(copy, text, length);
   copy[length] = 0;
   return ip_from_str(copy, ip) != 0;
}

/* A dotted quad that is not part of a longer number. \return its length, 0: none here */
static size_t find_v4(const char *text, size_t at, size_t length, ip_addr_t *ip)
{
   size_t i = at;
   if (i > 0 && is_digit(text[i - 1])) {
      return 0;
   }
   for (int part = 0; part < 4; part++) {
      if (part > 0 && (i >= length || text[i++] != '.')) {
         return 0;
      }
      size_t digits = 0;
      while (i < length && is_digit(text[i])) {
         i++;
         digits++;
      }
      if (digits == 0 || digits > 3) {
         return 0;
      }
   }
   return parse(text + at, i - at, ip) ? i - at : 0;
}

/* Is this an IPv4 address in the clothes of IPv6, ::1.2.3.4 or ::ffff:1.2.3.4? Then only its last part is mapped, as IPv4. */
static bool is_mapped_v4(const ip_addr_t *ip)
{
   return ip->ui64[0] == 0 && (ip->ui32[2] == 0 || ip->ui32[2] == htonl(0xffff));
}

/* The longest IPv6 address that begins here and ends at a colon or at the end of the word. \return its length, 0: none here */
static size_t find_v6(const char *text, size_t at, size_t length, ip_addr_t *ip)
{
   size_t end = at, colons = 0, last = at;
   if (at > 0 && (isalnum((unsigned char) text[at - 1]) || (text[at] == ':' && text[at - 1] == ':'))) {
      return 0;
   }
   for (; end < length && end - at < LONGEST && (is_hex(text[end]) || text[end] == ':'); end++) {
      if (text[end] == ':') {
         colons++;
         last = end + 1; /* of the last group */
      }
   }
   if (colons < 2) {
      return 0;
   }
   ip_addr_t v4;
   size_t quad = end < length && text[end] == '.' ? find_v4(text, last, length, &v4) : 0;
   if (quad > 0 && parse(text + at, last + quad - at, ip)) {
      return is_mapped_v4(ip) ? 0 : last + quad - at;
   }
   if (quad > 0 || (end < length && isalnum((unsigned char) text[end]))) {
      end = last - 1;
   }
   while (end > at + 1) {
      if (parse(text + at, end - at, ip)) {
         return end - at;
      }
      do {
         end--;
      } while (end > at && text[end] != ':');
   }
   return 0;
}

size_t cryptopan_map_text(struct cryptopan *c, const char *text, size_t length, char *to, size_t size)
{
   size_t used = 0;
   for (size_t i = 0; i < length;) {
      ip_addr_t ip;
      size_t n = is_digit(text[i]) ? find_v4(text, i, length, &ip) : 0;
      if (n == 0 && (text[i] == ':' || is_hex(text[i]))) {
         n = find_v6(text, i, length, &ip);
      }
      char mapped[LONGEST + 1] = {text[i], 0};
      size_t m = 1;
      if (n > 0) {
         ip = cryptopan_map(c, &ip);
         ip_to_str(&ip, mapped);
         m = strlen(mapped);
      }
      if (m > size - used) {
         return SIZE_MAX;
      }
      memcpy(to + used, mapped, m);
      used += m;
      i += n > 0 ? n : 1;
   }
   return used;
}
