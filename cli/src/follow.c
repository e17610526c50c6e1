/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Captures that are still being written, as one stream: whole packets only, and of a directory one piece after another. A piece is over
 * when it has no more and a newer one is there. Pieces may be compressed, each with something else, and may grow all the same.
 */
#include "capture/decoder.h"
#include "capture/source.h"
#include "stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_text.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER     0x1000000 /* bytes: the largest packet or block that is passed on */
#define CHUNK_MAX  0x40000   /* read at once */
#define PACKED     0x10000   /* compressed bytes read at once */
#define LOOK_AGAIN 1000      /* milliseconds, where nothing tells of changes (network file systems) */
#define MAX_PIECES 1000000
#define GONE       0    /* the number of no file */
#define GONE_MAX   4096 /* files whose names are kept after them; then the oldest is forgotten */
#define FILE_HEAD  24   /* of a pcap file */
#define SNAPLEN    0x40000

enum format { FORMAT_UNKNOWN, FORMAT_PCAP, FORMAT_PCAPNG };

/* A file that was read, or that cannot be. A writer of rings may begin it anew, and a file system gives the number of a removed file to
 * the next one: then it is another piece. */
struct piece {
   dev_t device;
   ino_t inode;
   int64_t born;  /* nanoseconds since 1970; 0: unknown */
   off_t read;    /* bytes of the file */
   uint64_t name; /* hash of its path */
   time_t changed;
};

struct follow {
   const char *path;
   bool directory;
   struct stream_output *to;
   struct piece *done;
   size_t n_done, capacity;
   int watch; /* inotify; -1: none */
   /* the piece that is read, the last of those above */
   int fd;                  /* -1: none */
   bool known;              /* its first bytes said whether it is compressed */
   struct decoder *decoder; /* NULL: it is not */
   uint8_t *packed;
   struct decoder_input in; /* what is left of those */
   char name[PATH_MAX];
   enum format format;
   bool swapped; /* other byte order than ours */
   uint8_t *data;
   size_t n;
   /* what the stream is */
   enum format sent;
   uint8_t head[FILE_HEAD];
};

static volatile sig_atomic_t ending;

static void on_end(int sig)
{
   (void) sig;
   ending = 1;
}

void follow_until_signal(void)
{
   struct sigaction sa = {.sa_handler = on_end};
   sigaction(SIGTERM, &sa, NULL);
}

static uint32_t number(const struct follow *f, size_t at)
{
   uint32_t n;
   memcpy(&n, f->data + at, sizeof(n));
   return f->swapped ? __builtin_bswap32(n) : n;
}

static void close_piece(struct follow *f)
{
   if (f->decoder != NULL) {
      f->decoder->free(f->decoder);
   }
   f->decoder = NULL;
   f->in.n = 0;
   f->n = 0;
   close(f->fd);
   f->fd = -1;
}

/* The rest of this piece is not read. */
static void skip(struct follow *f, const char *why)
{
   nc_text_line(stderr, "", "warning: %s: %s; the rest of it was skipped", f->name, why);
   close_piece(f);
}

/* This piece is over. */
static void end_piece(struct follow *f)
{
   if (f->n > 0 || (f->decoder != NULL && f->decoder->open)) {
      nc_text_line(stderr, "", "warning: %s: it ends within a packet", f->name);
   }
   close_piece(f);
}

/* ---------------------------------------------------------- whole packets only */

/* Recognizes the file by its first bytes. \return false: more are needed, or it was skipped */
static bool recognize(struct follow *f)
{
   uint32_t magic;
   if (f->n < FILE_HEAD) {
      return false;
   }
   f->swapped = false;
   memcpy(&magic, f->data, sizeof(magic));
   if (magic == 0x0a0d0d0a) {
      f->format = FORMAT_PCAPNG;
   } else if (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d || magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1) {
      f->format = FORMAT_PCAP;
      f->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
      uint32_t snaplen = f->swapped ? __builtin_bswap32(SNAPLEN) : SNAPLEN;
      memcpy(f->data + 16, &snaplen, sizeof(snaplen)); /* that of later pieces may be larger */
   } else {
      skip(f, "no pcap or pcapng");
      return false;
   }
   if (f->sent != FORMAT_UNKNOWN &&
       (f->format != f->sent || (f->format == FORMAT_PCAP && memcmp(f->head, f->data, FILE_HEAD) != 0))) {
      skip(f, "its format or link type is not that of the pieces before");
      return false;
   }
   return true;
}

