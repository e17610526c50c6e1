/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_table.h>
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_index.h>
#include <nemea-common/nc_memory.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VICTIMS_FAR 4    /* entries that are looked at for one to evict, when it is fetched ahead */
#define INDEX_FIRST 1024 /* buckets that an index has at least, if it may have as many: 64 KiB */
#define INDEX_GROWS 2    /* bits that the number of buckets grows by */

enum entry_state {
   ENTRY_FREE = 0,
   ENTRY_ONCE = 1, /* inserted, not used since */
   ENTRY_USED = 2  /* used again: gets a second chance */
};

struct nc_table {
   nc_index_t index;
   void *memory, *entry_memory, *apart_memory; /* of the buckets, of the entries, of what they keep apart */
   uint8_t *entries;                           /* entries of whole cache lines begin with one */
   uint8_t *apart;
   uint8_t *state;
   uint64_t *hash;      /* of the entries, as it was given: it need not be that of hash_of() */
   uint32_t *free_list; /* entries that were used before */
   uint32_t capacity, count, free_count;
   uint32_t buckets;        /* that the index may have; it has fewer until it needs them */
   uint32_t grow_at;        /* entries for which it has to grow */
   uint32_t fresh;          /* first entry that was never used */
   uint32_t hand;           /* of the clock */
   uint64_t evicted_before; /* of the counter, when the last keys were fetched ahead */
   uint32_t key_size, cleared, value_offset, entry_size, apart_size;
   uint32_t shift;      /* of whole entries to their number, if their size is a power of two; else 0 */
   uint32_t prefetched; /* last byte of an entry to fetch ahead; no more than three lines are worth it */
   uint32_t lines;      /* up to there */
   enum nc_table_full full;
   nc_table_evict_fn evicted;
   void *context;
   nc_table_stats_t stats;
};

static inline uint8_t *entry_at(const nc_table_t *table, uint32_t entry)
{
   return table->entries + (size_t) entry * table->entry_size;
}

static inline uint32_t entry_of_value(const nc_table_t *table, const void *value)
{
   size_t offset = (size_t) ((const uint8_t *) value - table->entries);
   return (uint32_t) (table->shift != 0 ? offset >> table->shift : offset / table->entry_size);
}

static size_t index_bytes(const nc_table_t *table)
{
   return (size_t) table->buckets * sizeof(nc_index_bucket_t);
}

/* Gives the index this many of its buckets. */
static void set_buckets(nc_table_t *table, uint32_t buckets)
{
   table->index.mask = buckets - 1;
   /* As many entries as nc_index_size() gives these buckets to. */
   table->grow_at =
       buckets < table->buckets ? (uint32_t) ((uint64_t) buckets * NC_INDEX_WAYS * 2 / 3) : UINT32_MAX;
}

/* Zeroed memory that is not touched before it is used: a large table that holds little takes little. */
static void *cleared_array(size_t count, size_t size)
{
   void *array = calloc(count, size);
   nc_memory_large(array, count * size);
   return array;
}

static bool allocate(nc_table_t *table)
{
   table->index.buckets = nc_memory_lines(table->buckets, sizeof(nc_index_bucket_t), &table->memory);
   table->entries = nc_memory_lines(table->capacity, table->entry_size, &table->entry_memory);
   if (table->apart_size > 0) {
      /* Without huge pages: most of it is never touched. */
      table->apart_memory = calloc(1, (size_t) table->capacity * table->apart_size + NC_MEMORY_LINE);
      table->apart = (uint8_t *) (((uintptr_t) table->apart_memory + NC_MEMORY_LINE - 1) / NC_MEMORY_LINE *
                                  NC_MEMORY_LINE);
   }
   table->state = cleared_array(table->capacity, 1);
   table->hash = cleared_array(table->capacity, sizeof(uint64_t));
   table->free_list = cleared_array(table->capacity, sizeof(uint32_t));
   return table->memory && table->entry_memory && (table->apart_memory || table->apart_size == 0) &&
          table->state && table->hash && table->free_list;
}

