/* SPDX-License-Identifier: BSD-3-Clause */
/** Finds the rule that a record matches: for each shape of rules one look-up in a hash table, then a comparison in full. */
#include "list.h"

#include <nemea-common/nc_hash.h>
#include <stdlib.h>
#include <string.h>

/* What a shape wants of a column. Networks: WANT_IPV4 + length, WANT_IPV6 + length. */
#define WANT_NOTHING 0
#define WANT_NUMBER  1
#define WANT_TEXT    2
#define WANT_IPV4    10
#define WANT_IPV6    50

#define NO_RULE   UINT32_MAX
#define KEY_BYTES (LIST_COLUMNS * 16 + 8)

struct slot {
   uint64_t hash;
   uint32_t rule; /* + 1; 0: the slot is free */
};

static uint8_t want_of(const struct cell *cell)
{
   switch (cell->kind) {
   case CELL_NUMBER: return WANT_NUMBER;
   case CELL_TEXT: return WANT_TEXT;
   case CELL_NETWORK:
      return (uint8_t) ((ip_is4(&cell->network.address) ? WANT_IPV4 : WANT_IPV6) + cell->network.length);
   default: return WANT_NOTHING;
   }
}

/* The network of an address, as two words. */
static void mask_address(const ip_addr_t *ip, unsigned length, uint64_t words[2])
{
   uint64_t high, low;
   memcpy(&high, ip->bytes, 8);
   memcpy(&low, ip->bytes + 8, 8);
   if (ip_is4(ip)) {
      length += 64;
   }
   high = __builtin_bswap64(high);
   low = __builtin_bswap64(low);
   words[0] = length >= 64 ? high : length > 0 ? high & ~(UINT64_MAX >> length) : 0;
   words[1] = length >= 128 ? low : length > 64 ? low & ~(UINT64_MAX >> (length - 64)) : 0;
}

/* The words that a value adds to the key of a shape. */
static size_t put_value(uint8_t *to, uint8_t want, uint64_t number, const void *text, uint32_t length,
                        const ip_addr_t *ip)
{
   uint64_t words[2];
   if (want == WANT_NUMBER || want == WANT_TEXT) {
      words[0] = want == WANT_NUMBER ? number : nc_hash(text, length);
      memcpy(to, words, 8);
      return 8;
   }
   mask_address(ip, want - (want >= WANT_IPV6 ? WANT_IPV6 : WANT_IPV4), words);
   memcpy(to, words, 16);
   return 16;
}

static uint64_t hash_of_rule(const struct list *list, uint32_t shape, uint32_t rule)
{
   const struct cell *cells = &list->cells[(size_t) rule * list->n_columns];
   const uint8_t *want = list->shapes[shape].want;
   uint8_t key[KEY_BYTES];
   size_t n = sizeof(shape);
   memcpy(key, &shape, n);
   for (uint32_t i = 0; i < list->n_columns; i++) {
      const struct cell *c = &cells[i];
      if (want[i] != WANT_NOTHING) {
         n += put_value(key + n, want[i], c->number, want[i] == WANT_TEXT ? c->text.bytes : NULL,
                        want[i] == WANT_TEXT ? c->text.length : 0, &c->network.address);
      }
   }
   return nc_hash(key, n);
}

/* \return false: an address is of the other family, no rule of the shape can match */
static bool hash_of_record(const struct list *list, uint32_t shape, const nm_field_t *fields, const void *rec,
                           uint64_t *hash)
{
   const uint8_t *want = list->shapes[shape].want;
   uint8_t key[KEY_BYTES];
   size_t n = sizeof(shape);
   memcpy(key, &shape, n);
   for (uint32_t i = 0; i < list->n_columns; i++) {
      uint32_t length = 0;
      uint64_t number = 0;
      const void *text = NULL;
      ip_addr_t ip = {{0}};
      if (want[i] == WANT_NOTHING) {
         continue;
      }
      if (want[i] == WANT_NUMBER) {
         number = nm_field_u64(&fields[i], rec);
      } else if (want[i] == WANT_TEXT) {
         text = nm_field_data(&fields[i], rec, &length);
      } else {
         ip = nm_field_ip(&fields[i], rec);
         if (ip_is4(&ip) != (want[i] < WANT_IPV6)) {
            return false;
         }
      }
      n += put_value(key + n, want[i], number, text, length, &ip);
   }
   *hash = nc_hash(key, n);
   return true;
}

/* --------------------------------------------------------------- comparison */

/* Up to the first zero byte, as filters do. The copy is for regexec(), which needs a zero byte. */
static bool found_in(const regex_t *regex, const void *data, uint32_t length)
{
   char text[UR_MAX_SIZE + 1];
   memcpy(text, data, length);
   text[length] = 0;
   return regexec(regex, text, 0, NULL, 0) == 0;
}

