/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Capture files, read in pieces that stay in the processor's cache, and decompressed on the way. Not mapped: a file that is
 * cut while it is read must not kill the reader, and the memory in use must not grow with the file.
 */
#include "capture_file.h"
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define PIECE     (256u * 1024)                   /* read at a time */
#define BUFFER    (CAPTURE_MAX_BLOCK + 2 * PIECE) /* a whole block and the piece behind it */
#define ZSTD_SIGN 0xfd2fb528u

struct file_source {
   struct source source;
   const char *name;
   int fd;
   uint8_t *buffer; /* bytes [start, fill) are not yet taken */
   size_t start, fill;
   bool ended; /* nothing more will be added */
   bool detected;
   uint64_t packets;
   uint64_t taken; /* bytes of the capture that were taken; for messages */
#ifdef HAVE_ZSTD
   ZSTD_DStream *zstd;
   uint8_t *compressed;
   ZSTD_inBuffer in;
   bool frame_open; /* a frame has begun and not ended */
#endif
   struct capture_format format;
};

static enum source_state fail(struct file_source *f, enum source_state state, const char *what)
{
   snprintf(f->source.error, sizeof(f->source.error), "%s: %s", f->name, what);
   return state;
}

/* ----------------------------------------------------------------- more bytes */

static ssize_t read_file(struct file_source *f, uint8_t *to, size_t size)
{
   ssize_t n = read(f->fd, to, size);
   if (n > 0) {
      f->source.bytes_done += (uint64_t) n;
   }
   return n;
}

#ifdef HAVE_ZSTD
/* \return bytes added, 0 at the end, -1 with errno, -2 damaged */
static ssize_t read_zstd(struct file_source *f, uint8_t *to, size_t size)
{
   ZSTD_outBuffer out = {.dst = to, .size = size};
   while (out.pos == 0) {
      if (f->in.pos == f->in.size) {
         ssize_t n = read_file(f, f->compressed, PIECE);
         if (n <= 0) {
            return n < 0 ? n : f->frame_open ? -2 : 0;
         }
         f->in = (ZSTD_inBuffer){.src = f->compressed, .size = (size_t) n};
      }
      size_t rc = ZSTD_decompressStream(f->zstd, &out, &f->in);
      if (ZSTD_isError(rc)) {
         return -2;
      }
      f->frame_open = rc != 0;
   }
   return (ssize_t) out.pos;
}
#endif

/* Adds bytes to the buffer. PACKETS: done or at the end. */
static enum source_state fill(struct file_source *f)
{
   if (f->start > 0) {
      memmove(f->buffer, f->buffer + f->start, f->fill - f->start);
      f->fill -= f->start;
      f->start = 0;
   }
   size_t room = BUFFER - f->fill;
   ssize_t n;
#ifdef HAVE_ZSTD
   if (f->zstd != NULL) {
      n = read_zstd(f, f->buffer + f->fill, room);
   } else
#endif
   {
      n = read_file(f, f->buffer + f->fill, room < PIECE ? room : PIECE);
   }
   if (n == -1) {
      return fail(f, errno == EINTR ? SOURCE_INTERRUPTED : SOURCE_FAILED, strerror(errno));
   }
   if (n == -2) {
      return fail(f, SOURCE_DAMAGED, "the compressed data is damaged or cut off");
   }
   f->ended = n == 0;
   f->fill += (size_t) n;
   return SOURCE_PACKETS;
}

/* -------------------------------------------------------------------- packets */

static enum source_state detect(struct file_source *f)
{
   while (!f->detected) {
      size_t size = f->fill - f->start;
      int64_t n = capture_format_detect(&f->format, f->buffer + f->start, size);
      if (n < 0) {
         return fail(f, SOURCE_FAILED, f->format.error);
      }
      if (n > 0) {
         f->start += n == CAPTURE_NO_HEADER ? 0 : (size_t) n;
         f->taken = f->start;
         f->detected = true;
      } else if (f->ended) {
         return fail(f, SOURCE_FAILED,
                     size == 0 ? "the file is empty: expected a pcap or pcapng capture"
                               : "the file is too short for the header of a capture");
      } else {
         enum source_state state = fill(f);
         if (state != SOURCE_PACKETS) {
            return state;
         }
      }
   }
   return SOURCE_PACKETS;
}

