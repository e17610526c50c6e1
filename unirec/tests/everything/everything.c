/* SPDX-License-Identifier: BSD-3-Clause */
/* Uses every macro and function of UniRec's public headers; compiled as C and as C++ by everything_test.py. */
#include <assert.h>
#include <unirec/ip_prefix_search.h>
#include <unirec/unirec.h>
#include <unirec/unirec2csv.h>
#include <unirec/ur_flags.h>

#include "fields.h"

#undef NDEBUG
#include <assert.h>

UR_FIELDS(ipaddr SRC_IP, uint64 BYTES, uint16 PORT, time WHEN, macaddr MAC, double RATIO, float PART,
          char LETTER, int8 I8, int16 I16, int32 I32, int64 I64, uint8 TCP_FLAGS, uint32 COUNT, string NAME,
          bytes RAW, uint32 *LIST, ipaddr *HOSTS, macaddr *MACS, time *TIMES, double *DOUBLES, int8 *OCTETS)

#define ALL                                                                                                \
   "SRC_IP,BYTES,PORT,WHEN,MAC,RATIO,PART,LETTER,I8,I16,I32,I64,TCP_FLAGS,COUNT,NAME,RAW,LIST,HOSTS,MACS," \
   "TIMES,DOUBLES,"                                                                                        \
   "OCTETS"

static void fixed_fields(ur_template_t *t, void *rec)
{
   ip_addr_t ip = ip_from_int(0x0a000001);
   uint8_t bytes[6] = {1, 2, 3, 4, 5, 6};
   ur_set(t, rec, F_SRC_IP, ip);
   ip = ur_get(t, rec, F_SRC_IP);
   ip_addr_t other = ur_get(t, rec, F_SRC_IP);
   assert(ip_cmp(&other, &ip) == 0);
   ur_set(t, rec, F_BYTES, 1);
   ur_set(t, rec, F_PORT, 80);
   ur_set(t, rec, F_WHEN, ur_time_from_sec_msec(5, 250));
   ur_set(t, rec, F_MAC, mac_from_bytes(bytes));
   ur_set(t, rec, F_RATIO, 0.5);
   ur_set(t, rec, F_PART, 0.25f);
   ur_set(t, rec, F_LETTER, 'x');
   ur_set(t, rec, F_I8, -1);
   ur_set(t, rec, F_I16, -2);
   ur_set(t, rec, F_I32, -3);
   ur_set(t, rec, F_I64, -4);
   ur_set(t, rec, F_TCP_FLAGS, TCP_SYN);
   ur_get(t, rec, F_BYTES) += 41;
   ur_get(t, rec, F_COUNT)++;
   assert(ur_get(t, rec, F_BYTES) == 42 && ur_get(t, rec, F_COUNT) == 1 && ur_get(t, rec, F_I16) == -2);
   assert(ur_get(t, rec, F_I8) == -1 && ur_get(t, rec, F_I32) == -3 && ur_get(t, rec, F_I64) == -4);
   assert(ur_get(t, rec, F_RATIO) == 0.5 && ur_get(t, rec, F_PART) == 0.25f &&
          ur_get(t, rec, F_LETTER) == 'x');
   /* Modules hand the address of a value to functions that take a typed pointer. */
   ip_addr_t *where = &ur_get(t, rec, F_SRC_IP);
   assert(ip_cmp(where, &ip) == 0 && ip_is4(&ur_get(t, rec, F_SRC_IP)));
   assert(mac_cmp(&ur_get(t, rec, F_MAC), ur_get_ptr(t, rec, F_MAC)) == 0);
   assert(memcmp(ur_get_ptr_by_id(t, rec, F_PORT), ur_get_ptr(t, rec, F_PORT), 2) == 0);
   assert(ur_get_len(t, rec, F_PORT) + ur_get_len(t, rec, F_NAME) == 2);
   if (ur_get(t, rec, F_PORT) == 80 && ur_get(t, rec, F_WHEN) > 0)
      ur_set(t, rec, F_PORT, (uint16_t) (ur_get(t, rec, F_PORT) + 1));
   else
      assert(0);
}

