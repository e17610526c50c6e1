/* SPDX-License-Identifier: BSD-3-Clause */
/** nfwriter: which flows it writes, and its errors. */
#include <nemea/module_cmocka.h>

#include "../nfdump/reader.h"

#define FIELDS                                                                                             \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time TIME_FIRST,time TIME_LAST,uint32 " \
   "PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 DIR_BIT_FIELD,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 "     \
   "TOS,uint8 TTL"
#define BIFLOW                                                                                        \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 BYTES_REV,time TIME_FIRST,time TIME_LAST,uint32 " \
   "PACKETS,uint32 PACKETS_REV,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 " \
   "TCP_FLAGS_REV"
#define TIMES "2024-01-01T00:00:00.123456,2024-01-01T00:00:01.999999"

static nm_test_t *module(const char *options)
{
   char line[100];
   snprintf(line, sizeof(line), "-f %s %s", nm_unit_path(), options);
   return nm_test_new(&nm_definition, line);
}

/* Ends a module. \return what it printed */
static const char *end(nm_test_t *t)
{
   assert_true(nm_test_catch(STDOUT_FILENO));
   assert_int_equal(nm_test_finish(t), NM_OK);
   const char *text = nm_test_caught();
   nm_test_free(t);
   return text;
}

/* Reads the only flows of the file. */
static void read_flows(struct nf_flow *flows, unsigned n)
{
   struct nf_flow none;
   nf_reader_t *r = nf_reader_new();
   assert_true(nf_reader_open(r, nm_unit_path()));
   for (unsigned i = 0; i < n; i++) {
      assert_int_equal(nf_reader_next(r, &flows[i]), NF_FLOW_READ);
   }
   assert_int_equal(nf_reader_next(r, &none), NF_END);
   nf_reader_free(r);
}

static void flows_are_written_with_their_values(void **state)
{
   struct nf_flow flow;
   (void) state;
   nm_test_t *t = module("");
   assert_null(nm_test_error(t));
   nm_test_format(t, 0, FIELDS);
   assert_int_equal(nm_test_feed(t, 0, "10.0.0.2,10.0.0.1,5000000000,261," TIMES ",7,80,1234,3,6,27,8,64"),
                    NM_OK);
   assert_string_equal(end(t), "nfwriter: 1 flows written to file\n");
   read_flows(&flow, 1);
   const struct nf_flow expected = {.src = ip_from_int(0x0a000001),
                                    .dst = ip_from_int(0x0a000002),
                                    .first = 1704067200123,
                                    .last = 1704067201999,
                                    .packets = 7,
                                    .bytes = 5000000000,
                                    .src_port = 1234,
                                    .dst_port = 80,
                                    .protocol = 6,
                                    .tcp_flags = 27,
                                    .tos = 8,
                                    .direction = 3,
                                    .engine_id = 5};
   assert_memory_equal(&flow, &expected, offsetof(struct nf_flow, engine_id) + 1);
}

static void formats_may_change_and_biflows_are_two_flows(void **state)
{
   struct nf_flow flows[3];
   (void) state;
   nm_test_t *t = module("");
   nm_test_format(t, 0, BIFLOW);
   assert_int_equal(nm_test_feed(t, 0, "::2,::1,100,200," TIMES ",1,2,80,1234,6,2,18"), NM_OK);
   nm_test_format(t, 0, FIELDS);
   assert_int_equal(nm_test_feed(t, 0, "10.0.0.2,10.0.0.1,5,1," TIMES ",7,80,1234,0,6,27,8,64"), NM_OK);
   assert_string_equal(end(t), "nfwriter: 3 flows written to file\n");
   read_flows(flows, 3);
   assert_memory_equal(&flows[0].src, &flows[1].dst, sizeof(ip_addr_t));
   assert_int_equal(flows[0].bytes, 100);
   assert_int_equal(flows[1].bytes, 200);
   assert_int_equal(flows[1].packets, 2);
   assert_int_equal(flows[1].src_port, 80);
   assert_int_equal(flows[1].tcp_flags, 18);
   assert_int_equal(flows[2].bytes, 5);
}

static void files_grow_with_append(void **state)
{
   struct nf_flow flows[2];
   (void) state;
   for (int i = 0; i < 2; i++) {
      nm_test_t *t = module(i == 0 ? "" : "-a");
      nm_test_format(t, 0, FIELDS);
      assert_int_equal(nm_test_feed(t, 0, "10.0.0.2,10.0.0.1,5,1," TIMES ",7,80,1234,0,6,27,8,64"), NM_OK);
      end(t);
   }
   read_flows(flows, 2);
   assert_memory_equal(&flows[0], &flows[1], offsetof(struct nf_flow, engine_id) + 1);
}

static void wrong_options_are_errors(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "");
   assert_string_equal(nm_test_error(t), "Error: specify output file with -f param");
   assert_int_equal(nm_test_status(t), 1);
   nm_test_free(t);
   t = module("-b -l");
   assert_string_equal(nm_test_error(t), "Error: options -b and -l exclude each other");
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-f /");
   assert_string_equal(nm_test_error(t), "Error: file /: Is a directory");
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(flows_are_written_with_their_values),
       cmocka_unit_test(formats_may_change_and_biflows_are_two_flows),
       cmocka_unit_test(files_grow_with_append),
       cmocka_unit_test(wrong_options_are_errors),
   };
   return cmocka_run_group_tests(tests, nm_unit_make_file, nm_unit_remove_file);
}
