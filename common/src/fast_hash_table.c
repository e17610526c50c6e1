/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/fast_hash_table.h>
#include <nemea-common/nc_hash.h>

#include <stdbool.h>
#include <stdlib.h>

#define OLDEST_FIRST 0x1B /* column 0 is the oldest of an empty row */
#define MAX_ROWS     (UINT32_C(1) << 30)

/* ------------------------------------------------------------------- tables */

/* Age of column i in v; ages after column c was used or emptied; the column of age 3. */
#define AGE(v, i)      (((v) >> (2 * (i))) & 3)
#define USED(v, c, i)  (((i) == (c) ? 0 : AGE(v, i) + (AGE(v, i) < AGE(v, c))) << (2 * (i)))
#define EMPTY(v, c, i) (((i) == (c) ? 3 : AGE(v, i) - (AGE(v, i) > AGE(v, c))) << (2 * (i)))
#define ALL(X, v, c)   (X(v, c, 0) | X(v, c, 1) | X(v, c, 2) | X(v, c, 3))
#define OLDEST(v)      (AGE(v, 0) == 3 ? 0 : AGE(v, 1) == 3 ? 1 : AGE(v, 2) == 3 ? 2 : 3)

#define USED_ROW(v)                                                      \
   {                                                                     \
      ALL(USED, v, 0), ALL(USED, v, 1), ALL(USED, v, 2), ALL(USED, v, 3) \
   }
#define EMPTY_ROW(v)                                                         \
   {                                                                         \
      ALL(EMPTY, v, 0), ALL(EMPTY, v, 1), ALL(EMPTY, v, 2), ALL(EMPTY, v, 3) \
   }
#define TIMES_4(X, v)  X(v), X((v) + 1), X((v) + 2), X((v) + 3)
#define TIMES_16(X, v) TIMES_4(X, v), TIMES_4(X, (v) + 4), TIMES_4(X, (v) + 8), TIMES_4(X, (v) + 12)
#define TIMES_64(X, v) TIMES_16(X, v), TIMES_16(X, (v) + 16), TIMES_16(X, (v) + 32), TIMES_16(X, (v) + 48)
#define TIMES_256(X)   TIMES_64(X, 0), TIMES_64(X, 64), TIMES_64(X, 128), TIMES_64(X, 192)

const uint8_t lt_free_flag[16] = {0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 4};
const uint8_t lt_pow_of_two[8] = {1, 2, 4, 8, 16, 32, 64, 128};
const uint8_t lt_replacement_vector[256][4] = {TIMES_256(USED_ROW)};
const uint8_t lt_replacement_vector_remove[256][4] = {TIMES_256(EMPTY_ROW)};
const uint8_t lt_replacement_index[256] = {TIMES_256(OLDEST)};

/* ---------------------------------------------------------- creation, release */

static uint32_t hash(const void *key, int32_t size)
{
   return (uint32_t) nc_hash(key, (size_t) size);
}

static bool power_of_two(uint32_t n)
{
   return n > 0 && (n & (n - 1)) == 0;
}

fht_table_t *fht_init(uint32_t table_rows, uint32_t key_size, uint32_t data_size, uint32_t stash_size)
{
   if (!power_of_two(table_rows) || table_rows > MAX_ROWS || key_size == 0 || key_size > INT32_MAX ||
       data_size == 0 || (stash_size != 0 && !power_of_two(stash_size)) || stash_size > MAX_ROWS) {
      return NULL;
   }
   fht_table_t *t = calloc(1, sizeof(*t));
   if (t == NULL) {
      return NULL;
   }
   size_t items = (size_t) table_rows * FHT_TABLE_COLS, stash = stash_size > 0 ? stash_size : 1;
   *t = (fht_table_t){.table_rows = table_rows,
                      .key_size = key_size,
                      .data_size = data_size,
                      .stash_size = stash_size,
                      .key_field = calloc(items, key_size),
                      .data_field = calloc(items, data_size),
                      .free_flag_field = calloc(table_rows, 1),
                      .replacement_vector_field = malloc(table_rows),
                      .stash_key_field = calloc(stash, key_size),
                      .stash_data_field = calloc(stash, data_size),
                      .stash_free_flag_field = calloc(stash, 1),
                      .lock_table = calloc(table_rows, 1),
                      .hash_function = hash};
   if (t->key_field == NULL || t->data_field == NULL || t->free_flag_field == NULL ||
       t->replacement_vector_field == NULL || t->stash_key_field == NULL || t->stash_data_field == NULL ||
       t->stash_free_flag_field == NULL || t->lock_table == NULL) {
      fht_destroy(t);
      return NULL;
   }
   memset(t->replacement_vector_field, OLDEST_FIRST, table_rows);
   return t;
}

