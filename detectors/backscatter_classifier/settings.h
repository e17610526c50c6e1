/* SPDX-License-Identifier: BSD-3-Clause */
/** \file settings.h: keys and passwords, from files that only their owner may read. */
#ifndef BACKSCATTER_CLASSIFIER_SETTINGS_H
#define BACKSCATTER_CLASSIFIER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#define SETTING_SIZE   512
#define SETTINGS_ERROR 512

/** Section DEFAULT of the file of C3ISP; "": not there. */
struct settings {
   char server_uri[SETTING_SIZE], misp_key[SETTING_SIZE], portal_user[SETTING_SIZE],
       portal_pass[SETTING_SIZE], dsa[SETTING_SIZE];
};

/** The first line of a file. \return false, with the reason in error */
bool key_read(const char *path, char to[SETTING_SIZE], char error[SETTINGS_ERROR]);
/** A file of lines "name = value" or "name: value". \return false, with the reason in error */
bool settings_read(const char *path, struct settings *to, char error[SETTINGS_ERROR]);
/** The same of its text. */
bool settings_parse(const char *text, size_t size, struct settings *to, char error[SETTINGS_ERROR]);

#endif