/* Cache lines of an entry that are fetched ahead, at most. */
static uint32_t lines_of(const nc_table_t *table)
{
   if (table->entry_size % NC_MEMORY_LINE == 0) {
      return table->prefetched / NC_MEMORY_LINE + 1;
   }
   if (table->prefetched < NC_MEMORY_LINE) { /* those of a power of two do not reach into a second one */
      return table->shift != 0 ? 1 : 2;
   }
   return 3;
}

nc_table_t *nc_table_new(const nc_table_config_t *config)
{
   if (config->capacity == 0 || config->capacity > NC_TABLE_MAX_CAPACITY || config->key_size == 0 ||
       config->key_size > UINT16_MAX || config->value_size > (UINT32_C(1) << 24) ||
       config->apart > (UINT32_C(1) << 24)) {
      errno = EINVAL;
      return NULL;
   }
   nc_table_t *table = calloc(1, sizeof(*table));
   if (!table) {
      return NULL;
   }
   table->buckets = nc_index_size(config->capacity);
   uint32_t buckets = table->buckets;
   /* To be refused is all that may happen to an entry of a table that refuses; so that has no other index later. */
   while (config->full == NC_TABLE_EVICT && buckets >> INDEX_GROWS >= INDEX_FIRST) {
      buckets >>= INDEX_GROWS;
   }
   set_buckets(table, buckets);
   table->capacity = config->capacity;
   table->key_size = config->key_size;
   table->cleared =
       config->cleared > 0 && config->cleared < config->value_size ? config->cleared : config->value_size;
   table->value_offset = (config->key_size + 7) & ~UINT32_C(7);
   /* A set has 8 bytes of value too, so that a value pointer lies inside its entry. */
   uint32_t value_bytes = config->value_size ? config->value_size : 8;
   table->entry_size = table->value_offset + ((value_bytes + 7) & ~UINT32_C(7));
   table->shift =
       (table->entry_size & (table->entry_size - 1)) == 0 ? (uint32_t) __builtin_ctz(table->entry_size) : 0;
   table->apart_size = (config->apart + 7) & ~UINT32_C(7);
   uint32_t looked_at =
       table->cleared < config->value_size ? table->value_offset + table->cleared : table->entry_size;
   table->prefetched = looked_at <= 192 ? looked_at - 1 : 191;
   table->lines = lines_of(table);
   table->full = config->full;
   table->evicted = config->evicted;
   table->context = config->context;
   if (!allocate(table)) {
      nc_table_free(table);
      errno = ENOMEM;
      return NULL;
   }
   return table;
}

void nc_table_free(nc_table_t *table)
{
   if (table) {
      free(table->memory);
      free(table->entry_memory);
      free(table->apart_memory);
      free(table->state);
      free(table->hash);
      free(table->free_list);
      free(table);
   }
}

/* The usual sizes of keys are constants to the compiler, which makes much shorter code of them. */
#define INLINE __attribute__((always_inline)) static inline
#define BY_SIZE(size, what)    \
   switch (size) {             \
   case 8: return what(8);     \
   case 16: return what(16);   \
   case 24: return what(24);   \
   case 32: return what(32);   \
   case 40: return what(40);   \
   case 56: return what(56);   \
   default: return what(size); \
   }

static uint64_t hash_of(const nc_table_t *table, const void *key)
{
#define HASH(n) nc_hash(key, n)
   BY_SIZE(table->key_size, HASH)
}

struct search {
   const nc_table_t *table;
   const void *key;
   size_t size;
};

INLINE bool same_key(void *context, uint32_t entry)
{
   const struct search *s = context;
   return memcmp(entry_at(s->table, entry), s->key, s->size) == 0;
}

INLINE uint32_t locate(const nc_table_t *table, const void *key, uint64_t hash, size_t size)
{
   struct search s = {table, key, size};
   return nc_index_find(&table->index, hash, same_key, &s);
}

