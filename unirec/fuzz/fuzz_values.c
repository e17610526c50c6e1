/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: single values from text. The first byte is the type, the rest the text. */
#include "fuzz.h"

static void addresses(const char *text)
{
   ip_addr_t ip, ip2;
   mac_addr_t mac, mac2;
   ur_time_t time;
   char out[INET6_ADDRSTRLEN];
   if (ip_from_str(text, &ip)) {
      ip_to_str(&ip, out);
      PROMISE(ip_from_str(out, &ip2) && ip_cmp(&ip, &ip2) == 0);
   }
   if (mac_from_str(text, &mac)) {
      mac_to_str(&mac, out);
      PROMISE(mac_from_str(out, &mac2) && mac_cmp(&mac, &mac2) == 0);
   }
   PROMISE(ur_time_from_string(&time, text) == 0 || time == 0);
   ur_links_t *links = ur_create_links(text);
   PROMISE(links == NULL || (links->link_count > 0 && links->link_count <= MAX_LINK_COUNT));
   ur_free_links(links);
   ur_get_field_type_from_str(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   if (size == 0) {
      return 0;
   }
   ur_template_t *t = fuzz_all_types();
   void *rec = ur_create_record(t, UR_MAX_SIZE);
   char name[16], *text = fuzz_text(data + 1, size - 1);
   snprintf(name, sizeof(name), "T%d", data[0] % UR_COUNT_OF_TYPES);
   ur_field_id_t id = (ur_field_id_t) ur_get_id_by_name(name);
   ur_set_string(t, rec, ur_get_id_by_name("T0"), "before");
   ur_array_allocate(t, rec, ur_get_id_by_name("T28"), 3);
   for (int i = 0; i < 2; i++) { /* again, replacing the value */
      int rc = ur_set_from_string(t, rec, id, text);
      PROMISE(rc == 0 || rc == 1);
      PROMISE(ur_rec_check(t, rec, (uint32_t) ur_rec_size(t, rec)));
      PROMISE(ur_get_len(t, rec, id) % ur_array_get_elem_size(id) == 0);
   }
   /* Text that the strict parser accepts has the same value for the lenient one. */
   if (ur_set_from_string_strict(t, rec, id, text) == 0) {
      void *copy = ur_clone_record(t, rec);
      PROMISE(ur_set_from_string(t, rec, id, text) == 0);
      PROMISE(memcmp(copy, rec, (size_t) ur_rec_size(t, rec)) == 0);
      ur_free_record(copy);
   }
   addresses(text);
   free(text);
   ur_free_record(rec);
   ur_free_template(t);
   ur_finalize();
   return 0;
}
