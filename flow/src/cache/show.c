/* SPDX-License-Identifier: BSD-3-Clause */
/** Shows the packets of flows to plugins, and carries out what these ask for. */
#include "cache_state.h"

#include <netinet/in.h>
#include <string.h>

/* Which plugins look at the flow of this packet. */
static plugin_set_t interested(const struct flow_cache *c, const struct packet *packet)
{
   plugin_set_t set = packet->protocol == IPPROTO_TCP   ? c->of_tcp
                      : packet->protocol == IPPROTO_UDP ? c->of_udp
                                                        : c->of_other;
   for (plugin_set_t by_port = set & c->with_port; by_port != 0; by_port &= by_port - 1) {
      unsigned i = (unsigned) __builtin_ctzll(by_port);
      uint16_t port = c->config.plugins[i]->port;
      set &= packet->src_port == port || packet->dst_port == port ? set : ~PLUGIN_SET(i);
   }
   return set;
}

/* A packet on its way to the plugins of its flow. */
struct showing {
   const struct packet *packet;
   struct plugin_row *row;
   bool reverse;
   bool stream;   /* of TCP, and a plugin wants its payload in order */
   bool as_it_is; /* its payload is in order */
};

/* What plugin i, one of streams, is to see of a packet whose payload is not in order. \return NULL: nothing */
static const struct packet *view_of_stream(const struct flow_cache *c, const struct showing *s, unsigned i,
                                           struct stream_view *view, struct packet *copy)
{
   if (!streams_look(c->streams, s->row, s->reverse, i, view)) {
      return NULL;
   }
   *copy = *s->packet;
   copy->payload = view->bytes;
   copy->payload_captured = view->captured;
   copy->payload_wire = view->captured + view->cut;
   copy->l4 = NULL;
   return copy;
}

/* What plugin i is to see of a packet: the packet, or a copy with other payload. \return NULL: nothing */
static inline const struct packet *view_of(const struct flow_cache *c, const struct showing *s, unsigned i,
                                           struct stream_view *view, struct packet *copy)
{
   *view = (struct stream_view){s->packet->payload, s->packet->payload_captured, plugin_cut(s->packet)};
   return s->as_it_is || (c->of_streams >> i & 1) == 0 ? s->packet : view_of_stream(c, s, i, view, copy);
}

/* A record of what plugin i has found, while the flow goes on. */
static void export_more(struct flow_cache *c, struct flow *f, unsigned i, void *bytes)
{
   void *ext[MAX_PLUGINS];
   plugin_set_t others = f->plugins & ~PLUGIN_SET(i);
   if (f->plugins == others) {
      return;
   }
   ext[i] = bytes;
   f->plugins = PLUGIN_SET(i);
   c->config.export(c->config.context, f, ext, FLOW_GOES_ON);
   f->plugins = others;
}

/* Goes on after plugin i has seen a packet and answered with result: keeps what it found, and shows what is left of the payload, message
 * by message. ext: its bytes; first: they are not the flow's yet. \return what is to be done after the packet */
static __attribute__((noinline)) unsigned go_on(struct flow_cache *c, struct flow *f, const struct showing *s,
                                                unsigned i, void *ext, bool first,
                                                flow_plugin_packet_fn callback, const struct packet *packet,
                                                struct stream_view view, unsigned result)
{
   struct packet rest;
   for (unsigned flush = 0;;) {
      if (first && (c->memory.lazy >> i & 1) != 0) {
         if ((result & (PLUGIN_HAS_DATA | PLUGIN_KEEP)) == 0) {
            plugin_drop(&c->memory, i, ext);
            ext = NULL;
         } else if (!plugin_keep(&c->memory, record_of(c, f), i)) {
            flush |= PLUGIN_FLUSH;
         }
      }
      f->plugins |= (result & PLUGIN_HAS_DATA) != 0 ? PLUGIN_SET(i) : 0;
      s->row->active &= (result & PLUGIN_DONE) != 0 ? ~PLUGIN_SET(i) : ~(plugin_set_t) 0;
      flush |= result;
      uint32_t used = PLUGIN_USED_OF(result);
      if ((result & PLUGIN_MORE) != 0 && s->stream) {
         streams_wait(c->streams, s->row, s->packet, s->reverse, i, &view, used);
      }
      if ((result & PLUGIN_AGAIN) == 0 || used == 0 || used >= view.captured) {
         return flush;
      }
      if (ext != NULL) {
         export_more(c, f, i, ext);
         plugin_clear(&c->memory, i, ext);
      }
      view.bytes += used;
      view.captured -= used;
      rest = *packet;
      rest.payload += used;
      rest.payload_captured -= used;
      rest.payload_wire -= used;
      rest.l4 = NULL;
      packet = &rest;
      first = ext == NULL;
      ext = first ? plugin_begin(&c->memory, record_of(c, f), i) : ext;
      result = callback(ext, f, packet, s->reverse);
   }
}