void fht_clear(fht_table_t *table)
{
   memset(table->free_flag_field, 0, table->table_rows);
   memset(table->stash_free_flag_field, 0, table->stash_size);
}

void fht_destroy(fht_table_t *table)
{
   if (table != NULL) {
      free(table->key_field);
      free(table->data_field);
      free(table->free_flag_field);
      free(table->replacement_vector_field);
      free(table->stash_key_field);
      free(table->stash_data_field);
      free(table->stash_free_flag_field);
      free(table->lock_table);
      free(table);
   }
}

/* ---------------------------------------------------------------- insertion */

static void put(fht_table_t *t, uint32_t row, int col, const void *key, const void *data)
{
   memcpy(fht_key_(t, row, col), key, t->key_size);
   memcpy(fht_data_(t, row, col), data, t->data_size);
   t->free_flag_field[row] |= lt_pow_of_two[col];
   fht_touch_(t, row, col);
}

static void give(const fht_table_t *t, const uint8_t *key, const uint8_t *data, void *key_lost,
                 void *data_lost)
{
   if (key_lost != NULL) {
      memcpy(key_lost, key, t->key_size);
   }
   if (data_lost != NULL) {
      memcpy(data_lost, data, t->data_size);
   }
}

/* Stores an item where the row has room. \return as fht_insert_wr(); the row's lock is held */
static int insert_free(fht_table_t *t, uint32_t row, const void *key, const void *data)
{
   int col = fht_col_(t, row, key);
   if (col >= 0) {
      fht_touch_(t, row, col);
      return FHT_INSERT_FAILED;
   }
   if (t->free_flag_field[row] == FHT_COL_FULL) {
      return FHT_INSERT_FULL;
   }
   put(t, row, lt_free_flag[t->free_flag_field[row]], key, data);
   return FHT_INSERT_OK;
}

int fht_insert_wr(fht_table_t *table, const void *key, const void *data)
{
   uint32_t row = fht_row_(table, key);
   fht_lock_(&table->lock_table[row]);
   int rc = insert_free(table, row, key, data);
   fht_unlock_data(&table->lock_table[row]);
   return rc;
}

int fht_insert(fht_table_t *table, const void *key, const void *data, void *key_lost, void *data_lost)
{
   uint32_t row = fht_row_(table, key);
   fht_lock_(&table->lock_table[row]);
   int rc = insert_free(table, row, key, data);
   if (rc == FHT_INSERT_FULL) {
      int col = lt_replacement_index[table->replacement_vector_field[row]];
      give(table, fht_key_(table, row, col), fht_data_(table, row, col), key_lost, data_lost);
      put(table, row, col, key, data);
      rc = FHT_INSERT_LOST;
   }
   fht_unlock_data(&table->lock_table[row]);
   return rc;
}

/* Puts an item into a place of the stash. */
static void stash_put(fht_table_t *t, uint32_t place, const void *key, const void *data)
{
   memcpy(t->stash_key_field + (size_t) place * t->key_size, key, t->key_size);
   memcpy(t->stash_data_field + (size_t) place * t->data_size, data, t->data_size);
   t->stash_free_flag_field[place] = 1;
}

