/* SPDX-License-Identifier: BSD-3-Clause */
/** \file fast_hash_filter.h
 * Hash table in rows of eight items that never evicts an item: an insertion into a full row fails, and
 * fhf_resize() makes the table larger.
 *
 * Threads: each row has a spin lock. Functions with a lock argument leave the row locked when they succeed, for
 * fhf_unlock_data(); a thread may hold one row at a time. fhf_get_data() takes no lock: for one thread, or for tables
 * that nobody changes. fhf_resize() has one writer; readers of the previous table may go on until the next resize.
 * Keys are compared byte by byte: padding in them must be cleared. */
#ifndef FAST_HASH_FILTER_H
#define FAST_HASH_FILTER_H

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

#define FHF_TABLE_COLS 8
#define FHF_COL_FULL   ((uint8_t) 0xFF)

#define FHF_INSERT_OK     0
#define FHF_INSERT_FAILED (-1) /**< the key is there */
#define FHF_INSERT_FULL   (-2) /**< the key's row is full */

#define FHF_RESIZE_OK            0
#define FHF_RESIZE_FAILED_ALLOC  1
#define FHF_RESIZE_FAILED_INSERT 2 /**< not at any size that is possible */

#define FHF_FOUND       0
#define FHF_NOT_FOUND   1
#define FHF_REMOVED     0
#define FHF_NOT_REMOVED 1

#define FHF_ITER_RET_OK  0
#define FHF_ITER_RET_END 1
#define FHF_ITER_START   (-1)
#define FHF_ITER_END     (-2)

/** The table; made by fhf_init() only. */
typedef struct fhf_table_s {
   uint64_t table_rows; /**< a power of two */
   uint32_t key_size;   /**< bytes */
   uint32_t data_size;  /**< bytes */
   uint8_t *key_field;
   uint8_t *data_field;
   uint8_t *free_flag_field; /**< by row: bit i is set when column i is used */
   int8_t *lock_table;
   struct fhf_table_s *old_table; /**< the table before the last resize */
   uint64_t (*hash_function)(
       const void *key, uint32_t key_size,
       uint64_t seed); /**< keyed by the process (nc_hash.h); seed, the table's address, is
                                             * not used */
} fhf_table_t;

typedef struct {
   fhf_table_t *table;
   int64_t row; /**< or one of FHF_ITER_... */
   int32_t col;
   uint8_t *key_ptr;
   uint8_t *data_ptr;
} fhf_iter_t;

/* Tables for the functions below. */
extern const uint8_t fhf_lt_free_flag[256]; /**< lowest free column of a row */
extern const uint8_t fhf_lt_pow_of_two[8];  /**< bit of a column */

/** \param table_rows a power of two \param key_size bytes, above 0 \param data_size bytes, above 0
 * \return NULL for other sizes or without memory */
fhf_table_t *fhf_init(uint64_t table_rows, uint32_t key_size, uint32_t data_size);
/** Removes all items. No other thread may use the table. */
void fhf_clear(fhf_table_t *table);
/** Frees the table and what a resize has kept; NULL is allowed. */
void fhf_destroy(fhf_table_t *table);
/** Moves all items to a table of twice the rows (or more, when a row of it overflows), which takes the place of
 * *table; the old one stays readable until the next resize. \return FHF_RESIZE_...; on a failure *table is unchanged */
int fhf_resize(fhf_table_t **table);

/** \return an iterator for fhf_destroy_iter(); NULL for NULL or without memory */
fhf_iter_t *fhf_init_iter(fhf_table_t *table);
/** Back to the start; unlocks. */
void fhf_reinit_iter(fhf_iter_t *iter);
/** Unlocks and frees; NULL is allowed. */
void fhf_destroy_iter(fhf_iter_t *iter);
/** Goes to the next item, whose row stays locked. \return FHF_ITER_RET_OK, FHF_ITER_RET_END */
int32_t fhf_get_next_iter(fhf_iter_t *iter);
/** Removes the current item. \return FHF_REMOVED, FHF_NOT_REMOVED */
int fhf_remove_iter(fhf_iter_t *iter);

/* ------------------------------------------------------------------- inline */

static inline void fhf_lock_(int8_t *lock)
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

/** Releases the lock that a function ending in _locked has left in *lock. */
static inline void fhf_unlock_data(int8_t *lock)
{
   __atomic_store_n(lock, (int8_t) 0, __ATOMIC_RELEASE);
}

static inline uint64_t fhf_row_(const fhf_table_t *table, const void *key)
{
   return table->hash_function(key, table->key_size, (uint64_t) (uintptr_t) table) & (table->table_rows - 1);
}

static inline uint8_t *fhf_key_(const fhf_table_t *table, uint64_t row, int col)
{
   return table->key_field + ((size_t) row * FHF_TABLE_COLS + (size_t) col) * table->key_size;
}

static inline uint8_t *fhf_data_(const fhf_table_t *table, uint64_t row, int col)
{
   return table->data_field + ((size_t) row * FHF_TABLE_COLS + (size_t) col) * table->data_size;
}

