/* SPDX-License-Identifier: BSD-3-Clause */
/** The elements of plugins' fields, and the encoding of their values in IPFIX messages (RFC 7011, RFC 6313). */
#include "export/ipfix_elements.h"
#include "plugin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_SEEN   512
#define CESNET     "\0\0\x1f\x79"
#define NTP_1000_S "\x83\xaa\x82\x68" /* 2208988800 + 1000 */

/* Fields that deliberately have no element, and why. */
static const struct {
   const char *field, *reason;
} not_exported[] = {{NULL, NULL}};

struct seen {
   const char *plugin;
   char name[64];
   struct ipfix_element element;
};

/* Two names of the same element, of plugins that are not used together. */
static bool may_share(const char *a, const char *b)
{
   static const char *const pairs[][2] = {{"DNS_RDATA", "DNS_IP"}, {"TLS_SNI", "HTTPS_SNI"}};
   for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
      for (unsigned k = 0; k < 2; k++) {
         if (strcmp(pairs[i][k], a) == 0 && strcmp(pairs[i][1 - k], b) == 0) {
            return true;
         }
      }
   }
   return strcmp(a, b) == 0;
}

static bool is_excused(const char *field)
{
   for (size_t i = 0; not_exported[i].field != NULL; i++) {
      if (strcmp(not_exported[i].field, field) == 0) {
         return not_exported[i].reason != NULL;
      }
   }
   return false;
}

static void see(struct seen *seen, unsigned *n, const char *plugin, const char *name)
{
   struct seen *s = &seen[*n];
   *s = (struct seen){.plugin = plugin};
   snprintf(s->name, sizeof(s->name), "%s", name);
   bool found = ipfix_element_of((ur_field_id_t) ur_get_id_by_name(name), &s->element);
   if (found == is_excused(name)) {
      fail_msg("plugin %s: %s has %s", plugin, name, found ? "an element after all" : "no IPFIX element");
   }
   for (unsigned i = 0; found && i < *n; i++) {
      if (seen[i].element.pen == s->element.pen && seen[i].element.id == s->element.id &&
          !may_share(seen[i].name, name)) {
         fail_msg("%s of %s and %s of %s have the same element %u/%u", seen[i].name, seen[i].plugin, name,
                  plugin, s->element.pen, s->element.id);
      }
   }
   *n += found;
   assert_true(*n < MAX_SEEN);
}

static void every_field_of_every_plugin_has_an_element_of_its_own(void **state)
{
   static struct seen seen[MAX_SEEN];
   const struct flow_plugin *p;
   unsigned n = 0;
   (void) state;
   for (size_t i = 0; (p = flow_plugin_at(i)) != NULL; i++) {
      assert_int_equal(ur_define_set_of_fields(p->fields), UR_OK);
      char *names = ur_ifc_data_fmt_to_field_names(p->fields), *save = NULL;
      for (char *name = strtok_r(names, ",", &save); name != NULL; name = strtok_r(NULL, ",", &save)) {
         see(seen, &n, p->name, name);
      }
      free(names);
   }
   assert_true(n > 150);
}

