/* SPDX-License-Identifier: BSD-3-Clause */
/** Cuckoo hash, first version (Pagh and Rodler, "Cuckoo Hashing", Journal of Algorithms 51, 2004). */
#include <nemea-common/cuckoo_hash.h>

#include "cuckoo.h"

#include <stddef.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KICKS 15
#define LOST      20

static unsigned int length_of(const cc_hash_table_t *ht, unsigned int length)
{
   return ht->key_length != 0 ? ht->key_length : length;
}

int ht_init(cc_hash_table_t *new_table, unsigned int table_size, unsigned int data_size,
            unsigned int key_length, int rehash)
{
   *new_table = (cc_hash_table_t){.data_size = data_size,
                                  .table_size = table_size,
                                  .key_length = key_length,
                                  .rehash = (unsigned int) rehash};
   if (table_size > 0 && table_size <= INT_MAX) {
      new_table->table = calloc(table_size, sizeof(cc_item_t));
   }
   return new_table->table != NULL ? 0 : -1;
}

/* Puts an item into one of its places; the item it displaces moves on in the same way, up to 15 times.
 * \return the item that found no place, or one with key NULL */
static cc_item_t put(cc_hash_table_t *ht, cc_item_t item)
{
   for (int kick = 0; kick <= MAX_KICKS; kick++) {
      unsigned int at[3];
      cuckoo_places(item.key, item.key_length, ht->table_size, at);
      for (int which = 0; which < 3; which++) {
         cc_item_t *to = &ht->table[at[which]];
         if (to->key == NULL) {
            *to = item;
            ht->item_count++;
            return (cc_item_t){NULL, 0, NULL};
         }
      }
      if (kick < MAX_KICKS) {
         cc_item_t *to = &ht->table[at[kick % 3]], displaced = *to;
         *to = item;
         item = displaced;
      }
   }
   return item;
}

int rehash(cc_hash_table_t *ht, cc_item_t *rest)
{
   for (unsigned int size = ht->table_size;;) {
      if (size > INT_MAX / 2) {
         return REHASH_FAILURE;
      }
      size *= 2;
      cc_hash_table_t fresh = *ht;
      if (ht_init(&fresh, size, ht->data_size, ht->key_length, (int) ht->rehash) != 0) {
         return REHASH_FAILURE;
      }
      int good = rest == NULL || put(&fresh, *rest).key == NULL;
      for (unsigned int i = 0; good && i < ht->table_size; i++) {
         good = ht->table[i].key == NULL || put(&fresh, ht->table[i]).key == NULL;
      }
      if (good) {
         free(ht->table);
         *ht = fresh;
         return 0;
      }
      free(fresh.table); /* the old table still has the items */
      if (size / 1024 > ht->table_size) {
         return REHASH_FAILURE; /* equal keys: no size can separate them */
      }
   }
}

int ht_insert(cc_hash_table_t *ht, char *key, const void *new_data, unsigned int key_length)
{
   unsigned int length = length_of(ht, key_length);
   size_t data_at = ((size_t) length + 15) & ~(size_t) 15;
   cc_item_t item = {malloc(data_at + ht->data_size + 1), length, NULL};
   if (item.key == NULL) {
      return INSERT_FAILURE;
   }
   item.data = item.key + data_at;
   memcpy(item.key, key, length);
   memcpy(item.data, new_data, ht->data_size);
   cc_item_t rest = put(ht, item);
   if (rest.key == NULL) {
      return 0;
   }
   if (ht->rehash == REHASH_ENABLE && rehash(ht, &rest) == 0) {
      return 0;
   }
   free(rest.key);
   return LOST;
}

int ht_is_empty(cc_hash_table_t *ht)
{
   return ht->item_count == 0;
}

int ht_get_index(cc_hash_table_t *ht, char *key, unsigned int key_length)
{
   unsigned int length = length_of(ht, key_length);
   unsigned int at[3];
   cuckoo_places(key, length, ht->table_size, at);
   for (int which = 0; which < 3; which++) {
      const cc_item_t *item = &ht->table[at[which]];
      if (item->key != NULL && item->key_length == length && memcmp(item->key, key, length) == 0) {
         return (int) at[which];
      }
   }
   return NOT_FOUND;
}

void *ht_get(cc_hash_table_t *ht, char *key, unsigned int key_length)
{
   int i = ht_get_index(ht, key, key_length);
   return i != NOT_FOUND ? ht->table[i].data : NULL;
}

void ht_remove_by_index(cc_hash_table_t *ht, unsigned int index)
{
   if (index < ht->table_size && ht->table[index].key != NULL) {
      free(ht->table[index].key);
      ht->table[index] = (cc_item_t){NULL, 0, NULL};
      ht->item_count--;
   }
}

void ht_remove_by_key(cc_hash_table_t *ht, char *key, unsigned int key_length)
{
   int i = ht_get_index(ht, key, key_length);
   if (i != NOT_FOUND) {
      ht_remove_by_index(ht, (unsigned int) i);
   }
}

void ht_clear(cc_hash_table_t *ht)
{
   for (unsigned int i = 0; i < ht->table_size; i++) {
      ht_remove_by_index(ht, i);
   }
}

void ht_destroy(cc_hash_table_t *ht)
{
   if (ht->table != NULL) {
      ht_clear(ht);
      free(ht->table);
      ht->table = NULL;
   }
}
