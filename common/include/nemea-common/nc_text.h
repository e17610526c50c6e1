/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_text.h
 * Text from outside (values of fields, formats and names sent by peers, lines of files) made safe to show.
 * Terminals obey control characters, and spreadsheets run formulas; a message or a column must do neither.
 * All functions are thread-safe and allocate nothing.
 */
#ifndef NEMEA_COMMON_NC_TEXT_H
#define NEMEA_COMMON_NC_TEXT_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest text of one character as nc_text_terminal() writes it: "\U0010ffff". */
#define NC_TEXT_ESCAPE 10
/** Longest line of nc_text_vline(); what is longer ends in "...". */
#define NC_TEXT_LINE 4096
/** Bytes that nc_csv_string() writes at most. */
#define NC_CSV_BOUND(length) (2 * (length) + 3)
/** Bytes that nc_csv_char() writes at most. */
#define NC_CSV_CHAR_BOUND 6

/** Decodes one character of UTF-8 (RFC 3629). \param left bytes at p, at least 1. \return its bytes; 0: not UTF-8, code is 0 */
static inline size_t nc_text_decode(const char *p, size_t left, uint32_t *code)
{
   const uint8_t *u = (const uint8_t *) p;
   size_t n = u[0] < 0x80 ? 1 : u[0] >= 0xc2 && u[0] < 0xe0 ? 2 : (u[0] & 0xf0) == 0xe0 ? 3 : 4;
   static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
   *code = 0;
   if (n > left || u[0] > 0xf4) {
      return 0;
   }
   uint32_t c = n == 1 ? u[0] : u[0] & (0x7fu >> n);
   for (size_t i = 1; i < n; i++) {
      if ((u[i] & 0xc0) != 0x80) {
         return 0;
      }
      c = c << 6 | (u[i] & 0x3fu);
   }
   if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
      return 0;
   }
   *code = c;
   return n;
}

/** Does a terminal show this character and do nothing else? Controls of C0 and C1, line separators, and characters that
 * change the direction of writing or are invisible are not plain. */
static inline bool nc_text_plain(uint32_t c)
{
   return c >= ' ' && !(c >= 0x7f && c < 0xa0) && c != 0xad && c != 0x61c && !(c >= 0x200b && c <= 0x200f) &&
          !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff &&
          !(c >= 0xfff9 && c <= 0xfffb) && !(c >= 0xe0000 && c <= 0xe0fff);
}

/** Writes text so that a terminal shows it and does nothing else: characters that are not plain become escape sequences of
 * C (a backslash and n, t, r, xNN, uNNNN or UNNNNNNNN). A backslash stands for itself. Always NUL-terminated when size > 0; what does
 * not fit is cut before a whole character. \return bytes written, without the NUL */
static inline size_t nc_text_terminal(char *to, size_t size, const char *text, size_t length)
{
   size_t used = 0;
   for (size_t i = 0; i < length && size > 0;) {
      char escape[NC_TEXT_ESCAPE + 1];
      const char *out = escape;
      uint32_t code = 0;
      size_t n = nc_text_decode(text + i, length - i, &code), m;
      if (n > 0 && nc_text_plain(code)) {
         out = text + i;
         m = n;
      } else if (n == 1 && (code == '\n' || code == '\t' || code == '\r')) {
         m = (size_t) snprintf(escape, sizeof(escape), "\\%c", code == '\n' ? 'n' : code == '\t' ? 't' : 'r');
      } else if (n <= 1) {
         m = (size_t) snprintf(escape, sizeof(escape), "\\x%02x", (unsigned) (uint8_t) text[i]);
      } else {
         m = (size_t) snprintf(escape, sizeof(escape), code > 0xffff ? "\\U%08x" : "\\u%04x",
                               (unsigned) code);
      }
      if (m >= size - used) {
         break;
      }
      memcpy(to + used, out, m);
      used += m;
      i += n > 0 ? n : 1;
   }
   if (size > 0) {
      to[used] = 0;
   }
   return used;
}

