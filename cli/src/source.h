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
   SOURCE_BAD
};

#define SOURCE_PLUGINS_MAX 16

/** An output of flow_meter that carries what its plugins found; captures have them, flow records do not. */
struct source_plugins {
   const char *names; /* "dns", "tls+http" */
   char socket[24];   /* "flows-1" */
   unsigned readers;
};

/** A run of inputs that one process sends. */
struct source_job {
   const char *interface; /* NULL: files */
   enum source_kind kind;
   const char *const *files;
   unsigned n_files;
   unsigned readers;                     /* of all flows, that must be there before the first record */
   const struct source_plugins *plugins; /* outputs of flow_meter in place of all flows */
   unsigned n_plugins;                   /* 0: all flows */
   const char *filter;                   /* of packets, NULL: none */
   uint64_t since, until;                /* of packets, as options of flow_meter */
   bool last;                            /* followed by the end of stream */
   bool unreadable;                      /* set when an input cannot be read */
};

/** Standard input ("-"), a pipe, a terminal: what can be read only once. It is taken for a capture. */
bool source_is_stream(const char *path);
/** Tells what a file is by its first bytes. \return SOURCE_BAD with a message */
enum source_kind source_kind_of(const char *path, char *why, size_t size);
/** The format of a file of flow records, "type NAME,type NAME". \return a text to free(); NULL: it cannot be read */
char *source_format(const char *path, enum source_kind kind);
/** A path as it stands in an interface specification, in which some characters have a meaning. \return to */
char *source_quote(const char *path, char *to, size_t size);
/** Captures that follow each other are one job, other files one each. \return index after the job's files */
unsigned source_take(const char *const *files, unsigned n, unsigned from, struct source_job *job);
/** Starts a job. \return false with a message */
bool source_start(struct source_job *job, struct process *p, char *why, size_t size);

#endif
