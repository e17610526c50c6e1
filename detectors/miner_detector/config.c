/* SPDX-License-Identifier: BSD-3-Clause */
/** userConfigFile.xml. */
#include "miner.h"

#include <errno.h>
#include <nemea-common/configurator.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_PATH NEMEA_CONFDIR "/miner_detector/userConfigFile.xml"
#define MAX_SECONDS  (366u * 86400)
#define MAX_CAPACITY (1u << 28)
#define FLAG         16
#define NO_FILE      "-"
#ifndef CAPACITY
#define CAPACITY 1048580 /* fuzz targets have less */
#endif

/* What the configurator fills in; packed, as it wants. */
struct __attribute__((packed)) raw {
   char blacklist_file[MINER_PATH], whitelist_file[MINER_PATH];
   char store_blacklist_file[MINER_PATH], store_whitelist_file[MINER_PATH];
   uint32_t conn_timeout, read_timeout, timeout_active, timeout_inactive, check_period;
   char stratum_check[FLAG];
   uint32_t score_treshold;
   uint32_t suspect_db_size, suspect_db_stash_size;
   uint32_t blacklist_db_size, blacklist_db_stash_size;
   uint32_t whitelist_db_size, whitelist_db_stash_size;
};

#define PATH(name)                                                                                \
   "<element type='optional'><name>" name "</name><type size='256'>string</type><default-value>-" \
   "</default-value></element>"
#define NUMBER(name, def)                                                                   \
   "<element type='required'><name>" name "</name><type>uint32_t</type><default-value>" def \
   "</default-value></element>"

static const char pattern[] = "<configuration><struct name='main struct'>" PATH("blacklist_file") PATH(
    "whitelist_file") PATH("store_blacklist_file") PATH("store_whitelist_file") NUMBER("conn_timeout", "10")
    NUMBER("read_timeout", "10") NUMBER("timeout_active", "300") NUMBER("timeout_inactive", "60")
        NUMBER("check_period",
               "60") "<element type='required'><name>stratum_check</name><type size='16'>string</type>"
                     "<default-value>false</default-value></element>" NUMBER("score_treshold", "7")
                         NUMBER("suspect_db_size", "1048576") NUMBER("suspect_db_stash_size", "4")
                             NUMBER("blacklist_db_size", "1048576") NUMBER("blacklist_db_stash_size", "4")
                                 NUMBER("whitelist_db_size", "1048576")
                                     NUMBER("whitelist_db_stash_size", "4") "</struct></configuration>";

static const struct miner_config defaults = {.conn_timeout = 10,
                                             .read_timeout = 10,
                                             .timeout_active = 300,
                                             .timeout_inactive = 60,
                                             .check_period = 60,
                                             .score_threshold = 7,
                                             .suspects = CAPACITY,
                                             .blacklisted = CAPACITY,
                                             .whitelisted = CAPACITY};

/* ----------------------------------------------------------------------- values */

static bool in_range(const char *path, const char *name, uint32_t value, uint32_t min, uint32_t max,
                     char error[BL_ERROR])
{
   if (value >= min && value <= max) {
      return true;
   }
   snprintf(error, BL_ERROR, "%.400s: %s is %u, expected a number from %u to %u", path, name, value, min,
            max);
   return false;
}

static bool check_numbers(const char *path, const struct raw *raw, char error[BL_ERROR])
{
   const struct {
      const char *name;
      uint32_t value, min, max;
   } numbers[] = {{"conn_timeout", raw->conn_timeout, 1, 3600},
                  {"read_timeout", raw->read_timeout, 1, 3600},
                  {"timeout_active", raw->timeout_active, 1, MAX_SECONDS},
                  {"timeout_inactive", raw->timeout_inactive, 1, MAX_SECONDS},
                  {"check_period", raw->check_period, 1, MAX_SECONDS},
                  {"score_treshold", raw->score_treshold, 0, UINT32_MAX},
                  {"suspect_db_size", raw->suspect_db_size, 1, MAX_CAPACITY},
                  {"suspect_db_stash_size", raw->suspect_db_stash_size, 0, MAX_CAPACITY},
                  {"blacklist_db_size", raw->blacklist_db_size, 1, MAX_CAPACITY},
                  {"blacklist_db_stash_size", raw->blacklist_db_stash_size, 0, MAX_CAPACITY},
                  {"whitelist_db_size", raw->whitelist_db_size, 1, MAX_CAPACITY},
                  {"whitelist_db_stash_size", raw->whitelist_db_stash_size, 0, MAX_CAPACITY}};
   for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
      if (!in_range(path, numbers[i].name, numbers[i].value, numbers[i].min, numbers[i].max, error)) {
         return false;
      }
   }
   return true;
}

