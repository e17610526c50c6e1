/* SPDX-License-Identifier: BSD-3-Clause */
/** IDEA messages of alerts that are JSON: those of aggregators, and those that are messages already. */
#include "idea_build.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define MINUTES_A_DAY 1440
#define POOL_LIST     "http://smashed.fit.vutbr.cz:8080/miningProp/json"

static json_t *member(const struct idea_builder *b, const char *key)
{
   return json_object_get(b->alert->json, key);
}

/* A time in seconds, with a fraction that is cut. */
static void put_seconds(struct idea_builder *b, const char *key, const char *name)
{
   idea_seconds(b, key, ur_time_get_sec(alert_time(b->alert, name)));
}

/* Adds a text to IP4 or IP6. \return false: it is no address */
static bool put_ip(struct idea_builder *b, json_t *end, const char *text)
{
   ip_addr_t ip;
   if (text == NULL || ip_from_str(text, &ip) == 0) {
      return false;
   }
   idea_ip(b, end, &ip);
   return true;
}

/* The same of all texts of a list, or of one; what is no address is left out. */
static void put_ips(struct idea_builder *b, json_t *end, const json_t *list)
{
   if (!json_is_array(list)) {
      put_ip(b, end, json_string_value(list));
   }
   for (size_t i = 0; i < json_array_size(list); i++) {
      put_ip(b, end, json_string_value(json_array_get(list, i)));
   }
}

static void put_ports(struct idea_builder *b, json_t *end, const json_t *list)
{
   json_t *ports = NULL;
   for (size_t i = 0; i < json_array_size(list); i++) {
      const json_t *port = json_array_get(list, i);
      if (json_is_integer(port) && json_integer_value(port) >= 0 && json_integer_value(port) <= UINT16_MAX) {
         ports = ports != NULL ? ports : idea_put(b, end, "Port", json_array());
         idea_append(b, ports, json_integer(json_integer_value(port)));
      }
   }
}

/* Minutes as "HH:MM:00" or "nDHH:MM:00". */
static void put_window(struct idea_builder *b, json_t *node)
{
   uint64_t minutes = alert_number(b->alert, "agg_win_minutes");
   uint64_t days = minutes / MINUTES_A_DAY, rest = minutes % MINUTES_A_DAY;
   char day[32] = "";
   if (days > 0) {
      snprintf(day, sizeof(day), "%" PRIu64 "D", days);
   }
   idea_textf(b, node, "AggrWin", "%s%02u:%02u:00", day, (unsigned) rest / 60, (unsigned) rest % 60);
}

static void put_node(struct idea_builder *b, const char *software, bool blacklist)
{
   json_t *node = idea_node(b, software, "");
   if (blacklist) {
      put_window(b, node);
      idea_words(b, node, "Type", "Flow Blacklist");
   } else {
      idea_words(b, node, "Type", "Flow Statistical");
      idea_text(b, node, "AggrWin", b->options->window != NULL ? b->options->window : IDEA_WINDOW_DEFAULT);
   }
}

static void begin_blacklist(struct idea_builder *b, const char *category)
{
   idea_append(b, idea_put(b, b->root, "Category", json_array()), idea_string(category, strlen(category)));
   idea_begin(b);
   put_seconds(b, "EventTime", "ts_first");
   put_seconds(b, "DetectTime", "ts_last");
   put_seconds(b, "CeaseTime", "ts_last");
}

/* --------------------------------------------------------------------- blacklists */

/* Types of the listed side, and of the other one when it answered. */
static const struct types {
   const char *category, *listed, *other;
} types[] = {{"Intrusion.Botnet", "CC Botnet", "Botnet"},
             {"Suspicious.Miner", "PoolServer", "Miner"},
             {"Suspicious.Booter", "Booter", ""},
             {"Fraud.Phishing", "Phishing", ""},
             {"", NULL, ""}};

static const struct types *types_of(const char *category)
{
   const struct types *t = types;
   while (t->listed != NULL && strcmp(t->category, category) != 0) {
      t++;
   }
   return t;
}

/* The n-th list that the alert names. The alert has a bit for each. */
static const struct idea_blacklist *list_of(const struct idea_builder *b, bool names, unsigned nth)
{
   uint64_t bits = alert_number(b->alert, "blacklist_id");
   for (size_t i = 0; i < b->options->n_blacklists; i++) {
      const struct idea_blacklist *l = &b->options->blacklists[i];
      if (l->names == names && l->id >= 1 && l->id <= IDEA_BLACKLIST_LISTS &&
          (bits >> (l->id - 1) & 1) != 0 && nth-- == 0) {
         return l;
      }
   }
   return NULL;
}

static bool has_names(const struct idea_builder *b)
{
   const char *type = json_string_value(member(b, "type"));
   return type == NULL || strcmp(type, "ip") != 0;
}

