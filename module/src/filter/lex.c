/* SPDX-License-Identifier: BSD-3-Clause */
/** Splits a filter into tokens. The longest match counts. */
#include "filter.h"

#include <ctype.h>
#include <errno.h>
#include <nemea-common/nc_text.h>
#include <stdarg.h>

void filter_error(struct lexer *lexer, size_t offset, const char *format, ...)
{
   nm_filter_error_t *e = lexer->error;
   if (e->text[0] != 0) {
      return;
   }
   char text[sizeof(e->text)];
   va_list ap;
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   nc_text_terminal(e->text, sizeof(e->text), text,
                    strlen(text)); /* parts of the expression may be any bytes */
   e->offset = offset;
}

/* ------------------------------------------------------------------ values */

/* "1.2.3.4", "fe80::1", both with /BITS, filling the text completely. */
static bool parse_ip(const char *text, size_t length, struct value *v)
{
   char copy[64];
   if (length >= sizeof(copy)) {
      return false;
   }
   memcpy(copy, text, length);
   copy[length] = 0;
   char *slash = strchr(copy, '/');
   if (slash != NULL) {
      *slash++ = 0;
   }
   if (!ip_from_str(copy, &v->ip)) {
      return false;
   }
   unsigned long max = ip_is4(&v->ip) ? 32 : 128, bits = max;
   if (slash != NULL) {
      char *end;
      bits = strtoul(slash, &end, 10);
      if (!isdigit((unsigned char) *slash) || *end != 0 || bits > max) {
         return false;
      }
   }
   v->network = slash != NULL;
   v->bits = (uint8_t) bits;
   v->kinds |= IS_IP;
   return true;
}

static size_t digits(const char *p)
{
   size_t n = 0;
   while (isdigit((unsigned char) p[n])) {
      n++;
   }
   return n;
}

/* Length of "YYYY-M-DTHH:MM:SS[.fraction][Z]"; 0: something else. */
static size_t time_length(const char *p)
{
   static const struct {
      uint8_t least, most;
      char delimiter;
   } parts[] = {{4, 4, '-'}, {1, 2, '-'}, {1, 2, 'T'}, {2, 2, ':'}, {2, 2, ':'}, {2, 2, 0}};
   const char *begin = p;
   for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
      size_t n = digits(p);
      if (n < parts[i].least || n > parts[i].most ||
          (parts[i].delimiter != 0 && p[n] != parts[i].delimiter)) {
         return 0;
      }
      p += n + (parts[i].delimiter != 0);
   }
   if (*p == '.' && isdigit((unsigned char) p[1])) {
      p += 1 + digits(p + 1);
   }
   return (size_t) (p + (*p == 'Z') - begin);
}

/* length: of time_length(), the whole text. */
static bool parse_time(const char *text, size_t length, struct value *v)
{
   unsigned y, mon, d, h, min, s;
   char fraction[32] = "", whole[80];
   if (sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u", &y, &mon, &d, &h, &min, &s) != 6) {
      return false;
   }
   const char *dot = memchr(text, '.', length);
   if (dot != NULL) {
      snprintf(fraction, sizeof(fraction), "%.*s", (int) (1 + (digits(dot + 1) < 30 ? digits(dot + 1) : 30)),
               dot);
   }
   snprintf(whole, sizeof(whole), "%04u-%02u-%02uT%02u:%02u:%02u%s", y, mon, d, h, min, s, fraction);
   if (ur_time_from_string(&v->time, whole) != 0) {
      return false;
   }
   v->kinds |= IS_TIME;
   return true;
}

/* A number: integer or with a decimal point. \return its length, 0: none */
static size_t lex_number(struct lexer *l, const char *p)
{
   struct value *v = &l->value;
   size_t sign = *p == '-', n = digits(p + sign), start = (size_t) (p - l->text);
   if (n == 0) {
      return 0;
   }
   size_t length = sign + n;
   errno = 0;
   if (p[length] == '.' && isdigit((unsigned char) p[length + 1])) {
      v->kinds = IS_FLOAT;
      length += 1 + digits(p + length + 1);
      v->real = strtod(p, NULL);
      return length;
   }
   char *end;
   bool octal = p[sign] == '0' && n > 1;
   uint64_t number = strtoull(p + sign, &end, octal ? 8 : 10);
   if (end != p + length) {
      filter_error(l, start, "\"%.*s\" begins with 0 and is no octal number", (int) length, p);
   } else if (errno == ERANGE || (sign && number > SIGN_BIAS)) {
      filter_error(l, start, "\"%.*s\" does not fit into 64 bits", (int) length, p);
   } else if (octal && l->warn != NULL) {
      char text[96];
      snprintf(text, sizeof(text), "%.*s begins with 0 and is read as octal: %s%llu",
               (int) (length < 40 ? length : 40), p, sign ? "-" : "", (unsigned long long) number);
      l->warn(l->arg, NM_FILTER_STYLE, start, text);
   }
   v->kinds = sign && number != 0 ? IS_INT : IS_UINT;
   v->number = sign ? -number : number;
   v->real = sign ? -(double) number : (double) number;
   return length;
}

/* The longest of time, address and number that begins here. */
static enum token lex_value(struct lexer *l)
{
   const char *p = l->at;
   size_t t = time_length(p), ip = strspn(p, "0123456789abcdefABCDEF:."), mask;
   l->value = (struct value){.kinds = 0};
   if (t > 0) {
      if (!parse_time(p, t, &l->value)) {
         filter_error(l, l->start, "\"%.*s\" is not a date and time", (int) t, p);
      }
      l->at += t;
      return TOKEN_VALUE;
   }
   if (p[ip] == '/' && (mask = digits(p + ip + 1)) > 0 && parse_ip(p, ip + 1 + mask, &l->value)) {
      l->at += ip + 1 + mask;
      return TOKEN_VALUE;
   }
   if (parse_ip(p, ip, &l->value)) {
      l->at += ip;
      return TOKEN_VALUE;
   }
   size_t n = lex_number(l, p);
   l->at += n;
   return n > 0 ? TOKEN_VALUE : TOKEN_ERROR;
}

