/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/fast_hash_filter.h>
#include <nemea-common/nc_hash.h>

#include <stdbool.h>
#include <stdlib.h>

/* Trailing ones of v: the lowest column whose bit is not set. */
#define FREE(v)       \
   (!((v) &1)     ? 0 \
    : !((v) &2)   ? 1 \
    : !((v) &4)   ? 2 \
    : !((v) &8)   ? 3 \
    : !((v) &16)  ? 4 \
    : !((v) &32)  ? 5 \
    : !((v) &64)  ? 6 \
    : !((v) &128) ? 7 \
                  : 8)
#define TIMES_4(v)  FREE(v), FREE((v) + 1), FREE((v) + 2), FREE((v) + 3)
#define TIMES_16(v) TIMES_4(v), TIMES_4((v) + 4), TIMES_4((v) + 8), TIMES_4((v) + 12)
#define TIMES_64(v) TIMES_16(v), TIMES_16((v) + 16), TIMES_16((v) + 32), TIMES_16((v) + 48)

const uint8_t fhf_lt_free_flag[256] = {TIMES_64(0), TIMES_64(64), TIMES_64(128), TIMES_64(192)};
const uint8_t fhf_lt_pow_of_two[8] = {1, 2, 4, 8, 16, 32, 64, 128};

static uint64_t hash(const void *key, uint32_t size, uint64_t seed)
{
   (void) seed; /* the key of the process makes it unnecessary */
   return nc_hash(key, size);
}

fhf_table_t *fhf_init(uint64_t table_rows, uint32_t key_size, uint32_t data_size)
{
   uint64_t largest = key_size > data_size ? key_size : data_size;
   if (table_rows == 0 || (table_rows & (table_rows - 1)) != 0 || key_size == 0 || data_size == 0 ||
       table_rows > PTRDIFF_MAX / FHF_TABLE_COLS / largest) {
      return NULL;
   }
   fhf_table_t *t = calloc(1, sizeof(*t));
   if (t == NULL) {
      return NULL;
   }
   size_t items = (size_t) table_rows * FHF_TABLE_COLS;
   *t = (fhf_table_t){.table_rows = table_rows,
                      .key_size = key_size,
                      .data_size = data_size,
                      .key_field = calloc(items, key_size),
                      .data_field = calloc(items, data_size),
                      .free_flag_field = calloc((size_t) table_rows, 1),
                      .lock_table = calloc((size_t) table_rows, 1),
                      .hash_function = hash};
   if (t->key_field == NULL || t->data_field == NULL || t->free_flag_field == NULL || t->lock_table == NULL) {
      fhf_destroy(t);
      return NULL;
   }
   return t;
}

void fhf_clear(fhf_table_t *table)
{
   memset(table->free_flag_field, 0, (size_t) table->table_rows);
}

void fhf_destroy(fhf_table_t *table)
{
   while (table != NULL) {
      fhf_table_t *old = table->old_table;
      free(table->key_field);
      free(table->data_field);
      free(table->free_flag_field);
      free(table->lock_table);
      free(table);
      table = old;
   }
}

/* \return false: a row is full */
static bool copy_items(const fhf_table_t *from, fhf_table_t *to)
{
   for (uint64_t row = 0; row < from->table_rows; row++) {
      for (int col = 0; col < FHF_TABLE_COLS; col++) {
         if ((from->free_flag_field[row] >> col & 1) != 0 &&
             fhf_insert(to, fhf_key_(from, row, col), fhf_data_(from, row, col)) != FHF_INSERT_OK) {
            return false;
         }
      }
   }
   return true;
}

int fhf_resize(fhf_table_t **table)
{
   fhf_table_t *old = *table, *fresh;
   for (uint64_t rows = old->table_rows * 2;; rows *= 2) {
      /* Nine equal hashes would overflow a row at any size: give up at 256 times the rows. */
      if (rows / 256 > old->table_rows) {
         return FHF_RESIZE_FAILED_INSERT;
      }
      fresh = fhf_init(rows, old->key_size, old->data_size);
      if (fresh == NULL) {
         return FHF_RESIZE_FAILED_ALLOC;
      }
      if (copy_items(old, fresh)) {
         break;
      }
      fhf_destroy(fresh);
   }
   fhf_destroy(old->old_table);
   old->old_table = NULL;
   fresh->old_table = old;
   *table = fresh;
   return FHF_RESIZE_OK;
}

/* ---------------------------------------------------------------- iteration */

fhf_iter_t *fhf_init_iter(fhf_table_t *table)
{
   fhf_iter_t *iter = table != NULL ? calloc(1, sizeof(*iter)) : NULL;
   if (iter != NULL) {
      iter->table = table;
      iter->row = iter->col = FHF_ITER_START;
   }
   return iter;
}

static void iter_unlock(fhf_iter_t *iter)
{
   if (iter->row >= 0) {
      fhf_unlock_data(&iter->table->lock_table[iter->row]);
   }
}

void fhf_reinit_iter(fhf_iter_t *iter)
{
   iter_unlock(iter);
   iter->row = iter->col = FHF_ITER_START;
   iter->key_ptr = iter->data_ptr = NULL;
}

void fhf_destroy_iter(fhf_iter_t *iter)
{
   if (iter != NULL) {
      iter_unlock(iter);
      free(iter);
   }
}

static void iter_step(fhf_iter_t *iter)
{
   iter_unlock(iter);
   iter->col = -1;
   if ((uint64_t) (iter->row + 1) < iter->table->table_rows) {
      iter->row++;
      fhf_lock_(&iter->table->lock_table[iter->row]);
   } else {
      iter->row = FHF_ITER_END;
   }
}

int32_t fhf_get_next_iter(fhf_iter_t *iter)
{
   fhf_table_t *t = iter->table;
   if (iter->row == FHF_ITER_START) {
      iter_step(iter);
   }
   while (iter->row != FHF_ITER_END) {
      while (++iter->col < FHF_TABLE_COLS) {
         if ((t->free_flag_field[iter->row] >> iter->col & 1) != 0) {
            iter->key_ptr = fhf_key_(t, (uint64_t) iter->row, iter->col);
            iter->data_ptr = fhf_data_(t, (uint64_t) iter->row, iter->col);
            return FHF_ITER_RET_OK;
         }
      }
      iter_step(iter);
   }
   iter->key_ptr = iter->data_ptr = NULL;
   return FHF_ITER_RET_END;
}

int fhf_remove_iter(fhf_iter_t *iter)
{
   if (iter->row < 0 || iter->col < 0 || (iter->table->free_flag_field[iter->row] >> iter->col & 1) == 0) {
      return FHF_NOT_REMOVED;
   }
   iter->table->free_flag_field[iter->row] =
       (uint8_t) (iter->table->free_flag_field[iter->row] & ~fhf_lt_pow_of_two[iter->col]);
   return FHF_REMOVED;
}
