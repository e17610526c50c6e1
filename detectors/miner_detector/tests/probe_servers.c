/* SPDX-License-Identifier: BSD-3-Clause */
/** Asks servers whether they are mining pools: probe_servers CONNECT_MS READ_MS INTERVAL_MS ADDRESS:PORT... Prints a line for each. */
#include "../miner.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
   static const char *const words[] = {
       [PROBE_POOL] = "pool", [PROBE_OTHER] = "other", [PROBE_FAILED] = "failed"};
   struct pool pool;
   enum probe_result result;
   if (argc < 5) {
      return 2;
   }
   struct probe_config config = {(uint32_t) atoi(argv[1]), (uint32_t) atoi(argv[2]),
                                 (uint32_t) atoi(argv[3])};
   struct probe *p = probe_new(&config);
   for (int i = 4; p != NULL && i < argc; i++) {
      if (!pool_parse(argv[i], strlen(argv[i]), &pool) || !probe_ask(p, &pool)) {
         return 2;
      }
   }
   for (int i = 4; p != NULL && i < argc; i++) {
      while (!probe_next(p, &pool, &result)) {
         poll(NULL, 0, 5);
      }
      printf("%u %s\n", pool.port, words[result]);
      fflush(stdout);
   }
   probe_free(p);
   return p != NULL ? 0 : 1;
}
