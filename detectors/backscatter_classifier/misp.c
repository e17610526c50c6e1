/* SPDX-License-Identifier: BSD-3-Clause */
/** Events in the JSON of MISP (https://www.misp-standard.org), with the objects "ddos" and "organization". */
#include "classifier.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#define TCP 6

static const struct templates builtin = {
    .ddos = {"e2f124d6-f57c-4f93-99e6-8450545fa05d", "network", 5},
    .organization = {"f750e12b-127a-432c-b022-b3f9153c4e2a", "misc", 3},
};

/* A text of a template that can be written into an event as it is. */
static bool take_text(const json_t *object, const char *key, char *to, size_t size)
{
   const char *text = json_string_value(json_object_get(object, key));
   if (text == NULL || *text == 0 || strlen(text) >= size) {
      return false;
   }
   memcpy(to, text, strlen(text) + 1);
   return true;
}

static int load(nm_module_t *m, const char *directory, const char *name, struct template_id *to)
{
   char path[4096];
   json_error_t error;
   if (snprintf(path, sizeof(path), "%s/%s/definition.json", directory, name) >= (int) sizeof(path)) {
      return nm_fail_status(m, 3, "--misp_templates_dir: the path is too long");
   }
   json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
   if (object == NULL) {
      return nm_fail_status(m, 3, "--misp_templates_dir: %s: %s", path, error.text);
   }
   json_int_t version = json_integer_value(json_object_get(object, "version"));
   bool good = take_text(object, "uuid", to->uuid, sizeof(to->uuid)) &&
               take_text(object, "meta-category", to->category, sizeof(to->category)) && version >= 1 &&
               version <= 1000000;
   to->version = (unsigned) version;
   json_decref(object);
   return good ? NM_OK
               : nm_fail_status(
                     m, 3, "--misp_templates_dir: %s: expected \"uuid\", \"meta-category\" and \"version\"",
                     path);
}

int templates_load(nm_module_t *m, const char *directory, struct templates *to)
{
   *to = builtin;
   if (directory == NULL) {
      return NM_OK;
   }
   int rc = load(m, directory, "ddos", &to->ddos);
   return rc == NM_OK ? load(m, directory, "organization", &to->organization) : rc;
}

static void raw(nc_json_t *to, const char *text)
{
   nc_json_raw(to, text, strlen(text));
}

/* "key": "value" */
static void put(nc_json_t *to, const char *key, const char *value)
{
   raw(to, key);
   nc_json_string(to, value, strlen(value));
}

static void put_number(nc_json_t *to, const char *key, uint64_t value)
{
   char text[24];
   snprintf(text, sizeof(text), "%" PRIu64, value);
   put(to, key, text);
}

static void put_time(nc_json_t *to, const char *key, bool date, uint32_t seconds)
{
   char text[40] = "";
   struct tm tm;
   time_t time = (time_t) seconds;
   gmtime_r(&time, &tm);
   if (date) {
      strftime(text, sizeof(text), "%Y-%m-%d", &tm);
   } else {
      strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+00:00", &tm);
   }
   put(to, key, text);
}

static void put_attribute(nc_json_t *to, const char *relation, const char *type, const char *value,
                          bool first)
{
   raw(to, first ? "" : ", ");
   put(to, "{\"object_relation\": ", relation);
   put(to, ", \"type\": ", type);
   put(to, ", \"value\": ", value);
   raw(to, "}");
}

static void put_object(nc_json_t *to, const char *name, const struct template_id *id)
{
   put(to, "{\"name\": ", name);
   put(to, ", \"meta-category\": ", id->category);
   put(to, ", \"template_uuid\": ", id->uuid);
   put_number(to, ", \"template_version\": ", id->version);
   raw(to, ", \"Attribute\": [");
}

static void put_attribute_time(nc_json_t *to, const char *relation, uint32_t seconds)
{
   put(to, ", {\"object_relation\": ", relation);
   put_time(to, ", \"type\": \"datetime\", \"value\": ", false, seconds);
   raw(to, "}");
}

static void put_counter(nc_json_t *to, const char *relation, double value)
{
   char text[32];
   snprintf(text, sizeof(text), "%.0f", value);
   put_attribute(to, relation, "counter", text, false);
}

static void put_ddos(nc_json_t *to, const struct victim *v, const struct template_id *id)
{
   char text[512], address[INET6_ADDRSTRLEN];
   ip_to_str(&v->address, address);
   put_object(to, "ddos", id);
   put_attribute(to, "ip-dst", "ip-dst", address, true);
   if (v->host[0] != 0) {
      put_attribute(to, "domain-dst", "domain", v->host, false);
   }
   if (v->port != 0) {
      snprintf(text, sizeof(text), "%u", v->port);
      put_attribute(to, "dst-port", "port", text, false);
   }
   /* Answers of ICMP do not say what they answer. */
   put_attribute(to, "protocol", "text", v->protocol == TCP ? "TCP" : "IP", false);
   put_attribute_time(to, "first-seen", v->first);
   put_attribute_time(to, "last-seen", v->last);
   if (v->pps > 0) {
      put_counter(to, "total-pps", v->pps);
      put_counter(to, "total-bps", v->bps);
   }
   snprintf(
       text, sizeof(text),
       "Seen by the answers of the victim to forged addresses (backscatter): %" PRIu64 " flows, %" PRIu64
       " packets. Rates are estimated from the share of all addresses that is watched. Probability %.4f.",
       v->flows, v->packets, v->probability);
   put_attribute(to, "text", "text", text, false);
   raw(to, "]}");
}

static void put_organization(nc_json_t *to, const struct victim *v, const struct template_id *id)
{
   char text[2 * NAME_SIZE + 4];
   if (v->organisation[0] == 0) {
      return;
   }
   raw(to, ", ");
   put_object(to, "organization", id);
   put_attribute(to, "name", "text", v->organisation, true);
   put_attribute(to, "role", "text", "Victim", false);
   if (v->asn != 0) {
      snprintf(text, sizeof(text), "AS%u", v->asn);
      put_attribute(to, "alias", "text", text, false);
   }
   if (v->country[0] != 0) {
      snprintf(text, sizeof(text), "%s%s%s", v->city, v->city[0] != 0 ? ", " : "", v->country);
      put_attribute(to, "address", "text", text, false);
   }
   raw(to, "]}");
}

void misp_event(nc_json_t *to, const struct victim *v, const struct templates *templates)
{
   char text[NAME_SIZE + 96], address[INET6_ADDRSTRLEN];
   ip_to_str(&v->address, address);
   snprintf(text, sizeof(text), "DDoS attack with forged sources on %s%s%s", address,
            v->host[0] != 0 ? " " : "", v->host);
   nc_json_clear(to);
   put(to, "{\"Event\": {\"uuid\": ", v->uuid);
   put(to, ", \"info\": ", text);
   put_time(to, ", \"date\": ", true, v->first);
   raw(to, ", \"threat_level_id\": \"2\", \"analysis\": \"2\", \"distribution\": \"0\", \"published\": "
           "false, \"Tag\": ["
           "{\"name\": \"rsit:availability=\\\"ddos\\\"\"}, {\"name\": "
           "\"ddos:type=\\\"flooding-attack\\\"\"}], \"Object\": [");
   put_ddos(to, v, &templates->ddos);
   put_organization(to, v, &templates->organization);
   raw(to, "]}}");
}
