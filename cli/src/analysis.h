/* SPDX-License-Identifier: BSD-3-Clause */
/** An analysis: what was asked, what was found. */
#ifndef CLI_ANALYSIS_H
#define CLI_ANALYSIS_H

#include "cli.h"
#include "flow_log.h"
#include "places.h"
#include "source.h"
#include "traffic.h"

#include <nemea/event.h>
#include <nemea/text.h>

#define MAX_NOTES   64
#define SKIP_REASON 160

/** A detector that was not run, and why. */
struct skipped {
   const char *detector;
   char reason[SKIP_REASON];
};

/** Of captures: packets that were read, and those of them that are in no flow. */
struct packet_counts {
   uint64_t all, not_ip, malformed, truncated, unknown_link;
   uint64_t dropped; /* by the kernel, not among all */
};

struct analysis {
   /* asked */
   const char **files; /* and each of them: allocated */
   unsigned n_files;
   enum source_kind *kinds;      /* of the files, in their order; NULL: not known (they are followed) */
   const char *interface;        /* NULL: files, or exporters */
   const char *collect;          /* port that exporters of flows send to, NULL: none */
   const char *blacklist;        /* file; NULL: none */
   const char *filter;           /* BPF, of packets; NULL: all */
   uint64_t since, until;        /* of packets, nanoseconds since 1970; until 0: no end */
   const char *detectors;        /* names separated by commas; NULL: all */
   bool follow;                  /* the only file, or directory, is still being written */
   bool live;                    /* events are shown when they begin */
   const char *geoip[MAX_GEOIP]; /* databases */
   unsigned n_geoip;
   bool verbose;
   bool details;              /* the text report says of each event why, and what it was joined of */
   FILE *flows_csv;           /* flow records as text, NULL: no */
   struct flow_log *flow_log; /* for the flows of events in the HTML report, NULL: not kept */
   struct places *places;     /* of addresses, NULL: not known */
   int flows_error;           /* errno of the first of them that could not be written, 0: none */

   /* found */
   struct traffic traffic;
   struct packet_counts packets;
   struct events events;
   char *notes[MAX_NOTES]; /* what a reader of the report must know: damage, an interruption, a dead module */
   unsigned n_notes;
   struct skipped *skipped;
   unsigned n_skipped;
   int status; /* enum cli_status */
};

/** Adds a note; the text is cleaned of control bytes. Beyond MAX_NOTES they are left out. */
void analysis_note(struct analysis *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** From now on SIGINT and SIGTERM end the analysis in order; before, they end the program. */
void pipeline_catch_signals(void);
/** Runs the modules over the input until its end. The analysis holds what was found, status and notes. */
void pipeline_run(struct analysis *a);

/** What a report says when there are no events: that nothing was found only when all was looked at. */
const char *analysis_without_events(const struct analysis *a);

/* Reports. \return false when writing failed (errno) */
bool report_text(const struct analysis *a, FILE *to);
/** \param version of the keys, 1 or 2 */
bool report_json(const struct analysis *a, unsigned version, FILE *to);
bool report_html(const struct analysis *a, FILE *to);
/** The events as CSV. */
bool report_csv(const struct analysis *a, FILE *to);

/** "capture.pcap" or "3 files" or "interface eth0". */
char *analysis_input(const struct analysis *a, char *to, size_t size);

#endif
