/* SPDX-License-Identifier: BSD-3-Clause */
/** Files of nfdump: header and blocks. */
#include "reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "compression.h"
#include "record.h"

#define MAX_PACKED (NF_MAX_BLOCK + NF_MAX_BLOCK / 16 + 1024) /* what packing can add to the longest block */

struct nf_reader {
   FILE *stream;
   const char *path;
   char error[512];
   bool damaged;
   bool cut;     /* the block at hand is not all there, as error says */
   uint64_t pos; /* in the file: behind what was read */

   unsigned version;
   enum nf_compression compression;
   uint64_t blocks, done; /* that the header promises, of flows; that were read */
   unsigned appendix;     /* blocks behind those */
   uint64_t appendix_at;
   bool open_end; /* the header was not completed: blocks up to the end of the file */

   uint8_t *packed, *plain; /* the block as it is in the file; its records */
   size_t packed_size;
   const uint8_t *block; /* one of them */
   size_t size, at;      /* of the block; next record in it */
   uint64_t block_pos;
   uint32_t promised, records; /* of the block: in its header; read */
   struct nf1_map *maps;       /* version 1 */
   uint64_t unknown;
};

nf_reader_t *nf_reader_new(void)
{
   nf_reader_t *r = calloc(1, sizeof(*r));
   if (r != NULL) {
      r->plain = malloc(NF_MAX_BLOCK); /* touched as far as blocks are long */
      if (r->plain == NULL) {
         free(r);
         return NULL;
      }
   }
   return r;
}

static void close_stream(nf_reader_t *r)
{
   if (r->stream != NULL) {
      fclose(r->stream);
   }
   r->stream = NULL;
}

void nf_reader_free(nf_reader_t *r)
{
   if (r != NULL) {
      close_stream(r);
      free(r->packed);
      free(r->plain);
      free(r->maps);
      free(r);
   }
}

const char *nf_reader_error(const nf_reader_t *r)
{
   return r->error;
}

bool nf_reader_complete(const nf_reader_t *r)
{
   return !r->open_end;
}

uint64_t nf_reader_unknown(const nf_reader_t *r)
{
   return r->unknown;
}

/* Keeps a message about the byte at pos of the file. \return false */
__attribute__((format(printf, 3, 4))) static bool damage(nf_reader_t *r, uint64_t pos, const char *format,
                                                         ...)
{
   va_list ap;
   va_start(ap, format);
   int n = snprintf(r->error, sizeof(r->error), "%.200s: byte %" PRIu64 ": ", r->path, pos);
   vsnprintf(r->error + n, sizeof(r->error) - (size_t) n, format, ap);
   va_end(ap);
   r->damaged = true;
   return false;
}

/* Reads n bytes. \return how many there were */
static size_t read_bytes(nf_reader_t *r, void *to, size_t n)
{
   size_t got = fread(to, 1, n, r->stream);
   r->pos += got;
   return got;
}

static bool cut_short(nf_reader_t *r, const char *what, size_t needed, size_t got)
{
   return ferror(r->stream)
              ? damage(r, r->pos, "cannot read: %s", strerror(errno))
              : damage(r, r->pos, "the file ends in %s: %zu of %zu bytes are there", what, got, needed);
}

/* The rest of a header of version 1; header has its first NF_HEADER_SIZE bytes. */
static bool read_header_1(nf_reader_t *r, const uint8_t *header)
{
   uint8_t rest[NF1_HEADER_SIZE - NF_HEADER_SIZE];
   uint32_t flags = nf_get32(header + NF1_AT_FLAGS),
            packing = flags & (NF1_FLAG_LZO | NF1_FLAG_BZ2 | NF1_FLAG_LZ4);
   if ((packing & (packing - 1)) != 0) {
      return damage(r, NF1_AT_FLAGS, "flags 0x%x: expected one compression at most", flags);
   }
   size_t got = read_bytes(r, rest, sizeof(rest));
   if (got < sizeof(rest)) {
      return cut_short(r, "its header", NF1_HEADER_SIZE, NF_HEADER_SIZE + got);
   }
   r->compression = packing == 0              ? NF_PLAIN
                    : packing == NF1_FLAG_LZO ? NF_LZO
                    : packing == NF1_FLAG_BZ2 ? NF_BZ2
                                              : NF_LZ4;
   r->blocks = nf_get32(header + NF1_AT_BLOCKS);
   r->open_end = r->blocks == 0;
   if (r->maps == NULL) {
      r->maps = calloc(NF1_MAPS, sizeof(*r->maps));
   } else {
      memset(r->maps, 0, NF1_MAPS * sizeof(*r->maps)); /* maps are of their file */
   }
   return r->maps != NULL || damage(r, 0, "out of memory for extension maps");
}

