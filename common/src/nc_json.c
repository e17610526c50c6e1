/* SPDX-License-Identifier: BSD-3-Clause */
/** JSON checked and written again in one pass. */
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_json.h>
#include <nemea-common/nc_text.h>

#include <stdlib.h>

struct nc_json_member {
   size_t key, key_length;  /* in the output, with quotes */
   size_t value, value_end; /* in the output */
};

#define NAMES     64 /* members of an object whose names are known again in the next one */
#define NAME_SIZE 48 /* bytes, with quotes, colon and blank */

/* Names of the first members of the outermost object that was read last, each another one. Most objects of a stream have the same:
 * such a name need not be read again, nor looked for among those before it. */
struct nc_json_names {
   uint32_t n;
   uint8_t length[NAMES]; /* with quotes */
   char text[NAMES][NAME_SIZE];
};

/* ------------------------------------------------------------------ writing */

void nc_json_free(nc_json_t *json)
{
   free(json->data);
   free(json->members);
   free(json->hashes);
   free(json->names);
   *json = (nc_json_t){0};
}

/* Room for n bytes more. \return NULL: failed */
static char *grow(nc_json_t *json, size_t n)
{
   if (json->failed != NULL) {
      return NULL;
   }
   if (n > NC_JSON_LIMIT - json->length) {
      json->failed = "the result is too long";
      return NULL;
   }
   size_t size = json->size > 0 ? json->size : 1024;
   while (size - json->length < n) {
      size *= 2;
   }
   char *larger = realloc(json->data, size);
   if (larger == NULL) {
      json->failed = "out of memory";
      return NULL;
   }
   json->data = larger;
   json->size = size;
   return larger + json->length;
}

static inline char *room(nc_json_t *json, size_t n)
{
   return __builtin_expect(json->size - json->length >= n && json->failed == NULL && json->data != NULL, 1)
              ? json->data + json->length
              : grow(json, n);
}

static inline void put(nc_json_t *json, const char *text, size_t length)
{
   char *to = room(json, length);
   if (to != NULL) {
      memcpy(to, text, length);
      json->length += length;
   }
}

void nc_json_raw(nc_json_t *json, const char *text, size_t length)
{
   put(json, text, length);
}

static char *put_unit(char *to, uint32_t unit)
{
   static const char hex[] = "0123456789abcdef";
   *to++ = '\\';
   *to++ = 'u';
   for (int shift = 12; shift >= 0; shift -= 4) {
      *to++ = hex[unit >> shift & 15];
   }
   return to;
}

/* Writes one character of a string: at most 12 bytes. */
static char *put_char(char *to, uint32_t code)
{
   static const char names[] = "btn\0fr"; /* of 8 .. 13 */
   if (code >= ' ' && code <= '~' && code != '"' && code != '\\') {
      *to++ = (char) code;
      return to;
   }
   char name = (char) (code == '"' || code == '\\' ? (char) code
                       : code >= 8 && code <= 13   ? names[code - 8]
                                                   : 0);
   if (name != 0) {
      *to++ = '\\';
      *to++ = name;
      return to;
   }
   if (code > 0xffff) {
      to = put_unit(to, 0xd800 + ((code - 0x10000) >> 10));
      return put_unit(to, 0xdc00 + ((code - 0x10000) & 0x3ff));
   }
   return put_unit(to, code);
}

/* Number of leading bytes that need no escape in a string. */
static size_t plain(const char *text, size_t length)
{
   static const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
   size_t i = 0;
   for (; i + 8 <= length; i += 8) {
      uint64_t w, quote, slash, end;
      memcpy(&w, text + i, 8);
      quote = w ^ (ones * '"');
      slash = w ^ (ones * '\\');
      end = w ^ (ones * 0x7f);
      uint64_t found = (w | (w - ones * 0x20) | (quote - ones) | (slash - ones) | (end - ones)) & tops;
      if (found != 0) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
         return i + (size_t) __builtin_ctzll(found) / 8; /* borrows can only make wrong ones behind it */
#else
         break;
#endif
      }
   }
   while (i < length && text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\') {
      i++;
   }
   return i;
}

