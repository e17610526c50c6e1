/* SPDX-License-Identifier: BSD-3-Clause */
#include "networks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NETWORKS 100000
#define LIST_FIRST   64 /* networks that there is room for at first */
#define LINE_SIZE    256

struct networks {
   ipps_context_t *search;
   uint32_t count;
   uint64_t addresses; /* of IPv4 */
};

static const char *const cesnet[] = {
    "146.102.0.0/16", "147.228.0.0/14",  "147.251.0.0/16",  "147.32.0.0/15",   "158.194.0.0/16",
    "158.196.0.0/16", "160.216.0.0/15",  "193.84.116.0/23", "193.84.160.0/20", "193.84.192.0/19",
    "193.84.32.0/20", "193.84.53.0/24",  "193.84.55.0/24",  "193.84.56.0/21",  "193.84.80.0/22",
    "195.113.0.0/16", "195.178.64.0/19", "78.128.128.0/17",
};

static const char *const private[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"};

#define MAX_BUILT_IN 32

bool networks_parse(char *text, ipps_network_t *network)
{
   char *slash = strchr(text, '/'), *end = NULL;
   if (slash != NULL) {
      *slash = 0;
   }
   if (!ip_from_str(text, &network->addr)) {
      return false;
   }
   uint32_t most = ip_is4(&network->addr) ? 32 : 128;
   errno = 0;
   unsigned long length = slash != NULL ? strtoul(slash + 1, &end, 10) : most;
   if (slash != NULL && (slash[1] < '0' || slash[1] > '9' || *end != 0 || errno != 0)) {
      return false;
   }
   network->mask = (uint32_t) length;
   return length <= most;
}

/* By their first address, the largest of several first. */
static int by_address(const void *one, const void *other)
{
   const ipps_network_t *a = one, *b = other;
   uint32_t first = ip_get_v4_as_int(&a->addr), second = ip_get_v4_as_int(&b->addr);
   return first != second ? (first < second ? -1 : 1) : (int) a->mask - (int) b->mask;
}

/* IPv4 addresses of prefixes, which may contain each other; sorts them. */
static uint64_t count_addresses(ipps_network_t *list, uint32_t n)
{
   uint64_t sum = 0, end = 0;
   qsort(list, n, sizeof(*list), by_address);
   for (uint32_t i = 0; i < n; i++) {
      uint64_t size = list[i].mask <= 32 ? UINT64_C(1) << (32 - list[i].mask) : 1;
      uint64_t first = ip_get_v4_as_int(&list[i].addr) & ~(size - 1);
      if (ip_is4(&list[i].addr) && first >= end) {
         sum += size;
         end = first + size;
      }
   }
   return sum;
}

static networks_t *make(ipps_network_t *list, uint32_t n)
{
   networks_t *networks = calloc(1, sizeof(*networks));
   if (networks == NULL) {
      return NULL;
   }
   networks->count = n;
   networks->addresses = count_addresses(list, n);
   networks->search = ipps_init(&(ipps_network_list_t){.net_count = n, .networks = list});
   if (networks->search == NULL) {
      free(networks);
      return NULL;
   }
   return networks;
}

static networks_t *built_in(const char *const prefixes[], uint32_t n)
{
   static char found[1] = {1};
   ipps_network_t list[MAX_BUILT_IN];
   for (uint32_t i = 0; i < n; i++) {
      char text[LINE_SIZE];
      snprintf(text, sizeof(text), "%s", prefixes[i]);
      networks_parse(text, &list[i]);
      list[i].data = found;
      list[i].data_len = sizeof(found);
   }
   return make(list, n);
}

networks_t *networks_cesnet(void)
{
   return built_in(cesnet, sizeof(cesnet) / sizeof(cesnet[0]));
}

networks_t *networks_private(void)
{
   return built_in(private, sizeof(private) / sizeof(private[0]));
}

/* Without the comment and the blanks around it. */
static char *trim(char *line)
{
   line[strcspn(line, "#\r\n")] = 0;
   line += strspn(line, " \t");
   for (size_t n = strlen(line); n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'); n--) {
      line[n - 1] = 0;
   }
   return line;
}

/* Room for network number n. \return false, with the reason */
static bool make_room(ipps_network_t **list, int64_t n, unsigned line, char *error)
{
   if (n == MAX_NETWORKS) {
      snprintf(error, NETWORKS_ERROR, "line %u: more than %d networks", line, MAX_NETWORKS);
      return false;
   }
   if (n != 0 && (n < LIST_FIRST || (n & (n - 1)) != 0)) {
      return true;
   }
   ipps_network_t *larger = realloc(*list, (size_t) (n == 0 ? LIST_FIRST : 2 * n) * sizeof(**list));
   if (larger == NULL) {
      snprintf(error, NETWORKS_ERROR, "no memory");
      return false;
   }
   *list = larger;
   return true;
}

/* All prefixes of a file. \return their number; -1 with the reason */
static int64_t read_list(FILE *file, ipps_network_t **list, char *error)
{
   static char found[1] = {1};
   char line[LINE_SIZE];
   int64_t n = 0;
   for (unsigned number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
      bool whole = strchr(line, '\n') != NULL || feof(file);
      char *text = trim(line), shown[64];
      snprintf(shown, sizeof(shown), "%s", text);
      if (*text == 0 && whole) {
         continue;
      }
      if (!make_room(list, n, number, error)) {
         return -1;
      }
      if (!whole || !networks_parse(text, &(*list)[n])) {
         snprintf(error, NETWORKS_ERROR, "line %u: '%s', expected ADDRESS/LENGTH", number, shown);
         return -1;
      }
      (*list)[n].data = found;
      (*list)[n].data_len = sizeof(found);
      n++;
   }
   if (ferror(file)) {
      snprintf(error, NETWORKS_ERROR, "%s", strerror(errno));
      return -1;
   }
   if (n == 0) {
      snprintf(error, NETWORKS_ERROR, "no network, expected ADDRESS/LENGTH in a line");
      return -1;
   }
   return n;
}

networks_t *networks_read(FILE *file, char *error)
{
   ipps_network_t *list = NULL;
   int64_t n = read_list(file, &list, error);
   networks_t *networks = n > 0 ? make(list, (uint32_t) n) : NULL;
   if (networks == NULL && n > 0) {
      snprintf(error, NETWORKS_ERROR, "no memory");
   }
   free(list);
   return networks;
}

void networks_free(networks_t *networks)
{
   if (networks != NULL) {
      ipps_destroy(networks->search);
      free(networks);
   }
}

bool networks_contain(const networks_t *networks, const ip_addr_t *ip)
{
   void **data;
   ip_addr_t copy;
   memcpy(&copy, ip, sizeof(copy)); /* may stand anywhere in a record */
   return ipps_search(&copy, networks->search, &data) > 0;
}

uint32_t networks_count(const networks_t *networks)
{
   return networks->count;
}

uint64_t networks_addresses(const networks_t *networks)
{
   return networks->addresses;
}
