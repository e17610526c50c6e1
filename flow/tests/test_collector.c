/* SPDX-License-Identifier: BSD-3-Clause */
/** The decoder of flow_collector on messages that are described by their bytes, after RFC 3954, 7011, 5103 and 6313. */
#include "collector/addresses.h"
#include "collector/decode.h"
#include "collector/recognise.h"

#include <unirec/ipaddr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MAX_RECORDS 64
#define NS          UINT64_C(1000000000)

struct rig {
   struct fc_decoder *decoder;
   struct fc_format *format;
   ur_template_t *tmplt;
   uint8_t buffer[UR_MAX_SIZE];
   uint8_t *records[MAX_RECORDS];
   unsigned n;
   struct fc_peer peer;
};

static void *begin_record(void *context, unsigned output, size_t size)
{
   struct rig *r = context;
   assert_int_equal(output, 0);
   assert_true(size <= sizeof(r->buffer));
   return r->buffer;
}

static void end_record(void *context, unsigned output, void *record, size_t size)
{
   struct rig *r = context;
   assert_int_equal(output, 0);
   assert_true(ur_rec_check(r->tmplt, record, (uint32_t) size));
   assert_true(r->n < MAX_RECORDS);
   r->records[r->n] = malloc(size);
   memcpy(r->records[r->n++], record, size);
}

static void open_rig(struct rig *r, const char *format, struct fc_decoder_config *config)
{
   char error[FC_ERROR];
   memset(r, 0, sizeof(*r));
   r->format = fc_format_new(format != NULL ? format : fc_default_format, NULL, error);
   assert_non_null(r->format);
   r->tmplt = ur_define_fields_and_update_template(r->format->typed, NULL);
   assert_non_null(r->tmplt);
   fc_format_bind(r->format, r->tmplt);
   config->formats = &r->format;
   config->n_outputs = 1;
   config->sink = (struct fc_sink){r, begin_record, end_record};
   r->decoder = fc_decoder_new(config);
   assert_non_null(r->decoder);
   ip_addr_t ip = ip_from_int(0xc0000201);
   memcpy(r->peer.address, &ip, 16);
   r->peer.port = 2055;
}

static void open_default(struct rig *r, const char *format)
{
   struct fc_decoder_config config = {.rate_use = FC_RATE_APPLY};
   fc_decoder_defaults(&config);
   open_rig(r, format, &config);
}

static void close_rig(struct rig *r)
{
   for (unsigned i = 0; i < r->n; i++) {
      free(r->records[i]);
   }
   fc_decoder_free(r->decoder);
   ur_free_template(r->tmplt);
   fc_format_free(r->format);
}

static uint64_t counter(const struct rig *r, enum fc_counter c)
{
   return fc_decoder_counters(r->decoder)[c];
}

/* A message from hexadecimal digits; blanks are passed over. */
static void feed_at(struct rig *r, const char *hex, uint64_t now)
{
   size_t n = 0;
   uint8_t *message = malloc(strlen(hex) / 2 + 1); /* its own memory, so that reading beyond it is noticed */
   for (const char *p = hex; *p != 0; p++) {
      unsigned v;
      if (*p != ' ') {
         assert_int_equal(sscanf(p, "%2x", &v), 1);
         message[n++] = (uint8_t) v;
         p++;
      }
   }
   uint8_t *exact = malloc(n > 0 ? n : 1);
   memcpy(exact, message, n);
   fc_decode(r->decoder, &r->peer, exact, n, now);
   free(exact);
   free(message);
}

static void feed(struct rig *r, const char *hex)
{
   feed_at(r, hex, NS);
}

static uint64_t value(const struct rig *r, unsigned record, const char *name)
{
   uint64_t v = 0;
   int i = fc_format_find(r->format, name);
   assert_true(i >= 0);
   assert_true(record < r->n);
   memcpy(&v, r->records[record] + r->format->fields[i].offset,
          (size_t) ur_field_type_size[r->format->fields[i].type]);
   return v;
}

static const char *address(const struct rig *r, unsigned record, const char *name)
{
   static char text[INET6_ADDRSTRLEN];
   int i = fc_format_find(r->format, name);
   ip_addr_t ip;
   memcpy(&ip, r->records[record] + r->format->fields[i].offset, 16);
   ip_to_str(&ip, text);
   return text;
}

