/* SPDX-License-Identifier: BSD-3-Clause */
/** Messages over TCP give the same records however their bytes are cut into segments, and in whatever order these come. */
#include "plugin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PSH_ACK  0x18
#define SYN      0x02
#define MAX_TEXT 16384

/* Bytes that one side sends, and how many records they give. */
struct talk {
   const char *plugin, *options;
   unsigned port;
   bool from_server;
   const char *bytes;
   size_t size;
   unsigned records;
};

#define TALK(plugin, options, port, from_server, bytes, records)              \
   {                                                                          \
      plugin, options, port, from_server, bytes, sizeof(bytes) - 1, (records) \
   }

#define SIP_BODY(n) "Content-Length: " n "\r\n\r\n"
#define SIP(method, id)                                                                                  \
   method " sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=1\r\nFrom: <sip:a@a.example>;tag=1\r\n" \
          "To: <sip:b@b.example>\r\nCall-ID: " id "\r\nCSeq: 1 " method                                  \
          "\r\nSubject: one\r\n  line more\r\n"
#define DNS_ONE "\0\x11\0\1\1\0\0\1\0\0\0\0\0\0\0\0\1\0\1" /* 17 bytes: the root, A */
#define DNS_TWO "\0\x13\0\2\1\0\0\1\0\0\0\0\0\0\1b\0\0\1\0\1"
#define HELLO_1     \
   "\1\0\0\x38\3\3" \
   "0123456789abcdef0123456789abcdef\0\0\2\x13\1\1\0\0\xd"
#define HELLO_2 "\0\0\0\x9\0\7\0\0\4a.eu"

static const struct talk talks[] = {
    TALK("http", "", 80, false, "GET /1 HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\nReferer: y\r\n\r\n",
         1),
    TALK("http", "", 80, false, "\r\nPOST /1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbody",
         1),
    TALK("http", "", 80, false,
         "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\nGET /3 HTTP/1.1\r\nHost: "
         "c\r\n\r\n",
         3),
    TALK("http", "", 80, true,
         "HTTP/1.1 200 OK\r\nServer: s\r\nSet-Cookie: a=1\r\nSet-Cookie: b=1\r\n\r\n<html>", 1),
    TALK("rtsp", "", 554, false,
         "DESCRIBE rtsp://h/s RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: player\r\n\r\nPLAY rtsp://h/s "
         "RTSP/1.0\r\nCSeq: "
         "3\r\n\r\n",
         2),
    TALK("sip", "", 5060, false,
         SIP("INVITE", "one") SIP_BODY("4") "v=0\n" SIP("OPTIONS", "two") SIP_BODY("0"), 2),
    TALK("sip", "", 5060, true, SIP("MESSAGE", "three") "\r\n", 1),
    TALK("dns", "", 53, false, DNS_ONE DNS_TWO DNS_ONE, 3),
    TALK("smtp", "", 25, false,
         "EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\nSubject: z\r\n\r\nRSET\r\n.\r\nQUIT\r\n", 1),
    TALK("smtp", "", 25, true, "220 hello\r\n250-one\r\n250 two\r\n354 go on\r\n550 no\r\n", 1),
    TALK("mqtt", "tc=5", 1883, false,
         "\x10\x10\0\4MQTT\4\2\0\x3c\0\4name\x30\x7\0\3t/1hi\x30\x6\0\3t/2x\xe0\0", 1),
    TALK("tls", "ja4", 443, false, "\x16\3\1\0\x3c" HELLO_1 HELLO_2, 1),
    TALK("tls", "ja4", 443, false, "\x16\3\1\0\x2f" HELLO_1 "\x16\3\1\0\xd" HELLO_2, 1), /* two TLS records */
    TALK("https", "", 443, false, "\x16\3\1\0\x3c" HELLO_1 HELLO_2, 1),
};

#define TALKS (sizeof(talks) / sizeof(talks[0]))

static struct rig *begin(const struct talk *t)
{
   struct rig *r = rig_new(t->plugin, t->options, false, t->port);
   for (unsigned way = 0; way < 2; way++) {
      rig_packet(r, way, way == 0 ? SYN : SYN | 0x10, "", 0);
      r->seq[way]++; /* the SYN */
   }
   return r;
}

