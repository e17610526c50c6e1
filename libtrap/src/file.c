/* SPDX-License-Identifier: BSD-3-Clause */
/** Files (f): hello, then blocks of u32be length and messages. Output with rotation, input over several files. */
#include "internal.h"
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define FILE_BLOCK 100000u
#define PACKED_SIZE \
   (FILE_BLOCK + FILE_BLOCK / 8 + 512) /* at least ZSTD_compressBound() of a block or hello piece */
#define MAX_BLOCK (16u * 1024 * 1024 + 65536)

/* ------------------------------------------------------------------- output */

struct file_output {
   struct trap_output out;
   pthread_mutex_t lock;
   pthread_mutex_t name_lock; /* held only while name changes */
   char *pattern;             /* expanded, before strftime */
   char name[PATH_MAX];
   bool append, device, compress;
#ifdef HAVE_ZSTD
   ZSTD_CCtx *zstd;
   uint8_t *packed; /* PACKED_SIZE bytes */
#endif
   int64_t minutes, megabytes;
   int64_t interval; /* start of the current time interval, seconds */
   uint32_t formats; /* formats seen so far */
   uint32_t number;  /* of the next numbered file */
   int fd;
   uint64_t written;
   uint8_t *hello;
   size_t hello_size;
   uint32_t fill;
   uint8_t block[4 + FILE_BLOCK];
};

static void make_directories(char *path)
{
   for (char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
      *p = 0;
      mkdir(path, 0755);
      *p = '/';
   }
}

