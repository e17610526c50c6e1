/* SPDX-License-Identifier: BSD-3-Clause */
/** The configuration file: lines "KEY = value". */
#include "brute.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_FILE 5

#define SERVICE_COMMON                                                                    \
   .list_size = 1000, .list_threshold = 30, .record_timeout = 1800, .host_timeout = 4200, \
   .report_timeout = 300, .attack_timeout = 600

const char *const service_names[SERVICES] = {"SSH", "RDP", "TELNET", "FTP"};
const uint16_t service_ports[SERVICES] = {22, 3389, 23, 21};

const struct config config_default = {
    .check_report = 60,
    .check_delete = 60,
    .min_events = 10,
    .delayed_events = 10,
    .delayed_window = 300,
    .min_ratio = 10.0,
    .service = {
        [SSH] = {SERVICE_COMMON, .range = {{11, 30, 1000, 5000}, {11, 50, 1000, 11000}}},
        [RDP] = {SERVICE_COMMON, .range = {{20, 100, 2200, 8001}, {30, 190, 3000, 180000}}},
        [TELNET] = {SERVICE_COMMON, .range = {{9, 50, 450, 3000}, {0, 0, 0, 0}}},
        [FTP] = {SERVICE_COMMON, .range = {{8, 16, 400, 1000}, {7, 16, 350, 1400}}},
    }};

/* A key and the number it sets. Those of services have names without the service. */
struct key {
   const char *name;
   size_t offset; /* in struct config or struct service_config */
   uint8_t size;  /* 4 or 8 bytes; 1: bool; 0: double */
   uint64_t min, max;
};

#define GENERAL(name, member, lo, hi)                                                      \
   {                                                                                       \
      name, offsetof(struct config, member), sizeof(((struct config *) 0)->member), lo, hi \
   }
#define SERVICE(name, member, lo, hi)                                                                      \
   {                                                                                                       \
      name, offsetof(struct service_config, member), sizeof(((struct service_config *) 0)->member), lo, hi \
   }

static const struct key general_keys[] = {
    GENERAL("GENERAL_CHECK_FOR_REPORT_TIMEOUT", check_report, 0, UINT32_MAX),
    GENERAL("GENERAL_CHECK_FOR_DELETE_TIMEOUT", check_delete, 0, UINT32_MAX),
    GENERAL("GENERAL_ATTACK_MIN_EVENTS_TO_REPORT", min_events, 0, UINT32_MAX),
    {"GENERAL_ATTACK_MIN_RATIO_TO_KEEP_TRACKING_HOST", offsetof(struct config, min_ratio), 0, 0, 100},
    GENERAL("GENERAL_IGNORE_FIRST_SEND", ignore_first, 0, 1),
    GENERAL("GENERAL_DELAYED_EVENTS", delayed_events, 0, DELAYED_MAX),
    GENERAL("GENERAL_DELAYED_WINDOW", delayed_window, 1, UINT32_MAX),
};