/* Passes on the header of the first piece. */
static bool pass_head(struct follow *f)
{
   size_t size = f->format == FORMAT_PCAP ? FILE_HEAD : 0;
   bool good = f->sent != FORMAT_UNKNOWN || stream_write(f->to, f->data, size);
   memcpy(f->head, f->data, FILE_HEAD);
   f->sent = f->format;
   f->n -= size;
   memmove(f->data, f->data + size, f->n);
   return good;
}

/* Size of the packet or block at a place. \return 0: it is not there yet; SIZE_MAX: it is damaged */
static size_t size_at(struct follow *f, size_t at)
{
   size_t left = f->n - at;
   uint64_t size;
   if (f->format == FORMAT_PCAP) {
      if (left < 16) {
         return 0;
      }
      size = 16 + (uint64_t) number(f, at + 8);
      if (size > 16 + SNAPLEN) {
         return SIZE_MAX;
      }
   } else {
      if (left < 12) {
         return 0;
      }
      uint32_t type, order;
      memcpy(&type, f->data + at, sizeof(type));
      memcpy(&order, f->data + at + 8, sizeof(order));
      if (type == 0x0a0d0d0a) { /* a section says its byte order */
         f->swapped = order == 0x4d3c2b1a;
      }
      size = number(f, at + 4);
      if (size < 12 || size % 4 != 0) {
         return SIZE_MAX;
      }
   }
   return size > BUFFER ? SIZE_MAX : size <= left ? (size_t) size : 0;
}

/* Passes on what is whole. \return false: no reader is left */
static bool pass(struct follow *f)
{
   if (f->format == FORMAT_UNKNOWN && (!recognize(f) || !pass_head(f))) {
      return f->format == FORMAT_UNKNOWN || f->fd < 0;
   }
   size_t at = 0, size;
   while ((size = size_at(f, at)) != 0 && size != SIZE_MAX) {
      at += size;
   }
   bool good = at == 0 || stream_write(f->to, f->data, at);
   f->n -= at;
   memmove(f->data, f->data + at, f->n);
   if (size == SIZE_MAX) {
      skip(f, "damaged");
   }
   return good;
}

/* ----------------------------------------------------------------------- pieces */

static int64_t born(const char *path)
{
   struct statx st;
   if (statx(AT_FDCWD, path, 0, STATX_BTIME, &st) != 0 || (st.stx_mask & STATX_BTIME) == 0) {
      return 0;
   }
   return st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
}

static bool is_done(const struct follow *f, const char *path, const struct stat *st)
{
   for (size_t i = f->n_done; i > 0; i--) {
      const struct piece *p = &f->done[i - 1];
      if (p->inode == st->st_ino && p->device == st->st_dev && p->read <= st->st_size &&
          p->born == born(path)) {
         return true;
      }
   }
   return false;
}

/* Where a file is compressed when its writer has done with it (tcpdump -z), the result is no other piece: its name without the ending is
 * that of a file that is not newer, or of one that was read and had the same time, which programs that compress keep. */
static bool is_packed_again(const struct follow *f, const char *path, struct stat *st)
{
   static const char *const endings[] = {".gz", ".bz2", ".xz", ".lz4", ".zst"};
   char base[PATH_MAX];
   struct stat of_base;
   size_t length = strlen(path), cut = 0;
   for (unsigned i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
      size_t n = strlen(endings[i]);
      cut = length > n && strcmp(path + length - n, endings[i]) == 0 ? n : cut;
   }
   if (cut == 0) {
      return false;
   }
   snprintf(base, sizeof(base), "%.*s", (int) (length - cut), path);
   if (stat(base, &of_base) == 0 && of_base.st_mtim.tv_sec <= st->st_mtim.tv_sec) {
      return true;
   }
   if (stat(path, st) != 0) { /* again: the result gets its time before the other file is removed */
      return true;
   }
   uint64_t name = nc_hash(base, length - cut);
   for (size_t i = f->n_done; i > 0; i--) {
      if (f->done[i - 1].name == name && f->done[i - 1].changed == st->st_mtim.tv_sec) {
         return true;
      }
   }
   return false;
}

