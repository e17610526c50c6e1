/* SPDX-License-Identifier: BSD-3-Clause */
/** IDEA messages: members that many reporters set, and the list of reporters. */
#include "idea_build.h"

#include <arpa/inet.h>
#include <nemea-common/nc_text.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

const struct idea_reporter *const idea_reporters[] = {&idea_of_amplification,
                                                      &idea_of_blacklist,
                                                      &idea_of_bruteforce,
                                                      &idea_of_ddos_detector,
                                                      &idea_of_dgadetection,
                                                      &idea_of_dnstunnel,
                                                      &idea_of_haddrscan,
                                                      &idea_of_hoststats,
                                                      &idea_of_idea2idea,
                                                      &idea_of_minerdetector,
                                                      &idea_of_sipbf,
                                                      &idea_of_smashedblacklist,
                                                      &idea_of_sshbruteforceml,
                                                      &idea_of_venom,
                                                      &idea_of_voipfraud,
                                                      &idea_of_vportscan,
                                                      &idea_of_waintrusion_detector,
                                                      NULL};

const struct idea_reporter *idea_reporter_find(const char *name)
{
   size_t n = strlen(name);
   for (const struct idea_reporter *const *r = idea_reporters; *r != NULL; r++) {
      const char *detector = (*r)->detector;
      size_t own = strlen((*r)->name);
      if (strcmp((*r)->name, name) == 0 || strcmp((*r)->module, name) == 0 ||
          (detector != NULL && strcmp(detector, name) == 0) ||
          (n > own && strncmp((*r)->name, name, own) == 0 &&
           (strcmp(name + own, "2idea") == 0 || strcmp(name + own, "2idea.py") == 0))) {
         return *r;
      }
   }
   return NULL;
}

/* ------------------------------------------------------------------- members */

json_t *idea_put(struct idea_builder *b, json_t *object, const char *key, json_t *value)
{
   b->failed |= json_object_set_new(object, key, value) != 0;
   return b->failed ? NULL : value;
}

json_t *idea_append(struct idea_builder *b, json_t *array, json_t *value)
{
   b->failed |= json_array_append_new(array, value) != 0;
   return b->failed ? NULL : value;
}

json_t *idea_string(const char *text, size_t length)
{
   json_t *value = json_stringn(text, length);
   if (value != NULL) {
      return value;
   }
   char *valid = malloc(length * strlen(REPLACEMENT) + 1);
   size_t n = 0;
   if (valid == NULL) {
      return NULL;
   }
   for (size_t i = 0; i < length;) {
      uint32_t code = 0;
      size_t bytes = nc_text_decode(text + i, length - i, &code);
      memcpy(valid + n, bytes > 0 ? text + i : REPLACEMENT, bytes > 0 ? bytes : strlen(REPLACEMENT));
      n += bytes > 0 ? bytes : strlen(REPLACEMENT);
      i += bytes > 0 ? bytes : 1;
   }
   value = json_stringn(valid, n);
   free(valid);
   return value;
}

json_t *idea_field_text(const struct idea_builder *b, const char *field)
{
   size_t length = 0;
   const char *text = alert_string(b->alert, field, &length);
   return idea_string(text != NULL ? text : "", length);
}

void idea_text(struct idea_builder *b, json_t *object, const char *key, const char *text)
{
   idea_put(b, object, key, idea_string(text, strlen(text)));
}

void idea_textf(struct idea_builder *b, json_t *object, const char *key, const char *format, ...)
{
   va_list arguments;
   char *text = NULL;
   va_start(arguments, format);
   int n = vasprintf(&text, format, arguments);
   va_end(arguments);
   idea_put(b, object, key, n >= 0 ? idea_string(text, (size_t) n) : NULL);
   if (n >= 0) {
      free(text);
   }
}

void idea_number(struct idea_builder *b, json_t *object, const char *key, uint64_t n)
{
   idea_put(b, object, key, json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t) n));
}

void idea_count(struct idea_builder *b, json_t *object, const char *key, const char *field)
{
   idea_number(b, object, key, alert_number(b->alert, field));
}

void idea_words(struct idea_builder *b, json_t *object, const char *key, const char *words)
{
   json_t *list = *words != 0 ? idea_put(b, object, key, json_array()) : NULL;
   while (*words != 0) {
      size_t n = strcspn(words, " ");
      idea_append(b, list, idea_string(words, n));
      words += n + strspn(words + n, " ");
   }
}

/* --------------------------------------------------------------------- times */

/* The last second of the year 9999, beyond which RFC 3339 has no text. */
#define LAST_SECOND 253402300799

void idea_seconds(struct idea_builder *b, const char *key, int64_t seconds)
{
   char text[64];
   struct tm tm;
   time_t t = seconds < 0 ? 0 : seconds > LAST_SECOND ? LAST_SECOND : (time_t) seconds;
   strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
   idea_text(b, b->root, key, text);
}

void idea_time(struct idea_builder *b, const char *key, const char *field)
{
   idea_seconds(b, key, ur_time_get_sec(alert_time(b->alert, field)));
}

void idea_times(struct idea_builder *b, const char *keys, const char *first, const char *last)
{
   for (; *keys != 0; keys++) {
      const char *key = *keys == 'E' ? "EventTime" : *keys == 'C' ? "CeaseTime" : "DetectTime";
      idea_time(b, key, *keys == 'E' ? first : last);
   }
}