void nc_json_string(nc_json_t *json, const char *text, size_t length)
{
   char *to = room(json, 6 * length + 2);
   if (to == NULL) {
      return;
   }
   *to++ = '"';
   for (size_t i = 0; i < length;) {
      size_t n = plain(text + i, length - i);
      memcpy(to, text + i, n);
      to += n;
      i += n;
      if (i < length) {
         uint32_t code;
         n = nc_text_decode(text + i, length - i, &code);
         to = put_char(to, n > 0 ? code : 0xfffd);
         i += n > 0 ? n : 1;
      }
   }
   *to++ = '"';
   json->length = (size_t) (to - json->data);
}

void nc_json_u64(nc_json_t *json, uint64_t value)
{
   char digits[20], *p = digits + sizeof(digits);
   do {
      *--p = (char) ('0' + value % 10);
      value /= 10;
   } while (value > 0);
   nc_json_raw(json, p, (size_t) (digits + sizeof(digits) - p));
}

void nc_json_i64(nc_json_t *json, int64_t value)
{
   if (value < 0) {
      nc_json_raw(json, "-", 1);
   }
   nc_json_u64(json, value < 0 ? -(uint64_t) value : (uint64_t) value);
}

/* ------------------------------------------------------------------ reading */

struct reader {
   nc_json_t *json;
   const char *text, *p, *end;
   int indent;
   uint32_t depth;
   bool same;    /* the string read last was written as it stands in the text */
   bool repeats; /* so far, the names of the outermost object are those of the last one */
   nc_json_error_t error;
};

static bool fail(struct reader *r, const char *reason)
{
   if (r->error.reason == NULL) {
      r->error = (nc_json_error_t){reason, (size_t) (r->p - r->text)};
   }
   return false;
}

static inline void skip_blanks(struct reader *r)
{
   while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r')) {
      r->p++;
   }
}

/* Writes n bytes of the text. A copy of a fixed size is faster, and what it writes too much is overwritten. */
static inline void put_near(struct reader *r, const char *from, size_t n)
{
   enum { FIXED = 32 };
   nc_json_t *j = r->json;
   if (n <= FIXED && r->end - from >= FIXED && j->size - j->length >= FIXED && j->failed == NULL) {
      memcpy(j->data + j->length, from, FIXED);
      j->length += n;
   } else {
      put(j, from, n);
   }
}

static bool next_is(struct reader *r, char c)
{
   if (r->p < r->end && *r->p == c) {
      r->p++;
      return true;
   }
   return false;
}

static bool read_unit(struct reader *r, uint32_t *unit)
{
   *unit = 0;
   if (r->end - r->p < 4) {
      return fail(r, "expected four hexadecimal digits");
   }
   for (int i = 0; i < 4; i++) {
      char c = r->p[i];
      int v = c >= '0' && c <= '9'   ? c - '0'
              : c >= 'a' && c <= 'f' ? c - 'a' + 10
              : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                     : -1;
      if (v < 0) {
         return fail(r, "expected four hexadecimal digits");
      }
      *unit = *unit << 4 | (uint32_t) v;
   }
   r->p += 4;
   return true;
}

/* After "\u". Halves of a pair are joined; one alone stays, as in Python. */
static bool read_escaped_unit(struct reader *r, uint32_t *code)
{
   if (!read_unit(r, code)) {
      return false;
   }
   if (*code >= 0xd800 && *code < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
      const char *start = r->p;
      uint32_t low;
      r->p += 2;
      if (!read_unit(r, &low)) {
         return false;
      }
      if (low >= 0xdc00 && low < 0xe000) {
         *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
      } else {
         r->p = start;
      }
   }
   return true;
}

