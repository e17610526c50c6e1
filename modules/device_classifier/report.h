/* SPDX-License-Identifier: BSD-3-Clause */
/** The outputs as JSON, in a file: [[{"ip":"192.0.2.1","labels":["SERVER"]},...],...], a list for each output. */
#ifndef DEVICE_CLASSIFIER_REPORT_H
#define DEVICE_CLASSIFIER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct report {
   int fd;
   long long end; /* where the next output goes: the bracket that ends the file is overwritten */
   bool first;
   char *text; /* of the output that is being made */
   size_t size;
   FILE *stream;
   unsigned devices;
};

/** Makes the file, or empties it. \return false: see errno */
bool report_open(struct report *r, const char *path);
/** Adds a device; the labels are separated by commas and need no escapes. \return false: no memory */
bool report_add(struct report *r, const char *ip, const char *labels);
/** Writes the output, in one piece; the file is whole after each of them. \return false: see errno; the outputs before are still in the file */
bool report_end(struct report *r);
void report_close(struct report *r);

#endif
