/* SPDX-License-Identifier: BSD-3-Clause */
/** Files of nfdump 1.7: header, blocks of flows, an appendix with the name of the source and statistics. */
#include "writer.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK     (1u << 20) /* bytes of flows, as in nfdump's own files */
#define PROGRAM   0x01070000 /* version of nfdump that the format is of */
#define IDENT     "none"
#define FLOW_SIZE (NF_FLOW_SIZE + NF_GENERIC_SIZE + NF_IPV6_SIZE + NF_MISC_SIZE) /* the largest */

/* Statistics of a file, in the order of the record; protocols: TCP, UDP, ICMP, others. */
enum {
   FLOWS,
   BYTES,
   PACKETS,
   FLOWS_OF,
   BYTES_OF = FLOWS_OF + 4,
   PACKETS_OF = BYTES_OF + 4,
   FIRST = PACKETS_OF + 4,
   LAST,
   LOST,
   N_STATISTICS
};

struct nf_writer {
   int fd;
   const char *path;
   char error[NF_WRITER_ERROR];
   enum nf_compression compression;
   uint8_t header[NF_HEADER_SIZE];
   uint64_t end; /* of the blocks of flows in the file */
   uint32_t blocks;
   uint64_t statistics[N_STATISTICS];
   uint32_t records; /* of the block at hand */
   size_t used;
   uint8_t *plain, *packed; /* with room for the header of the block */
};

__attribute__((format(printf, 2, 3))) static bool fail(nf_writer_t *w, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   int n = snprintf(w->error, sizeof(w->error), "file %.200s: ", w->path);
   vsnprintf(w->error + n, sizeof(w->error) - (size_t) n, format, ap);
   va_end(ap);
   return false;
}

const char *nf_writer_error(const nf_writer_t *w)
{
   return w->error;
}

static bool put(nf_writer_t *w, const void *data, size_t n, uint64_t at)
{
   const char *p = data;
   while (n > 0) {
      ssize_t done = pwrite(w->fd, p, n, (off_t) at);
      if (done < 0 && errno != EINTR) {
         return fail(w, "cannot write: %s", strerror(errno));
      }
      p += done > 0 ? done : 0;
      n -= done > 0 ? (size_t) done : 0;
      at += done > 0 ? (uint64_t) done : 0;
   }
   return true;
}

static bool get(nf_writer_t *w, void *to, size_t n, uint64_t at)
{
   ssize_t got = pread(w->fd, to, n, (off_t) at);
   return got < 0
              ? fail(w, "cannot read: %s", strerror(errno))
              : (size_t) got == n || fail(w, "byte %llu: the file ends too early", (unsigned long long) at);
}

/* Writes the header. \param appendix the file is complete */
static bool put_header(nf_writer_t *w, bool appendix)
{
   nf_put32(w->header + NF_AT_BLOCKS, w->blocks);
   nf_put16(w->header + NF_AT_APPENDIX, appendix);
   nf_put64(w->header + NF_AT_OFFSET, appendix ? w->end : 0);
   return put(w, w->header, sizeof(w->header), 0);
}

/* Writes what is in plain as a block. \return its size in the file, 0 after fail() */
static size_t put_block(nf_writer_t *w)
{
   uint8_t *block = w->plain;
   size_t size = w->used;
   if (w->compression != NF_PLAIN) {
      size = nf_compress(w->compression, w->plain + NF_BLOCK_HEADER_SIZE, w->used,
                         w->packed + NF_BLOCK_HEADER_SIZE);
      block = w->packed;
      if (size == 0) {
         fail(w, "%s cannot compress a block", nf_compression_name(w->compression));
         return 0;
      }
   }
   nf_put32(block, w->records);
   nf_put32(block + 4, (uint32_t) size);
   nf_put16(block + 8, NF_BLOCK);
   nf_put16(block + 10, 0);
   w->used = w->records = 0;
   size += NF_BLOCK_HEADER_SIZE;
   return put(w, block, size, w->end) ? size : 0;
}

static bool flush(nf_writer_t *w)
{
   if (w->records == 0) {
      return true;
   }
   size_t size = put_block(w);
   w->end += size;
   w->blocks += size > 0;
   return size > 0 && put_header(w, false);
}

static bool put_appendix(nf_writer_t *w)
{
   uint8_t *p = w->plain + NF_BLOCK_HEADER_SIZE;
   nf_put16(p, NF_IDENT);
   nf_put16(p + 2, NF_RECORD_SIZE + sizeof(IDENT));
   memcpy(p + NF_RECORD_SIZE, IDENT, sizeof(IDENT));
   p += NF_RECORD_SIZE + sizeof(IDENT);
   nf_put16(p, NF_STATISTICS);
   nf_put16(p + 2, NF_RECORD_SIZE + sizeof(w->statistics));
   memcpy(p + NF_RECORD_SIZE, w->statistics, sizeof(w->statistics));
   p += NF_RECORD_SIZE + sizeof(w->statistics);
   w->records = 2;
   w->used = (size_t) (p - (w->plain + NF_BLOCK_HEADER_SIZE));
   return put_block(w) > 0 && put_header(w, true);
}

