/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: lists of prefixes, 18 bytes each (family and depth of the address, length, address), searched for
 * the addresses of the list itself and their neighbours, against a walk through the list. */
#include "fuzz.h"

#include <unirec/ip_prefix_search.h>

#define MAX_NETS 64

static bool contains(const ipps_network_t *n, const ip_addr_t *ip)
{
   if (ip_is4(ip) != ip_is4(&n->addr)) {
      return false;
   }
   const uint8_t *a = n->addr.bytes + (ip_is4(ip) ? 8 : 0), *b = ip->bytes + (ip_is4(ip) ? 8 : 0);
   for (uint32_t bit = 0; bit < n->mask; bit++) {
      if (((a[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8) & 1) != 0) {
         return false;
      }
   }
   return true;
}

static void search(ipps_context_t *c, const ipps_network_list_t *list, ip_addr_t ip)
{
   void **data = NULL;
   int n = ipps_search(&ip, c, &data), want = 0;
   for (uint32_t i = 0; i < list->net_count; i++) {
      want += contains(&list->networks[i], &ip);
   }
   PROMISE(n == want);
   for (int i = 0; i < n; i++) {
      uint32_t index;
      memcpy(&index, data[i], sizeof(index));
      PROMISE(index < list->net_count && contains(&list->networks[index], &ip));
      if (i > 0) {
         uint32_t before;
         memcpy(&before, data[i - 1], sizeof(before));
         PROMISE(list->networks[before].mask <= list->networks[index].mask);
      }
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static ipps_network_t nets[MAX_NETS];
   static uint32_t numbers[MAX_NETS];
   ip_addr_t asked[MAX_NETS];
   ipps_network_list_t list = {0, nets};
   for (; size >= 18 && list.net_count < MAX_NETS; data += 18, size -= 18, list.net_count++) {
      ip_addr_t ip = (data[0] & 1) != 0 ? ip_from_4_bytes_be((const char *) data + 2)
                                        : ip_from_16_bytes_be((const char *) data + 2);
      numbers[list.net_count] = list.net_count;
      asked[list.net_count] = ip;
      nets[list.net_count] = (ipps_network_t){ip, data[1], &numbers[list.net_count], sizeof(uint32_t)};
      if (nets[list.net_count].mask > (ip_is4(&ip) ? 32u : 128u) && (data[0] & 2) == 0) {
         nets[list.net_count].mask %= ip_is4(&ip) ? 33 : 129;
      }
   }
   ipps_context_t *c = ipps_init(&list);
   for (uint32_t i = 0; c != NULL && i < list.net_count; i++) {
      search(c, &list, asked[i]);
      search(c, &list, nets[i].addr);
      for (int byte = 8; byte < 16; byte += 3) {
         for (int step = -1; step <= 1; step += 2) {
            ip_addr_t near = nets[i].addr;
            near.bytes[byte] = (uint8_t) (near.bytes[byte] + step);
            search(c, &list, near);
         }
      }
   }
   if (c != NULL) {
      ipps_destroy(c);
   }
   return 0;
}