static void remove_entry(nc_table_t *table, uint32_t entry)
{
   nc_index_remove(&table->index, table->hash[entry], entry);
   table->state[entry] = ENTRY_FREE;
   table->free_list[table->free_count++] = entry;
   table->count--;
}

static void evict(nc_table_t *table, uint32_t victim)
{
   uint8_t *entry = entry_at(table, victim);
   if (table->evicted) {
      table->evicted(table->context, entry, entry + table->value_offset);
   }
   remove_entry(table, victim);
   table->stats.evicted++;
}

static uint32_t next_victim(nc_table_t *table)
{
   while (table->state[table->hand] != ENTRY_ONCE) {
      /* The table is full: every entry is in one of the two used states. */
      table->state[table->hand] = ENTRY_ONCE;
      table->hand = table->hand + 1 == table->capacity ? 0 : table->hand + 1;
   }
   uint32_t victim = table->hand;
   table->hand = table->hand + 1 == table->capacity ? 0 : table->hand + 1;
   return victim;
}

/* Puts the entries from first to end that are there into an index that is new. One that finds no place within the bound is freed. */
static void add_again(nc_table_t *table, uint32_t first, uint32_t end)
{
   for (uint32_t entry = first; entry < end; entry++) {
      __builtin_prefetch(nc_index_home(&table->index, table->hash[entry]), 1);
   }
   for (uint32_t entry = first; entry < end; entry++) {
      if (table->state[entry] != ENTRY_FREE && !nc_index_add(&table->index, table->hash[entry], entry)) {
         table->state[entry] = ENTRY_FREE;
         table->free_list[table->free_count++] = entry;
      }
   }
}

/* More buckets, in which all entries find new places: what a table that holds little looks up lies close together, and takes little
 * memory. An entry that finds none within the bound is evicted. Not inlined: it happens a few times in a table's life. */
__attribute__((noinline)) static void grow_index(nc_table_t *table)
{
   const uint32_t buckets = table->index.mask + 1, free_before = table->free_count;
   memset(table->index.buckets, 0, buckets * sizeof(nc_index_bucket_t));
   set_buckets(table, buckets << INDEX_GROWS);
   for (uint32_t first = 0; first < table->fresh; first += NC_TABLE_BATCH) {
      uint32_t left = table->fresh - first;
      add_again(table, first, first + (left < NC_TABLE_BATCH ? left : NC_TABLE_BATCH));
   }
   /* Now that the table can be read again. */
   for (uint32_t i = free_before; i < table->free_count; i++) {
      uint8_t *entry = entry_at(table, table->free_list[i]);
      if (table->evicted) {
         table->evicted(table->context, entry, entry + table->value_offset);
      }
      table->count--;
      table->stats.crowded++;
      table->stats.evicted++;
   }
}

/* A free entry that is in the index under this hash; NC_INDEX_NONE when it was refused. */
static uint32_t new_entry(nc_table_t *table, uint64_t hash)
{
   if (table->count == table->capacity) {
      if (table->full == NC_TABLE_REFUSE) {
         table->stats.refused++;
         return NC_INDEX_NONE;
      }
      evict(table, next_victim(table));
   }
   if (__builtin_expect(table->count >= table->grow_at, 0)) {
      grow_index(table);
   }
   uint32_t entry = table->free_count > 0 ? table->free_list[table->free_count - 1] : table->fresh;
   if (!nc_index_add(&table->index, hash, entry)) {
      table->stats.crowded++;
      if (table->full == NC_TABLE_REFUSE) {
         table->stats.refused++;
         return NC_INDEX_NONE;
      }
      evict(table, nc_index_victim(&table->index, hash));
      entry = table->free_list[table->free_count - 1];
      nc_index_add(&table->index, hash, entry);
   }
   if (table->free_count > 0) {
      table->free_count--;
   } else {
      table->fresh++;
   }
   table->hash[entry] = hash;
   table->count++;
   return entry;
}