static const char *text(const struct rig *r, unsigned record, const char *name)
{
   static char copy[512];
   int id = ur_get_id_by_name(name);
   snprintf(copy, sizeof(copy), "%.*s", (int) ur_get_var_len(r->tmplt, r->records[record], id),
            (const char *) ur_get_ptr_by_id(r->tmplt, r->records[record], id));
   return copy;
}

/* Version 5, one record; uptime 100 s, sent at second 1000; the flow lasted from 90 s to 95 s. */
#define V5_HEADER(sequence, sampling) "0005 0001 000186a0 000003e8 1dcd6500 " sequence " 0102 " sampling " "
#define V5_RECORD                                                                                          \
   ("c0000201 c0000202 00000000 0003 0004 00000002 00000064 00015f90 00017318 0050 c000 00 12 06 00 0000 " \
    "0000 "                                                                                                \
    "18 18 0000")

static void v5_records_have_times_from_uptime(void **state)
{
   struct rig r;
   (void) state;
   open_default(&r,
                "SRC_IP,DST_IP,SRC_PORT,DST_PORT,PROTOCOL,PACKETS,BYTES,TIME_FIRST,TIME_LAST,TCP_FLAGS,ODID");
   char message[512];
   snprintf(message, sizeof(message), "%s%s", V5_HEADER("00000005", "0000"), V5_RECORD);
   feed(&r, message);
   assert_int_equal(r.n, 1);
   assert_string_equal(address(&r, 0, "SRC_IP"), "192.0.2.1");
   assert_string_equal(address(&r, 0, "DST_IP"), "192.0.2.2");
   assert_int_equal(value(&r, 0, "SRC_PORT"), 80);
   assert_int_equal(value(&r, 0, "DST_PORT"), 49152);
   assert_int_equal(value(&r, 0, "PROTOCOL"), 6);
   assert_int_equal(value(&r, 0, "TCP_FLAGS"), 0x12);
   assert_int_equal(value(&r, 0, "PACKETS"), 2);
   assert_int_equal(value(&r, 0, "BYTES"), 100);
   assert_int_equal(value(&r, 0, "ODID"), 0x0102);
   /* 1000.5 s less 10 s and less 5 s */
   assert_int_equal(value(&r, 0, "TIME_FIRST") >> 32, 990);
   assert_int_equal(ur_time_get_msec(value(&r, 0, "TIME_FIRST")), 500);
   assert_int_equal(value(&r, 0, "TIME_LAST") >> 32, 995);
   close_rig(&r);
}

static void v5_counts_too_large_for_the_datagram_are_malformed(void **state)
{
   struct rig r;
   (void) state;
   open_default(&r, NULL);
   feed(&r, "0005 0002 000186a0 000003e8 00000000 00000005 0102 0000 c0000201 c0000202");
   feed(&r, "0005 0001");
   assert_int_equal(r.n, 0);
   assert_int_equal(counter(&r, FC_DROP_MALFORMED), 2);
   close_rig(&r);
}

static void v5_sampling_multiplies_counters(void **state)
{
   struct rig r;
   char message[512];
   (void) state;
   open_default(&r, "PACKETS,BYTES,SAMPLING_RATE");
   snprintf(message, sizeof(message), "%s%s", V5_HEADER("00000005", "4064"),
            V5_RECORD); /* mode 1, interval 100 */
   feed(&r, message);
   assert_int_equal(value(&r, 0, "PACKETS"), 200);
   assert_int_equal(value(&r, 0, "BYTES"), 10000);
   assert_int_equal(value(&r, 0, "SAMPLING_RATE"), 100);
   close_rig(&r);
}

static void sequence_numbers_tell_losses_order_and_restarts(void **state)
{
   static const struct {
      const char *sequence;
      unsigned lost, late, restarts;
   } steps[] = {{"00000005", 0, 0, 0}, {"00000006", 0, 0, 0}, {"0000000a", 3, 0, 0}, {"00000008", 2, 1, 0},
                {"0000000b", 2, 1, 0}, {"fffffff0", 1, 2, 0}, {"7fffff00", 1, 2, 1}, {"7fffff01", 1, 2, 1}};
   struct rig r;
   (void) state;
   open_default(&r, NULL);
   for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
      char message[512];
      snprintf(message, sizeof(message), "0005 0001 000186a0 000003e8 1dcd6500 %s 0102 0000 %s",
               steps[i].sequence, V5_RECORD);
      feed(&r, message);
      assert_int_equal(counter(&r, FC_LOST), steps[i].lost);
      assert_int_equal(counter(&r, FC_OUT_OF_ORDER), steps[i].late);
      assert_int_equal(counter(&r, FC_RESTARTS), steps[i].restarts);
   }
   close_rig(&r);
}