/* Shows plugin i what it is to see of a packet whose payload is not in order. */
static __attribute__((noinline)) unsigned show_stream(struct flow_cache *c, struct flow *f,
                                                      const struct showing *s, unsigned i, void *ext,
                                                      flow_plugin_packet_fn callback)
{
   struct stream_view view;
   struct packet copy;
   const struct packet *packet = view_of_stream(c, s, i, &view, &copy);
   if (packet == NULL) {
      return PLUGIN_NOTHING;
   }
   bool first = ext == NULL;
   ext = first ? plugin_begin(&c->memory, record_of(c, f), i) : ext;
   return go_on(c, f, s, i, ext, first, callback, packet, view, callback(ext, f, packet, s->reverse));
}

/* Shows a packet to plugin i. ext: its bytes, NULL: it keeps nothing of the flow yet. Most packets are as they should be, and the plugin finds
 * nothing in them. \return what is to be done after the packet */
static inline unsigned show(struct flow_cache *c, struct flow *f, const struct showing *s, unsigned i,
                            void *ext, flow_plugin_packet_fn callback)
{
   const struct packet *packet = s->packet;
   if (!s->as_it_is && (c->of_streams >> i & 1) != 0) {
      return show_stream(c, f, s, i, ext, callback);
   }
   bool first = ext == NULL;
   ext = first ? plugin_begin(&c->memory, record_of(c, f), i) : ext;
   unsigned result = callback(ext, f, packet, s->reverse);
   if (result == PLUGIN_NOTHING) {
      if (first && (c->memory.growing & c->memory.lazy) >> i & 1) {
         plugin_drop(&c->memory, i, ext);
      }
      return PLUGIN_NOTHING;
   }
   struct stream_view view = {packet->payload, packet->payload_captured, plugin_cut(packet)};
   return go_on(c, f, s, i, ext, first, callback, packet, view, result);
}

/* The same for plugins that are neither lazy nor of streams, as those are that look at most packets: they get each as it is.
 * first: their flow begins. \return what is to be done after the packet */
static inline unsigned show_plain(struct flow_cache *c, struct flow *f, const struct showing *s,
                                  plugin_set_t plugins, bool first)
{
   plugin_set_t with_data = 0, done = 0;
   unsigned flush = 0;
   for (; plugins != 0; plugins &= plugins - 1) {
      plugin_set_t this_one = plugins & -plugins;
      unsigned i = (unsigned) __builtin_ctzll(plugins);
      const struct flow_plugin *p = c->config.plugins[i];
      void *ext = (uint8_t *) s->row + c->memory.offset[i];
      if (first) {
         plugin_prepare(&c->memory, i, ext);
      }
      unsigned result = (first ? p->create : p->update)(ext, f, s->packet, s->reverse);
      with_data |= (result & PLUGIN_HAS_DATA) != 0 ? this_one : 0;
      done |= (result & PLUGIN_DONE) != 0 ? this_one : 0;
      flush |= result;
   }
   f->plugins |= with_data;
   s->row->active &= ~done;
   return flush;
}

/* Carries out what plugins asked for after a packet. \return true: the flow is over */
static inline bool after_packet(struct flow_cache *c, struct flow *f, const struct showing *s, unsigned flush)
{
   if (s->stream) {
      streams_done(c->streams, s->row, s->reverse);
   }
   if (flush & PLUGIN_FLUSH) {
      cache_end_flow(c, f, FLOW_END_FORCED);
   }
   return (flush & PLUGIN_FLUSH) != 0;
}

static struct showing begin_showing(struct flow_cache *c, struct plugin_row *row, const struct packet *packet,
                                    bool reverse)
{
   struct showing s = {.packet = packet, .row = row, .reverse = reverse, .as_it_is = true};
   if (packet->protocol == IPPROTO_TCP && (row->active & c->of_streams) != 0) {
      s.stream = true;
      s.as_it_is = streams_segment(c->streams, row, packet, reverse);
   }
   return s;
}

/* Of these plugins, those whom a packet of the flow concerns. A plugin that skips more packets than another one does so itself. */
static inline plugin_set_t concerned(const struct flow_cache *c, const struct flow *f, plugin_set_t active,
                                     const struct showing *s)
{
   if ((uint64_t) f->packets + f->packets_rev <= c->skipped) {
      active &= ~c->late;
   }
   if (s->packet->payload_captured == 0) {
      return active & c->without_payload;
   }
   plugin_set_t other_bytes = s->as_it_is ? 0 : c->of_streams; /* are shown to these */
   return active & (c->begins[s->packet->payload[0]] | (s->row->kept & ~c->strict) | other_bytes);
}

