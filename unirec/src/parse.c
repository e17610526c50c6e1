/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Parsing values from text. The text comes from files and users and is not trusted. Lenient where existing inputs rely on it
 * (numbers wrap, and anything may follow them), strict with memory: a record never grows beyond its capacity.
 */
#include "internal.h"

#include <ctype.h>
#include <errno.h>

/* Reads digits with an optional sign, modulo 2^64. base 0: as in C (0x.., 0..). \return false if there is no digit */
static bool parse_number(const char *s, int base, uint64_t *value)
{
   bool negative = false;
   while (isspace((unsigned char) *s)) {
      s++;
   }
   if (*s == '+' || *s == '-') {
      negative = *s++ == '-';
   }
   if (base == 0) {
      base = 10;
      if (s[0] == '0' && (s[1] | 32) == 'x' && isxdigit((unsigned char) s[2])) {
         base = 16;
         s += 2;
      } else if (s[0] == '0') {
         base = 8;
      }
   }
   const char *start = s;
   uint64_t v = 0;
   for (;; s++) {
      int d = *s >= '0' && *s <= '9'                 ? *s - '0'
              : (*s | 32) >= 'a' && (*s | 32) <= 'f' ? (*s | 32) - 'a' + 10
                                                     : 99;
      if (d >= base) {
         break;
      }
      v = v * (uint64_t) base + (uint64_t) d;
   }
   *value = negative ? 0 - v : v;
   return s > start;
}

static bool parse_double(const char *s, double *value)
{
   char *end;
   *value = strtod(s, &end);
   return end != s;
}

const char *parse_ip4(const char *p, uint32_t *address)
{
   uint32_t v4 = 0;
   for (int i = 0; i < 4; i++) {
      uint32_t byte = 0;
      const char *start = p;
      while (*p >= '0' && *p <= '9' && p - start < 3) {
         byte = byte * 10 + (uint32_t) (*p++ - '0');
      }
      if (p == start || byte > 255 || (p - start > 1 && *start == '0') || (i < 3 && *p++ != '.')) {
         return NULL;
      }
      v4 = v4 << 8 | byte;
   }
   *address = v4;
   return p;
}

static bool parse_ip(const char *s, ip_addr_t *ip)
{
   uint32_t v4;
   const char *end = parse_ip4(s, &v4);
   if (end != NULL && *end == 0) {
      *ip = ip_from_int(v4);
      return true;
   }
   return ip_from_str(s, ip) != 0;
}

/* Parses one value of a fixed-length type. */
static bool parse_value(ur_field_type_t type, const char *s, void *to)
{
   uint64_t n;
   double d;
   float f;
   ip_addr_t ip;
   mac_addr_t mac;
   ur_time_t time;
   bool is_signed =
       type == UR_TYPE_INT8 || type == UR_TYPE_INT16 || type == UR_TYPE_INT32 || type == UR_TYPE_INT64;
   switch (type) {
   case UR_TYPE_CHAR: *(char *) to = *s; return *s != 0;
   case UR_TYPE_UINT8:
   case UR_TYPE_INT8:
   case UR_TYPE_UINT16:
   case UR_TYPE_INT16:
   case UR_TYPE_UINT32:
   case UR_TYPE_INT32:
   case UR_TYPE_UINT64:
   case UR_TYPE_INT64:
      if (!parse_number(s, is_signed ? 0 : 10, &n)) {
         return false;
      }
      store_low(to, n, ur_field_type_size[type]);
      return true;
   case UR_TYPE_FLOAT:
      if (!parse_double(s, &d)) {
         return false;
      }
      f = (float) d;
      memcpy(to, &f, sizeof(f));
      return true;
   case UR_TYPE_DOUBLE:
      if (!parse_double(s, &d)) {
         return false;
      }
      memcpy(to, &d, sizeof(d));
      return true;
   case UR_TYPE_IP:
      if (!parse_ip(s, &ip)) {
         return false;
      }
      memcpy(to, &ip, sizeof(ip));
      return true;
   case UR_TYPE_MAC:
      if (mac_from_str(s, &mac) == 0) {
         return false;
      }
      memcpy(to, &mac, sizeof(mac));
      return true;
   case UR_TYPE_TIME: {
      bool good = ur_time_from_string(&time, s) == 0;
      memcpy(to, &time, sizeof(time));
      return good;
   }
   default: return false;
   }
}

static bool only(const char *s, const char *characters)
{
   return s[strspn(s, characters)] == 0;
}

/* Does the text have nothing after the value, and is the value in the range of its type? Called before parse_value(). */
static bool is_exact(ur_field_type_t type, const char *s)
{
   static const char hex[] = "0123456789abcdefABCDEF";
   const char *digits = s + (*s == '-' || *s == '+');
   int unused = 64 - 8 * ur_field_type_size[type];
   char *end;
   errno = 0;
   switch (type) {
   case UR_TYPE_CHAR: return s[0] != 0 && s[1] == 0;
   case UR_TYPE_UINT8:
   case UR_TYPE_UINT16:
   case UR_TYPE_UINT32:
   case UR_TYPE_UINT64:
      return *s != 0 && only(s, "0123456789") && strtoull(s, NULL, 10) <= UINT64_MAX >> unused && errno == 0;
   case UR_TYPE_INT8:
   case UR_TYPE_INT16:
   case UR_TYPE_INT32:
   case UR_TYPE_INT64: {
      bool hexadecimal =
          digits[0] == '0' && (digits[1] | 32) == 'x' && digits[2] != 0 && only(digits + 2, hex);
      bool octal = digits[0] == '0' && digits[1] != 0; /* rejected: users who type 010 mean ten */
      if (!hexadecimal && (octal || *digits == 0 || !only(digits, "0123456789"))) {
         return false;
      }
      int64_t v = strtoll(s, NULL, 0);
      return errno == 0 && v <= INT64_MAX >> unused && v >= INT64_MIN >> unused;
   }
   case UR_TYPE_FLOAT:
   case UR_TYPE_DOUBLE: strtod(s, &end); return end != s && *end == 0 && !isspace((unsigned char) *s);
   case UR_TYPE_MAC: return only(s, "0123456789abcdefABCDEF:");
   default: return true; /* the parsers of addresses and times are strict */
   }
}

