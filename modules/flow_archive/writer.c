/* SPDX-License-Identifier: BSD-3-Clause */
#include "writer.h"

#include <endian.h>
#include <errno.h>
#include <libtrap/trap.h>
#include <nemea-common/nc_hash.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LEVEL  1 /* of zstd: half of the size that level 3 saves, at twice its speed */
#define HEADER 4 /* bytes before a block: its length */

struct writer *writer_new(struct store *s, const char *format, bool timed, bool filtered)
{
   struct writer *w = calloc(1, sizeof(*w));
   if (w == NULL) {
      return NULL;
   }
   w->store = s;
   w->fd = -1;
   w->timed = timed;
   w->filtered = filtered;
   w->format = strdup(format);
   w->zstd = ZSTD_createCCtx();
   w->block = malloc(HEADER + WRITER_BLOCK);
   w->packed = malloc(ZSTD_compressBound(HEADER + WRITER_BLOCK));
   if (w->format == NULL || w->zstd == NULL || w->block == NULL || w->packed == NULL ||
       ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1)) ||
       ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL))) {
      writer_free(w);
      return NULL;
   }
   return w;
}

void writer_free(struct writer *w)
{
   if (w != NULL) {
      if (w->fd >= 0) {
         close(w->fd);
      }
      ZSTD_freeCCtx(w->zstd);
      nc_bloom_free(&w->filter);
      free(w->format);
      free(w->block);
      free(w->packed);
      free(w);
   }
}

/* All of the bytes, or the file is as long as before. */
static enum writer_result append(struct writer *w, const uint8_t *data, size_t size)
{
   size_t done = 0;
   while (done < size) {
      ssize_t n = pwrite(w->fd, data + done, size - done, (off_t) (w->size + done));
      if (n < 0 && errno == EINTR) {
         continue;
      }
      if (n <= 0) {
         int error = n < 0 ? errno : EIO;
         if (ftruncate(w->fd, (off_t) w->size) != 0) {
            /* The next part overwrites what is there now. */
         }
         errno = error;
         return WRITER_FAILED;
      }
      done += (size_t) n;
   }
   w->size += size;
   return WRITER_OK;
}

static enum writer_result append_packed(struct writer *w, const uint8_t *data, size_t size)
{
   size_t n = ZSTD_compress2(w->zstd, w->packed, ZSTD_compressBound(HEADER + WRITER_BLOCK), data, size);
   if (ZSTD_isError(n)) {
      errno = ENOMEM;
      return WRITER_FAILED;
   }
   return append(w, w->packed, n);
}

/* The hello of a .trapcap file: kind of data, length of the format, format. */
static enum writer_result begin_file(struct writer *w)
{
   size_t length = strlen(w->format);
   uint32_t be = htobe32((uint32_t) length);
   if (8 + length > HEADER + WRITER_BLOCK) {
      errno = EMSGSIZE;
      return WRITER_FAILED;
   }
   memset(w->block, 0, 8);
   w->block[0] = TRAP_FMT_UNIREC;
   memcpy(w->block + 4, &be, sizeof(be));
   memcpy(w->block + 8, w->format, length);
   return append_packed(w, w->block, 8 + length);
}

enum writer_result writer_open(struct writer *w, uint32_t begin, uint32_t seconds)
{
   uint64_t key[2];
   if (w->fd >= 0) {
      return WRITER_OK;
   }
   if (!store_has_room(w->store)) {
      return WRITER_NO_ROOM;
   }
   nc_bloom_free(&w->filter);
   if (getrandom(key, sizeof(key), 0) != (ssize_t) sizeof(key) ||
       nc_bloom_init(&w->filter, WRITER_FILTER_BLOCKS, key) != 0) {
      return WRITER_FAILED;
   }
   memset(w->recent, 0, sizeof(w->recent));
   w->name = (struct archive_name){.begin = begin, .seconds = seconds};
   w->size = w->records = w->last = w->fill = w->held = 0;
   w->first = UINT64_MAX;
   w->fd = store_create(w->store, &w->name);
   if (w->fd < 0) {
      return WRITER_FAILED;
   }
   enum writer_result rc = begin_file(w);
   if (rc != WRITER_OK) {
      int error = errno;
      close(w->fd);
      w->fd = -1;
      store_remove(w->store, &w->name);
      errno = error;
   }
   return rc;
}

static void add_address(struct writer *w, const void *data)
{
   ip_addr_t ip;
   uint64_t words[2];
   memcpy(&ip, data, sizeof(ip));
   memcpy(words, data, sizeof(words));
   uint64_t hash = nc_hash_words(words, 2) | 1, *recent = &w->recent[hash >> 52];
   if (*recent != hash) {
      *recent = hash;
      archive_filter_add(&w->filter, &ip);
   }
}

void writer_add(struct writer *w, const void *data, uint16_t size, uint64_t first, uint64_t last,
                const void *const *ips, unsigned n_ips)
{
   uint8_t *to = w->block + HEADER + w->fill;
   to[0] = (uint8_t) (size >> 8);
   to[1] = (uint8_t) size;
   memcpy(to + 2, data, size);
   w->fill += 2u + size;
   w->held++;
   w->first = first < w->first ? first : w->first;
   w->last = last > w->last ? last : w->last;
   for (unsigned i = 0; i < n_ips; i++) {
      add_address(w, ips[i]);
   }
}

enum writer_result writer_flush(struct writer *w, uint64_t *lost)
{
   if (w->fill == 0) {
      return WRITER_OK;
   }
   uint32_t be = htobe32(w->fill);
   memcpy(w->block, &be, HEADER);
   enum writer_result rc =
       !store_has_room(w->store) ? WRITER_NO_ROOM : append_packed(w, w->block, HEADER + w->fill);
   if (rc == WRITER_OK) {
      w->records += w->held;
   } else {
      *lost += w->held;
   }
   w->fill = w->held = 0;
   return rc;
}

/* Without its trailer a file is as good, only slower to search. */
static void append_trailer(struct writer *w)
{
   nc_bloom_fold(&w->filter);
   struct archive_footer f = {.first = w->first,
                              .last = w->last,
                              .records = w->records,
                              .flags =
                                  (w->timed ? ARCHIVE_TIMED : 0u) | (w->filtered ? ARCHIVE_FILTERED : 0u)};
   size_t size;
   uint8_t *trailer = archive_trailer_make(&f, &w->filter, &size);
   if (trailer != NULL) {
      (void) append(w, trailer, size);
   }
   free(trailer);
}

enum writer_result writer_complete(struct writer *w, uint64_t *lost)
{
   if (w->fd < 0) {
      return WRITER_OK;
   }
   enum writer_result rc = writer_flush(w, lost);
   int error = errno;
   bool empty = w->records == 0;
   if (!empty) {
      append_trailer(w);
   }
   bool synced = empty || fdatasync(w->fd) == 0;
   if ((close(w->fd) != 0 || !synced) && rc == WRITER_OK) {
      error = errno;
      rc = WRITER_FAILED; /* reported; the file is kept: what could be written is in it */
   }
   w->fd = -1;
   if (empty) {
      store_remove(w->store, &w->name);
   } else if (!store_complete(w->store, &w->name, w->size) && rc == WRITER_OK) {
      error = errno;
      rc = WRITER_FAILED;
   }
   errno = error;
   return rc;
}
