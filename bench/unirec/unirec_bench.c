/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Times the operations of libunirec and the tables of libnemea-common beside what can be had without them: a packed
 * C struct, memcpy(), snprintf(), sscanf(). Prints one line each, "NAME NANOSECONDS", for run_unirec.py.
 *
 * Records come out of a small set that stays in the first cache, so that a figure is the operation's own cost. The
 * template is read through a pointer that the compiler cannot see through, as in a module.
 */
#include "fields.h"

#include <nemea-common/fast_hash_table.h>
#include <nemea-common/nc_table.h>
#include <time.h>
#include <unirec/unirec2csv.h>

UR_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, uint64 LINK_BIT_FIELD, time TIME_FIRST, time TIME_LAST,
          uint32 PACKETS, uint16 DST_PORT, uint16 SRC_PORT, uint8 DIR_BIT_FIELD, uint8 PROTOCOL,
          uint8 TCP_FLAGS, uint8 TOS, uint8 TTL, uint32 EXTRA, bytes IDP, string HOST, string URL,
          string AGENT, uint16 *LENGTHS, uint32 *TIMES)

#define FLOW                                                                                          \
   "SRC_IP,DST_IP,BYTES,LINK_BIT_FIELD,TIME_FIRST,TIME_LAST,PACKETS,DST_PORT,SRC_PORT,DIR_BIT_FIELD," \
   "PROTOCOL,TCP_FLAGS,TOS,TTL"
#define FULL FLOW ",EXTRA,IDP,HOST,URL,AGENT,LENGTHS,TIMES"

#define RECORDS 64 /* in the first cache; a power of two */

/* The record of FLOW as a struct. */
struct __attribute__((packed)) flow {
   ip_addr_t dst_ip, src_ip;
   uint64_t bytes, link_bit_field;
   ur_time_t time_first, time_last;
   uint32_t packets;
   uint16_t dst_port, src_port;
   uint8_t dir_bit_field, protocol, tcp_flags, tos, ttl;
};

static ur_template_t *flow, *full;
static struct flow structs[RECORDS];
static void *flows[RECORDS];

