/* SPDX-License-Identifier: BSD-3-Clause */
/** sFlow version 5, by its bytes. */
#include "collector/sflow.h"
#include "collector/sflow_sequences.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A datagram that grows. */
struct bytes {
   uint8_t data[1500];
   size_t n;
};

static void add32(struct bytes *b, uint32_t v)
{
   for (int shift = 24; shift >= 0; shift -= 8) {
      b->data[b->n++] = (uint8_t) (v >> shift);
   }
}

static void add(struct bytes *b, const void *data, size_t n)
{
   memcpy(b->data + b->n, data, n);
   b->n += n;
   while (b->n % 4 != 0) {
      b->data[b->n++] = 0;
   }
}

/* Begins a part whose length is written by end_part(). */
static size_t begin_part(struct bytes *b, uint32_t format)
{
   add32(b, format);
   add32(b, 0);
   return b->n;
}

static void end_part(struct bytes *b, size_t begin)
{
   size_t end = b->n;
   b->n = begin - 4;
   add32(b, (uint32_t) (end - begin));
   b->n = end;
}

static void header(struct bytes *b, uint32_t number, uint32_t samples)
{
   b->n = 0;
   add32(b, 5);
   add32(b, 1); /* IPv4 */
   add32(b, 0x0a000001);
   add32(b, 7); /* sub-agent */
   add32(b, number);
   add32(b, 123456); /* uptime */
   add32(b, samples);
}

static size_t begin_sample(struct bytes *b, uint32_t number, uint32_t records)
{
   size_t at = begin_part(b, 1);
   add32(b, number);
   add32(b, 3);          /* source: interface 3 */
   add32(b, 1000);       /* rate */
   add32(b, 5000);       /* pool */
   add32(b, 0);          /* drops */
   add32(b, 3);          /* input */
   add32(b, 0x80000002); /* output: two interfaces */
   add32(b, records);
   return at;
}

static const uint8_t frame_v4[] = {0x02, 0,    0,    0,    0, 2,  0x02, 0,  0,   0,
                                   0,    1,    0x81, 0,    0, 42, 0x08, 0, /* VLAN 42, IPv4 */
                                   0x45, 0x28, 0x01, 0x00, 0, 1,  0x40, 0,  63,  6,
                                   0,    0,    192,  0,    2, 1,  198,  51, 100, 2, /* 256 bytes, TCP */
                                   0x30, 0x39, 0,    80,   0, 0,  0,    1,  0,   0,
                                   0,    0,    0x50, 0x12, 0, 0,  0,    0,  0,   0}; /* SYN ACK */
static const uint8_t packet_v6[] = {0x6a, 0xb0, 0, 0, 0, 8, 58, 61, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0,
                                    0,    0,    0, 0, 0, 0, 0,  1,  0x20, 1, 0xd, 0xb8, 0, 0, 0, 0,
                                    0,    0,    0, 0, 0, 0, 0,  2,  128,  3, 0,   0,    0, 0, 0, 0};

static void add_header(struct bytes *b, uint32_t protocol, uint32_t frame, const uint8_t *data, uint32_t n)
{
   size_t at = begin_part(b, 1);
   add32(b, protocol);
   add32(b, frame);
   add32(b, 4); /* stripped: the check sequence */
   add32(b, n);
   add(b, data, n);
   end_part(b, at);
}

/* What came back. */
struct seen {
   unsigned n;
   struct fc_sflow_sample sample;
   uint8_t agent[16], record[FC_SFLOW_RECORD];
};

static void remember(void *context, const struct fc_sflow_sample *sample)
{
   struct seen *s = context;
   s->n++;
   s->sample = *sample;
   memcpy(s->agent, sample->agent, 16);
   memcpy(s->record, sample->record, sample->length);
}

static uint64_t value(const struct seen *s, uint16_t id)
{
   unsigned n;
   const struct fc_sflow_field *f = fc_sflow_fields(s->sample.ipv6, &n);
   size_t at = 0;
   for (unsigned i = 0; i < n; i++) {
      if (f[i].id == id) {
         uint64_t v = 0;
         for (unsigned k = 0; k < f[i].length; k++) {
            v = v << 8 | s->record[at + k];
         }
         return v;
      }
      at += f[i].length;
   }
   fail_msg("no element %u", id);
   return 0;
}

static const uint8_t sender[16] = {0, 0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 1, 255, 255, 255, 255};
#define ARRIVAL UINT64_C(1700000000500000000)

static enum fc_sflow_result decode(struct fc_sflow *f, const struct bytes *b, size_t n, struct seen *seen)
{
   uint8_t *copy = malloc(n + 1); /* of exactly this size, so that reading beyond it is noticed */
   memcpy(copy, b->data, n);
   enum fc_sflow_result r = fc_sflow_decode(f, sender, ARRIVAL, copy, n, remember, seen);
   free(copy);
   return r;
}

