/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file config.h
 * bl_downloader_config.xml: which public lists there are, where they come from, and which files are made of them.
 */
#ifndef BLACKLIST_CONFIG_H
#define BLACKLIST_CONFIG_H

#include "lines.h"

#define BL_WORD      64   /* size of names and keys */
#define BL_URL_MAX   1024 /* size of addresses of lists */
#define BL_MAX_LISTS 64   /* of one type: each is a bit of a 64-bit number */

enum bl_file { BL_FILE_IP4, BL_FILE_IP6, BL_FILE_URL, BL_FILE_DNS, BL_FILE_COUNT };
extern const char *const bl_file_names[BL_FILE_COUNT]; /* "IP4", "IP6", "URL", "DNS" */

enum bl_format { BL_FORMAT_TEXT, BL_FORMAT_CSV, BL_FORMAT_JSON };

/** A public list. */
struct bl_source {
   bool names;                /* of URLs and domain names; else of addresses */
   bool files[BL_FILE_COUNT]; /* that its entries go into */
   unsigned id;               /* 1 to BL_MAX_LISTS, the bit of the list */
   char name[BL_WORD], category[BL_WORD];
   enum bl_format format;
   unsigned column; /* CSV: of the entry, from 1 */
   char address_key[BL_WORD], prefix_key[BL_WORD], port_key[BL_WORD], filter_key[BL_WORD],
       filter_value[BL_WORD]; /* JSON; "": none */
   char url[BL_URL_MAX];
   char sha256_url
       [BL_URL_MAX];  /* file that begins with the SHA-256 of the list in hexadecimal digits; "": none */
   unsigned interval; /* minutes between downloads */
};

struct bl_config {
   unsigned interval;                      /* minutes between looks at which lists are due */
   unsigned timeout;                       /* seconds until a server that does not answer is given up */
   char files[BL_FILE_COUNT][BL_PATH_MAX]; /* ""; not made */
   struct bl_source *sources;
   size_t n;
};

/** Called for what is strange, and yet no error. */
typedef void (*bl_warn_fn)(void *context, const char *text);

/** \return false: error is set, config is empty */
bool bl_config_read(const char *path, struct bl_config *config, bl_warn_fn warn, void *context,
                    char error[BL_ERROR]);
void bl_config_free(struct bl_config *config);

#endif
