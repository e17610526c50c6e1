/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugins for packet statistics, and options of plugins. */
#include "plugin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void options_are_checked(void **state)
{
   char error[FLOW_PLUGIN_ERROR];
   const struct flow_plugin *p = flow_plugin_find("pstats");
   (void) state;
   assert_true(flow_plugin_configure(p, "includezeroes:skipdup", error));
   assert_true(flow_plugin_configure(p, "includezeroes=0:skipdup=0", error));
   assert_false(flow_plugin_configure(p, "skipdups", error));
   assert_string_equal(error, "plugin pstats: unknown option \"skipdups\" (expected includezeroes, skipdup)");
   assert_false(flow_plugin_configure(p, "skipdup=2", error));
   assert_string_equal(error, "plugin pstats: option skipdup: \"2\" is not a number from 0 to 1");
   assert_false(flow_plugin_configure(flow_plugin_find("vlan"), "x", error));
   assert_string_equal(error, "plugin vlan: unknown option \"x\" (expected none)");
   assert_null(flow_plugin_find("nothing"));
}

static void basicplus_reads_tcp_options(void **state)
{
   /* MSS 1460, SACK permitted, an option of kind 253, which the bitmap has no room for. */
   static const uint8_t tcp_options[] = {2, 4, 5, 0xb4, 4, 2, 253, 4, 0, 0, 1, 0};
   (void) state;
   for (unsigned exact = 0; exact < 2; exact++) {
      struct rig *r = rig_new("basicplus", exact ? "exactmss" : "", false, 80);
      memcpy(r->tcp_options, tcp_options, sizeof(tcp_options));
      r->tcp_options_size = sizeof(tcp_options);
      rig_packet(r, false, 2, "", 0);
      rig_packet(r, true, 0x12, "", 0);
      assert_int_equal(rig_number(r, 0, "TCP_MSS"), exact ? 1460 : 0x05b40402);
      assert_int_equal(rig_number(r, 0, "TCP_OPT"), 1 << 7 | 1 << 6 | 1 << 5 | 1 << 3);
      assert_int_equal(rig_number(r, 0, "TCP_SYN_SIZE"), 52);
      assert_int_equal(rig_number(r, 0, "IP_TTL"), 64);
      assert_int_equal(rig_number(r, 0, "IP_TTL_REV"), 60);
      assert_int_equal(rig_number(r, 0, "IP_FLG"), 2);
      assert_int_equal(rig_number(r, 0, "TCP_WIN_REV"), 2000);
      rig_free(r);
   }
}

static void broken_tcp_options_end_the_list(void **state)
{
   static const uint8_t broken[][4] = {{2, 0, 0, 0}, {2, 40, 1, 1}, {1, 1, 1, 2}, {2, 1, 3, 3}};
   (void) state;
   for (unsigned i = 0; i < 4; i++) {
      struct rig *r = rig_new("basicplus", "", false, 80);
      memcpy(r->tcp_options, broken[i], 4);
      r->tcp_options_size = 4;
      rig_packet(r, false, 2, "", 0);
      assert_int_equal(rig_number(r, 0, "TCP_MSS"), 0);
      assert_int_equal(rig_number(r, 0, "TCP_OPT"), i == 2 ? 1 << 6 : 0);
      rig_free(r);
   }
}

static void pstats_lists_packets_and_leaves_out_duplicates(void **state)
{
   (void) state;
   struct rig *r = rig_new("pstats", "skipdup", false, 80);
   rig_packet(r, false, 2, "", 0);
   rig_text(r, false, "12345");
   r->seq[0] -= 5;
   rig_text(r, false, "12345");
   rig_text(r, true, "123");
   assert_int_equal(rig_elements(r, 0, "PPI_PKT_LENGTHS"), 2);
   assert_int_equal(rig_element(r, 0, "PPI_PKT_LENGTHS", 0), 5);
   assert_int_equal(rig_element(r, 0, "PPI_PKT_LENGTHS", 1), 3);
   assert_int_equal((int8_t) rig_element(r, 0, "PPI_PKT_DIRECTIONS", 1), -1);
   rig_free(r);
   r = rig_new("pstats", "", false, 80);
   rig_packet(r, false, 2, "", 0);
   rig_flush(r);
   assert_int_equal(r->n_records, 0); /* a SYN alone */
   for (unsigned i = 0; i < 40; i++) {
      rig_text(r, i & 1, "x");
   }
   assert_int_equal(rig_elements(r, 0, "PPI_PKT_FLAGS"), 30);
   rig_free(r);
}

static void flows_that_end_early_are_finished_too(void **state)
{
   (void) state;
   struct rig *r = rig_new("bstats", "", false, 80);
   for (unsigned i = 0; i < 4; i++) {
      rig_text(r, false, "12345");
   }
   rig_packet(r, false, 0x11, "", 0);
   rig_packet(r, false, 2, "", 0); /* the next connection ends this flow */
   assert_int_equal(r->n_records, 1);
   assert_int_equal(rig_elements(r, 0, "SBI_BRST_BYTES"), 1);
   assert_int_equal(rig_element(r, 0, "SBI_BRST_BYTES", 0), 20);
   rig_free(r);
}

