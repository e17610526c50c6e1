/* SPDX-License-Identifier: BSD-3-Clause */
#include "reader.h"
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

#define PIECE (128u * 1024) /* of the file read at a time */
#define LARGE (PIECE / 4)   /* bytes asked for that are read to where they are wanted, */
#define AHEAD 4096          /* and this many after them into the piece, where the next length is read from */

static const uint8_t zstd_magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

struct reader {
   int fd, stop_fd;
   enum reader_state state;
   uint64_t offset; /* bytes handed out */
   uint64_t taken;  /* bytes read from the file */
   bool file_ended;
   size_t pos, filled; /* bytes of piece not yet used */
#ifdef HAVE_ZSTD
   ZSTD_DStream *zstd; /* NULL: not compressed */
   bool in_frame, bad_checksum;
   uint64_t frame; /* where it begins in the file */
#endif
   char problem[256];
   uint8_t piece[PIECE];
};

/* Waits for data where there may be none yet (pipes). \return false: the reader was stopped */
static bool wait_for_data(struct reader *r)
{
   struct pollfd fds[2] = {{.fd = r->stop_fd, .events = POLLIN}, {.fd = r->fd, .events = POLLIN}};
   int rc;
   do {
      rc = poll(fds, 2, -1);
   } while (rc < 0 && errno == EINTR);
   return rc < 0 || fds[0].revents == 0; /* an error of poll() is left for read() to find */
}

/* Reads what comes next into parts. \return bytes; 0: nothing, and file_ended or the state says why */
static size_t read_parts(struct reader *r, const struct iovec *parts, int count)
{
   ssize_t n;
   do {
      if (!wait_for_data(r)) {
         r->state = READER_TERMINATED;
         return 0;
      }
      n = readv(r->fd, parts, count);
   } while (n < 0 && (errno == EINTR || errno == EAGAIN));
   if (n < 0) {
      r->state = READER_FAILED;
      snprintf(r->problem, sizeof(r->problem), "reading at byte %llu failed: %s",
               (unsigned long long) r->taken, strerror(errno));
      return 0;
   }
   r->file_ended = n == 0;
   r->taken += (uint64_t) n;
   return (size_t) n;
}

/* Reads the next piece into what is free of it. */
static void fill_piece(struct reader *r)
{
   struct iovec free_part = {r->piece + r->filled, sizeof(r->piece) - r->filled};
   r->filled += read_parts(r, &free_part, 1);
}

static void refill(struct reader *r)
{
   r->pos = r->filled = 0;
   if (!r->file_ended) {
      fill_piece(r);
   }
}

/* Looks at the first bytes. \return 0 or an errno */
static int detect(struct reader *r)
{
   while (r->filled < sizeof(zstd_magic) && !r->file_ended && r->state == READER_OPEN) {
      fill_piece(r);
   }
   if (r->filled < sizeof(zstd_magic) || memcmp(r->piece, zstd_magic, sizeof(zstd_magic)) != 0) {
      return 0;
   }
#ifdef HAVE_ZSTD
   r->zstd = ZSTD_createDStream();
   return r->zstd != NULL &&
                  !ZSTD_isError(ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, READER_WINDOW_LOG))
              ? 0
              : ENOMEM;
#else
   return ENOTSUP;
#endif
}

struct reader *reader_open(const char *path, int stop_fd)
{
   struct reader *r = calloc(1, sizeof(*r));
   if (r == NULL) {
      return NULL;
   }
   r->stop_fd = stop_fd;
   r->fd = open(path, O_RDONLY | O_CLOEXEC);
   int err = r->fd < 0 ? errno : detect(r);
   if (err != 0) {
      reader_close(r);
      errno = err;
      return NULL;
   }
   return r;
}

void reader_close(struct reader *r)
{
   if (r != NULL) {
      if (r->fd >= 0) {
         close(r->fd);
      }
#ifdef HAVE_ZSTD
      ZSTD_freeDStream(r->zstd);
#endif
      free(r);
   }
}

