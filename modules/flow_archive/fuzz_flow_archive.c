/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: a file of the archive: its name, its trailer, and the recovery of one that was not completed. The first byte says which. */
#include "archive_file.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_name(const uint8_t *data, size_t size)
{
   struct archive_name name;
   char path[ARCHIVE_NAME], *text = strndup((const char *) data, size);
   if (text != NULL && archive_name_read(text, &name)) {
      archive_name_write(&name, path);
      if (strcmp(path + 11, text) != 0) {
         abort(); /* a name that is not written like this */
      }
   }
   free(text);
}

static void read_trailer(const uint8_t *data, size_t size)
{
   struct archive_footer f;
   nc_bloom_t filter;
   char why[ARCHIVE_REASON];
   if (size < ARCHIVE_FOOTER || !archive_footer_read(data + size - ARCHIVE_FOOTER, size, &f, why)) {
      return;
   }
   const uint8_t *words = data + size - ARCHIVE_FOOTER - (size_t) f.blocks * NC_BLOOM_BLOCK;
   if (words < data + ARCHIVE_FRAME || !archive_filter_read(words, &f, &filter, why)) {
      return;
   }
   ip_addr_t ip = ip_from_int(0x01020304);
   (void) archive_filter_may_have(&filter, &ip, 32);
   size_t n;
   uint8_t *again = archive_trailer_make(&f, &filter, &n);
   if (again != NULL && memcmp(again + ARCHIVE_FRAME, words, n - ARCHIVE_FRAME) != 0) {
      abort(); /* a trailer is not the same after it was read */
   }
   free(again);
   nc_bloom_free(&filter);
}

/* Whatever a recovered file begins with, it ends with a trailer that can be read. */
static void recover(const uint8_t *data, size_t size)
{
   uint64_t length = 0, records = 0, cut = 0;
   uint8_t end[ARCHIVE_FOOTER];
   struct archive_footer f;
   char why[ARCHIVE_REASON];
   int fd = memfd_create("part", MFD_CLOEXEC);
   if (fd < 0 || write(fd, data, size) != (ssize_t) size) {
      abort();
   }
   if (recover_file(fd, &length, &records, &cut) &&
       (pread(fd, end, sizeof(end), (off_t) (length - sizeof(end))) != (ssize_t) sizeof(end) ||
        !archive_footer_read(end, length, &f, why) || f.records != records)) {
      abort();
   }
   close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   if (size > 0) {
      (data[0] == 'n' ? read_name : data[0] == 't' ? read_trailer : recover)(data + 1, size - 1);
   }
   return 0;
}