/* A file that had this number before is no more. Its name is kept, so that its compressed copy is known as such. */
static void forget_number(struct follow *f, const struct stat *st, uint64_t name)
{
   size_t kept = 0, gone = 0;
   for (size_t i = 0; i < f->n_done; i++) {
      gone += f->done[i].inode == GONE;
   }
   for (size_t i = 0; i < f->n_done; i++) {
      struct piece *p = &f->done[i];
      bool same = p->inode == st->st_ino && p->device == st->st_dev;
      if (p->inode == GONE && gone > GONE_MAX) {
         gone--;
      } else if (!same || p->name != name) {
         p->inode = same ? GONE : p->inode;
         f->done[kept++] = *p;
      }
   }
   f->n_done = kept;
}

/* \return false: there are too many */
static bool mark_done(struct follow *f, const char *path, const struct stat *st)
{
   uint64_t name = nc_hash(path, strlen(path));
   forget_number(f, st, name);
   if (f->n_done == f->capacity) {
      size_t capacity = f->capacity > 0 ? 2 * f->capacity : 64;
      struct piece *more =
          capacity <= 2 * (size_t) MAX_PIECES ? realloc(f->done, capacity * sizeof(*more)) : NULL;
      if (more == NULL) {
         nc_text_line(stderr, "", "%s: more than %d pieces", f->path, MAX_PIECES);
         return false;
      }
      f->done = more;
      f->capacity = capacity;
   }
   f->done[f->n_done++] = (struct piece){.device = st->st_dev,
                                         .inode = st->st_ino,
                                         .born = born(path),
                                         .name = name,
                                         .changed = st->st_mtim.tv_sec};
   return true;
}

static bool is_older(const struct stat *a, const char *a_name, const struct stat *b, const char *b_name)
{
   if (a->st_mtim.tv_sec != b->st_mtim.tv_sec) {
      return a->st_mtim.tv_sec < b->st_mtim.tv_sec;
   }
   if (a->st_mtim.tv_nsec != b->st_mtim.tv_nsec) {
      return a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
   }
   return strcmp(a_name, b_name) < 0;
}

/* The piece that comes next: of those that were not read the one that was changed longest ago. */
static bool find_next(struct follow *f, char *name, size_t size, struct stat *found)
{
   char path[PATH_MAX];
   bool any = false;
   struct stat st;
   if (f->fd >= 0 && fstat(f->fd, &st) == 0) {
      f->done[f->n_done - 1].changed = st.st_mtim.tv_sec;
   }
   if (!f->directory) {
      snprintf(name, size, "%s", f->path);
      return stat(f->path, found) == 0 && !is_done(f, f->path, found); /* another file of the same name */
   }
   DIR *dir = opendir(f->path);
   for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
      int n = snprintf(path, sizeof(path), "%s/%s", f->path, entry->d_name);
      if (entry->d_name[0] != '.' && n > 0 && n < (int) sizeof(path) && stat(path, &st) == 0 &&
          S_ISREG(st.st_mode) && st.st_size > 0 && !is_done(f, path, &st) &&
          (!any || is_older(&st, path, found, name)) && !is_packed_again(f, path, &st)) {
         any = true;
         *found = st;
         snprintf(name, size, "%s", path);
      }
   }
   if (dir != NULL) {
      closedir(dir);
   }
   return any;
}

/* \return false: it cannot go on */
static bool open_piece(struct follow *f, const char *name, const struct stat *st)
{
   if (f->fd >= 0) {
      end_piece(f);
   }
   snprintf(f->name, sizeof(f->name), "%s", name);
   f->format = FORMAT_UNKNOWN;
   f->known = false;
   f->fd = open(name, O_RDONLY | O_CLOEXEC);
   if (f->fd < 0) {
      nc_text_line(stderr, "", "warning: %s: %s; it was skipped", name, strerror(errno));
   }
   return mark_done(f, name, st);
}

/* Waits until something in the place has changed, for a while. */
static void wait_for_change(const struct follow *f)
{
   char events[4096];
   struct pollfd wait = {.fd = f->watch, .events = POLLIN};
   if (poll(&wait, f->watch >= 0 ? 1 : 0, LOOK_AGAIN) > 0) {
      (void) !read(f->watch, events, sizeof(events));
   }
}

/* Reads on. \return bytes, 0: there are no more now; -1: look again */
static ssize_t read_file(struct follow *f, uint8_t *to, size_t size)
{
   ssize_t n = read(f->fd, to, size);
   if (n < 0 && errno != EINTR) {
      skip(f, strerror(errno));
   }
   f->done[f->n_done - 1].read += n > 0 ? n : 0;
   return n;
}

