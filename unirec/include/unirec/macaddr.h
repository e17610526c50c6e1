/* SPDX-License-Identifier: BSD-3-Clause */
/** \file macaddr.h
 * MAC addresses: six bytes in the order of the wire. All functions are thread-safe. */
#ifndef UR_MACADDR_H
#define UR_MACADDR_H

/* Sources written for NEMEA 2 expect this header to include these. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "inline.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MAC_STR_LEN        18 /**< text with the terminating NUL */
#define MAC_ADD_FORMAT_SCN "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx"
#define MAC_ADD_FORMAT_PRI "%02x:%02x:%02x:%02x:%02x:%02x"

typedef struct __attribute__((packed)) mac_addr {
   uint8_t bytes[6];
} mac_addr_t;

/** \return the address of six bytes */
INLINE mac_addr_t mac_from_bytes(const uint8_t *array)
{
   mac_addr_t m;
   memcpy(m.bytes, array, 6);
   return m;
}

/** Parses six groups of one or two hexadecimal digits joined by ':'; what follows the sixth is ignored.
 * \return 1; 0 on error, addr is then all zero */
INLINE int mac_from_str(const char *str, mac_addr_t *addr)
{
   int g, d;
   mac_addr_t m;
   memset(addr, 0, 6);
   for (g = 0; g < 6; g++) {
      unsigned value = 0;
      while (*str == ' ' || (*str >= '\t' && *str <= '\r')) {
         str++;
      }
      for (d = 0; d < 2; d++, str++) {
         if (*str >= '0' && *str <= '9') {
            value = value << 4 | (unsigned) (*str - '0');
         } else if ((*str | 32) >= 'a' && (*str | 32) <= 'f') {
            value = value << 4 | (unsigned) ((*str | 32) - 'a' + 10);
         } else {
            break;
         }
      }
      if (d == 0 || (g < 5 && *str != ':')) {
         return 0;
      }
      m.bytes[g] = (uint8_t) value;
      str += g < 5;
   }
   memcpy(addr, m.bytes, 6);
   return 1;
}

/** \return below, equal to or above 0 like memcmp() */
INLINE int mac_cmp(const mac_addr_t *addr1, const mac_addr_t *addr2)
{
   return memcmp(addr1->bytes, addr2->bytes, 6);
}

/** Writes "01:23:45:ab:cd:ef" into str (MAC_STR_LEN bytes); nothing for NULL. */
INLINE void mac_to_str(const mac_addr_t *addr, char *str)
{
   static const char digits[] = "0123456789abcdef";
   int i;
   if (str == NULL) {
      return;
   }
   for (i = 0; i < 6; i++) {
      str[3 * i] = digits[addr->bytes[i] >> 4];
      str[3 * i + 1] = digits[addr->bytes[i] & 15];
      str[3 * i + 2] = i < 5 ? ':' : 0;
   }
}

/** Copies the six bytes. */
INLINE void mac_to_bytes(const mac_addr_t *addr, uint8_t *array)
{
   memcpy(array, addr->bytes, 6);
}

#ifdef __cplusplus
}
#endif
#endif
