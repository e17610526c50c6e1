/* SPDX-License-Identifier: BSD-3-Clause */
/** The arrays of IN, as sets that are searched quickly. */
#include "filter.h"

#include <stdlib.h>

static bool is_signed(ur_field_type_t type)
{
   return type == UR_TYPE_INT8 || type == UR_TYPE_INT16 || type == UR_TYPE_INT32 || type == UR_TYPE_INT64;
}

/* Is the number one that a field of this type can have? */
static bool fits(const struct value *v, ur_field_type_t type)
{
   unsigned bits = 8 * (unsigned) ur_field_type_size[type];
   if (is_signed(type)) {
      int64_t n = (int64_t) v->number, limit = (int64_t) (UINT64_MAX >> (65 - bits));
      return v->kinds & IS_INT ? n >= -limit - 1 : v->number <= (uint64_t) limit;
   }
   return (v->kinds & IS_UINT) && v->number <= UINT64_MAX >> (64 - bits);
}

static bool fill_map(struct step *s, const struct term *t, ur_field_type_t type)
{
   uint32_t bits = s->action == SET_8 ? 256 : 65536;
   s->set.map = calloc(1, bits / 8);
   for (size_t i = 0; s->set.map != NULL && i < t->n_values; i++) {
      if (fits(&t->values[i], type)) {
         uint32_t n = (uint32_t) t->values[i].number & (bits - 1);
         s->set.map[n / 8] |= (uint8_t) (1u << n % 8);
         s->set.count++;
      }
   }
   return s->set.map != NULL;
}

static int compare_numbers(const void *a, const void *b)
{
   const uint64_t *x = a, *y = b;
   return *x < *y ? -1 : *x > *y;
}

static bool fill_numbers(struct step *s, const struct term *t, ur_field_type_t type)
{
   s->set.numbers = malloc(t->n_values * sizeof(*s->set.numbers));
   for (size_t i = 0; s->set.numbers != NULL && i < t->n_values; i++) {
      const struct value *v = &t->values[i];
      if (type == UR_TYPE_TIME) {
         s->set.numbers[s->set.count++] = v->time;
      } else if (fits(v, type)) {
         s->set.numbers[s->set.count++] = v->number ^ (is_signed(type) ? SIGN_BIAS : 0);
      }
   }
   if (s->set.count > 0) {
      qsort(s->set.numbers, s->set.count, sizeof(*s->set.numbers), compare_numbers);
   }
   return s->set.numbers != NULL;
}

static bool fill_reals(struct step *s, const struct term *t, ur_field_type_t type)
{
   s->set.reals = malloc(t->n_values * sizeof(*s->set.reals));
   for (size_t i = 0; s->set.reals != NULL && i < t->n_values; i++) {
      double v = t->values[i].real;
      s->set.reals[s->set.count++] = type == UR_TYPE_FLOAT ? (float) v : v;
   }
   return s->set.reals != NULL;
}

static int compare_ranges(const void *a, const void *b)
{
   ip128_t x, y;
   memcpy(&x, a, sizeof(x)); /* low is the first member */
   memcpy(&y, b, sizeof(y));
   return x < y ? -1 : x > y;
}

/* Sorts ranges and joins those that overlap. \return how many are left */
static uint32_t join_ranges(struct ip_range *r, uint32_t n)
{
   uint32_t last = 0;
   if (n == 0) {
      return 0;
   }
   qsort(r, n, sizeof(*r), compare_ranges);
   for (uint32_t i = 1; i < n; i++) {
      if (r[i].low > r[last].high) {
         r[++last] = r[i];
      } else if (r[i].high > r[last].high) {
         r[last].high = r[i].high;
      }
   }
   return last + 1;
}

static bool fill_ranges(struct step *s, const struct term *t)
{
   struct ip_range *r = malloc(t->n_values * sizeof(*r));
   uint32_t n = 0;
   if (r == NULL) {
      return false;
   }
   for (int v6 = 0; v6 < 2; v6++) {
      uint32_t begin = n;
      for (size_t i = 0; i < t->n_values; i++) {
         if (ip_is6(&t->values[i].ip) == v6) {
            r[n++] = network_range(&t->values[i].ip, t->values[i].bits);
         }
      }
      n = begin + join_ranges(r + begin, n - begin);
      s->set.count4 = v6 == 0 ? n : s->set.count4;
   }
   s->set.ranges = r;
   s->set.count = n;
   return true;
}

bool set_fill(struct step *s, const struct term *t, ur_field_type_t type)
{
   bool ok;
   s->set.count = s->set.count4 = 0;
   switch (s->action) {
   case SET_8:
   case SET_16: ok = fill_map(s, t, type); break;
   case SET_FLOAT:
   case SET_DOUBLE: ok = fill_reals(s, t, type); break;
   case SET_IP: ok = fill_ranges(s, t); break;
   default: ok = fill_numbers(s, t, type);
   }
   if (ok && s->set.count == 0) {
      set_free(s);
   }
   return ok;
}

void set_free(struct step *s)
{
   if (s->action >= SET_8) {
      free(s->set.map); /* whichever member it is */
      s->set.map = NULL;
   }
}
