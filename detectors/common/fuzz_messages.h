/* SPDX-License-Identifier: BSD-3-Clause */
/** What fuzz targets of modules with two inputs share. */
#ifndef DETECTORS_FUZZ_MESSAGES_H
#define DETECTORS_FUZZ_MESSAGES_H

#include <nemea/module_test.h>
#include <stdlib.h>

/** A list of addresses of a botnet, number 1. */
#define FUZZ_BLACKLISTS                                                                      \
   "<configuration><struct name=\"blacklist_array\"><array type=\"IP\"><struct>"             \
   "<element name=\"id\">1</element><element name=\"category\">Intrusion.Botnet</element>"   \
   "<element name=\"method\">http</element><element name=\"name\">n</element>"               \
   "<element name=\"file_format\">text</element><element name=\"source\">http://x</element>" \
   "<element name=\"download_interval\">1</element><element name=\"ip_version\">4</element>" \
   "</struct></array></struct></configuration>"

/** Feeds messages, each with one byte, whose lowest bit is the input, and two bytes of length before it; then ends the module.
 * \param check looks at what was sent after each, and at the end */
static inline void fuzz_messages(nm_test_t *t, const uint8_t *data, size_t size, void (*check)(nm_test_t *t))
{
   for (size_t i = 0; i + 3 <= size;) {
      size_t n = (size_t) data[i + 1] | (size_t) data[i + 2] << 8;
      uint32_t input = data[i] & 1;
      i += 3;
      n = n > size - i ? size - i : n;
      if (nm_test_feed_bytes(t, input, data + i, (uint16_t) n, 0) == NM_ERROR) {
         abort();
      }
      check(t);
      i += n;
   }
   if (nm_test_finish(t) != NM_OK) {
      abort();
   }
   check(t);
}

#endif
