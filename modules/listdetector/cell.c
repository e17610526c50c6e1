/* SPDX-License-Identifier: BSD-3-Clause */
/** Values of rules. */
#include "list.h"

#include <errno.h>
#include <nemea-common/nc_regex.h>
#include <stdlib.h>
#include <string.h>

static bool read_unsigned(const char *text, unsigned bits, uint64_t *value)
{
   return nm_number(text, 0, UINT64_MAX >> (64 - bits), value);
}

static bool read_signed(const char *text, unsigned bits, uint64_t *value)
{
   bool negative = *text == '-';
   uint64_t size = (UINT64_MAX >> (65 - bits)) + (negative ? 1 : 0), n;
   if (!nm_number(text + negative, 0, size, &n)) {
      return false;
   }
   *value = negative ? -n : n;
   return true;
}

static bool read_number(const char *text, ur_field_type_t type, uint64_t *value)
{
   switch (type) {
   case UR_TYPE_UINT8: return read_unsigned(text, 8, value);
   case UR_TYPE_UINT16: return read_unsigned(text, 16, value);
   case UR_TYPE_UINT32: return read_unsigned(text, 32, value);
   case UR_TYPE_UINT64: return read_unsigned(text, 64, value);
   case UR_TYPE_INT8: return read_signed(text, 8, value);
   case UR_TYPE_INT16: return read_signed(text, 16, value);
   case UR_TYPE_INT32: return read_signed(text, 32, value);
   case UR_TYPE_INT64: return read_signed(text, 64, value);
   default: *value = (uint8_t) *text; return text[0] != 0 && text[1] == 0; /* char */
   }
}

static bool read_network(struct cell *cell, const char *text)
{
   char address[INET6_ADDRSTRLEN];
   size_t n = strcspn(text, "/");
   if (n >= sizeof(address)) {
      return false;
   }
   memcpy(address, text, n);
   address[n] = 0;
   if (!ip_from_str(address, &cell->network.address)) {
      return false;
   }
   uint64_t most = ip_is4(&cell->network.address) ? 32 : 128, length = most;
   if (text[n] == '/' && !nm_number(text + n + 1, 0, most, &length)) {
      return false;
   }
   cell->network.length = (uint8_t) length;
   return true;
}

static bool read_regex(struct cell *cell, const char *text, size_t length, uint32_t *copies, char *error)
{
   char reason[128], pattern[LIST_MAX_REGEX + 1];
   if (length > LIST_MAX_REGEX) {
      snprintf(error, LIST_ERROR, "a regular expression of %zu bytes is too long (at most %d)", length,
               LIST_MAX_REGEX);
      return false;
   }
   memcpy(pattern, text, length);
   pattern[length] = 0;
   cell->regex = malloc(sizeof(*cell->regex));
   int rc = cell->regex != NULL ? nc_regex_compile(cell->regex, pattern, copies, reason, sizeof(reason))
                                : REG_ESPACE;
   if (cell->regex == NULL) {
      snprintf(error, LIST_ERROR, "out of memory");
   } else if (rc != 0) {
      snprintf(error, LIST_ERROR, "\"%.100s\" is not a regular expression: %s", pattern, reason);
      free(cell->regex);
   } else {
      cell->kind = CELL_REGEX;
   }
   return rc == 0;
}

static bool read_text(struct cell *cell, const char *text, uint32_t *copies, char *error)
{
   size_t n = strlen(text), begin = strlen(RAW_BEGIN), end = strlen(RAW_END);
   if (n >= begin + end && memcmp(text, RAW_BEGIN, begin) == 0 && memcmp(text + n - end, RAW_END, end) == 0) {
      return read_regex(cell, text + begin, n - begin - end, copies, error);
   }
   if (n > UR_MAX_SIZE) {
      snprintf(error, LIST_ERROR, "a text of %zu bytes is longer than any record", n);
      return false;
   }
   cell->text.bytes = strdup(text);
   cell->text.length = (uint32_t) n;
   cell->kind = CELL_TEXT;
   if (cell->text.bytes == NULL) {
      snprintf(error, LIST_ERROR, "out of memory");
      cell->kind = CELL_ANY;
   }
   return cell->kind == CELL_TEXT;
}

bool cell_read(struct cell *cell, ur_field_type_t type, const char *text, uint32_t *copies, char *error)
{
   if (type == UR_TYPE_STRING) {
      return read_text(cell, text, copies, error);
   }
   cell->kind = type == UR_TYPE_IP ? CELL_NETWORK : CELL_NUMBER;
   if (type == UR_TYPE_IP ? read_network(cell, text) : read_number(text, type, &cell->number)) {
      return true;
   }
   snprintf(error, LIST_ERROR, "\"%.100s\" is not %s%s", text,
            type == UR_TYPE_IP     ? "an address or a network (192.0.2.0/24)"
            : type == UR_TYPE_CHAR ? "a character"
                                   : "a number of type ",
            type == UR_TYPE_IP || type == UR_TYPE_CHAR ? "" : ur_field_type_str[type]);
   return false;
}

void cell_free(struct cell *cell)
{
   if (cell->kind == CELL_TEXT) {
      free(cell->text.bytes);
   } else if (cell->kind == CELL_REGEX) {
      regfree(cell->regex);
      free(cell->regex);
   }
   cell->kind = CELL_ANY;
}
