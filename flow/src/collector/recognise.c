/* SPDX-License-Identifier: BSD-3-Clause */
#include "recognise.h"

#include "capture/source.h"
#include "parse/bytes.h"
#include "sflow.h"

#include <stdio.h>

#define V5_HEADER    24
#define V9_HEADER    20
#define IPFIX_HEADER 16
#define SET_HEADER   4
#define UDP          17
#define PACKETS      64
#define LOOK_AT      256 /* packets of a capture */

bool fc_is_export(const uint8_t *p, size_t size)
{
   if (size < IPFIX_HEADER + SET_HEADER || fc_sflow_is(p, size)) {
      return fc_sflow_is_whole(p, size);
   }
   switch (load_be16(p)) {
   case 5: return size > V5_HEADER && size == V5_HEADER + (size_t) load_be16(p + 2) * 48;
   case 7: return size > V5_HEADER && size == V5_HEADER + (size_t) load_be16(p + 2) * 52;
   case 9: p += V9_HEADER, size -= V9_HEADER; break;
   case 10:
      if (load_be16(p + 2) != size) {
         return false;
      }
      p += IPFIX_HEADER, size -= IPFIX_HEADER;
      break;
   default: return false;
   }
   while (size >= SET_HEADER && load_be16(p + 2) >= SET_HEADER && load_be16(p + 2) <= size) {
      size -= load_be16(p + 2);
      p += load_be16(p + 2);
   }
   return size == 0;
}

/* The first message of an IPFIX file, and its first set. */
static bool is_ipfix_file(const char *path)
{
   uint8_t head[IPFIX_HEADER + SET_HEADER];
   FILE *f = fopen(path, "rbe");
   bool whole = f != NULL && fread(head, 1, sizeof(head), f) == sizeof(head);
   if (f != NULL) {
      fclose(f);
   }
   if (!whole || load_be16(head) != 10 || load_be16(head + 2) < sizeof(head)) {
      return false;
   }
   uint16_t set = load_be16(head + IPFIX_HEADER);
   return (set == 2 || set == 3 || set >= 256) && load_be16(head + IPFIX_HEADER + 2) >= SET_HEADER &&
          load_be16(head + IPFIX_HEADER + 2) <= load_be16(head + 2) - IPFIX_HEADER;
}

bool fc_is_export_file(const char *path)
{
   struct raw_packet packets[PACKETS];
   struct packet p;
   char error[SOURCE_ERROR_SIZE];
   unsigned seen = 0, exports = 0;
   enum source_state state = SOURCE_PACKETS;
   if (is_ipfix_file(path)) {
      return true;
   }
   struct source *s = source_open_file(path, error);
   while (s != NULL && seen < LOOK_AT && (state == SOURCE_PACKETS || state == SOURCE_INTERRUPTED)) {
      unsigned n = 0;
      state = s->read(s, packets, PACKETS, &n);
      for (unsigned i = 0; i < n; i++) {
         seen++;
         exports += packet_parse(&packets[i], PARSE_OUTER, &p) == PARSE_OK && p.protocol == UDP &&
                    !p.fragment && fc_is_export(p.payload, p.payload_captured);
      }
   }
   if (s != NULL) {
      s->close(s);
   }
   return exports > seen / 2;
}
