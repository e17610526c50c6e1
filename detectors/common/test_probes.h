/* SPDX-License-Identifier: BSD-3-Clause */
/** What unit tests of detectors of scans share: flows that come at once, as those of a file do. Include after the detector's fields.h; the
 * format is TEST_FLOWS. */
#ifndef DETECTORS_TEST_PROBES_H
#define DETECTORS_TEST_PROBES_H

#include "test_flow.h"

#define TEST_PROBES_MOST  256
#define TEST_PROBES_BYTES 80 /* of a record, and more */

struct test_probe {
   uint32_t src, dst; /* IPv4 */
   uint16_t dst_port;
   uint8_t flags; /* of TCP */
   uint32_t packets;
};

/** Flows of one second. */
static inline void test_probes(nm_test_t *t, const struct test_probe *probes, uint32_t n)
{
   static uint8_t data[TEST_PROBES_MOST][TEST_PROBES_BYTES];
   static uint64_t seq;
   nm_record_t recs[TEST_PROBES_MOST];
   const ur_template_t *tmplt = nm_in(nm_test_module(t));
   assert_true(n <= TEST_PROBES_MOST && ur_rec_fixlen_size(tmplt) <= TEST_PROBES_BYTES);
   for (uint32_t i = 0; i < n; i++) {
      void *rec = data[i];
      ur_set(tmplt, rec, F_SRC_IP, ip_from_int(probes[i].src));
      ur_set(tmplt, rec, F_DST_IP, ip_from_int(probes[i].dst));
      ur_set(tmplt, rec, F_TIME_FIRST, ur_time_from_sec_usec(1704067200, 0));
      ur_set(tmplt, rec, F_TIME_LAST, ur_time_from_sec_usec(1704067200, 0));
      ur_set(tmplt, rec, F_PACKETS, probes[i].packets);
      ur_set(tmplt, rec, F_SRC_PORT, 40000);
      ur_set(tmplt, rec, F_DST_PORT, probes[i].dst_port);
      ur_set(tmplt, rec, F_PROTOCOL, 6);
      ur_set(tmplt, rec, F_TCP_FLAGS, probes[i].flags);
      ur_set(tmplt, rec, F_BYTES, 60 * probes[i].packets);
      recs[i] = (nm_record_t){.data = rec, .size = ur_rec_fixlen_size(tmplt), .seq = ++seq};
   }
   assert_int_equal(nm_test_feed_batch(t, 0, recs, n), NM_OK);
}

#endif
