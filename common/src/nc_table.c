/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_table.h>
#include <nemea-common/nc_hash.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum entry_state {
   ENTRY_FREE = 0,
   ENTRY_ONCE = 1, /* inserted, not used since */
   ENTRY_USED = 2  /* used again: gets a second chance */
};

/* A slot of the index: the upper half of the hash and the entry's number + 1; 0 is empty. */
typedef uint64_t slot_t;

struct nc_table {
   slot_t *slots;
   uint8_t *entries;
   uint8_t *state;
   uint32_t *free_list;
   uint64_t mask;
   uint64_t seed;
   uint32_t capacity, count, free_count;
   uint32_t hand; /* of the clock */
   uint32_t key_size, value_size, value_offset, entry_size;
   enum nc_table_full full;
   nc_table_evict_fn evicted;
   void *context;
   nc_table_stats_t stats;
};

static inline slot_t slot_make(uint64_t hash, uint32_t entry)
{
   return (hash & UINT64_C(0xffffffff00000000)) | (entry + 1);
}

static inline uint32_t slot_entry(slot_t slot)
{
   return (uint32_t) slot - 1;
}

static inline uint8_t *entry_at(const nc_table_t *table, uint32_t entry)
{
   return table->entries + (size_t) entry * table->entry_size;
}

static inline uint32_t entry_of_value(const nc_table_t *table, const void *value)
{
   return (uint32_t) ((size_t) ((const uint8_t *) value - table->entries) / table->entry_size);
}

static void reset(nc_table_t *table)
{
   memset(table->slots, 0, (table->mask + 1) * sizeof(slot_t));
   memset(table->state, ENTRY_FREE, table->capacity);
   for (uint32_t i = 0; i < table->capacity; i++) {
      table->free_list[i] = table->capacity - 1 - i;
   }
   table->free_count = table->capacity;
   table->count = 0;
   table->hand = 0;
}

static bool allocate(nc_table_t *table, uint64_t slots)
{
   table->slots = malloc(slots * sizeof(slot_t));
   table->entries = calloc(table->capacity, table->entry_size);
   table->state = malloc(table->capacity);
   table->free_list = malloc((size_t) table->capacity * sizeof(uint32_t));
   return table->slots && table->entries && table->state && table->free_list;
}

nc_table_t *nc_table_new(const nc_table_config_t *config)
{
   if (config->capacity == 0 || config->capacity > NC_TABLE_MAX_CAPACITY || config->key_size == 0 ||
       config->key_size > UINT16_MAX || config->value_size > (UINT32_C(1) << 24)) {
      errno = EINVAL;
      return NULL;
   }
   nc_table_t *table = calloc(1, sizeof(*table));
   if (!table) {
      return NULL;
   }
   uint64_t slots = 16;
   while (slots / 4 * 3 < config->capacity) {
      slots *= 2;
   }
   table->mask = slots - 1;
   table->seed = config->seed ? config->seed : nc_hash_seed();
   table->capacity = config->capacity;
   table->key_size = config->key_size;
   table->value_size = config->value_size;
   table->value_offset = (config->key_size + 7) & ~UINT32_C(7);
   /* A set has 8 bytes of value too, so that a value pointer lies inside its entry. */
   uint32_t value_bytes = config->value_size ? config->value_size : 8;
   table->entry_size = table->value_offset + ((value_bytes + 7) & ~UINT32_C(7));
   table->full = config->full;
   table->evicted = config->evicted;
   table->context = config->context;
   if (!allocate(table, slots)) {
      nc_table_free(table);
      errno = ENOMEM;
      return NULL;
   }
   reset(table);
   return table;
}

void nc_table_free(nc_table_t *table)
{
   if (table) {
      free(table->slots);
      free(table->entries);
      free(table->state);
      free(table->free_list);
      free(table);
   }
}

/* Index of the key's slot, or of the empty slot where it belongs (*found false). */
static inline uint64_t locate(const nc_table_t *table, const void *key, uint64_t hash, bool *found)
{
   uint64_t i = hash & table->mask;
   for (;; i = (i + 1) & table->mask) {
      slot_t slot = table->slots[i];
      if (slot == 0) {
         *found = false;
         return i;
      }
      if ((uint32_t) (slot >> 32) == (uint32_t) (hash >> 32) &&
          memcmp(entry_at(table, slot_entry(slot)), key, table->key_size) == 0) {
         *found = true;
         return i;
      }
   }
}

/* Empties a slot and moves later ones of its run back, so that no marks of deleted slots are needed. */
static void index_erase(nc_table_t *table, uint64_t hole)
{
   for (uint64_t i = (hole + 1) & table->mask; table->slots[i] != 0; i = (i + 1) & table->mask) {
      const uint8_t *key = entry_at(table, slot_entry(table->slots[i]));
      uint64_t home = nc_hash(key, table->key_size, table->seed) & table->mask;
      if (((i - home) & table->mask) >= ((i - hole) & table->mask)) {
         table->slots[hole] = table->slots[i];
         hole = i;
      }
   }
   table->slots[hole] = 0;
}

