/* SPDX-License-Identifier: BSD-3-Clause */
/** Input from capture files (f), one after another. Messages before damage are delivered, then the damage is reported. */
#include "internal.h"
#include "reader.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BLOCK       (16u * 1024 * 1024 + 65536)
#define MAX_EMPTY       (1u << 16) /* blocks without a message in a row; no writer makes any */
#define BEFORE_IT_STAYS "; everything before it was delivered"

struct file_input {
   struct trap_input in;
   char **paths;
   int n_paths, current;
   struct reader *file;
   bool negotiated; /* the current file */
   int failed;      /* code that every further call returns, 0: none */
   const char *why; /* its message */
   uint8_t *block;
   size_t capacity;
   uint8_t end_of_files[2]; /* one message of size 0 */
};

static int fail_input(struct file_input *f, int code)
{
   f->failed = code;
   f->why = ctx_error_message(f->in.ctx);
   return code;
}

/* The file is not what it should be. */
static int fail_damaged(struct file_input *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail_damaged(struct file_input *f, const char *format, ...)
{
   char text[ERRMSG_SIZE];
   va_list ap;
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   return fail_input(f, ctx_error(f->in.ctx, TRAP_E_NEGOTIATION_FAILED, "File %s%s.", f->in.id, text));
}

/* A read gave less than was needed. \param where the part of the file that is incomplete */
static int fail_read(struct file_input *f, const char *where)
{
   unsigned long long offset = (unsigned long long) reader_offset(f->file);
   switch (reader_state(f->file)) {
   case READER_TERMINATED: return TRAP_E_TERMINATED;
   case READER_END:
      return fail_damaged(f, ": it ends at byte %llu, inside %s" BEFORE_IT_STAYS, offset, where);
   case READER_FAILED:
      return fail_input(f, ctx_error(f->in.ctx, TRAP_E_IO_ERROR, "File %s: %s" BEFORE_IT_STAYS ".", f->in.id,
                                     reader_problem(f->file)));
   default: return fail_damaged(f, ": %s" BEFORE_IT_STAYS, reader_problem(f->file));
   }
}

static int file_hello(struct file_input *f)
{
   char why[FORMAT_REASON];
   uint8_t header[8], type;
   uint32_t length;
   size_t n = reader_read(f->file, header, sizeof(header));
   if (n == 0 && reader_state(f->file) == READER_END) {
      return fail_damaged(f, " is empty, expected a trapcap file");
   }
   if (n != sizeof(header)) {
      return fail_read(f, "its header");
   }
   memcpy(&length, header + 4, sizeof(length));
   if (header[0] < TRAP_FMT_RAW || header[0] > TRAP_FMT_JSON || be32toh(length) > HELLO_MAX_SPEC ||
       hello_parse(header, &type, &length, why) != TRAP_E_OK) {
      return fail_damaged(f, " is not a trapcap file (it begins with 0x%02x%02x%02x%02x%02x%02x%02x%02x)",
                          header[0], header[1], header[2], header[3], header[4], header[5], header[6],
                          header[7]);
   }
   char *spec = calloc(1, (size_t) length + 1);
   if (spec == NULL) {
      return fail_input(f, ctx_error(f->in.ctx, TRAP_E_MEMORY, NULL));
   }
   if (reader_read(f->file, spec, length) != length) {
      free(spec);
      return fail_read(f, "its header");
   }
   int rc = input_negotiate(&f->in, type, spec, why);
   f->negotiated = rc == TRAP_E_OK;
   if (rc == TRAP_E_NEGOTIATION_FAILED) {
      return fail_damaged(f, ": %s", why);
   }
   return rc == TRAP_E_OK ? rc : fail_input(f, ctx_error(f->in.ctx, rc, "File %s: %s.", f->in.id, why));
}

static int next_file(struct file_input *f)
{
   reader_close(f->file);
   f->file = NULL;
   atomic_store(&f->in.connected, false);
   f->negotiated = false;
   if (++f->current >= f->n_paths) {
      return TRAP_E_OK;
   }
   f->in.id = f->paths[f->current];
   f->file = reader_open(f->in.id, f->in.ctx->term_fd);
   if (f->file == NULL) {
      int err = errno;
      return fail_input(
          f, ctx_error(f->in.ctx, TRAP_E_IO_ERROR, "Cannot open file %s: %s", f->in.id, strerror(err)));
   }
   atomic_store(&f->in.connected, true);
   return TRAP_E_OK;
}

/* Bytes of whole messages among the first n of a block. */
static uint32_t whole_messages(const uint8_t *block, size_t n)
{
   size_t whole = 0;
   uint16_t be;
   while (n - whole >= sizeof(be)) {
      memcpy(&be, block + whole, sizeof(be));
      if (n - whole - sizeof(be) < be16toh(be)) {
         break;
      }
      whole += sizeof(be) + be16toh(be);
   }
   return (uint32_t) whole;
}

/* A block is not all there. Its whole messages are delivered first; file_fill() fails then. */
static int use_part(struct file_input *f, size_t n, uint32_t *size)
{
   int rc = fail_read(f, "a block");
   *size = f->failed != 0 ? whole_messages(f->block, n) : 0;
   return *size > 0 ? TRAP_E_OK : rc;
}

/* Reads the next block. \return OK with size (0: the file has ended, or the block is empty), else final */
static int next_block(struct file_input *f, uint32_t *size)
{
   uint32_t be;
   size_t n = reader_read(f->file, &be, sizeof(be));
   *size = 0;
   if (n == 0 && reader_state(f->file) == READER_END) {
      return next_file(f);
   }
   if (n != sizeof(be)) {
      return fail_read(f, "the length of a block");
   }
   *size = be32toh(be);
   if (*size > MAX_BLOCK) {
      return fail_damaged(f, ": a block of %u bytes at byte %llu, expected at most %u" BEFORE_IT_STAYS, *size,
                          (unsigned long long) (reader_offset(f->file) - n), MAX_BLOCK);
   }
   if (*size > f->capacity) {
      uint8_t *p = realloc(f->block, *size);
      if (p == NULL) {
         return fail_input(f, ctx_error(f->in.ctx, TRAP_E_MEMORY, NULL));
      }
      f->block = p;
      f->capacity = *size;
   }
   n = reader_read(f->file, f->block, *size);
   return n == *size ? TRAP_E_OK : use_part(f, n, size);
}

static int file_fill(struct trap_input *in)
{
   struct file_input *f = (struct file_input *) in;
   uint32_t empty = 0;
   while (f->failed == 0) {
      uint32_t size = 0;
      if (atomic_load_explicit(&in->ctx->terminated, memory_order_relaxed)) {
         return TRAP_E_TERMINATED;
      }
      if (f->file == NULL) {
         in->pos = f->end_of_files;
         in->end = f->end_of_files + 2;
         return TRAP_E_OK;
      }
      int rc = f->negotiated ? TRAP_E_OK : file_hello(f);
      rc = rc == TRAP_E_OK ? next_block(f, &size) : rc;
      if (rc != TRAP_E_OK) {
         return rc;
      }
      if (size > 0) {
         count_up(&in->buffers, 1);
         in->pos = f->block;
         in->end = f->block + size;
         return TRAP_E_OK;
      }
      if (++empty > MAX_EMPTY) {
         return fail_damaged(f, ": more than %u empty blocks before byte %llu" BEFORE_IT_STAYS, MAX_EMPTY,
                             f->file != NULL ? (unsigned long long) reader_offset(f->file) : 0);
      }
   }
   return ctx_error(f->in.ctx, f->failed, "%s", f->why);
}

/* The lengths of messages do not add up to that of their block. */
static int file_damaged(struct trap_input *in)
{
   struct file_input *f = (struct file_input *) in;
   return fail_damaged(
       f, ": a message reaches beyond the end of the block that ends at byte %llu" BEFORE_IT_STAYS,
       (unsigned long long) reader_offset(f->file));
}

static void file_input_destroy(struct trap_input *in)
{
   struct file_input *f = (struct file_input *) in;
   reader_close(f->file);
   paths_free(f->paths, f->n_paths);
   free(f->block);
   free(f);
}

static void file_input_dump(const struct trap_input *in, FILE *file)
{
   dump_file(file, in->id, "r", in->ctx);
}

static const struct input_ops file_input_ops = {
    .fill = file_fill,
    .damaged = file_damaged,
    .destroy = file_input_destroy,
    .dump = file_input_dump,
};

int input_file_create(struct trap_context *ctx, const char *params, struct trap_input **in)
{
   struct file_input *f = calloc(1, sizeof(*f));
   if (f == NULL) {
      return ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   f->in.ops = &file_input_ops;
   f->in.seq = UINT64_MAX; /* files number from 0 */
   f->in.retry_at = -1;
   f->n_paths = paths_expand(params, true, &f->paths);
   if (f->n_paths < 1 || *params == 0) {
      file_input_destroy(&f->in);
      return ctx_error(ctx, TRAP_E_BADPARAMS, "FILE INPUT IFC: missing file name.");
   }
   f->in.id = f->paths[0];
   f->file = reader_open(f->paths[0], ctx->term_fd);
   if (f->file == NULL) {
      int rc = ctx_error(ctx, TRAP_E_BADPARAMS, "FILE INPUT IFC: unable to open file: %s: %s", f->paths[0],
                         errno == ENOTSUP ? "it is compressed, and this libtrap was built without libzstd"
                                          : strerror(errno));
      file_input_destroy(&f->in);
      return rc;
   }
   atomic_store(&f->in.connected, true);
   *in = &f->in;
   return TRAP_E_OK;
}
