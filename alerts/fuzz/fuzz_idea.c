/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: alerts become IDEA messages.
 *
 * The first octet chooses the reporter. Its first bit that is set makes the rest a JSON text, else it is a record of the reporter's
 * fields, which is read when it passes the check at the border. A JSON text is read as an event, too.
 */
#include <jansson.h>
#include <nemea/idea.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REPORTERS 32
#define IS_JSON       0x80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ur_layout_t *layouts[MAX_REPORTERS];
static unsigned n_reporters;

static void learn(void)
{
   for (; idea_reporters[n_reporters] != NULL && n_reporters < MAX_REPORTERS; n_reporters++) {
      const char *fields = idea_reporters[n_reporters]->fields;
      layouts[n_reporters] = fields != NULL ? ur_layout_create(fields) : NULL;
   }
}

static bool is_guarded(const void *context, const ip_addr_t *ip)
{
   (void) context;
   return ip_is4(ip);
}

/* What any message must be: JSON that can be written, with a name of its sender and an end that is an address. */
static void check(json_t *message)
{
   char *text = json_dumps(message, 0);
   const json_t *node = json_array_get(json_object_get(message, "Node"), 0);
   const char *name = json_string_value(json_object_get(node, "Name"));
   if (text == NULL || name == NULL || strcmp(name, "org.example.fuzz") != 0) {
      abort();
   }
   free(text);
   json_decref(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const struct idea_blacklist lists[] = {
       {.id = 1, .name = "a", .category = "Intrusion.Botnet", .source = "https://bl.example/a"},
       {.id = 64, .name = "b", .category = "Other", .source = "https://bl.example/b"},
       {.names = true, .id = 1, .name = "c", .category = "Fraud.Phishing", .source = "https://bl.example/c"}};
   static const struct idea_options options = {.node = "org.example.fuzz",
                                               .now = 1,
                                               .blacklists = lists,
                                               .n_blacklists = sizeof(lists) / sizeof(lists[0]),
                                               .guarded = is_guarded};
   if (n_reporters == 0) {
      learn();
   }
   if (size == 0) {
      return 0;
   }
   const unsigned i = (data[0] & ~(unsigned) IS_JSON) % n_reporters;
   const bool is_json = (data[0] & IS_JSON) != 0 || layouts[i] == NULL;
   struct alert a = {.layout = layouts[i]};
   json_t *json = NULL;
   size--;
   void *copy = malloc(size + 1); /* of its own, so that a read beyond its end is seen */
   if (copy == NULL) {
      abort();
   }
   memcpy(copy, data + 1, size);
   if (is_json) {
      a.json = json = json_loadb(copy, size, 0, NULL);
   } else if (ur_layout_check(a.layout, copy, (uint32_t) size)) {
      a.rec = copy;
   }
   enum idea_result result;
   json_t *message =
       a.json != NULL || a.rec != NULL ? idea_of_alert(idea_reporters[i], &a, &options, &result) : NULL;
   if (message != NULL) {
      check(message);
   }
   message = json != NULL ? idea_of_event_json(json, &options, &result) : NULL;
   if (message != NULL) {
      check(message);
   }
   json_decref(json);
   free(copy);
   return 0;
}