static void a_sampled_header_becomes_a_record(void **state)
{
   (void) state;
   struct fc_sflow *f = fc_sflow_new(64);
   struct bytes b;
   struct seen seen = {.n = 0};
   header(&b, 1, 1);
   size_t at = begin_sample(&b, 10, 1);
   add_header(&b, 1, 278, frame_v4, sizeof(frame_v4));
   end_part(&b, at);
   assert_int_equal(decode(f, &b, b.n, &seen), FC_SFLOW_OK);
   assert_int_equal(seen.n, 1);
   assert_false(seen.sample.ipv6);
   assert_int_equal(seen.sample.rate, 1000);
   assert_int_equal(seen.sample.sub_agent, 7);
   assert_int_equal(seen.sample.source_index, 3);
   static const uint8_t agent[16] = {0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1, 255, 255, 255, 255};
   assert_memory_equal(seen.agent, agent, 16);
   static const struct {
      uint16_t id;
      uint64_t value;
   } expected[] = {{8, 0xc0000201},
                   {12, 0xc6336402},
                   {7, 12345},
                   {11, 80},
                   {4, 6},
                   {6, 0x12},
                   {5, 0x28},
                   {192, 63},
                   {1, 256},
                   {2, 1},
                   {56, 0x020000000001},
                   {80, 0x020000000002},
                   {58, 42},
                   {10, 3},
                   {14, 0},
                   {34, 1000},
                   {32, 0},
                   {154, (UINT64_C(1700000000) + 2208988800) << 32 | 0x80000000}};
   for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
      if (value(&seen, expected[i].id) != expected[i].value) {
         fail_msg("element %u is %#lx, expected %#lx", expected[i].id,
                  (unsigned long) value(&seen, expected[i].id), (unsigned long) expected[i].value);
      }
   }
   fc_sflow_free(f);
}

static void expanded_samples_and_ipv6_are_read(void **state)
{
   (void) state;
   struct fc_sflow *f = fc_sflow_new(64);
   struct bytes b;
   struct seen seen = {.n = 0};
   header(&b, 1, 1);
   size_t at = begin_part(&b, 3);
   static const uint32_t numbers[] = {1, 0, 0x12345678, 512, 0, 0, 0, 0x40000001, 1, 9, 2};
   for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
      add32(&b, numbers[i]);
   }
   size_t part = begin_part(&b, 1001); /* extended_switch */
   add32(&b, 77);
   add32(&b, 0);
   add32(&b, 78);
   add32(&b, 0);
   end_part(&b, part);
   add_header(&b, 12, sizeof(packet_v6), packet_v6, sizeof(packet_v6));
   end_part(&b, at);
   assert_int_equal(decode(f, &b, b.n, &seen), FC_SFLOW_OK);
   assert_int_equal(seen.n, 1);
   assert_true(seen.sample.ipv6);
   assert_int_equal(seen.sample.source_index, 0x12345678);
   assert_int_equal(value(&seen, 10), 0x40000001);
   assert_int_equal(value(&seen, 14), 0); /* its format says that it was discarded */
   assert_int_equal(value(&seen, 34), 512);
   assert_int_equal(value(&seen, 139), 128 << 8 | 3);
   assert_int_equal(value(&seen, 5), 0xab);
   assert_int_equal(value(&seen, 192), 61);
   assert_int_equal(value(&seen, 1), 48);
   assert_int_equal(value(&seen, 58), 77); /* the switch's: the packet has no tag */
   fc_sflow_free(f);
}

static void what_the_agent_has_read_is_taken_without_header(void **state)
{
   (void) state;
   struct fc_sflow *f = fc_sflow_new(64);
   struct bytes b;
   struct seen seen = {.n = 0};
   header(&b, 1, 1);
   size_t at = begin_sample(&b, 1, 1), part = begin_part(&b, 3);
   static const uint32_t numbers[] = {1400, 17, 0xc0000201, 0xc6336402, 53, 1024, 0x1f, 0x10};
   for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
      add32(&b, numbers[i]);
   }
   end_part(&b, part);
   end_part(&b, at);
   assert_int_equal(decode(f, &b, b.n, &seen), FC_SFLOW_OK);
   assert_int_equal(seen.n, 1);
   assert_int_equal(value(&seen, 1), 1400);
   assert_int_equal(value(&seen, 8), 0xc0000201);
   assert_int_equal(value(&seen, 7), 53);
   assert_int_equal(value(&seen, 6), 0); /* flags are of TCP only */
   fc_sflow_free(f);
}

