/* SPDX-License-Identifier: BSD-3-Clause */
/** What dnstunnel_detection writes beside alerts: text about anomalies, results in a folder, event numbers, advice of options. */
#ifndef TUNNEL_RESULTS_H
#define TUNNEL_RESULTS_H

#include "tunnel.h"

struct results {
   const char *anomaly_file; /* options */
   const char *folder;
   FILE *anomalies;
   FILE *found; /* the same text in the folder */
   int folder_fd;
   bool window_shown;
   uint64_t window;
   uint64_t request_sums[REQUEST_BINS], response_sums[RESPONSE_BINS], few_sums[REQUEST_BINS];
};

/** Makes the folder and opens the files. \return NM_OK, NM_ERROR */
int results_open(nm_module_t *m, struct results *o);
/** A window ends at this second. */
void results_window(struct results *o, uint64_t now);
/** Sums up the histograms of a client. */
void results_client(struct results *o, const ip_addr_t *ip, const struct client *c);
/** Describes an attack. */
void results_attack(struct results *o, const ip_addr_t *ip, const struct client *c, enum detection d);
/** Writes the results. \return NM_OK, NM_ERROR */
int results_finish(nm_module_t *m, struct results *o, const struct tunnels *t);
void results_close(struct results *o);
/** Prints options that fit the messages seen. */
void results_measure(const struct tunnels *t);

/** The next number, 0 with a warning if the file cannot be read. path: "-": no file */
uint32_t event_id_read(nm_module_t *m, const char *path);
int event_id_write(nm_module_t *m, const char *path, uint32_t next);

#endif