static int hex_digit(char c)
{
   if (c >= '0' && c <= '9') {
      return c - '0';
   }
   return (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static int parse_bytes(const ur_template_t *t, void *rec, uint32_t limit, ur_field_id_t id, const char *s)
{
   size_t n = strlen(s) / 2;
   int rc = 0;
   if (n > UR_MAX_SIZE || array_resize_within(t, rec, limit, id, (int) n) != UR_OK) {
      return 1;
   }
   uint8_t *to = ur_get_ptr_by_id(t, rec, id);
   for (size_t i = 0; i < n; i++) {
      int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);
      if (high < 0) {
         rc = 1;
         to[i] = 0;
      } else {
         to[i] = (uint8_t) (low >= 0 ? high << 4 | low : high);
      }
   }
   return rc;
}

static size_t count_words(const char *s)
{
   size_t n = 0;
   while (*(s += strspn(s, " ")) != 0) {
      n++;
      s += strcspn(s, " ");
   }
   return n;
}

static int parse_array(const ur_template_t *tmplt, void *rec, uint32_t limit, ur_field_id_t field_id,
                       const char *v)
{
   if (!ur_is_present(tmplt, field_id) || ur_get_type(field_id) < UR_TYPE_A_UINT8) {
      return 1;
   }
   ur_field_type_t element = (ur_field_type_t) ur_array_get_elem_type(field_id);
   size_t step = (size_t) ur_field_type_size[element], n = count_words(v), done = 0;
   if (n * step > UR_MAX_SIZE ||
       array_resize_within(tmplt, rec, limit, field_id, (int) (n * step)) != UR_OK) {
      return 1;
   }
   char *to = ur_get_ptr_by_id(tmplt, rec, field_id);
   for (; done < n; done++) {
      char word[512];
      v += strspn(v, " ");
      size_t length = strcspn(v, " ");
      /* The largest double has 309 digits before the point. Longer numbers are truncated; longer addresses and times are
       * invalid. */
      size_t kept = length < sizeof(word) ? length : sizeof(word) - 1;
      memcpy(word, v, kept);
      word[kept] = 0;
      if ((kept < length && (element == UR_TYPE_IP || element == UR_TYPE_TIME)) ||
          !parse_value(element, word, to + done * step)) {
         break;
      }
      v += length;
   }
   if (done < n) {
      ur_array_resize(tmplt, rec, field_id, (int) (done * step));
      return 1;
   }
   return 0;
}

UR_PUBLIC int ur_set_array_from_string(const ur_template_t *tmplt, void *rec, ur_field_id_t field_id,
                                       const char *v)
{
   return parse_array(tmplt, rec, UR_MAX_SIZE, field_id, v);
}

int set_from_string_within(const ur_template_t *t, void *rec, uint32_t limit, ur_field_id_t id, const char *v)
{
   if (!ur_is_present(t, id) || v == NULL) {
      return 1;
   }
   ur_field_type_t type = ur_get_type(id);
   switch (type) {
   case UR_TYPE_STRING: {
      size_t n = strlen(v);
      return n > UR_MAX_SIZE || set_var_within(t, rec, limit, id, v, (int) n) != UR_OK;
   }
   case UR_TYPE_BYTES: return parse_bytes(t, rec, limit, id, v);
   default:
      if (ur_field_type_size[type] < 0) {
         return parse_array(t, rec, limit, id, v);
      }
      return !parse_value(type, v, ur_get_ptr_by_id(t, rec, id));
   }
}

UR_PUBLIC int ur_set_from_string_strict(const ur_template_t *tmplt, void *rec, ur_field_id_t field_id,
                                        const char *v)
{
   if (!ur_is_present(tmplt, field_id) || v == NULL) {
      return 1;
   }
   ur_field_type_t type = ur_get_type(field_id), element = (ur_field_type_t) ur_array_get_elem_type(field_id);
   if (type == UR_TYPE_BYTES && (strlen(v) % 2 != 0 || !only(v, "0123456789abcdefABCDEF"))) {
      return 1;
   }
   if (type < UR_TYPE_A_UINT8 && !ur_is_varlen(field_id) && !is_exact(type, v)) {
      return 1;
   }
   for (const char *p = v + strspn(v, " "); type >= UR_TYPE_A_UINT8 && *p != 0; p += strspn(p, " ")) {
      char word[512];
      size_t length = strcspn(p, " ");
      if (length >= sizeof(word)) {
         return 1;
      }
      memcpy(word, p, length);
      word[length] = 0;
      if (!is_exact(element, word)) {
         return 1;
      }
      p += length;
   }
   return ur_set_from_string(tmplt, rec, field_id, v);
}

UR_PUBLIC int ur_set_from_string(const ur_template_t *tmplt, void *rec, ur_field_id_t field_id, const char *v)
{
   return set_from_string_within(tmplt, rec, UR_MAX_SIZE, field_id, v);
}
