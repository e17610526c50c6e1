/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads the configuration of prefix_tags. */
#include "prefixes.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 2, 3))) static void set_error(char *error, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   vsnprintf(error, PREFIXES_ERROR, format, ap);
   va_end(ap);
}

bool prefix_parse(const char *text, ipps_network_t *network)
{
   char address[INET6_ADDRSTRLEN + 1];
   const char *slash = strchr(text, '/');
   size_t n = slash != NULL ? (size_t) (slash - text) : sizeof(address);
   if (n >= sizeof(address)) {
      return false;
   }
   memcpy(address, text, n);
   address[n] = 0;
   char *end;
   errno = 0;
   unsigned long length = strtoul(slash + 1, &end, 10);
   if (slash[1] < '0' || slash[1] > '9' || *end != 0 || errno != 0 || !ip_from_str(address, &network->addr) ||
       length > (ip_is4(&network->addr) ? 32 : 128)) {
      return false;
   }
   network->mask = (uint32_t) length;
   return true;
}

/* Entry number i of the array. */
static bool read_entry(const json_t *entry, size_t i, ipps_network_t *network, uint32_t *tag, char *error)
{
   const json_t *id = json_object_get(entry, "id"), *prefix = json_object_get(entry, "ip_prefix");
   if (!json_is_integer(id) || !json_is_string(prefix)) {
      set_error(error,
                "bad config format: entry %zu: expected an object with an integer \"id\" and a string "
                "\"ip_prefix\"",
                i + 1);
      return false;
   }
   json_int_t value = json_integer_value(id);
   if (value < INT32_MIN || value > UINT32_MAX) {
      set_error(error, "bad config format: entry %zu: id %lld is not a number of 32 bits", i + 1,
                (long long) value);
      return false;
   }
   if (!prefix_parse(json_string_value(prefix), network)) {
      set_error(
          error,
          "Malformed IP prefix \"%.100s\" in the configuration file: entry %zu: expected ADDRESS/LENGTH",
          json_string_value(prefix), i + 1);
      return false;
   }
   *tag = (uint32_t) value;
   network->data = tag;
   network->data_len = sizeof(*tag);
   return true;
}

static ipps_context_t *read_array(const json_t *array, char *error)
{
   size_t n = json_array_size(array);
   if (!json_is_array(array) || n == 0 || n > UINT32_MAX) {
      set_error(error, "bad JSON format: expected an array with at least one prefix");
      return NULL;
   }
   ipps_network_t *networks = calloc(n, sizeof(*networks));
   uint32_t *tags = calloc(n, sizeof(*tags));
   bool good = networks != NULL && tags != NULL;
   if (!good) {
      set_error(error, "out of memory for %zu prefixes", n);
   }
   for (size_t i = 0; good && i < n; i++) {
      good = read_entry(json_array_get(array, i), i, &networks[i], &tags[i], error);
   }
   ipps_context_t *context = NULL;
   if (good) {
      ipps_network_list_t list = {.net_count = (uint32_t) n, .networks = networks};
      context = ipps_init(&list);
      if (context == NULL) {
         set_error(error, "out of memory for %zu prefixes", n);
      }
   }
   free(networks);
   free(tags);
   return context;
}

ipps_context_t *prefixes_read(const char *path, char *error)
{
   json_error_t e;
   FILE *file = fopen(path, "re");
   if (file == NULL) {
      set_error(error, "%s", strerror(errno));
      return NULL;
   }
   json_t *json = json_loadf(file, JSON_REJECT_DUPLICATES, &e);
   fclose(file);
   if (json == NULL) {
      set_error(error, "unable to parse config file: line %d, column %d: %s", e.line, e.column, e.text);
      return NULL;
   }
   ipps_context_t *context = read_array(json, error);
   json_decref(json);
   return context;
}
