/* SPDX-License-Identifier: BSD-3-Clause */
/** \file ipaddr.h
 * IP addresses of both families in 16 bytes.
 *
 * IPv6: the address in network byte order. IPv4: bytes 0-7 are zero, bytes 8-11 the address in network byte
 * order, bytes 12-15 are 0xff. (This is not the mapped form of RFC 4291: ::ffff:1.2.3.4 is an IPv6 address. The IPv6
 * address ::a.b.c.d:ffff:ffff is taken for IPv4.) All zero is "::", which is also the value of an unset field.
 * All functions may be used by any number of threads at once. Pointers need no alignment. */
#ifndef UR_IPADDR_H
#define UR_IPADDR_H

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "inline.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An address in the byte order described above. */
typedef union ip_addr {
   uint8_t bytes[16];
   uint8_t ui8[16];
   uint16_t ui16[8];
   uint32_t ui32[4];
   uint64_t ui64[2];
} ip_addr_t;

/** \return 1 for an IPv4 address, else 0 */
INLINE int ip_is4(const ip_addr_t *addr)
{
   uint64_t high;
   uint32_t mark;
   memcpy(&high, addr, 8);
   memcpy(&mark, (const char *) addr + 12, 4);
   return high == 0 && mark == 0xffffffffu;
}

/** \return 1 for an IPv6 address, else 0 */
INLINE int ip_is6(const ip_addr_t *addr)
{
   return !ip_is4(addr);
}

/** \return an IPv4 address in host byte order; the family is not checked */
INLINE uint32_t ip_get_v4_as_int(const ip_addr_t *addr)
{
   uint32_t v4;
   memcpy(&v4, (const char *) addr + 8, 4);
   return ntohl(v4);
}

/** \return the four bytes of an IPv4 address in network order, inside addr */
INLINE char *ip_get_v4_as_bytes(const ip_addr_t *addr)
{
   return (char *) (uintptr_t) addr + 8;
}

/** \return the IPv4 address given in host byte order */
INLINE ip_addr_t ip_from_int(uint32_t i)
{
   ip_addr_t a;
   a.ui64[0] = 0;
   a.ui32[2] = htonl(i);
   a.ui32[3] = 0xffffffffu;
   return a;
}

/** \return the IPv4 address of four bytes in network order */
INLINE ip_addr_t ip_from_4_bytes_be(const char b[4])
{
   ip_addr_t a;
   a.ui64[0] = 0;
   memcpy(&a.bytes[8], b, 4);
   a.ui32[3] = 0xffffffffu;
   return a;
}

/** \return the IPv4 address of four bytes in reverse network order */
INLINE ip_addr_t ip_from_4_bytes_le(const char b[4])
{
   char r[4];
   int i;
   for (i = 0; i < 4; i++) {
      r[i] = b[3 - i];
   }
   return ip_from_4_bytes_be(r);
}

/** \return the IPv6 address of 16 bytes in network order */
INLINE ip_addr_t ip_from_16_bytes_be(const char b[16])
{
   ip_addr_t a;
   memcpy(&a, b, 16);
   return a;
}

/** \return the IPv6 address of 16 bytes in reverse network order */
INLINE ip_addr_t ip_from_16_bytes_le(const char b[16])
{
   ip_addr_t a;
   int i;
   for (i = 0; i < 16; i++) {
      a.bytes[i] = (uint8_t) b[15 - i];
   }
   return a;
}

/** Compares the 16 bytes. \return below, equal to or above 0, as memcmp() */
INLINE int ip_cmp(const ip_addr_t *addr1, const ip_addr_t *addr2)
{
   return memcmp(addr1, addr2, 16);
}

/** \return 1 for :: and 0.0.0.0, else 0 */
INLINE int ip_is_null(const ip_addr_t *addr)
{
   uint64_t w[2];
   memcpy(w, addr, 16);
   return w[0] == 0 && (w[1] == 0 || (ip_is4(addr) && ip_get_v4_as_int(addr) == 0));
}

/** Parses dotted-quad IPv4 or IPv6 text (RFC 4291) without surrounding blanks. \return 1; 0 on error, addr is then unchanged */
INLINE int ip_from_str(const char *str, ip_addr_t *addr)
{
   char b[16];
   ip_addr_t a;
   if (strchr(str, ':') != NULL) {
      if (inet_pton(AF_INET6, str, b) != 1) {
         return 0;
      }
      a = ip_from_16_bytes_be(b);
   } else {
      if (inet_pton(AF_INET, str, b) != 1) {
         return 0;
      }
      a = ip_from_4_bytes_be(b);
   }
   memcpy(addr, &a, 16);
   return 1;
}

/** Formats an address as inet_ntop(). str has room for at least INET6_ADDRSTRLEN (46) bytes. */
INLINE void ip_to_str(const ip_addr_t *addr, char *str)
{
   if (ip_is4(addr)) {
      inet_ntop(AF_INET, (const char *) addr + 8, str, INET6_ADDRSTRLEN);
   } else {
      inet_ntop(AF_INET6, addr, str, INET6_ADDRSTRLEN);
   }
}

#ifdef __cplusplus
}
#endif
#endif
