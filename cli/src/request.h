/* SPDX-License-Identifier: BSD-3-Clause */
/** What a user asks of nemea analyze. */
#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include "analysis.h"

struct request {
   unsigned json; /* version of the keys, 0: text */
   bool list_detectors;
   const char *csv, *html;
};

/** Reads the command line. \return -1 to go on, else the exit status, with a message */
int request_parse(int argc, char **argv, struct analysis *a, struct request *r);

#endif