static void variable_fields(ur_template_t *t, void *rec)
{
   ur_clear_varlen(t, rec);
   assert(ur_set_string(t, rec, F_NAME, "name") == UR_OK && ur_set_var(t, rec, F_RAW, "\1\2", 2) == UR_OK);
   char *name = ur_get_var_as_str(t, rec, F_NAME);
   assert(strcmp(name, "name") == 0 && ur_get_var_len(t, rec, F_NAME) == 4 &&
          ur_get_ptr(t, rec, F_NAME)[0] == 'n');
   free(name);
   ur_set_var_offset(t, rec, F_NAME, ur_get_var_offset(t, rec, F_NAME));
   ur_set_var_len(t, rec, F_NAME, ur_get_var_len(t, rec, F_NAME));
   assert(ur_array_allocate(t, rec, F_LIST, 2) == UR_OK);
   ur_array_set(t, rec, F_LIST, 3, 7);
   ur_array_append(t, rec, F_LIST, 8);
   assert(ur_array_get_elem_cnt(t, rec, F_LIST) == 5 && ur_array_get(t, rec, F_LIST, 4) == 8);
   assert(ur_array_get(t, rec, F_LIST, 2) == 0);
   ur_array_append(t, rec, F_HOSTS, ip_from_int(1));
   ur_array_append(t, rec, F_TIMES, ur_time_from_sec_usec(1, 2));
   ur_array_append(t, rec, F_DOUBLES, 1.5);
   ur_array_append(t, rec, F_OCTETS, -1);
   ip_addr_t host = ur_array_get(t, rec, F_HOSTS, 0);
   assert(ip_get_v4_as_int(&host) == 1 && ur_array_get(t, rec, F_OCTETS, 0) == -1);
   mac_addr_t *mac = (mac_addr_t *) ur_array_append_get_ptr(t, rec, F_MACS);
   assert(mac != NULL && mac_from_str("1:2:3:4:5:6", mac) == 1 &&
          ur_array_get(t, rec, F_MACS, 0).bytes[5] == 6);
   assert(ur_array_resize(t, rec, F_OCTETS, 3) == UR_OK && ur_array_clear(t, rec, F_OCTETS) == UR_OK);
   assert(ur_rec_check(t, rec, (uint32_t) ur_rec_size(t, rec)) == 1);
   assert(ur_rec_size(t, rec) == ur_rec_fixlen_size(t) + ur_rec_varlen_size(t, rec));
}

static void copies(ur_template_t *t, void *rec)
{
   ur_template_t *few = ur_create_template("PORT,NAME", NULL);
   void *clone = ur_clone_record(t, rec), *small = ur_create_record(few, 100),
        *same = ur_create_record(t, UR_MAX_SIZE);
   ur_copy_fields(few, small, t, rec);
   ur_cpy(t, rec, same);
   assert(memcmp(clone, same, (size_t) ur_rec_size(t, rec)) == 0 && ur_get(few, small, F_PORT) == 81);
   ur_free_record(clone);
   ur_free_record(small);
   ur_free_record(same);
   ur_free_template(few);
}

static void bounded(ur_template_t *t, void *rec)
{
   ur_record_t r;
   assert(ur_record_init(&r, t, 10) == UR_OK && r.room == t->static_size + 10u);
   assert(ur_record_set_var(&r, F_NAME, "eleven char", 11) == UR_E_TOO_LONG &&
          ur_record_array_resize(&r, F_LIST, 8) == UR_OK);
   assert(ur_record_set_from_string(&r, F_NAME, "abc") == 1 &&
          ur_record_set_from_string(&r, F_NAME, "ab") == 0);
   assert(ur_record_copy_fields(&r, t, rec) == UR_E_TOO_LONG && ur_get_var_len(t, r.data, F_NAME) == 2);
   ur_record_free(&r);
}

