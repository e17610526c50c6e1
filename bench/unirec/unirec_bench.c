/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What UniRec and the common library cost, each beside what it could cost at best in the same run.
 * usage: unirec_bench [ROUNDS]
 * Output: lines "name<TAB>nanoseconds", the best of ROUNDS.
 */
#include <nemea-common/fast_hash_table.h>
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_table.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unirec/unirec.h>
#include <unirec/unirec2csv.h>

#include "fields.h"

UR_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, uint64 LINK_BIT_FIELD, time TIME_FIRST, time TIME_LAST,
          uint32 PACKETS, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint8 TCP_FLAGS,
          uint8 DIR_BIT_FIELD, uint8 TOS, uint8 TTL, macaddr SRC_MAC, string HTTP_HOST, string HTTP_URL,
          string HTTP_AGENT, bytes PAYLOAD, uint16 *SIZES, string NAME, uint32 EXTRA)

#define FLOW                                                                                               \
   "SRC_IP,DST_IP,BYTES,LINK_BIT_FIELD,TIME_FIRST,TIME_LAST,PACKETS,SRC_PORT,DST_PORT,PROTOCOL,TCP_FLAGS," \
   "DIR_BIT_FIELD,TOS,TTL"
#define FULL FLOW ",SRC_MAC,HTTP_HOST,HTTP_URL,HTTP_AGENT,PAYLOAD,SIZES,NAME"

/* The same flow as a C programmer would write it down, in the same order. */
struct __attribute__((packed)) flow {
   ip_addr_t dst_ip, src_ip;
   uint64_t bytes, link;
   ur_time_t first, last;
   uint32_t packets;
   uint16_t dst_port, src_port;
   uint8_t direction, protocol, flags, tos, ttl;
};

#define RECORDS 64
#define STRIDE  2120 /* no power of two, whose multiples get in each other's way in caches */
#define LOOPS   20000
#define KEYS    196608u /* 75 % of the capacity */

static volatile uint64_t sink;
static unsigned rounds = 5;
static ur_template_t *flow_template, *full_template, *other_template;
static uint8_t records[RECORDS][STRIDE], others[RECORDS][STRIDE];
static struct flow structs[RECORDS];

static double now(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}

/* Keeps the compiler from leaving out what was stored. */
static inline void keep(const void *p)
{
   __asm__ __volatile__("" : : "r"(p) : "memory");
}

static void report(const char *name, double (*run)(void))
{
   double best = run();
   for (unsigned i = 1; i < rounds; i++) {
      double t = run();
      best = t < best ? t : best;
   }
   printf("%s\t%.3f\n", name, best);
   fflush(stdout);
}

/* --------------------------------------------------------------------- fields */

#define FIELDS_READ 14

static double get_struct(void)
{
   uint64_t x = 0;
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      const struct flow *f = &structs[i % RECORDS];
      keep(f);
      x += f->bytes + f->link + f->first + f->last + f->packets + f->dst_port + f->src_port + f->direction +
           f->protocol + f->flags + f->tos + f->ttl + f->src_ip.ui64[0] + f->dst_ip.ui64[1];
   }
   double time = now() - begin;
   sink = x;
   return time / LOOPS / FIELDS_READ;
}

static double get_unirec(void)
{
   uint64_t x = 0;
   const ur_template_t *t = flow_template;
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      const void *r = records[i % RECORDS];
      keep(r);
      x += ur_get(t, r, F_BYTES) + ur_get(t, r, F_LINK_BIT_FIELD) + ur_get(t, r, F_TIME_FIRST) +
           ur_get(t, r, F_TIME_LAST) + ur_get(t, r, F_PACKETS) + ur_get(t, r, F_DST_PORT) +
           ur_get(t, r, F_SRC_PORT) + ur_get(t, r, F_DIR_BIT_FIELD) + ur_get(t, r, F_PROTOCOL) +
           ur_get(t, r, F_TCP_FLAGS) + ur_get(t, r, F_TOS) + ur_get(t, r, F_TTL) +
           ur_get_ptr(t, r, F_SRC_IP)->ui64[0] + ur_get_ptr(t, r, F_DST_IP)->ui64[1];
   }
   double time = now() - begin;
   sink = x;
   return time / LOOPS / FIELDS_READ;
}

