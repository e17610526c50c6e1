/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Capture files, read in pieces that stay in the processor's cache, and decompressed on the way. Not mapped: a file that is
 * cut while it is read must not kill the reader, and the memory in use must not grow with the file.
 *
 * All open files share one limit of memory. What a file takes beyond its first buffer is decided by the file: the window of its
 * zstd frames (up to gigabytes) and the size of its pcapng blocks.
 */
#include "capture_file.h"
#include "decoder.h"
#include "memory_limit.h"
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PIECE        (64u * 1024) /* read at a time: it stays in the nearest cache but one, beside the flows */
#define FIRST_BUFFER (8 * PIECE)  /* enough for any packet and the piece after it */
#define LAST_BUFFER  (CAPTURE_MAX_BLOCK + 2 * PIECE) /* a whole block and the piece after it */
#define WAIT_MS      200 /* for a writer of a FIFO, after which control returns to the caller */
#define MAX_FILLS    256 /* reads without a packet before control returns to the caller, which may have to end */

struct file_source {
   struct source source;
   const char *name;
   int fd;
   uint8_t *buffer; /* size bytes, of which [start, fill) are not yet taken */
   size_t size, start, fill;
   size_t memory; /* bytes taken of the limit */
   bool fifo;     /* opened without waiting for a writer */
   bool ended;    /* end of file, or an error: see state */
   bool sniffed, detected;
   uint64_t packets;
   uint64_t taken;          /* bytes of the capture that were taken; for messages */
   struct decoder *decoder; /* NULL: not compressed */
   uint8_t *compressed;     /* PIECE bytes, of which in are not yet taken */
   struct decoder_input in;
   struct capture_format format;
};

static enum source_state fail(struct file_source *f, enum source_state state, const char *what)
{
   snprintf(f->source.error, sizeof(f->source.error), "%s: %s", f->name, what);
   return state;
}

static enum source_state damaged(struct file_source *f, const char *what)
{
   char text[CAPTURE_ERROR_SIZE + 128];
   snprintf(text, sizeof(text), "damaged after packet %llu, at byte %llu: %s",
            (unsigned long long) f->packets, (unsigned long long) f->taken, what);
   return fail(f, SOURCE_DAMAGED, text);
}

/* Sets the memory that the file uses. \return false if that exceeds the limit */
static bool take_memory(struct file_source *f, size_t size, const char *what)
{
   if (size <= f->memory) {
      return true;
   }
   uint64_t others = 0;
   if (capture_memory_take(size - f->memory, &others)) {
      f->memory = size;
      return true;
   }
   char text[CAPTURE_ERROR_SIZE];
   snprintf(text, sizeof(text),
            "%s needs %zu MiB of memory, other open captures have %llu MiB of the limit of %llu MiB "
            "(capture-memory)",
            what, (size + (1u << 20) - 1) >> 20, (unsigned long long) ((others - f->memory) >> 20),
            (unsigned long long) (capture_memory_limit() >> 20));
   fail(f, SOURCE_FAILED, text);
   return false;
}

/* ----------------------------------------------------------------- more bytes */

static ssize_t read_file(struct file_source *f, uint8_t *to, size_t size)
{
   ssize_t n = read(f->fd, to, size);
   /* Nobody may have opened its other end yet: waiting is done here, where a signal ends it. */
   if (f->fifo && ((n == 0 && f->source.bytes_done == 0) || (n < 0 && errno == EAGAIN))) {
      struct pollfd p = {.fd = f->fd, .events = POLLIN};
      if (poll(&p, 1, WAIT_MS) == 1 && p.revents == POLLHUP) {
         return 0; /* somebody had, and wrote nothing */
      }
      errno = EINTR;
      return -1;
   }
   if (n > 0) {
      f->source.bytes_done += (uint64_t) n;
   }
   return n;
}

static bool take_decoder_memory(struct file_source *f)
{
   return take_memory(f, f->size + PIECE + f->decoder->memory(f->decoder), f->decoder->memory_name);
}

/* One piece of compressed bytes at most. \return bytes added, 0: none of this piece, or the end; -1: see state */
static ssize_t read_compressed(struct file_source *f, uint8_t *to, size_t size, enum source_state *state)
{
   struct decoder *d = f->decoder;
   size_t added = 0;
   if (f->in.n == 0 && !d->held) {
      ssize_t n = read_file(f, f->compressed, PIECE);
      if (n < 0) {
         return n;
      }
      if (n == 0 && d->open) {
         *state = damaged(f, "truncated compressed data");
         return -1;
      }
      f->ended = n == 0;
      f->in = (struct decoder_input){.p = f->compressed, .n = (size_t) n};
   }
   if (f->ended) {
      return 0;
   }
   enum decoder_state result = d->step(d, &f->in, to, size, &added);
   if (result != DECODER_OK) {
      *state = result == DECODER_DAMAGED ? damaged(f, d->error) : fail(f, SOURCE_FAILED, d->error);
      return -1;
   }
   if (!take_decoder_memory(f)) {
      *state = SOURCE_FAILED;
      return -1;
   }
   return (ssize_t) added;
}

/* Makes room for a piece after the data in the buffer. */
static bool make_room(struct file_source *f)
{
   if (f->start > 0) {
      memmove(f->buffer, f->buffer + f->start, f->fill - f->start);
      f->fill -= f->start;
      f->start = 0;
   }
   if (f->size - f->fill >= PIECE) {
      return true;
   }
   size_t size = 2 * f->size < LAST_BUFFER ? 2 * f->size : LAST_BUFFER;
   if (!take_memory(f, f->memory + size - f->size, "a block")) {
      return false;
   }
   uint8_t *larger = realloc(f->buffer, size);
   if (larger == NULL) {
      fail(f, SOURCE_FAILED, "out of memory");
      return false;
   }
   f->buffer = larger;
   f->size = size;
   return true;
}