static void registry(void)
{
   assert(ur_init(UR_FIELD_SPECS_STATIC) == UR_OK);
   int id = ur_define_field("FRESH", UR_TYPE_A_UINT16), reserved = ur_get_empty_id();
   assert(id >= 0 && reserved > id && ur_get_id_by_name("FRESH") == id &&
          strcmp(ur_get_name(id), "FRESH") == 0);
   assert(ur_get_type(id) == UR_TYPE_A_UINT16 && ur_get_size(id) == -2 && ur_size_of(UR_TYPE_IP) == 16);
   assert(ur_is_varlen(id) && ur_is_dynamic(id) && ur_is_array(id) && ur_is_fixlen(F_PORT) &&
          ur_is_static(F_PORT));
   assert(ur_array_get_elem_size(id) == 2 && ur_array_get_elem_type(id) == UR_TYPE_UINT16);
   assert(ur_define_set_of_fields("uint8 ONE,string TWO") == UR_OK && ur_undefine_field("ONE") == UR_OK);
   assert(ur_undefine_field_by_id((ur_field_id_t) ur_get_id_by_name("TWO")) == UR_OK);
   assert(ur_get_field_type_from_str("time*") == UR_TYPE_A_TIME && UR_COUNT_OF_TYPES == 29);
   char *names = ur_ifc_data_fmt_to_field_names("uint8 A,string B"), *copy = ur_cpy_string(names);
   assert(strcmp(copy, "A,B") == 0);
   free(names);
   free(copy);
   char port[] = "PORT", name[] = "NAME";
   field_spec_t a = {port, 2, 0}, b = {name, -1, 1};
   assert(compare_fields(&a, &b) < 0 && UR_INVALID_FIELD == -1);
}

static void templates(ur_template_t *t)
{
   char *error = NULL, *spec = ur_template_string(t), *tabs = ur_template_string_delimiter(t, '\t');
   assert(ur_create_template("NOPE", &error) == NULL && strcmp(error, "field: NOPE is not defined.") == 0);
   ur_template_t *same = ur_create_template_from_ifc_spec(spec);
   assert(ur_template_compare(t, same) == 1 && strlen(tabs) == strlen(spec));
   same = ur_define_fields_and_update_template("uint8 LATER", same);
   same = ur_expand_template("uint16 PORT", same);
   assert(same->count == 2 && ur_is_present(same, F_PORT) && !ur_is_present(same, F_NAME));
   int n = 0;
   for (ur_iter_t id = UR_ITER_BEGIN; (id = ur_iter_fields(t, id)) != UR_ITER_END;) {
      n++;
   }
   assert(n == t->count && ur_iter_fields_record_order(t, 0) == t->ids[0]);
   assert(ur_iter_fields_record_order(t, n) == UR_ITER_END);
   ur_print_template(same);
   ur_free_template(same);
   free(spec);
   free(tabs);
   free(error);
}

static void text(ur_template_t *t, void *rec)
{
   char line[1000], field[64];
   urcsv_t *csv = urcsv_init(t, ',');
   char *header = urcsv_header(csv), *record = urcsv_record(csv, rec);
   size_t length;
   assert(strcmp(urcsv_line(csv, rec, &length), record) == 0 && strlen(record) == length &&
          length < sizeof(line));
   strcpy(line, record);
   assert(urcsv_parse(t, rec, line, ',', NULL, 0, NULL) == 0 &&
          urcsv_field(field, 64, rec, (ur_field_type_t) F_PORT, t) == 2);
   assert(ur_set_from_string_strict(t, rec, F_PORT, "53") == 0 &&
          ur_set_from_string_strict(t, rec, F_PORT, "53x") == 1);
   assert(ur_set_from_string(t, rec, F_PORT, "53") == 0 &&
          ur_set_array_from_string(t, rec, F_LIST, "1 2") == 0);
   free(header);
   free(record);
   urcsv_free(&csv);
}