static bool read_escape(struct reader *r, uint32_t *code)
{
   static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
   char c = (char) (r->p < r->end ? *r->p : 0);
   const char *at = c != 0 ? strchr(names, c) : NULL;
   if (at != NULL) {
      r->p++;
      *code = (uint8_t) values[at - names];
      return true;
   }
   if (c != 'u') {
      return fail(r, "unknown escape sequence");
   }
   r->p++;
   return read_escaped_unit(r, code);
}

/* After the opening quote. \param n leading bytes that need no escape */
static __attribute__((noinline)) bool read_escaped_string(struct reader *r, size_t n)
{
   put(r->json, "\"", 1);
   for (;; n = plain(r->p, (size_t) (r->end - r->p))) {
      put(r->json, r->p, n);
      r->p += n;
      if (r->p == r->end) {
         return fail(r, "a string without its end");
      }
      uint32_t code;
      if (*r->p == '"') {
         r->p++;
         put(r->json, "\"", 1);
         return true;
      }
      if (*r->p == '\\') {
         r->p++;
         if (!read_escape(r, &code)) {
            return false;
         }
      } else {
         n = nc_text_decode(r->p, (size_t) (r->end - r->p), &code);
         if (n == 0) {
            return fail(r, "not UTF-8");
         }
         if (code < ' ') {
            return fail(r, "a control character in a string");
         }
         r->p += n;
      }
      char one[12], *end = put_char(one, code);
      put(r->json, one, (size_t) (end - one));
   }
}

/* After the opening quote. */
static bool read_string(struct reader *r)
{
   size_t n = plain(r->p, (size_t) (r->end - r->p));
   r->same = r->p + n < r->end && r->p[n] == '"'; /* as most are */
   if (r->same) {
      put_near(r, r->p - 1, n + 2);
      r->p += n + 1;
      return true;
   }
   return read_escaped_string(r, n);
}

static size_t digits(struct reader *r)
{
   const char *p = r->p, *end = r->end;
   while (p < end && *p >= '0' && *p <= '9') {
      p++;
   }
   size_t n = (size_t) (p - r->p);
   r->p = p;
   return n;
}

/* A number of at most 15 digits without exponent is its own shortest text, but for zeros at its end and where Python writes an
 * exponent: below 0.0001. */
static bool put_short_decimal(struct reader *r, const char *start, const char *point)
{
   const char *first = start + (*start == '-'), *end = r->p, *p = point + 1;
   if (end - first > 16) {
      return false;
   }
   while (p < end && *p == '0') {
      p++;
   }
   if (*first == '0' && p < end && p - point > 4) {
      return false;
   }
   while (end > point + 2 && end[-1] == '0') {
      end--;
   }
   put_near(r, start, (size_t) (end - start));
   return true;
}

/* Python's int() takes the sign of -0. */
static void put_integer(struct reader *r, const char *start)
{
   size_t n = (size_t) (r->p - start);
   bool minus_zero = n == 2 && start[0] == '-' && start[1] == '0';
   put_near(r, start + minus_zero, n - minus_zero);
}

static __attribute__((noinline)) bool put_double(struct reader *r, const char *start)
{
   size_t n = (size_t) (r->p - start);
   char small[64], *copy = n < sizeof(small) ? small : malloc(n + 1);
   if (copy == NULL) {
      return fail(r, "out of memory");
   }
   memcpy(copy, start, n);
   copy[n] = 0;
   nc_json_double(r->json, strtod(copy, NULL));
   if (copy != small) {
      free(copy);
   }
   return true;
}

