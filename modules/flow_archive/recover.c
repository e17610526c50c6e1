/* SPDX-License-Identifier: BSD-3-Clause */
/** Completes a file that a killed run has left: its whole blocks are kept, what follows them is removed. */
#include "store.h"
#include "writer.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unirec/ur_layout.h>
#include <unistd.h>

#define MAX_HELLO  (1u << 20)
#define BLOCK_ROOM (4 + WRITER_BLOCK)

struct recovery {
   ur_layout_t *layout;
   int ips[WRITER_IPS], n_ips, first, last;
   nc_bloom_t filter;
   struct archive_footer footer;
};

/* One frame. \return its bytes, 0: it is not whole or not of this program */
static size_t next_frame(const uint8_t *data, size_t size, uint8_t *to, size_t room, size_t *length)
{
   size_t n = size > 0 ? ZSTD_findFrameCompressedSize(data, size) : 0;
   if (n == 0 || ZSTD_isError(n) || n > size) {
      return 0;
   }
   *length = ZSTD_decompress(to, room, data, n);
   return ZSTD_isError(*length) ? 0 : n;
}

static int index_of(const ur_layout_t *layout, const char *name, const char *other)
{
   int i = ur_layout_find(layout, name);
   i = i >= 0 ? i : ur_layout_find(layout, other);
   return i >= 0 && ur_layout_type(layout, i) == UR_TYPE_TIME ? i : -1;
}

static bool read_hello(struct recovery *r, const uint8_t *hello, size_t size)
{
   uint32_t be;
   if (size < 8 || hello[0] != TRAP_FMT_UNIREC) {
      return false;
   }
   memcpy(&be, hello + 4, sizeof(be));
   char *format = be32toh(be) == size - 8 ? strndup((const char *) hello + 8, size - 8) : NULL;
   r->layout = format != NULL ? ur_layout_create(format) : NULL;
   free(format);
   if (r->layout == NULL) {
      return false;
   }
   r->first = index_of(r->layout, "TIME_FIRST", "TIME");
   r->last = index_of(r->layout, "TIME_LAST", "TIME");
   r->footer.flags = ARCHIVE_FILTERED | (r->first >= 0 && r->last >= 0 ? ARCHIVE_TIMED : 0u);
   for (int i = 0; i < ur_layout_count(r->layout); i++) {
      if (ur_layout_type(r->layout, i) == UR_TYPE_IP && r->n_ips < WRITER_IPS) {
         r->ips[r->n_ips++] = i;
      } else if (ur_layout_type(r->layout, i) == UR_TYPE_IP || ur_layout_type(r->layout, i) == UR_TYPE_A_IP) {
         r->footer.flags &= ~(uint32_t) ARCHIVE_FILTERED;
      }
   }
   return true;
}

static void read_record(struct recovery *r, const uint8_t *rec)
{
   uint16_t n;
   uint64_t t;
   for (int i = 0; i < r->n_ips; i++) {
      ip_addr_t ip;
      memcpy(&ip, ur_layout_get(r->layout, rec, r->ips[i], &n), sizeof(ip));
      archive_filter_add(&r->filter, &ip);
   }
   if ((r->footer.flags & ARCHIVE_TIMED) != 0) {
      memcpy(&t, ur_layout_get(r->layout, rec, r->first, &n), sizeof(t));
      r->footer.first = t < r->footer.first ? t : r->footer.first;
      memcpy(&t, ur_layout_get(r->layout, rec, r->last, &n), sizeof(t));
      r->footer.last = t > r->footer.last ? t : r->footer.last;
   }
   r->footer.records++;
}

/* \return false: no block that this program has written */
static bool read_block(struct recovery *r, const uint8_t *block, size_t size)
{
   uint32_t be;
   size_t at = sizeof(be);
   if (size < sizeof(be)) {
      return false;
   }
   memcpy(&be, block, sizeof(be));
   if (be32toh(be) != size - sizeof(be)) {
      return false;
   }
   while (size - at >= 2) {
      size_t n = (size_t) block[at] << 8 | block[at + 1];
      at += 2;
      if (n > size - at || !ur_layout_check(r->layout, block + at, (uint32_t) n)) {
         return false;
      }
      read_record(r, block + at);
      at += n;
   }
   return at == size;
}

/* \return bytes of the whole blocks at the begin of the file, 0: not even the hello is there */
static size_t read_blocks(struct recovery *r, const uint8_t *data, size_t size)
{
   uint8_t *to = malloc(8 + MAX_HELLO);
   size_t at = 0, n, length = 0;
   n = to != NULL ? next_frame(data, size, to, 8 + MAX_HELLO, &length) : 0;
   if (n > 0 && read_hello(r, to, length)) {
      at = n;
      while ((n = next_frame(data + at, size - at, to, BLOCK_ROOM, &length)) > 0 &&
             read_block(r, to, length)) {
         at += n;
      }
   }
   free(to);
   return at;
}

static bool append_trailer(int fd, struct recovery *r, uint64_t *size)
{
   size_t n;
   nc_bloom_fold(&r->filter);
   uint8_t *trailer = archive_trailer_make(&r->footer, &r->filter, &n);
   bool good = trailer != NULL && pwrite(fd, trailer, n, (off_t) *size) == (ssize_t) n;
   if (good) {
      *size += n;
   } else if (ftruncate(fd, (off_t) *size) != 0) { /* without a trailer it is only slower to search */
      good = false;
   } else {
      good = true;
   }
   free(trailer);
   return good;
}

bool recover_file(int fd, uint64_t *size, uint64_t *records, uint64_t *cut)
{
   struct recovery r = {.footer = {.first = UINT64_MAX}};
   struct stat st;
   uint64_t key[2];
   if (fstat(fd, &st) != 0) {
      return false;
   }
   *size = (uint64_t) st.st_size;
   if (st.st_size == 0) {
      return false;
   }
   const uint8_t *data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
   if (data == MAP_FAILED) {
      return false;
   }
   bool good = getrandom(key, sizeof(key), 0) == (ssize_t) sizeof(key) &&
               nc_bloom_init(&r.filter, WRITER_FILTER_BLOCKS, key) == 0;
   size_t whole = good ? read_blocks(&r, data, (size_t) st.st_size) : 0;
   munmap((void *) (uintptr_t) data, (size_t) st.st_size);
   if (whole > 0 && r.footer.records > 0) {
      *cut = *size - whole;
      *size = whole;
      *records = r.footer.records;
      good = ftruncate(fd, (off_t) whole) == 0 && append_trailer(fd, &r, size) && fdatasync(fd) == 0;
   } else {
      *size = whole == (size_t) st.st_size ? 0 : *size; /* a header alone */
      good = false;
   }
   nc_bloom_free(&r.filter);
   ur_layout_free(r.layout);
   return good;
}