/* NetFlow v9: template 256: addresses, packets (4 bytes), bytes (4), first, last. */
#define V9_HEADER(sequence) "0009 0001 000186a0 000003e8 " sequence " 00000007 "
#define V9_TEMPLATE         ("0000 0020 0100 0006 0008 0004 000c 0004 0002 0004 0001 0004 0016 0004 0015 0004 ")
#define V9_DATA             ("0100 001c 0a000001 0a000002 00000003 0000012c 00015f90 00017318 ")

static void v9_template_and_data(void **state)
{
   struct rig r;
   char message[512];
   (void) state;
   open_default(&r, NULL);
   snprintf(message, sizeof(message), "%s%s%s", V9_HEADER("00000001"), V9_TEMPLATE, V9_DATA);
   feed(&r, message);
   assert_int_equal(r.n, 1);
   assert_string_equal(address(&r, 0, "DST_IP"), "10.0.0.2");
   assert_int_equal(value(&r, 0, "PACKETS"), 3);
   assert_int_equal(value(&r, 0, "TIME_FIRST") >> 32, 990);
   assert_int_equal(value(&r, 0, "LINK_BIT_FIELD"), 7);
   assert_int_equal(counter(&r, FC_TEMPLATES), 1);
   feed(&r, message); /* sent again: the same template */
   assert_int_equal(counter(&r, FC_TEMPLATES), 1);
   close_rig(&r);
}

static void data_before_its_template_waits(void **state)
{
   struct rig r;
   char message[512];
   (void) state;
   open_default(&r, NULL);
   snprintf(message, sizeof(message), "%s%s", V9_HEADER("00000001"), V9_DATA);
   feed(&r, message);
   assert_int_equal(r.n, 0);
   snprintf(message, sizeof(message), "%s%s", V9_HEADER("00000002"), V9_TEMPLATE);
   feed(&r, message);
   assert_int_equal(r.n, 1);
   assert_int_equal(counter(&r, FC_WAITED), 1);
   /* Of another domain: it has another template by this number, which never comes. */
   feed_at(&r, "0009 0001 000186a0 000003e8 00000001 00000008 0100 0008 0a000001", 2 * NS);
   fc_decoder_expire(r.decoder, 61 * NS);
   assert_int_equal(counter(&r, FC_DROP_NO_TEMPLATE), 0);
   fc_decoder_expire(r.decoder, 63 * NS);
   assert_int_equal(counter(&r, FC_DROP_NO_TEMPLATE), 1);
   close_rig(&r);
}

static void v9_options_tell_the_rate_of_samplers(void **state)
{
   struct rig r;
   char message[1024];
   (void) state;
   open_default(&r, "PACKETS,BYTES");
   /* Options template 257: scope system (4 bytes), samplerId (1), samplerRandomInterval (4); then its data, padded. */
   snprintf(message, sizeof(message), "%s%s%s%s%s", V9_HEADER("00000001"),
            "0001 0018 0101 0004 0008 0001 0004 0030 0001 0032 0004 0000 ",
            "0101 0010 c0000201 09 000003e8 000000 ", "0000 0014 0100 0003 0002 0004 0001 0004 0030 0001 ",
            "0100 0010 00000002 0000000a 09 000000 ");
   feed(&r, message);
   assert_int_equal(counter(&r, FC_OPTIONS), 1);
   assert_int_equal(r.n, 1);
   assert_int_equal(value(&r, 0, "PACKETS"), 2000);
   assert_int_equal(value(&r, 0, "BYTES"), 10000);
   assert_int_equal(counter(&r, FC_DROP_MALFORMED), 0);
   close_rig(&r);
}

