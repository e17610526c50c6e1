/* SPDX-License-Identifier: BSD-3-Clause */
/** What unit tests of detectors share: flows as text. */
#ifndef DETECTORS_TEST_FLOW_H
#define DETECTORS_TEST_FLOW_H

#include <nemea/module_cmocka.h>

#define TEST_FLOWS                                                                                     \
   "ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 SRC_PORT,uint16 " \
   "DST_PORT,uint8 PROTOCOL,"                                                                          \
   "uint8 TCP_FLAGS,uint64 BYTES"

/** One flow at a second of 2024-01-01; the detector must accept it. */
static inline void test_flow(nm_test_t *t, unsigned second, const char *src, const char *dst,
                             unsigned dst_port, unsigned protocol, unsigned flags, unsigned packets)
{
   char text[256], time[32];
   snprintf(time, sizeof(time), "2024-01-01T%02u:%02u:%02u", second / 3600, second / 60 % 60, second % 60);
   snprintf(text, sizeof(text), "%s,%s,%s,%s,%u,40000,%u,%u,%u,%u", src, dst, time, time, packets, dst_port,
            protocol, flags, packets * 60);
   nm_unit_feed(t, text);
}

#endif