static void bursts_end_after_a_second(void **state)
{
   (void) state;
   struct rig *r = rig_new("bstats", "", true, 9999);
   for (unsigned burst = 0; burst < 20; burst++) {
      for (unsigned i = 0; i < 3 + (burst & 1); i++) {
         rig_text(r, true, "abc");
      }
      rig_text(r, false, "a"); /* alone */
      r->time += NS;
   }
   assert_int_equal(rig_elements(r, 0, "SBI_BRST_PACKETS"), 15);
   assert_int_equal(rig_elements(r, 0, "DBI_BRST_PACKETS"), 0);
   assert_int_equal(rig_element(r, 0, "SBI_BRST_PACKETS", 1), 4);
   rig_free(r);
}

static void histograms_of_late_packets_count_no_time(void **state)
{
   (void) state;
   struct rig *r = rig_new("phists", "", true, 9999);
   rig_text(r, false, "0123456789abcdef");
   r->time -= 500 * NS / 1000;
   rig_text(r, false, "0");
   r->time += 2 * NS;
   rig_text(r, false, "0");
   assert_int_equal(rig_element(r, 0, "S_PHISTS_SIZES", 0), 2);
   assert_int_equal(rig_element(r, 0, "S_PHISTS_SIZES", 1), 1);
   assert_int_equal(rig_element(r, 0, "S_PHISTS_IPT", 0), 1);
   assert_int_equal(rig_element(r, 0, "S_PHISTS_IPT", 7), 1);
   rig_free(r);
}

static void flow_hash_is_that_of_the_key(void **state)
{
   (void) state;
   for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
      struct rig *r = rig_new("flowhash", "", true, 9999);
      r->ipv6 = ipv6;
      rig_text(r, false, "x");
      rig_text(r, true, "y");
      rig_flush(r);
      assert_int_equal(r->n_records, 1);
      assert_true(rig_number(r, 0, "FLOW_ID") != 0);
      rig_free(r);
   }
}

static void ovpn_takes_no_byte_that_is_not_there(void **state)
{
   (void) state;
   struct rig *r = rig_new("ovpn", "", false, 1194);
   for (unsigned i = 0; i < 6; i++) {
      rig_text(r, i & 1, "\x01\x02"); /* the length, and nothing behind it */
   }
   assert_int_equal(rig_number(r, 0, "OVPN_CONF_LEVEL"), 0);
   rig_free(r);
   r = rig_new("ovpn", "", true, 1194);
   char data[600] = {0x30};
   for (unsigned i = 0; i < 30; i++) {
      rig_packet(r, i & 1, 0, data, sizeof(data));
   }
   assert_int_equal(rig_number(r, 0, "OVPN_CONF_LEVEL"), 80); /* data messages only */
   rig_free(r);
}

static void wireguard_by_its_messages(void **state)
{
   uint8_t initiation[148] = {1, 0, 0, 0, 7}, response[92] = {2, 0, 0, 0, 9, 0, 0, 0, 7},
           data[32] = {4, 0, 0, 0, 9};
   (void) state;
   struct rig *r = rig_new("wg", "", true, 51820);
   rig_packet(r, false, 0, initiation, sizeof(initiation));
   rig_packet(r, true, 0, response, sizeof(response));
   rig_packet(r, false, 0, data, sizeof(data));
   initiation[4] = 8; /* another handshake */
   rig_packet(r, false, 0, initiation, sizeof(initiation));
   rig_text(r, true, "no WireGuard message at all");
   rig_flush(r);
   assert_int_equal(r->n_records, 2);
   assert_int_equal(rig_number(r, 0, "WG_CONF_LEVEL"), 100);
   assert_int_equal(rig_number(r, 0, "WG_SRC_PEER"), 7);
   assert_int_equal(rig_number(r, 0, "WG_DST_PEER"), 9);
   assert_int_equal(rig_number(r, 1, "WG_SRC_PEER"), 8);
   assert_int_equal(rig_number(r, 1, "WG_CONF_LEVEL"), 0);
   rig_free(r);
}

static void ssadetector_finds_handshakes_in_a_tunnel(void **state)
{
   char data[150] = "";
   (void) state;
   for (unsigned similar = 0; similar < 2; similar++) {
      struct rig *r = rig_new("ssadetector", "", true, 51820);
      for (unsigned i = 0; i < 30; i++) {
         rig_packet(r, i & 1, 0, data, 20);
      }
      for (unsigned i = 0; i < 10; i++) {
         rig_packet(r, false, 0, data, similar ? 90 : 60 + i);
         rig_packet(r, true, 0, data, similar ? 94 : 72 + i);
         r->time += 10 * NS;
      }
      assert_int_equal(rig_number(r, 0, "SSA_CONF_LEVEL"), similar);
      rig_free(r);
   }
}

