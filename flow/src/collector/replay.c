/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"

#include "parse/bytes.h"
#include "recognise.h"
#include "capture/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PACKETS      64
#define UDP          17
#define IPFIX_HEADER 16
#define NS           UINT64_C(1000000000)

struct fc_replay {
   const char *path;
   uint16_t port;
   struct source *source; /* a capture */
   FILE *file;            /* an IPFIX file */
   struct fc_peer peer;
   uint64_t last; /* time of the last message */
   uint8_t message[FC_MAX_MESSAGE];
};

/* An IPFIX file begins with the version of the protocol, which no capture does. */
static FILE *open_ipfix(const char *path)
{
   uint8_t version[2];
   FILE *f = strcmp(path, "-") != 0 ? fopen(path, "rbe") : NULL;
   if (f != NULL &&
       (fread(version, 1, 2, f) != 2 || load_be16(version) != 10 || fseek(f, 0, SEEK_SET) != 0)) {
      fclose(f);
      f = NULL;
   }
   return f;
}

struct fc_replay *fc_replay_open(const char *path, uint16_t port, uint32_t session, char error[FC_ERROR])
{
   struct fc_replay *r = calloc(1, sizeof(*r));
   if (r == NULL) {
      snprintf(error, FC_ERROR, "out of memory");
      return NULL;
   }
   r->path = path;
   r->port = port;
   r->peer.transport = FC_FILE;
   r->peer.session = session;
   r->file = open_ipfix(path);
   if (r->file == NULL) {
      char message[SOURCE_ERROR_SIZE];
      r->source = source_open_file(path, message);
      if (r->source == NULL) {
         snprintf(error, FC_ERROR, "%.*s", FC_ERROR - 1, message);
         free(r);
         return NULL;
      }
   }
   return r;
}

void fc_replay_close(struct fc_replay *r)
{
   if (r->file != NULL) {
      fclose(r->file);
   }
   if (r->source != NULL) {
      r->source->close(r->source);
   }
   free(r);
}

static enum fc_replay_state step_ipfix(struct fc_replay *r, struct fc_decoder *d, char error[FC_ERROR])
{
   size_t n = fread(r->message, 1, IPFIX_HEADER, r->file);
   if (n == 0 && feof(r->file)) {
      return FC_REPLAY_END;
   }
   if (ferror(r->file)) {
      snprintf(error, FC_ERROR, "%s: cannot read: %s", r->path, strerror(errno));
      return FC_REPLAY_FAILED;
   }
   size_t length = n == IPFIX_HEADER ? load_be16(r->message + 2) : 0;
   if (length < IPFIX_HEADER || load_be16(r->message) != 10 ||
       fread(r->message + n, 1, length - n, r->file) != length - n) {
      snprintf(error, FC_ERROR, "%s: byte %ld: %s", r->path, ftell(r->file),
               n < IPFIX_HEADER || feof(r->file) ? "ends in the middle of an IPFIX message"
                                                 : "no IPFIX message");
      return FC_REPLAY_DAMAGED;
   }
   fc_decode(d, &r->peer, r->message, length, load_be32(r->message + 4) * NS);
   return FC_REPLAY_MORE;
}

/* A datagram of a capture. */
static void read_packet(struct fc_replay *r, struct fc_decoder *d, const struct raw_packet *raw)
{
   struct packet p;
   if (packet_parse(raw, PARSE_OUTER, &p) != PARSE_OK || p.protocol != UDP ||
       (r->port != 0 && p.dst_port != r->port)) {
      return;
   }
   if (p.fragment || p.payload_captured < p.payload_wire) {
      if (r->port != 0 || (!p.fragment && p.payload_captured >= 4 && load_be16(p.payload) <= 10)) {
         fc_add(&fc_decoder_own_counters(d)[FC_DROP_CUT], 1);
      }
      return;
   }
   if (r->port != 0 || fc_is_export(p.payload, p.payload_captured)) {
      memcpy(r->peer.address, p.src_ip, sizeof(r->peer.address));
      r->peer.port = p.src_port;
      fc_decode(d, &r->peer, p.payload, p.payload_captured, raw->time);
   }
   if (raw->time > r->last + NS) {
      fc_decoder_expire(d, raw->time);
      r->last = raw->time;
   }
}

static enum fc_replay_state step_capture(struct fc_replay *r, struct fc_decoder *d, char error[FC_ERROR])
{
   struct raw_packet packets[PACKETS];
   unsigned n = 0;
   enum source_state state = r->source->read(r->source, packets, PACKETS, &n);
   for (unsigned i = 0; i < n; i++) {
      read_packet(r, d, &packets[i]);
   }
   switch (state) {
   case SOURCE_END: return FC_REPLAY_END;
   case SOURCE_DAMAGED:
   case SOURCE_FAILED:
      snprintf(error, FC_ERROR, "%.*s", FC_ERROR - 1, r->source->error);
      return state == SOURCE_FAILED ? FC_REPLAY_FAILED : FC_REPLAY_DAMAGED;
   default: return FC_REPLAY_MORE;
   }
}

enum fc_replay_state fc_replay_step(struct fc_replay *r, struct fc_decoder *d, char error[FC_ERROR])
{
   return r->file != NULL ? step_ipfix(r, d, error) : step_capture(r, d, error);
}
