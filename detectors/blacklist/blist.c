/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads files of entries. */
#include "blist.h"

#include "extract.h"

#include <errno.h>
#include <nemea-common/nc_text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PORTS 4096 /* of a line */
#define SHOWN     100  /* bytes of a bad line in a message */
#define NO_MEMORY "out of memory, or too many entries"

/* What became of a line. */
enum outcome { ENTRY, SKIPPED, BAD, FULL };

/* Reads digits up to max. \return end; NULL: no number */
static const char *number(const char *p, const char *end, uint64_t max, uint64_t *value)
{
   const char *begin = p;
   *value = 0;
   for (; p < end && *p >= '0' && *p <= '9'; p++) {
      uint64_t digit = (uint64_t) (*p - '0');
      if (*value > (max - digit) / 10) {
         return NULL;
      }
      *value = *value * 10 + digit;
   }
   return p > begin ? p : NULL;
}

bool bl_parse_network(const char *text, size_t length, ip_addr_t *ip, unsigned *prefix)
{
   char address[INET6_ADDRSTRLEN + 1];
   const char *end = text + length, *slash = memchr(text, '/', length);
   size_t n = slash != NULL ? (size_t) (slash - text) : length;
   uint64_t bits = 128;
   if (n == 0 || n >= sizeof(address) || memchr(text, 0, n) != NULL) {
      return false;
   }
   memcpy(address, text, n);
   address[n] = 0;
   if (!ip_from_str(address, ip)) {
      return false;
   }
   uint64_t most = ip_is4(ip) ? 32 : 128;
   if (slash != NULL && number(slash + 1, end, most, &bits) != end) {
      return false;
   }
   *prefix = (unsigned) (bits < most ? bits : most);
   return true;
}

/* ";ID:PORT,PORT;ID:PORT" */
static const char *parse_ports(const char *p, const char *end, uint64_t *lists, struct bl_port *ports,
                               size_t *n)
{
   uint64_t all = *lists;
   while (p < end && *p == ';') {
      uint64_t id, port;
      p = number(p + 1, end, BL_LIST_NUMBERS, &id);
      if (p == NULL || id == 0 || p == end || *p != ':') {
         return NULL;
      }
      uint64_t bit = UINT64_C(1) << (id - 1);
      do {
         p = number(p + 1, end, UINT16_MAX, &port);
         if (p == NULL || *n == MAX_PORTS) {
            return NULL;
         }
         if (all & bit) { /* ports of a list that does not hold the address mean nothing */
            ports[(*n)++] = (struct bl_port){.lists = bit, .port = (uint16_t) port};
         }
      } while (p < end && *p == ',');
      *lists &= ~bit;
   }
   return p;
}

static enum outcome prefix_line(const char *line, size_t length, void *to, const char **reason)
{
   struct bl_port ports[MAX_PORTS];
   const char *end = line + length, *comma = memchr(line, ',', length), *id = NULL;
   ip_addr_t ip;
   unsigned prefix;
   uint64_t lists;
   size_t n = 0;
   if (length == 0) {
      return SKIPPED;
   }
   *reason = "expected ADDRESS[/LENGTH],LISTS[;LIST:PORT,...]";
   if (comma == NULL || !bl_parse_network(line, (size_t) (comma - line), &ip, &prefix)) {
      *reason = comma != NULL ? "no IP address or network in front of the comma" : *reason;
      return BAD;
   }
   const char *p = number(comma + 1, end, UINT64_MAX, &lists);
   if (p == NULL || lists == 0) {
      *reason = "expected the lists as a number from 1 to 2^64-1";
      return BAD;
   }
   if (p < end && *p == ',') {
      id = p + 1;
      lists = 0;
      if (id == end || (size_t) (end - id) > 64) {
         *reason = "expected an identifier of 1 to 64 characters";
         return BAD;
      }
   } else if ((p = parse_ports(p, end, &lists, ports, &n)) != end) {
      *reason = "expected ports as ;LIST:PORT,PORT...";
      return BAD;
   }
   return bl_prefixes_add(to, &ip, prefix, lists, ports, n, id, id != NULL ? (size_t) (end - id) : 0) ? ENTRY
                                                                                                      : FULL;
}

static enum outcome add_name(struct bl_names *to, const char *name, size_t length, uint64_t lists)
{
   bool below = length > 2 && name[0] == '*' && name[1] == '.';
   return bl_names_add(to, name + (below ? 2 : 0), length - (below ? 2 : 0), lists, below) ? ENTRY : FULL;
}

