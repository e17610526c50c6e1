/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file spam.h
 * What is kept of each sender of mail, shared by the parts of smtp_spam_detector. README.md describes the method.
 */
#ifndef SPAM_H
#define SPAM_H

#include <nemea-common/nc_json.h>
#include <nemea-common/nc_table.h>
#include <nemea/module.h>
#include <stdio.h>

#include "../common/pool.h"

#define NAMES_MAX 5  /* host names and addresses of senders in an alert */
#define NAME_SIZE 64 /* bytes; what is longer is cut off */

/* A host that sends or receives mail. */
struct sender {
   struct link by_begin; /* first member; windows in the order of their begins */
   uint64_t id;
   ur_time_t begin;       /* of the window */
   ur_time_t seen;        /* when it sent or received last */
   ur_time_t first, last; /* of what was sent */
   uint64_t bytes, packets, sent, received;
   uint64_t sessions; /* connections of which SMTP fields are known */
   uint64_t points, refused, called_spam;
   uint64_t analysed; /* sent at the analysis before */
   uint32_t destinations;
};

/* A host that a sender sent to. */
struct destination {
   uint64_t sender; /* id */
   ip_addr_t address;
};

struct name {
   uint8_t length;
   char text[NAME_SIZE - 1];
};

/* What a sender calls itself. */
struct names {
   struct name hosts[NAMES_MAX], senders[NAMES_MAX];
};

/* The result of an analysis. */
struct verdict {
   double mean;       /* points of a session */
   double score;      /* sum of the signs */
   double confidence; /* 0 to 1 */
   bool many_destinations, sends_more, reported;
};

struct spam {
   /* options */
   const char *log_path; /* NULL: the default one, if it can be written */
   bool unirec;
   unsigned debug;
   uint64_t interval, clean; /* s */
   uint32_t refused_percent;
   nc_table_t *senders;      /* ip_addr_t -> struct sender */
   nc_table_t *destinations; /* struct destination */
   nc_table_t *names;        /* id of a sender -> struct names */

   FILE *log;
   struct link by_begin; /* head */
   uint64_t ids;
   nc_json_t text;
   uint64_t reported, dropped, log_errors;
};

/* verdict.c */
struct verdict judge(const struct spam *self, const struct sender *s);

/* report.c */
int log_open(nm_module_t *m);
void log_verdict(nm_module_t *m, const ip_addr_t *ip, const struct sender *s, const struct verdict *v,
                 ur_time_t now);
/** The alert as an IDEA message in self->text. */
void idea_write(struct spam *self, const ip_addr_t *ip, const struct sender *s, const struct names *names,
                const struct verdict *v, ur_time_t now);

#endif
