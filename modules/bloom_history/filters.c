/* SPDX-License-Identifier: BSD-3-Clause */
#include "filters.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_ENTRIES 1000
#define LN2_SQUARED   0.480453013918201
#define LN2           0.693147180559945
#define SEED          0x9747b28cu

__attribute__((format(printf, 2, 3))) static bool refuse(char error[FILTERS_ERROR], const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   vsnprintf(error, FILTERS_ERROR, format, ap);
   va_end(ap);
   return false;
}

/* ---------------------------------------------------------------- configuration */

/* Bits and hash functions for a number of entries. Servers count bits in an int. */
static bool set_size(struct filter *f, size_t i, char error[FILTERS_ERROR])
{
   double per_entry = -log(f->error_rate) / LN2_SQUARED, bits = f->entries * per_entry;
   if (bits < 1 || bits > INT32_MAX) {
      return refuse(error,
                    "bad config format: entry %zu: %u entries at an error rate of %g make a filter of %.0f "
                    "bits: expected 1 to %d",
                    i + 1, f->entries, f->error_rate, bits, INT32_MAX);
   }
   f->bits = (uint32_t) bits;
   f->hashes = (uint32_t) ceil(LN2 * per_entry);
   f->body_size = BODY_HEADER + (f->bits + 7) / 8;
   return true;
}

static bool is_url(const char *url)
{
   size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
   if (scheme == 0 || url[scheme] == 0 || strlen(url) > 2048) {
      return false;
   }
   for (const unsigned char *c = (const unsigned char *) url; *c != 0; c++) {
      if (*c <= ' ' || *c >= 0x7f) {
         return false;
      }
   }
   return true;
}

static bool read_entry(const json_t *entry, size_t i, struct filter *f, char error[FILTERS_ERROR])
{
   const json_t *id = json_object_get(entry, "id"), *url = json_object_get(entry, "api_url");
   const json_t *entries = json_object_get(entry, "bloom_entries"),
                *rate = json_object_get(entry, "bloom_fp_error_rate");
   if (!json_is_integer(id) || json_integer_value(id) < INT32_MIN || json_integer_value(id) > UINT32_MAX) {
      return refuse(error,
                    "bad config format: entry %zu: \"id\": expected an integer of 32 bits, the PREFIX_TAG",
                    i + 1);
   }
   if (!json_is_string(url) || !is_url(json_string_value(url))) {
      return refuse(error,
                    "bad config format: entry %zu: \"api_url\": expected an address that begins with http:// "
                    "or https://",
                    i + 1);
   }
   if (!json_is_integer(entries) || json_integer_value(entries) < LEAST_ENTRIES ||
       json_integer_value(entries) > INT32_MAX) {
      return refuse(error,
                    "bad config format: entry %zu: \"bloom_entries\": expected an integer from %d to %d",
                    i + 1, LEAST_ENTRIES, INT32_MAX);
   }
   if (!json_is_real(rate) || !(json_real_value(rate) > 0) || !(json_real_value(rate) < 1)) {
      return refuse(error,
                    "bad config format: entry %zu: \"bloom_fp_error_rate\": expected a number between 0 and "
                    "1 with a decimal point",
                    i + 1);
   }
   f->tag = (uint32_t) json_integer_value(id);
   f->entries = (uint32_t) json_integer_value(entries);
   f->error_rate = json_real_value(rate);
   f->url = strdup(json_string_value(url));
   if (f->url == NULL) {
      return refuse(error, "out of memory");
   }
   for (size_t n = strlen(f->url); n > 0 && f->url[n - 1] == '/'; n--) {
      f->url[n - 1] = 0;
   }
   return set_size(f, i, error);
}