static const struct key service_keys[] = {
    SERVICE("LIST_SIZE", list_size, 1, UINT16_MAX),
    SERVICE("LIST_THRESHOLD", list_threshold, 1, UINT16_MAX),
    SERVICE("RECORD_TIMEOUT", record_timeout, 0, UINT32_MAX),
    SERVICE("HOST_TIMEOUT", host_timeout, 0, UINT32_MAX),
    SERVICE("REPORT_TIMEOUT", report_timeout, 0, UINT32_MAX),
    SERVICE("ATTACK_TIMEOUT", attack_timeout, 0, UINT32_MAX),
    SERVICE("BRUTEFORCE_INC_MIN_PACKETS", range[INCOMING].min_packets, 0, UINT32_MAX),
    SERVICE("BRUTEFORCE_INC_MAX_PACKETS", range[INCOMING].max_packets, 0, UINT32_MAX),
    SERVICE("BRUTEFORCE_INC_MIN_BYTES", range[INCOMING].min_bytes, 0, UINT64_MAX),
    SERVICE("BRUTEFORCE_INC_MAX_BYTES", range[INCOMING].max_bytes, 0, UINT64_MAX),
    SERVICE("BRUTEFORCE_OUT_MIN_PACKETS", range[OUTGOING].min_packets, 0, UINT32_MAX),
    SERVICE("BRUTEFORCE_OUT_MAX_PACKETS", range[OUTGOING].max_packets, 0, UINT32_MAX),
    SERVICE("BRUTEFORCE_OUT_MIN_BYTES", range[OUTGOING].min_bytes, 0, UINT64_MAX),
    SERVICE("BRUTEFORCE_OUT_MAX_BYTES", range[OUTGOING].max_bytes, 0, UINT64_MAX),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct key *find(const struct key *keys, size_t n, const char *name)
{
   for (size_t i = 0; i < n; i++) {
      if (strcmp(keys[i].name, name) == 0) {
         return &keys[i];
      }
   }
   return NULL;
}

/* The key of a name, and where its number is in the configuration. */
static const struct key *find_key(const char *name, struct config *config, char **at)
{
   const struct key *key = find(general_keys, COUNT(general_keys), name);
   if (key != NULL) {
      *at = (char *) config + key->offset;
      return key;
   }
   for (unsigned s = 0; s < SERVICES; s++) {
      size_t n = strlen(service_names[s]);
      if (strncmp(name, service_names[s], n) == 0 && name[n] == '_' &&
          (key = find(service_keys, COUNT(service_keys), name + n + 1)) != NULL) {
         /* Of Telnet servers the usual size is learned. */
         if (s == TELNET && strncmp(key->name, "BRUTEFORCE_OUT", 14) == 0) {
            return NULL;
         }
         *at = (char *) &config->service[s] + key->offset;
         return key;
      }
   }
   return NULL;
}

static bool set_ratio(const char *text, char *at)
{
   char *end;
   double value = strtod(text, &end);
   if (end == text || *end != 0 || !(value >= 0 && value <= 100)) {
      return false;
   }
   memcpy(at, &value, sizeof(value));
   return true;
}

static bool set_number(const struct key *key, const char *text, char *at)
{
   uint64_t value;
   if (key->size == 0) {
      return set_ratio(text, at);
   }
   if (!nm_number(text, key->min, key->max, &value)) {
      return false;
   }
   switch (key->size) {
   case sizeof(bool): *(bool *) at = value != 0; break;
   case sizeof(uint32_t): memcpy(at, &(uint32_t){(uint32_t) value}, sizeof(uint32_t)); break;
   default: memcpy(at, &value, sizeof(value)); break;
   }
   return true;
}

static void read_line(nm_module_t *m, const char *path, unsigned number, char *line, struct config *config)
{
   char *to = line, *at;
   for (const char *from = line; *from != 0; from++) {
      if (!isspace((unsigned char) *from)) {
         *to++ = *from;
      }
   }
   *to = 0;
   char *value = strchr(line, '=');
   if (line[0] == 0 || line[0] == '#') {
      return;
   }
   if (value == NULL) {
      nm_warn(m, "%s, line %u: invalid line \"%.100s\", expected KEY = value", path, number, line);
      return;
   }
   *value++ = 0;
   const struct key *key = find_key(line, config, &at);
   if (key == NULL) {
      nm_warn(m, "%s, line %u: unknown keyword %.100s", path, number, line);
   } else if (!set_number(key, value, at)) {
      nm_warn(m, "%s, line %u: %s: \"%.100s\" is not a number from %llu to %llu, the default remains", path,
              number, line, value, (unsigned long long) key->min, (unsigned long long) key->max);
   }
}

void config_read(nm_module_t *m, FILE *file, const char *path, struct config *config)
{
   char *line = NULL;
   size_t size = 0;
   unsigned number = 0;
   *config = config_default;
   for (ssize_t n; (n = getline(&line, &size, file)) >= 0;) {
      number++;
      if (strlen(line) < (size_t) n) {
         nm_warn(m, "%s, line %u: holds a zero byte and is ignored", path, number);
         continue;
      }
      read_line(m, path, number, line, config);
   }
   free(line);
}

void *config_load(nm_module_t *m, const char *path)
{
   FILE *file = fopen(path, "re");
   if (file == NULL) {
      nm_fail_status(m, EXIT_FILE, "cannot open configuration file \"%s\": %s", path, strerror(errno));
      return NULL;
   }
   struct config *config = malloc(sizeof(*config));
   if (config == NULL) {
      nm_fail(m, "out of memory");
   } else {
      config_read(m, file, path, config);
      if (ferror(file)) {
         nm_fail_status(m, EXIT_FILE, "cannot read configuration file \"%s\": %s", path, strerror(errno));
         free(config);
         config = NULL;
      }
   }
   fclose(file);
   return config;
}
