/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_table.h
 * Bounded hash table: fixed capacity, keys and values of fixed size, all memory taken at creation.
 *
 * Nothing is ever lost below the capacity. At the capacity an insertion evicts another entry (or is refused, see
 * enum nc_table_full). The rule is CLOCK, "second chance": entries used again after their insertion are passed
 * over once before they are evicted, entries used only once go first. A flood of keys that never come back (spoofed
 * sources) therefore cannot push out the entries that are in use.
 *
 * Keys are hashed with the random key of the process (nc_hash.h): nobody can choose keys that share a place. Searches are
 * bounded all the same (nc_index.h); an entry that finds no place within the bound takes that of another, or is refused, as at
 * the capacity. Of a table that evicts, the index grows with the number of entries, fourfold, in the memory that was taken for it at
 * creation: the insertion that it grows at takes some 20 ns for each entry. Entries lie in one array and never move, so a pointer
 * to a value stays good until its entry is removed or evicted. An entry that evicts another takes its place. Order of iteration and
 * choice of the evicted entry depend on the order of operations only, never on the hash: results are reproducible although each
 * process has a key of its own.
 *
 * Threads: one table belongs to one thread.
 */
#ifndef NEMEA_COMMON_NC_TABLE_H
#define NEMEA_COMMON_NC_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nc_table nc_table_t;

/** What nc_table_upsert() does when the table is full. */
enum nc_table_full {
   NC_TABLE_EVICT, /**< make room by the CLOCK rule */
   NC_TABLE_REFUSE /**< return NULL */
};

/** Called before an entry is evicted. May read both, and change the value; must not change the table. */
typedef void (*nc_table_evict_fn)(void *context, const void *key, void *value);

/** How a table is made. */
typedef struct nc_table_config {
   uint32_t capacity;   /**< entries, 1 .. NC_TABLE_MAX_CAPACITY */
   uint32_t key_size;   /**< bytes, 1 or more; keys are compared byte by byte, so padding must be cleared */
   uint32_t value_size; /**< bytes, 0 for a set */
   uint32_t
       cleared; /**< leading bytes of a new entry's value that are set to zero; 0: all. Used for values of which
                             little is looked at most times */
   uint32_t
       apart; /**< bytes of an entry that nc_table_apart() gives: what is seldom looked at, in an array of its own,
                             so that the rest of more entries is in the processor's cache; 0: none */
   enum nc_table_full full;   /**< when the capacity is reached */
   nc_table_evict_fn evicted; /**< may be NULL */
   void *context;             /**< for evicted */
} nc_table_config_t;

#define NC_TABLE_MAX_CAPACITY (UINT32_C(1) << 30)

/** Counters since creation. */
typedef struct nc_table_stats {
   uint64_t lookups;  /**< nc_table_find() and nc_table_upsert() */
   uint64_t inserted; /**< new entries */
   uint64_t evicted;  /**< entries pushed out by others */
   uint64_t refused;  /**< insertions refused because there was no place */
   uint64_t
       crowded; /**< entries that met the bound of a search, when they were inserted or the index grew; 0 unless the hash's key is known to an attacker */
} nc_table_stats_t;

/** NULL with errno EINVAL (impossible sizes) or ENOMEM. */
nc_table_t *nc_table_new(const nc_table_config_t *config);
/** NULL is allowed. Nothing is called for the entries. */
void nc_table_free(nc_table_t *table);

/** Value of the key, NULL if it is not there. Counts as a use of the entry. */
void *nc_table_find(nc_table_t *table, const void *key);
/** The same without counting as a use. */
void *nc_table_peek(const nc_table_t *table, const void *key);
/** Counts as a use of the entry of a value that the caller has kept. */
void nc_table_use(nc_table_t *table, const void *value);
/** Value of the key; a new entry's value is zeroed (see cleared) and *is_new (may be NULL) set. NULL only if refused. */
void *nc_table_upsert(nc_table_t *table, const void *key, bool *is_new);