static void ipfix_reduced_sizes_enterprise_elements_and_variable_lengths(void **state)
{
   struct rig r;
   (void) state;
   open_default(&r, "SRC_IP,DST_IP,PACKETS,BYTES,PACKETS_REV,TIME_FIRST,TIME_LAST,TLS_SNI,?TCP_FLAGS");
   /* Template 300: IPv6 addresses, octetDeltaCount in 5 bytes, packetDeltaCount in 3, its reverse in 2, times in ms and us,
    * tcpControlBits in 2 bytes, CESNET 808 of variable length; a record with a short and one with a long length */
   feed(&r,
        "000a 00d6 00000064 00000000 00000001 "
        "0002 003c 012c 0009 001b 0010 001c 0010 0001 0005 0002 0003 8002 0002 00007279 0098 0008 009b 0008 "
        "0006 0002 8328 ffff 00001f79 0000 0000 0000 0000 "
        "012c 008a "
        "20010db8000000000000000000000001 20010db8000000000000000000000002 0100000000 000005 0004 "
        "00000000000f4a24 83aa8264 80000000 0112 03 612e62 "
        "20010db8000000000000000000000003 20010db8000000000000000000000004 0000000001 000006 0000 "
        "00000000000f4a24 83aa8264 80000000 0002 ff 0004 632e6465 000000");
   assert_int_equal(counter(&r, FC_DROP_MALFORMED), 0);
   assert_int_equal(r.n, 2);
   assert_string_equal(address(&r, 0, "SRC_IP"), "2001:db8::1");
   assert_int_equal(value(&r, 0, "BYTES"), UINT64_C(1) << 32);
   assert_int_equal(value(&r, 0, "PACKETS"), 5);
   assert_int_equal(value(&r, 0, "PACKETS_REV"), 4);
   assert_int_equal(value(&r, 0, "TIME_FIRST") >> 32, 1002);
   assert_int_equal(ur_time_get_msec(value(&r, 0, "TIME_FIRST")), 20);
   assert_int_equal(value(&r, 0, "TIME_LAST"), ((UINT64_C(0x83aa8264) - 2208988800) << 32) + 0x80000000u);
   assert_int_equal(value(&r, 0, "TCP_FLAGS"), 0x12);
   assert_string_equal(text(&r, 0, "TLS_SNI"), "a.b");
   assert_string_equal(text(&r, 1, "TLS_SNI"), "c.de");
   close_rig(&r);
}

static void ipfix_withdrawal_and_domains(void **state)
{
   struct rig r;
   (void) state;
   open_default(&r, "BYTES");
   /* The same number in two domains: octetDeltaCount in 4 bytes, and in 8. */
   feed(&r, "000a 001c 00000064 00000000 00000001 0002 000c 0100 0001 0001 0004");
   feed(&r, "000a 001c 00000064 00000000 00000002 0002 000c 0100 0001 0001 0008");
   feed(&r, "000a 001c 00000064 00000000 00000001 0100 000c 00000001 00000002");
   feed(&r, "000a 001c 00000064 00000000 00000002 0100 000c 0000000000000003");
   assert_int_equal(r.n, 3);
   assert_int_equal(value(&r, 1, "BYTES"), 2);
   assert_int_equal(value(&r, 2, "BYTES"), 3);
   feed(&r, "000a 0018 00000064 00000002 00000001 0002 0008 0100 0000");
   assert_int_equal(counter(&r, FC_WITHDRAWN), 1);
   feed(&r, "000a 0018 00000064 00000002 00000001 0100 0008 00000001");
   feed(&r, "000a 001c 00000064 00000001 00000002 0100 000c 0000000000000004");
   assert_int_equal(r.n, 4);
   fc_decoder_expire(r.decoder, UINT64_MAX);
   assert_int_equal(counter(&r, FC_DROP_NO_TEMPLATE), 1);
   close_rig(&r);
}

/* Each stream of SCTP has sequence numbers of its own; templates are those of the association. */
static void streams_count_on_their_own(void **state)
{
   static const struct {
      uint16_t stream;
      uint8_t sequence, lost;
   } steps[] = {{0, 0, 0}, {3, 0, 0}, {0, 1, 0}, {3, 1, 0}, {3, 2, 0}, {0, 2, 0}, {3, 5, 2}, {0, 4, 3}};
   uint8_t message[] = {0, 10, 0, 24, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 8, 0, 0, 0, 9};
   struct rig r;
   (void) state;
   open_default(&r, "BYTES");
   r.peer.transport = FC_SCTP;
   feed(&r, "000a 001c 00000064 00000000 00000001 0002 000c 0100 0001 0001 0004");
   for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
      message[11] = steps[i].sequence;
      fc_decode_stream(r.decoder, &r.peer, steps[i].stream, message, sizeof(message), NS);
      assert_int_equal(counter(&r, FC_LOST), steps[i].lost);
   }
   assert_int_equal(r.n, 8);
   close_rig(&r);
}

