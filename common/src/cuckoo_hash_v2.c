/* SPDX-License-Identifier: BSD-3-Clause */
/** Cuckoo hash, second version: places hold indexes of slots, slots hold keys and data and never move. */
#include <nemea-common/cuckoo_hash_v2.h>

#include "cuckoo.h"

#include <stdbool.h>
#include <stddef.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KICKS 15

static void places(const cc_hash_table_v2_t *ht, const char *key, unsigned int at[3])
{
   cuckoo_places(key, ht->key_length, ht->table_size, at);
}

/* Pointers and memory of the slots, with one slot more for evicted items. */
static void **slots_new(size_t n, size_t size)
{
   size = (size + 15) & ~(size_t) 15;
   size = size > 0 ? size : 16;
   char *bytes = n < PTRDIFF_MAX / size ? calloc(n, size) : NULL;
   void **slots = malloc(n * sizeof(*slots));
   if (bytes == NULL || slots == NULL) {
      free(bytes);
      free(slots);
      return NULL;
   }
   for (size_t i = 0; i < n; i++) {
      slots[i] = bytes + i * size;
   }
   return slots;
}

static void slots_free(void **slots)
{
   if (slots != NULL) {
      free(slots[0]);
      free(slots);
   }
}

int ht_init_v2(cc_hash_table_v2_t *new_table, unsigned int table_size, unsigned int data_size,
               unsigned int key_length)
{
   *new_table =
       (cc_hash_table_v2_t){.data_size = data_size, .table_size = table_size, .key_length = key_length};
   if (table_size == 0 || table_size > INT_MAX || key_length == 0) {
      return -1;
   }
   size_t n = (size_t) table_size + 1;
   new_table->ind = calloc(n, sizeof(index_array_t));
   new_table->keys = (char **) slots_new(n, key_length);
   new_table->data = slots_new(n, data_size);
   if (new_table->ind == NULL || new_table->keys == NULL || new_table->data == NULL) {
      ht_destroy_v2(new_table);
      return -1;
   }
   new_table->key_kick = new_table->keys[table_size];
   new_table->data_kick = new_table->data[table_size];
   ht_clear_v2(new_table);
   return 0;
}

void ht_destroy_v2(cc_hash_table_v2_t *ht)
{
   free(ht->ind);
   slots_free((void **) ht->keys);
   slots_free(ht->data);
   ht->ind = NULL;
   ht->keys = NULL;
   ht->data = NULL;
}

/* Each place always refers to a slot of its own, used or not: a free place is a free slot. */
void ht_clear_v2(cc_hash_table_v2_t *ht)
{
   for (unsigned int i = 0; i < ht->table_size; i++) {
      ht->ind[i] = (index_array_t){0, (int) i};
   }
}

static int find(const cc_hash_table_v2_t *ht, const char *key, const unsigned int at[3])
{
   for (int i = 0; i < 3; i++) {
      const index_array_t *place = &ht->ind[at[i]];
      if (place->valid && memcmp(ht->keys[place->index], key, ht->key_length) == 0) {
         return (int) at[i];
      }
   }
   return -1;
}

int ht_get_index_v2(cc_hash_table_v2_t *ht, char *key)
{
   unsigned int at[3];
   places(ht, key, at);
   int i = find(ht, key, at);
   return i >= 0 ? ht->ind[i].index : -1;
}

void *ht_get_v2(cc_hash_table_v2_t *ht, char *key)
{
   int i = ht_get_index_v2(ht, key);
   return i >= 0 ? ht->data[i] : NULL;
}

int ht_is_valid_v2(cc_hash_table_v2_t *ht, char *key, int index)
{
   unsigned int at[3];
   places(ht, key, at);
   for (int i = 0; i < 3; i++) {
      if (ht->ind[at[i]].valid && ht->ind[at[i]].index == index) {
         return 1;
      }
   }
   return 0;
}