/* The entries that the next n insertions into a full table evict, or fewer: those in use get their second chance first, and it is not
 * looked far for the others. */
INLINE uint32_t victims(const nc_table_t *table, uint32_t n, uint32_t found[])
{
   uint32_t entry = table->hand, count = 0;
   uint32_t most = table->capacity / VICTIMS_FAR < n ? table->capacity : VICTIMS_FAR * n;
   for (uint32_t i = 0; i < most && count < n; i++) {
      found[count] = entry;
      count += table->state[entry] == ENTRY_ONCE;
      entry = entry + 1 == table->capacity ? 0 : entry + 1;
   }
   return count;
}

/* A full table evicts an entry for each new key: fetches what taking the next n out of the index looks at. (Inlined, since gcc 12 leaves
 * out calls of functions that do nothing but fetch.) */
INLINE void prefetch_victims(const nc_table_t *table, uint32_t n)
{
   uint32_t found[NC_TABLE_BATCH + 1];
   const uint32_t count = victims(table, n, found);
   for (uint32_t i = 0; i < count; i++) {
      __builtin_prefetch(nc_index_home(&table->index, table->hash[found[i]]), 1);
      __builtin_prefetch(entry_at(table, found[i]), 1);
      __builtin_prefetch(entry_at(table, found[i]) + 64, 1);
   }
}

/* A bucket that others have passed sends a search to the next one. */
INLINE void prefetch_next_bucket(const nc_table_t *table, uint64_t hash)
{
   if (nc_index_home(&table->index, hash)->record[NC_INDEX_PASSED] != 0) {
      __builtin_prefetch(nc_index_home(&table->index, hash + 1), 1);
   }
}

/* \return the entry that a search for this hash will most probably find, or NC_INDEX_NONE */
INLINE uint32_t prefetch_entry(const nc_table_t *table, uint64_t hash)
{
   prefetch_next_bucket(table, hash);
   uint32_t entry = nc_index_guess(&table->index, hash);
   if (entry != NC_INDEX_NONE) {
      const uint8_t *bytes = entry_at(table, entry);
      __builtin_prefetch(&table->state[entry], 1);
      __builtin_prefetch(bytes, 1);
      if (table->lines > 1) {
         __builtin_prefetch(bytes + table->prefetched, 1);
      }
      if (table->lines > 2) {
         __builtin_prefetch(bytes + table->prefetched / 2, 1);
      }
   }
   return entry;
}

INLINE void prefetch(nc_table_t *table, const void *const keys[], uint32_t n, uint64_t hashes[], size_t size)
{
   for (uint32_t i = 0; i < n; i++) {
      hashes[i] = nc_hash(keys[i], size);
      __builtin_prefetch(nc_index_home(&table->index, hashes[i]), 1);
   }
   if (table->count == table->capacity && table->full == NC_TABLE_EVICT) {
      /* About as many keys are new as of the batch before. */
      uint64_t expected = table->stats.evicted - table->evicted_before + 2;
      uint32_t most = n < NC_TABLE_BATCH ? n : NC_TABLE_BATCH;
      prefetch_victims(table, expected < most ? (uint32_t) expected : most);
   }
   table->evicted_before = table->stats.evicted;
   for (uint32_t i = 0; i < n; i++) {
      (void) prefetch_entry(table, hashes[i]);
   }
}

void nc_table_prefetch(nc_table_t *table, const void *const keys[], uint32_t n, uint64_t hashes[])
{
#define PREFETCH(n_bytes) prefetch(table, keys, n, hashes, n_bytes)
   BY_SIZE(table->key_size, PREFETCH)
}