/* --------------------------------------------------------------- lists of RFC 6313 */

/* An IPFIX message of one set. */
static void feed_set(struct rig *r, const char *id, const char *hex)
{
   char message[2000];
   size_t digits = 0;
   for (const char *p = hex; *p != 0; p++) {
      digits += *p != ' ';
   }
   snprintf(message, sizeof(message), "000a %04x 00000064 00000000 00000001 %s %04x %s",
            (unsigned) (20 + digits / 2), id, (unsigned) (4 + digits / 2), hex);
   feed(r, message);
}

static const char *lengths(const struct rig *r, unsigned record)
{
   static char copy[512];
   int id = ur_get_id_by_name("PPI_PKT_LENGTHS");
   const uint16_t *values = ur_get_ptr_by_id(r->tmplt, r->records[record], id);
   copy[0] = 0;
   for (unsigned i = 0; i < ur_get_var_len(r->tmplt, r->records[record], id) / 2u; i++) {
      uint16_t value;
      memcpy(&value, values + i, 2);
      snprintf(copy + strlen(copy), sizeof(copy) - strlen(copy), "%u ", value);
   }
   return copy;
}

/* 256: source address and a subTemplateList; 258: source address and a subTemplateMultiList. 257, of their records: destination port and a
 * length of CESNET's 1013; 259: a subTemplateList; 260: a name of variable length (DNSName) and a port. */
#define LIST_TEMPLATES                                                      \
   ("0100 0002 0008 0004 0124 ffff  0101 0002 000b 0002 83f5 0002 00001f79" \
    "0102 0002 0008 0004 0125 ffff  0103 0001 0124 ffff  0104 0002 8002 ffff 00001f79 000b 0002")
#define LIST_FORMAT "SRC_IP,?DST_PORT,?PPI_PKT_LENGTHS"

static void records_in_lists_become_fields(void **state)
{
   struct rig r;
   (void) state;
   open_default(&r, LIST_FORMAT);
   feed_set(&r, "0002", LIST_TEMPLATES);
   assert_int_equal(counter(&r, FC_TEMPLATES), 5);
   /* A port from the first record that has one, an array from all of them. */
   feed_set(&r, "0100", "0a000001 0f 03 0101 0000 0064 01bb 00c8 0050 012c");
   assert_int_equal(r.n, 1);
   assert_string_equal(address(&r, 0, "SRC_IP"), "10.0.0.1");
   assert_int_equal(value(&r, 0, "DST_PORT"), 443);
   assert_string_equal(lengths(&r, 0), "100 200 300 ");
   /* Several templates in one list, one of which is not known; the list is the last field of two records. */
   feed_set(&r, "0102",
            "0a000002 0f 03 03e7 0006 1234 0101 0008 0050 0064 0a000003 09 04 0101 0008 0051 0065");
   assert_int_equal(r.n, 3);
   assert_int_equal(value(&r, 1, "DST_PORT"), 80);
   assert_string_equal(lengths(&r, 1), "100 ");
   assert_int_equal(value(&r, 2, "DST_PORT"), 81);
   assert_string_equal(address(&r, 2, "SRC_IP"), "10.0.0.3");
   assert_int_equal(counter(&r, FC_LISTS_PASSED), 1);
   /* A list in a list, records of variable length, and a list of no records. */
   feed_set(&r, "0100", "0a000004 0a 03 0103 06 03 0104 00 0016 0a000005 03 03 0101");
   assert_int_equal(r.n, 5);
   assert_int_equal(value(&r, 3, "DST_PORT"), 22);
   assert_int_equal(value(&r, 4, "DST_PORT"), 0);
   assert_string_equal(lengths(&r, 4), "");
   assert_int_equal(counter(&r, FC_DROP_MALFORMED), 0);
   close_rig(&r);
}