/* Sends the bytes from one offset up to another. */
static void send_part(struct rig *r, const struct talk *t, size_t from, size_t to)
{
   r->seq[t->from_server] = 1 + (uint32_t) from;
   rig_packet(r, t->from_server, PSH_ACK, t->bytes + from, to - from);
}

static void same_records(struct rig *r, const struct rig *whole)
{
   rig_flush(r);
   assert_int_equal(r->n_records, whole->n_records);
   for (unsigned i = 0; i < r->n_records; i++) {
      size_t size = ur_rec_size(r->tmplt, r->records[i]);
      if (size != ur_rec_size(whole->tmplt, whole->records[i]))
         fprintf(stderr, "size %s\n", r->plugin->name);
      assert_int_equal(size, ur_rec_size(whole->tmplt, whole->records[i]));
      assert_memory_equal(r->records[i], whole->records[i], size);
   }
   assert_int_equal(flow_cache_stats(r->cache)->streams->given_up, 0);
   rig_free(r);
}

static struct rig *in_one_segment(const struct talk *t)
{
   struct rig *r = begin(t);
   send_part(r, t, 0, t->size);
   rig_flush(r);
   assert_int_equal(r->n_records, t->records);
   return r;
}

static void any_cut_gives_the_same_records(void **state)
{
   (void) state;
   for (size_t i = 0; i < TALKS; i++) {
      const struct talk *t = &talks[i];
      struct rig *whole = in_one_segment(t);
      for (size_t cut = 1; cut < t->size; cut++) {
         struct rig *r = begin(t);
         send_part(r, t, 0, cut);
         rig_packet(r, !t->from_server, 0x10, "", 0);
         send_part(r, t, cut, t->size);
         same_records(r, whole);
      }
      rig_free(whole);
   }
}

static void one_byte_at_a_time_gives_the_same_records(void **state)
{
   (void) state;
   for (size_t i = 0; i < TALKS; i++) {
      struct rig *whole = in_one_segment(&talks[i]), *r = begin(&talks[i]);
      for (size_t at = 0; at < talks[i].size; at++) {
         send_part(r, &talks[i], at, at + 1);
      }
      same_records(r, whole);
      rig_free(whole);
   }
}

static void the_order_of_segments_makes_no_difference(void **state)
{
   static const unsigned orders[][4] = {{1, 0, 2, 3}, {3, 2, 1, 0}, {0, 2, 1, 3},
                                        {0, 3, 1, 2}, {1, 1, 0, 9}, {2, 0, 0, 1}};
   (void) state;
   for (size_t i = 0; i < TALKS; i++) {
      const struct talk *t = &talks[i];
      struct rig *whole = in_one_segment(t);
      for (size_t k = 0; k < sizeof(orders) / sizeof(orders[0]); k++) {
         struct rig *r = begin(t);
         for (unsigned n = 0; n < 4; n++) {
            size_t part = orders[k][n];
            if (part < 4) {
               send_part(r, t, part * t->size / 4, (part + 1) * t->size / 4);
            }
         }
         for (size_t part = 2; part < 4;
              part++) { /* those that an order leaves out; else, sent again when nobody waits */
            bool sent = false;
            for (unsigned n = 0; n < 4; n++) {
               sent = sent || orders[k][n] == part;
            }
            if (!sent) {
               send_part(r, t, part * t->size / 4, (part + 1) * t->size / 4);
            }
         }
         same_records(r, whole);
      }
      rig_free(whole);
   }
}

/* A segment that was lost by the capture does not hide the messages after it. */
static void what_follows_a_gap_is_seen_in_the_end(void **state)
{
   (void) state;
   const struct talk *t = &talks[2];
   struct rig *r = begin(t);
   send_part(r, t, 28, t->size);
   assert_string_equal(rig_string(r, 0, "HTTP_REQUEST_URL"), "/2");
   assert_string_equal(rig_string(r, 1, "HTTP_REQUEST_URL"), "/3");
   rig_free(r);
}

static void a_message_that_grows_too_large_is_given_up(void **state)
{
   char line[1000];
   (void) state;
   struct rig *r = rig_new("sip", "", false, 5060);
   memset(line, 'x', sizeof(line));
   rig_text(r, false, SIP("INVITE", "one"));
   for (unsigned i = 0; i < 80; i++) {
      rig_packet(r, false, PSH_ACK, line, sizeof(line));
   }
   rig_flush(r);
   assert_int_equal(r->n_flows, 1);
   assert_int_equal(r->n_records, 1); /* of what was there */
   rig_free(r);
}