/* Next file's name: strftime, time suffix, number. \return false when it does not fit */
static bool next_name(struct file_output *f)
{
   char base[PATH_MAX];
   time_t now = time(NULL);
   struct tm tm;
   localtime_r(&now, &tm);
   /* The pattern is the user's own, from the interface specification; strftime() reads no arguments. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
   size_t written = f->device ? 0 : strftime(base, sizeof(base) - 32, f->pattern, &tm);
#pragma GCC diagnostic pop
   if (written == 0) {
      if (strlen(f->pattern) >= sizeof(base) - 32) {
         return false;
      }
      strcpy(base, f->pattern);
   }
   if (f->minutes > 0) {
      int64_t start = now - now % (f->minutes * 60);
      if (start != f->interval) {
         f->interval = start;
         f->number = 0;
      }
      time_t t = (time_t) start;
      localtime_r(&t, &tm);
      strftime(base + strlen(base), 20, ".%Y%m%d%H%M", &tm);
   }
   bool numbered = !f->device && (f->append || f->megabytes > 0 || f->formats > 1);
   if (!numbered) {
      return snprintf(f->name, sizeof(f->name), "%s", base) < (int) sizeof(f->name);
   }
   do {
      if (f->number > UINT16_MAX ||
          snprintf(f->name, sizeof(f->name), "%s.%05u", base, f->number++) >= (int) sizeof(f->name)) {
         return false;
      }
   } while (f->append && access(f->name, F_OK) == 0);
   return true;
}

static int write_all(struct file_output *f, const uint8_t *data, size_t size)
{
   while (size > 0) {
      ssize_t n = write(f->fd, data, size);
      if (n < 0 && errno == EINTR) {
         continue;
      }
      if (n <= 0) {
         return ctx_error(f->out.ctx, TRAP_E_IO_ERROR, "FILE OUTPUT IFC: unable to write to file: %s: %s",
                          f->name, strerror(errno));
      }
      data += n;
      size -= (size_t) n;
      f->written += (uint64_t) n;
   }
   return TRAP_E_OK;
}

/* Hello or block. Each is a zstd frame of its own, so that a file is good up to the last one whatever happens. */
static int write_part(struct file_output *f, const uint8_t *data, size_t size)
{
#ifdef HAVE_ZSTD
   for (size_t done = 0; f->compress && done < size;) {
      size_t piece = size - done < FILE_BLOCK + 4 ? size - done : FILE_BLOCK + 4;
      size_t n = ZSTD_compress2(f->zstd, f->packed, PACKED_SIZE, data + done, piece);
      if (ZSTD_isError(n)) {
         return ctx_error(f->out.ctx, TRAP_E_IO_ERROR, "FILE OUTPUT IFC: unable to compress for file: %s: %s",
                          f->name, ZSTD_getErrorName(n));
      }
      int rc = write_all(f, f->packed, n);
      done += piece;
      if (rc != TRAP_E_OK || done == size) {
         return rc;
      }
   }
#endif
   return write_all(f, data, size);
}

static void close_file(struct file_output *f)
{
   if (f->fd >= 0 && f->fd != STDOUT_FILENO) {
      close(f->fd);
   }
   f->fd = -1;
}

static int open_file(struct file_output *f)
{
   close_file(f);
   pthread_mutex_lock(&f->name_lock);
   bool named = next_name(f);
   pthread_mutex_unlock(&f->name_lock);
   if (!named) {
      return ctx_error(f->out.ctx, TRAP_E_IO_ERROR, "FILE OUTPUT IFC: no name left for '%s'", f->pattern);
   }
   if (f->device) {
      f->fd = STDOUT_FILENO;
   } else {
      make_directories(f->name);
      f->fd = open(f->name, O_WRONLY | O_CREAT | O_CLOEXEC | (f->append ? O_APPEND : O_TRUNC), 0644);
   }
   f->written = 0;
   if (f->fd < 0) {
      return ctx_error(f->out.ctx, TRAP_E_IO_ERROR, "FILE OUTPUT IFC: unable to open file: %s: %s", f->name,
                       strerror(errno));
   }
   return TRAP_E_OK;
}

/* The file that the next block goes to is open and begins with the hello. */
static int prepare_file(struct file_output *f)
{
   bool rotate = f->fd < 0;
   if (!rotate && !f->device) {
      rotate = (f->minutes > 0 && (time(NULL) - f->interval) / 60 >= f->minutes) ||
               (f->megabytes > 0 && f->written >= (uint64_t) f->megabytes << 20);
   }
   if (!rotate) {
      return f->written == 0 ? write_part(f, f->hello, f->hello_size) : TRAP_E_OK;
   }
   int rc = open_file(f);
   return rc == TRAP_E_OK ? write_part(f, f->hello, f->hello_size) : rc;
}

static int write_block(struct file_output *f)
{
   if (f->fill == 0) {
      return TRAP_E_OK;
   }
   int rc = prepare_file(f);
   if (rc == TRAP_E_OK) {
      uint32_t be = __builtin_bswap32(f->fill);
      memcpy(f->block, &be, 4);
      rc = write_part(f, f->block, 4 + (size_t) f->fill);
   }
   if (rc == TRAP_E_OK) {
      atomic_fetch_add(&f->out.buffers, 1);
      f->fill = 0;
   }
   return rc;
}

static int file_send(struct trap_output *out, const void *data, uint16_t size)
{
   struct file_output *f = (struct file_output *) out;
   int rc = TRAP_E_OK;
   if (f->hello == NULL) {
      return output_result(out, TRAP_E_NOT_INITIALIZED);
   }
   pthread_mutex_lock(&f->lock);
   if (f->fill + 2u + size > FILE_BLOCK) {
      rc = write_block(f);
   }
   if (rc == TRAP_E_OK) {
      uint8_t *p = f->block + 4 + f->fill;
      p[0] = (uint8_t) (size >> 8);
      p[1] = (uint8_t) size;
      memcpy(p + 2, data, size);
      f->fill += 2u + size;
      if (!atomic_load_explicit(&out->buffered, memory_order_relaxed)) {
         rc = write_block(f);
      }
   }
   pthread_mutex_unlock(&f->lock);
   return output_result(out, rc);
}

static void file_flush(struct trap_output *out)
{
   struct file_output *f = (struct file_output *) out;
   pthread_mutex_lock(&f->lock);
   if (f->hello != NULL) {
      write_block(f);
   }
   pthread_mutex_unlock(&f->lock);
}

/* What was sent in the old format goes to the old file; the new format gets a file of its own. */
static int file_change_format(struct trap_output *out, uint8_t type, const char *spec)
{
   struct file_output *f = (struct file_output *) out;
   uint8_t *hello;
   size_t size = hello_make(type, spec, &hello);
   if (size == 0) {
      return TRAP_E_MEMORY;
   }
   file_flush(out);
   pthread_mutex_lock(&f->lock);
   free(f->hello);
   f->hello = hello;
   f->hello_size = size;
   f->fill = 0;
   f->formats++;
   if (f->formats > 1 && !f->device) {
      close_file(f);
   }
   pthread_mutex_unlock(&f->lock);
   return TRAP_E_OK;
}

static int file_clients(struct trap_output *out)
{
   return 1;
}

static void file_control(struct trap_output *out)
{
   if (!atomic_load(&out->buffered)) {
      file_flush(out);
   }
}

static void file_output_destroy(struct trap_output *out)
{
   struct file_output *f = (struct file_output *) out;
   file_flush(out);
   if (f->hello != NULL && f->fd >= 0 && f->written == 0) {
      prepare_file(f); /* a capture without messages still tells its format */
   }
   close_file(f);
   pthread_mutex_destroy(&f->lock);
   pthread_mutex_destroy(&f->name_lock);
#ifdef HAVE_ZSTD
   ZSTD_freeCCtx(f->zstd);
   free(f->packed);
#endif
   free(f->pattern);
   free(f->hello);
   free(f);
}

static void dump_file(FILE *file, const char *name, const char *mode, const struct trap_context *ctx)
{
   fprintf(file, "Filename: %s\nMode: %s\nTerminated status: %d\n", name, mode,
           (int) atomic_load(&ctx->terminated));
}

static void file_output_dump(struct trap_output *out, FILE *file)
{
   const struct file_output *f = (const struct file_output *) out;
   dump_file(file, f->name, f->append ? "a" : "w", out->ctx);
}

static const struct output_ops file_output_ops = {
    .send = file_send,
    .flush = file_flush,
    .change_format = file_change_format,
    .clients = file_clients,
    .control = file_control,
    .destroy = file_output_destroy,
    .dump = file_output_dump,
};

static void parse_file_param(struct file_output *f, const char *p)
{
   char *end;
   if (strcmp(p, "a") == 0) {
      f->append = true;
   } else if (strncmp(p, "time=", 5) == 0) {
      f->minutes = strtol(p + 5, &end, 10);
   } else if (strncmp(p, "size=", 5) == 0) {
      f->megabytes = strtol(p + 5, &end, 10);
   } else if (strcmp(p, "compress=zstd") == 0) {
      f->compress = true;
   } else if (strcmp(p, "w") != 0 && *p != 0) {
      LOG_WARNING("File parameter \"%s\" ignored: expected a, w, time=MINUTES, size=MB or compress=zstd.", p);
   }
}

static int start_compression(struct trap_context *ctx, struct file_output *f)
{
   if (!f->compress) {
      return TRAP_E_OK;
   }
#ifdef HAVE_ZSTD
   f->zstd = ZSTD_createCCtx();
   f->packed = malloc(PACKED_SIZE);
   return f->zstd != NULL && f->packed != NULL ? TRAP_E_OK : ctx_error(ctx, TRAP_E_MEMORY, NULL);
#else
   return ctx_error(
       ctx, TRAP_E_BADPARAMS,
       "FILE OUTPUT IFC: compress=zstd is not possible: this libtrap was built without libzstd.");
#endif
}

static int parse_file_output(struct trap_context *ctx, struct file_output *f, const char *params)
{
   char *path = NULL, **expanded;
   const char *rest = trap_get_param_by_delimiter(params, &path, ':');
   if (path == NULL || *path == 0) {
      free(path);
      return ctx_error(ctx, TRAP_E_BADPARAMS, "FILE OUTPUT IFC: missing file name.");
   }
   f->device = strncmp(path, "/dev/stdout", 11) == 0;
   int n = paths_expand(path, false, &expanded);
   free(path);
   if (n < 1) {
      return ctx_error(ctx, TRAP_E_BADPARAMS, "FILE OUTPUT IFC: bad file name in '%s'.", params);
   }
   f->pattern = strdup(expanded[0]);
   paths_free(expanded, n);
   while (rest != NULL && !f->device) {
      char *param = NULL;
      rest = trap_get_param_by_delimiter(rest, &param, ':');
      if (param != NULL) {
         parse_file_param(f, param);
      }
      free(param);
   }
   return f->pattern != NULL ? start_compression(ctx, f) : ctx_error(ctx, TRAP_E_MEMORY, NULL);
}

int output_file_create(struct trap_context *ctx, const char *params, struct trap_output **out)
{
   struct file_output *f = calloc(1, sizeof(*f));
   if (f == NULL) {
      return ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   pthread_mutex_init(&f->lock, NULL);
   pthread_mutex_init(&f->name_lock, NULL);
   f->out.id_lock = &f->name_lock;
   f->fd = -1;
   f->interval = -1;
   f->out.ops = &file_output_ops;
   f->out.ctx = ctx;
   int rc = parse_file_output(ctx, f, params);
   if (rc == TRAP_E_OK) {
      rc = open_file(f);
   }
   if (rc != TRAP_E_OK) {
      file_output_destroy(&f->out);
      return rc;
   }
   f->out.id = f->name;
   *out = &f->out;
   return TRAP_E_OK;
}

/* -------------------------------------------------------------------- input */

struct file_input {
   struct trap_input in;
   char **paths;
   int n_paths, current;
   struct reader *file;
   bool negotiated; /* the current file */
   int failed;      /* code that every further call returns, 0: none */
   uint8_t *block;
   size_t capacity;
};

static const uint8_t end_of_files[2]; /* one message of size 0 */

static int fail_input(struct file_input *f, int code)
{
   f->failed = code;
   return code;
}

static int file_hello(struct file_input *f)
{
   uint8_t header[8], type;
   uint32_t length;
   if (reader_read(f->file, header, sizeof(header)) != sizeof(header) ||
       hello_parse(header, &type, &length) != TRAP_E_OK || type == TRAP_FMT_UNKNOWN) {
      LOG_ERROR("File %s does not begin with a valid format header.", f->in.id);
      return fail_input(f, TRAP_E_NEGOTIATION_FAILED);
   }
   char *spec = calloc(1, (size_t) length + 1);
   if (spec == NULL || reader_read(f->file, spec, length) != length) {
      free(spec);
      LOG_ERROR("File %s ends inside its format header.", f->in.id);
      return fail_input(f, TRAP_E_NEGOTIATION_FAILED);
   }
   int rc = input_negotiate(&f->in, type, spec);
   f->negotiated = rc == TRAP_E_OK;
   return rc == TRAP_E_OK ? rc : fail_input(f, rc);
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
   f->file = reader_open(f->in.id);
   if (f->file == NULL) {
      LOG_ERROR("Cannot open file %s: %s", f->in.id, strerror(errno));
      return fail_input(f, TRAP_E_IO_ERROR);
   }
   atomic_store(&f->in.connected, true);
   return TRAP_E_OK;
}

static int file_fill(struct trap_input *in)
{
   struct file_input *f = (struct file_input *) in;
   while (f->failed == 0) {
      uint8_t be[4] = {0};
      if (f->file == NULL) {
         in->pos = end_of_files;
         in->end = end_of_files + sizeof(end_of_files);
         return TRAP_E_OK;
      }
      if (!f->negotiated && file_hello(f) != TRAP_E_OK) {
         break;
      }
      size_t n = reader_read(f->file, be, 4);
      if (n == 0) {
         if (next_file(f) != TRAP_E_OK) {
            break;
         }
         continue;
      }
      uint32_t size = (uint32_t) be[0] << 24 | (uint32_t) be[1] << 16 | (uint32_t) be[2] << 8 | be[3];
      if (n < 4) {
         LOG_ERROR(
             "File %s ends inside the length of a block at offset %llu; what stands before it was delivered.",
             in->id, (unsigned long long) (reader_offset(f->file) - n));
         return fail_input(f, TRAP_E_NEGOTIATION_FAILED);
      }
      if (size > MAX_BLOCK) {
         LOG_ERROR("File %s: damaged block of %u bytes at offset %llu.", in->id, size,
                   (unsigned long long) (reader_offset(f->file) - n));
         return fail_input(f, TRAP_E_NEGOTIATION_FAILED);
      }
      if (size > f->capacity) {
         uint8_t *p = realloc(f->block, size);
         if (p == NULL) {
            return fail_input(f, TRAP_E_MEMORY);
         }
         f->block = p;
         f->capacity = size;
      }
      if (reader_read(f->file, f->block, size) != size) {
         LOG_ERROR("File %s ends inside a block of %u bytes; what stands before it was delivered.", in->id,
                   size);
         return fail_input(f, TRAP_E_NEGOTIATION_FAILED);
      }
      if (size > 0) {
         count_up(&in->buffers, 1);
         in->pos = f->block;
         in->end = f->block + size;
         return TRAP_E_OK;
      }
   }
   return f->failed;
}

static int file_damaged(struct trap_input *in)
{
   return fail_input((struct file_input *) in, TRAP_E_NEGOTIATION_FAILED);
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
   f->file = reader_open(f->paths[0]);
   if (f->file == NULL) {
      int rc = ctx_error(ctx, TRAP_E_BADPARAMS, "FILE INPUT IFC: unable to open file: %s: %s", f->paths[0],
                         strerror(errno));
      file_input_destroy(&f->in);
      return rc;
   }
   atomic_store(&f->in.connected, true);
   *in = &f->in;
   return TRAP_E_OK;
}
