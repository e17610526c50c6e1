/* SPDX-License-Identifier: BSD-3-Clause */
/** ipv6stats: how much of the traffic is IPv6 and how it is tunnelled, as files for graphs. */
#include <inttypes.h>
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_hll.h>
#include <nemea-common/nc_telemetry.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, uint64 BYTES, uint32 PACKETS, time TIME_LAST, uint8 IPV6_TUN_TYPE)

/* Distinct addresses are counted by sketches, whose standard error is 0.4 %. */
#define SKETCH_BITS  16
#define SKETCH_BYTES NC_HLL_BYTES(SKETCH_BITS)

enum { ADDRESSES_4, ADDRESSES_6, NETWORKS_48, NETWORKS_64, SKETCHES };
static const char *const sketch_names[SKETCHES] = {"ipv4", "ipv6", "ipv6_48", "ipv6_64"};

/* Native, then the tunnels in the order of their bits in IPV6_TUN_TYPE. */
enum { NATIVE, TEREDO, ISATAP, IS_6TO4, AYIYA, PROTO41, IS_6OVER4, KINDS };
static const char *const kind_names[KINDS] = {"Native", "Teredo",  "ISATAP", "6to4",
                                              "AYIYA",  "Proto41", "6over4"};

struct traffic {
   uint64_t packets, bytes, flows;
};

/* What is counted from one multiple of length to the next. */
struct window {
   uint64_t length, end; /* seconds; 0: no record yet */
   uint64_t records;
   uint8_t *sketches; /* SKETCHES times SKETCH_BYTES */
};

struct ipv6stats {
   const char *directory;
   uint32_t small, large, multiple, least_packets;
   bool no_last;
   struct window window[2];   /* small, large */
   struct traffic version[2]; /* IPv4, IPv6 */
   struct traffic kinds[KINDS];
   uint64_t unknown_tunnels, files, failures;
};

enum { SMALL, LARGE };

static const nm_option_t options[] = {
    NM_STRING('d', "dir", struct ipv6stats, directory, "",
              "Directory of the files; default: the working directory."),
    NM_U32('s', "length_small", struct ipv6stats, small, 300, 1, 31536000,
           "Length of the short window in seconds."),
    NM_U32('l', "length_long", struct ipv6stats, large, 3600, 1, 31536000,
           "Length of the long window in seconds."),
    NM_U32('L', "length_multi", struct ipv6stats, multiple, 0, 0, 100000,
           "Length of the long window as a multiple of the short one, instead of -l; 0: not given."),
    NM_U32('p', "packets", struct ipv6stats, least_packets, 1, 0, UINT32_MAX,
           "Addresses of flows with fewer packets are not counted."),
    NM_FLAG('n', "no_last", struct ipv6stats, no_last,
            "Do not write the windows that are incomplete at the end."),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct ipv6stats *self = nm_self(m);
   self->window[SMALL].length = self->small;
   self->window[LARGE].length = self->multiple != 0 ? (uint64_t) self->multiple * self->small : self->large;
   for (int i = SMALL; i <= LARGE; i++) {
      self->window[i].sketches = calloc(SKETCHES, SKETCH_BYTES);
      if (self->window[i].sketches == NULL) {
         return nm_fail(m, "no memory");
      }
   }
   if (*self->directory == 0) {
      self->directory = ".";
   }
   nm_counter(m, "files written", &self->files);
   nm_counter(m, "files not written", &self->failures);
   nm_counter(m, "unknown tunnels", &self->unknown_tunnels);
   return NM_OK;
}

/* ----------------------------------------------------------------- output */

/* A file with its time of writing. INACTIVE: silence ended the window, not a record. */
static void write_file(nm_module_t *m, const char *name, char *text, size_t size, bool inactive)
{
   struct ipv6stats *self = nm_self(m);
   char stamp[32] = "", error[NC_TELEMETRY_ERROR];
   time_t now = time(NULL);
   struct tm local;
   size_t length = strlen(text);
   strftime(stamp, sizeof(stamp), "%Y-%m-%d.%H:%M:%S", localtime_r(&now, &local));
   int n = snprintf(text + length, size - length, "updated %s\n%s", stamp, inactive ? "INACTIVE\n" : "");
   if (!nc_telemetry_write(self->directory, name, text, length + (size_t) n, error)) {
      self->failures++;
      nm_warn(m, "%s", error);
   } else {
      self->files++;
   }
}

static void write_addresses(nm_module_t *m, const char *name, const struct window *w, bool inactive)
{
   char text[512];
   size_t at = 0;
   for (int i = 0; i < SKETCHES; i++) {
      double count = nc_hll_count(w->sketches + (size_t) i * SKETCH_BYTES, SKETCH_BITS);
      at += (size_t) snprintf(text + at, sizeof(text) - at, "%s %.0f\n", sketch_names[i], count);
   }
   write_file(m, name, text, sizeof(text), inactive);
}

struct rates {
   double packets, bits, flows; /* a second */
};

static struct rates rates_of(const struct traffic *t, double seconds)
{
   return (struct rates){(double) t->packets / seconds, (double) t->bytes * 8 / seconds,
                         (double) t->flows / seconds};
}

