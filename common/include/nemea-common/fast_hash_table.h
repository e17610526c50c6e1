/* SPDX-License-Identifier: BSD-3-Clause */
/** \file fast_hash_table.h
 * Hash table of fixed size in rows of four items; a full row evicts its least recently used item, or moves it to a
 * small common stash. All memory is taken by fht_init().
 *
 * A row overflows long before the table is full (at three quarters every tenth item has been lost), and which items are lost
 * depends on the hash, whose key is random in each process: nobody can aim at a row, but no two runs are alike unless
 * NEMEA_HASH_KEY is set (nc_hash.h). Where nothing may be lost below the capacity take nc_table.h.
 *
 * Threads: each row and the stash have a spin lock; any number of threads may use a table at once. The functions
 * whose names end in _locked leave an item locked; a thread may hold one at a time. An iterator holds the row that
 * it points to: the same thread must not access that row by key at that time. Data without its lock may be overwritten
 * by other threads.
 * Keys are compared byte by byte: padding in them must be cleared. Pointers to data stay valid until the item leaves. */
#ifndef FAST_HASH_TABLE_H
#define FAST_HASH_TABLE_H

/* Also what sources written for NEMEA 2 expect this header to bring in. */
#include <inttypes.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FHT_TABLE_COLS 4
#define FHT_COL_FULL   ((uint8_t) 0x0F)

#define FHT_INSERT_OK         0
#define FHT_INSERT_LOST       1    /**< stored; the oldest item of the row is gone */
#define FHT_INSERT_STASH_OK   2    /**< stored; the oldest item of the row is in the stash */
#define FHT_INSERT_STASH_LOST 3    /**< the same, and an item of the stash is gone */
#define FHT_INSERT_FAILED     (-1) /**< the key is there */
#define FHT_INSERT_FULL       (-2) /**< no room */

#define FHT_ITER_RET_OK  0
#define FHT_ITER_RET_END 1
#define FHT_ITER_START   (-1)
#define FHT_ITER_STASH   (-2)
#define FHT_ITER_END     (-3)

/** The table; made by fht_init() only. */
typedef struct {
   uint32_t table_rows;  /**< a power of two */
   uint32_t key_size;    /**< bytes */
   uint32_t data_size;   /**< bytes */
   uint32_t stash_size;  /**< items, 0 or a power of two */
   uint32_t stash_index; /**< where the next item goes */
   uint8_t *key_field;
   uint8_t *data_field;
   uint8_t *free_flag_field;          /**< by row: bit i is set when column i is used */
   uint8_t *replacement_vector_field; /**< by row: two bits a column, its age from 0 (newest) to 3 */
   uint8_t *stash_key_field;
   uint8_t *stash_data_field;
   uint8_t *stash_free_flag_field; /**< by place: 1 used */
   int8_t *lock_table;
   int8_t lock_stash;
   uint32_t (*hash_function)(const void *key, int32_t key_size); /**< keyed by the process: nc_hash.h */
} fht_table_t;

typedef struct {
   fht_table_t *table;
   int32_t row; /**< or one of FHT_ITER_... */
   int32_t col;
   uint8_t *key_ptr;  /**< of the current item */
   uint8_t *data_ptr; /**< of the current item */
} fht_iter_t;

/* Tables for the functions below. */
extern const uint8_t lt_free_flag[16];                     /**< lowest free column of a row */
extern const uint8_t lt_pow_of_two[8];                     /**< bit of a column */
extern const uint8_t lt_replacement_vector[256][4];        /**< ages after a column was used */
extern const uint8_t lt_replacement_vector_remove[256][4]; /**< ages after a column was emptied */
extern const uint8_t lt_replacement_index[256];            /**< the oldest column */

/** \param table_rows a power of two up to 2^30 \param key_size bytes, above 0 \param data_size bytes, above 0
 * \param stash_size 0 or a power of two up to 2^30. \return NULL for other sizes or without memory */
fht_table_t *fht_init(uint32_t table_rows, uint32_t key_size, uint32_t data_size, uint32_t stash_size);
/** Stores an item; in a full row in place of the oldest, which is copied to key_lost and data_lost unless they are NULL.
 * \return FHT_INSERT_OK, _LOST, _FAILED */
int fht_insert(fht_table_t *table, const void *key, const void *data, void *key_lost, void *data_lost);
/** Stores an item where there is room. \return FHT_INSERT_OK, _FAILED, _FULL */
int fht_insert_wr(fht_table_t *table, const void *key, const void *data);
/** As fht_insert(), but the oldest item of a full row takes the place of the oldest one in the stash.
 * \return FHT_INSERT_OK, _STASH_OK, _STASH_LOST, _FAILED; _LOST without a stash */
int fht_insert_with_stash(fht_table_t *table, const void *key, const void *data, void *key_lost,
                          void *data_lost);
/** As fht_insert_wr(), with free places of the stash. */
int fht_insert_with_stash_wr(fht_table_t *table, const void *key, const void *data);
/** \return 0 removed, 1 not there */
int fht_remove(fht_table_t *table, const void *key);
/** The same, also in the stash. */
int fht_remove_with_stash(fht_table_t *table, const void *key);
/** Removes an item whose lock the caller holds. \return 0 removed and unlocked; 1 not there, still locked */
int fht_remove_locked(fht_table_t *table, const void *key, int8_t *lock_ptr);
/** The same, also in the stash. */
int fht_remove_with_stash_locked(fht_table_t *table, const void *key, int8_t *lock_ptr);
/** Removes all items. No other thread may use the table. */
void fht_clear(fht_table_t *table);
/** NULL is allowed. */
void fht_destroy(fht_table_t *table);