static void segments_beyond_a_gap_are_bounded(void **state)
{
   (void) state;
   const struct talk *t = &talks[0];
   struct rig *r = begin(t);
   for (uint32_t i = 0; i < 20; i++) {
      r->seq[0] = 1000 + i * 100;
      rig_packet(r, false, PSH_ACK, t->bytes, t->size);
   }
   rig_flush(r);
   assert_int_equal(r->n_records, 20);
   rig_free(r);
}

struct count {
   unsigned flows, more;
};

static void count_flow(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS],
                       enum flow_end reason)
{
   struct count *c = context;
   (void) ext;
   c->flows += reason != FLOW_GOES_ON;
   c->more += reason == FLOW_GOES_ON;
   assert_true(flow->packets > 0);
}

/* A SYN and a segment of a flow of its own. */
static void send_to(struct flow_cache *cache, uint32_t host, const char *text, uint64_t time)
{
   uint8_t frame[128] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1};
   for (unsigned syn = 2; syn-- > 0;) {
      size_t n = syn ? 0 : strlen(text);
      struct packet packet;
      struct raw_packet raw = {.data = frame,
                               .time = time,
                               .captured = (uint32_t) (40 + n),
                               .wire = (uint32_t) (54 + n),
                               .link = LINK_RAW};
      frame[3] = (uint8_t) (40 + n);
      memcpy(frame + 16, &host, 4);
      frame[20] = 0x9c;
      frame[23] = 80;
      frame[27] = (uint8_t) (1 - syn);
      frame[32] = 0x50;
      frame[33] = syn ? SYN : PSH_ACK;
      memcpy(frame + 40, text, n);
      assert_int_equal(packet_parse(&raw, PARSE_OUTER, &packet), PARSE_OK);
      flow_cache_packets(cache, &packet, 1);
   }
}

static void buffers_and_plugin_memory_are_bounded(void **state)
{
   struct count count = {0, 0};
   struct flow_cache_config config = {.capacity = 4096,
                                      .active_ms = 300000,
                                      .inactive_ms = 30000,
                                      .n_plugins = 1,
                                      .plugins = {flow_plugin_find("http")},
                                      .export = count_flow,
                                      .context = &count};
   uint64_t most, least;
   (void) state;
   plugin_memory_sizes(config.plugins, 1, config.capacity, &most, &least);
   config.plugin_memory = least - 1;
   assert_null(flow_cache_new(&config));
   config.plugin_memory = least;
   struct flow_cache *cache = flow_cache_new(&config);
   assert_non_null(cache);
   for (uint32_t i = 0; i < STREAM_BUFFERS + 10; i++) {
      send_to(cache, i, "GET /1 HTTP/1.1\r\n", 1000 * NS);
   }
   const struct flow_cache_stats *stats = flow_cache_stats(cache);
   assert_int_equal(stats->streams->stolen, 10);
   assert_int_equal(stats->streams->given_up, 10);
   assert_int_equal(*stats->plugin_memory_exceeded, 0);
   for (uint32_t i = 0; i < 1000; i++) { /* flows that have data and no memory are exported with it */
      send_to(cache, 10000 + i, "GET /1 HTTP/1.1\r\n\r\n", 1000 * NS);
   }
   assert_true(*stats->plugin_memory_exceeded > 900);
   assert_int_equal(count.flows, *stats->plugin_memory_exceeded);
   flow_cache_flush(cache);
   assert_int_equal(count.flows, STREAM_BUFFERS + 10 + 1000);
   flow_cache_free(cache);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(any_cut_gives_the_same_records),
       cmocka_unit_test(one_byte_at_a_time_gives_the_same_records),
       cmocka_unit_test(the_order_of_segments_makes_no_difference),
       cmocka_unit_test(what_follows_a_gap_is_seen_in_the_end),
       cmocka_unit_test(a_message_that_grows_too_large_is_given_up),
       cmocka_unit_test(segments_beyond_a_gap_are_bounded),
       cmocka_unit_test(buffers_and_plugin_memory_are_bounded),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