/** Writes a message as one line in one piece: before as it is, then the formatted text as nc_text_terminal() writes it. */
__attribute__((format(printf, 3, 0))) static inline void nc_text_vline(FILE *to, const char *before,
                                                                       const char *format, va_list ap)
{
   char text[NC_TEXT_LINE], safe[2 * NC_TEXT_LINE];
   int n = vsnprintf(text, sizeof(text), format, ap);
   size_t length = n < 0 ? 0 : (size_t) n < sizeof(text) ? (size_t) n : sizeof(text) - 1;
   size_t used = nc_text_terminal(safe, sizeof(safe), text, length);
   bool cut = n >= (int) sizeof(text) || used + NC_TEXT_ESCAPE >= sizeof(safe);
   fprintf(to, "%s%s%s\n", before, safe, cut ? "..." : "");
}

/** As nc_text_vline(). */
__attribute__((format(printf, 3, 4))) static inline void nc_text_line(FILE *to, const char *before,
                                                                      const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   nc_text_vline(to, before, format, ap);
   va_end(ap);
}

/** Writes out what standard output still holds. \return true; false: some of the output was lost, which is reported on
 * standard error in the name of the program, whose exit status must not be 0 */
static inline bool nc_flush_stdout(const char *program)
{
   errno = 0;
   if (fflush(stdout) == 0 && !ferror(stdout)) {
      return true;
   }
   nc_text_line(stderr, "", "%s: cannot write to standard output: %s", program,
                errno != 0 ? strerror(errno) : "an earlier write failed");
   return false;
}

/** Is this the first character of what spreadsheets take for a formula? */
static inline bool nc_csv_formula(char c)
{
   return c == '=' || c == '+' || c == '-' || c == '@';
}

/** Writes a string as a column of CSV: in double quotes, '"' doubled, a newline as a blank, other bytes that are not
 * printable ASCII left out. Not NUL-terminated. \param to NC_CSV_BOUND(length) bytes.
 * \param guard put a ' before what a spreadsheet would run as a formula. \return end of the text */
static inline char *nc_csv_string(char *to, const char *text, size_t length, bool guard)
{
   *to++ = '"';
   for (size_t i = 0; i < length; i++) {
      char c = text[i] == '\n' ? ' ' : text[i];
      if (c < ' ' || c > '~') {
         continue;
      }
      if (guard && c != ' ') { /* the first character that is seen */
         guard = false;
         if (nc_csv_formula(c)) {
            *to++ = '\'';
         }
      }
      if (c == '"') {
         *to++ = '"';
      }
      *to++ = c;
   }
   *to++ = '"';
   return to;
}

/** Writes a single character as a column of CSV: as it is, in quotes where it would be taken for the end of a column or
 * the begin of a string, "\xNN" (in quotes) where it is not printable ASCII, nothing for NUL. Not NUL-terminated.
 * \param to NC_CSV_CHAR_BOUND bytes. \return end of the text */
static inline char *nc_csv_char(char *to, char c, char delimiter, bool guard)
{
   static const char hex[] = "0123456789abcdef";
   if (c == 0) {
      return to;
   }
   bool printable = c >= ' ' && c <= '~', quoted = !printable || c == delimiter || c == '"';
   if (quoted) {
      *to++ = '"';
   }
   if (!printable) {
      *to++ = '\\';
      *to++ = 'x';
      *to++ = hex[(uint8_t) c >> 4];
      *to++ = hex[(uint8_t) c & 15];
   } else {
      if (guard && nc_csv_formula(c)) {
         *to++ = '\'';
      }
      if (c == '"') {
         *to++ = '"';
      }
      *to++ = c;
   }
   if (quoted) {
      *to++ = '"';
   }
   return to;
}

#ifdef __cplusplus
}
#endif
#endif