static double now_ns(void)
{
   struct timespec t;
   clock_gettime(CLOCK_MONOTONIC, &t);
   return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

/* Hides a pointer's origin from the compiler, and that memory did not change. */
#define OPAQUE(p) __asm__ volatile("" : "+r"(p) : : "memory")

#define REPORT(name, count, ...)                                \
   do {                                                         \
      double start_ = now_ns();                                 \
      for (int i = 0; i < (count); i++) {                       \
         __VA_ARGS__;                                           \
      }                                                         \
      printf("%s %.3f\n", name, (now_ns() - start_) / (count)); \
   } while (0)

static void bench_get(void)
{
   enum { N = 20000000 };
   const ur_template_t *t = flow;
   uint64_t sum = 0;
   REPORT("struct_get", N, const struct flow *f = &structs[i & (RECORDS - 1)]; OPAQUE(f); sum += f->bytes);
   REPORT("ur_get", N, const void *r = flows[i & (RECORDS - 1)]; OPAQUE(r); sum += ur_get(t, r, F_BYTES));
   REPORT("struct_get_14", N / 4, const struct flow *f = &structs[i & (RECORDS - 1)]; OPAQUE(f);
          sum += f->bytes + f->link_bit_field + f->time_first + f->time_last + f->packets + f->dst_port +
                 f->src_port + f->dir_bit_field + f->protocol + f->tcp_flags + f->tos + f->ttl +
                 f->src_ip.ui64[1] + f->dst_ip.ui64[1]);
   REPORT("ur_get_14", N / 4, const void *r = flows[i & (RECORDS - 1)]; OPAQUE(r);
          sum += ur_get(t, r, F_BYTES) + ur_get(t, r, F_LINK_BIT_FIELD) + ur_get(t, r, F_TIME_FIRST) +
                 ur_get(t, r, F_TIME_LAST) + ur_get(t, r, F_PACKETS) + ur_get(t, r, F_DST_PORT) +
                 ur_get(t, r, F_SRC_PORT) + ur_get(t, r, F_DIR_BIT_FIELD) + ur_get(t, r, F_PROTOCOL) +
                 ur_get(t, r, F_TCP_FLAGS) + ur_get(t, r, F_TOS) + ur_get(t, r, F_TTL) +
                 ur_get(t, r, F_SRC_IP).ui64[1] + ur_get(t, r, F_DST_IP).ui64[1]);
   OPAQUE(sum);
}

static void bench_set(void)
{
   enum { N = 20000000 };
   const ur_template_t *t = flow;
   ip_addr_t ip = ip_from_int(0x0a000001);
   REPORT("struct_set", N, struct flow *f = &structs[i & (RECORDS - 1)]; OPAQUE(f); f->bytes = (uint64_t) i);
   REPORT("ur_set", N, void *r = flows[i & (RECORDS - 1)]; OPAQUE(r); ur_set(t, r, F_BYTES, (uint64_t) i));
   REPORT("struct_set_14", N / 4, struct flow *f = &structs[i & (RECORDS - 1)]; OPAQUE(f);
          uint32_t v = (uint32_t) i; f->bytes = v; f->link_bit_field = v; f->time_first = v; f->time_last = v;
          f->packets = v; f->dst_port = (uint16_t) v; f->src_port = (uint16_t) v;
          f->dir_bit_field = (uint8_t) v; f->protocol = (uint8_t) v; f->tcp_flags = (uint8_t) v;
          f->tos = (uint8_t) v; f->ttl = (uint8_t) v; f->src_ip = ip; f->dst_ip = ip);
   REPORT("ur_set_14", N / 4, void *r = flows[i & (RECORDS - 1)]; OPAQUE(r); uint32_t v = (uint32_t) i;
          ur_set(t, r, F_BYTES, v); ur_set(t, r, F_LINK_BIT_FIELD, v); ur_set(t, r, F_TIME_FIRST, v);
          ur_set(t, r, F_TIME_LAST, v); ur_set(t, r, F_PACKETS, v); ur_set(t, r, F_DST_PORT, (uint16_t) v);
          ur_set(t, r, F_SRC_PORT, (uint16_t) v); ur_set(t, r, F_DIR_BIT_FIELD, (uint8_t) v);
          ur_set(t, r, F_PROTOCOL, (uint8_t) v); ur_set(t, r, F_TCP_FLAGS, (uint8_t) v);
          ur_set(t, r, F_TOS, (uint8_t) v); ur_set(t, r, F_TTL, (uint8_t) v); ur_set(t, r, F_SRC_IP, ip);
          ur_set(t, r, F_DST_IP, ip));
}

/* 675 bytes, 520 of them after AGENT. */
static void *full_record(const ur_template_t *t)
{
   static const char text[200] = "abcdefghijklmnopqrstuvwxyz";
   static const struct {
      int id, length;
   } lengths[] = {{F_AGENT, 50}, {F_HOST, 60}, {F_IDP, 110}, {F_URL, 150}, {F_LENGTHS, 60}, {F_TIMES, 140}};
   void *r = ur_create_record(t, UR_MAX_SIZE);
   for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
      ur_set_var(t, r, lengths[i].id, text, lengths[i].length);
   }
   return r;
}