static bool read_number(struct reader *r)
{
   const char *start = r->p, *point = NULL;
   bool exponent = false;
   next_is(r, '-');
   if (!next_is(r, '0') && digits(r) == 0) {
      return fail(r, "expected a value");
   }
   const char *whole = r->p; /* as Python, take what is no fraction or exponent for the end of the number */
   if (next_is(r, '.')) {
      if (digits(r) > 0) {
         point = whole;
      } else {
         r->p = whole;
      }
   }
   const char *before = r->p;
   if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
      r->p++;
      if (!next_is(r, '+')) {
         next_is(r, '-');
      }
      exponent = digits(r) > 0;
      r->p = exponent ? r->p : before;
   }
   if (point == NULL && !exponent) {
      put_integer(r, start);
      return true;
   }
   return (!exponent && put_short_decimal(r, start, point)) || put_double(r, start);
}

static bool read_word(struct reader *r)
{
   static const char *const words[] = {"true", "false", "null", "NaN", "Infinity", "-Infinity"};
   for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
      size_t n = strlen(words[i]);
      if ((size_t) (r->end - r->p) >= n && memcmp(r->p, words[i], n) == 0) {
         r->p += n;
         put(r->json, words[i], n);
         return true;
      }
   }
   return false;
}

static void new_line(struct reader *r)
{
   size_t n = (size_t) r->indent * r->depth;
   char *to = room(r->json, n + 1);
   if (to != NULL) {
      *to = '\n';
      memset(to + 1, ' ', n);
      r->json->length += n + 1;
   }
}

static void separate(struct reader *r, bool first)
{
   if (!first) {
      put(r->json, ", ", r->indent < 0 ? 2 : 1);
   }
   if (r->indent >= 0) {
      new_line(r);
   }
}

static bool read_value(struct reader *r);

static bool read_array(struct reader *r)
{
   put(r->json, "[", 1);
   skip_blanks(r);
   if (!next_is(r, ']')) {
      for (bool first = true;; first = false) {
         separate(r, first);
         if (!read_value(r)) {
            return false;
         }
         skip_blanks(r);
         if (next_is(r, ']')) {
            break;
         }
         if (!next_is(r, ',')) {
            return fail(r, "expected ',' or ']'");
         }
      }
      r->depth--;
      if (r->indent >= 0) {
         new_line(r);
      }
      r->depth++;
   }
   put(r->json, "]", 1);
   return true;
}

static __attribute__((noinline)) bool grow_members(nc_json_t *j)
{
   size_t n = j->room_members > 0 ? 2 * j->room_members : 64;
   nc_json_member_t *members = realloc(j->members, n * sizeof(*members));
   j->members = members != NULL ? members : j->members;
   uint32_t *hashes = realloc(j->hashes, n * sizeof(*hashes));
   j->hashes = hashes != NULL ? hashes : j->hashes;
   if (members == NULL || hashes == NULL) {
      j->failed = "out of memory";
      return false;
   }
   j->room_members = n;
   return true;
}

/* \return NULL: no memory */
static inline nc_json_member_t *add_member(nc_json_t *j, size_t key, size_t length, uint32_t hash)
{
   if (j->n_members == j->room_members && !grow_members(j)) {
      return NULL;
   }
   j->hashes[j->n_members] = hash;
   j->members[j->n_members] = (nc_json_member_t){.key = key, .key_length = length};
   return &j->members[j->n_members++];
}

static uint32_t hash_name(const char *name, size_t length)
{
   return (uint32_t) (nc_hash(name, length) >> 32);
}

/* \return the member of the same name among those from first on; a new one at the end otherwise; NULL: no memory */
static nc_json_member_t *find_member(struct reader *r, size_t first, size_t key)
{
   nc_json_t *j = r->json;
   size_t length = j->length - key;
   /* From where it was read: a processor waits for what it has just written. */
   uint32_t hash = hash_name(r->same ? r->p - length : j->data + key, length);
   for (size_t i = first; i < j->n_members; i++) {
      nc_json_member_t *m = &j->members[i];
      if (j->hashes[i] == hash && m->key_length == length &&
          memcmp(j->data + m->key, j->data + key, length) == 0) {
         return m;
      }
   }
   return add_member(j, key, length, hash);
}