static double get_one_struct(void)
{
   uint64_t x = 0;
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      const struct flow *f = &structs[i % RECORDS];
      keep(f);
      x += f->packets;
   }
   double time = now() - begin;
   sink = x;
   return time / LOOPS;
}

static double get_one_unirec(void)
{
   const ur_template_t *t = flow_template;
   uint64_t x = 0;
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      const void *r = records[i % RECORDS];
      keep(r);
      x += ur_get(t, r, F_PACKETS);
   }
   double time = now() - begin;
   sink = x;
   return time / LOOPS;
}

static double set_one_struct(void)
{
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      struct flow *f = &structs[i % RECORDS];
      f->packets = (uint32_t) i;
      keep(f);
   }
   return (now() - begin) / LOOPS;
}

static double set_one_unirec(void)
{
   const ur_template_t *t = flow_template;
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      void *r = records[i % RECORDS];
      ur_set(t, r, F_PACKETS, (uint32_t) i);
      keep(r);
   }
   return (now() - begin) / LOOPS;
}

static double set_struct(void)
{
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      struct flow *f = &structs[i % RECORDS];
      f->bytes = (uint64_t) i;
      f->link = 1;
      f->first = f->last = (ur_time_t) i;
      f->packets = (uint32_t) i;
      f->dst_port = f->src_port = (uint16_t) i;
      f->direction = f->protocol = f->flags = f->tos = f->ttl = (uint8_t) i;
      f->src_ip = f->dst_ip = structs[0].src_ip;
      keep(f);
   }
   return (now() - begin) / LOOPS / FIELDS_READ;
}

static double set_unirec(void)
{
   const ur_template_t *t = flow_template;
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      void *r = records[i % RECORDS];
      ur_set(t, r, F_BYTES, (uint64_t) i);
      ur_set(t, r, F_LINK_BIT_FIELD, 1);
      ur_set(t, r, F_TIME_FIRST, (ur_time_t) i);
      ur_set(t, r, F_TIME_LAST, (ur_time_t) i);
      ur_set(t, r, F_PACKETS, (uint32_t) i);
      ur_set(t, r, F_DST_PORT, (uint16_t) i);
      ur_set(t, r, F_SRC_PORT, (uint16_t) i);
      ur_set(t, r, F_DIR_BIT_FIELD, (uint8_t) i);
      ur_set(t, r, F_PROTOCOL, (uint8_t) i);
      ur_set(t, r, F_TCP_FLAGS, (uint8_t) i);
      ur_set(t, r, F_TOS, (uint8_t) i);
      ur_set(t, r, F_TTL, (uint8_t) i);
      ur_set(t, r, F_SRC_IP, structs[0].src_ip);
      ur_set(t, r, F_DST_IP, structs[0].src_ip);
      keep(r);
   }
   return (now() - begin) / LOOPS / FIELDS_READ;
}

/* --------------------------------------------------------------------- records */

static void fill_flow(const ur_template_t *t, void *r)
{
   ip_addr_t ip = ip_from_int(0);
   memset(r, 0, STRIDE);
   ip_from_str("198.51.100.17", &ip);
   ur_set(t, r, F_SRC_IP, ip);
   ip_from_str("203.0.113.200", &ip);
   ur_set(t, r, F_DST_IP, ip);
   ur_set(t, r, F_BYTES, 123456);
   ur_set(t, r, F_LINK_BIT_FIELD, 1);
   ur_set(t, r, F_TIME_FIRST, ur_time_from_sec_msec(1700000000, 123));
   ur_set(t, r, F_TIME_LAST, ur_time_from_sec_msec(1700000009, 456));
   ur_set(t, r, F_PACKETS, 321);
   ur_set(t, r, F_SRC_PORT, 51234);
   ur_set(t, r, F_DST_PORT, 443);
   ur_set(t, r, F_PROTOCOL, 6);
   ur_set(t, r, F_TCP_FLAGS, 27);
   ur_set(t, r, F_TTL, 64);
}