static void count(uint64_t *s, const struct nf_flow *f)
{
   unsigned of = f->protocol == 6 ? 0 : f->protocol == 17 ? 1 : f->protocol == 1 || f->protocol == 58 ? 2 : 3;
   s[FIRST] = s[FLOWS] == 0 || f->first < s[FIRST] ? f->first : s[FIRST];
   s[LAST] = f->last > s[LAST] ? f->last : s[LAST];
   s[FLOWS]++;
   s[FLOWS_OF + of]++;
   s[BYTES] += f->bytes;
   s[BYTES_OF + of] += f->bytes;
   s[PACKETS] += f->packets;
   s[PACKETS_OF + of] += f->packets;
}

static void put_element(uint8_t *p, uint16_t type, uint16_t size)
{
   memset(p, 0, size);
   nf_put16(p, type);
   nf_put16(p + 2, size);
}

static uint8_t *put_generic(uint8_t *p, const struct nf_flow *f)
{
   put_element(p, NF_GENERIC, NF_GENERIC_SIZE);
   nf_put64(p + 4, f->first);
   nf_put64(p + 12, f->last);
   nf_put64(p + 28, f->packets);
   nf_put64(p + 36, f->bytes);
   nf_put16(p + 44, f->src_port);
   nf_put16(p + 46, f->dst_port);
   p[48] = f->protocol;
   p[49] = f->tcp_flags;
   p[51] = f->tos;
   return p + NF_GENERIC_SIZE;
}

static uint8_t *put_addresses(uint8_t *p, const struct nf_flow *f)
{
   if (ip_is4(&f->src) && ip_is4(&f->dst)) {
      put_element(p, NF_IPV4, NF_IPV4_SIZE);
      nf_put32(p + 4, ip_get_v4_as_int(&f->src));
      nf_put32(p + 8, ip_get_v4_as_int(&f->dst));
      return p + NF_IPV4_SIZE;
   }
   put_element(p, NF_IPV6, NF_IPV6_SIZE);
   nf_put64(p + 4, be64toh(f->src.ui64[0]));
   nf_put64(p + 12, be64toh(f->src.ui64[1]));
   nf_put64(p + 20, be64toh(f->dst.ui64[0]));
   nf_put64(p + 28, be64toh(f->dst.ui64[1]));
   return p + NF_IPV6_SIZE;
}

bool nf_writer_add(nf_writer_t *w, const struct nf_flow *flow)
{
   if (w->used + FLOW_SIZE > BLOCK && !flush(w)) {
      return false;
   }
   uint8_t *record = w->plain + NF_BLOCK_HEADER_SIZE + w->used, *p = record + NF_FLOW_SIZE;
   p = put_generic(p, flow);
   p = put_addresses(p, flow);
   put_element(p, NF_MISC, NF_MISC_SIZE);
   nf_put32(p + 4, flow->input);
   nf_put32(p + 8, flow->output);
   p[14] = flow->direction;
   p += NF_MISC_SIZE;
   memset(record, 0, NF_FLOW_SIZE);
   nf_put16(record, NF_FLOW);
   nf_put16(record + 2, (uint16_t) (p - record));
   nf_put16(record + 4, 3); /* elements */
   record[7] = flow->engine_id;
   w->used += (size_t) (p - record);
   w->records++;
   count(w->statistics, flow);
   return true;
}

/* Takes the statistics out of an appendix, so that they go on. One that is damaged or of another form is not needed. */
static void read_statistics(nf_writer_t *w, const uint8_t *p, size_t size)
{
   while (size >= NF_RECORD_SIZE) {
      size_t n = nf_get16(p + 2);
      if (n < NF_RECORD_SIZE || n > size) {
         return;
      }
      if (nf_get16(p) == NF_STATISTICS && n == NF_RECORD_SIZE + sizeof(w->statistics)) {
         memcpy(w->statistics, p + NF_RECORD_SIZE, sizeof(w->statistics));
      }
      p += n;
      size -= n;
   }
}

static bool read_appendix(nf_writer_t *w)
{
   uint8_t block[NF_BLOCK_HEADER_SIZE];
   if (!get(w, block, sizeof(block), w->end)) {
      return false;
   }
   size_t packed = nf_get32(block + 4), size = packed;
   if (packed > BLOCK) {
      return true; /* longer than any with what is wanted */
   }
   bool plain = w->compression == NF_PLAIN || (nf_get16(block + 10) & NF_BLOCK_PLAIN) != 0;
   if (!get(w, plain ? w->plain : w->packed, packed, w->end + sizeof(block))) {
      return false;
   }
   if (plain || nf_decompress(w->compression, w->packed, packed, w->plain, BLOCK, &size)) {
      read_statistics(w, w->plain, size);
   }
   return true;
}

