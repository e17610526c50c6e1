/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The usual forms of addresses and times in CSV, parsed without a loop over characters: how long a number is cannot be foreseen, and
 * each wrong guess of the processor costs more than all of the arithmetic. Each function reads a fixed number of bytes, all of which
 * must be there; \return 0: some other text, for the general function to look at.
 */
#ifndef UNIREC_PARSE_FAST_H
#define UNIREC_PARSE_FAST_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define FAST_IP4    16 /* bytes that fast_ip4() reads */
#define FAST_TIME   27 /* bytes that fast_time() reads */
#define FAST_NUMBER 8  /* bytes that fast_number() reads */

#if defined(__SSE2__)
/* One to three digits without a leading zero. \param digits 4 bytes that begin with them; n of them count
 * \return above 255: none of these */
static inline uint32_t fast_octet(const char *digits, uint32_t n)
{
   uint32_t w;
   memcpy(&w, digits, sizeof(w));
   bool bad = n - 1 > 2 || (n > 1 && *digits == '0');
   w = (w & 0x0f0f0f0f) << ((4 - n) & 3) * 8;
   return bad ? 256 : (w >> 8 & 15) * 100 + (w >> 16 & 15) * 10 + (w >> 24);
}

/* \param[out] v4 host byte order \return length of the address */
static inline uint32_t fast_ip4(const char *p, uint32_t *v4)
{
   const __m128i v = _mm_loadu_si128((const __m128i *) (const void *) p);
   const __m128i value = _mm_sub_epi8(v, _mm_set1_epi8('0'));
   uint32_t dots = (uint32_t) _mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('.')));
   uint32_t digits =
       (uint32_t) _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value));
   uint32_t end = (uint32_t) __builtin_ctz(~(dots | digits) | 1u << 16);
   dots &= (1u << end) - 1;
   uint32_t dots2 = dots & (dots - 1), dots3 = dots2 & (dots2 - 1);
   if (dots3 == 0 || (dots3 & (dots3 - 1)) != 0) {
      return 0;
   }
   uint32_t a = (uint32_t) __builtin_ctz(dots), b = (uint32_t) __builtin_ctz(dots2),
            c = (uint32_t) __builtin_ctz(dots3);
   if (c > 11) { /* at most 15 characters have the last number begin at the 12th or before */
      return 0;
   }
   uint32_t o1 = fast_octet(p, a), o2 = fast_octet(p + a + 1, b - a - 1),
            o3 = fast_octet(p + b + 1, c - b - 1), o4 = fast_octet(p + c + 1, end - c - 1);
   *v4 = o1 << 24 | o2 << 16 | o3 << 8 | o4;
   return (o1 | o2 | o3 | o4) > 255 ? 0 : end;
}
#else
static inline uint32_t fast_ip4(const char *p, uint32_t *v4)
{
   (void) p;
   *v4 = 0;
   return 0;
}
#endif

/** Parts of a time. */
struct time_parts {
   uint32_t year, month, day, hour, minute, second, ns;
};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Eight characters less those of a pattern of "0" for each digit. \return 0; else no digit where there must be one, or another character
 * than the pattern's */
static inline uint64_t fast_digits(const char *p, const char pattern[8], uint64_t limits, uint64_t *values)
{
   uint64_t x, y;
   memcpy(&x, p, 8);
   memcpy(&y, pattern, 8);
   x ^= y;
   *values = x;
   return (x | (x + limits)) & UINT64_C(0x8080808080808080);
}

/* A number of up to seven digits. \return how many; 0: none, or more */
static inline uint32_t fast_number(const char *p, uint64_t *value)
{
   uint64_t x;
   memcpy(&x, p, 8);
   x ^= UINT64_C(0x3030303030303030);
   uint64_t other = (x | (x + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080);
   uint32_t n = other != 0 ? (uint32_t) __builtin_ctzll(other) / 8
                           : 0; /* carries can only make wrong ones behind it */
   if (n == 0) {
      return 0;
   }
   x <<= (8 - n) * 8; /* with zeros before it */
   x = (x * 10 + (x >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
   x = (x * 100 + (x >> 16)) & UINT64_C(0x0000ffff0000ffff);
   *value = (x * 10000 + (x >> 32)) & 0xffffffff;
   return n;
}

static inline uint32_t fast_byte(uint64_t values, unsigned i)
{
   return (uint32_t) (values >> 8 * i) & 0xff;
}

static inline uint32_t fast_pair(uint64_t values, unsigned i)
{
   return fast_byte(values, i) * 10 + fast_byte(values, i + 1);
}

/* "2020-01-02T03:04:05.123456" and a character that does not belong to it; numbers may be out of their ranges. */
static inline bool fast_time(const char *p, struct time_parts *t)
{
   /* Added to a byte, 0x76 sets its top bit from 10 on, 0x7f from 1 on. */
   const uint64_t date = UINT64_C(0x7f76767f76767676), day_hour = UINT64_C(0x76767f76767f7676),
                  second = UINT64_C(0x767676767f76767f), fraction = UINT64_C(0x7676767676767f76);
   uint64_t a, b, c, d;
   char next = p[26];
   uint64_t wrong = fast_digits(p, "0000-00-", date, &a) | fast_digits(p + 8, "00T00:00", day_hour, &b) |
                    fast_digits(p + 16, ":00.0000", second, &c) |
                    fast_digits(p + 18, "0.000000", fraction, &d);
   if (wrong != 0 || (next >= '0' && next <= '9') || next == 'Z' || next == 'z') {
      return false;
   }
   *t = (struct time_parts){
       .year = fast_pair(a, 0) * 100 + fast_pair(a, 2),
       .month = fast_pair(a, 5),
       .day = fast_pair(b, 0),
       .hour = fast_pair(b, 3),
       .minute = fast_pair(b, 6),
       .second = fast_pair(c, 1),
       .ns = (fast_pair(d, 2) * 10000 + fast_pair(d, 4) * 100 + fast_pair(d, 6)) * 1000,
   };
   return true;
}
#else
static inline uint32_t fast_number(const char *p, uint64_t *value)
{
   (void) p;
   *value = 0;
   return 0;
}

static inline bool fast_time(const char *p, struct time_parts *t)
{
   (void) p;
   (void) t;
   return false;
}
#endif

#endif