/* Moves the oldest item of a full row to the stash and stores the new one. */
static int insert_push(fht_table_t *t, uint32_t row, const void *key, const void *data, void *key_lost,
                       void *data_lost)
{
   int col = lt_replacement_index[t->replacement_vector_field[row]], rc = FHT_INSERT_LOST;
   const uint8_t *old_key = fht_key_(t, row, col), *old_data = fht_data_(t, row, col);
   if (t->stash_size == 0) {
      give(t, old_key, old_data, key_lost, data_lost);
   } else {
      uint32_t place = t->stash_index;
      t->stash_index = (place + 1) & (t->stash_size - 1);
      rc = FHT_INSERT_STASH_OK;
      if (t->stash_free_flag_field[place] != 0) {
         give(t, t->stash_key_field + (size_t) place * t->key_size,
              t->stash_data_field + (size_t) place * t->data_size, key_lost, data_lost);
         rc = FHT_INSERT_STASH_LOST;
      }
      stash_put(t, place, old_key, old_data);
   }
   put(t, row, col, key, data);
   return rc;
}

int fht_insert_with_stash(fht_table_t *table, const void *key, const void *data, void *key_lost,
                          void *data_lost)
{
   uint32_t row = fht_row_(table, key);
   int rc = FHT_INSERT_FAILED;
   fht_lock_(&table->lock_table[row]);
   fht_lock_(&table->lock_stash);
   if (fht_stash_place_(table, key) < 0) {
      rc = insert_free(table, row, key, data);
      if (rc == FHT_INSERT_FULL) {
         rc = insert_push(table, row, key, data, key_lost, data_lost);
      }
   }
   fht_unlock_data(&table->lock_stash);
   fht_unlock_data(&table->lock_table[row]);
   return rc;
}

int fht_insert_with_stash_wr(fht_table_t *table, const void *key, const void *data)
{
   uint32_t row = fht_row_(table, key);
   int rc = FHT_INSERT_FAILED;
   fht_lock_(&table->lock_table[row]);
   fht_lock_(&table->lock_stash);
   if (fht_stash_place_(table, key) < 0) {
      rc = insert_free(table, row, key, data);
      for (uint32_t i = 0; rc == FHT_INSERT_FULL && i < table->stash_size; i++) {
         if (table->stash_free_flag_field[i] == 0) {
            stash_put(table, i, key, data);
            rc = FHT_INSERT_STASH_OK;
         }
      }
   }
   fht_unlock_data(&table->lock_stash);
   fht_unlock_data(&table->lock_table[row]);
   return rc;
}

/* ------------------------------------------------------------------ removal */

static void drop(fht_table_t *t, uint32_t row, int col)
{
   t->free_flag_field[row] &= (uint8_t) ~lt_pow_of_two[col];
   t->replacement_vector_field[row] = lt_replacement_vector_remove[t->replacement_vector_field[row]][col];
}

int fht_remove_locked(fht_table_t *table, const void *key, int8_t *lock_ptr)
{
   uint32_t row = fht_row_(table, key);
   int col = fht_col_(table, row, key);
   if (col < 0) {
      return 1;
   }
   drop(table, row, col);
   fht_unlock_data(lock_ptr);
   return 0;
}

int fht_remove_with_stash_locked(fht_table_t *table, const void *key, int8_t *lock_ptr)
{
   if (lock_ptr != &table->lock_stash) {
      return fht_remove_locked(table, key, lock_ptr);
   }
   int64_t place = fht_stash_place_(table, key);
   if (place < 0) {
      return 1;
   }
   table->stash_free_flag_field[place] = 0;
   fht_unlock_data(lock_ptr);
   return 0;
}

/* Locks, removes, and unlocks also when the key was not there. */
static int remove_behind(fht_table_t *t, const void *key, int8_t *lock)
{
   fht_lock_(lock);
   int rc = fht_remove_with_stash_locked(t, key, lock);
   if (rc != 0) {
      fht_unlock_data(lock);
   }
   return rc;
}

