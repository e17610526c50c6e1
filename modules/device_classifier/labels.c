/* SPDX-License-Identifier: BSD-3-Clause */
#include "labels.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "networks.h"

#define LINE_SIZE    256
#define MOST_LESSONS 1000000u

bool label_is_valid(const char *name)
{
   size_t n = strlen(name);
   for (size_t i = 0; i < n; i++) {
      if (!isalnum((unsigned char) name[i]) && strchr("_-./", name[i]) == NULL) {
         return false;
      }
   }
   return n > 0 && n < LABEL_SIZE;
}

/* The next line that says something, without blanks around it. \return 1; 0: no more; -1: it is too long */
static int next_line(const char **at, const char *end, unsigned *number, char line[LINE_SIZE])
{
   while (*at < end) {
      const char *newline = memchr(*at, '\n', (size_t) (end - *at));
      const char *stop = newline != NULL ? newline : end, *start = *at;
      *at = newline != NULL ? newline + 1 : end;
      ++*number;
      const char *comment = memchr(start, '#', (size_t) (stop - start));
      stop = comment != NULL ? comment : stop;
      while (stop > start && isspace((unsigned char) stop[-1])) {
         stop--;
      }
      while (start < stop && isspace((unsigned char) *start)) {
         start++;
      }
      size_t n = (size_t) (stop - start);
      if (n >= LINE_SIZE || memchr(start, 0, n) != NULL) {
         return -1;
      }
      memcpy(line, start, n);
      line[n] = 0;
      if (n > 0) {
         return 1;
      }
   }
   return 0;
}

/* -------------------------------------------------------------------- models.list */

unsigned labels_find(const struct labels *l, const char *name)
{
   unsigned i = 0;
   while (i < l->n && strcmp(l->list[i].name, name) != 0) {
      i++;
   }
   return i;
}

unsigned labels_find_id(const struct labels *l, unsigned id)
{
   unsigned i = 0;
   while (i < l->n && l->list[i].id != id) {
      i++;
   }
   return i;
}

static void set(struct label *label, unsigned id, const char *name)
{
   label->id = id;
   snprintf(label->name, sizeof(label->name), "%.*s", (int) LABEL_SIZE - 1, name);
}

bool labels_add(struct labels *l, const char *name)
{
   unsigned id = 0;
   for (unsigned i = 0; i < l->n; i++) {
      id = l->list[i].id >= id ? l->list[i].id + 1 : id;
   }
   if (l->n == MOST_LABELS || id > MOST_ID) {
      return false;
   }
   set(&l->list[l->n++], id, name);
   return true;
}

/* "ID:LABEL" */
static bool take_label(struct labels *l, char *line, char *name, char *why)
{
   char *end;
   unsigned long id = strtoul(line, &end, 10);
   if (!isdigit((unsigned char) *line) || *end != 0 || id > MOST_ID) {
      snprintf(why, LABELS_WHY, "\"%.40s\" is no id, expected 0 to %u", line, MOST_ID);
   } else if (labels_find_id(l, (unsigned) id) < l->n || labels_find(l, name) < l->n) {
      snprintf(why, LABELS_WHY, "%lu:%.40s: there is this id or label already", id, name);
   } else if (l->n == MOST_LABELS) {
      snprintf(why, LABELS_WHY, "more than %u labels", MOST_LABELS);
   } else {
      set(&l->list[l->n++], (unsigned) id, name);
      return true;
   }
   return false;
}

/* "@PREFIX:LABEL" */
static bool take_network(ipps_network_t **list, uint32_t *n, char *line, char *name, char *why)
{
   if (*n == MOST_RESERVED) {
      snprintf(why, LABELS_WHY, "more than %u networks", MOST_RESERVED);
      return false;
   }
   if (*list == NULL) {
      *list = calloc(MOST_RESERVED, sizeof(**list));
   }
   char *copy = *list != NULL ? strdup(name) : NULL;
   if (copy == NULL) {
      snprintf(why, LABELS_WHY, "out of memory");
      return false;
   }
   ipps_network_t *network = &(*list)[*n];
   char shown[64];
   snprintf(shown, sizeof(shown), "%.63s", line + 1);
   network->data = copy;
   network->data_len = strlen(copy) + 1;
   ++*n;
   if (!networks_parse(line + 1, network)) {
      snprintf(why, LABELS_WHY, "\"%s\" is no network, expected ADDRESS/LENGTH", shown);
      return false;
   }
   return true;
}

static bool take_line(struct labels *l, ipps_network_t **list, uint32_t *n, char *line, char *why)
{
   char *colon = strrchr(line, ':'); /* an IPv6 prefix has others */
   if (colon == NULL || !label_is_valid(colon + 1)) {
      snprintf(why, LABELS_WHY,
               "\"%.40s\": expected ID:LABEL or @NETWORK:LABEL, a label of up to %u letters, digits and _-./",
               line, LABEL_SIZE - 1);
      return false;
   }
   *colon = 0;
   return *line == '@' ? take_network(list, n, line, colon + 1, why) : take_label(l, line, colon + 1, why);
}