/* The bytes that were read so far say whether it is compressed. \return false: it was skipped */
static bool look_for_compression(struct follow *f)
{
   char error[DECODER_ERROR];
   f->known = true;
   if (decoder_name(f->data, f->n) == NULL) {
      return true;
   }
   f->decoder = decoder_new(f->data, f->n, SOURCE_MEMORY, error);
   if (f->decoder == NULL) {
      skip(f, error);
      return false;
   }
   memcpy(f->packed, f->data, f->n);
   f->in = (struct decoder_input){.p = f->packed, .n = f->n};
   f->n = 0;
   return true;
}

/* \return as read_file(); bytes that were taken or added */
static ssize_t read_packed(struct follow *f)
{
   struct decoder *d = f->decoder;
   size_t added = 0, before;
   do {
      if (f->in.n == 0 && !d->held) {
         ssize_t n = read_file(f, f->packed, PACKED);
         if (n <= 0) {
            return n;
         }
         f->in = (struct decoder_input){.p = f->packed, .n = (size_t) n};
      }
      before = f->in.n;
      if (d->step(d, &f->in, f->data + f->n, CHUNK_MAX, &added) != DECODER_OK) {
         skip(f, d->error);
         return -1;
      }
   } while (added == 0 && before == 0); /* it held nothing after all */
   f->n += added;
   return (ssize_t) (before - f->in.n + added);
}

/* \return more than 0: go on; 0: the piece has no more now; -1: no reader is left */
static ssize_t read_piece(struct follow *f)
{
   ssize_t n = 0;
   if (f->fd < 0) {
      return 0;
   }
   if (f->decoder != NULL) {
      n = read_packed(f);
   } else {
      n = read_file(f, f->data + f->n, f->known ? BUFFER + CHUNK_MAX - f->n : PACKED - f->n);
      f->n += n > 0 ? (size_t) n : 0;
   }
   if (n < 0) {
      return 1;
   }
   if (!f->known && (f->n < DECODER_HEAD || !look_for_compression(f))) {
      return n;
   }
   return n > 0 && !pass(f) ? -1 : n;
}

static int follow(struct follow *f)
{
   char name[PATH_MAX];
   struct stat st;
   ssize_t n;
   for (;;) {
      bool last = ending; /* looked at before the files: what was written before the signal is read */
      while ((n = read_piece(f)) > 0) {
      }
      if (n < 0) {
         return EXIT_SUCCESS;
      }
      if (find_next(f, name, sizeof(name), &st)) {
         while ((n = read_piece(f)) > 0) { /* what came before the newer piece */
         }
         if (n < 0 || !open_piece(f, name, &st)) {
            return n < 0 ? EXIT_SUCCESS : EXIT_FAILURE;
         }
      } else if (last) {
         if (f->fd >= 0) {
            end_piece(f);
         }
         return EXIT_SUCCESS;
      } else {
         wait_for_change(f);
      }
   }
}

int follow_captures(const char *path, struct stream_output *to)
{
   struct follow f = {.path = path, .to = to, .watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .fd = -1};
   struct stat st;
   f.directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
   f.data = malloc(BUFFER + CHUNK_MAX);
   f.packed = malloc(PACKED);
   if (f.data == NULL || f.packed == NULL) {
      nc_text_line(stderr, "", "out of memory");
      free(f.data);
      free(f.packed);
      return EXIT_FAILURE;
   }
   if (f.watch >= 0) {
      inotify_add_watch(f.watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MOVE_SELF);
   }
   int status = follow(&f);
   if (f.sent == FORMAT_UNKNOWN) { /* there was nothing: a capture without packets, which is no error */
      static const uint32_t empty[FILE_HEAD / 4] = {0xa1b2c3d4, 0x00040002, 0, 0, SNAPLEN, 1};
      static const uint32_t empty_big[FILE_HEAD / 4] = {0xa1b2c3d4, 0x00020004, 0, 0, SNAPLEN, 1};
      stream_write(to, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? empty_big : empty, sizeof(empty));
   }
   if (f.fd >= 0) {
      close_piece(&f);
   }
   if (f.watch >= 0) {
      close(f.watch);
   }
   free(f.done);
   free(f.data);
   free(f.packed);
   return status;
}