static void fill_full(void *r)
{
   static const char text[300] = "GET /a/rather/long/path?with=a&query=string HTTP/1.1";
   fill_flow(full_template, r);
   ur_set_var(full_template, r, F_HTTP_HOST, "www.example.org", 15);
   ur_set_var(full_template, r, F_HTTP_URL, text, 120);
   ur_set_var(full_template, r, F_HTTP_AGENT, text, 130);
   ur_set_var(full_template, r, F_PAYLOAD, text, 200);
   ur_set_var(full_template, r, F_SIZES, text, 40);
   ur_set_var(full_template, r, F_NAME, "example", 7);
}

static double copy_bytes(void)
{
   size_t size = ur_rec_size(full_template, records[0]);
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      memcpy(others[i % RECORDS], records[i % RECORDS], size);
      keep(others[i % RECORDS]);
   }
   return (now() - begin) / LOOPS;
}

static double copy_same(void)
{
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      ur_copy_fields(full_template, others[i % RECORDS], full_template, records[i % RECORDS]);
      keep(others[i % RECORDS]);
   }
   return (now() - begin) / LOOPS;
}

static double copy_other(void)
{
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      ur_copy_fields(other_template, others[i % RECORDS], full_template, records[i % RECORDS]);
      keep(others[i % RECORDS]);
   }
   return (now() - begin) / LOOPS;
}

static double set_var_changed(void)
{
   static const char text[64] = "an agent with a name";
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      ur_set_var(full_template, records[0], F_HTTP_HOST, text, 10 + i % 2 * 7);
      keep(records[0]);
   }
   return (now() - begin) / LOOPS;
}

static double set_var_equal(void)
{
   static const char text[64] = "an agent with a name";
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      ur_set_var(full_template, records[0], F_HTTP_HOST, text, 10);
      keep(records[0]);
   }
   return (now() - begin) / LOOPS;
}

static double check_flow(void)
{
   int good = 0;
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      good += ur_rec_check(flow_template, others[i % RECORDS], flow_template->static_size);
   }
   sink = (uint64_t) good;
   return (now() - begin) / LOOPS;
}

static double check_full(void)
{
   int good = 0;
   uint32_t size = ur_rec_size(full_template, records[0]);
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      keep(records[0]);
      good += ur_rec_check(full_template, records[0], size);
   }
   sink = (uint64_t) good;
   return (now() - begin) / LOOPS;
}

/* ------------------------------------------------------------------------ text */

static double csv_write(void)
{
   size_t length, all = 0;
   urcsv_t *csv = urcsv_init(flow_template, ',');
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      ur_set(flow_template, others[0], F_BYTES, (uint64_t) i * 977);
      urcsv_line(csv, others[0], &length);
      all += length;
   }
   double time = now() - begin;
   sink = all;
   urcsv_free(&csv);
   return time / LOOPS;
}

static double csv_read(void)
{
   size_t length;
   uint8_t record[STRIDE];
   urcsv_t *csv = urcsv_init(flow_template, ',');
   const char *line = urcsv_line(csv, others[0], &length);
   double begin = now();
   for (int i = 0; i < LOOPS; i++) {
      sink = (uint64_t) urcsv_parse(flow_template, record, line, ',', NULL, 0, NULL);
      keep(record);
   }
   double time = now() - begin;
   urcsv_free(&csv);
   return time / LOOPS;
}

/* -------------------------------------------------------------------- templates */

static double thousand_fields(void)
{
   static char names[32000], typed[32000];
   static unsigned generation;
   size_t n = 0, m = 0;
   generation++;
   for (unsigned i = 0; i < 1000; i++) {
      n += (size_t) snprintf(names + n, sizeof(names) - n, "%sRUN_%u_FIELD_%u", i > 0 ? "," : "", generation,
                             i);
      m += (size_t) snprintf(typed + m, sizeof(typed) - m, "%suint32 RUN_%u_FIELD_%u", i > 0 ? "," : "",
                             generation, i);
   }
   double begin = now();
   ur_template_t *t = ur_define_set_of_fields(typed) == UR_OK ? ur_create_template(names, NULL) : NULL;
   double time = now() - begin;
   if (t == NULL || t->count != 1000) {
      fprintf(stderr, "unirec_bench: the fields could not be defined\n");
      exit(1);
   }
   for (int i = 0; i < t->count; i++) {
      ur_undefine_field_by_id(t->ids[i]);
   }
   ur_free_template(t);
   return time;
}