/* Prepares a file that is there for more blocks: its appendix goes, and a new one comes with nf_writer_close(). */
static bool open_old(nf_writer_t *w, uint64_t length, const enum nf_compression *wanted)
{
   uint8_t *h = w->header;
   if (!get(w, h, sizeof(w->header), 0)) {
      return false;
   }
   if (nf_get16(h) != NF_MAGIC || nf_get16(h + NF_AT_VERSION) != 2) {
      return fail(w, "expected a file of nfdump 1.7 (version 2) to append to");
   }
   if (h[NF_AT_PACKING] >= NF_COMPRESSIONS || h[NF_AT_CIPHER] != 0) {
      return fail(w, "its compression %u or encryption %u is not supported", h[NF_AT_PACKING],
                  h[NF_AT_CIPHER]);
   }
   w->compression = h[NF_AT_PACKING];
   if (wanted != NULL && *wanted != w->compression) {
      return fail(w, "its compression is %s, not %s", nf_compression_name(w->compression),
                  nf_compression_name(*wanted));
   }
   if (w->compression > NF_BZ2) {
      return fail(w, "its compression is %s, which can be read only", nf_compression_name(w->compression));
   }
   w->blocks = nf_get32(h + NF_AT_BLOCKS);
   w->end = nf_get64(h + NF_AT_OFFSET);
   if (nf_get16(h + NF_AT_APPENDIX) == 0) {
      return fail(w, "it is not complete: it has no appendix");
   }
   if (w->end < NF_HEADER_SIZE || w->end > length) {
      return fail(w, "its header says that the flows end at byte %llu of %llu", (unsigned long long) w->end,
                  (unsigned long long) length);
   }
   return read_appendix(w) && put_header(w, false) &&
          (ftruncate(w->fd, (off_t) w->end) == 0 || fail(w, "cannot write: %s", strerror(errno)));
}

static bool open_new(nf_writer_t *w)
{
   nf_put16(w->header, NF_MAGIC);
   nf_put16(w->header + NF_AT_VERSION, 2);
   nf_put32(w->header + NF_AT_PROGRAM, PROGRAM);
   nf_put64(w->header + NF_AT_CREATED, (uint64_t) time(NULL));
   w->header[NF_AT_PACKING] = (uint8_t) w->compression;
   w->end = NF_HEADER_SIZE;
   return put_header(w, false);
}

static bool open_file(nf_writer_t *w, bool append, const enum nf_compression *wanted)
{
   struct stat st;
   const char *lacks;
   w->compression = wanted != NULL ? *wanted : NF_PLAIN;
   w->fd = open(w->path, O_RDWR | O_CREAT | O_CLOEXEC | (append ? 0 : O_TRUNC), 0666);
   if (w->fd < 0 || fstat(w->fd, &st) != 0) {
      return fail(w, "%s", strerror(errno));
   }
   if (!S_ISREG(st.st_mode)) {
      return fail(w, "it is not a regular file");
   }
   if (st.st_size > 0 && !open_old(w, (uint64_t) st.st_size, wanted)) {
      return false;
   }
   if ((lacks = nf_compression_lacks(w->compression)) != NULL) {
      return fail(w, "%s needs %s, which this build is without", nf_compression_name(w->compression), lacks);
   }
   return st.st_size > 0 || open_new(w);
}

static void release(nf_writer_t *w)
{
   if (w->fd >= 0) {
      close(w->fd);
   }
   free(w->plain);
   free(w->packed);
   free(w);
}

nf_writer_t *nf_writer_open(const char *path, bool append, const enum nf_compression *compression,
                            char error[NF_WRITER_ERROR])
{
   nf_writer_t *w = calloc(1, sizeof(*w));
   if (w == NULL) {
      snprintf(error, NF_WRITER_ERROR, "out of memory");
      return NULL;
   }
   w->fd = -1;
   w->path = path;
   w->plain = malloc(NF_BLOCK_HEADER_SIZE + BLOCK);
   w->packed = malloc(NF_BLOCK_HEADER_SIZE + nf_compress_bound(BLOCK));
   bool good =
       w->plain != NULL && w->packed != NULL ? open_file(w, append, compression) : fail(w, "out of memory");
   if (!good) {
      memcpy(error, w->error, NF_WRITER_ERROR);
      release(w);
      return NULL;
   }
   return w;
}

bool nf_writer_close(nf_writer_t *w, char error[NF_WRITER_ERROR])
{
   bool good = flush(w) && put_appendix(w);
   if (good && close(w->fd) != 0) {
      good = fail(w, "cannot write: %s", strerror(errno));
      w->fd = -1;
   } else if (good) {
      w->fd = -1;
   }
   memcpy(error, w->error, NF_WRITER_ERROR);
   release(w);
   return good;
}