/* Adds up to a piece of bytes to the buffer. PACKETS: done, or at the end. */
static enum source_state fill(struct file_source *f)
{
   enum source_state state = SOURCE_PACKETS;
   ssize_t n;
   if (!make_room(f)) {
      return SOURCE_FAILED;
   }
   if (f->decoder != NULL) {
      n = read_compressed(f, f->buffer + f->fill, PIECE, &state);
   } else {
      n = read_file(f, f->buffer + f->fill, PIECE);
      f->ended = n == 0;
   }
   if (n < 0) {
      return state != SOURCE_PACKETS
                 ? state
                 : fail(f, errno == EINTR ? SOURCE_INTERRUPTED : SOURCE_FAILED, strerror(errno));
   }
   f->fill += (size_t) n;
   return SOURCE_PACKETS;
}

/* --------------------------------------------------------------------- formats */

/* The bytes read so far become the first compressed piece. */
static bool begin_decoder(struct file_source *f)
{
   char error[DECODER_ERROR];
   f->decoder = decoder_new(f->buffer, f->fill, capture_memory_limit(), error);
   f->compressed = f->decoder != NULL ? malloc(PIECE) : NULL;
   if (f->compressed == NULL) {
      fail(f, SOURCE_FAILED, f->decoder == NULL ? error : "out of memory");
      return false;
   }
   memcpy(f->compressed, f->buffer, f->fill);
   f->in = (struct decoder_input){.p = f->compressed, .n = f->fill};
   f->fill = 0;
   f->ended = false;
   return take_decoder_memory(f);
}

/* \return PACKETS: known to be compressed or not */
static enum source_state sniff(struct file_source *f)
{
   while (f->fill < DECODER_HEAD && !f->ended) {
      enum source_state state = fill(f);
      if (state != SOURCE_PACKETS) {
         return state;
      }
   }
   f->sniffed = true;
   return decoder_name(f->buffer, f->fill) == NULL || begin_decoder(f) ? SOURCE_PACKETS : SOURCE_FAILED;
}

/* -------------------------------------------------------------------- packets */

static enum source_state detect(struct file_source *f)
{
   if (!f->sniffed) {
      enum source_state state = sniff(f);
      if (state != SOURCE_PACKETS) {
         return state;
      }
   }
   for (unsigned fills = 0; !f->detected; fills++) {
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
                     size == 0 ? "empty file (expected pcap or pcapng)"
                               : "truncated file header (expected pcap or pcapng)");
      } else {
         enum source_state state = fills < MAX_FILLS ? fill(f) : SOURCE_INTERRUPTED;
         if (state != SOURCE_PACKETS) {
            return state;
         }
      }
   }
   return SOURCE_PACKETS;
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
   for (unsigned fills = 0; state == SOURCE_PACKETS; fills++) {
      int64_t last = 0;
      *count = take(f, packets, max, &last);
      s->clamped = f->format.clamped;
      f->packets += *count;
      if (*count > 0) { /* the next call returns the reason why there are no more */
         return SOURCE_PACKETS;
      }
      if (last < 0) {
         return damaged(f, f->format.error);
      }
      if (f->ended) {
         return f->start == f->fill && f->format.skip == 0 ? SOURCE_END : damaged(f, "truncated packet");
      }
      state = fills < MAX_FILLS ? fill(f) : SOURCE_INTERRUPTED;
   }
   return state;
}

/* ----------------------------------------------------------------- open, close */

static void file_close(struct source *s)
{
   struct file_source *f = (struct file_source *) s;
   free(f->buffer);
   if (f->decoder != NULL) {
      f->decoder->free(f->decoder);
   }
   free(f->compressed);
   if (f->fd > STDIN_FILENO) {
      close(f->fd);
   }
   capture_memory_give(f->memory);
   free(f);
}

static bool begin(struct file_source *f)
{
   struct stat st;
   if (fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode)) {
      f->source.bytes_total = (uint64_t) st.st_size;
      posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
   }
   if (!take_memory(f, FIRST_BUFFER, "the buffer")) {
      return false;
   }
   f->size = FIRST_BUFFER;
   f->buffer = malloc(FIRST_BUFFER);
   if (f->buffer == NULL) {
      fail(f, SOURCE_FAILED, "out of memory");
      return false;
   }
   return true;
}

/* A FIFO with a name in a directory, not a pipe in /dev/fd. */
static bool is_fifo(const char *path)
{
   struct stat st;
   struct statfs fs;
   return stat(path, &st) == 0 && S_ISFIFO(st.st_mode) && statfs(path, &fs) == 0 && fs.f_type != PIPEFS_MAGIC;
}

struct source *source_open_file(const char *path, char error[SOURCE_ERROR_SIZE])
{
   struct file_source *f = calloc(1, sizeof(*f));
   if (f == NULL) {
      snprintf(error, SOURCE_ERROR_SIZE, "%s: out of memory", path);
      return NULL;
   }
   bool standard_input = strcmp(path, "-") == 0;
   f->fifo = !standard_input && is_fifo(path);
   f->name = standard_input ? "standard input" : path;
   f->source.read = file_read;
   f->source.close = file_close;
   f->fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | (f->fifo ? O_NONBLOCK : 0));
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