static void ntp_times_are_exact(void **state)
{
   uint8_t p[48] = {0x24, 0, 6, 0xe8, 0, 1, 2, 3, 4, 5, 6, 7, 'R', 'A', 'T', 'E'};
   (void) state;
   p[16] = 0x0a;            /* bytes below 16 */
   p[20] = 0x01;            /* 1/256 s */
   memset(p + 24, 0xff, 8); /* rounded up to the next second */
   struct rig *r = rig_new("ntp", "exactdelay", true, 123);
   rig_packet(r, true, 0, p, sizeof(p));
   rig_packet(r, true, 0, p, sizeof(p) - 1);
   rig_flush(r);
   assert_int_equal(r->n_records, 1);
   assert_string_equal(rig_string(r, 0, "NTP_REF"), "167772160.003906");
   assert_string_equal(rig_string(r, 0, "NTP_ORIG"), "4294967296.000000");
   assert_string_equal(rig_string(r, 0, "NTP_REF_ID"), "RATE");
   assert_int_equal(rig_number(r, 0, "NTP_DELAY"), 0x010203);
   assert_int_equal(rig_number(r, 0, "NTP_DISPERSION"), 0x04050607);
   rig_free(r);
}

static void no_netbios_name_is_lost_or_read_beyond_the_packet(void **state)
{
   uint8_t p[12 + 33 + 5] = {0, 1, 1, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 32};
   (void) state;
   memset(p + 13, 'A', 32);
   struct rig *r = rig_new("netbios", "", true, 137);
   for (unsigned i = 0; i < 20; i++) {
      p[13] = 'E';
      p[14] = (uint8_t) ('B' + i % 10); /* 'A' + i */
      p[44] = 'D';
      rig_packet(r, false, 0, p, sizeof(p));
   }
   rig_packet(r, false, 0, p, 44);
   p[20] = 'Q';
   rig_packet(r, false, 0, p, sizeof(p));
   rig_flush(r);
   assert_int_equal(r->n_records, 20);
   assert_int_equal(rig_string(r, 13, "NB_NAME")[0], 'D');
   assert_int_equal(rig_number(r, 13, "NB_SUFFIX"), 3);
   rig_free(r);
}

static void mqtt_packets_share_segments_and_span_them(void **state)
{
   static const uint8_t connect[] = {0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 5, 0xc2, 1, 2, 0, 0};
   static const uint8_t connack[] = {0x20, 2, 1, 5, 0xd0, 0};
   uint8_t publish[2 + 1 + 200 + 2] = {0x3b, 0xc8, 0x01, 0, 3, 'a', '/', 'b'}; /* 200 bytes: two of length */
   (void) state;
   publish[150] = 0x80; /* not at a packet boundary */
   publish[203] = 0xc0;
   struct rig *r = rig_new("mqtt", "tc=1", false, 1883);
   rig_packet(r, false, 0x18, connect, sizeof(connect));
   rig_packet(r, true, 0x18, connack, sizeof(connack));
   rig_packet(r, false, 0x18, publish, 150);
   rig_packet(r, false, 0x18, publish + 150, sizeof(publish) - 150);
   rig_packet(r, false, 0x18, publish, 2);
   assert_int_equal(rig_number(r, 0, "MQTT_TYPE_CUMULATIVE"), 1 | 2 | 4 | 8 | 0x1000 | 0x2000);
   assert_int_equal(rig_number(r, 0, "MQTT_VERSION"), 5);
   assert_int_equal(rig_number(r, 0, "MQTT_CONNECTION_FLAGS"), 0xc2);
   assert_int_equal(rig_number(r, 0, "MQTT_KEEP_ALIVE"), 0x102);
   assert_int_equal(rig_number(r, 0, "MQTT_CONNECTION_RETURN_CODE"), 5);
   assert_int_equal(rig_number(r, 0, "MQTT_PUBLISH_FLAGS"), 0xb);
   assert_string_equal(rig_string(r, 0, "MQTT_TOPICS"), "a/b#");
   rig_free(r);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(options_are_checked),
       cmocka_unit_test(basicplus_reads_tcp_options),
       cmocka_unit_test(broken_tcp_options_end_the_list),
       cmocka_unit_test(pstats_lists_packets_and_leaves_out_duplicates),
       cmocka_unit_test(flows_that_end_early_are_finished_too),
       cmocka_unit_test(bursts_end_after_a_second),
       cmocka_unit_test(histograms_of_late_packets_count_no_time),
       cmocka_unit_test(flow_hash_is_that_of_the_key),
       cmocka_unit_test(ovpn_takes_no_byte_that_is_not_there),
       cmocka_unit_test(wireguard_by_its_messages),
       cmocka_unit_test(ssadetector_finds_handshakes_in_a_tunnel),
       cmocka_unit_test(mqtt_packets_share_segments_and_span_them),
       cmocka_unit_test(ntp_times_are_exact),
       cmocka_unit_test(no_netbios_name_is_lost_or_read_beyond_the_packet),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