static void lists_that_cannot_be_read_are_counted(void **state)
{
   static const char *const lists[] = {
       "05 00 0101 0050",                                /* none of its values is one of the flow */
       "02 03 01",                                       /* no template */
       "06 03 0101 0050 00",                             /* not a whole record */
       "05 03 0999 0050",                                /* its template has not come */
       "10 03 0103 0c 03 0103 08 03 0103 04 03 0103 00", /* in the last one of four is none */
       "14 03 0103 10 03 0103 0c 03 0103 08 03 0103 04 03 0103 00", /* one deeper than is read */
   };
   static const unsigned counted[] = {1, 1, 1, 1, 0, 1};
   struct rig r;
   (void) state;
   open_default(&r, LIST_FORMAT);
   feed_set(&r, "0002", LIST_TEMPLATES);
   for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
      char set[200];
      uint64_t before = counter(&r, FC_LISTS_PASSED);
      snprintf(set, sizeof(set), "0a000001 %s", lists[i]);
      feed_set(&r, "0100", set);
      assert_int_equal(r.n, i + 1); /* the record itself is sent */
      assert_int_equal(value(&r, (unsigned) i, "DST_PORT"), 0);
      assert_int_equal(counter(&r, FC_LISTS_PASSED) - before, counted[i]);
   }
   assert_int_equal(counter(&r, FC_DROP_MALFORMED), 0);
   feed_set(&r, "0102", "0a000001 0b 03 0101 0008 0050 0064 0101"); /* an entry without its length */
   feed_set(&r, "0102", "0a000001 05 03 0101 0003");                /* an entry shorter than its header */
   assert_int_equal(value(&r, 6, "DST_PORT"), 80);
   assert_int_equal(counter(&r, FC_LISTS_PASSED), 7);
   close_rig(&r);
}

/* The template cannot tell whether its records have the field. */
static void a_mandatory_field_may_be_in_a_list(void **state)
{
   struct rig r;
   (void) state;
   open_default(&r, "SRC_IP,DST_PORT");
   feed_set(&r, "0002", LIST_TEMPLATES);
   feed_set(&r, "0100", "0a000001 07 03 0101 0050 0064");
   feed_set(&r, "0100", "0a000002 03 03 0101");
   assert_int_equal(r.n, 1);
   assert_int_equal(value(&r, 0, "DST_PORT"), 80);
   assert_int_equal(counter(&r, FC_DROP_MANDATORY), 1);
   close_rig(&r);
}

/* A list whose arrays are larger than any record: the record is dropped, and counted. */
static void lists_larger_than_a_record_are_counted(void **state)
{
   struct rig r;
   (void) state;
   open_default(&r, "SRC_IP,?SBI_BRST_PACKETS");
   /* 1050 of CESNET, in one byte each, becomes 32-bit numbers. */
   feed_set(&r, "0002", "0100 0002 0008 0004 0124 ffff  0101 0001 841a 0001 00001f79");
   size_t values = 30000, size = 16 + 4 + 4 + 3 + 3 + values;
   uint8_t *m = calloc(1, size);
   const uint8_t begin[] = {0,
                            10,
                            (uint8_t) (size >> 8),
                            (uint8_t) size,
                            0,
                            0,
                            0,
                            100,
                            0,
                            0,
                            0,
                            0,
                            0,
                            0,
                            0,
                            1,
                            1,
                            0,
                            (uint8_t) ((size - 16) >> 8),
                            (uint8_t) (size - 16),
                            10,
                            0,
                            0,
                            1,
                            255,
                            (uint8_t) ((values + 3) >> 8),
                            (uint8_t) (values + 3),
                            3,
                            1,
                            1};
   assert_non_null(m);
   memcpy(m, begin, sizeof(begin));
   fc_decode(r.decoder, &r.peer, m, size, NS);
   free(m);
   assert_int_equal(r.n, 0);
   assert_int_equal(counter(&r, FC_DROP_SIZE), 1);
   close_rig(&r);
}