static enum source_state damaged(struct file_source *f, const char *what)
{
   char text[CAPTURE_ERROR_SIZE + 128];
   snprintf(text, sizeof(text), "damaged behind packet %llu, at byte %llu: %s",
            (unsigned long long) f->packets, (unsigned long long) f->taken, what);
   return fail(f, SOURCE_DAMAGED, text);
}

/* Packets that are whole in the buffer. */
static unsigned take(struct file_source *f, struct raw_packet *packets, unsigned max, int64_t *last)
{
   unsigned count = 0;
   while (count < max) {
      bool found = false;
      int64_t n =
          f->format.next(&f->format, f->buffer + f->start, f->fill - f->start, &packets[count], &found);
      if (n <= 0) {
         *last = n;
         return count;
      }
      f->start += (size_t) n;
      f->taken += (uint64_t) n;
      count += found;
   }
   *last = 1;
   return count;
}

static enum source_state file_read(struct source *s, struct raw_packet *packets, unsigned max,
                                   unsigned *count)
{
   struct file_source *f = (struct file_source *) s;
   enum source_state state = f->detected ? SOURCE_PACKETS : detect(f);
   *count = 0;
   while (state == SOURCE_PACKETS) {
      int64_t last = 0;
      *count = take(f, packets, max, &last);
      f->packets += *count;
      if (*count > 0) { /* the reason why there are no more shows at the next call */
         return SOURCE_PACKETS;
      }
      if (last < 0) {
         return damaged(f, f->format.error);
      }
      if (f->ended) {
         return f->start == f->fill ? SOURCE_END : damaged(f, "the file ends inside a packet");
      }
      state = fill(f);
   }
   return state;
}

/* ----------------------------------------------------------------- open, close */

static void file_close(struct source *s)
{
   struct file_source *f = (struct file_source *) s;
   free(f->buffer);
#ifdef HAVE_ZSTD
   ZSTD_freeDStream(f->zstd);
   free(f->compressed);
#endif
   if (f->fd > STDIN_FILENO) {
      close(f->fd);
   }
   free(f);
}

static bool is_zstd(const struct file_source *f)
{
   uint32_t sign = 0;
   memcpy(&sign, f->buffer + f->start, f->fill - f->start >= 4 ? 4 : 0);
   return sign == ZSTD_SIGN;
}

/* What was read so far becomes the first compressed piece. */
static bool begin_zstd(struct file_source *f)
{
#ifdef HAVE_ZSTD
   f->zstd = ZSTD_createDStream();
   f->compressed = malloc(PIECE);
   if (f->zstd == NULL || f->compressed == NULL) {
      fail(f, SOURCE_FAILED, "out of memory");
      return false;
   }
   memcpy(f->compressed, f->buffer, f->fill);
   f->in = (ZSTD_inBuffer){.src = f->compressed, .size = f->fill};
   f->fill = 0;
   f->ended = false;
   return true;
#else
   fail(f, SOURCE_FAILED, "the file is compressed with zstd, which this build does not support");
   return false;
#endif
}

static bool begin(struct file_source *f)
{
   struct stat st;
   if (fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode)) {
      f->source.bytes_total = (uint64_t) st.st_size;
      posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
   }
   f->buffer = malloc(BUFFER);
   if (f->buffer == NULL) {
      fail(f, SOURCE_FAILED, "out of memory");
      return false;
   }
   while (f->fill < 4 && !f->ended) {
      if (fill(f) != SOURCE_PACKETS) {
         return false;
      }
   }
   return !is_zstd(f) || begin_zstd(f);
}

struct source *source_open_file(const char *path, char error[SOURCE_ERROR_SIZE])
{
   struct file_source *f = calloc(1, sizeof(*f));
   if (f == NULL) {
      snprintf(error, SOURCE_ERROR_SIZE, "%s: out of memory", path);
      return NULL;
   }
   bool standard_input = strcmp(path, "-") == 0;
   f->name = standard_input ? "standard input" : path;
   f->source.read = file_read;
   f->source.close = file_close;
   f->fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
   if (f->fd < 0) {
      snprintf(error, SOURCE_ERROR_SIZE, "%s: %s", path, strerror(errno));
      free(f);
      return NULL;
   }
   if (!begin(f)) {
      memcpy(error, f->source.error, SOURCE_ERROR_SIZE);
      file_close(&f->source);
      return NULL;
   }
   return &f->source;
}