int fht_remove(fht_table_t *table, const void *key)
{
   return remove_behind(table, key, &table->lock_table[fht_row_(table, key)]);
}

int fht_remove_with_stash(fht_table_t *table, const void *key)
{
   return fht_remove(table, key) == 0 ? 0 : remove_behind(table, key, &table->lock_stash);
}

/* ---------------------------------------------------------------- iteration */

fht_iter_t *fht_init_iter(fht_table_t *table)
{
   fht_iter_t *iter = table != NULL ? calloc(1, sizeof(*iter)) : NULL;
   if (iter != NULL) {
      iter->table = table;
      iter->row = FHT_ITER_START;
      iter->col = FHT_ITER_START;
   }
   return iter;
}

static void iter_unlock(fht_iter_t *iter)
{
   if (iter->row >= 0) {
      fht_unlock_data(&iter->table->lock_table[iter->row]);
   } else if (iter->row == FHT_ITER_STASH) {
      fht_unlock_data(&iter->table->lock_stash);
   }
}

void fht_reinit_iter(fht_iter_t *iter)
{
   iter_unlock(iter);
   iter->row = iter->col = FHT_ITER_START;
   iter->key_ptr = iter->data_ptr = NULL;
}

void fht_destroy_iter(fht_iter_t *iter)
{
   if (iter != NULL) {
      iter_unlock(iter);
      free(iter);
   }
}

/* Goes on to the next row, the stash or the end. */
static void iter_step(fht_iter_t *iter)
{
   fht_table_t *t = iter->table;
   iter_unlock(iter);
   iter->col = -1;
   if (iter->row == FHT_ITER_STASH) {
      iter->row = FHT_ITER_END;
   } else if (iter->row + 1 < (int64_t) t->table_rows) {
      iter->row++;
      fht_lock_(&t->lock_table[iter->row]);
   } else if (t->stash_size > 0) {
      iter->row = FHT_ITER_STASH;
      fht_lock_(&t->lock_stash);
   } else {
      iter->row = FHT_ITER_END;
   }
}

int32_t fht_get_next_iter(fht_iter_t *iter)
{
   fht_table_t *t = iter->table;
   if (iter->row == FHT_ITER_START) {
      iter_step(iter);
   }
   while (iter->row != FHT_ITER_END) {
      int32_t cols = iter->row == FHT_ITER_STASH ? (int32_t) t->stash_size : FHT_TABLE_COLS;
      while (++iter->col < cols) {
         size_t place = (size_t) iter->col;
         if (iter->row == FHT_ITER_STASH && t->stash_free_flag_field[place] != 0) {
            iter->key_ptr = t->stash_key_field + place * t->key_size;
            iter->data_ptr = t->stash_data_field + place * t->data_size;
            return FHT_ITER_RET_OK;
         }
         if (iter->row >= 0 && (t->free_flag_field[iter->row] & lt_pow_of_two[place]) != 0) {
            iter->key_ptr = fht_key_(t, (uint32_t) iter->row, iter->col);
            iter->data_ptr = fht_data_(t, (uint32_t) iter->row, iter->col);
            return FHT_ITER_RET_OK;
         }
      }
      iter_step(iter);
   }
   iter->key_ptr = iter->data_ptr = NULL;
   return FHT_ITER_RET_END;
}

int fht_remove_iter(fht_iter_t *iter)
{
   fht_table_t *t = iter->table;
   if (iter->row == FHT_ITER_STASH && iter->col >= 0 && t->stash_free_flag_field[iter->col] != 0) {
      t->stash_free_flag_field[iter->col] = 0;
      return 0;
   }
   if (iter->row >= 0 && iter->col >= 0 && (t->free_flag_field[iter->row] & lt_pow_of_two[iter->col]) != 0) {
      drop(t, (uint32_t) iter->row, iter->col);
      return 0;
   }
   return 1;
}
