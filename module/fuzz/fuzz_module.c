/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: the records of a module, which is linked with this file; -DFUZZ_OPTIONS is its command line, -DFUZZ_FORMAT the format
 * of its input; -DFUZZ_OUTPUTS the number of its outputs, if it is variable.
 *
 * The input is a sequence of: one byte; less than 128: as many bytes of a record; more: the record before again, one byte
 * of it replaced (position, value), so that the module sees many records that are nearly alike.
 */
#include <nemea/module_test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REPEATS 4096 /* of all records of an input */

extern const nm_module_def_t nm_definition;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static uint8_t record[1024];
   uint16_t length = 0;
   unsigned repeats = 0;
   static FILE *silent;
   if (silent == NULL) {
      silent = freopen("/dev/null", "we", stdout); /* statistics at the end */
   }
#ifdef FUZZ_OUTPUTS
   nm_test_t *t = nm_test_new_with(&nm_definition, FUZZ_OPTIONS, 1, FUZZ_OUTPUTS);
#else
   nm_test_t *t = nm_test_new(&nm_definition, FUZZ_OPTIONS);
#endif
   if (t == NULL || nm_test_error(t) != NULL || nm_test_format(t, 0, FUZZ_FORMAT) != NM_OK) {
      abort();
   }
   uint16_t fixed = ur_rec_fixlen_size(nm_in_n(nm_test_module(t), 0));
   memset(record, 0, sizeof(record));
   while (size > 2) {
      if (data[0] < 128) {
         length = (uint16_t) (data[0] < size - 1 ? data[0] : size - 1);
         memcpy(record, data + 1, length);
         length = length < fixed ? fixed : length; /* what is left out is that of the record before */
         nm_test_feed_bytes(t, 0, record, length, 0);
         size_t used = 1 + (size_t) (data[0] < size - 1 ? data[0] : size - 1);
         data += used;
         size -= used;
      } else {
         record[data[1] % (length > 0 ? length : 1)] = data[2];
         for (unsigned i = data[0] - 127u; i > 0 && repeats < MAX_REPEATS && length > 0; i--, repeats++) {
            nm_test_feed_bytes(t, 0, record, length, 0);
         }
         data += 3;
         size -= 3;
      }
      while (nm_test_next(t, 0) != NULL) {
      }
   }
   nm_test_finish(t);
   nm_test_free(t);
   return 0;
}