static void write_traffic(nm_module_t *m, double seconds, bool inactive)
{
   const struct ipv6stats *self = nm_self(m);
   struct rates v4 = rates_of(&self->version[0], seconds), v6 = rates_of(&self->version[1], seconds);
   char text[1024];
   size_t at = 0;
   snprintf(text, sizeof(text), "ipv4 %.3f %.3f %.3f\nipv6 %.3f %.3f %.3f\n", v4.packets, v4.bits, v4.flows,
            v6.packets, v6.bits, v6.flows);
   write_file(m, "traffic", text, sizeof(text), inactive);
   for (int i = 0; i < KINDS; i++) {
      struct rates kind = rates_of(&self->kinds[i], seconds);
      at += (size_t) snprintf(text + at, sizeof(text) - at, "%s %g %g %g\n", kind_names[i], kind.packets,
                              kind.bits, kind.flows);
   }
   write_file(m, "ipv6_tunnels", text, sizeof(text), inactive);
}

/* Writes what was counted in the last seconds of a window, and begins to count afresh. */
static void close_window(nm_module_t *m, int which, double seconds, bool inactive)
{
   struct ipv6stats *self = nm_self(m);
   struct window *w = &self->window[which];
   write_addresses(m, which == SMALL ? "cnt_addr" : "cnt_addr_L", w, inactive);
   if (which == SMALL) {
      write_traffic(m, seconds, inactive);
      memset(self->version, 0, sizeof(self->version));
      memset(self->kinds, 0, sizeof(self->kinds));
   }
   memset(w->sketches, 0, (size_t) SKETCHES * SKETCH_BYTES);
   w->records = 0;
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   struct ipv6stats *self = nm_self(m);
   uint64_t now = ur_time_get_sec(stream_time);
   for (int i = SMALL; i <= LARGE; i++) {
      struct window *w = &self->window[i];
      if (w->end == 0 || now < w->end) {
         continue;
      }
      close_window(m, i, (double) w->length, nm_silent(m));
      uint64_t begin = now / w->length * w->length;
      if (begin >=
          w->end + w->length) { /* nothing was in the windows between; of all of them the last one is shown */
         close_window(m, i, (double) w->length, nm_silent(m));
      }
      w->end = begin + w->length;
   }
   return NM_OK;
}

/* ------------------------------------------------------------------ input */

static void count_address(struct ipv6stats *self, int sketch, const void *bytes, size_t size)
{
   uint64_t hash = nc_hash(bytes, size);
   for (int i = SMALL; i <= LARGE; i++) {
      nc_hll_add(self->window[i].sketches + (size_t) sketch * SKETCH_BYTES, SKETCH_BITS, hash);
   }
}

static void add(struct traffic *t, uint64_t packets, uint64_t bytes)
{
   t->packets += packets;
   t->bytes += bytes;
   t->flows++;
}

static void count_record(nm_module_t *m, struct ipv6stats *self, const void *rec)
{
   ip_addr_t source = *nm_get_ptr(m, rec, F_SRC_IP);
   uint64_t packets = nm_get(m, rec, F_PACKETS), bytes = nm_get(m, rec, F_BYTES);
   bool is_ipv4 = ip_is4(&source);
   add(&self->version[is_ipv4 ? 0 : 1], packets, bytes);
   if (!is_ipv4) {
      add(&self->kinds[NATIVE], packets, bytes);
   } else {
      uint8_t tunnel = nm_get_or(m, rec, F_IPV6_TUN_TYPE, 0); /* the highest bit counts */
      int kind = tunnel != 0 ? 32 - __builtin_clz(tunnel) : 0;
      if (kind >= KINDS) {
         self->unknown_tunnels++;
      } else if (kind > 0) {
         add(&self->kinds[kind], packets, bytes);
      }
   }
   if (packets < self->least_packets) {
      return;
   }
   if (is_ipv4) {
      uint32_t address = ip_get_v4_as_int(&source);
      count_address(self, ADDRESSES_4, &address, sizeof(address));
   } else {
      count_address(self, ADDRESSES_6, &source, 16);
      count_address(self, NETWORKS_64, &source, 8);
      count_address(self, NETWORKS_48, &source, 6);
   }
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct ipv6stats *self = nm_self(m);
   for (int i = SMALL; i <= LARGE; i++) {
      struct window *w = &self->window[i];
      if (w->end == 0) {
         w->end = (ur_time_get_sec(nm_get(m, recs[0].data, F_TIME_LAST)) / w->length + 1) * w->length;
      }
      w->records += n;
   }
   for (uint32_t i = 0; i < n; i++) {
      count_record(m, self, recs[i].data);
   }
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct ipv6stats *self = nm_self(m);
   uint64_t now = ur_time_get_sec(nm_now(m)) + 1;
   for (int i = SMALL; i <= LARGE; i++) {
      const struct window *w = &self->window[i];
      if (!self->no_last && w->records > 0) {
         uint64_t begin = w->end - w->length;
         close_window(m, i, now > begin && now < w->end ? (double) (now - begin) : (double) w->length, false);
      }
   }
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct ipv6stats *self = nm_self(m);
   free(self->window[SMALL].sketches);
   free(self->window[LARGE].sketches);
}

NM_MODULE(
    "ipv6stats",
    "Counts IPv4 and IPv6 traffic, kinds of IPv6 tunnels, and distinct source addresses and networks in "
    "windows of stream time, and "
    "writes them to the files traffic, ipv6_tunnels, cnt_addr (short window) and cnt_addr_L (long window).",
    .in = NM_INPUTS({"flows", "ipaddr SRC_IP,uint64 BYTES,uint32 PACKETS,time TIME_LAST",
                     .optional = "uint8 IPV6_TUN_TYPE"}),
    .options = options, .state_size = sizeof(struct ipv6stats), .init = init, .records = records,
    .tick = tick, .tick_every = NM_SECONDS(1), .finish = finish, .cleanup = cleanup)
