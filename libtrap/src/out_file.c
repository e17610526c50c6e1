/* SPDX-License-Identifier: BSD-3-Clause */
/** Output to capture files (f): a hello, then blocks of a u32be length and messages; rotation by time, size and format. */
#include "internal.h"

#include <endian.h>
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
   uint64_t written; /* bytes of whole parts in the file */
   uint8_t *hello;
   size_t hello_size;
   bool broken;         /* the file ends with a partial block */
   bool failing;        /* the last write failed */
   uint64_t refused;    /* messages since then */
   uint32_t fill, held; /* bytes and messages in block */
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

/* Do the names of this output's files have numbers, so that there is a next one? */
static bool numbered(const struct file_output *f)
{
   return !f->device && (f->append || f->megabytes > 0 || f->formats > 1);
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
   if (!numbered(f)) {
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

/* \return false if earlier writes may have failed (which is reported) */
static bool close_file(struct file_output *f)
{
   bool good = f->fd < 0 || f->fd == STDOUT_FILENO || close(f->fd) == 0;
   if (!good) {
      f->out.ctx->lost = true;
      LOG_ERROR("File %s: closing it failed, its last messages may be missing: %s", f->name, strerror(errno));
   }
   f->fd = -1;
   f->broken = false;
   return good;
}

/* Writes bytes of a part. \param done counts them */
static int write_bytes(struct file_output *f, const uint8_t *data, size_t size, uint64_t *done)
{
   while (size > 0) {
      ssize_t n = write(f->fd, data, size);
      if (n < 0 && errno == EINTR) {
         continue;
      }
      if (n <= 0) {
         return ctx_error(f->out.ctx, TRAP_E_IO_ERROR, "FILE OUTPUT IFC: unable to write to file: %s: %s",
                          f->name, n < 0 ? strerror(errno) : "nothing was written");
      }
      data += n;
      size -= (size_t) n;
      *done += (uint64_t) n;
   }
   return TRAP_E_OK;
}

/* Each part is a separate zstd frame with a checksum, so that a file is readable up to its last complete frame. */
static int write_packed(struct file_output *f, const uint8_t *data, size_t size, uint64_t *done)
{
#ifdef HAVE_ZSTD
   for (size_t at = 0; f->compress && at < size;) {
      size_t piece = size - at < FILE_BLOCK + 4 ? size - at : FILE_BLOCK + 4;
      size_t n = ZSTD_compress2(f->zstd, f->packed, PACKED_SIZE, data + at, piece);
      if (ZSTD_isError(n)) {
         return ctx_error(f->out.ctx, TRAP_E_IO_ERROR, "FILE OUTPUT IFC: unable to compress for file: %s: %s",
                          f->name, ZSTD_getErrorName(n));
      }
      at += piece;
      int rc = write_bytes(f, f->packed, n, done);
      if (rc != TRAP_E_OK || at == size) {
         return rc;
      }
   }
#endif
   return write_bytes(f, data, size, done);
}

/* Takes back the begin of a part that could not be written to its end, or gives the file up. */
static void take_back(struct file_output *f)
{
   struct stat st;
   bool ours = !f->device && fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode);
   if (ours && ftruncate(f->fd, (off_t) f->written) == 0 && lseek(f->fd, (off_t) f->written, SEEK_SET) >= 0) {
      return;
   }
   if (ours && numbered(f)) {
      close_file(f); /* the next part goes to the next file */
      return;
   }
   f->broken = true;
   LOG_ERROR("File %s: it ends in an incomplete block that cannot be removed; nothing more is written to it.",
             f->name);
}

/* Hello or block: all of it or nothing. */
static int write_part(struct file_output *f, const uint8_t *data, size_t size)
{
   uint64_t done = 0;
   if (f->broken) {
      return ctx_error(f->out.ctx, TRAP_E_IO_ERROR,
                       "FILE OUTPUT IFC: unable to write to file: %s: it is damaged", f->name);
   }
   int rc = write_packed(f, data, size, &done);
   if (rc == TRAP_E_OK) {
      f->written += done;
   } else if (done > 0) {
      take_back(f);
   }
   return rc;
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

/* Reports the first failure, and the recovery. */
static void tell_failure(struct file_output *f, int rc)
{
   if (rc != TRAP_E_OK && !f->failing) {
      LOG_ERROR("%s; what was accepted is kept and tried again, further messages are refused.",
                ctx_error_message(f->out.ctx));
   } else if (rc == TRAP_E_OK && f->failing) {
      LOG_NOTICE("File %s: writing again; %llu messages were refused meanwhile.", f->name,
                 (unsigned long long) f->refused);
      f->refused = 0;
   }
   f->failing = rc != TRAP_E_OK;
}

/* Writes what is held. When that fails it is kept, and tried again with the next message or flush. */
static int write_block(struct file_output *f)
{
   if (f->fill == 0) {
      return TRAP_E_OK;
   }
   int rc = prepare_file(f);
   if (rc == TRAP_E_OK) {
      uint32_t be = htobe32(f->fill);
      memcpy(f->block, &be, 4);
      rc = write_part(f, f->block, 4 + (size_t) f->fill);
   }
   tell_failure(f, rc);
   if (rc == TRAP_E_OK) {
      atomic_fetch_add(&f->out.buffers, 1);
      f->fill = f->held = 0;
   }
   return rc;
}

/* Called under lock. */
static int add_message(struct file_output *f, const void *data, uint16_t size)
{
   int rc = TRAP_E_OK;
   if (f->fill + 2u + size > FILE_BLOCK) {
      rc = write_block(f);
   }
   if (rc == TRAP_E_OK) {
      uint8_t *p = f->block + 4 + f->fill;
      p[0] = (uint8_t) (size >> 8);
      p[1] = (uint8_t) size;
      memcpy(p + 2, data, size);
      f->fill += 2u + size;
      f->held++;
      if (!atomic_load_explicit(&f->out.buffered, memory_order_relaxed) &&
          (rc = write_block(f)) != TRAP_E_OK) {
         f->fill -= 2u + size; /* what is refused must not be written later */
         f->held--;
      }
   }
   f->refused += rc != TRAP_E_OK;
   return output_result(&f->out, rc);
}

static int file_send_batch(struct trap_output *out, const trap_message_t *messages, uint32_t count,
                           uint32_t *sent)
{
   struct file_output *f = (struct file_output *) out;
   int rc = TRAP_E_OK;
   uint32_t n = 0;
   if (f->hello == NULL) {
      return output_result(out, TRAP_E_NOT_INITIALIZED);
   }
   pthread_mutex_lock(&f->lock);
   while (n < count && (rc = add_message(f, messages[n].data, messages[n].size)) == TRAP_E_OK) {
      n++;
   }
   pthread_mutex_unlock(&f->lock);
   *sent = n;
   return rc;
}

static int file_send(struct trap_output *out, const void *data, uint16_t size)
{
   uint32_t sent;
   return file_send_batch(out, &(trap_message_t){.data = data, .size = size}, 1, &sent);
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

/* What could not be written by now never will be. */
static void give_up_held(struct file_output *f)
{
   if (f->fill > 0) {
      f->out.ctx->lost = true;
      LOG_ERROR("File %s: %u messages that had been accepted could not be written and are lost.", f->name,
                f->held);
      atomic_fetch_add(&f->out.dropped, f->held);
      f->fill = f->held = 0;
   }
}

/* What was sent in the old format goes to the old file; the new format gets a new file, unless nothing is in the old one. */
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
   give_up_held(f);
   free(f->hello);
   f->hello = hello;
   f->hello_size = size;
   bool unused = f->formats > 0 && f->fd >= 0 && f->written == 0 && !f->broken;
   f->formats += !unused;
   if (f->formats > 1 && !unused && !f->device) {
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
   give_up_held(f);
   if (f->hello != NULL && f->fd >= 0 && f->written == 0 && !f->failing && prepare_file(f) != TRAP_E_OK) {
      out->ctx->lost = true; /* a capture without messages still tells its format */
      LOG_ERROR("%s", ctx_error_message(out->ctx));
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

static void file_output_dump(struct trap_output *out, FILE *file)
{
   const struct file_output *f = (const struct file_output *) out;
   dump_file(file, f->name, f->append ? "a" : "w", out->ctx);
}

static const struct output_ops file_output_ops = {
    .send = file_send,
    .send_batch = file_send_batch,
    .flush = file_flush,
    .change_format = file_change_format,
    .clients = file_clients,
    .control = file_control,
    .destroy = file_output_destroy,
    .dump = file_output_dump,
};

static bool parse_count(const char *text, int64_t *value)
{
   char *end;
   *value = strtol(text, &end, 10);
   return end != text && *end == 0 && *value >= 0 && *value <= INT32_MAX;
}

static int parse_file_param(struct trap_context *ctx, struct file_output *f, const char *p)
{
   if (strcmp(p, "a") == 0) {
      f->append = true;
   } else if (strcmp(p, "compress=zstd") == 0) {
      f->compress = true;
   } else if ((strncmp(p, "time=", 5) != 0 || !parse_count(p + 5, &f->minutes)) &&
              (strncmp(p, "size=", 5) != 0 || !parse_count(p + 5, &f->megabytes)) && strcmp(p, "w") != 0 &&
              *p != 0) {
      return ctx_error(ctx, TRAP_E_BADPARAMS,
                       "File parameter '%s': expected a, w, time=MINUTES, size=MB or compress=zstd.", p);
   }
   return TRAP_E_OK;
}

static int start_compression(struct trap_context *ctx, struct file_output *f)
{
   if (!f->compress) {
      return TRAP_E_OK;
   }
#ifdef HAVE_ZSTD
   f->zstd = ZSTD_createCCtx();
   f->packed = malloc(PACKED_SIZE);
   bool good = f->zstd != NULL && f->packed != NULL &&
               !ZSTD_isError(ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_checksumFlag, 1));
   return good ? TRAP_E_OK : ctx_error(ctx, TRAP_E_MEMORY, NULL);
#else
   return ctx_error(
       ctx, TRAP_E_BADPARAMS,
       "FILE OUTPUT IFC: compress=zstd is not possible: this libtrap was built without libzstd.");
#endif
}

static int parse_file_output(struct trap_context *ctx, struct file_output *f, const char *params)
{
   char **expanded;
   const char *rest = params;
   char *path = spec_next(&rest, ':');
   int rc = TRAP_E_OK;
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
   while (rest != NULL && !f->device && rc == TRAP_E_OK) {
      char *param = spec_next(&rest, ':');
      rc = param != NULL ? parse_file_param(ctx, f, param) : ctx_error(ctx, TRAP_E_MEMORY, NULL);
      free(param);
   }
   if (rc != TRAP_E_OK) {
      return rc;
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
   f->out.type = TRAP_IFC_TYPE_FILE;
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
