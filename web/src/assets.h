/* SPDX-License-Identifier: BSD-3-Clause */
/** The files of the page, which are part of the program (embed.py). */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include <stddef.h>

struct asset {
   const char *path, *type, *etag;
   const unsigned char *data;
   size_t size;
};

extern const struct asset assets[];
extern const size_t n_assets;
/** Shown to those without a session, with the hash of its style for the content security policy. */
extern const struct asset login_page;
extern const char login_style_hash[];

#endif