static void remove_at(nc_table_t *table, uint64_t slot)
{
   uint32_t entry = slot_entry(table->slots[slot]);
   index_erase(table, slot);
   table->state[entry] = ENTRY_FREE;
   table->free_list[table->free_count++] = entry;
   table->count--;
}

static void evict_one(nc_table_t *table)
{
   while (table->state[table->hand] != ENTRY_ONCE) {
      /* The table is full: every entry is in one of the two used states. */
      table->state[table->hand] = ENTRY_ONCE;
      table->hand = table->hand + 1 == table->capacity ? 0 : table->hand + 1;
   }
   uint32_t victim = table->hand;
   table->hand = table->hand + 1 == table->capacity ? 0 : table->hand + 1;
   uint8_t *entry = entry_at(table, victim);
   if (table->evicted) {
      table->evicted(table->context, entry, entry + table->value_offset);
   }
   bool found;
   uint64_t slot = locate(table, entry, nc_hash(entry, table->key_size, table->seed), &found);
   remove_at(table, slot);
   table->stats.evicted++;
}

void *nc_table_find(nc_table_t *table, const void *key)
{
   bool found;
   table->stats.lookups++;
   uint64_t i = locate(table, key, nc_hash(key, table->key_size, table->seed), &found);
   if (!found) {
      return NULL;
   }
   uint32_t entry = slot_entry(table->slots[i]);
   table->state[entry] = ENTRY_USED;
   return entry_at(table, entry) + table->value_offset;
}

void *nc_table_peek(const nc_table_t *table, const void *key)
{
   bool found;
   uint64_t i = locate(table, key, nc_hash(key, table->key_size, table->seed), &found);
   return found ? entry_at(table, slot_entry(table->slots[i])) + table->value_offset : NULL;
}

void *nc_table_upsert(nc_table_t *table, const void *key, bool *is_new)
{
   bool found;
   uint64_t hash = nc_hash(key, table->key_size, table->seed);
   table->stats.lookups++;
   uint64_t i = locate(table, key, hash, &found);
   if (is_new) {
      *is_new = !found;
   }
   if (found) {
      uint32_t entry = slot_entry(table->slots[i]);
      table->state[entry] = ENTRY_USED;
      return entry_at(table, entry) + table->value_offset;
   }
   if (table->free_count == 0) {
      if (table->full == NC_TABLE_REFUSE) {
         table->stats.refused++;
         return NULL;
      }
      evict_one(table);
      i = locate(table, key, hash, &found);
   }
   uint32_t entry = table->free_list[--table->free_count];
   table->slots[i] = slot_make(hash, entry);
   table->state[entry] = ENTRY_ONCE;
   table->count++;
   table->stats.inserted++;
   uint8_t *bytes = entry_at(table, entry);
   memcpy(bytes, key, table->key_size);
   memset(bytes + table->value_offset, 0, table->value_size);
   return bytes + table->value_offset;
}

bool nc_table_remove(nc_table_t *table, const void *key)
{
   bool found;
   uint64_t i = locate(table, key, nc_hash(key, table->key_size, table->seed), &found);
   if (found) {
      remove_at(table, i);
   }
   return found;
}

void nc_table_remove_value(nc_table_t *table, void *value)
{
   nc_table_remove(table, entry_at(table, entry_of_value(table, value)));
}

const void *nc_table_key(const nc_table_t *table, const void *value)
{
   return entry_at(table, entry_of_value(table, value));
}

void nc_table_clear(nc_table_t *table)
{
   reset(table);
}

bool nc_table_next(const nc_table_t *table, uint32_t *cursor, const void **key, void **value)
{
   while (*cursor < table->capacity) {
      uint32_t entry = (*cursor)++;
      if (table->state[entry] != ENTRY_FREE) {
         uint8_t *bytes = entry_at(table, entry);
         *key = bytes;
         *value = bytes + table->value_offset;
         return true;
      }
   }
   return false;
}

uint32_t nc_table_count(const nc_table_t *table)
{
   return table->count;
}

uint32_t nc_table_capacity(const nc_table_t *table)
{
   return table->capacity;
}

size_t nc_table_memory(const nc_table_t *table)
{
   return sizeof(*table) + (table->mask + 1) * sizeof(slot_t) +
          (size_t) table->capacity * (table->entry_size + sizeof(uint8_t) + sizeof(uint32_t));
}

const nc_table_stats_t *nc_table_stats(const nc_table_t *table)
{
   return &table->stats;
}