void ht_remove_precomp_v2(cc_hash_table_v2_t *ht, char *key, unsigned int h1, unsigned int h2,
                          unsigned int h3)
{
   unsigned int at[3] = {h1 % ht->table_size, h2 % ht->table_size, h3 % ht->table_size};
   int i = find(ht, key, at);
   if (i >= 0) {
      ht->ind[i].valid = 0;
   }
}

void ht_remove_by_key_v2(cc_hash_table_v2_t *ht, char *key)
{
   unsigned int at[3];
   places(ht, key, at);
   ht_remove_precomp_v2(ht, key, at[0], at[1], at[2]);
}

/* The places that an insertion moves: path[0] is where the new item goes, the item of path[i] goes to path[i + 1]. The
 * last one is free, or its item is evicted. \return number of places */
static int find_path(const cc_hash_table_v2_t *ht, const char *key, unsigned int *path, bool *kicks)
{
   const char *moving = key;
   *kicks = false;
   for (int n = 0;; n++) {
      unsigned int at[3];
      places(ht, moving, at);
      for (int i = 0; i < 3; i++) {
         if (!ht->ind[at[i]].valid) {
            path[n] = at[i];
            return n + 1;
         }
      }
      /* Start with another place each time, and skip places that are on the path already, so that each item moves once. */
      int next = -1;
      for (int i = 0; i < 3 && next < 0; i++) {
         unsigned int p = at[(n + i) % 3];
         bool used = false;
         for (int k = 0; k < n; k++) {
            used |= path[k] == p;
         }
         next = used ? -1 : (int) p;
      }
      if (next >= 0) {
         path[n] = (unsigned int) next;
      }
      if (next < 0 || n == MAX_KICKS - 1) {
         *kicks = true;
         return next < 0 ? n : n + 1;
      }
      moving = ht->keys[ht->ind[next].index];
   }
}

static void no_lock(int index)
{
   (void) index;
}

void *ht_lock_insert_v2(cc_hash_table_v2_t *ht, char *key, const void *new_data, void (*lock)(int),
                        void (*unlock)(int))
{
   unsigned int path[MAX_KICKS + 1];
   bool kicks;
   int n = find_path(ht, key, path, &kicks);
   int slot = ht->ind[path[n - 1]].index; /* of the last place: free, or of the evicted item */
   lock(slot);
   ht->ind[path[n - 1]].valid = 0;
   if (kicks) {
      memcpy(ht->key_kick, ht->keys[slot], ht->key_length);
      memcpy(ht->data_kick, ht->data[slot], ht->data_size);
   }
   /* From the end: each item is in its new place before its old one is reused. */
   for (int i = n - 1; i > 0; i--) {
      ht->ind[path[i]] = ht->ind[path[i - 1]];
   }
   memcpy(ht->keys[slot], key, ht->key_length);
   memcpy(ht->data[slot], new_data, ht->data_size);
   ht->ind[path[0]] = (index_array_t){1, slot};
   unlock(slot);
   return kicks ? ht->data_kick : NULL;
}

void *ht_insert_v2(cc_hash_table_v2_t *ht, char *key, const void *new_data)
{
   return ht_lock_insert_v2(ht, key, new_data, no_lock, no_lock);
}

int rehash_v2(cc_hash_table_v2_t *ht)
{
   for (unsigned int size = ht->table_size; size <= INT_MAX / 2 && size / 1024 <= ht->table_size;) {
      size *= 2;
      cc_hash_table_v2_t fresh;
      if (ht_init_v2(&fresh, size, ht->data_size, ht->key_length) != 0) {
         return -1;
      }
      bool good = true;
      for (unsigned int i = 0; good && i < ht->table_size; i++) {
         int slot = ht->ind[i].index;
         good = !ht->ind[i].valid || ht_insert_v2(&fresh, ht->keys[slot], ht->data[slot]) == NULL;
      }
      if (good) {
         ht_destroy_v2(ht);
         *ht = fresh;
         return 0;
      }
      ht_destroy_v2(&fresh);
   }
   return -1;
}