/* Reads past the piece, which is used up. \return bytes written to to */
static size_t read_directly(struct reader *r, uint8_t *to, size_t size)
{
   struct iovec parts[2] = {{to, size}, {r->piece, AHEAD}};
   size_t n = read_parts(r, parts, 2);
   r->pos = 0;
   r->filled = n > size ? n - size : 0;
   return n - r->filled;
}

static size_t read_plain(struct reader *r, uint8_t *to, size_t size)
{
   size_t got = 0;
   while (got < size) {
      if (r->pos == r->filled) {
         size_t direct = 0;
         if (size - got >= LARGE && !r->file_ended) {
            direct = read_directly(r, to + got, size - got);
            got += direct;
         } else {
            refill(r);
         }
         if (direct == 0 && r->filled == 0) {
            r->state = r->state == READER_OPEN ? READER_END : r->state;
            break;
         }
      }
      size_t n = r->filled - r->pos;
      n = n < size - got ? n : size - got;
      memcpy(to + got, r->piece + r->pos, n);
      r->pos += n;
      got += n;
   }
   return got;
}

#ifdef HAVE_ZSTD
static void bad_frame(struct reader *r, const char *what)
{
   r->state = READER_DAMAGED;
   snprintf(r->problem, sizeof(r->problem), "the zstd frame at byte %llu %s", (unsigned long long) r->frame,
            what);
}

/* One step of decompression. \return false: it got no further, or failed, which the state says */
static bool decompress(struct reader *r, ZSTD_outBuffer *out)
{
   if (r->pos == r->filled) {
      refill(r);
      if (r->state != READER_OPEN) {
         return false;
      }
   }
   if (!r->in_frame && r->pos < r->filled) {
      r->in_frame = true;
      r->frame = r->taken - (r->filled - r->pos);
   }
   ZSTD_inBuffer in = {.src = r->piece, .size = r->filled, .pos = r->pos};
   size_t before = out->pos, rc = ZSTD_decompressStream(r->zstd, out, &in);
   bool further = out->pos > before || in.pos > r->pos;
   r->pos = in.pos;
   if (ZSTD_isError(rc)) {
      ZSTD_ErrorCode code = ZSTD_getErrorCode(rc);
      r->bad_checksum = code == ZSTD_error_checksum_wrong;
      bad_frame(r, r->bad_checksum                                    ? "has a wrong checksum"
                   : code == ZSTD_error_frameParameter_windowTooLarge ? "needs a window of more than 8 MiB"
                                                                      : "is damaged");
      return false;
   }
   r->in_frame = r->in_frame && rc != 0;
   return further;
}

static size_t read_zstd(struct reader *r, uint8_t *to, size_t size)
{
   ZSTD_outBuffer out = {.dst = to, .size = size};
   while (out.pos < size && r->state == READER_OPEN) {
      /* At the end of the file, the decompressor may still have data. */
      if (decompress(r, &out) || r->state != READER_OPEN || !r->file_ended) {
         continue;
      }
      if (r->in_frame) {
         bad_frame(r, "is cut: the file ends inside of it");
      } else {
         r->state = READER_END;
      }
   }
   /* The checksum follows the last byte of a frame. Where that has been read, look at it before the bytes are
    * used; otherwise there is no room for more, and this ends at once. */
   while (r->state == READER_OPEN && r->in_frame && decompress(r, &out)) {
   }
   return r->bad_checksum ? 0 : out.pos;
}
#endif

size_t reader_read(struct reader *r, void *to, size_t size)
{
   if (r->state != READER_OPEN) {
      return 0;
   }
#ifdef HAVE_ZSTD
   size_t n = r->zstd != NULL ? read_zstd(r, to, size) : read_plain(r, to, size);
#else
   size_t n = read_plain(r, to, size);
#endif
   r->offset += n;
   return n;
}

enum reader_state reader_state(const struct reader *r)
{
   return r->state;
}

const char *reader_problem(const struct reader *r)
{
   return r->problem;
}

uint64_t reader_offset(const struct reader *r)
{
   return r->offset;
}
