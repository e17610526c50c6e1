/* SPDX-License-Identifier: BSD-3-Clause */
/** The configuration file: lines "name = value"; '#' in the first column begins a comment, lines without '=' say nothing. */
#include "hoststats.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#ifndef TABLE_MIN
#define TABLE_MIN 65536 /* fuzz targets have less */
#endif
#define TABLE_MAX (1u << 28)

enum value_kind {
   VALUE_SWITCH,
   VALUE_NUMBER, /* double */
   VALUE_WHOLE,  /* uint32_t */
   VALUE_LEVEL,  /* name of a level of syslog */
   VALUE_PATH,
   VALUE_IGNORED /* accepted for the sake of old files */
};

struct key {
   const char *name;
   enum value_kind kind;
   size_t offset;
   double def, min, max;
};

#define SWITCH(name, member)                                       \
   {                                                               \
      name, VALUE_SWITCH, offsetof(struct config, member), 0, 0, 0 \
   }
#define NUMBER(name, member, def)                                       \
   {                                                                    \
      name, VALUE_NUMBER, offsetof(struct config, member), def, 0, 1e18 \
   }
#define SHARE(name, member, def)                                     \
   {                                                                 \
      name, VALUE_NUMBER, offsetof(struct config, member), def, 0, 1 \
   }
#define WHOLE(name, member, def, min, max)                              \
   {                                                                    \
      name, VALUE_WHOLE, offsetof(struct config, member), def, min, max \
   }
#define IGNORED(name)                 \
   {                                  \
      name, VALUE_IGNORED, 0, 0, 0, 0 \
   }