/* Are n bytes the same? There are NAME_SIZE bytes of both. */
static inline bool same_name(const char *a, const char *b, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
   uint64_t x, y, differ = 0;
   size_t i = 0;
   for (; i + 8 <= n; i += 8) {
      memcpy(&x, a + i, 8);
      memcpy(&y, b + i, 8);
      differ |= x ^ y;
   }
   memcpy(&x, a + i, 8);
   memcpy(&y, b + i, 8);
   return (differ | ((x ^ y) & ((UINT64_C(1) << 8 * (n - i)) - 1))) == 0;
#else
   return memcmp(a, b, n) == 0;
#endif
}

/* Reads and writes the next name if the last object had it at the same place. \return NULL: it had not */
static inline nc_json_member_t *repeated_name(struct reader *r, size_t key)
{
   nc_json_t *j = r->json;
   const nc_json_names_t *names = j->names;
   size_t i = j->n_members, left = (size_t) (r->end - r->p);
   if (i >= names->n) {
      return NULL;
   }
   const char *name = names->text[i];
   size_t n = names->length[i];
   if (left >= NAME_SIZE ? !same_name(r->p, name, n) : left < n || memcmp(r->p, name, n) != 0) {
      return NULL;
   }
   r->p += n;
   if (j->size - j->length >= NAME_SIZE && j->failed == NULL) {
      memcpy(j->data + j->length, name, NAME_SIZE); /* a fixed size, as in put_near() */
      j->length += n + 2;
   } else {
      put(j, name, n + 2);
   }
   return add_member(j, key, n, 0);
}

/* Another name: from here on, names are looked for among those before. */
static __attribute__((noinline)) void end_repetition(struct reader *r)
{
   nc_json_t *j = r->json;
   for (size_t i = 0; i < j->n_members; i++) {
      j->hashes[i] = hash_name(j->data + j->members[i].key, j->members[i].key_length);
   }
   r->repeats = false;
}

/* Keeps the names of the outermost object that has just been read. */
static __attribute__((noinline)) void learn_names(nc_json_t *j)
{
   if (j->names == NULL && (j->names = calloc(1, sizeof(*j->names))) == NULL) {
      return;
   }
   nc_json_names_t *names = j->names;
   size_t i = 0;
   for (; i < j->n_members && i < NAMES && j->members[i].key_length + 2 <= NAME_SIZE; i++) {
      size_t n = j->members[i].key_length;
      memcpy(names->text[i], j->data + j->members[i].key, n);
      memcpy(names->text[i] + n, ": ", 2);
      names->length[i] = (uint8_t) n;
   }
   names->n = (uint32_t) i;
}

/* Reads the name of a member, and writes it with ": ". \return the member, an earlier one of the same name; NULL: failed */
static nc_json_member_t *read_name(struct reader *r, size_t first_member, size_t key)
{
   nc_json_member_t *m = first_member == 0 && r->repeats ? repeated_name(r, key) : NULL;
   if (m != NULL) {
      return m;
   }
   if (!next_is(r, '"')) {
      fail(r, "expected a name in double quotes");
      return NULL;
   }
   if (!read_string(r) || r->json->failed != NULL) {
      return NULL;
   }
   if (first_member == 0 && r->repeats) {
      end_repetition(r);
   }
   m = find_member(r, first_member, key);
   put(r->json, ": ", 2);
   return m;
}