/* Nothing is unescaped: a backslash only keeps the character after it from ending the string. */
static enum token lex_string(struct lexer *l)
{
   char quote = *l->at;
   const char *begin = l->at + 1, *p = begin;
   while (*p != quote) {
      if (*p == '\\' && p[1] != 0) {
         p++;
      }
      if (*p == 0) {
         filter_error(l, l->start, "the string has no closing %c", quote);
         return TOKEN_ERROR;
      }
      p++;
   }
   size_t length = (size_t) (p - begin);
   l->value = (struct value){.kinds = IS_STRING, .text = begin, .length = length};
   if (quote == '"' && !parse_ip(begin, length, &l->value) && length > 0 && time_length(begin) == length) {
      parse_time(begin, length, &l->value);
   }
   l->at = p + 1;
   return TOKEN_VALUE;
}

/* ------------------------------------------------------------- names, signs */

static enum token lex_name(struct lexer *l, size_t length)
{
   static const struct {
      const char *name;
      enum token token;
      int detail;
   } words[] = {{"AND", TOKEN_AND, 0},        {"and", TOKEN_AND, 0},          {"OR", TOKEN_OR, 0},
                {"or", TOKEN_OR, 0},          {"NOT", TOKEN_NOT, 0},          {"not", TOKEN_NOT, 0},
                {"IN", TOKEN_COMPARE, OP_IN}, {"in", TOKEN_COMPARE, OP_IN},   {"true", TOKEN_BOOL, 1},
                {"True", TOKEN_BOOL, 1},      {"TRUE", TOKEN_BOOL, 1},        {"false", TOKEN_BOOL, 0},
                {"False", TOKEN_BOOL, 0},     {"FALSE", TOKEN_BOOL, 0},       {"port", TOKEN_PORT, 0},
                {"host", TOKEN_HOST, 0},      {"PROTOCOL", TOKEN_PROTOCOL, 0}};
   l->value = (struct value){.kinds = IS_STRING, .text = l->at, .length = length};
   l->at += length;
   for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
      if (strlen(words[i].name) == length && memcmp(words[i].name, l->value.text, length) == 0) {
         l->op = (enum operator) words[i].detail;
         l->truth = words[i].detail == 1;
         return words[i].token;
      }
   }
   return TOKEN_NAME;
}

static enum token lex_sign(struct lexer *l)
{
   static const struct { /* longer ones first */
      const char *sign;
      enum token token;
      enum operator op;
   } signs[] = {{"=~", TOKEN_REGEX, OP_REGEX}, {"~=", TOKEN_REGEX, OP_REGEX}, {"==", TOKEN_EQUAL, OP_EQ},
                {"!=", TOKEN_EQUAL, OP_NE},    {"<>", TOKEN_EQUAL, OP_NE},    {"<=", TOKEN_COMPARE, OP_LE},
                {"=<", TOKEN_COMPARE, OP_LE},  {">=", TOKEN_COMPARE, OP_GE},  {"=>", TOKEN_COMPARE, OP_GE},
                {"&&", TOKEN_AND, OP_EQ},      {"||", TOKEN_OR, OP_EQ},       {"=", TOKEN_EQUAL, OP_EQ},
                {"<", TOKEN_COMPARE, OP_LT},   {">", TOKEN_COMPARE, OP_GT},   {"!", TOKEN_NOT, OP_EQ},
                {"(", TOKEN_LEFT, OP_EQ},      {")", TOKEN_RIGHT, OP_EQ},     {"[", TOKEN_OPEN, OP_EQ},
                {"]", TOKEN_CLOSE, OP_EQ},     {",", TOKEN_COMMA, OP_EQ}};
   for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
      size_t n = strlen(signs[i].sign);
      if (strncmp(l->at, signs[i].sign, n) == 0) {
         l->at += n;
         l->op = signs[i].op;
         return signs[i].token;
      }
   }
   unsigned char c = (unsigned char) *l->at;
   if (isprint(c)) {
      filter_error(l, l->start, "unexpected character '%c'", c);
   } else {
      filter_error(l, l->start, "unexpected byte 0x%02x", c);
   }
   return TOKEN_ERROR;
}

enum token lex(struct lexer *l)
{
   l->at += strspn(l->at, " \t\r\n");
   l->start = (size_t) (l->at - l->text);
   const char *p = l->at;
   if (*p == 0) {
      return TOKEN_END;
   }
   if (*p == '"' || *p == '\'') {
      return lex_string(l);
   }
   size_t name = 0, hex = strspn(p, "0123456789abcdefABCDEF:.");
   if (isalpha((unsigned char) *p) || *p == '_') {
      while (isalnum((unsigned char) p[name]) || p[name] == '_') {
         name++;
      }
   }
   bool number = isdigit((unsigned char) *p) || (*p == '-' && isdigit((unsigned char) p[1]));
   if (number || (hex > name && memchr(p, ':', hex) != NULL)) {
      enum token token = lex_value(l);
      if (token != TOKEN_ERROR || name == 0) {
         if (token == TOKEN_ERROR) {
            filter_error(l, l->start, "\"%.*s\" is not an address", (int) (hex < 60 ? hex : 60), p);
         }
         return l->error->text[0] != 0 ? TOKEN_ERROR : token;
      }
   }
   return name > 0 ? lex_name(l, name) : lex_sign(l);
}