static void bench_copy(void)
{
   enum { N = 3000000 };
   char *error = NULL;
   ur_template_t *other = ur_create_template(FULL, &error), *wider = ur_create_template(FULL ",ZONE", &error);
   void *from = full_record(full), *to = full_record(other), *third = full_record(wider);
   void *copy = ur_create_record(full, UR_MAX_SIZE);
   int size = ur_rec_size(full, from);
   REPORT("memcpy", N, memcpy(copy, from, (size_t) size); OPAQUE(copy));
   REPORT("copy_same_template", N, ur_copy_fields(full, copy, full, from); OPAQUE(copy));
   REPORT("copy_equal_fields", N, ur_copy_fields(other, to, full, from); OPAQUE(to));
   REPORT("copy_other_fields", N, ur_copy_fields(wider, third, full, from); OPAQUE(third));
   REPORT(
       "check_flow", N, const void *r = flows[i & (RECORDS - 1)]; OPAQUE(r);
       if (!ur_rec_check(flow, r, (uint32_t) sizeof(struct flow))) { abort(); });
   REPORT(
       "check_full", N, OPAQUE(from); if (!ur_rec_check(full, from, (uint32_t) size)) { abort(); });
   static const char text[80] = "the text of a field that gets longer and shorter";
   REPORT("set_var_equal", N, ur_set_var(full, from, F_AGENT, text, 50); OPAQUE(from));
   char *area = copy;
   REPORT("memmove", N, memmove(area + 40 + (i & 15), area + 40 + (~i & 15), 520); OPAQUE(area));
   REPORT("set_var_changed", N, ur_set_var(full, from, F_AGENT, text, 40 + (i & 15)); OPAQUE(from));
   REPORT("clear_and_set_6", N / 4, ur_clear_varlen(full, from); ur_set_var(full, from, F_IDP, text, 60);
          ur_set_var(full, from, F_AGENT, text, 70); ur_set_var(full, from, F_HOST, text, 40);
          ur_set_var(full, from, F_URL, text, 70); ur_set_var(full, from, F_LENGTHS, text, 60);
          ur_set_var(full, from, F_TIMES, text, 40); OPAQUE(from));
   ur_free_record(from);
   ur_free_record(to);
   ur_free_record(third);
   ur_free_record(copy);
   ur_free_template(other);
   ur_free_template(wider);
}

static void bench_text(void)
{
   enum { N = 500000 };
   urcsv_t *csv = urcsv_init(flow, ',');
   void *r = flows[0], *parsed = ur_create_record(flow, 0);
   static const char *values[] = {"192.168.17.201",
                                  "10.34.5.66",
                                  "81734",
                                  "1",
                                  "2020-09-13T12:26:40.123456",
                                  "2020-09-13T12:27:01.654321",
                                  "417",
                                  "443",
                                  "51734",
                                  "0",
                                  "6",
                                  "27",
                                  "0",
                                  "64"};
   static const int ids[] = {F_SRC_IP,  F_DST_IP,   F_BYTES,    F_LINK_BIT_FIELD, F_TIME_FIRST, F_TIME_LAST,
                             F_PACKETS, F_DST_PORT, F_SRC_PORT, F_DIR_BIT_FIELD,  F_PROTOCOL,   F_TCP_FLAGS,
                             F_TOS,     F_TTL};
   for (int i = 0; i < 14; i++) {
      ur_set_from_string(flow, r, (ur_field_id_t) ids[i], values[i]);
   }
   char line[512], ip[2][INET6_ADDRSTRLEN];
   strcpy(line, urcsv_line(csv, r, NULL));
   REPORT("csv_line", N, urcsv_line(csv, r, NULL));
   REPORT("csv_record", N, free(urcsv_record(csv, r)));
   char out[512];
   REPORT("snprintf_line", N, const struct flow *f = r;
          time_t s[2] = {(time_t) ur_time_get_sec(f->time_first), (time_t) ur_time_get_sec(f->time_last)};
          struct tm tm[2]; gmtime_r(&s[0], &tm[0]); gmtime_r(&s[1], &tm[1]); char when[2][32];
          strftime(when[0], 32, "%FT%T", &tm[0]); strftime(when[1], 32, "%FT%T", &tm[1]);
          ip_to_str(&ur_get(flow, r, F_DST_IP), ip[0]); ip_to_str(&ur_get(flow, r, F_SRC_IP), ip[1]);
          snprintf(out, sizeof(out), "%s,%s,%lu,%lu,%s.%06u,%s.%06u,%u,%u,%u,%u,%u,%u,%u,%u", ip[0], ip[1],
                   (unsigned long) f->bytes, (unsigned long) f->link_bit_field, when[0],
                   ur_time_get_usec(f->time_first), when[1], ur_time_get_usec(f->time_last), f->packets,
                   f->dst_port, f->src_port, f->dir_bit_field, f->protocol, f->tcp_flags, f->tos, f->ttl));
   if (strcmp(out, line) != 0) {
      fprintf(stderr, "unirec_bench: the baseline prints another line:\n%s\n%s\n", out, line);
      exit(1);
   }
   REPORT(
       "csv_parse", N, if (urcsv_parse(flow, parsed, line, ',', NULL, 0, NULL) != 0) { abort(); });
   if (memcmp(r, parsed, sizeof(struct flow)) != 0) {
      fprintf(stderr, "unirec_bench: a parsed line is another record\n");
      exit(1);
   }
   ur_free_record(parsed);
   urcsv_free(&csv);
}

