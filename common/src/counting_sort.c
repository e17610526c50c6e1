/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/counting_sort.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

cs_ret_code counting_sort(const void *input, void *output, uint32_t count, uint32_t size, uint32_t key_min,
                          uint32_t key_max, cs_order order, uint32_t (*get_key)(const void *item))
{
   if (input == NULL || output == NULL || get_key == NULL || count == 0 || size == 0 || key_max < key_min ||
       (order != CS_ORDER_ASC && order != CS_ORDER_DSC)) {
      return CS_BAD_PARAM;
   }
   uint64_t range = (uint64_t) key_max - key_min + 1;
   if (range > SIZE_MAX / sizeof(uint32_t)) {
      return CS_MEMORY;
   }
   uint32_t *places = calloc((size_t) range, sizeof(*places));
   if (places == NULL) {
      return CS_MEMORY;
   }
   const char *item = input;
   for (uint32_t i = 0; i < count; i++, item += size) {
      uint32_t key = get_key(item);
      if (key < key_min || key > key_max) {
         free(places);
         return CS_BAD_INDEX;
      }
      places[key - key_min]++;
   }
   /* Numbers of items become the place of the first one of each key. */
   uint32_t place = 0;
   for (uint64_t i = 0; i < range; i++) {
      uint64_t key = order == CS_ORDER_ASC ? i : range - 1 - i;
      uint32_t n = places[key];
      places[key] = place;
      place += n;
   }
   item = input;
   for (uint32_t i = 0; i < count; i++, item += size) {
      memcpy((char *) output + (size_t) places[get_key(item) - key_min]++ * size, item, size);
   }
   free(places);
   return CS_SUCCESS;
}