static void values(void)
{
   char text[INET6_ADDRSTRLEN];
   uint8_t bytes[6];
   ip_addr_t ip, six;
   mac_addr_t mac;
   ur_time_t t = ur_time_from_sec_nsec(10, 5), u;
   assert(ur_time_get_sec(t) == 10 && ur_time_get_nsec(t) == 5 && ur_time_get_usec(t) == 0 &&
          ur_time_get_msec(t) == 0);
   assert(ur_time_from_string(&u, "1970-01-01T00:00:12") == 0 && ur_timediff(t, u) == 1999);
   assert(ur_timediff_us(t, u) == 1999999 && ur_timediff_ns(t, u) / 10 == 199999999);
   assert(ip_from_str("::1", &six) == 1 && ip_is6(&six) && ip_from_str("1.2.3.4", &ip) == 1 &&
          !ip_is_null(&ip));
   ip_to_str(&ip, text);
   assert(strcmp(text, "1.2.3.4") == 0 && ip_get_v4_as_bytes(&ip)[0] == 1);
   ip = ip_from_4_bytes_be("\1\2\3\4");
   six = ip_from_4_bytes_le("\4\3\2\1");
   assert(ip_cmp(&ip, &six) == 0);
   ip = ip_from_16_bytes_be((const char *) six.bytes);
   ip = ip_from_16_bytes_le((const char *) ip.bytes);
   assert(ip.bytes[0] == 0xff);
   assert(mac_from_str("01:23:45:ab:CD:ef", &mac) == 1);
   mac_to_str(&mac, text);
   mac_to_bytes(&mac, bytes);
   assert(strlen(text) == MAC_STR_LEN - 1 && bytes[5] == 0xef);
   ur_links_t *links = ur_create_links("a");
   assert(ur_get_link_count(links) == 2 && ur_get_link_mask(links) == 10 && ur_get_link_index(links, 8) == 1);
   assert(ur_get_link_bit_field_position(links, 1) == 3);
   ur_free_links(links);
   assert(strcmp(ur_values_get_name(TCP_FLAGS, TCP_SYN), "TCP_SYN") == 0);
   assert(ur_values_get_description(TCP_FLAGS, TCP_SYN) != NULL && ur_values_get_name(TCP_FLAGS, 99) == NULL);
   ipps_network_t net = {ip_from_int(0x0a000000), 8, text, 3};
   ipps_network_list_t list = {1, &net};
   ipps_context_t *context = ipps_init(&list);
   void **data;
   ip = ip_from_int(0x0a010203);
   assert(ipps_search(&ip, context, &data) == 1 && ipps_destroy(context) == 0);
}

/* A template of an output, of an input and of both; a context without peers receives nothing. */
static void interfaces(void)
{
   char *error = NULL, spec[] = "u:everything_in,b:", name[] = "everything";
   const void *data = NULL;
   uint16_t size = 0;
   trap_ctx_t *ctx = trap_ctx_init3(name, name, 1, 1, spec, NULL);
   assert(ctx != NULL);
   ur_template_t *in = ur_ctx_create_input_template(ctx, 0, "PORT", &error);
   ur_template_t *out = ur_ctx_create_output_template(ctx, 0, "PORT,NAME", &error);
   ur_template_t *both = ur_ctx_create_bidirectional_template(ctx, 0, 0, "PORT", &error);
   assert(in != NULL && out != NULL && both != NULL && error == NULL &&
          both->direction == UR_TMPLT_DIRECTION_BI);
   assert(ur_ctx_set_input_template(ctx, 0, in) == UR_OK && ur_ctx_set_output_template(ctx, 0, out) == UR_OK);
   trap_ctx_terminate(ctx);
   assert(TRAP_CTX_RECEIVE(ctx, 0, data, size, in) != TRAP_E_OK);
   trap_ctx_finalize(&ctx);
   if (trap_get_global_ctx() != NULL) { /* compiled, never run: this program has no global context */
      ur_template_t *g = ur_create_input_template(0, "PORT", &error);
      g = ur_create_output_template(0, "PORT", &error);
      g = ur_create_bidirectional_template(0, 0, "PORT", &error);
      if (ur_set_input_template(0, g) != UR_OK || ur_set_output_template(0, g) != UR_OK)
         free(error);
      int ret = TRAP_RECEIVE(0, data, size, g);
      (void) ret;
   }
   ur_free_template(in);
   ur_free_template(out);
   ur_free_template(both);
}

int main(void)
{
   char *error = NULL;
   ur_template_t *t = ur_create_template(ALL, &error);
   assert(t != NULL && error == NULL);
   void *rec = ur_create_record(t, UR_MAX_SIZE);
   fixed_fields(t, rec);
   variable_fields(t, rec);
   copies(t, rec);
   bounded(t, rec);
   text(t, rec);
   templates(t);
   registry();
   values();
   interfaces();
   ur_free_record(rec);
   ur_free_template(t);
   ur_finalize();
   return 0;
}