static void put_counts(struct idea_builder *b, json_t *end, const char *direction, const char *side)
{
   static const struct {
      const char *key, *name;
   } all[] = {{"FlowCount", "flows"}, {"ByteCount", "bytes"}, {"PacketCount", "packets"}};
   char key[32], name[32];
   for (unsigned i = 0; i < 3; i++) {
      snprintf(name, sizeof(name), "%s_sent_%s", side, all[i].name);
      snprintf(key, sizeof(key), "%s%s", direction, all[i].key);
      idea_count(b, end, key, name);
   }
}

static void put_protocol(struct idea_builder *b, json_t *end)
{
   const char *protocol = idea_protocol(alert_number(b->alert, "protocol"));
   idea_words(b, end, "Proto", protocol != NULL ? protocol : "");
}

static void put_listed(struct idea_builder *b, bool names, const struct types *t)
{
   uint64_t protocol = alert_number(b->alert, "protocol");
   json_t *end = idea_end(b, "Source");
   put_protocol(b, end);
   put_ips(b, end, member(b, names ? "source_ip" : "source"));
   if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) {
      put_ports(b, end, member(b, "source_ports"));
   }
   if (names) {
      json_t *list =
          idea_put(b, end, json_is_true(member(b, "is_only_fqdn")) ? "Hostname" : "URL", json_array());
      idea_append(b, list, idea_field_text(b, "source_url"));
      idea_words(b, end, "Type", t->listed != NULL ? t->listed : "OriginBlacklist");
   } else if (alert_number(b->alert, "src_sent_flows") > 0) {
      put_counts(b, end, "Out", "src");
   }
   if (alert_number(b->alert, "tgt_sent_flows") > 0) {
      put_counts(b, end, "In", "tgt");
   }
   if (!names && t->listed != NULL) {
      idea_words(b, end, "Type", t->listed);
   }
}

static uint64_t sum(const struct idea_builder *b, const char *one, const char *other)
{
   uint64_t n = alert_number(b->alert, one), m = alert_number(b->alert, other);
   return n > UINT64_MAX - m ? UINT64_MAX : n + m;
}

/* All lists that have the address. */
static void put_lists(struct idea_builder *b, bool names, bool answered)
{
   json_t *refs = idea_put(b, b->root, "Ref", json_array());
   char all[IDEA_TEXT] = "";
   const struct idea_blacklist *l;
   size_t n = 0;
   for (unsigned i = 0; (l = list_of(b, names, i)) != NULL; i++) {
      idea_append(b, refs, idea_string(l->source, strlen(l->source)));
      int more = snprintf(all + n, sizeof(all) - n, "%s%s", i > 0 ? ", " : "", l->name);
      n = (size_t) more < sizeof(all) - n ? n + (size_t) more : sizeof(all) - 1;
   }
   if (answered) {
      idea_textf(b, b->root, "Description", "Suspicious communication with %s listed on %s blacklist",
                 !names                                    ? "IP"
                 : json_is_true(member(b, "is_only_fqdn")) ? "domain name"
                                                           : "URL",
                 all);
   } else {
      idea_text(b, b->root, "Description",
                "Blacklisted IP tried to communicate with host (with no response)");
   }
}

static enum idea_result build_blacklist(struct idea_builder *b)
{
   bool names = has_names(b), answered = alert_number(b->alert, "tgt_sent_flows") > 0;
   const struct idea_blacklist *first = list_of(b, names, 0);
   if (!json_is_object(b->alert->json)) {
      return IDEA_INVALID;
   }
   if (first == NULL) {
      return IDEA_SKIPPED;
   }
   const struct types *t = types_of(first->category);
   begin_blacklist(b, first->category);
   put_listed(b, names, t);
   json_t *other = NULL;
   if (answered) {
      other = idea_end(b, "Source");
      put_protocol(b, other);
      put_ips(b, other, member(b, "targets"));
      idea_words(b, other, "Type", t->other);
   }
   put_node(b, "blacklistfilter", true);
   put_lists(b, names, answered);
   if (!names) {
      idea_number(b, b->root, "FlowCount", sum(b, "src_sent_flows", "tgt_sent_flows"));
      idea_number(b, b->root, "PacketCount", sum(b, "src_sent_packets", "tgt_sent_packets"));
      idea_number(b, b->root, "ByteCount", sum(b, "src_sent_bytes", "tgt_sent_bytes"));
   }
   if (!answered) {
      other = idea_end(b, "Target");
      put_protocol(b, other);
      put_ips(b, other, member(b, "targets"));
   }
   return IDEA_OK;
}

const struct idea_reporter idea_of_blacklist = {.name = "blacklist",
                                                .module = "blacklist",
                                                .detector = "blacklist_aggregator",
                                                .json = "aggregated_blacklist",
                                                .build = build_blacklist};

/* -------------------------------------------------------------------- mining pools */

/* Elements of a list as text, with ", " between them. */
static void join_texts(const json_t *list, char *to, size_t size)
{
   size_t n = 0;
   to[0] = 0;
   for (size_t i = 0; i < json_array_size(list) && n + 1 < size; i++) {
      const json_t *value = json_array_get(list, i);
      const char *comma = n > 0 ? ", " : "";
      int more = json_is_integer(value)
                     ? snprintf(to + n, size - n, "%s%" JSON_INTEGER_FORMAT, comma, json_integer_value(value))
                     : snprintf(to + n, size - n, "%s%s", comma,
                                json_is_string(value) ? json_string_value(value) : "?");
      n = (size_t) more < size - n ? n + (size_t) more : size - 1;
   }
}