static bool read_array(const json_t *array, struct filters *f, char error[FILTERS_ERROR])
{
   size_t n = json_array_size(array);
   if (!json_is_array(array)) {
      return refuse(error, "bad JSON format: expected an array");
   }
   if (n == 0) {
      return refuse(error, "at least one network prefix has to be specified in configuration file");
   }
   const nc_table_config_t config = {.capacity = (uint32_t) n,
                                     .key_size = sizeof(uint32_t),
                                     .value_size = sizeof(uint32_t),
                                     .full = NC_TABLE_REFUSE};
   f->list = n <= UINT32_MAX / 2 ? calloc(n, sizeof(*f->list)) : NULL;
   f->by_tag = f->list != NULL ? nc_table_new(&config) : NULL;
   if (f->by_tag == NULL) {
      return refuse(error, "out of memory for %zu prefixes", n);
   }
   for (size_t i = 0; i < n; i++) {
      bool is_new;
      f->n = (uint32_t) i + 1;
      if (!read_entry(json_array_get(array, i), i, &f->list[i], error)) {
         return false;
      }
      uint32_t *place = nc_table_upsert(f->by_tag, &f->list[i].tag, &is_new);
      if (place == NULL || !is_new) {
         return refuse(error, "bad config format: entry %zu: id %u is that of an entry before", i + 1,
                       f->list[i].tag);
      }
      *place = (uint32_t) i;
   }
   return true;
}

struct filters *filters_read(const char *text, size_t size, char error[FILTERS_ERROR])
{
   json_error_t e = {.line = 0};
   struct filters *f = calloc(1, sizeof(*f));
   json_t *json = f != NULL ? json_loadb(text, size, JSON_REJECT_DUPLICATES, &e) : NULL;
   if (json == NULL) {
      refuse(error, f == NULL ? "out of memory" : "line %d, column %d: %s", e.line, e.column, e.text);
      filters_free(f);
      return NULL;
   }
   bool good = read_array(json, f, error);
   json_decref(json);
   if (!good) {
      filters_free(f);
      return NULL;
   }
   return f;
}

void filters_free(struct filters *f)
{
   if (f != NULL) {
      for (uint32_t i = 0; i < f->n; i++) {
         free(f->list[i].url);
         free(f->list[i].body);
      }
      free(f->list);
      nc_table_free(f->by_tag);
      free(f);
   }
}

struct filter *filters_find(struct filters *f, uint32_t tag)
{
   const uint32_t *place = nc_table_peek(f->by_tag, &tag);
   return place != NULL ? &f->list[*place] : NULL;
}

/* ----------------------------------------------------------------------- filter */

static void put_big(uint8_t *to, uint32_t n)
{
   for (int i = 0; i < 4; i++) {
      to[i] = (uint8_t) (n >> (24 - 8 * i));
   }
}

bool filter_begin(struct filter *f)
{
   uint64_t rate;
   f->body = calloc(1, f->body_size);
   f->added = 0;
   if (f->body == NULL) {
      return false;
   }
   put_big(f->body, (uint32_t) f->body_size);
   put_big(f->body + 4, f->entries);
   memcpy(&rate, &f->error_rate, sizeof(rate));
   for (int i = 0; i < 8; i++) {
      f->body[8 + i] = (uint8_t) (rate >> (8 * i));
   }
   return true;
}

/* MurmurHash2 of 32 bits, as libbloom uses it: who reads the filters has to compute the same. */
static uint32_t murmur(const uint8_t *data, size_t size, uint32_t seed)
{
   const uint32_t m = 0x5bd1e995;
   uint32_t h = seed ^ (uint32_t) size;
   for (; size >= 4; data += 4, size -= 4) {
      uint32_t k =
          (uint32_t) data[0] | (uint32_t) data[1] << 8 | (uint32_t) data[2] << 16 | (uint32_t) data[3] << 24;
      k *= m;
      k ^= k >> 24;
      k *= m;
      h = h * m ^ k;
   }
   h ^= h >> 13;
   h *= m;
   return h ^ h >> 15;
}

void filter_add(struct filter *f, const void *key, size_t size)
{
   uint32_t a = murmur(key, size, SEED), b = murmur(key, size, a);
   uint8_t *bits = f->body + BODY_HEADER;
   for (uint32_t i = 0; i < f->hashes; i++) {
      uint32_t x = (a + i * b) % f->bits;
      bits[x / 8] |= (uint8_t) (1u << x % 8);
   }
   f->added++;
}