static bool read_header_2(nf_reader_t *r, const uint8_t *header)
{
   if (header[NF_AT_PACKING] >= NF_COMPRESSIONS) {
      return damage(r, NF_AT_PACKING, "unknown compression %u, expected 0 to %d", header[NF_AT_PACKING],
                    NF_COMPRESSIONS - 1);
   }
   if (header[NF_AT_CIPHER] != 0) {
      return damage(r, NF_AT_CIPHER, "the file is encrypted (method %u), which is not supported",
                    header[NF_AT_CIPHER]);
   }
   r->compression = header[NF_AT_PACKING];
   r->blocks = nf_get32(header + NF_AT_BLOCKS);
   r->appendix = nf_get16(header + NF_AT_APPENDIX);
   r->appendix_at = nf_get64(header + NF_AT_OFFSET);
   r->open_end = r->appendix == 0 && r->appendix_at == 0;
   return true;
}

static bool read_header(nf_reader_t *r)
{
   uint8_t header[NF_HEADER_SIZE];
   size_t got = read_bytes(r, header, sizeof(header));
   if (got < 4) {
      return cut_short(r, "its header", sizeof(header), got);
   }
   unsigned magic = nf_get16(header);
   r->version = nf_get16(header + NF_AT_VERSION);
   if (magic == NF_MAGIC_SWAPPED) {
      return damage(r, 0,
                    "it was written on a machine of the other byte order; nfdump there can send its flows");
   }
   if (magic != NF_MAGIC) {
      return damage(r, 0, "this is no file of nfdump: it begins with 0x%04x, expected 0x%04x", magic,
                    NF_MAGIC);
   }
   if (r->version != 1 && r->version != 2) {
      return damage(r, NF_AT_VERSION, "version %u of the file format, expected 1 or 2", r->version);
   }
   if (got < sizeof(header)) {
      return cut_short(r, "its header", sizeof(header), got);
   }
   if (!(r->version == 1 ? read_header_1(r, header) : read_header_2(r, header))) {
      return false;
   }
   const char *lacks = nf_compression_lacks(r->compression);
   return lacks == NULL ? true
                        : damage(r, 0, "it is compressed with %s, and this build is without %s",
                                 nf_compression_name(r->compression), lacks);
}

bool nf_reader_open_stream(nf_reader_t *r, FILE *stream, const char *path)
{
   close_stream(r);
   r->stream = stream;
   r->path = path;
   r->damaged = r->cut = false;
   r->pos = r->blocks = r->done = r->appendix_at = 0;
   r->appendix = r->promised = r->records = 0;
   r->size = r->at = 0;
   return read_header(r);
}

bool nf_reader_open(nf_reader_t *r, const char *path)
{
   FILE *stream = fopen(path, "re");
   if (stream == NULL) {
      snprintf(r->error, sizeof(r->error), "%.200s: %s", path, strerror(errno));
      return false;
   }
   return nf_reader_open_stream(r, stream, path);
}

/* Reads what belongs to a block into packed. */
static bool read_packed(nf_reader_t *r, size_t size, size_t *got)
{
   *got = size;
   if (size > r->packed_size) {
      uint8_t *larger = realloc(r->packed, size);
      if (larger == NULL) {
         return damage(r, r->block_pos, "out of memory for a block of %zu bytes", size);
      }
      r->packed = larger;
      r->packed_size = size;
   }
   *got = read_bytes(r, r->packed, size);
   return *got == size || cut_short(r, "a block", size, *got);
}

/* Of a block that is not all there, the records in front of the end are read; the message stays for what follows. */
static bool use_part(nf_reader_t *r, size_t got, bool plain)
{
   r->cut = true;
   r->damaged = false;
   r->block = plain ? r->packed : r->plain;
   r->size = plain ? got : nf_decompress_part(r->compression, r->packed, got, r->plain, NF_MAX_BLOCK);
   return true;
}

static bool unpack(nf_reader_t *r, size_t size, bool plain)
{
   if (plain) {
      r->block = r->packed;
      r->size = size;
      return true;
   }
   r->block = r->plain;
   return nf_decompress(r->compression, r->packed, size, r->plain, NF_MAX_BLOCK, &r->size) ||
          damage(r, r->block_pos, "a block that %s cannot decompress, or longer than %u bytes",
                 nf_compression_name(r->compression), NF_MAX_BLOCK);
}

/* The header of a block. \return bytes of it that were there; 0 at the end of the file */
static size_t read_block_header(nf_reader_t *r, uint8_t header[NF_BLOCK_HEADER_SIZE])
{
   r->block_pos = r->pos;
   return read_bytes(r, header, NF_BLOCK_HEADER_SIZE);
}

