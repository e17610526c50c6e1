/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: files of lists. The first byte says of which kind; what was read is searched. */
#include "../blist.h"
#include "memory_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void search_names(const struct bl_names *names, const char *text, size_t length)
{
   for (size_t i = 0; i < length; i += 7) {
      size_t n = length - i < 100 ? length - i : 100;
      bl_names_find(names, text + i, n, n, false);
      bl_names_find(names, text + i, n, n / 2, true);
   }
}

static void search_prefixes(const struct bl_prefixes *p, const uint8_t *data, size_t size)
{
   ip_addr_t ip;
   for (size_t i = 0; i + 16 <= size; i += 5) {
      memcpy(&ip, data + i, sizeof(ip));
      bl_prefixes_find(p, &ip, data[i]);
      ip = ip_from_int((uint32_t) data[i] << 24 | (uint32_t) data[i + 1] << 8 | data[i + 2]);
      struct bl_hit hit = bl_prefixes_find(p, &ip, data[i + 3]);
      if (hit.lists != 0 && !hit.listed) {
         abort();
      }
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char error[BL_ERROR] = "";
   struct bl_stamp stamp;
   struct bl_read r;
   if (size < 1) {
      return 0;
   }
   const char *path = memory_file(data + 1, size - 1);
   struct bl_prefixes *p = bl_prefixes_new();
   struct bl_names *names = bl_names_new();
   bool good;
   switch (data[0] % 5) {
   case 0: good = bl_read_prefixes(path, p, &stamp, &r, error); break;
   case 1: good = bl_read_names(path, names, &stamp, &r, error); break;
   case 2: good = bl_read_plain(path, BL_ADDRESSES, p, NULL, &stamp, &r, error); break;
   case 3: good = bl_read_plain(path, BL_DOMAINS, NULL, names, &stamp, &r, error); break;
   default: good = bl_read_plain(path, BL_URLS, NULL, names, &stamp, &r, error); break;
   }
   if (!good || !bl_prefixes_finish(p) || (r.bad > 0) != (r.reason[0] != 0)) {
      abort();
   }
   search_prefixes(p, data, size);
   search_names(names, (const char *) data, size);
   bl_prefixes_free(p);
   bl_names_free(names);
   return 0;
}