static bool set_networks(struct labels *l, ipps_network_t *list, uint32_t n, char *why)
{
   l->reserved = ipps_init(&(ipps_network_list_t){.net_count = n, .networks = list});
   if (l->reserved == NULL) {
      snprintf(why, LABELS_WHY, "out of memory");
   }
   return l->reserved != NULL;
}

bool labels_read(struct labels *l, const char *text, size_t size, char why[LABELS_WHY])
{
   char line[LINE_SIZE], reason[LABELS_WHY] = "the line is too long";
   const char *end = text + size;
   ipps_network_t *list = NULL;
   uint32_t n = 0;
   unsigned number = 0;
   int got;
   memset(l, 0, sizeof(*l));
   while ((got = next_line(&text, end, &number, line)) == 1 && take_line(l, &list, &n, line, reason)) {
   }
   bool good = got == 0;
   if (!good) {
      snprintf(why, LABELS_WHY, "line %u: %.200s", number, reason);
   } else if (n > 0) {
      good = set_networks(l, list, n, why);
   }
   for (uint32_t i = 0; i < n; i++) {
      free(list[i].data);
   }
   free(list);
   if (!good) {
      labels_clear(l);
   }
   return good;
}

void labels_clear(struct labels *l)
{
   if (l->reserved != NULL) {
      ipps_destroy(l->reserved);
   }
   memset(l, 0, sizeof(*l));
}

const char *labels_reserved(const struct labels *l, const ip_addr_t *ip)
{
   ip_addr_t address = *ip;
   void **data = NULL;
   int n = l->reserved != NULL ? ipps_search(&address, l->reserved, &data) : 0;
   return n > 0 ? data[n - 1] : NULL;
}

/* -------------------------------------------------------------------- lessons */

static int by_address(const void *a, const void *b)
{
   const struct lesson *x = a, *y = b;
   int order = memcmp(&x->ip, &y->ip, sizeof(x->ip));
   return order != 0 ? order : strcmp(x->label, y->label);
}

/* "ADDRESS LABEL" */
static bool take_lesson(struct lesson *to, char *line, char *why)
{
   char *end = line + strcspn(line, " \t"), *name = end + strspn(end, " \t");
   *end = 0;
   if (!ip_from_str(line, &to->ip)) {
      snprintf(why, LABELS_WHY, "\"%.60s\" is no address", line);
      return false;
   }
   if (!label_is_valid(name)) {
      snprintf(why, LABELS_WHY, "\"%.40s\": expected a label of 1 to %u letters, digits and _-./", name,
               LABEL_SIZE - 1);
      return false;
   }
   snprintf(to->label, sizeof(to->label), "%s", name);
   return true;
}

struct lessons *lessons_read(const char *text, size_t size, char why[LABELS_WHY])
{
   char line[LINE_SIZE], reason[LABELS_WHY] = "the line is too long";
   const char *end = text + size;
   struct lessons *l = calloc(1, sizeof(*l));
   size_t room = 0;
   unsigned number = 0;
   int got;
   while ((got = l != NULL ? next_line(&text, end, &number, line) : -1) == 1) {
      if (l->n == room) {
         room = room == 0 ? 64 : 2 * room;
         struct lesson *larger = l->n < MOST_LESSONS ? realloc(l->list, room * sizeof(*larger)) : NULL;
         if (larger == NULL) {
            snprintf(reason, sizeof(reason), "out of memory, or more than %u lines", MOST_LESSONS);
            break;
         }
         l->list = larger;
      }
      memset(&l->list[l->n], 0, sizeof(*l->list));
      if (!take_lesson(&l->list[l->n], line, reason)) {
         break;
      }
      l->n++;
   }
   if (got != 0 || l->n == 0) {
      snprintf(why, LABELS_WHY, "line %u: %.200s", number,
               got == 0 ? "there is no line \"ADDRESS LABEL\"" : reason);
      lessons_free(l);
      return NULL;
   }
   qsort(l->list, l->n, sizeof(*l->list), by_address);
   return l;
}

void lessons_free(struct lessons *l)
{
   if (l != NULL) {
      free(l->list);
      free(l);
   }
}

const struct lesson *lessons_find(const struct lessons *l, const ip_addr_t *ip)
{
   size_t low = 0, high = l->n;
   while (low < high) {
      size_t middle = low + (high - low) / 2;
      if (memcmp(&l->list[middle].ip, ip, sizeof(*ip)) < 0) {
         low = middle + 1;
      } else {
         high = middle;
      }
   }
   return low < l->n && memcmp(&l->list[low].ip, ip, sizeof(*ip)) == 0 ? &l->list[low] : NULL;
}