/* ---------------------------------------------------------------------- tables */

struct key {
   uint64_t half[2];
};

static struct key keys[KEYS];
static nc_table_t *table;
static fht_table_t *old_table;
static uint64_t missing;

static double table_insert(void)
{
   nc_table_free(table);
   table = nc_table_new(
       &(nc_table_config_t){.capacity = 262144, .key_size = 16, .value_size = 8, .full = NC_TABLE_EVICT});
   for (uint32_t i = 0; i < KEYS; i++) { /* its pages are there, as in a detector that runs */
      nc_table_upsert(table, &keys[i], NULL);
   }
   nc_table_clear(table);
   double begin = now();
   for (uint32_t i = 0; i < KEYS; i++) {
      *(uint64_t *) nc_table_upsert(table, &keys[i], NULL) = i;
   }
   return (now() - begin) / KEYS;
}

static double table_search(void)
{
   double begin = now();
   missing = 0;
   for (uint32_t i = 0; i < KEYS; i++) {
      const uint64_t *v = nc_table_find(table, &keys[i]);
      missing += v == NULL || *v != i;
   }
   return (now() - begin) / KEYS;
}

static double old_insert(void)
{
   if (old_table != NULL) {
      fht_destroy(old_table);
   }
   old_table = fht_init(65536, 16, 8, 0);
   double begin = now();
   for (uint32_t i = 0; i < KEYS; i++) {
      uint64_t value = i, lost;
      struct key lost_key;
      fht_insert(old_table, &keys[i], &value, &lost_key, &lost);
   }
   return (now() - begin) / KEYS;
}

static double old_search(void)
{
   double begin = now();
   missing = 0;
   for (uint32_t i = 0; i < KEYS; i++) {
      missing += fht_get_data(old_table, &keys[i]) == NULL;
   }
   return (now() - begin) / KEYS;
}

static void make_keys(void)
{
   uint64_t x = 88172645463325252u;
   for (uint32_t i = 0; i < KEYS; i++) {
      for (int k = 0; k < 2; k++) {
         x ^= x << 13;
         x ^= x >> 7;
         x ^= x << 17;
         keys[i].half[k] = x;
      }
   }
}

int main(int argc, char **argv)
{
   char typed[] = "uint32 EXTRA";
   if (argc > 1) {
      rounds = (unsigned) atoi(argv[1]);
   }
   flow_template = ur_create_template(FLOW, NULL);
   full_template = ur_create_template(FULL, NULL);
   other_template = ur_create_template(FULL, NULL);
   if (flow_template == NULL || full_template == NULL || other_template == NULL ||
       flow_template->static_size != sizeof(struct flow) || ur_define_set_of_fields(typed) != UR_OK) {
      fprintf(stderr, "unirec_bench: the templates are not as expected\n");
      return 1;
   }
   report("get one struct", get_one_struct);
   report("get one unirec", get_one_unirec);
   report("set one struct", set_one_struct);
   report("set one unirec", set_one_unirec);
   report("get struct", get_struct);
   report("get unirec", get_unirec);
   report("set struct", set_struct);
   report("set unirec", set_unirec);
   for (int i = 0; i < RECORDS; i++) {
      fill_full(records[i]);
   }
   report("copy bytes", copy_bytes);
   report("copy same", copy_same);
   report("copy other", copy_other);
   report("set_var changed", set_var_changed);
   report("set_var equal", set_var_equal);
   for (int i = 0; i < RECORDS; i++) {
      fill_flow(flow_template, others[i]);
   }
   report("check flow", check_flow);
   report("check full", check_full);
   report("csv write", csv_write);
   report("csv read", csv_read);
   report("thousand fields", thousand_fields);
   make_keys();
   report("table insert", table_insert);
   report("table search", table_search);
   printf("table missing\t%llu\n", (unsigned long long) missing);
   report("old insert", old_insert);
   report("old search", old_search);
   printf("old missing\t%llu\n", (unsigned long long) missing);
   return 0;
}