static enum outcome name_line(const char *line, size_t length, void *to, const char **reason)
{
   const char *end = line + length, *backslash = length > 0 ? memrchr(line, '\\', length) : NULL;
   uint64_t lists;
   if (length == 0) {
      return SKIPPED;
   }
   if (backslash == NULL || backslash == line || number(backslash + 1, end, UINT64_MAX, &lists) != end ||
       lists == 0) {
      *reason = "expected NAME\\LISTS";
      return BAD;
   }
   return add_name(to, line, (size_t) (backslash - line), lists);
}

/* ------------------------------------------------------------------ plain lists */

struct plain {
   enum bl_kind kind;
   struct bl_prefixes *prefixes;
   struct bl_names *names;
};

static enum outcome plain_url(const struct plain *plain, const char *text, size_t length)
{
   char name[BL_LINE_MAX];
   size_t n = bl_extract_url(text, length, name, sizeof(name));
   if (n == 0) {
      return BAD;
   }
   if (plain->kind == BL_ADDRESSES || (plain->kind == BL_DOMAINS && memchr(name, '/', n) != NULL)) {
      return SKIPPED; /* where a path is blacklisted, not all of its host is */
   }
   return add_name(plain->names, name, n, 1);
}

static enum outcome plain_line(const char *line, size_t length, void *to, const char **reason)
{
   const struct plain *plain = to;
   const char *comment = length > 0 ? memchr(line, '#', length) : NULL;
   ip_addr_t ip;
   unsigned prefix;
   length = comment == line || (comment != NULL && (comment[-1] == ' ' || comment[-1] == '\t'))
                ? (size_t) (comment - line)
                : length;
   while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t')) {
      length--;
   }
   for (; length > 0 && (*line == ' ' || *line == '\t'); line++) {
      length--;
   }
   if (length == 0) {
      return SKIPPED;
   }
   *reason = "expected an address, a network, a domain name or a URL";
   if (bl_parse_network(line, length, &ip, &prefix)) {
      if (plain->kind != BL_ADDRESSES) {
         return SKIPPED;
      }
      return bl_prefixes_add(plain->prefixes, &ip, prefix, 1, NULL, 0, NULL, 0) ? ENTRY : FULL;
   }
   return plain_url(plain, line, length);
}

/* ------------------------------------------------------------------------ files */

static void note_bad(struct bl_read *r, uint64_t number, const char *line, size_t length, const char *reason)
{
   if (r->bad++ == 0) {
      char shown[4 * SHOWN + 8];
      nc_text_terminal(shown, sizeof(shown), line, length < SHOWN ? length : SHOWN);
      r->first_bad = number;
      snprintf(r->reason, sizeof(r->reason), "\"%s%s\": %s", shown, length > SHOWN ? "..." : "", reason);
   }
}

static bool read_file(const char *path, enum outcome (*take)(const char *, size_t, void *, const char **),
                      void *to, struct bl_stamp *stamp, struct bl_read *r, char error[BL_ERROR])
{
   struct bl_lines lines;
   const char *line;
   size_t length;
   bool too_long, good = true;
   memset(r, 0, sizeof(*r));
   int fd = bl_open(path, stamp, error);
   if (fd < 0) {
      return false;
   }
   if (!bl_lines_open(&lines, fd)) {
      close(fd);
      snprintf(error, BL_ERROR, "%.400s: out of memory", path);
      return false;
   }
   while (good && bl_lines_next(&lines, &line, &length, &too_long)) {
      const char *reason = "longer than 65536 bytes";
      enum outcome o = too_long ? BAD : take(line, length, to, &reason);
      if (o == BAD) {
         note_bad(r, lines.number, line, length, reason);
      } else if (o == FULL) {
         snprintf(error, BL_ERROR, "%.400s: " NO_MEMORY, path);
         good = false;
      }
      r->entries += o == ENTRY;
   }
   if (good && lines.failed != 0) {
      snprintf(error, BL_ERROR, "%.400s: %s", path, strerror(lines.failed));
      good = false;
   }
   bl_lines_close(&lines);
   close(fd);
   return good;
}

bool bl_read_prefixes(const char *path, struct bl_prefixes *to, struct bl_stamp *stamp,
                      struct bl_read *result, char error[BL_ERROR])
{
   return read_file(path, prefix_line, to, stamp, result, error);
}

bool bl_read_names(const char *path, struct bl_names *to, struct bl_stamp *stamp, struct bl_read *result,
                   char error[BL_ERROR])
{
   return read_file(path, name_line, to, stamp, result, error);
}

bool bl_read_plain(const char *path, enum bl_kind kind, struct bl_prefixes *prefixes, struct bl_names *names,
                   struct bl_stamp *stamp, struct bl_read *result, char error[BL_ERROR])
{
   struct plain plain = {.kind = kind, .prefixes = prefixes, .names = names};
   return read_file(path, plain_line, &plain, stamp, result, error);
}
