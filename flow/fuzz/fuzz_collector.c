/* SPDX-License-Identifier: BSD-3-Clause */
/** Export messages in any order: each begins with two bytes of its length. Every record must be one that the library takes. */
#include "collector/decode.h"
#include "collector/recognise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS UINT64_C(1000000000)

static ur_template_t *templates[2];
static struct fc_format *formats[2];
static uint8_t *room;

static void *begin_record(void *context, unsigned output, size_t size)
{
   (void) context;
   (void) output;
   free(room);          /* of a record that was begun and dropped */
   room = malloc(size); /* its own memory, so that writing beyond it is noticed */
   return room;
}

static void end_record(void *context, unsigned output, void *record, size_t size)
{
   (void) context;
   if (!ur_rec_check(templates[output], record, (uint32_t) size)) {
      abort();
   }
   free(room);
   room = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const char *const texts[2] = {
       NULL, ("?SRC_IP,?DST_PORT,?TLS_SNI,?DNS_NAME,?FLOW_ID,?TIME_FIRST,?SAMPLING_RATE,?TOS,"
              "?PPI_PKT_LENGTHS,?SBI_BRST_PACKETS")};
   struct fc_decoder_config c = {
       .formats = formats, .n_outputs = 2, .sink = {NULL, begin_record, end_record}};
   uint64_t now = NS;
   fc_decoder_defaults(&c);
   c.max_exporters = 2;
   c.max_domains = 4;
   c.max_templates = 8;
   c.max_templates_per_exporter = 4;
   c.waiting_bytes = 4096;
   for (unsigned i = 0; i < 2 && templates[i] == NULL; i++) {
      char error[FC_ERROR];
      formats[i] = fc_format_new(i == 0 ? fc_default_format : texts[i], NULL, error);
      if (formats[i] == NULL ||
          (templates[i] = ur_define_fields_and_update_template(formats[i]->typed, NULL)) == NULL) {
         abort();
      }
      fc_format_bind(formats[i], templates[i]);
   }
   struct fc_decoder *d = fc_decoder_new(&c);
   while (d != NULL && size >= 2) {
      size_t n = (size_t) (data[0] & 0x0f) << 8 | data[1];
      struct fc_peer peer = {.port = data[0] >> 4};
      uint16_t stream = data[0] >> 7; /* as if it came over SCTP */
      data += 2;
      size -= 2;
      n = n < size ? n : size;
      uint8_t *message = malloc(n > 0 ? n : 1);
      memcpy(message, data, n);
      fc_is_export(message, n);
      fc_decode_stream(d, &peer, stream, message, n, now);
      free(message);
      free(room);
      room = NULL;
      fc_decoder_expire(d, now += NS);
      data += n;
      size -= n;
   }
   fc_decoder_free(d);
   return 0;
}
