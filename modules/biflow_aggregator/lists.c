/* SPDX-License-Identifier: BSD-3-Clause */
/** Functions whose values grow. */
#include "lists.h"

#include <nemea-common/nc_hash.h>
#include <stdlib.h>

#define BLOOM_HASHES 7  /* with 10 bits a value less than 1 % of new values are taken for known ones */
#define BLOOM_BITS   10 /* for each value expected */

/* Changes the memory of a list. Behind the old length it is undefined. */
static bool resize(struct list *list, size_t length, uint64_t *bytes)
{
   char *data = length <= UINT32_MAX ? realloc(list->data, length > 0 ? length : 1) : NULL;
   if (data == NULL) {
      return false;
   }
   *bytes += length;
   *bytes -= list->length;
   list->data = data;
   list->length = (uint32_t) length;
   return true;
}

void list_free(struct list *list, uint64_t *bytes)
{
   *bytes -= list->length;
   free(list->data);
   *list = (struct list){0};
}

/* ------------------------------------------------------------------ APPEND */

static bool append_text(const struct list_column *c, struct list *list, const char *data, uint32_t length,
                        uint64_t *bytes)
{
   uint32_t old = list->length;
   if ((uint64_t) old + length + 1 > c->size) {
      return true; /* a shorter one may fit later */
   }
   if (!resize(list, (size_t) old + length + 1, bytes)) {
      return false;
   }
   memcpy(list->data + old, data, length);
   list->data[old + length] = c->delimiter;
   return true;
}

static bool append_array(const struct list_column *c, struct list *list, const char *data, uint32_t length,
                         uint64_t *bytes)
{
   uint64_t room = (uint64_t) c->size * c->in.size - list->length;
   uint32_t old = list->length, n = length < room ? length : (uint32_t) room;
   if (n > 0 && !resize(list, (size_t) old + n, bytes)) {
      return false;
   }
   if (n > 0) {
      memcpy(list->data + old, data, n);
   }
   return true;
}

/* ------------------------------------------------------------ UNIQUE_COUNT */

static bool is_empty_text(const struct list_column *c, uint32_t length)
{
   return nm_field_is_variable(&c->in) && length == 0;
}

static bool add_distinct(const struct list_column *c, struct list *list, const char *data, uint32_t length,
                         uint64_t *bytes)
{
   if (is_empty_text(c, length)) {
      return true;
   }
   if (list->data == NULL) {
      size_t size = (size_t) c->size * BLOOM_BITS / 8 + 8;
      if (!resize(list, size, bytes)) {
         return false;
      }
      memset(list->data, 0, size);
   }
   uint64_t hash = nc_hash(data, length), bits = (uint64_t) list->length * 8;
   uint32_t a = (uint32_t) hash, b = (uint32_t) (hash >> 32) | 1;
   bool is_new = false;
   for (uint32_t i = 0; i < BLOOM_HASHES; i++, a += b) {
      uint64_t bit = (a * bits) >> 32;
      uint8_t *byte = (uint8_t *) list->data + bit / 8, mask = (uint8_t) (1u << (bit % 8));
      is_new |= (*byte & mask) == 0;
      *byte |= mask;
   }
   list->count += is_new;
   return true;
}

/* ------------------------------------------------------------ SORTED_MERGE */

static int compare_u64(uint64_t a, uint64_t b)
{
   return (a > b) - (a < b);
}

static int compare_i64(int64_t a, int64_t b)
{
   return (a > b) - (a < b);
}

static int compare_double(double a, double b)
{
   return (a > b) - (a < b);
}

#define LOAD(type, p) (*(const UR_U_(type) *) (const void *) (p))

/* Order of two elements of an array of keys. */
static int compare_keys(const nm_field_t *key, const char *a, const char *b)
{
   float fa, fb;
   double da, db;
   switch (key->type) {
   case UR_TYPE_A_UINT8: return compare_u64(*(const uint8_t *) a, *(const uint8_t *) b);
   case UR_TYPE_A_UINT16: return compare_u64(LOAD(uint16_t, a), LOAD(uint16_t, b));
   case UR_TYPE_A_UINT32: return compare_u64(LOAD(uint32_t, a), LOAD(uint32_t, b));
   case UR_TYPE_A_UINT64:
   case UR_TYPE_A_TIME: return compare_u64(LOAD(uint64_t, a), LOAD(uint64_t, b));
   case UR_TYPE_A_INT8: return compare_i64(*(const int8_t *) a, *(const int8_t *) b);
   case UR_TYPE_A_INT16: return compare_i64(LOAD(int16_t, a), LOAD(int16_t, b));
   case UR_TYPE_A_INT32: return compare_i64(LOAD(int32_t, a), LOAD(int32_t, b));
   case UR_TYPE_A_INT64: return compare_i64(LOAD(int64_t, a), LOAD(int64_t, b));
   case UR_TYPE_A_FLOAT:
      memcpy(&fa, a, sizeof(fa));
      memcpy(&fb, b, sizeof(fb));
      return compare_double(fa, fb);
   case UR_TYPE_A_DOUBLE:
      memcpy(&da, a, sizeof(da));
      memcpy(&db, b, sizeof(db));
      return compare_double(da, db);
   default: return memcmp(a, b, key->size);
   }
}