/* ---------------------------------------------------------------- both ends */

char *idea_ip_text(const ip_addr_t *ip, char text[INET6_ADDRSTRLEN])
{
   ip_to_str(ip, text);
   return text;
}

void idea_ip(struct idea_builder *b, json_t *object, const ip_addr_t *ip)
{
   char text[INET6_ADDRSTRLEN];
   const char *key = ip_is4(ip) ? "IP4" : "IP6";
   json_t *list = json_object_get(object, key);
   list = list != NULL ? list : idea_put(b, object, key, json_array());
   idea_append(b, list, json_string(idea_ip_text(ip, text)));
}

void idea_ip_of(struct idea_builder *b, json_t *object, const char *field)
{
   ip_addr_t ip = alert_ip(b->alert, field);
   idea_ip(b, object, &ip);
}

json_t *idea_end(struct idea_builder *b, const char *list)
{
   json_t *ends = json_object_get(b->root, list);
   ends = ends != NULL ? ends : idea_put(b, b->root, list, json_array());
   return idea_append(b, ends, json_object());
}

json_t *idea_node(struct idea_builder *b, const char *software, const char *type)
{
   const char *name = b->options->node != NULL ? b->options->node : IDEA_NODE_DEFAULT;
   json_t *node = idea_end(b, "Node");
   idea_text(b, node, "Name", name);
   json_t *list = idea_put(b, node, "SW", json_array());
   idea_append(b, list, json_string("Nemea"));
   idea_append(b, list, idea_string(software, strlen(software)));
   idea_words(b, node, "Type", type);
   return node;
}

/* A random UUID (RFC 4122, version 4). */
static void set_id(struct idea_builder *b)
{
   uint8_t r[16];
   if (getrandom(r, sizeof(r), 0) != (ssize_t) sizeof(r)) {
      b->failed = true;
      return;
   }
   r[6] = (uint8_t) ((r[6] & 0x0f) | 0x40);
   r[8] = (uint8_t) ((r[8] & 0x3f) | 0x80);
   char text[40];
   snprintf(text, sizeof(text), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0],
            r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
   idea_text(b, b->root, "ID", text);
}

void idea_format(struct idea_builder *b)
{
   idea_text(b, b->root, "Format", "IDEA0");
   set_id(b);
}

void idea_begin(struct idea_builder *b)
{
   idea_format(b);
   idea_seconds(b, "CreateTime", b->now);
}

/* --------------------------------------------------------------------- names */

const char *idea_protocol(uint64_t number)
{
   switch (number) {
   case 1: return "icmp";
   case 6: return "tcp";
   case 17: return "udp";
   case 58: return "ipv6-icmp";
   default: return NULL;
   }
}

/* A table of our own: what is reported must not depend on the services file of the machine. Names are those of Debian's, but for 2179 and
 * 5900, which reporters have always named so. */
const char *idea_service(uint64_t port)
{
   static const struct {
      uint16_t port;
      const char *name;
   } services[] = {
       {1, "tcpmux"},  {20, "ftp-data"},      {21, "ftp"},           {22, "ssh"},
       {23, "telnet"}, {25, "smtp"},          {53, "domain"},        {69, "tftp"},
       {80, "http"},   {88, "kerberos"},      {110, "pop3"},         {111, "sunrpc"},
       {119, "nntp"},  {123, "ntp"},          {135, "epmap"},        {139, "netbios-ssn"},
       {143, "imap2"}, {161, "snmp"},         {179, "bgp"},          {389, "ldap"},
       {443, "https"}, {445, "microsoft-ds"}, {465, "submissions"},  {512, "exec"},
       {513, "login"}, {514, "shell"},        {587, "submission"},   {636, "ldaps"},
       {873, "rsync"}, {990, "ftps"},         {992, "telnets"},      {993, "imaps"},
       {995, "pop3s"}, {1080, "socks"},       {1433, "ms-sql-s"},    {1812, "radius"},
       {2049, "nfs"},  {2179, "vmrdp"},       {3306, "mysql"},       {3389, "ms-wbt-server"},
       {5060, "sip"},  {5061, "sip-tls"},     {5222, "xmpp-client"}, {5432, "postgresql"},
       {5900, "vnc"},  {6379, "redis"},       {8080, "http-alt"},    {11211, "memcached"},
   };
   for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
      if (services[i].port == port) {
         return services[i].name;
      }
   }
   return NULL;
}

/* ------------------------------------------------------------------- messages */

static const struct idea_options no_options;

json_t *idea_of_alert(const struct idea_reporter *r, const struct alert *a, const struct idea_options *o,
                      enum idea_result *result)
{
   enum idea_result ignored;
   struct idea_builder b = {
       .reporter = r, .alert = a, .options = o != NULL ? o : &no_options, .root = json_object()};
   result = result != NULL ? result : &ignored;
   b.now = b.options->now != 0 ? b.options->now : (int64_t) time(NULL);
   *result = a->json != NULL && !json_is_object(a->json) ? IDEA_INVALID : r->build(&b);
   if (*result == IDEA_OK && b.failed) {
      *result = IDEA_MEMORY;
   }
   if (*result != IDEA_OK) {
      json_decref(b.root);
      return NULL;
   }
   return b.root;
}
