/* SPDX-License-Identifier: BSD-3-Clause */
/** amplification_detection: reflected and amplified floods. This file is the module: options, records, time and alerts. */
#include "amplification.h"
#include "fields.h"

#include "../common/reflector.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, time TIME_FIRST, time TIME_LAST, uint32 PACKETS,
          uint32 PACKETS_REV, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint32 REQ_FLOWS,
          uint32 REQ_PACKETS, uint64 REQ_BYTES, uint32 RSP_FLOWS, uint32 RSP_PACKETS, uint64 RSP_BYTES,
          uint32 EVENT_ID, uint32 ADDR_CNT, uint64 PEAK_BYTES, uint64 PEAK_PACKETS)

#define EXIT_OPTION 255
#define FIELDS                                                                                         \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint32 REQ_FLOWS,uint32 REQ_PACKETS,uint64 REQ_BYTES," \
   "uint32 RSP_FLOWS,uint32 RSP_PACKETS,uint64 RSP_BYTES,time TIME_FIRST,time TIME_LAST"
#define DETAILS ",uint32 ADDR_CNT,uint64 PEAK_BYTES,uint64 PEAK_PACKETS"
#define SELF    struct amplification

static const nm_option_t options[] = {
    NM_STRING('d', "log_dir", SELF, log_dir, NULL,
              "Write the flows of pairs that are found into files in this directory, and in BIG in it."),
    NM_U16('p', "port", SELF, port, 53, 1, UINT16_MAX, "Port of the servers to watch."),
    NM_U32('n', "top", SELF, top, 5, 1, 5000, "Number of most frequent sizes to look at (N)."),
    NM_U32('q', "step", SELF, step, 2, 1, 5000, "Sizes in one bin of a histogram, bytes or packets (q)."),
    NM_U32('a', "min_ampf", SELF, min_factor, 10, 0, UINT32_MAX, "Minimum amplification (A)."),
    NM_U32('t', "min_flow", SELF, min_flows, 300, 0, UINT32_MAX,
           "Minimum number of responses of the most frequent sizes (T)."),
    NM_DOUBLE('I', "min_count", SELF, min_share, 0.9, 0, 1, "Minimum share of them among all responses (I)."),
    NM_U32('y', "min_resp_pack", SELF, min_packets, 2, 0, UINT32_MAX,
           "Minimum packets of a response, mean (Y)."),
    NM_U32('l', "min_resp_byte", SELF, min_bytes, 2000, 0, UINT32_MAX,
           "Minimum bytes of a response, mean (L)."),
    NM_U32('m', "max_query", SELF, max_query, 400, 0, UINT32_MAX, "Maximum bytes of a query, mean (M)."),
    NM_U32('w', "timeout", SELF, window, 900, 1, 31536000, "Window of detection, seconds (W)."),
    NM_U32('s', "period", SELF, period, 300, 1, 31536000,
           "How much of the window is forgotten when it is full, seconds (D)."),
    NM_U32('S', "record_count", SELF, record_count, 100000, 10000, 1u << 28,
           "Maximum number of flows kept of each direction of a pair."),
    NM_U32(0, "servers", SELF, servers_min, 100, 2, 1000000,
           "Minimum number of servers that answer within a minute without having been asked."),
    NM_FLAG(0, "details", SELF, details,
            "Alerts have the number of servers (uint32 ADDR_CNT) in place of EVENT_ID, and the highest rate "
            "of the "
            "answers (uint64 PEAK_BYTES, PEAK_PACKETS, a second)."),
    NM_FLAG(0, "early", SELF, early,
            "Report floods as soon as the minute in progress has enough for one, not only when it ends."),
    NM_FLAG(0, "classic", SELF, classic,
            "Report what NEMEA 2 reports: pairs of the watched port, and those with the largest flows in "
            "logs only."),
    NM_TABLE(0, "capacity", SELF, pairs, "pairs of server and victim", struct pair_key, struct pair, 65536,
             .evicted = pair_evicted),
    NM_TABLE(0, "victims", SELF, floods, "victims", struct flood_key, struct flood, 32768,
             .evicted = flood_evicted),
    NM_TABLE(0, "sources", SELF, servers, "servers of victims", struct server_key, char[1], 131072),
    NM_U32(0, "flows", SELF, flows, 524288, POOL_BLOCK, 1u << 28,
           "Maximum number of flows kept of all pairs."),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct amplification *self = nm_self(m);
   nm_counter(m, "alerts", &self->alerts);
   nm_counter(m, "pairs displaced", &self->displaced);
   nm_counter(m, "log files not written", &self->log_errors);
   return pairs_open(m) == NM_OK
              ? nm_set_output(m, 0, self->details ? FIELDS DETAILS : FIELDS ",uint32 EVENT_ID")
              : NM_ERROR;
}