/* Puts the value that was written last, from value on, where that of an earlier member is, and takes away all from cut on. */
static bool replace_value(struct reader *r, size_t at, size_t value, size_t cut)
{
   nc_json_t *j = r->json;
   size_t n = j->length - value, start = j->members[at].value, end = j->members[at].value_end;
   char *copy = malloc(n);
   if (copy == NULL || room(j, n) == NULL) {
      free(copy);
      j->failed = j->failed != NULL ? j->failed : "out of memory";
      return false;
   }
   memcpy(copy, j->data + value, n);
   memmove(j->data + start + n, j->data + end, cut - end);
   memcpy(j->data + start, copy, n);
   free(copy);
   ptrdiff_t shift = (ptrdiff_t) n - (ptrdiff_t) (end - start);
   j->length = (size_t) ((ptrdiff_t) cut + shift);
   j->members[at].value_end = start + n;
   for (size_t i = at + 1; i < j->n_members; i++) {
      j->members[i].key = (size_t) ((ptrdiff_t) j->members[i].key + shift);
      j->members[i].value = (size_t) ((ptrdiff_t) j->members[i].value + shift);
      j->members[i].value_end = (size_t) ((ptrdiff_t) j->members[i].value_end + shift);
   }
   return true;
}

static bool read_member(struct reader *r, size_t first_member, bool first)
{
   nc_json_t *j = r->json;
   size_t cut = j->length;
   separate(r, first);
   size_t key = j->length;
   skip_blanks(r);
   size_t known = j->n_members;
   nc_json_member_t *m = read_name(r, first_member, key);
   if (m == NULL) {
      return false;
   }
   size_t at = (size_t) (m - j->members);
   skip_blanks(r);
   if (!next_is(r, ':')) {
      return fail(r, "expected ':'");
   }
   size_t value = j->length;
   if (!read_value(r) || j->failed != NULL) {
      return false;
   }
   if (at < known) {
      return replace_value(r, at, value, cut);
   }
   j->members[at].value = value;
   j->members[at].value_end = j->length;
   return true;
}

static bool read_object(struct reader *r)
{
   size_t first_member = r->json->n_members;
   if (first_member == 0) {
      r->repeats = r->json->names != NULL;
   }
   put(r->json, "{", 1);
   skip_blanks(r);
   if (!next_is(r, '}')) {
      for (bool first = true;; first = false) {
         if (!read_member(r, first_member, first)) {
            return false;
         }
         skip_blanks(r);
         if (next_is(r, '}')) {
            break;
         }
         if (!next_is(r, ',')) {
            return fail(r, "expected ',' or '}'");
         }
      }
      r->depth--;
      if (r->indent >= 0) {
         new_line(r);
      }
      r->depth++;
   }
   put(r->json, "}", 1);
   if (first_member == 0 && !r->repeats) {
      learn_names(r->json);
   }
   r->json->n_members = first_member;
   return true;
}

static bool read_value(struct reader *r)
{
   skip_blanks(r);
   if (r->p == r->end || r->json->failed != NULL) {
      return fail(r, "expected a value");
   }
   char c = *r->p;
   if (c == '"') {
      r->p++;
      return read_string(r);
   }
   if (c == '{' || c == '[') {
      if (r->depth == NC_JSON_DEPTH) {
         return fail(r, "nested too deeply");
      }
      r->p++;
      r->depth++;
      bool good = c == '{' ? read_object(r) : read_array(r);
      r->depth--;
      return good;
   }
   if ((c >= '0' && c <= '9') || (c == '-' && r->end - r->p > 1 && r->p[1] != 'I')) {
      return read_number(r);
   }
   return read_word(r) || fail(r, "expected a value");
}

bool nc_json_normalize(nc_json_t *json, const char *text, size_t length, int indent, nc_json_error_t *error)
{
   size_t before = json->length;
   struct reader r = {.json = json, .text = text, .p = text, .end = text + length, .indent = indent};
   json->n_members = 0;
   bool good = read_value(&r);
   skip_blanks(&r);
   if (good && r.p != r.end) {
      good = fail(&r, "more text after the value");
   }
   if (json->failed != NULL) {
      r.error.reason = json->failed;
      good = false;
   }
   if (!good) {
      json->length = before;
      json->failed = NULL;
      *error = r.error;
   }
   return good;
}