/* A thousand run-time fields, from their text to a template; the fields are forgotten in between. */
static void bench_fields(void)
{
   enum { N = 30, FIELDS = 1000 };
   char *spec = malloc(FIELDS * 32), *at = spec, *error = NULL;
   for (int i = 0; i < FIELDS; i++) {
      at += sprintf(at, "%suint%d RUNTIME_FIELD_%d", i > 0 ? "," : "", 8 << i % 4, i);
   }
   double best = 1e18;
   for (int i = 0; i < N; i++) {
      ur_finalize();
      double start = now_ns();
      ur_template_t *t = ur_define_fields_and_update_template(spec, NULL);
      double took = now_ns() - start;
      if (t == NULL || t->count != FIELDS) {
         fprintf(stderr, "unirec_bench: %d fields do not fit a template: %s\n", FIELDS,
                 error != NULL ? error : "?");
         exit(1);
      }
      best = took < best ? took : best;
      ur_free_template(t);
   }
   printf("define_1000 %.3f\n", best);
   free(spec);
}

enum { CAPACITY = 262144, KEYS = CAPACITY / 4 * 3 };

static uint64_t (*make_keys(void))[2]
{
   uint64_t(*keys)[2] = malloc(KEYS * sizeof(*keys)), x = 88172645463325252u;
   for (int i = 0; i < KEYS; i++) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      keys[i][0] = x;
      keys[i][1] = (uint64_t) i;
   }
   return keys;
}

static void bench_tables(void)
{
   uint64_t(*keys)[2] = make_keys(), value = 0, lost = 0, sum = 0;
   nc_table_config_t config = {.capacity = CAPACITY, .key_size = 16, .value_size = 8, .full = NC_TABLE_EVICT};
   nc_table_t *t = nc_table_new(&config);
   /* Twice, cleared in between: the first time would be that of the kernel giving pages. */
   for (int i = 0; i < KEYS; i++) {
      nc_table_upsert(t, keys[i], NULL);
   }
   nc_table_clear(t);
   REPORT("table_insert", KEYS, *(uint64_t *) nc_table_upsert(t, keys[i], NULL) = (uint64_t) i);
   REPORT("table_search", KEYS, const uint64_t *v = nc_table_find(t, keys[i]); lost += v == NULL;
          sum += v != NULL ? *v : 0);
   printf("table_lost %lu\n", (unsigned long) lost);
   nc_table_free(t);

   fht_table_t *old = fht_init(CAPACITY / FHT_TABLE_COLS, 16, 8, 0);
   for (int i = 0; i < KEYS; i++) {
      fht_insert(old, keys[i], &value, NULL, NULL);
   }
   fht_clear(old);
   REPORT("fht_insert", KEYS, value = (uint64_t) i; fht_insert(old, keys[i], &value, NULL, NULL));
   lost = 0;
   REPORT("fht_search", KEYS, const uint64_t *v = fht_get_data(old, keys[i]); lost += v == NULL;
          sum += v != NULL ? *v : 0);
   printf("fht_lost %lu\n", (unsigned long) lost);
   fht_destroy(old);
   OPAQUE(sum);
   free(keys);
}

int main(void)
{
   char *error = NULL;
   ur_define_field("ZONE", UR_TYPE_STRING);
   flow = ur_create_template(FLOW, &error);
   full = ur_create_template(FULL, &error);
   if (flow == NULL || full == NULL || flow->static_size != sizeof(struct flow)) {
      fprintf(stderr, "unirec_bench: %s\n", error != NULL ? error : "the struct is not the record");
      return 1;
   }
   for (int i = 0; i < RECORDS; i++) {
      flows[i] = ur_create_record(flow, 0);
   }
   OPAQUE(flow);
   OPAQUE(full);
   bench_get();
   bench_set();
   bench_copy();
   bench_text();
   for (int i = 0; i < RECORDS; i++) {
      ur_free_record(flows[i]);
   }
   ur_free_template(flow);
   ur_free_template(full);
   bench_tables();
   bench_fields();
   ur_finalize();
   return 0;
}