static void templates_are_limited(void **state)
{
   struct rig r;
   struct fc_decoder_config config = {0};
   (void) state;
   fc_decoder_defaults(&config);
   config.max_templates_per_exporter = 4;
   config.max_exporters = 2;
   open_rig(&r, "BYTES", &config);
   for (unsigned i = 0; i < 100; i++) {
      char message[256];
      snprintf(message, sizeof(message), "000a 001c 00000064 00000000 00000001 0002 000c %04x 0001 0001 0004",
               256 + i);
      r.peer.port = (uint16_t) (2055 + i / 25);
      feed(&r, message);
   }
   assert_int_equal(counter(&r, FC_TEMPLATES), 100);
   assert_int_equal(counter(&r, FC_EXPORTERS_EVICTED), 2);
   assert_int_equal(counter(&r, FC_TEMPLATES_EVICTED), 4 * (25 - 4));
   /* Used last: still there. */
   feed(&r, "000a 0018 00000064 00000000 00000001 0163 0008 00000001");
   assert_int_equal(r.n, 1);
   close_rig(&r);
}

static void broken_messages_are_counted(void **state)
{
   static const char *const messages[] = {
       "000a 0018 00000064 00000000 00000001 0100 0003 00000001", /* a set shorter than its header */
       "000a 0018 00000064 00000000 00000001 0100 0009 00000001", /* longer than the message */
       "000a 0018 00000064 00000000 00000001 0004 0008 00000001", /* a number that no set has */
       "000a 0014 00000064 00000000 00000001 0100 0004 00000001 00",
       "000a 0019 00000064 00000000 00000001",
       "000a 001c 00000064 00000000 00000001 0002 000c 0100 0002 0001 0004", /* one specifier of two */
       "000a 001c 00000064 00000000 00000001 0002 000c 0100 0001 0001 0000", /* records of no bytes */
       "000a 001c 00000064 00000000 00000001 0002 000c 00ff 0001 0001 0004"};
   struct rig r;
   (void) state;
   open_default(&r, "BYTES");
   for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
      uint64_t before = counter(&r, FC_DROP_MALFORMED) + counter(&r, FC_DROP_NO_TEMPLATE);
      feed(&r, messages[i]);
      if (i != 3) { /* what follows the message's own length is no part of it */
         assert_int_equal(counter(&r, FC_DROP_MALFORMED) + counter(&r, FC_DROP_NO_TEMPLATE), before + 1);
      }
   }
   feed(&r, "0008 0000 0000");
   feed(&r, "");
   assert_int_equal(counter(&r, FC_DROP_VERSION), 2);
   assert_int_equal(r.n, 0);
   close_rig(&r);
}

static void a_record_without_a_mandatory_field_is_counted(void **state)
{
   struct rig r;
   (void) state;
   open_default(&r, "BYTES,PACKETS");
   feed(&r, "000a 0024 00000064 00000000 00000001 0002 000c 0100 0001 0001 0004 0100 0008 00000001");
   assert_int_equal(r.n, 0);
   assert_int_equal(counter(&r, FC_DROP_MANDATORY), 1);
   close_rig(&r);
}

static void links_follow_exporter_and_interface(void **state)
{
   struct rig r;
   struct fc_decoder_config config = {0};
   char error[FC_ERROR], message[512];
   struct fc_addresses *links = fc_addresses_new(), *allowed = fc_addresses_new();
   (void) state;
   fc_decoder_defaults(&config);
   assert_true(fc_addresses_link(links, "192.0.2.0/24%4=9", error));
   assert_true(fc_addresses_link(links, "192.0.2.1%3=5:1", error));
   assert_false(fc_addresses_link(links, "192.0.2.1=x", error));
   assert_false(fc_addresses_link(links, "192.0.2.1/33=1", error));
   assert_true(fc_addresses_add(allowed, "192.0.2.0/30", error));
   config.link_of = fc_addresses_link_of;
   config.link_context = links;
   config.allowed = fc_addresses_allow;
   config.allowed_context = allowed;
   open_rig(&r, "LINK_BIT_FIELD,DIR_BIT_FIELD", &config);
   snprintf(message, sizeof(message), "%s%s", V5_HEADER("00000005", "0000"), V5_RECORD);
   feed(&r, message);
   assert_int_equal(value(&r, 0, "LINK_BIT_FIELD"), 5);
   assert_int_equal(value(&r, 0, "DIR_BIT_FIELD"), 1);
   r.peer.address[11] = 9;
   feed(&r, message);
   assert_int_equal(r.n, 1);
   assert_int_equal(counter(&r, FC_DROP_NOT_ALLOWED), 1);
   close_rig(&r);
   fc_addresses_free(links);
   fc_addresses_free(allowed);
}

