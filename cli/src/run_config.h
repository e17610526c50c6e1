/* SPDX-License-Identifier: BSD-3-Clause */
/** What a deployment of nemea run is to be: of the command line, or of nemea.yaml. */
#ifndef CLI_RUN_CONFIG_H
#define CLI_RUN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_SOURCES   8
#define RUN_DETECTORS 64
#define RUN_NETWORKS  4096
#define RUN_GEOIP     4
#define RUN_ERROR     1024
#define RUN_PATH      64 /* bytes of the path of the state directory at most, whose sockets have longer ones */

enum run_source_kind { RUN_INTERFACE, RUN_COLLECT, RUN_REPLAY };

struct run_source {
   enum run_source_kind kind;
   char *value;   /* name of the interface; PORT or ADDRESS:PORT; file */
   char *plugins; /* of flow_meter, joined by '+'; NULL: none but those that detectors need */
   double speed;  /* of a replay; 0: 1 */
};

struct run_detector {
   const char *name; /* of its description */
   bool enabled;
   char *options; /* NULL: none but its own */
};

struct run_network {
   char *label, *prefix;
};

struct run_config {
   struct run_source sources[RUN_SOURCES];
   unsigned n_sources;
   struct run_detector detectors[RUN_DETECTORS]; /* that something is said of; all others run */
   unsigned n_detectors;
   struct run_network *networks;
   unsigned n_networks;
   char *reporting; /* rules of the reporters; NULL: none */
   char *flows;     /* "24h/10GB" */
   unsigned events_days, events_mb;
   uint64_t log_bytes;
   unsigned log_files;
   char *listen, *tls_cert, *tls_key; /* of the page; NULL: its default, no TLS */
   bool resolver;
   char *geoip[RUN_GEOIP];
   unsigned n_geoip;
   char *state; /* NULL: the default of the user */
   char *user;  /* that root becomes; NULL: that of the packages */
};

/** Sets the defaults. \return false without memory */
bool run_config_init(struct run_config *c);
void run_config_free(struct run_config *c);
/** Adds a source; plugins and speed may be set then. \return NULL with a message: it cannot be one */
struct run_source *run_config_source(struct run_config *c, enum run_source_kind kind, const char *value,
                                     char *error, size_t size);
/**
 * Reads nemea.yaml. name: of the file, for messages.
 * \return false with a message in error: "NAME:LINE: KEY: what is wrong (expected ...)"
 */
bool run_config_read(struct run_config *c, const char *name, const char *text, size_t size,
                     char error[RUN_ERROR]);
/** A text that may stand on the command line of a module, and in its configuration. \return what is wrong with it, NULL: nothing */
const char *run_config_bad_text(const char *text);

#endif
