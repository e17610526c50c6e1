/* SPDX-License-Identifier: BSD-3-Clause */
#include "plugin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLIENT 40000

static void keep(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   struct rig *r = context;
   (void) reason;
   r->n_flows++;
   if ((flow->plugins & 1) == 0) {
      return;
   }
   unsigned n = r->plugin->records != NULL ? r->plugin->records(ext[0]) : 1;
   for (unsigned i = 0; i < n; i++) {
      assert_true(r->n_records < RIG_RECORDS);
      r->plugin->fill(ext[0], i, r->tmplt, plugin_record_begin(r->tmplt, &r->record));
      assert_int_equal(plugin_record_end(r->tmplt, &r->record), ur_rec_size(r->tmplt, r->record.bytes));
      assert_true(ur_rec_check(r->tmplt, r->record.bytes, ur_rec_size(r->tmplt, r->record.bytes)));
      r->records[r->n_records++] = ur_clone_record(r->tmplt, r->record.bytes);
   }
}

struct rig *rig_new(const char *plugin, const char *options, bool udp, unsigned port)
{
   struct rig *r = calloc(1, sizeof(*r));
   char error[FLOW_PLUGIN_ERROR];
   r->plugin = flow_plugin_find(plugin);
   assert_non_null(r->plugin);
   for (const struct flow_plugin_option *o = r->plugin->options; o != NULL && o->name != NULL; o++) {
      if (o->set != NULL) {
         o->set("0", error);
      } else {
         *o->value = 0;
      }
   }
   assert_true(flow_plugin_configure(r->plugin, options, error));
   assert_int_equal(ur_define_set_of_fields(r->plugin->fields), UR_OK);
   r->tmplt = ur_create_template_from_ifc_spec(r->plugin->fields);
   assert_non_null(r->tmplt);
   r->cache = flow_cache_new(&(struct flow_cache_config){.capacity = 64,
                                                         .active_ms = 300000,
                                                         .inactive_ms = 30000,
                                                         .plugins = {r->plugin},
                                                         .n_plugins = 1,
                                                         .export = keep,
                                                         .context = r});
   assert_non_null(r->cache);
   r->udp = udp;
   r->port = port;
   r->time = 1000 * NS;
   return r;
}

static void set16(uint8_t *p, size_t v)
{
   p[0] = (uint8_t) (v >> 8);
   p[1] = (uint8_t) v;
}

/* IP and transport header at p. */
static void make_headers(struct rig *r, uint8_t *p, bool from_server, unsigned flags, size_t l4, size_t size)
{
   size_t ip = r->ipv6 ? 40 : 20;
   uint8_t *t = p + ip, protocol = r->udp ? 17 : 6;
   if (r->ipv6) {
      p[0] = 0x60;
      set16(p + 4, l4 + size);
      p[6] = protocol;
      p[7] = from_server ? 60 : 64;
      p[23] = from_server ? 2 : 1;
      p[39] = from_server ? 1 : 2;
   } else {
      p[0] = 0x45;
      set16(p + 2, ip + l4 + size);
      p[6] = 0x40;
      p[8] = from_server ? 60 : 64;
      p[9] = protocol;
      p[15] = from_server ? 2 : 1;
      p[19] = from_server ? 1 : 2;
   }
   set16(t, from_server ? r->port : CLIENT);
   set16(t + 2, from_server ? CLIENT : r->port);
   if (!r->udp) {
      set16(t + 4, r->seq[from_server] >> 16);
      set16(t + 6, r->seq[from_server] & 0xffff);
      r->seq[from_server] += (uint32_t) size;
      t[12] = (uint8_t) (l4 / 4 << 4);
      t[13] = (uint8_t) flags;
      set16(t + 14, from_server ? 2000 : 1000);
      memcpy(t + 20, r->tcp_options, r->tcp_options_size);
   }
}

void rig_packet(struct rig *r, bool from_server, unsigned flags, const void *payload, size_t size)
{
   size_t l4 = r->udp ? 8 : 20 + r->tcp_options_size, total = (r->ipv6 ? 40 : 20) + l4 + size;
   uint8_t *frame = calloc(1, total);
   make_headers(r, frame, from_server, flags, l4, size);
   if (size > 0) {
      memcpy(frame + total - size, payload, size);
   }
   struct raw_packet raw = {.data = frame,
                            .time = r->time,
                            .captured = (uint32_t) total,
                            .wire = (uint32_t) total + 14,
                            .link = LINK_RAW};
   struct packet packet;
   assert_int_equal(packet_parse(&raw, PARSE_OUTER, &packet), PARSE_OK);
   flow_cache_packets(r->cache, &packet, 1);
   free(frame);
   r->time += NS / 1000;
}

void rig_text(struct rig *r, bool from_server, const char *text)
{
   rig_packet(r, from_server, 0x18, text, strlen(text));
}

void rig_flush(struct rig *r)
{
   flow_cache_flush(r->cache);
}

static int field_of(struct rig *r, unsigned record, const char *field)
{
   rig_flush(r);
   assert_true(record < r->n_records);
   int id = ur_get_id_by_name(field);
   assert_true(id >= 0 && ur_is_present(r->tmplt, id));
   return id;
}

const char *rig_string(struct rig *r, unsigned record, const char *field)
{
   static char text[4][2048];
   static unsigned turn;
   int id = field_of(r, record, field);
   char *to = text[turn++ % 4];
   size_t n = ur_get_var_len(r->tmplt, r->records[record], id);
   assert_true(n < sizeof(text[0]));
   memcpy(to, ur_get_ptr_by_id(r->tmplt, r->records[record], id), n);
   to[n] = 0;
   return to;
}

static int64_t number_at(const void *p, unsigned size)
{
   int64_t v = 0;
   memcpy(&v, p, size);
   return v;
}

uint64_t rig_number(struct rig *r, unsigned record, const char *field)
{
   int id = field_of(r, record, field);
   return (uint64_t) number_at(ur_get_ptr_by_id(r->tmplt, r->records[record], id),
                               (unsigned) ur_get_size(id));
}

unsigned rig_elements(struct rig *r, unsigned record, const char *field)
{
   int id = field_of(r, record, field);
   return ur_array_get_elem_cnt(r->tmplt, r->records[record], id);
}

int64_t rig_element(struct rig *r, unsigned record, const char *field, unsigned index)
{
   int id = field_of(r, record, field);
   unsigned size = (unsigned) ur_array_get_elem_size(id);
   assert_true(index < rig_elements(r, record, field));
   return number_at((const char *) ur_get_ptr_by_id(r->tmplt, r->records[record], id) + (size_t) index * size,
                    size);
}

void rig_free(struct rig *r)
{
   rig_flush(r);
   for (unsigned i = 0; i < r->n_records; i++) {
      ur_free_record(r->records[i]);
   }
   ur_free_template(r->tmplt);
   flow_cache_free(r->cache);
   free(r);
}