void nc_table_prefetch_hashed(nc_table_t *table, const uint64_t hashes[], uint32_t n, void *guesses[])
{
   for (uint32_t i = 0; i < n; i++) {
      __builtin_prefetch(nc_index_home(&table->index, hashes[i]), 1);
   }
   uint32_t unknown = 0;
   for (uint32_t i = 0; i < n; i++) {
      uint32_t entry = prefetch_entry(table, hashes[i]);
      guesses[i] = entry != NC_INDEX_NONE ? entry_at(table, entry) + table->value_offset : NULL;
      unknown += entry == NC_INDEX_NONE;
   }
   if (table->count == table->capacity && table->full == NC_TABLE_EVICT) {
      prefetch_victims(table, unknown < NC_TABLE_BATCH ? unknown : NC_TABLE_BATCH);
   }
}

/* Is this the value of the key's entry? A no costs a search only: so for keys that are not whole words. */
INLINE bool is_value_of(const nc_table_t *table, const void *key, const uint8_t *value)
{
   if (value == NULL || table->value_offset != table->key_size ||
       table->state[entry_of_value(table, value)] == ENTRY_FREE) {
      return false;
   }
   const uint8_t *entry = value - table->value_offset, *wanted = key;
   uint64_t differs = 0;
   for (uint32_t i = 0; i < table->key_size; i += 8) {
      differs |= nc_hash_load8_(entry + i) ^ nc_hash_load8_(wanted + i);
   }
   return differs == 0;
}

void *nc_table_peek_guessed(const nc_table_t *table, const void *key, uint64_t hash, void *guess)
{
   return is_value_of(table, key, guess) ? guess : nc_table_peek_hashed(table, key, hash);
}

void *nc_table_find_guessed(nc_table_t *table, const void *key, uint64_t hash, void *guess)
{
   if (!is_value_of(table, key, guess)) {
      return nc_table_find_hashed(table, key, hash);
   }
   table->stats.lookups++;
   table->state[entry_of_value(table, guess)] = ENTRY_USED;
   return guess;
}

void *nc_table_upsert_guessed(nc_table_t *table, const void *key, uint64_t hash, void *guess, bool *is_new)
{
   if (!is_value_of(table, key, guess)) {
      return nc_table_upsert_hashed(table, key, hash, is_new);
   }
   table->stats.lookups++;
   table->state[entry_of_value(table, guess)] = ENTRY_USED;
   if (is_new) {
      *is_new = false;
   }
   return guess;
}

uint32_t nc_table_victims(const nc_table_t *table, uint32_t n, void *values[])
{
   uint32_t found[NC_TABLE_BATCH + 1];
   const uint32_t most = n < NC_TABLE_BATCH ? n : NC_TABLE_BATCH;
   const uint32_t count = table->count == table->capacity ? victims(table, most, found) : 0;
   for (uint32_t i = 0; i < count; i++) {
      values[i] = entry_at(table, found[i]) + table->value_offset;
   }
   return count;
}

void nc_table_prefetch_removal(const nc_table_t *table, const void *value)
{
   __builtin_prefetch(nc_index_home(&table->index, table->hash[entry_of_value(table, value)]), 1);
   __asm__ volatile(
       ""); /* gcc takes a function that only fetches for one that does nothing, and leaves out its calls */
}

INLINE void *find(nc_table_t *table, const void *key, uint64_t hash, size_t size)
{
   table->stats.lookups++;
   uint32_t entry = locate(table, key, hash, size);
   if (entry == NC_INDEX_NONE) {
      return NULL;
   }
   table->state[entry] = ENTRY_USED;
   return entry_at(table, entry) + table->value_offset;
}

void *nc_table_find(nc_table_t *table, const void *key)
{
#define FIND(n) find(table, key, nc_hash(key, n), n)
   BY_SIZE(table->key_size, FIND)
}

void *nc_table_find_hashed(nc_table_t *table, const void *key, uint64_t hash)
{
#define FIND_HASHED(n) find(table, key, hash, n)
   BY_SIZE(table->key_size, FIND_HASHED)
}

