/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The meter: inputs, each with a worker of its own (source, parser, cache, plugins, sinks). One input is worked on in the
 * caller's thread, several in threads of their own, which share nothing but the configuration and where flows go.
 */
#ifndef FLOW_METER_H
#define FLOW_METER_H

#include "capture/source.h"
#include "export/sink.h"

#define MAX_FILES   65536
#define MAX_INPUTS  64
#define MIN_SNAPLEN 120
#define MAX_SNAPLEN 65535
#define FRAGMENTS   10007

struct meter_input {
   const char **files; /* that are read as one; allocated by meter_add_file(), freed by the caller */
   unsigned n_files;   /* 0: an interface; at most MAX_FILES */
   const char *interface;
   const char *filter; /* NULL: none */
   double
       speed; /* files are replayed in the time of their packets, so many times as fast; 0: as fast as possible */
   bool raw; /* AF_PACKET instead of libpcap */
   uint32_t snaplen;
   uint32_t blocks, block_pages; /* of the ring, raw */
   int32_t fanout;               /* group of sockets that share the interface's packets, raw; -1: none */
   int32_t cpu;                  /* -1: any */
};

struct meter_config {
   struct meter_input inputs[MAX_INPUTS];
   unsigned n_inputs;
   struct flow_cache_config cache; /* plugins and export are set by the meter */
   struct flow_sink_config sink;
   bool to_unirec, to_text, to_ipfix;
   enum parse_depth depth; /* which packet counts where one carries another */
   uint64_t count_limit;   /* packets of an input; 0: none */
   uint64_t since,
       until; /* nanoseconds since 1970: packets before the one or from the other on are ignored; until 0: none */
   uint64_t flow_limit;   /* exported flows a second; 0: none */
   uint32_t progress_fd;  /* gets lines of numbers while a file is read, see flow_meter -h; 0: none */
   uint32_t show_every;   /* seconds between counters on standard error; 0: never */
   const char *telemetry; /* directory of files with counters; NULL: none */
   bool reports;          /* tables on standard output at the end */
};

struct meter;

/** Sets what is not zero by default. */
void meter_config_init(struct meter_config *config);

/* Parts of the configuration that both command lines have; NM_OK or NM_ERROR with a message in error. */

#define METER_ERROR 1536

/** A copy of a text, kept until the process ends. \return NULL without memory */
char *meter_keep(const char *text);
/** A file, all files of a directory, or - for standard input. The path is kept. */
int meter_add_file(struct meter_input *input, const char *path, char error[METER_ERROR]);
/** \return index of the plugin among those in use, which it joins, -1: with a message */
int meter_use_plugin(struct flow_sink_config *config, const char *name, char error[METER_ERROR]);

/** Opens everything. \return NULL: failed, the module has the message. config outlives the meter. */
struct meter *meter_new(struct meter_config *config, nm_module_t *module);
/** Works for a while. \return NM_OK, NM_STOP at the end, NM_ERROR */
int meter_step(struct meter *m);
/** Exports what is in the caches. \return NM_OK or NM_ERROR */
int meter_finish(struct meter *m);
void meter_free(struct meter *m);

#endif
