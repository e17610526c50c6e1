/* SPDX-License-Identifier: BSD-3-Clause */
/** Listing of flows: what is asked for, and how it is shown. Used by nemea flows and by nemea alerts show. */
#ifndef CLI_FLOWS_H
#define CLI_FLOWS_H

#include "cli.h"

#include <nemea/filter.h>
#include <unirec/unirec.h>

#define FLOWS_HOSTS 32 /* of one end */
#define FLOWS_PORTS 16

enum flows_form { FLOWS_TEXT, FLOWS_CSV, FLOWS_JSON };

struct network {
   ip_addr_t ip;
   unsigned prefix;
};

/** Hosts of one end of a flow; none: any. */
struct flows_end {
   struct network hosts[FLOWS_HOSTS];
   unsigned n;
};

/** The flows that are asked for. All conditions must hold. */
struct flows_query {
   ur_time_t since,
       until; /* flows that end at the one or later and begin before the other; until 0: no end */
   struct flows_end ends[2]; /* each must have an end of the flow, in any direction */
   uint16_t ports[FLOWS_PORTS];
   unsigned n_ports;
   int protocol;        /* -1: any */
   nm_filter_t *filter; /* NULL: all */
   uint64_t limit;      /* flows that are shown; 0: all */
};

struct flows_table;

struct flows {
   struct flows_query q;
   enum flows_form form;
   const char *fields; /* names separated by commas; NULL: the usual ones */
   const char *what;   /* file that is read, for messages */
   FILE *to;

   uint64_t shown;
   bool stop;  /* the limit is reached, the output is closed, or an error was printed */
   int status; /* enum cli_status */
   struct flows_table *table;
};

/** Counts of a search in an archive. */
struct flows_found {
   unsigned files, read, by_time, by_filter;
};

/** SIGINT and SIGTERM end what runs; a closed pipe is seen as a failed write. */
void flows_catch_signals(void);
bool flows_interrupted(void);

/** The following records have this format. \return false: stop, after an error was printed */
bool flows_format(struct flows *f, const ur_template_t *tmplt);
/** One record. \return false: stop */
bool flows_record(struct flows *f, const void *rec);
/** Writes what is held back, and frees the memory. */
void flows_end(struct flows *f);

/** Reads a .trapcap file. \param partial it is being written: it may end anywhere. \return false: it cannot be read (printed) */
bool flows_read_file(struct flows *f, const char *path, bool partial);
/** Reads captures and files of flows. \param plugins of flow_meter, separated by commas; NULL: none \param since, until of packets */
void flows_read_inputs(struct flows *f, const char *const *files, unsigned n, const char *plugins,
                       uint64_t since, uint64_t until);
/** Reads an archive of flow_archive. \return false: there is none (why) */
bool flows_read_archive(struct flows *f, const char *directory, struct flows_found *found, char *why,
                        size_t size);

/** "192.0.2.0/24", "2001:db8::1" \return false: it is neither an address nor a network */
bool flows_parse_host(const char *text, struct network *n);

#endif
