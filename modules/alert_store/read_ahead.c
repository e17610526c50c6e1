/* SPDX-License-Identifier: BSD-3-Clause */
#include "read_ahead.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define LEVELS   12 /* of a tree; four are enough for a hundred million events */
#define INTERIOR 0x05
#define LEAF     0x0d
#define HEADER   12 /* bytes of an interior page before the pointers to its cells */

struct tree {
   int fd;
   uint32_t page_size;
   uint8_t *pages;           /* the interior page of each level that was read last */
   uint32_t numbers[LEVELS]; /* its number; 0: none */
};

static uint32_t big_endian(const uint8_t *from, unsigned bytes)
{
   uint32_t n = 0;
   for (unsigned i = 0; i < bytes; i++) {
      n = n << 8 | from[i];
   }
   return n;
}

/* A varint of SQLite: seven bits in a byte, the highest first; the ninth byte has eight. \return false: it is longer than size */
static bool read_varint(const uint8_t *from, size_t size, int64_t *value)
{
   uint64_t n = 0;
   for (size_t i = 0; i < size; i++) {
      if (i == 8) {
         *value = (int64_t) (n << 8 | from[i]);
         return true;
      }
      n = n << 7 | (from[i] & 0x7f);
      if ((from[i] & 0x80) == 0) {
         *value = (int64_t) n;
         return true;
      }
   }
   return false;
}

/* Cell i of an interior page: the page below it, and the greatest row in that. \return the page; 0: damaged */
static uint32_t read_cell(const uint8_t *page, uint32_t size, uint32_t i, int64_t *row)
{
   uint32_t at = big_endian(page + HEADER + 2 * (size_t) i, 2);
   return at + 4 < size && read_varint(page + at + 4, size - at - 4, row) ? big_endian(page + at, 4) : 0;
}

/* The page below an interior page in which a row is. \return 0: damaged */
static uint32_t child_of(const uint8_t *page, uint32_t size, int64_t row)
{
   uint32_t low = 0, cells = big_endian(page + 3, 2), high = cells;
   int64_t greatest;
   if (HEADER + 2 * (size_t) cells > size) {
      return 0;
   }
   while (low < high) {
      uint32_t middle = (low + high) / 2;
      if (read_cell(page, size, middle, &greatest) == 0) {
         return 0;
      }
      if (greatest >= row) {
         high = middle;
      } else {
         low = middle + 1;
      }
   }
   return low < cells ? read_cell(page, size, low, &greatest) : big_endian(page + 8, 4);
}

/* Reads a page to the place of a level. */
static const uint8_t *read_page(struct tree *t, unsigned level, uint32_t number)
{
   uint8_t *page = t->pages + (size_t) level * t->page_size;
   if (t->numbers[level] != number) {
      t->numbers[level] = 0;
      if (number == 0 ||
          pread(t->fd, page, t->page_size, (off_t) (number - 1) * t->page_size) != (ssize_t) t->page_size) {
         return NULL;
      }
      t->numbers[level] = number;
   }
   return page;
}

/* The leaf in which a row is. All leaves are on the same level, so that only the first one must be read to know it.
 * \param[in,out] depth level of the leaves; 0: not known yet \return 0: it is not known */
static uint32_t leaf_of(struct tree *t, uint32_t root, int64_t row, unsigned *depth)
{
   uint32_t number = root;
   for (unsigned level = 0; level < LEVELS; level++) {
      if (level > 0 && level == *depth) {
         return number;
      }
      const uint8_t *page = read_page(t, level, number);
      if (page == NULL || page[0] != INTERIOR) {
         bool leaf = page != NULL && page[0] == LEAF;
         *depth = leaf ? level : *depth;
         return leaf ? number : 0;
      }
      number = child_of(page, t->page_size, row);
      if (number == 0) {
         return 0;
      }
   }
   return 0;
}

unsigned read_ahead(int fd, uint32_t page_size, uint32_t root, const int64_t *rows, unsigned n)
{
   struct tree t = {.fd = fd, .page_size = page_size};
   unsigned depth = 0, asked = 0;
   uint32_t last = 0;
   if (fd < 0 || page_size < 512 || page_size > 65536 ||
       (t.pages = malloc((size_t) LEVELS * page_size)) == NULL) {
      return 0;
   }
   for (unsigned i = 0; i < n; i++) {
      uint32_t leaf = leaf_of(&t, root, rows[i], &depth);
      if (leaf != 0 && leaf != last &&
          posix_fadvise(fd, (off_t) (leaf - 1) * page_size, page_size, POSIX_FADV_WILLNEED) == 0) {
         asked++;
      }
      last = leaf;
   }
   free(t.pages);
   return asked;
}
