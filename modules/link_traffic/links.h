/* SPDX-License-Identifier: BSD-3-Clause */
/** The configuration of link_traffic: which links there are. */
#ifndef NEMEA_LINK_TRAFFIC_LINKS_H
#define NEMEA_LINK_TRAFFIC_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LINKS_MAX     1000
#define LINK_MAX_NAME 64 /* bytes */
#define LINKS_ERROR   256
#define LINKS_DEFAULT NEMEA_CONFDIR "/link_traffic/link_traff_conf.cfg"

struct link {
   uint64_t number; /**< value of LINK_BIT_FIELD */
   char name[LINK_MAX_NAME + 1];
   char color[9]; /**< 6 or 8 hexadecimal digits: red, green, blue, and opacity */
   unsigned line; /**< of the file */
};

/** Links by number, the highest first. */
struct links {
   size_t n;
   struct link link[LINKS_MAX];
};

/** Reads lines "number,name,field,color"; those that begin with # are comments. The field is checked, and not used.
 * \param error what is wrong and in which line, when the result is false */
bool links_read(struct links *links, FILE *file, char error[LINKS_ERROR]);
/** \return position of a link; -1: there is none of this number */
int links_find(const struct links *links, uint64_t number);

#endif
