/* SPDX-License-Identifier: BSD-3-Clause */
/** nfwriter: writes flow records to a file of nfdump. */
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>

#include "../nfdump/writer.h"
#include "fields.h"

NM_FIELDS(ipaddr DST_IP, ipaddr SRC_IP, uint64 BYTES, uint64 LINK_BIT_FIELD, time TIME_FIRST, time TIME_LAST,
          uint32 PACKETS, uint16 DST_PORT, uint16 SRC_PORT, uint8 DIR_BIT_FIELD, uint8 PROTOCOL,
          uint8 TCP_FLAGS, uint8 TOS)

#define NEEDED                                                                                      \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 " \
   "DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS"
#define OPTIONAL "uint64 LINK_BIT_FIELD,uint8 DIR_BIT_FIELD,uint8 TOS"

struct nfwriter {
   const char *path;
   bool append, bz2, lzo;
   nf_writer_t *writer;
   uint64_t flows;
};

static const nm_option_t options[] = {
    NM_STRING('f', "file", struct nfwriter, path, NULL, "File to write. Required."),
    NM_FLAG('a', "append", struct nfwriter, append, "Append to an existing file; its compression stays."),
    NM_FLAG('b', "bz2", struct nfwriter, bz2, "Compress with bzip2."),
    NM_FLAG('l', "lzo", struct nfwriter, lzo, "Compress with LZO."),
    NM_END,
};

static int check(nm_module_t *m)
{
   struct nfwriter *self = nm_self(m);
   if (self->path == NULL) {
      return nm_fail(m, "Error: specify output file with -f param");
   }
   return self->bz2 && self->lzo ? nm_fail(m, "Error: options -b and -l exclude each other") : NM_OK;
}

static int init(nm_module_t *m)
{
   struct nfwriter *self = nm_self(m);
   enum nf_compression compression = self->bz2 ? NF_BZ2 : self->lzo ? NF_LZO : NF_PLAIN;
   bool chosen = self->bz2 || self->lzo;
   char error[NF_WRITER_ERROR];
   nm_counter(m, "flows", &self->flows);
   self->writer = nf_writer_open(self->path, self->append, chosen ? &compression : NULL, error);
   return self->writer != NULL ? NM_OK : nm_fail(m, "Error: %s", error);
}

static uint64_t to_ms(ur_time_t time)
{
   return ur_time_get_sec(time) * 1000ull + ur_time_get_msec(time);
}

static int record(nm_module_t *m, const void *rec)
{
   struct nfwriter *self = nm_self(m);
   struct nf_flow flow = {
       .src = nm_get(m, rec, F_SRC_IP),
       .dst = nm_get(m, rec, F_DST_IP),
       .first = to_ms(nm_get(m, rec, F_TIME_FIRST)),
       .last = to_ms(nm_get(m, rec, F_TIME_LAST)),
       .packets = nm_get(m, rec, F_PACKETS),
       .bytes = nm_get(m, rec, F_BYTES),
       .src_port = nm_get(m, rec, F_SRC_PORT),
       .dst_port = nm_get(m, rec, F_DST_PORT),
       .protocol = nm_get(m, rec, F_PROTOCOL),
       .tcp_flags = nm_get(m, rec, F_TCP_FLAGS),
       .tos = nm_get_or(m, rec, F_TOS, 0),
       .direction = nm_get_or(m, rec, F_DIR_BIT_FIELD, 0),
       .engine_id = (uint8_t) nm_get_or(m, rec, F_LINK_BIT_FIELD, 0),
   };
   if (!nf_writer_add(self->writer, &flow)) {
      return nm_fail(m, "Error: %s", nf_writer_error(self->writer));
   }
   self->flows++;
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct nfwriter *self = nm_self(m);
   char error[NF_WRITER_ERROR];
   nf_writer_t *writer = self->writer;
   self->writer = NULL;
   if (!nf_writer_close(writer, error)) {
      return nm_fail(m, "Error: %s", error);
   }
   printf("nfwriter: %" PRIu64 " flows written to file\n", self->flows);
   return NM_OK;
}

/* After an error: what is in the file stays readable. */
static void cleanup(nm_module_t *m)
{
   struct nfwriter *self = nm_self(m);
   char error[NF_WRITER_ERROR];
   if (self->writer != NULL) {
      nf_writer_close(self->writer, error);
   }
}

NM_MODULE("nfwriter",
          "Writes flow records to a file that nfdump 1.7 and nfreader read. A record of both directions "
          "becomes two flows.",
          .in = NM_INPUTS({.name = "flows", .fields = NEEDED, .optional = OPTIONAL, .split_biflows = true}),
          .options = options, .state_size = sizeof(struct nfwriter), .check = check, .init = init,
          .record = record, .finish = finish, .cleanup = cleanup)