/* Iteration: rows in order, then the stash. */

/** \return an iterator for fht_destroy_iter(); NULL for NULL or without memory */
fht_iter_t *fht_init_iter(fht_table_t *table);
/** Back to the start; unlocks. */
void fht_reinit_iter(fht_iter_t *iter);
/** Unlocks and frees; NULL is allowed. */
void fht_destroy_iter(fht_iter_t *iter);
/** Goes to the next item, whose row (or the stash) stays locked. \return FHT_ITER_RET_OK, FHT_ITER_RET_END */
int32_t fht_get_next_iter(fht_iter_t *iter);
/** Removes the current item. \return 0; 1 when there is none */
int fht_remove_iter(fht_iter_t *iter);

/* ------------------------------------------------------------------- inline */

static inline void fht_lock_(int8_t *lock)
{
   unsigned spins = 0;
   while (__atomic_exchange_n(lock, (int8_t) 1, __ATOMIC_ACQUIRE) != 0) {
      while (__atomic_load_n(lock, __ATOMIC_RELAXED) != 0) {
         if (++spins % 64 == 0) {
            sched_yield();
         }
      }
   }
}

/** Releases the lock that a function ending in _locked has left in *lock_ptr. */
static inline void fht_unlock_data(int8_t *lock_ptr)
{
   __atomic_store_n(lock_ptr, (int8_t) 0, __ATOMIC_RELEASE);
}

static inline uint32_t fht_row_(const fht_table_t *table, const void *key)
{
   return table->hash_function(key, (int32_t) table->key_size) & (table->table_rows - 1);
}

static inline uint8_t *fht_key_(const fht_table_t *table, uint32_t row, int col)
{
   return table->key_field + ((size_t) row * FHT_TABLE_COLS + (size_t) col) * table->key_size;
}

static inline uint8_t *fht_data_(const fht_table_t *table, uint32_t row, int col)
{
   return table->data_field + ((size_t) row * FHT_TABLE_COLS + (size_t) col) * table->data_size;
}

/** Column of a key in its row, -1: not there. */
static inline int fht_col_(const fht_table_t *table, uint32_t row, const void *key)
{
   unsigned used = table->free_flag_field[row];
   int col;
   for (col = 0; col < FHT_TABLE_COLS; col++) {
      if ((used >> col & 1) != 0 && memcmp(fht_key_(table, row, col), key, table->key_size) == 0) {
         return col;
      }
   }
   return -1;
}

static inline void fht_touch_(fht_table_t *table, uint32_t row, int col)
{
   table->replacement_vector_field[row] = lt_replacement_vector[table->replacement_vector_field[row]][col];
}

/** Place of a key in the stash, -1: not there. */
static inline int64_t fht_stash_place_(const fht_table_t *table, const void *key)
{
   uint32_t i;
   for (i = 0; i < table->stash_size; i++) {
      if (table->stash_free_flag_field[i] != 0 &&
          memcmp(table->stash_key_field + (size_t) i * table->key_size, key, table->key_size) == 0) {
         return i;
      }
   }
   return -1;
}

/** Data of a key; the item becomes the newest of its row. Its lock is left in *lock_ptr for fht_unlock_data().
 * \return NULL when it is not there; nothing is locked then */
static inline void *fht_get_data_locked(fht_table_t *table, const void *key, int8_t **lock_ptr)
{
   uint32_t row = fht_row_(table, key);
   int8_t *lock = &table->lock_table[row];
   int col;
   fht_lock_(lock);
   col = fht_col_(table, row, key);
   if (col < 0) {
      fht_unlock_data(lock);
      return NULL;
   }
   fht_touch_(table, row, col);
   *lock_ptr = lock;
   return fht_data_(table, row, col);
}

/** The same without keeping the lock. */
static inline void *fht_get_data(fht_table_t *table, const void *key)
{
   int8_t *lock;
   void *data = fht_get_data_locked(table, key, &lock);
   if (data != NULL) {
      fht_unlock_data(lock);
   }
   return data;
}

/** The same in the table and the stash; items of the stash stay there. */
static inline void *fht_get_data_with_stash_locked(fht_table_t *table, const void *key, int8_t **lock_ptr)
{
   void *data = fht_get_data_locked(table, key, lock_ptr);
   int64_t place;
   if (data != NULL || table->stash_size == 0) {
      return data;
   }
   fht_lock_(&table->lock_stash);
   place = fht_stash_place_(table, key);
   if (place < 0) {
      fht_unlock_data(&table->lock_stash);
      return NULL;
   }
   *lock_ptr = &table->lock_stash;
   return table->stash_data_field + (size_t) place * table->data_size;
}

/** As fht_get_data(), also in the stash. */
static inline void *fht_get_data_with_stash(fht_table_t *table, const void *key)
{
   int8_t *lock;
   void *data = fht_get_data_with_stash_locked(table, key, &lock);
   if (data != NULL) {
      fht_unlock_data(lock);
   }
   return data;
}

#ifdef __cplusplus
}
#endif
#endif