static uint32_t cut(uint64_t value)
{
   return value < UINT32_MAX ? (uint32_t) value : UINT32_MAX;
}

int amplification_report(nm_module_t *m, const struct finding *f)
{
   struct amplification *self = nm_self(m);
   void *alert = nm_alert(m, NULL);
   const struct sums *req = &f->sums[QUERIES], *rsp = &f->sums[RESPONSES];
   self->alerts++;
   nm_set(m, alert, F_SRC_IP, f->server);
   nm_set(m, alert, F_DST_IP, f->victim);
   nm_set(m, alert, F_SRC_PORT, f->port);
   nm_set(m, alert, F_REQ_FLOWS, cut(req->flows));
   nm_set(m, alert, F_REQ_PACKETS, cut(req->packets));
   nm_set(m, alert, F_REQ_BYTES, req->bytes);
   nm_set(m, alert, F_RSP_FLOWS, cut(rsp->flows));
   nm_set(m, alert, F_RSP_PACKETS, cut(rsp->packets));
   nm_set(m, alert, F_RSP_BYTES, rsp->bytes);
   nm_set(m, alert, F_TIME_FIRST, f->first);
   nm_set(m, alert, F_TIME_LAST, f->last);
   if (self->details) {
      nm_set(m, alert, F_ADDR_CNT, f->servers);
      nm_set(m, alert, F_PEAK_BYTES, f->peak_bytes);
      nm_set(m, alert, F_PEAK_PACKETS, f->peak_packets);
   } else {
      nm_set(m, alert, F_EVENT_ID, f->id);
   }
   return nm_send(m, alert);
}

static int take(nm_module_t *m, const void *rec, uint16_t src_port, uint16_t dst_port)
{
   struct amplification *self = nm_self(m);
   const ip_addr_t *src = nm_get_ptr(m, rec, F_SRC_IP), *dst = nm_get_ptr(m, rec, F_DST_IP);
   bool asks = dst_port == self->port, answers = src_port == self->port;
   struct query q = {.server = asks ? dst : src,
                     .victim = asks ? src : dst,
                     .first = nm_get(m, rec, F_TIME_FIRST),
                     .last = nm_get(m, rec, F_TIME_LAST),
                     .bytes = nm_get(m, rec, F_BYTES),
                     .packets = nm_get(m, rec, F_PACKETS),
                     .side = asks ? QUERIES : RESPONSES};
   int rc = asks || answers ? pairs_add(m, &q) : NM_OK;
   if (rc != NM_OK || self->classic || nm_get(m, rec, F_PROTOCOL) != IPPROTO_UDP) {
      return rc;
   }
   if (answers || is_reflector(src_port)) {
      rc = floods_answer(m, src, dst, src_port, dst_port, &q);
   }
   if (rc == NM_OK && (asks || is_reflector(dst_port))) {
      rc = floods_request(m, src, dst_port, q.bytes);
   }
   return rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   const struct amplification *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t i = 0; i < n && rc == NM_OK; i++) {
      uint16_t src_port = nm_get(m, recs[i].data, F_SRC_PORT), dst_port = nm_get(m, recs[i].data, F_DST_PORT);
      if (src_port == self->port || dst_port == self->port || is_reflector(src_port) ||
          is_reflector(dst_port)) {
         rc = take(m, recs[i].data, src_port, dst_port);
      }
   }
   return rc;
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   return floods_judge(m, ur_time_get_sec(stream_time) / 60, false);
}

static int finish(nm_module_t *m)
{
   return floods_judge(m, 0, true);
}

static void cleanup(nm_module_t *m)
{
   pairs_close(nm_self(m));
}

NM_MODULE("amplification_detection",
          "Detects floods that servers are made to send: DNS, NTP and other amplification.",
          .in = NM_INPUTS(
              {.name = "flows",
               .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint32 "
                         "PACKETS,uint64 BYTES,time TIME_FIRST,time TIME_LAST",
               .split_biflows = true,
               .batch_halves = true}),
          .out = NM_OUTPUTS({.name = "alerts",
                             .fields = FIELDS,
                             .format = NM_CHOSEN,
                             .added = NM_ADDED({DETAILS}, {",uint32 EVENT_ID"}),
                             .timeout = TRAP_HALFWAIT}),
          .options = options, .option_status = EXIT_OPTION, .state_size = sizeof(struct amplification),
          .tick_every = NM_SECONDS(60), .init = init, .records = records, .tick = tick, .finish = finish,
          .cleanup = cleanup)