static bool check_block(nf_reader_t *r, uint32_t size, unsigned flags)
{
   if (size > MAX_PACKED || (size > NF_MAX_BLOCK && (flags & NF_BLOCK_PLAIN || r->compression == NF_PLAIN))) {
      return damage(r, r->block_pos, "a block of %u bytes, expected at most %u", size, NF_MAX_BLOCK);
   }
   if (flags & NF_BLOCK_CIPHER) {
      return damage(r, r->block_pos, "an encrypted block, which is not supported");
   }
   return true;
}

/* Takes the next block of flows, or one of the appendix, which is not looked into. \return false: damage, or the file has ended */
static bool next_block(nf_reader_t *r)
{
   uint8_t header[NF_BLOCK_HEADER_SIZE];
   size_t got = read_block_header(r, header);
   uint64_t expected = r->blocks + r->appendix;
   if (got == 0 && !ferror(r->stream)) {
      if (r->done < expected) {
         damage(r, r->pos, "the file ends behind block %" PRIu64 " of %" PRIu64, r->done, expected);
      }
      return false;
   }
   if (!r->open_end && r->done >= expected) {
      return damage(r, r->block_pos, "something follows the last of %" PRIu64 " blocks", expected);
   }
   if (got < sizeof(header)) {
      return cut_short(r, "the header of a block", sizeof(header), got);
   }
   bool appendix = !r->open_end && r->done >= r->blocks;
   if (appendix && r->done == r->blocks && r->block_pos != r->appendix_at) {
      return damage(r, r->block_pos, "the flows end here, and the header says at byte %" PRIu64,
                    r->appendix_at);
   }
   uint32_t size = nf_get32(header + 4);
   unsigned type = nf_get16(header + 8), flags = r->version == 1 ? 0 : nf_get16(header + 10);
   bool plain = r->compression == NF_PLAIN || (flags & NF_BLOCK_PLAIN) != 0,
        flows = type == (r->version == 1 ? NF1_BLOCK : NF_BLOCK);
   r->promised = r->records = 0;
   r->size = r->at = 0;
   if (!check_block(r, size, flags)) {
      return false;
   }
   r->done++;
   if (!read_packed(r, size, &got)) {
      return flows && !appendix && got < size ? use_part(r, got, plain) : false;
   }
   if (appendix || type == NF_BLOCK_ARRAY) {
      return true;
   }
   if (!flows) {
      r->unknown++;
      return true;
   }
   r->promised = nf_get32(header);
   return unpack(r, size, plain);
}

/* Keeps a message about the record at hand. */
static enum nf_result bad_record(nf_reader_t *r, const char *reason)
{
   damage(r, r->block_pos, "block %" PRIu64 ", record %u at its byte %zu: %s", r->done, r->records, r->at,
          reason);
   return NF_DAMAGED;
}

/* The next record of the block at hand that is a flow. \return NF_END: there is none */
static enum nf_result next_in_block(nf_reader_t *r, struct nf_flow *flow)
{
   const char *reason = NULL;
   while (r->at < r->size) {
      const uint8_t *record = r->block + r->at;
      size_t left = r->size - r->at, size = left >= NF_RECORD_SIZE ? nf_get16(record + 2) : 0;
      if (r->cut && (size < NF_RECORD_SIZE || size > left)) {
         break;
      }
      r->records++;
      if (size < NF_RECORD_SIZE || size > left) {
         return bad_record(r, "it is longer than the block, or shorter than its own header");
      }
      enum nf_record kind = r->version == 1 ? nf1_record_read(record, size, r->maps, flow, &reason)
                                            : nf_record_read(record, size, flow, &reason);
      if (kind == NF_IS_BAD) {
         return bad_record(r, reason);
      }
      r->at += size;
      r->unknown += kind == NF_IS_UNKNOWN;
      if (kind == NF_IS_FLOW) {
         return NF_FLOW_READ;
      }
   }
   if (r->cut) {
      r->damaged = true;
      return NF_DAMAGED;
   }
   if (r->records != r->promised) {
      damage(r, r->block_pos, "block %" PRIu64 " has %u records, its header says %u", r->done, r->records,
             r->promised);
      return NF_DAMAGED;
   }
   return NF_END;
}

enum nf_result nf_reader_next(nf_reader_t *r, struct nf_flow *flow)
{
   for (;;) {
      if (r->damaged) {
         return NF_DAMAGED;
      }
      enum nf_result result = next_in_block(r, flow);
      if (result != NF_END) {
         return result;
      }
      if (!next_block(r)) {
         return r->damaged ? NF_DAMAGED : NF_END;
      }
   }
}