static bool cell_matches(const struct cell *cell, const nm_field_t *field, const void *rec)
{
   uint32_t length;
   const void *data;
   uint64_t a[2], b[2];
   switch (cell->kind) {
   case CELL_NUMBER: return nm_field_u64(field, rec) == cell->number;
   case CELL_TEXT:
      data = nm_field_data(field, rec, &length);
      return length == cell->text.length && memcmp(data, cell->text.bytes, length) == 0;
   case CELL_NETWORK: {
      ip_addr_t ip = nm_field_ip(field, rec);
      mask_address(&ip, cell->network.length, a);
      mask_address(&cell->network.address, cell->network.length, b);
      return ip_is4(&ip) == ip_is4(&cell->network.address) && a[0] == b[0] && a[1] == b[1];
   }
   case CELL_REGEX: data = nm_field_data(field, rec, &length); return found_in(cell->regex, data, length);
   default: return true;
   }
}

static bool rule_matches(const struct list *list, uint32_t rule, const nm_field_t *fields, const void *rec)
{
   const struct cell *cells = &list->cells[(size_t) rule * list->n_columns];
   for (uint32_t i = 0; i < list->n_columns; i++) {
      if (!cell_matches(&cells[i], &fields[i], rec)) {
         return false;
      }
   }
   return true;
}

uint32_t list_scan(const struct list *list, const nm_field_t *fields, const void *rec)
{
   for (uint32_t rule = 0; rule < list->n_rules; rule++) {
      if (rule_matches(list, rule, fields, rec)) {
         return rule;
      }
   }
   return NO_RULE;
}

/* The first rule of the chain under this hash, before `limit`, that the record matches. */
static uint32_t find_in_shape(const struct list *list, uint64_t hash, uint32_t limit,
                              const nm_field_t *fields, const void *rec)
{
   for (uint64_t at = hash & list->mask; list->slots[at].rule != 0; at = (at + 1) & list->mask) {
      if (list->slots[at].hash == hash) {
         uint32_t rule = list->slots[at].rule - 1;
         while (rule < limit && !rule_matches(list, rule, fields, rec)) {
            rule = list->next[rule];
         }
         return rule < limit ? rule : NO_RULE;
      }
   }
   return NO_RULE;
}

uint32_t list_find(const struct list *list, const nm_field_t *fields, const void *rec)
{
   uint32_t found = NO_RULE;
   for (uint32_t shape = 0; shape < list->n_shapes && list->shapes[shape].first < found; shape++) {
      uint64_t hash;
      if (hash_of_record(list, shape, fields, rec, &hash)) {
         uint32_t rule = find_in_shape(list, hash, found, fields, rec);
         found = rule < found ? rule : found;
      }
   }
   return found;
}

/* -------------------------------------------------------------------- index */

static uint32_t shape_of(struct list *list, uint32_t rule, uint32_t *capacity)
{
   struct shape shape = {.first = rule};
   for (uint32_t i = 0; i < list->n_columns; i++) {
      shape.want[i] = want_of(&list->cells[(size_t) rule * list->n_columns + i]);
   }
   for (uint32_t i = list->n_shapes; i-- > 0;) {
      if (memcmp(list->shapes[i].want, shape.want, sizeof(shape.want)) == 0) {
         return i;
      }
   }
   if (list->n_shapes == *capacity) {
      *capacity = *capacity > 0 ? 2 * *capacity : 8;
      struct shape *shapes = realloc(list->shapes, *capacity * sizeof(*shapes));
      if (shapes == NULL) {
         return NO_RULE;
      }
      list->shapes = shapes;
   }
   list->shapes[list->n_shapes] = shape;
   return list->n_shapes++;
}

/* Rules with the same hash are a chain in the order of the file. \param last of each chain's first rule: its last rule */
static void add_rule(struct list *list, uint32_t rule, uint64_t hash, uint32_t *last)
{
   uint64_t at = hash & list->mask;
   while (list->slots[at].rule != 0 && list->slots[at].hash != hash) {
      at = (at + 1) & list->mask;
   }
   list->next[rule] = NO_RULE;
   last[rule] = rule;
   if (list->slots[at].rule == 0) {
      list->slots[at] = (struct slot){hash, rule + 1};
   } else {
      uint32_t first = list->slots[at].rule - 1;
      list->next[last[first]] = rule;
      last[first] = rule;
   }
}

bool list_index(struct list *list)
{
   uint32_t capacity = 0, n = 16, rules = list->n_rules > 0 ? list->n_rules : 1;
   while (n < 2 * (uint64_t) rules) {
      n *= 2;
   }
   list->mask = n - 1;
   list->slots = calloc(n, sizeof(*list->slots));
   list->next = calloc(rules, sizeof(*list->next));
   list->matched = calloc(rules, sizeof(*list->matched));
   uint32_t *last = calloc(rules, sizeof(*last));
   bool good = list->slots != NULL && list->next != NULL && list->matched != NULL && last != NULL;
   for (uint32_t rule = 0; good && rule < list->n_rules; rule++) {
      uint32_t shape = shape_of(list, rule, &capacity);
      good = shape != NO_RULE;
      if (good) {
         add_rule(list, rule, hash_of_rule(list, shape, rule), last);
      }
   }
   free(last);
   return good;
}