struct order {
   const struct list_column *c;
   const char *keys;
};

static int before(const struct order *o, uint32_t a, uint32_t b)
{
   const size_t size = o->c->key.size;
   int result = compare_keys(&o->c->key, o->keys + a * size, o->keys + b * size);
   return o->c->descending ? -result : result;
}

/* Of equal keys the first one stays first. */
static int by_key(const void *a, const void *b, void *order)
{
   uint32_t i = *(const uint32_t *) a, k = *(const uint32_t *) b;
   int result = before(order, i, k);
   return result != 0 ? result : compare_u64(i, k);
}

/* The pairs of a record in order. \return numbers of its elements, to free(); NULL without memory */
static uint32_t *sorted(const struct list_column *c, const char *keys, uint32_t n)
{
   uint32_t *numbers = malloc((n + 1) * sizeof(*numbers));
   struct order order = {c, keys};
   bool ready = true;
   for (uint32_t i = 0; numbers != NULL && i < n; i++) {
      numbers[i] = i;
      ready = ready && (i == 0 || before(&order, i - 1, i) <= 0);
   }
   if (numbers != NULL && !ready) {
      qsort_r(numbers, n, sizeof(*numbers), by_key, &order);
   }
   return numbers;
}

/* Two ordered lists become one of at most c->size pairs. */
static bool merge(const struct list_column *c, struct list *list, const char *values, const char *keys,
                  uint32_t n, uint64_t *bytes)
{
   const size_t ks = c->key.size, vs = c->in.size;
   uint32_t *numbers = sorted(c, keys, n), old = list->count, i = 0, k = 0;
   uint32_t total = old + n < c->size ? old + n : c->size;
   struct list merged = {0};
   if (numbers == NULL || !resize(&merged, total * (ks + vs), bytes)) {
      free(numbers);
      return false;
   }
   const char *old_values = list->data != NULL ? list->data + old * ks : NULL;
   char *to_key = merged.data, *to_value = merged.data + total * ks;
   while (merged.count < total) {
      int order = i == old ? 1
                  : k == n ? -1
                           : compare_keys(&c->key, list->data + i * ks, keys + numbers[k] * ks);
      order = c->descending && i < old && k < n ? -order : order;
      memcpy(to_key, order <= 0 ? list->data + i * ks : keys + numbers[k] * ks, ks);
      memcpy(to_value, order <= 0 ? old_values + i * vs : values + numbers[k] * vs, vs);
      if (order > 0 && c->negate) {
         *to_value = (char) -*to_value;
      }
      *(order <= 0 ? &i : &k) += 1;
      to_key += ks;
      to_value += vs;
      merged.count++;
   }
   free(numbers);
   list_free(list, bytes);
   *list = merged;
   return true;
}

static bool add_pairs(const struct list_column *c, struct list *list, const void *rec, uint64_t *bytes)
{
   uint32_t value_bytes, key_bytes;
   const char *values = nm_field_data(&c->in, rec, &value_bytes);
   const char *keys = nm_field_data(&c->key, rec, &key_bytes);
   uint32_t n = value_bytes / c->in.size, m = key_bytes / c->key.size;
   n = n < m ? n : m; /* what has no key is left out */
   return n == 0 || merge(c, list, values, keys, n, bytes);
}

/* --------------------------------------------------------------------- all */

bool list_add(const struct list_column *c, struct list *list, const void *rec, uint64_t *bytes)
{
   uint32_t length;
   const char *data = nm_field_data(&c->in, rec, &length);
   switch (c->function) {
   case FN_APPEND:
      return c->in.type == UR_TYPE_STRING ? append_text(c, list, data, length, bytes)
                                          : append_array(c, list, data, length, bytes);
   case FN_UNIQUE_COUNT: return add_distinct(c, list, data, length, bytes);
   default: return add_pairs(c, list, rec, bytes);
   }
}

bool list_result(const struct list_column *c, const struct list *list, bool negate, const nm_field_t *out,
                 const ur_template_t *tmplt, void *record)
{
   if (c->function == FN_UNIQUE_COUNT) {
      return nm_field_set(out, tmplt, record, &list->count, sizeof(list->count)) == UR_OK;
   }
   const char *data = list->data != NULL ? list->data : "";
   uint32_t length = list->length;
   if (c->function != FN_APPEND) {
      data += (size_t) list->count * c->key.size;
      length = list->count * c->in.size;
   }
   if (!nm_field_present(out)) {
      return true;
   }
   if (nm_field_set(out, tmplt, record, data, length) != UR_OK) {
      return false;
   }
   char *written = nm_field_data(out, record, NULL);
   for (uint32_t i = 0; negate && c->function == FN_SORTED_MERGE_DIR && i < length; i++) {
      written[i] = (char) -written[i];
   }
   return true;
}