static void formats_are_checked(void **state)
{
   static const struct {
      const char *text, *error;
   } cases[] = {{"SRC_IP,NO_SUCH_FIELD", "NO_SUCH_FIELD"},
                {"SRC_IP,SRC_IP", "twice"},
                {"SRC_IP,", "without a name"},
                {"SRC_IP DST_IP", "comma"}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char error[FC_ERROR] = "";
      assert_null(fc_format_new(cases[i].text, NULL, error));
      assert_non_null(strstr(error, cases[i].error));
   }
}

/* A datagram of sFlow with one flow sample (rate 1000) of an IPv4 header, and one sample of counters. */
#define SFLOW                                                                                  \
   "00000005 00000001 0a000001 00000007 %08x 00000000 00000002"                                \
   "00000001 0000005c 00000001 00000003 000003e8 00000000 00000000 00000003 00000004 00000001" \
   "00000001 00000034 0000000b 00000100 00000000 00000024"                                     \
   "45000100 00010000 3f110000 c0000201 c6336402 00350400 00ec0000 00000000 00000000"          \
   "00000002 00000004 00000000"

static void sflow_samples_become_records(void **state)
{
   (void) state;
   struct fc_decoder_config config = {.n_outputs = 0};
   struct rig r;
   char message[1000];
   fc_decoder_defaults(&config);
   open_rig(&r, "SRC_PORT,PROTOCOL,BYTES,PACKETS,LINK_BIT_FIELD,TIME_FIRST,TIME_LAST", &config);
   snprintf(message, sizeof(message), SFLOW, 1u);
   feed(&r, message);
   snprintf(message, sizeof(message), SFLOW, 5u);
   feed(&r, message);
   assert_int_equal(r.n, 2);
   assert_int_equal(value(&r, 0, "SRC_PORT"), 53);
   assert_int_equal(value(&r, 0, "PROTOCOL"), 17);
   assert_int_equal(value(&r, 0, "BYTES"), 256000);
   assert_int_equal(value(&r, 0, "PACKETS"), 1000);
   assert_int_equal(value(&r, 0, "LINK_BIT_FIELD"), 7);
   assert_int_equal(value(&r, 0, "TIME_FIRST"), value(&r, 0, "TIME_LAST"));
   assert_int_equal(counter(&r, FC_SFLOW), 2);
   assert_int_equal(counter(&r, FC_LOST), 3);
   assert_int_equal(counter(&r, FC_SAMPLES_PASSED), 2);
   message[strlen(message) - 1] = 0; /* cut */
   message[strlen(message) - 1] = 0;
   feed(&r, message);
   assert_int_equal(counter(&r, FC_DROP_MALFORMED), 1);
   close_rig(&r);
}

static void messages_are_recognized(void **state)
{
   static const uint8_t v9[] = {0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 4};
   (void) state;
   assert_true(fc_is_export(v9, sizeof(v9)));
   assert_false(fc_is_export(v9, sizeof(v9) - 1));
   assert_false(fc_is_export(v9, 3));
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(v5_records_have_times_from_uptime),
       cmocka_unit_test(v5_counts_too_large_for_the_datagram_are_malformed),
       cmocka_unit_test(v5_sampling_multiplies_counters),
       cmocka_unit_test(sequence_numbers_tell_losses_order_and_restarts),
       cmocka_unit_test(v9_template_and_data),
       cmocka_unit_test(data_before_its_template_waits),
       cmocka_unit_test(v9_options_tell_the_rate_of_samplers),
       cmocka_unit_test(ipfix_reduced_sizes_enterprise_elements_and_variable_lengths),
       cmocka_unit_test(ipfix_withdrawal_and_domains),
       cmocka_unit_test(streams_count_on_their_own),
       cmocka_unit_test(records_in_lists_become_fields),
       cmocka_unit_test(lists_that_cannot_be_read_are_counted),
       cmocka_unit_test(a_mandatory_field_may_be_in_a_list),
       cmocka_unit_test(lists_larger_than_a_record_are_counted),
       cmocka_unit_test(templates_are_limited),
       cmocka_unit_test(broken_messages_are_counted),
       cmocka_unit_test(a_record_without_a_mandatory_field_is_counted),
       cmocka_unit_test(links_follow_exporter_and_interface),
       cmocka_unit_test(sflow_samples_become_records),
       cmocka_unit_test(formats_are_checked),
       cmocka_unit_test(messages_are_recognized),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