static const struct key keys[] = {
    SWITCH("rules-generic", generic),
    SWITCH("rules-ssh", ssh),
    SWITCH("rules-dns", dns),
    SWITCH("port-flowdir", port_direction),
    {"detection-log", VALUE_PATH, offsetof(struct config, log_directory), 0, 0, 0},
    {"log-upto-level", VALUE_LEVEL, offsetof(struct config, log_level), LOG_ERR, 0, 0},
    WHOLE("table-size", table_size, TABLE_MIN, 1, TABLE_MAX),
    WHOLE("timeout-active", active, 300, 1, 86400),
    WHOLE("timeout-inactive", inactive, 30, 1, 86400),
    WHOLE("det-start-time", check_every, 10, 1, 86400),
    NUMBER("syn-scan-threshold", scan_syns, 200),
    NUMBER("syn-scan-syn-to-ack-ratio", scan_syn_to_ack, 20),
    NUMBER("syn-scan-request-to-response-ratio", scan_request_to_response, 5),
    NUMBER("syn-scan-ips", scan_hosts, 200),
    WHOLE("dos-detection-type", dos_type, 0, 0, 1),
    NUMBER("dos-victim-connections-synflood", victim_syns, 270000),
    NUMBER("dos-victim-connections-others", victim_others, 1000000),
    NUMBER("dos-victim-packet-ratio", victim_packet_ratio, 2),
    NUMBER("dos-victim-bytes-packets-ratio", victim_bytes, 100),
    NUMBER("dos-victim-responsibility", responsibility, 0.8),
    NUMBER("dos-attacker-connections-synflood", attacker_syns, 270000),
    NUMBER("dos-attacker-connections-others", attacker_others, 1000000),
    NUMBER("dos-attacker-packet-ratio", attacker_packet_ratio, 2),
    NUMBER("dos-attacker-bytes-packets-ratio", attacker_bytes, 100),
    SHARE("dos-req-rsp-est-ratio", request_share, 0.8),
    SHARE("dos-rsp-req-est-ratio", response_share, 0.2),
    NUMBER("bruteforce-ips", ssh_hosts, 5),
    NUMBER("bruteforce-ips-ratio", ssh_hosts_ratio, 20),
    NUMBER("bruteforce-req-threshold", ssh_requests, 60),
    NUMBER("bruteforce-req-min-packet-ratio", ssh_request_min, 5),
    NUMBER("bruteforce-req-max-packet-ratio", ssh_request_max, 20),
    NUMBER("bruteforce-data-threshold", ssh_responses, 30),
    NUMBER("bruteforce-data-min-packet-ratio", ssh_response_min, 10),
    NUMBER("bruteforce-data-max-packet-ratio", ssh_response_max, 25),
    NUMBER("bruteforce-server-ratio", ssh_server_ratio, 3),
    NUMBER("dns-amplif-threshold", dns_responses, 10000),
    IGNORED("input-template"),
    IGNORED("dos-min-rsp-ratio"),
    IGNORED("scan-threshold"),
    IGNORED("scan-flag-ratio"),
    IGNORED("scan-packet-ratio"),
    IGNORED("scan-ip-ratio"),
    IGNORED("bruteforce-out-threshold"),
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static const char *const levels[] = {"LOG_EMERG",   "LOG_ALERT",  "LOG_CRIT", "LOG_ERR",
                                     "LOG_WARNING", "LOG_NOTICE", "LOG_INFO", "LOG_DEBUG"};

struct reader {
   struct config *config;
   config_message_fn warn;
   void *context;
   char *error;
   size_t error_size;
   bool seen[N_KEYS];
};

static void set_number(struct config *c, const struct key *key, double value)
{
   void *at = (char *) c + key->offset;
   if (key->kind == VALUE_NUMBER) {
      *(double *) at = value;
   } else if (key->kind == VALUE_WHOLE) {
      *(uint32_t *) at = (uint32_t) value;
   } else if (key->kind == VALUE_LEVEL) {
      *(int *) at = (int) value;
   }
}

/* Room for a power of two of hosts, and for not too few. */
static uint32_t round_up(uint32_t size)
{
   uint32_t n = TABLE_MIN;
   while (n < size) {
      n *= 2;
   }
   return n;
}

static void set_defaults(struct config *c)
{
   memset(c, 0, sizeof(*c));
   for (size_t i = 0; i < N_KEYS; i++) {
      set_number(c, &keys[i], keys[i].def);
   }
}

void config_default(struct config *c)
{
   set_defaults(c);
   c->generic = c->ssh = c->dns = c->port_direction = true;
   c->table_size = 2 * TABLE_MIN;
}

static bool number_of(const char *text, const struct key *key, double *value)
{
   char *end;
   *value = strtod(text, &end);
   bool whole = key->kind != VALUE_WHOLE || *value == floor(*value);
   return *text != 0 && *end == 0 && isfinite(*value) && *value >= key->min && *value <= key->max && whole;
}

static bool bad(struct reader *r, unsigned line, const struct key *key, const char *value)
{
   if (key->kind == VALUE_LEVEL) {
      snprintf(r->error, r->error_size, "line %u: %s = \"%s\": expected LOG_EMERG ... LOG_DEBUG", line,
               key->name, value);
   } else if (key->kind == VALUE_PATH) {
      snprintf(r->error, r->error_size, "line %u: %s: expected a path of less than %zu bytes", line,
               key->name, sizeof(r->config->log_directory));
   } else {
      snprintf(r->error, r->error_size, "line %u: %s = \"%s\": expected a %snumber from %.0f to %.0f", line,
               key->name, value, key->kind == VALUE_WHOLE ? "whole " : "", key->min, key->max);
   }
   return false;
}

static bool set_value(struct reader *r, unsigned line, const struct key *key, const char *value)
{
   void *at = (char *) r->config + key->offset;
   double number = 0;
   switch (key->kind) {
   case VALUE_SWITCH:
      *(bool *) at = strcmp(value, "1") == 0 || strcmp(value, "true") == 0 || strcmp(value, "enabled") == 0;
      return true;
   case VALUE_PATH:
      if (strlen(value) >= sizeof(r->config->log_directory)) {
         return bad(r, line, key, value);
      }
      strcpy(at, value);
      return true;
   case VALUE_LEVEL:
      for (int i = 0; i <= LOG_DEBUG; i++) {
         if (strcmp(value, levels[i]) == 0) {
            *(int *) at = i;
            return true;
         }
      }
      return bad(r, line, key, value);
   case VALUE_IGNORED: return true;
   default:
      if (!number_of(value, key, &number)) {
         return bad(r, line, key, value);
      }
      set_number(r->config, key, number);
      return true;
   }
}

/* Without the blanks around it. */
static char *trim(char *text)
{
   while (isspace((unsigned char) *text)) {
      text++;
   }
   size_t n = strlen(text);
   while (n > 0 && isspace((unsigned char) text[n - 1])) {
      text[--n] = 0;
   }
   return text;
}

static bool read_line(struct reader *r, unsigned line, char *text)
{
   char *equals = strchr(text, '='), message[CONFIG_LINE + 64];
   if (*text == '#' || equals == NULL) {
      return true;
   }
   *equals = 0;
   const char *name = trim(text), *value = trim(equals + 1);
   for (size_t i = 0; i < N_KEYS; i++) {
      if (strcmp(name, keys[i].name) == 0) {
         r->seen[i] = true;
         return set_value(r, line, &keys[i], value);
      }
   }
   snprintf(message, sizeof(message), "line %u: unknown name \"%s\" is ignored", line, name);
   r->warn(r->context, LOG_WARNING, message);
   return true;
}

static void warn_of_missing(struct reader *r)
{
   char message[128];
   for (size_t i = 0; i < N_KEYS; i++) {
      if (!r->seen[i] && (keys[i].kind == VALUE_NUMBER || keys[i].kind == VALUE_WHOLE)) {
         snprintf(message, sizeof(message), "%s is not specified in the configuration file, %g is used",
                  keys[i].name, keys[i].def);
         r->warn(r->context, LOG_WARNING, message);
      }
   }
}

bool config_parse(struct config *c, const char *text, size_t size, config_message_fn warn, void *context,
                  char *error, size_t error_size)
{
   struct reader r = {
       .config = c, .warn = warn, .context = context, .error = error, .error_size = error_size};
   unsigned number = 1;
   set_defaults(c);
   for (size_t at = 0; at < size; number++) {
      const char *newline = memchr(text + at, '\n', size - at);
      size_t length = newline != NULL ? (size_t) (newline - text) - at : size - at;
      char line[CONFIG_LINE];
      if (length >= sizeof(line) || memchr(text + at, 0, length) != NULL) {
         snprintf(error, error_size, "line %u: expected text of less than %zu bytes", number, sizeof(line));
         return false;
      }
      memcpy(line, text + at, length);
      line[length] = 0;
      if (!read_line(&r, number, line)) {
         return false;
      }
      at += length + 1;
   }
   warn_of_missing(&r);
   c->table_size = round_up(c->table_size);
   return true;
}
