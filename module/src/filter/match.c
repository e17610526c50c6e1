/* SPDX-License-Identifier: BSD-3-Clause */
/** Evaluates a program: each step compares one field and says which step comes next. */
#include "../internal.h"
#include "filter.h"

#include <math.h>

#define LOAD(type, at)                   \
   ({                                    \
      type load_;                        \
      memcpy(&load_, at, sizeof(load_)); \
      load_;                             \
   })

/* A signed number in the order of unsigned ones. */
static inline uint64_t biased(int64_t v)
{
   return (uint64_t) v ^ SIGN_BIAS;
}

static inline bool in_range(const struct step *s, uint64_t v)
{
   return v - s->range.low <= s->range.span;
}

static bool in_numbers(const struct step *s, uint64_t v)
{
   const uint64_t *base = s->set.numbers;
   uint32_t n = s->set.count;
   while (n > 1) { /* the last one that is not above v */
      uint32_t half = n / 2;
      base += base[half] <= v ? half : 0;
      n -= half;
   }
   return *base == v;
}

static inline bool in_map(const struct step *s, uint32_t v)
{
   return s->set.map[v / 8] >> v % 8 & 1;
}

static bool in_reals(const struct step *s, double v)
{
   for (uint32_t i = 0; i < s->set.count; i++) {
      if (fabs(v - s->set.reals[i]) < REAL_TOLERANCE) {
         return true;
      }
   }
   return false;
}

static bool in_ranges(const struct step *s, const char *at)
{
   ip_addr_t ip = LOAD(ip_addr_t, at);
   bool v4 = ip_is4(&ip);
   const struct ip_range *base = s->set.ranges + (v4 ? 0 : s->set.count4);
   uint32_t n = v4 ? s->set.count4 : s->set.count - s->set.count4;
   ip128_t v = ip_number(&ip);
   if (n == 0) {
      return false;
   }
   while (n > 1) {
      uint32_t half = n / 2;
      base += base[half].low <= v ? half : 0;
      n -= half;
   }
   return base->low <= v && v <= base->high;
}

static bool compare_real(const struct step *s, double v)
{
   bool equal = v == s->real || fabs(v - s->real) < REAL_TOLERANCE;
   switch (s->op) {
   case OP_EQ: return equal;
   case OP_NE: return !equal;
   case OP_LT: return v < s->real && !equal;
   case OP_LE: return v < s->real || equal;
   case OP_GT: return v > s->real && !equal;
   default: return v > s->real || equal;
   }
}

static bool compare_ip(const struct step *s, const char *at)
{
   ip_addr_t ip = LOAD(ip_addr_t, at);
   if (s->family != ANY_FAMILY && (s->family == ONLY_4) != (ip_is4(&ip) != 0)) {
      return s->otherwise;
   }
   ip128_t v = ip_number(&ip);
   return s->ip.low <= v && v <= s->ip.high;
}

/* Data of a variable-length field. */
static inline const char *var_data(const struct step *s, const char *rec, size_t *length)
{
   *length = LOAD(uint16_t, rec + s->offset + 2);
   return rec + s->static_size + LOAD(uint16_t, rec + s->offset);
}

/* Up to the first zero byte. The copy is for regexec(), which needs one; its search costs more. Not inline: other steps need no such frame. */
static __attribute__((noinline)) bool match_regex(const struct step *s, const char *rec)
{
   char text[UR_MAX_SIZE + 1];
   size_t length;
   const char *data = var_data(s, rec, &length);
   memcpy(text, data, length);
   text[length] = 0;
   return regexec(s->regex, text, 0, NULL, 0) == 0;
}

static bool equal_string(const struct step *s, const char *rec)
{
   size_t length;
   const char *data = var_data(s, rec, &length);
   return length == s->string.length && memcmp(data, s->string.text, length) == 0;
}

static inline bool test(const struct step *s, const char *rec)
{
   const char *at = rec + s->offset;
   switch (s->action) {
   case TEST_U8: return in_range(s, (uint8_t) *at);
   case TEST_U16: return in_range(s, LOAD(uint16_t, at));
   case TEST_U32: return in_range(s, LOAD(uint32_t, at));
   case TEST_U64: return in_range(s, LOAD(uint64_t, at));
   case TEST_I8: return in_range(s, biased((int8_t) *at));
   case TEST_I16: return in_range(s, biased(LOAD(int16_t, at)));
   case TEST_I32: return in_range(s, biased(LOAD(int32_t, at)));
   case TEST_I64: return in_range(s, biased(LOAD(int64_t, at)));
   case TEST_FLOAT: return compare_real(s, LOAD(float, at));
   case TEST_DOUBLE: return compare_real(s, LOAD(double, at));
   case TEST_MAC: return in_range(s, LOAD(uint32_t, at) | (uint64_t) LOAD(uint16_t, at + 4) << 32);
   case TEST_IP: return compare_ip(s, at);
   case TEST_STRING: return equal_string(s, rec);
   case TEST_REGEX: return match_regex(s, rec);
   case SET_8: return in_map(s, (uint8_t) *at);
   case SET_16: return in_map(s, LOAD(uint16_t, at));
   case SET_U32: return in_numbers(s, LOAD(uint32_t, at));
   case SET_U64: return in_numbers(s, LOAD(uint64_t, at));
   case SET_I32: return in_numbers(s, biased(LOAD(int32_t, at)));
   case SET_I64: return in_numbers(s, biased(LOAD(int64_t, at)));
   case SET_FLOAT: return in_reals(s, LOAD(float, at));
   case SET_DOUBLE: return in_reals(s, LOAD(double, at));
   default: return in_ranges(s, at);
   }
}

bool step_test(const struct step *s, const void *rec)
{
   return test(s, rec);
}

NM_PUBLIC bool nm_matcher_match(const nm_matcher_t *m, const void *rec)
{
   int32_t next = m->entry;
   while (next >= 0) {
      const struct step *s = &m->steps[next];
      next = test(s, rec) ? s->if_true : s->if_false;
   }
   return next == ACCEPT;
}