static void samples_without_a_flow_are_counted(void **state)
{
   (void) state;
   struct fc_sflow *f = fc_sflow_new(64);
   struct bytes b;
   struct seen seen = {.n = 0};
   header(&b, 1, 6);
   size_t at = begin_part(&b, 2); /* counters */
   add(&b, "counters....", 12);
   end_part(&b, at);
   at = begin_part(&b, 4413 << 12 | 1); /* of a vendor */
   add(&b, "vendor", 6);
   end_part(&b, at);
   at = begin_sample(&b, 1, 1);
   uint8_t arp[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
   add_header(&b, 1, 64, arp, sizeof(arp));
   end_part(&b, at);
   at = begin_sample(&b, 2, 1);
   add_header(&b, 1, 64, frame_v4, 20); /* cut */
   end_part(&b, at);
   at = begin_sample(&b, 3, 1);
   add_header(&b, 2, 64, frame_v4, sizeof(frame_v4)); /* a token bus */
   end_part(&b, at);
   at = begin_sample(&b, 4, 0);
   end_part(&b, at);
   assert_int_equal(decode(f, &b, b.n, &seen), FC_SFLOW_OK);
   assert_int_equal(seen.n, 0);
   const struct fc_sflow_counters *c = fc_sflow_counters(f);
   assert_int_equal(c->datagrams, 1);
   assert_int_equal(c->counter_samples, 1);
   assert_int_equal(c->other_samples, 1);
   assert_int_equal(c->flow_samples, 4);
   assert_int_equal(c->not_ip, 1);
   assert_int_equal(c->not_parsed, 2);
   assert_int_equal(c->no_packet, 1);
   assert_int_equal(c->records, 0);
   fc_sflow_free(f);
}

/* A datagram cut anywhere gives the samples before the cut, and is counted. */
static void cut_datagrams_are_counted(void **state)
{
   (void) state;
   struct bytes b;
   header(&b, 1, 2);
   size_t at = begin_sample(&b, 1, 1);
   add_header(&b, 1, 278, frame_v4, sizeof(frame_v4));
   end_part(&b, at);
   size_t first = b.n;
   at = begin_sample(&b, 2, 1);
   add_header(&b, 1, 278, frame_v4, sizeof(frame_v4));
   end_part(&b, at);
   for (size_t n = 0; n < b.n; n++) {
      struct fc_sflow *f = fc_sflow_new(16);
      struct seen seen = {.n = 0};
      assert_int_equal(decode(f, &b, n, &seen), n < 4 ? FC_SFLOW_VERSION : FC_SFLOW_MALFORMED);
      assert_int_equal(seen.n, n >= first);
      assert_int_equal(fc_sflow_counters(f)->malformed, n >= 4);
      fc_sflow_free(f);
   }
   struct seen seen = {.n = 0};
   struct fc_sflow *f = fc_sflow_new(16);
   b.data[3] = 4;
   assert_int_equal(decode(f, &b, b.n, &seen), FC_SFLOW_VERSION);
   fc_sflow_free(f);
}

static void send_number(struct fc_sflow *f, uint32_t number)
{
   struct bytes b;
   struct seen seen = {.n = 0};
   header(&b, number, 1);
   size_t at = begin_sample(&b, number * 2, 1);
   add_header(&b, 1, 278, frame_v4, sizeof(frame_v4));
   end_part(&b, at);
   assert_int_equal(decode(f, &b, b.n, &seen), FC_SFLOW_OK);
}

static void lost_late_and_restarted_are_told_apart(void **state)
{
   (void) state;
   struct fc_sflow *f = fc_sflow_new(64);
   const struct fc_sflow_counters *c = fc_sflow_counters(f);
   send_number(f, UINT32_MAX); /* the first says nothing, and numbers wrap */
   send_number(f, 0);
   assert_int_equal(c->lost, 0);
   send_number(f, 4); /* 1, 2, 3 are missing */
   assert_int_equal(c->lost, 3);
   send_number(f, 2); /* late */
   assert_int_equal(c->lost, 2);
   assert_int_equal(c->out_of_order, 1);
   send_number(f, 5);
   assert_int_equal(c->lost, 2);
   assert_int_equal(c->restarts, 0);
   send_number(f, 4000000000u);
   assert_int_equal(c->restarts, 1);
   assert_int_equal(c->lost, 2);
   send_number(f, 4000000001u);
   assert_int_equal(c->restarts, 1);
   assert_int_equal(c->sources, 2); /* the agent and its source */
   fc_sflow_free(f);
}

static void sequences_have_fixed_memory(void **state)
{
   (void) state;
   struct fc_sequences *s = fc_sequences_new(16);
   uint64_t seen, evicted;
   for (uint32_t i = 0; i < 1000; i++) {
      uint8_t key[FC_SEQUENCE_KEY] = {(uint8_t) i, (uint8_t) (i >> 8)};
      assert_int_equal(fc_sequences_see(s, key, 1, 1).event, FC_SEQUENCE_FIRST);
      assert_int_equal(fc_sequences_see(s, key, 2, 1).event, FC_SEQUENCE_NEXT);
   }
   fc_sequences_count(s, &seen, &evicted);
   assert_int_equal(seen, 1000);
   assert_int_equal(evicted, 1000 - 16);
   fc_sequences_free(s);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(a_sampled_header_becomes_a_record),
       cmocka_unit_test(expanded_samples_and_ipv6_are_read),
       cmocka_unit_test(what_the_agent_has_read_is_taken_without_header),
       cmocka_unit_test(samples_without_a_flow_are_counted),
       cmocka_unit_test(cut_datagrams_are_counted),
       cmocka_unit_test(lost_late_and_restarted_are_told_apart),
       cmocka_unit_test(sequences_have_fixed_memory),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
