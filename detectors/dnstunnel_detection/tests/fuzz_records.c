/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: records of dnstunnel_detection, with thresholds so low that all states are reached.
 *
 * The input is a sequence of: flags (bit 0: response, 1: both directions, 2: the time goes on, 3: the client), QTYPE, size / 4, length of the name,
 * length of the answer, and the bytes of both; bits 4 to 7 repeat the record with another last byte of the name.
 */
#include <nemea/module_test.h>
#include <stdlib.h>
#include <string.h>

extern const nm_module_def_t nm_definition;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS                                                                                        \
   "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_LAST,uint16 DST_PORT,uint16 DNS_QTYPE,string " \
   "DNS_NAME,"                                                                                        \
   "bytes DNS_RDATA,uint32 PACKETS_REV,uint64 BYTES_REV"

static void put(const ur_template_t *t, void *rec, const char *field, const void *value, size_t size)
{
   memcpy(ur_get_ptr_by_id(t, rec, ur_get_id_by_name(field)), value, size);
}

static void feed(nm_test_t *test, const ur_template_t *t, void *rec, const uint8_t head[5],
                 const uint8_t *name, const uint8_t *answer, uint32_t second)
{
   bool response = head[0] & 1;
   ip_addr_t client = ip_from_int(0x0a000001 + (head[0] >> 3 & 1)), server = ip_from_int(0x0a000035);
   uint64_t bytes = head[2] * 4u;
   uint16_t port = response ? 40000 : 53, type = head[1] % 20;
   uint32_t reverse = head[0] >> 1 & 1;
   ur_time_t time = ur_time_from_sec_usec(1000000 + second, 0);
   char text[256];
   memcpy(text, name, head[3]);
   put(t, rec, "SRC_IP", response ? &server : &client, sizeof(client));
   put(t, rec, "DST_IP", response ? &client : &server, sizeof(client));
   put(t, rec, "BYTES", &bytes, sizeof(bytes));
   put(t, rec, "BYTES_REV", &bytes, sizeof(bytes));
   put(t, rec, "PACKETS_REV", &reverse, sizeof(reverse));
   put(t, rec, "DST_PORT", &port, sizeof(port));
   put(t, rec, "DNS_QTYPE", &type, sizeof(type));
   put(t, rec, "TIME_LAST", &time, sizeof(time));
   ur_set_var(t, rec, ur_get_id_by_name("DNS_RDATA"), answer, head[4]);
   for (unsigned i = 0; i <= head[0] >> 4; i++) {
      if (head[3] > 0) {
         text[head[3] - 1] ^= (char) i;
      }
      ur_set_var(t, rec, ur_get_id_by_name("DNS_NAME"), text, head[3]);
      nm_test_feed_bytes(test, 0, rec, (uint16_t) ur_rec_size(t, rec), 0);
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   nm_test_t *test =
       nm_test_new(&nm_definition,
                   "-E - --capacity 4 --names 16 -w 1 -j 2,2 -n 4,2 -o 4,2 -q 0.5,0.4 -t 1,1 -z 1 -l 1,0.1");
   if (test == NULL || nm_test_error(test) != NULL || nm_test_format(test, 0, FIELDS) != NM_OK) {
      abort();
   }
   ur_template_t *t = ur_create_template_from_ifc_spec(FIELDS);
   void *rec = ur_create_record(t, 600);
   uint32_t second = 0;
   while (size > 5) {
      const uint8_t *name = data + 5, *answer = name + data[3];
      size_t used = 5u + data[3] + data[4];
      if (used > size) {
         break;
      }
      second += data[0] >> 2 & 1;
      feed(test, t, rec, data, name, answer, second);
      data += used;
      size -= used;
      while (nm_test_next(test, 0) != NULL || nm_test_next(test, 1) != NULL) {
      }
   }
   nm_test_finish(test);
   ur_free_record(rec);
   ur_free_template(t);
   nm_test_free(test);
   return 0;
}