static enum idea_result build_smashed(struct idea_builder *b)
{
   char miners[IDEA_TEXT], ports[IDEA_TEXT];
   const char *pool = json_string_value(member(b, "source"));
   ip_addr_t ip;
   if (pool == NULL || ip_from_str(pool, &ip) == 0) {
      return IDEA_INVALID;
   }
   bool guarded = b->options->guarded != NULL && b->options->guarded(b->options->context, &ip);
   join_texts(member(b, "targets"), miners, sizeof(miners));
   join_texts(member(b, "source_ports"), ports, sizeof(ports));
   begin_blacklist(b, "Suspicious.Miner");
   idea_text(b, b->root, "Description",
             "Possible CryptoCurrency mining identified by connection with a mining pool.");
   json_t *end = idea_end(b, "Source");
   put_protocol(b, end);
   idea_text(b, end, "Type", "Miner"); /* no list: rules of today expect a text */
   put_ips(b, end, member(b, "targets"));
   end = idea_end(b, guarded ? "Source" : "Target");
   put_protocol(b, end);
   idea_ip(b, end, &ip);
   idea_text(b, end, "Type", "MiningPool");
   put_node(b, "blacklistfilter", true);
   idea_words(b, b->root, "Ref", POOL_LIST);
   if (guarded) {
      idea_textf(
          b, b->root, "Note",
          "IP %s and port(s) %s is listed as a mining pool server (by sMaSheD list of cryptocurrency mining "
          "pools), and IP %s communicated with this service - possible miner.",
          pool, ports, miners);
   } else {
      idea_textf(b, b->root, "Note",
                 "Detected possible CryptoCurrency mining by IP %s, because of observed communication with "
                 "%s:%s listed "
                 "as a mining pool server (by sMaSheD list of cryptocurrency mining pools).",
                 miners, pool, ports);
   }
   return IDEA_OK;
}

const struct idea_reporter idea_of_smashedblacklist = {.name = "smashedblacklist",
                                                       .module = "smashedblacklist",
                                                       .json = "aggregated_blacklist",
                                                       .build = build_smashed};

/* -------------------------------------------------------------------- vertical scans */

static enum idea_result build_vportscan(struct idea_builder *b)
{
   json_t *targets = member(b, "dst_ips"), *value;
   const char *ip;
   uint64_t flows = 0;
   if (!json_is_object(targets)) {
      return IDEA_INVALID;
   }
   idea_begin(b);
   put_seconds(b, "EventTime", "ts_first");
   put_seconds(b, "CeaseTime", "ts_last");
   put_seconds(b, "DetectTime", "ts_last");
   idea_words(b, b->root, "Category", "Recon.Scanning");
   idea_text(b, b->root, "Description",
             json_object_size(targets) > 1 ? "Block portscan using TCP SYN" : "Vertical scan using TCP SYN");
   json_t *end = idea_end(b, "Source");
   idea_words(b, end, "Proto", "tcp");
   put_ips(b, end, member(b, "src_ip"));
   end = idea_end(b, "Target");
   idea_words(b, end, "Proto", "tcp");
   json_object_foreach(targets, ip, value)
   {
      json_int_t ports = json_integer_value(value);
      put_ip(b, end, ip);
      flows += ports > 0 ? (uint64_t) ports : 0;
   }
   put_node(b, "vportscan_detector", false);
   idea_number(b, b->root, "FlowCount", flows);
   return IDEA_OK;
}

const struct idea_reporter idea_of_vportscan = {.name = "vportscan",
                                                .module = "vportscan",
                                                .detector = "vportscan_aggregator",
                                                .json = "aggregated_portscan",
                                                .build = build_vportscan};

/* ------------------------------------------------------------------- messages as such */

static enum idea_result build_idea(struct idea_builder *b)
{
   const char *name = b->options->node != NULL ? b->options->node : IDEA_NODE_DEFAULT;
   if (!json_is_object(b->alert->json)) {
      return IDEA_INVALID;
   }
   b->failed |= json_object_update(b->root, (json_t *) (uintptr_t) b->alert->json) != 0;
   json_t *nodes = json_object_get(b->root, "Node"), *node = json_array_get(nodes, 0);
   json_t *own = json_is_object(node) ? json_copy(node) : json_object();
   json_t *list = json_is_array(nodes) ? json_copy(nodes) : json_array();
   idea_text(b, own, "Name", name);
   /* Copies: the alert is not ours to change. */
   b->failed |=
       (json_array_size(list) > 0 ? json_array_set_new(list, 0, own) : json_array_append_new(list, own)) != 0;
   idea_put(b, b->root, "Node", list);
   return IDEA_OK;
}

const struct idea_reporter idea_of_idea2idea = {
    .name = "idea", .module = "idea2idea", .json = "IDEA", .build = build_idea};
