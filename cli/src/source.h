/* SPDX-License-Identifier: BSD-3-Clause */
/** Where the flow records come from: which program reads an input, and how it is started. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "process.h"

#include <stdbool.h>
#include <stdint.h>

enum source_kind {
   SOURCE_CAPTURE, /* pcap, pcapng, compressed or not; standard input that is no CSV */
   SOURCE_FLOWS,   /* .trapcap */
   SOURCE_CSV,     /* as logger writes it */
   SOURCE_EXPORT,  /* messages of NetFlow, IPFIX and sFlow: a capture of them, or an IPFIX file */
   SOURCE_BAD
};

#define SOURCE_PLUGINS_MAX 16

#define SOURCE_FORMAT_MAX 2048

/** An output that carries what the plugins of flow_meter found; captures have them, and flows that such a meter exported, but flow
 * records do not. */
struct source_plugins {
   const char *names; /* "dns", "tls+http" */
   char socket[24];   /* "flows-1" */
   unsigned readers;
   char format[SOURCE_FORMAT_MAX]; /* of flow_collector: the fields that its readers need */
};

/** Of outputs: what came in is sent on soon, not when a buffer is full. */
#define SOURCE_SOON "autoflush=100000"

/** A run of inputs that one process sends. */
struct source_job {
   const char *interface; /* NULL: files */
   const char *collect;   /* port that exporters send to; NULL: files or an interface */
   enum source_kind kind;
   const char *const *files;
   unsigned n_files;
   unsigned readers;                     /* of all flows, that must be there before the first record */
   const struct source_plugins *plugins; /* outputs of flow_meter in place of all flows */
   unsigned n_plugins;                   /* 0: all flows */
   const char *format;    /* of all flows of exporters, as flow_collector -f has it; NULL: "basic" */
   const char *filter;    /* of packets, NULL: none */
   uint64_t since, until; /* of packets, as options of flow_meter */
   bool follow;           /* the file is still being written */
   bool last;             /* followed by the end of stream */
   bool unreadable;       /* set when an input cannot be read */
};

/** Standard input ("-"), a pipe, a terminal: what can be read only once. It is taken for a capture. */
bool source_is_stream(const char *path);
/** Tells what a file is by its first bytes. \return SOURCE_BAD with a message */
enum source_kind source_kind_of(const char *path, char *why, size_t size);
/** The format of a file of flow records, "type NAME,type NAME". \return a text to free(); NULL: it cannot be read */
char *source_format(const char *path, enum source_kind kind);
/** A path as it stands in an interface specification, in which some characters have a meaning. \return to */
char *source_quote(const char *path, char *to, size_t size);
/** Captures that follow each other are one job, and so are files of export messages; other files one each.
 * \return index after the job's files */
unsigned source_take(const char *const *files, const enum source_kind *kinds, unsigned n, unsigned from,
                     struct source_job *job);
/** Adds the fields that a reader of an output needs, "type NAME,...". optional: it also reads records without those of the plugins. */
void source_need(struct source_plugins *p, const char *fields, bool optional);
/** All outputs of this job are those of one process? */
bool source_is_one(const struct source_job *job);
/** Starts a job. \return false with a message */
bool source_start(struct source_job *job, struct process *p, char *why, size_t size);

#endif