/* "" for the word that stands for no file. */
static bool copy_path(const char *path, const char *name, const char *from, char to[MINER_PATH],
                      char error[BL_ERROR])
{
   if (strlen(from) >= MINER_PATH - 1) { /* it may have been cut off */
      snprintf(error, BL_ERROR, "%.400s: %s has more than %d bytes", path, name, MINER_PATH - 2);
      return false;
   }
   snprintf(to, MINER_PATH, "%s", strcmp(from, NO_FILE) == 0 ? "" : from);
   return true;
}

bool config_read(const char *path, struct miner_config *config, char lists[2][MINER_PATH],
                 char error[BL_ERROR])
{
   struct raw raw;
   memset(&raw, 0, sizeof(raw));
   *config = defaults;
   if (loadConfiguration((char *) (uintptr_t) pattern, (char *) (uintptr_t) path, &raw,
                         CONF_PATTERN_STRING) != 0) {
      snprintf(error, BL_ERROR, "%.400s: the configuration cannot be used, see above", path);
      return false;
   }
   config->stratum_check = strcmp(raw.stratum_check, "true") == 0;
   if (!config->stratum_check && strcmp(raw.stratum_check, "false") != 0) {
      snprintf(error, BL_ERROR, "%.400s: stratum_check is \"%s\", expected true or false", path,
               raw.stratum_check);
      return false;
   }
   if (!check_numbers(path, &raw, error) ||
       !copy_path(path, "blacklist_file", raw.blacklist_file, lists[0], error) ||
       !copy_path(path, "whitelist_file", raw.whitelist_file, lists[1], error) ||
       !copy_path(path, "store_blacklist_file", raw.store_blacklist_file, config->store_blacklist, error) ||
       !copy_path(path, "store_whitelist_file", raw.store_whitelist_file, config->store_whitelist, error)) {
      return false;
   }
   config->conn_timeout = raw.conn_timeout;
   config->read_timeout = raw.read_timeout;
   config->timeout_active = raw.timeout_active;
   config->timeout_inactive = raw.timeout_inactive;
   config->check_period = raw.check_period;
   config->score_threshold = raw.score_treshold;
   config->suspects = raw.suspect_db_size + raw.suspect_db_stash_size;
   config->blacklisted = raw.blacklist_db_size + raw.blacklist_db_stash_size;
   config->whitelisted = raw.whitelist_db_size + raw.whitelist_db_stash_size;
   return true;
}

/* ------------------------------------------------------------------------- file */

static bool read_lists(nm_module_t *m, struct miner_config *config, char lists[2][MINER_PATH],
                       char error[BL_ERROR])
{
   return (lists[0][0] == 0 || pool_list_read(m, &config->black, lists[0], config->blacklisted, error)) &&
          (lists[1][0] == 0 || pool_list_read(m, &config->white, lists[1], config->whitelisted, error));
}

void *config_load(nm_module_t *m, const char *path)
{
   char error[BL_ERROR] = "out of memory", installed[BL_PATH_MAX], lists[2][MINER_PATH] = {"", ""};
   struct miner_config *config = malloc(sizeof(*config));
   const char *found = bl_config_file(path, installed);
   bool good = config != NULL;
   if (good) {
      *config = defaults;
   }
   if (good && (strcmp(path, DEFAULT_PATH) != 0 || access(found, F_OK) == 0)) {
      good = config_read(found, config, lists, error) && read_lists(m, config, lists, error);
   }
   if (!good) {
      nm_fail(m, "%s", error);
      config_free(config);
      return NULL;
   }
   return config;
}

void config_free(void *object)
{
   struct miner_config *config = object;
   if (config != NULL) {
      pool_list_close(&config->black);
      pool_list_close(&config->white);
      free(config);
   }
}