/* Elements that collectors know. */
static void elements_have_their_numbers_and_lengths(void **state)
{
   static const struct {
      const char *plugin, *field;
      struct ipfix_element element;
   } cases[] = {{"http", "HTTP_RESPONSE_STATUS_CODE", {39499, 12, 2}},
                {"http", "HTTP_REQUEST_METHOD", {8057, 200, IPFIX_VARIABLE}},
                {"tls", "TLS_VERSION", {39499, 333, 2}},
                {"tls", "TLS_JA3", {39499, 357, IPFIX_VARIABLE}},
                {"tls", "TLS_EXT_TYPE", {8057, 802, 2}},
                {"dns", "DNS_ANSWERS", {8057, 14, 2}},
                {"dns", "DNS_RCODE", {8057, 1, 1}},
                {"dns", "DNS_QTYPE", {8057, 3, 2}},
                {"dns", "DNS_CLASS", {8057, 4, 2}},
                {"dns", "DNS_RR_TTL", {8057, 5, 4}},
                {"dns", "DNS_RLENGTH", {8057, 6, 2}},
                {"dns", "DNS_PSIZE", {8057, 8, 2}},
                {"dns", "DNS_DO", {8057, 9, 1}},
                {"dns", "DNS_ID", {8057, 10, 2}},
                {"dns", "DNS_NAME", {8057, 2, IPFIX_VARIABLE}},
                {"dns", "DNS_RDATA", {8057, 7, IPFIX_VARIABLE}},
                {"passivedns", "DNS_ATYPE", {8057, 11, 2}},
                {"passivedns", "DNS_IP", {8057, 7, IPFIX_VARIABLE}},
                {"ovpn", "OVPN_CONF_LEVEL", {8057, 828, 1}},
                {"netbios", "NB_NAME", {8057, 831, IPFIX_VARIABLE}},
                {"netbios", "NB_SUFFIX", {8057, 832, 1}},
                {"ssadetector", "SSA_CONF_LEVEL", {8057, 903, 1}},
                {"basicplus", "TCP_MSS", {8057, 900, 4}},
                {"basicplus", "TCP_MSS_REV", {8057, 901, 4}},
                {"basicplus", "TCP_SYN_SIZE", {8057, 902, 2}},
                {"basicplus", "IP_TTL", {0, 192, 1}},
                {"basicplus", "IP_TTL_REV", {29305, 192, 1}},
                {"basicplus", "IP_FLG", {0, 197, 1}},
                {"basicplus", "TCP_WIN_REV", {29305, 186, 2}},
                {"basicplus", "TCP_OPT", {0, 209, 8}},
                {"quic", "QUIC_SNI", {8057, 890, IPFIX_VARIABLE}},
                {"quic", "QUIC_TLS_EXT", {8057, 899, IPFIX_VARIABLE}},
                {"nettisa", "NTS_MEAN", {8057, 1020, 4}},
                {"nettisa", "NTS_SWITCHING_RATIO", {8057, 1032, 4}},
                {"wg", "WG_DST_PEER", {8057, 1102, 4}},
                {"icmp", "L4_ICMP_TYPE_CODE", {0, 32, 2}},
                {"vlan", "VLAN_ID", {0, 58, 2}},
                {"mpls", "MPLS_TOP_LABEL_STACK_SECTION", {0, 70, IPFIX_VARIABLE}},
                {"flowhash", "FLOW_ID", {0, 148, 8}}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      struct ipfix_element e = {0};
      assert_int_equal(ur_define_set_of_fields(flow_plugin_find(cases[i].plugin)->fields), UR_OK);
      assert_true(ipfix_element_of((ur_field_id_t) ur_get_id_by_name(cases[i].field), &e));
      if (memcmp(&e, &cases[i].element, sizeof(e)) != 0) {
         fail_msg("%s: %u/%u/%u", cases[i].field, e.pen, e.id, e.length);
      }
   }
}

/* Checks that the field of the first record is encoded as these bytes. */
static void is_written(struct rig *r, const char *field, const char *expected, size_t size)
{
   static uint8_t got[UR_MAX_SIZE + 4096];
   struct ipfix_element e = {0};
   rig_flush(r);
   assert_true(r->n_records > 0);
   ur_field_id_t id = (ur_field_id_t) ur_get_id_by_name(field);
   assert_true(ipfix_element_of(id, &e));
   uint8_t *end = ipfix_put_value(got, &e, r->tmplt, r->records[0], id);
   if ((size_t) (end - got) != size || memcmp(got, expected, size) != 0) {
      for (size_t i = 0; i < (size_t) (end - got); i++) {
         print_error("%02x ", got[i]);
      }
      fail_msg("%s: %zu bytes, expected %zu", field, (size_t) (end - got), size);
   }
}

#define IS_WRITTEN(r, field, bytes) is_written(r, field, bytes, sizeof(bytes) - 1)

static void lists_of_pstats_byte_by_byte(void **state)
{
   struct rig *r = rig_new("pstats", "", false, 80);
   (void) state;
   rig_packet(r, false, 0x18, "abc", 3);
   r->time += NS / 2 - NS / 1000;
   rig_packet(r, true, 0x10, "abcd", 4);
   /* length in the long form, ordered, element with the enterprise bit, length of one, enterprise, values */
   IS_WRITTEN(r, "PPI_PKT_LENGTHS", "\xff\0\x0d\4\x83\xf5\0\2" CESNET "\0\3\0\4");
   IS_WRITTEN(r, "PPI_PKT_TIMES",
              "\xff\0\x19\4\x83\xf6\0\x8" CESNET NTP_1000_S "\0\0\0\0" NTP_1000_S "\x80\0\0\0");
   IS_WRITTEN(r, "PPI_PKT_FLAGS", "\xff\0\x0b\4\x83\xf7\0\1" CESNET "\x18\x10");
   IS_WRITTEN(r, "PPI_PKT_DIRECTIONS", "\xff\0\x0b\4\x83\xf8\0\1" CESNET "\1\xff");
   rig_free(r);
}

static void lists_of_bstats_byte_by_byte(void **state)
{
   struct rig *r = rig_new("bstats", "", true, 80);
   (void) state;
   for (unsigned i = 0; i < 4; i++) {
      rig_packet(r, false, 0, "0123456789", 10);
      r->time += NS / 8 - NS / 1000; /* fractions that are exact in binary */
   }
   IS_WRITTEN(r, "SBI_BRST_PACKETS", "\xff\0\x0d\4\x84\x1a\0\4" CESNET "\0\0\0\4");
   IS_WRITTEN(r, "SBI_BRST_BYTES", "\xff\0\x0d\4\x84\x1b\0\4" CESNET "\0\0\0\x28");
   IS_WRITTEN(r, "SBI_BRST_TIME_START", "\xff\0\x11\4\x84\x1c\0\x8" CESNET NTP_1000_S "\0\0\0\0");
   IS_WRITTEN(r, "SBI_BRST_TIME_STOP", "\xff\0\x11\4\x84\x1d\0\x8" CESNET NTP_1000_S "\x60\0\0\0");
   /* no reverse packets: empty lists still name their element */
   IS_WRITTEN(r, "DBI_BRST_PACKETS", "\xff\0\x9\4\x84\x1e\0\4" CESNET);
   IS_WRITTEN(r, "DBI_BRST_TIME_STOP", "\xff\0\x9\4\x84\x21\0\x8" CESNET);
   rig_free(r);
}