void plugins_begin(struct flow_cache *c, struct flow *f, const struct packet *packet)
{
   uint32_t record = record_of(c, f);
   struct plugin_row *row = plugin_row(&c->memory, record);
   unsigned flush = 0;
   plugin_row_begin(&c->memory, record);
   stream_begin(row);
   plugin_set_t active = interested(c, packet);
   row->active = active & c->with_update;
   struct showing s = begin_showing(c, row, packet, false);
   plugin_set_t all = concerned(c, f, active, &s), plain = all & c->plain;
   flush |= show_plain(c, f, &s, plain, true);
   for (plugin_set_t set = all & ~plain; set != 0; set &= set - 1) {
      unsigned i = (unsigned) __builtin_ctzll(set);
      flush |= show(c, f, &s, i, NULL, c->config.plugins[i]->create);
   }
   after_packet(c, f, &s, flush);
}

/* The flow ends: what waits for more bytes, or behind a gap, is looked at as it is. */
void plugins_drain(struct flow_cache *c, struct flow *f)
{
   struct plugin_row *row = c->streams != NULL ? plugin_row(&c->memory, record_of(c, f)) : NULL;
   if (row == NULL || (row->buffer[0] | row->buffer[1]) == 0) {
      return;
   }
   for (unsigned way = 0; way < 2; way++) {
      static const uint8_t no_mac[6];
      struct packet packet = {.protocol = f->protocol,
                              .ip_version = f->ip_version,
                              .vlan = f->vlan,
                              .time = f->last,
                              .src_mac = no_mac,
                              .dst_mac = no_mac,
                              .payload = no_mac,
                              .l3 = no_mac};
      memcpy(packet.src_ip, way ? f->dst_ip : f->src_ip, 16);
      memcpy(packet.dst_ip, way ? f->src_ip : f->dst_ip, 16);
      packet.src_port = way ? f->dst_port : f->src_port;
      packet.dst_port = way ? f->src_port : f->dst_port;
      struct showing s = {.packet = &packet, .row = row, .reverse = way, .stream = true};
      while (streams_end(c->streams, row, way)) {
         for (plugin_set_t set = row->active & c->of_streams; set != 0; set &= set - 1) {
            unsigned i = (unsigned) __builtin_ctzll(set);
            const struct flow_plugin *p = c->config.plugins[i];
            void *ext = plugin_kept(&c->memory, record_of(c, f), i);
            struct stream_view view;
            struct packet copy;
            const struct packet *shown = view_of(c, &s, i, &view, &copy);
            if (shown != NULL && ext != NULL && p->before != NULL && p->before(ext, f, shown) != 0) {
               export_more(c, f, i, ext);
               plugin_clear(&c->memory, i, ext);
            }
            show(c, f, &s, i, ext, p->update);
         }
         streams_done(c->streams, row, way);
      }
   }
}

/* Does a plugin want what there was exported first? */
static bool flush_first(struct flow_cache *c, struct flow *f, const struct showing *s, plugin_set_t set)
{
   for (set &= c->with_before & (s->row->kept | ~c->memory.lazy); set != 0; set &= set - 1) {
      unsigned i = (unsigned) __builtin_ctzll(set);
      void *ext = plugin_kept(&c->memory, record_of(c, f), i);
      struct stream_view view;
      struct packet copy;
      const struct packet *packet = ext != NULL ? view_of(c, s, i, &view, &copy) : NULL;
      if (packet != NULL && (c->config.plugins[i]->before(ext, f, packet) & PLUGIN_FLUSH_FIRST) != 0) {
         return true;
      }
   }
   return false;
}

/* \return true: the flow is over */
bool plugins_update(struct flow_cache *c, struct flow *f, const struct packet *packet, bool reverse)
{
   uint32_t record = record_of(c, f);
   struct plugin_row *row = plugin_row(&c->memory, record);
   struct showing s = begin_showing(c, row, packet, reverse);
   plugin_set_t active = row->active;
   unsigned flush = 0;
   bool restarted = flush_first(c, f, &s, concerned(c, f, active, &s));
   if (restarted) {
      cache_restart_flow(c, f);
      active = interested(c, packet);
      row->active = active & c->with_update;
   }
   count_in_flow(f, packet, reverse);
   plugin_set_t all = concerned(c, f, active, &s), plain = all & c->plain;
   flush |= restarted ? show_plain(c, f, &s, plain, true) : show_plain(c, f, &s, plain, false);
   for (plugin_set_t set = all & ~plain; set != 0; set &= set - 1) {
      unsigned i = (unsigned) __builtin_ctzll(set);
      const struct flow_plugin *p = c->config.plugins[i];
      void *ext = restarted ? NULL : plugin_kept(&c->memory, record, i);
      flow_plugin_packet_fn callback = restarted ? p->create : p->update;
      flush |= callback != NULL ? show(c, f, &s, i, ext, callback) : 0;
   }
   return after_packet(c, f, &s, flush);
}