void nc_table_use(nc_table_t *table, const void *value)
{
   table->state[entry_of_value(table, value)] = ENTRY_USED;
}

INLINE void *peek(const nc_table_t *table, const void *key, uint64_t hash, size_t size)
{
   uint32_t entry = locate(table, key, hash, size);
   return entry != NC_INDEX_NONE ? entry_at(table, entry) + table->value_offset : NULL;
}

void *nc_table_peek(const nc_table_t *table, const void *key)
{
#define PEEK(n) peek(table, key, nc_hash(key, n), n)
   BY_SIZE(table->key_size, PEEK)
}

void *nc_table_peek_hashed(const nc_table_t *table, const void *key, uint64_t hash){
#define PEEK_HASHED(n) peek(table, key, hash, n)
    BY_SIZE(table->key_size, PEEK_HASHED)}

INLINE void *upsert(nc_table_t *table, const void *key, uint64_t hash, bool *is_new, size_t size)
{
   table->stats.lookups++;
   uint32_t entry = locate(table, key, hash, size);
   if (is_new) {
      *is_new = entry == NC_INDEX_NONE;
   }
   if (entry != NC_INDEX_NONE) {
      table->state[entry] = ENTRY_USED;
      return entry_at(table, entry) + table->value_offset;
   }
   entry = new_entry(table, hash);
   if (entry == NC_INDEX_NONE) {
      return NULL;
   }
   table->state[entry] = ENTRY_ONCE;
   table->stats.inserted++;
   uint8_t *bytes = entry_at(table, entry);
   memcpy(bytes, key, size);
   memset(bytes + table->value_offset, 0, table->cleared);
   return bytes + table->value_offset;
}

void *nc_table_upsert(nc_table_t *table, const void *key, bool *is_new)
{
#define UPSERT(n) upsert(table, key, nc_hash(key, n), is_new, n)
   BY_SIZE(table->key_size, UPSERT)
}

void *nc_table_upsert_hashed(nc_table_t *table, const void *key, uint64_t hash, bool *is_new)
{
#define UPSERT_HASHED(n) upsert(table, key, hash, is_new, n)
   BY_SIZE(table->key_size, UPSERT_HASHED)
}

bool nc_table_remove(nc_table_t *table, const void *key)
{
   uint64_t hash = hash_of(table, key);
   uint32_t entry = locate(table, key, hash, table->key_size);
   if (entry != NC_INDEX_NONE) {
      remove_entry(table, entry);
   }
   return entry != NC_INDEX_NONE;
}

void nc_table_remove_value(nc_table_t *table, void *value)
{
   remove_entry(table, entry_of_value(table, value));
}

const void *nc_table_key(const nc_table_t *table, const void *value)
{
   return entry_at(table, entry_of_value(table, value));
}

void *nc_table_apart(const nc_table_t *table, const void *value)
{
   return table->apart + (size_t) entry_of_value(table, value) * table->apart_size;
}

void *nc_table_owner(const nc_table_t *table, const void *apart)
{
   size_t entry = (size_t) ((const uint8_t *) apart - table->apart) / table->apart_size;
   return entry_at(table, (uint32_t) entry) + table->value_offset;
}

void nc_table_clear(nc_table_t *table)
{
   memset(table->index.buckets, 0, ((size_t) table->index.mask + 1) * sizeof(nc_index_bucket_t));
   memset(table->state, ENTRY_FREE, table->fresh);
   table->fresh = table->free_count = table->count = table->hand = 0;
}

bool nc_table_next(const nc_table_t *table, uint32_t *cursor, const void **key, void **value)
{
   while (*cursor < table->fresh) {
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
   return sizeof(*table) + index_bytes(table) +
          (size_t) table->capacity *
              (table->entry_size + table->apart_size + sizeof(uint8_t) + 2 * sizeof(uint32_t));
}

const nc_table_stats_t *nc_table_stats(const nc_table_t *table)
{
   return &table->stats;
}
