/* SPDX-License-Identifier: BSD-3-Clause */
/** Decodes the messages of an IPFIX file from memory into UniRec records, again and again: collector_decode FILE ROUNDS. Prints
 * records, seconds of processor time, and a sum. */
#include "collector/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint8_t room[UR_MAX_SIZE];
static uint64_t records, sum;

static void *begin_record(void *context, unsigned output, size_t size)
{
   (void) context, (void) output, (void) size;
   return room;
}

static void end_record(void *context, unsigned output, void *record, size_t size)
{
   (void) context, (void) output;
   records++;
   sum += size + *(const uint8_t *) record; /* so that the work is not left out */
}

static uint64_t now(void)
{
   struct timespec t;
   clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* so that other work of the machine does not count */
   return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

static uint8_t *load(const char *path, size_t *size)
{
   FILE *f = fopen(path, "rb");
   uint8_t *bytes = NULL;
   if (f != NULL && fseek(f, 0, SEEK_END) == 0) {
      *size = (size_t) ftell(f);
      rewind(f);
      bytes = malloc(*size + 1);
      if (bytes != NULL && fread(bytes, 1, *size, f) != *size) {
         free(bytes);
         bytes = NULL;
      }
   }
   if (f != NULL) {
      fclose(f);
   }
   return bytes;
}

int main(int argc, char **argv)
{
   char error[FC_ERROR] = "usage: collector_decode FILE ROUNDS";
   size_t size = 0;
   uint8_t *bytes = argc == 3 ? load(argv[1], &size) : NULL;
   struct fc_format *format = bytes != NULL ? fc_format_new(fc_default_format, NULL, error) : NULL;
   if (format == NULL || ur_define_set_of_fields(format->typed) != UR_OK) {
      fprintf(stderr, "collector_decode: %s\n", error);
      return 1;
   }
   fc_format_bind(format, ur_create_template_from_ifc_spec(format->typed));
   struct fc_decoder_config config = {
       .formats = &format, .n_outputs = 1, .sink = {NULL, begin_record, end_record}};
   fc_decoder_defaults(&config);
   struct fc_decoder *d = fc_decoder_new(&config);
   const struct fc_peer peer = {.transport = FC_UDP, .port = 4739};
   uint64_t start = now();
   for (long round = atol(argv[2]); d != NULL && round > 0; round--) {
      for (size_t at = 0; at + 16 <= size;) {
         size_t length = (size_t) bytes[at + 2] << 8 | bytes[at + 3];
         if (length < 16 || at + length > size) {
            break;
         }
         fc_decode(d, &peer, bytes + at, length, 0);
         at += length;
      }
   }
   printf("%llu %.6f %llu\n", (unsigned long long) records, (double) (now() - start) / 1e9,
          (unsigned long long) sum);
   fc_decoder_free(d);
   free(bytes);
   return 0;
}