static void lists_of_phists_byte_by_byte(void **state)
{
   static const char large[1500];
   struct rig *r = rig_new("phists", "", true, 80);
   (void) state;
   rig_packet(r, false, 0, "x", 1);
   rig_packet(r, false, 0, large, sizeof(large));
   IS_WRITTEN(r, "S_PHISTS_SIZES",
              "\xff\0\x29\4\x84\x24\0\4" CESNET
              "\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
   IS_WRITTEN(r, "S_PHISTS_IPT",
              "\xff\0\x29\4\x84\x25\0\4" CESNET
              "\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
   IS_WRITTEN(r, "D_PHISTS_SIZES",
              "\xff\0\x29\4\x84\x26\0\4" CESNET
              "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
   rig_free(r);
}

static void texts_have_their_length_in_one_byte_or_three(void **state)
{
   static const size_t sizes[] = {0, 1, 254, 255, 300};
   struct rig *r = rig_new("dnssd", "", true, 5353);
   ur_field_id_t id = (ur_field_id_t) ur_get_id_by_name("DNSSD_QUERIES");
   struct ipfix_element e = {0};
   (void) state;
   assert_true(ipfix_element_of(id, &e));
   for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
      char text[301] = "";
      uint8_t got[400], *p = got;
      void *rec = ur_create_record(r->tmplt, UR_MAX_SIZE);
      memset(text, 'x', sizes[i]);
      assert_int_equal(ur_set_string(r->tmplt, rec, id, text), UR_OK);
      uint8_t *end = ipfix_put_value(got, &e, r->tmplt, rec, id);
      if (sizes[i] >= 255) {
         assert_int_equal(*p++, 255);
         assert_int_equal(*p++, sizes[i] >> 8);
      }
      assert_int_equal(*p++, sizes[i] & 0xff);
      assert_int_equal(end - p, sizes[i]);
      assert_memory_equal(p, text, sizes[i]);
      ur_free_record(rec);
   }
   rig_free(r);
}

static void numbers_and_addresses_stand_in_network_order(void **state)
{
   static const char answer[] =
       "\1\2\x81\x80\0\1\0\2\0\0\0\0\1a\0\0\1\0\1\xc0\x0c\0\1\0\1\0\0\1\1\0\4\xc0\0\2\1"
       "\xc0\x0c\0\x1c\0\1\0\0\1\1\0\x10\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1";
   struct rig *r = rig_new("passivedns", "", true, 53);
   (void) state;
   rig_packet(r, true, 0, answer, sizeof(answer) - 1);
   IS_WRITTEN(r, "DNS_ID", "\1\2");
   IS_WRITTEN(r, "DNS_RR_TTL", "\0\0\1\1");
   IS_WRITTEN(r, "DNS_NAME", "\1a");
   IS_WRITTEN(r, "DNS_IP", "\4\xc0\0\2\1");
   assert_int_equal(r->n_records, 2);
   void *first = r->records[0];
   r->records[0] = r->records[1];
   IS_WRITTEN(r, "DNS_IP", "\x10\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1");
   r->records[0] = first;
   rig_free(r);
}

static void specifiers_have_the_enterprise_bit_only_with_a_number(void **state)
{
   uint8_t got[8];
   (void) state;
   assert_int_equal(ipfix_put_specifier(got, &(struct ipfix_element){0, 291, IPFIX_VARIABLE}) - got, 4);
   assert_memory_equal(got, "\1\x23\xff\xff", 4);
   assert_int_equal(ipfix_put_specifier(got, &(struct ipfix_element){8057, 1, 2}) - got, 8);
   assert_memory_equal(got, "\x80\1\0\2" CESNET, 8);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(every_field_of_every_plugin_has_an_element_of_its_own),
       cmocka_unit_test(elements_have_their_numbers_and_lengths),
       cmocka_unit_test(lists_of_pstats_byte_by_byte),
       cmocka_unit_test(lists_of_bstats_byte_by_byte),
       cmocka_unit_test(lists_of_phists_byte_by_byte),
       cmocka_unit_test(texts_have_their_length_in_one_byte_or_three),
       cmocka_unit_test(numbers_and_addresses_stand_in_network_order),
       cmocka_unit_test(specifiers_have_the_enterprise_bit_only_with_a_number),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