/** \name Many keys at once
 * Of a table larger than the processor's cache, each search waits for memory. A batch of keys waits for all its places at once:
 *
 *     nc_table_prefetch(table, keys, n, hashes);
 *     for (i = 0; i < n; i++) {
 *        value = nc_table_upsert_hashed(table, keys[i], hashes[i], &is_new);
 *     }
 *
 * Nothing has to hold between the two: what other operations change meanwhile costs time only. */
/** Keys of a batch: more would push each other out of the cache. */
#define NC_TABLE_BATCH 64
/** Hashes n keys (at most NC_TABLE_BATCH should be given), and fetches into the cache what searches for them look at. */
void nc_table_prefetch(nc_table_t *table, const void *const keys[], uint32_t n, uint64_t hashes[]);
/** The same with hashes that the caller has made: nc_hash() of the keys, or another hash with a secret key, if all searches are given that one.
 * Gives the values of what most probably are the keys' entries, NULL where there is none: for looking at them before the search, which is
 * shorter with them. Whatever is done to the table meanwhile, they can be read. */
void nc_table_prefetch_hashed(nc_table_t *table, const uint64_t hashes[], uint32_t n, void *guesses[]);
/** nc_table_find() with the hash and a guess of nc_table_prefetch_hashed(). */
void *nc_table_find_guessed(nc_table_t *table, const void *key, uint64_t hash, void *guess);
/** nc_table_peek() with the hash and a guess of nc_table_prefetch_hashed(). */
void *nc_table_peek_guessed(const nc_table_t *table, const void *key, uint64_t hash, void *guess);
/** nc_table_upsert() with the hash and a guess of nc_table_prefetch_hashed(). */
void *nc_table_upsert_guessed(nc_table_t *table, const void *key, uint64_t hash, void *guess, bool *is_new);
/** nc_table_find() with the hash of nc_table_prefetch(). */
void *nc_table_find_hashed(nc_table_t *table, const void *key, uint64_t hash);
/** nc_table_peek() with the hash of nc_table_prefetch(). */
void *nc_table_peek_hashed(const nc_table_t *table, const void *key, uint64_t hash);
/** nc_table_upsert() with the hash of nc_table_prefetch(). */
void *nc_table_upsert_hashed(nc_table_t *table, const void *key, uint64_t hash, bool *is_new);
/** Values of the entries that the next n insertions into a full table evict, or fewer of them, at most NC_TABLE_BATCH; for those who fetch
 * what is to be done for each. \return how many; 0: the table is not full */
uint32_t nc_table_victims(const nc_table_t *table, uint32_t n, void *values[]);
/** Fetches what removing the entry of this value looks at. */
void nc_table_prefetch_removal(const nc_table_t *table, const void *value);

/** False if the key was not there. */
bool nc_table_remove(nc_table_t *table, const void *key);
/** Removes the entry that a value pointer of this table belongs to. */
void nc_table_remove_value(nc_table_t *table, void *value);
/** Key of the entry that a value pointer of this table belongs to. */
const void *nc_table_key(const nc_table_t *table, const void *value);
/** The bytes of the entry of this value that are kept apart, at a multiple of 64 if their number is one. They are not set for a new entry:
 * they have what the entry before it left there, or are zero. */
void *nc_table_apart(const nc_table_t *table, const void *value);
/** Value of the entry whose bytes apart begin here. */
void *nc_table_owner(const nc_table_t *table, const void *apart);
/** Removes all entries; counters stay. */
void nc_table_clear(nc_table_t *table);

/** Iteration: start with *cursor = 0; false at the end. The current entry may be removed meanwhile. */
bool nc_table_next(const nc_table_t *table, uint32_t *cursor, const void **key, void **value);

/** Entries that are there. */
uint32_t nc_table_count(const nc_table_t *table);
/** Entries that there may be. */
uint32_t nc_table_capacity(const nc_table_t *table);
/** Bytes of memory the table holds. */
size_t nc_table_memory(const nc_table_t *table);
/** Counters; they live as long as the table. */
const nc_table_stats_t *nc_table_stats(const nc_table_t *table);

#ifdef __cplusplus
}
#endif
#endif