/** Column of a key in its row, -1: not there. */
static inline int fhf_col_(const fhf_table_t *table, uint64_t row, const void *key)
{
   unsigned used = table->free_flag_field[row];
   int col;
   for (col = 0; col < FHF_TABLE_COLS; col++) {
      if ((used >> col & 1) != 0 && memcmp(fhf_key_(table, row, col), key, table->key_size) == 0) {
         return col;
      }
   }
   return -1;
}

/** Takes a free column for a key, whose data are left as they are. \return the column, -1: the row is full */
static inline int fhf_take_(fhf_table_t *table, uint64_t row, const void *key)
{
   int col;
   if (table->free_flag_field[row] == FHF_COL_FULL) {
      return -1;
   }
   col = fhf_lt_free_flag[table->free_flag_field[row]];
   memcpy(fhf_key_(table, row, col), key, table->key_size);
   table->free_flag_field[row] |= fhf_lt_pow_of_two[col];
   return col;
}

/** Finds a key or stores it, with data to be set by the caller (not cleared).
 * \return FHF_INSERT_OK new, FHF_INSERT_FAILED it was there: *data is set and the row locked; FHF_INSERT_FULL: neither */
static inline int fhf_insert_own_or_update(fhf_table_t *table, const void *key, int8_t **lock, void **data)
{
   uint64_t row = fhf_row_(table, key);
   int col, rc = FHF_INSERT_FAILED;
   fhf_lock_(&table->lock_table[row]);
   col = fhf_col_(table, row, key);
   if (col < 0) {
      col = fhf_take_(table, row, key);
      rc = FHF_INSERT_OK;
   }
   if (col < 0) {
      fhf_unlock_data(&table->lock_table[row]);
      return FHF_INSERT_FULL;
   }
   *lock = &table->lock_table[row];
   *data = fhf_data_(table, row, col);
   return rc;
}

/** Stores an item. \return FHF_INSERT_OK, FHF_INSERT_FAILED, FHF_INSERT_FULL */
static inline int fhf_insert(fhf_table_t *table, const void *key, const void *data)
{
   int8_t *lock;
   void *place;
   int rc = fhf_insert_own_or_update(table, key, &lock, &place);
   if (rc == FHF_INSERT_OK) {
      memcpy(place, data, table->data_size);
   }
   if (rc != FHF_INSERT_FULL) {
      fhf_unlock_data(lock);
   }
   return rc;
}

/** Data of a key to change. \return FHF_FOUND with the row locked, FHF_NOT_FOUND */
static inline int fhf_update_data(fhf_table_t *table, const void *key, int8_t **lock, void **data)
{
   uint64_t row = fhf_row_(table, key);
   int col;
   fhf_lock_(&table->lock_table[row]);
   col = fhf_col_(table, row, key);
   if (col < 0) {
      fhf_unlock_data(&table->lock_table[row]);
      return FHF_NOT_FOUND;
   }
   *lock = &table->lock_table[row];
   *data = fhf_data_(table, row, col);
   return FHF_FOUND;
}

/** Data of a key, without any lock. \return FHF_FOUND, FHF_NOT_FOUND */
static inline int fhf_get_data(fhf_table_t *table, const void *key, const void **data)
{
   uint64_t row = fhf_row_(table, key);
   int col = fhf_col_(table, row, key);
   if (col < 0) {
      return FHF_NOT_FOUND;
   }
   *data = fhf_data_(table, row, col);
   return FHF_FOUND;
}

/** Data of a key. \return FHF_FOUND with the row locked, FHF_NOT_FOUND */
static inline int fhf_get_data_locked(fhf_table_t *table, const void *key, int8_t **lock, const void **data)
{
   void *place;
   int rc = fhf_update_data(table, key, lock, &place);
   if (rc == FHF_FOUND) {
      *data = place;
   }
   return rc;
}

/** Removes an item whose row the caller has locked, and unlocks. \return FHF_REMOVED; FHF_NOT_REMOVED: still locked */
static inline int fhf_remove_locked(fhf_table_t *table, const void *key, int8_t *lock)
{
   uint64_t row = fhf_row_(table, key);
   int col = fhf_col_(table, row, key);
   if (col < 0) {
      return FHF_NOT_REMOVED;
   }
   table->free_flag_field[row] = (uint8_t) (table->free_flag_field[row] & ~fhf_lt_pow_of_two[col]);
   fhf_unlock_data(lock);
   return FHF_REMOVED;
}

/** \return FHF_REMOVED, FHF_NOT_REMOVED */
static inline int fhf_remove(fhf_table_t *table, const void *key)
{
   int8_t *lock = &table->lock_table[fhf_row_(table, key)];
   int rc;
   fhf_lock_(lock);
   rc = fhf_remove_locked(table, key, lock);
   if (rc == FHF_NOT_REMOVED) {
      fhf_unlock_data(lock);
   }
   return rc;
}

#ifdef __cplusplus
}
#endif
#endif
